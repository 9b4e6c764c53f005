"""Whether and when curves change: segments by least squares, a test, and a smooth rival.

Import from here. Three questions, in this order: is there a change at all (:func:`cusum`, which
knows that neighbours are alike), where (:func:`change_points`, and :func:`null_changes` for how
many it finds where there is none), and is it abrupt (:func:`abrupt_or_smooth`, for a smooth S has
no change point, yet any method finds some in it). All take a curve (S,) or curves (..., S), such as
(members, S) of a population. A change of one seed is an anecdote: give the interval of its place
over seeds. For dynamics in the logarithm of time take values on log-spaced steps.
"""

from toylab.stats.change_points.cusum import Cusum, cusum
from toylab.stats.change_points.logistic import Logistic, Shape, abrupt_or_smooth, fit_logistic
from toylab.stats.change_points.null import null_changes
from toylab.stats.change_points.segments import Segments, change_points, noise_level

__all__ = [
    "Cusum",
    "Logistic",
    "Segments",
    "Shape",
    "abrupt_or_smooth",
    "change_points",
    "cusum",
    "fit_logistic",
    "noise_level",
    "null_changes",
]
