"""Phases of two competing circuits: never, immediate, delayed or grokking.

A set counts as learned from the step on from which its loss stays below a threshold; the phase is
the ratio of the two times, test over training.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Float

from . import circuits_theory as theory

FITTED = 0.5  # nats on the training set below which it counts as memorised
GENERALISED = 1.0  # nats on the test set
GROKKING, IMMEDIATE = 10.0, 2.0  # ratio of the two times, at least and at most
PHASES = ("never", "immediate", "delayed", "grokking")


def settling_time(
    step_S: np.ndarray, nats_SP: Float[np.ndarray, "S P"], threshold: float
) -> Float[np.ndarray, " P"]:
    """Return the step from which a loss stays below a threshold; NaN where it does not by the end.

    Interpolated between records, on log scales.
    """
    above = ~(nats_SP <= threshold)  # NaN is above
    last = len(step_S) - 1 - above[::-1].argmax(0)
    before = np.minimum(last, len(step_S) - 2) if len(step_S) > 1 else last
    after = np.minimum(before + 1, len(step_S) - 1)
    pick = lambda index: np.take_along_axis(nats_SP, index[None], 0)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = np.log(pick(before) / pick(after))
        share = np.where(fall > 0, np.log(pick(before) / threshold) / fall, 1.0).clip(0, 1)
        time = np.exp((1 - share) * np.log(step_S[before]) + share * np.log(step_S[after]))
    time = np.where(above.any(0), time, step_S[0])
    return np.where(above[-1], np.nan, time)


class Prediction(NamedTuple):
    """When circuits generalise in theory, and that over the time to fit; NaN where they never do.

    Attributes:
        law: time by the closed law, :func:`toylab.tasks.grokking.theory.circuits_theory.times`.
        law_delay: its ratio to the time to fit.
        integral: time with the slow end of the takeover put in.
        integral_delay: its ratio to the time to fit.
    """

    law: np.ndarray
    law_delay: np.ndarray
    integral: np.ndarray
    integral_delay: np.ndarray


def predict(
    start_g: np.ndarray,
    start_m: np.ndarray,
    P_g: float,
    P_m: np.ndarray,
    kappa: float,
    decay: float,
    n_labels: int,
) -> Prediction:
    """Predict times from the first sub-weights and the norms of C_gen (g) and C_mem (m)."""
    settings = (kappa, decay, n_labels)
    law = theory.times(start_g, start_m, P_m, *settings, FITTED)
    fit = theory.fitting_time(start_m, P_m, *settings, FITTED, start_g)
    late = fit + theory.takeover_time(start_g, start_m, P_g, P_m, *settings, GENERALISED)
    end = theory.nats_on_test(*theory.minimum(P_g, P_m, *settings), n_labels)
    ever = lambda time: np.where(end <= GENERALISED, time, np.nan)
    delays = predicted_delay(law.train, law.test, end), predicted_delay(fit, late, end)
    return Prediction(ever(law.test), delays[0], ever(late), delays[1])


def predicted_delay(train_P: np.ndarray, test_P: np.ndarray, end_P: np.ndarray) -> np.ndarray:
    """Return the ratio of two predicted times; NaN where the minimum's test loss is too high.

    Args:
        train_P: predicted time to fit, infinite where C_mem alone cannot.
        test_P: predicted time to generalise.
        end_P: test loss at the minimum.
    """
    # Where C_mem alone cannot fit, the loss falls on both sets once C_gen is there.
    fits = np.isfinite(train_P)
    delay = np.where(fits, test_P, 1.0) / np.where(fits, train_P, 1.0)
    return np.where((end_P <= GENERALISED) & np.isfinite(delay), delay, np.nan)


def phase(delay_P: np.ndarray) -> pl.Series:
    """Name the phase of each ratio of times; NaN is "never"."""
    conditions = [np.isnan(delay_P), delay_P <= IMMEDIATE, delay_P < GROKKING]
    return pl.Series(np.select(conditions, PHASES[:3], PHASES[3]))
