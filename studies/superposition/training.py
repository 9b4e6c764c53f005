"""How networks of the family are trained."""

from typing import Any

import numpy as np

from toylab.optim import AdamW, cosine

DECAY = 0.01  # of Torch's AdamW, which the code of Elhage et al. takes as it is


def annealed(rate: float, steps: int, decay: float = DECAY, warmup: int = 0) -> dict[str, Any]:
    """Settings of a population that Adam trains at a rate that falls as half a cosine.

    Its untrained weights are kept.
    """
    schedule = cosine(steps, warmup=warmup)
    return dict(optimizer=AdamW(rate, decay, schedule=schedule), steps=steps, snapshots=(0,))


def sweep(points: int) -> np.ndarray:
    """Densities ``20^(-t)``, t from 0 to 1: those of the notebook of Elhage et al."""
    return 20.0 ** -np.linspace(0, 1, points)
