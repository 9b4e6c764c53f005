"""Two spheres: where a classifier that is nearly always right still errs nearby.

From Gilmer, Metz, Faghri, Schoenholz, Raghu, Wattenberg and Goodfellow.
"""
