"""One row per network of what its trajectory shows: jumps between levels, stages of an octahedron.

Shapes: P networks, S records, M hidden dimensions, N features.
"""

import jax.numpy as jnp
import numpy as np
import polars as pl

from toylab.stats.survival import crossing_times
from toylab.tasks.superposition.superposition_geometry import feature_dimensionality

from . import dynamics as shape

JUMP = 0.25  # a jump is half the way from one level, 0, to the next, 1/2
CLOSE = 0.05  # distance at which D_i counts as near its end
WINDOW = 0.02  # share of the run a jump may take; the first is left out: all features move
ANTIPODAL = -0.95  # cosine from which two features count as a pair
NEAR = 0.02  # distance at which D_i counts as on a level


def dims(W_MN: np.ndarray) -> np.ndarray:
    """Dimensionality of every feature, (N,)."""
    return np.asarray(feature_dimensionality(jnp.asarray(W_MN, jnp.float32)))


def on_levels(D_PN: np.ndarray) -> np.ndarray:
    """Share of features that are dropped or in an antipodal pair: D_i of 0 or 1/2."""
    return ((np.abs(D_PN) < NEAR) | (np.abs(D_PN - 0.5) < NEAR)).mean(1)


def half_window(steps_S: np.ndarray) -> int:
    """Half of the window of a jump, in records."""
    return max(1, round(WINDOW * len(steps_S) / 2))


def levels(steps_S: np.ndarray, loss_PS: np.ndarray, D_PSN: np.ndarray) -> pl.DataFrame:
    """One row per seed: levels at the end, jumps, and how the loss goes with them."""
    half = half_window(steps_S)
    window = 2 * half
    rate_PS = shape.fall_rate(loss_PS, steps_S, half)
    places_P = [
        np.array([k for k, _ in shape.jumps(D_SN, half, JUMP, window)], int) for D_SN in D_PSN
    ]
    own_P, others_P = shape.peaks(rate_PS, places_P, window)
    last_P = shape.settled(D_PSN, JUMP / 2).astype(np.float64)
    # 0.2% is above the wobble that noisy gradients give the loss, and below what one jump does.
    calm_P = shape.settled(loss_PS / loss_PS[:, -1:], 0.002).astype(np.float64)
    gap_PP = np.abs(last_P[None] - calm_P[:, None]) / window
    close_P = shape.settled(D_PSN, CLOSE)
    sharp_PS = shape.fall_rate(loss_PS, steps_S, max(1, half // 2))
    others_gap_P = (gap_PP.sum(1) - np.diagonal(gap_PP)) / max(len(gap_PP) - 1, 1)
    moves_PS = shape.stir(D_PSN, half)[:, window:]
    return pl.DataFrame(
        {
            "digons": on_levels(D_PSN[:, -1]),
            "jumps": [len(t) for t in places_P],
            "peak": own_P,
            "peak_others": others_P,
            "correlation": shape.own_less_others(moves_PS, rate_PS[:, window:]),
            "settled": close_P,
            "last_drop": shape.own_over_others(sharp_PS, np.minimum(close_P, len(steps_S) - 1)),
            "gap": np.diagonal(gap_PP),
            "gap_others": others_gap_P,
        }
    )


def octahedra(
    steps_S: np.ndarray, loss_PS: np.ndarray, W_PSMN: np.ndarray, start_PMN: np.ndarray
) -> pl.DataFrame:
    """One row per seed: its end, its stages' times (first record, censored), its loss there."""
    shapes = shape.triangles(W_PSMN)
    pairs_PS = shape.worst_antipode(W_PSMN, across=True)
    stages = {
        "apart": crossing_times(steps_S, shapes["apart"], shape.APART / 2, hold=3),
        "triangles": crossing_times(steps_S, shapes["wide"], shape.WIDE / 2, hold=3),
        "pairs": crossing_times(steps_S, pairs_PS, ANTIPODAL, hold=3, direction="below"),
    }
    record = {name: np.searchsorted(steps_S, time) for name, (time, _) in stages.items()}
    seen = {name: event for name, (_, event) in stages.items()}
    times = lambda name: [
        np.array([k] if e else [], int) for k, e in zip(record[name], seen[name], strict=True)
    ]
    half = half_window(steps_S)
    rate_PS = shape.fall_rate(loss_PS, steps_S, half)
    kinks = {name: shape.peaks(rate_PS, times(name), 4 * half) for name in stages}
    end_PMN = W_PSMN[:, -1]
    D_PN = np.stack([dims(W) for W in end_PMN]) if len(end_PMN) else np.zeros((0, 6))
    level_P = np.abs(D_PN - 0.5).max(1) < NEAR
    every = seen["apart"] & seen["triangles"] & seen["pairs"]
    order = (record["apart"] < record["triangles"]) & (record["triangles"] < record["pairs"])
    member = np.arange(len(end_PMN))
    return pl.DataFrame(
        {
            "octahedron": level_P & (shape.worst_antipode(end_PMN) <= ANTIPODAL),
            "other_set": shape.in_other_set(end_PMN),
            "other_set_untrained": shape.in_other_set(start_PMN),
            "in_order": every & order,
            "twist": shapes["twist"][member, record["triangles"]],
            "twist_end": shapes["twist"][:, -1],
            "plateau": shape.plateau(rate_PS, record["apart"], record["triangles"]),
        }
        | {f"{name}_step": time for name, (time, _) in stages.items()}
        | {f"{name}_seen": event for name, event in seen.items()}
        | {f"{name}_peak": own for name, (own, _) in kinks.items()}
        | {f"{name}_peak_others": others for name, (_, others) in kinks.items()}
    )


def octahedron_shares(steps_S: np.ndarray, W_PSMN: np.ndarray) -> pl.DataFrame:
    """One row per network and record: its shape, as fractions of the regular octahedron's."""
    shapes = shape.triangles(W_PSMN)
    columns = {
        "apart": shapes["apart"] / shape.APART,
        "wide": shapes["wide"] / shape.WIDE,
        "antipodal": -shape.worst_antipode(W_PSMN, across=True),
        "twist": np.where(shapes["wide"] > 0.2, shapes["twist"] / 60, np.nan),
    }
    p = len(W_PSMN)
    about = {"member": np.repeat(np.arange(p), len(steps_S)), "step": np.tile(steps_S, p)}
    return pl.DataFrame(about | {name: v.ravel() for name, v in columns.items()})
