"""Liu et al.'s phases of learning: comprehension, grokking, memorisation and confusion.

Source: Liu et al. 2022 (arXiv:2205.10343), table 1.
"""

import numpy as np
import polars as pl

PHASES = ("comprehension", "grokking", "memorisation", "confusion")
GAP = 1_000  # steps between training and test, from which on it is grokking: the paper's
LEARNED = 0.9 - 1e-6  # accuracy that counts as learned there; 9 of 10 in float32 is below 0.9


def phase_of(gap: int = GAP) -> pl.Expr:
    """Name the phase of each network from when it learned, and whether it did.

    Needs columns ``train_time``, ``train_event``, ``test_time`` and ``test_event``.
    """
    late = pl.col("test_time") - pl.col("train_time") > gap
    return (
        pl.when(~pl.col("train_event") & ~pl.col("test_event"))
        .then(pl.lit("confusion"))
        .when(~pl.col("test_event"))
        .then(pl.lit("memorisation"))
        .when(late)
        .then(pl.lit("grokking"))
        .otherwise(pl.lit("comprehension"))
        .alias("phase")
    )


def phase_map(rows: pl.DataFrame) -> np.ndarray:
    """Return phases over learning rate (down, rising) and weight decay (across, rising), (R, C)."""
    order = rows.sort("learning_rate", "weight_decay")
    return order["phase"].to_numpy().reshape(order["learning_rate"].n_unique(), -1)


def touches(map_RC: np.ndarray, phase: str, other: str) -> bool:
    """Say whether some cell of a phase has one of another phase among its eight neighbours."""
    here, there = (np.pad(map_RC == p, 1) for p in (phase, other))
    shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    return any(bool((here & np.roll(there, shift, (0, 1))).any()) for shift in shifts)
