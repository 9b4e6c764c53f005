"""One row per network of what its trajectory shows: jumps between levels, stages of an octahedron.

Shapes: P networks, S records, M hidden dimensions, N features.
"""

import jax.numpy as jnp
import numpy as np
import polars as pl

from toylab.analysis.events import (
    dip,
    fall_rate,
    jumps,
    moves,
    own_and_others,
    peaks,
    settled,
)
from toylab.stats.survival import crossing_times
from toylab.tasks.superposition.arrangements import (
    APART,
    WIDE,
    antipode_in_other_half,
    triangles,
    worst_antipode,
)
from toylab.tasks.superposition.superposition_geometry import feature_dimensionality

JUMP = 0.25  # a jump is half the way from one level, 0, to the next, 1/2
CLOSE = 0.05  # distance at which D_i counts as near its end
WINDOW = 0.02  # share of the run a jump may take; the first is left out: all features move
ANTIPODAL = -0.95  # cosine from which two features count as a pair
NEAR = 0.02  # distance at which D_i counts as on a level


def dims(W_PMN: np.ndarray) -> np.ndarray:
    """Dimensionality of every feature, (P, N)."""
    every = [feature_dimensionality(jnp.asarray(W_MN, jnp.float32)) for W_MN in W_PMN]
    return np.array(every).reshape(len(W_PMN), W_PMN.shape[2])


def on_levels(D_PN: np.ndarray) -> np.ndarray:
    """Share of features that are dropped or in an antipodal pair: D_i of 0 or 1/2."""
    return ((np.abs(D_PN) < NEAR) | (np.abs(D_PN - 0.5) < NEAR)).mean(1)


def half_window(steps_S: np.ndarray) -> int:
    """Half of the window of a jump, in records."""
    return max(1, round(WINDOW * len(steps_S) / 2))


def jump_records(D_SN: np.ndarray, half: int) -> np.ndarray:
    """Records of a network's jumps after the opening."""
    return np.array([k for k, _ in jumps(D_SN, half, JUMP, 2 * half)], int)


def levels(steps_S: np.ndarray, loss_PS: np.ndarray, D_PSN: np.ndarray) -> pl.DataFrame:
    """One row per network: levels at the end, jumps, and how the loss goes with them."""
    half = half_window(steps_S)
    window = 2 * half
    rate_PS = fall_rate(loss_PS, steps_S, half)
    places_P = [jump_records(D_SN, half) for D_SN in D_PSN]
    peak_P, peak_others_P = peaks(rate_PS, places_P, window)
    last_P = settled(D_PSN, JUMP / 2).astype(np.float64)
    # 0.2% is above the wobble that noisy gradients give the loss, and below what one jump does.
    calm_P = settled(loss_PS / loss_PS[:, -1:], 0.002).astype(np.float64)
    gap_P, gap_others_P = own_and_others(np.abs(last_P[None] - calm_P[:, None]) / window)
    close_P = settled(D_PSN, CLOSE)
    sharp_PS = fall_rate(loss_PS, steps_S, max(1, half // 2))
    drop_P, drop_others_P = own_and_others(sharp_PS[:, np.minimum(close_P, len(steps_S) - 1)])
    with np.errstate(invalid="ignore", divide="ignore"):
        both = np.corrcoef(moves(D_PSN, half)[:, window:], rate_PS[:, window:])
        last_drop_P = np.where(drop_others_P > 0, drop_P / drop_others_P, np.nan)
    p = len(D_PSN)
    along_P, along_others_P = own_and_others(both[p:, :p])  # [rate of p, moves of q]
    return pl.DataFrame(
        {
            "digons": on_levels(D_PSN[:, -1]),
            "jumps": [len(places) for places in places_P],
            "peak": peak_P,
            "peak_others": peak_others_P,
            "correlation": along_P - along_others_P,
            "settled": close_P,
            "last_drop": last_drop_P,
            "gap": gap_P,
            "gap_others": gap_others_P,
        }
    )


def octahedra(
    steps_S: np.ndarray, loss_PS: np.ndarray, W_PSMN: np.ndarray, start_PMN: np.ndarray
) -> pl.DataFrame:
    """One row per network: its end, its stages' times (first record, censored), its loss there."""
    shapes, end_PMN = triangles(W_PSMN), W_PSMN[:, -1]
    half = half_window(steps_S)
    rate_PS = fall_rate(loss_PS, steps_S, half)
    columns, record, seen = {}, {}, {}
    for name, curve_PS, level in (
        ("apart", shapes["apart"], APART / 2),
        ("triangles", shapes["wide"], WIDE / 2),
        ("pairs", -worst_antipode(W_PSMN, across=True), -ANTIPODAL),
    ):
        time_P, seen_P = crossing_times(steps_S, curve_PS, level, hold=3)
        record[name], seen[name] = np.searchsorted(steps_S, time_P), seen_P
        places_P = [
            np.array([k] if e else [], int) for k, e in zip(record[name], seen_P, strict=True)
        ]
        own_P, others_P = peaks(rate_PS, places_P, 4 * half)
        columns |= {f"{name}_step": time_P, f"{name}_seen": seen_P}
        columns |= {f"{name}_peak": own_P, f"{name}_peak_others": others_P}
    order_P = (record["apart"] < record["triangles"]) & (record["triangles"] < record["pairs"])
    level_P = np.abs(dims(end_PMN) - 0.5).max(1) < NEAR
    member_P = np.arange(len(end_PMN))
    return pl.DataFrame(
        {
            "octahedron": level_P & (worst_antipode(end_PMN) <= ANTIPODAL),
            "other_set": antipode_in_other_half(end_PMN),
            "other_set_untrained": antipode_in_other_half(start_PMN),
            "in_order": np.all(list(seen.values()), axis=0) & order_P,
            "twist": shapes["twist"][member_P, record["triangles"]],
            "twist_end": shapes["twist"][:, -1],
            "plateau": dip(rate_PS, record["apart"], record["triangles"]),
        }
        | columns
    )


def octahedron_shares(W_PSMN: np.ndarray) -> dict[str, np.ndarray]:
    """Shape at every record (P, S), as fractions of the regular octahedron's."""
    shapes = triangles(W_PSMN)
    return {
        "apart": shapes["apart"] / APART,
        "wide": shapes["wide"] / WIDE,
        "antipodal": -worst_antipode(W_PSMN, across=True),
        "twist": np.where(shapes["wide"] > 0.2, shapes["twist"] / 60, np.nan),
    }
