"""Dictionaries: do sparse codes find the features that are there, twice, and over time?

From Fel, Lubana, Prince, Rager, Hindupur and co-authors, and Wattenberg & Viegas.
"""
