"""Part 3: three vectors that must multiply to a tensor, with some of them clamped to the answer."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab import random
from toylab.models.three_vectors import contraction, descend
from toylab.stats.survival import crossing_times

# 1 where a vector is trained; clamped ones stand at the answer, frozen ones where they began.
TRAINED = {
    "none clamped": (1.0, 1.0, 1.0),
    "c clamped": (1.0, 1.0, 0.0),
    "b and c clamped": (1.0, 0.0, 0.0),
    "c frozen at its start": (1.0, 1.0, 0.0),
}
FROZEN = "c frozen at its start"
DRAWN = 120  # iterations kept for the curves


def train(key: Array, trained_3: Array, clamp: Array, config: Any) -> tuple[Array, Array]:
    """Train one arm of one seed; the answer and the start are the same in all arms of a seed.

    Args:
        key: of the answer and of the start.
        trained_3: 1 for a vector that is trained.
        clamp: 1 if those not trained stand at the answer, 0 if they stay where they began.
        config: sizes.

    Returns:
        Loss before each of ``config.vector_steps`` updates (S,), and the contraction s.
    """
    drawn_23D = random.normal(key, (2, 3, config.vector_dim))
    answer_3D, start_3D = drawn_23D[0], config.vector_init * drawn_23D[1]
    given_31 = (1 - trained_3)[:, None] * clamp
    start_3D = given_31 * answer_3D + (1 - given_31) * start_3D
    loss_S = descend(start_3D, answer_3D, trained_3, config.vector_rate, config.vector_steps)
    return loss_S, contraction(answer_3D)


def measure(config: Any) -> dict[str, pl.DataFrame]:
    """Losses over iterations (thinned), and per seed the iterations to 90% and to 10% of them."""
    seeds = np.arange(config.vector_seeds)
    keys = jax.vmap(lambda seed: random.stream(seed, "three vectors"))(jnp.asarray(seeds))
    arms = jnp.asarray(list(TRAINED.values()), jnp.float32)
    clamp = jnp.asarray([float(name != FROZEN) for name in TRAINED], jnp.float32)
    one = lambda key: jax.vmap(lambda t, c: train(key, t, c, config))(arms, clamp)
    loss_PAS, scale_PA = (np.asarray(x, np.float64) for x in jax.jit(jax.vmap(one))(keys))
    with np.errstate(invalid="ignore"):  # losses that diverged
        share_PAS = loss_PAS / loss_PAS[..., :1]
    exponent_PA = 2 * np.log(np.abs(1 - config.vector_rate * scale_PA))
    arms = list(enumerate(TRAINED))
    times = [_times(arm, share_PAS[:, i], np.log(0.1) / exponent_PA[:, i]) for i, arm in arms]
    lines = [_lines(arm, share_PAS[:, i]) for i, arm in arms]
    return {"vectors": pl.concat(times), "vectors_curves": pl.concat(lines)}


def _times(arm: str, share_PS: np.ndarray, exponential_P: np.ndarray) -> pl.DataFrame:
    """Per seed of an arm: iterations to shares of the loss, measured and of the exponential."""
    steps_S = np.arange(share_PS.shape[1])
    late, was_late = crossing_times(steps_S, share_PS, 0.1, direction="below")
    early, _ = crossing_times(steps_S, share_PS, 0.9, direction="below")
    return pl.DataFrame(
        {
            "arm": [arm] * len(share_PS),
            "init_seed": np.arange(len(share_PS)),
            "to_90": early,
            "to_10": late,
            "reached": was_late,
            "exponential": exponential_P,
            "last": share_PS[:, -1],
            "diverged": ~np.isfinite(share_PS[:, -1]),
        }
    )


def _lines(arm: str, share_PS: np.ndarray) -> pl.DataFrame:
    """The curves of an arm at log-spaced iterations."""
    steps = share_PS.shape[1]
    kept = np.unique(np.round(np.geomspace(1, steps, DRAWN)).astype(int)) - 1
    count = len(share_PS)
    return pl.DataFrame(
        {
            "arm": [arm] * (count * len(kept)),
            "init_seed": np.repeat(np.arange(count), len(kept)),
            "iteration": np.tile(kept, count),
            "share": share_PS[:, kept].ravel(),
        }
    )
