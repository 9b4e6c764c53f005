"""The language half of the study: a small decoder on three languages."""
