"""Figures of the study ``steering``."""


def draw(measures, config):
    return {}
