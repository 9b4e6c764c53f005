"""Colours for ordered lines rise in lightness, by steps that can be seen."""

import numpy as np
from matplotlib.colors import to_rgb

from toylab.report.ramp import ramp


def test_colours_rise_in_lightness():
    light = np.array([to_rgb(colour) for colour in ramp(7)]) @ [0.299, 0.587, 0.114]
    assert (np.diff(light) > 0.05).all()
    assert light[-1] < 0.85


def test_one_colour_is_the_darkest():
    assert ramp(1) == [ramp(5)[0]]
