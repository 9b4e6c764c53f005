"""Part 3: three vectors that must multiply to a tensor, with some of them clamped to the answer."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab import random
from toylab.models.toys.three_vectors import contraction, descend
from toylab.stats.survival import crossing_times

# Of the vectors a, b and c: 1 where it is trained, and 1 where it starts at the answer.
ARMS = {
    "none clamped": ((1.0, 1.0, 1.0), (0.0, 0.0, 0.0)),
    "c clamped": ((1.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    "b and c clamped": ((1.0, 0.0, 0.0), (0.0, 1.0, 1.0)),
    "c frozen at its start": ((1.0, 1.0, 0.0), (0.0, 0.0, 0.0)),
}
DRAWN = 120  # iterations kept for the curves


def train(key: Array, trained_3: Array, given_3: Array, config: Any) -> tuple[Array, Array]:
    """Train one arm of one seed; answer and start are the same in all arms of a seed.

    Returns:
        Loss before each of ``config.vector_steps`` updates (S,), and the contraction s.
    """
    drawn_23D = random.normal(key, (2, 3, config.vector_dim))
    answer_3D, start_3D = drawn_23D[0], config.vector_init * drawn_23D[1]
    given_31 = given_3[:, None]
    start_3D = given_31 * answer_3D + (1 - given_31) * start_3D
    loss_S = descend(start_3D, answer_3D, trained_3, config.vector_rate, config.vector_steps)
    return loss_S, contraction(answer_3D)


def measure(config: Any) -> dict[str, pl.DataFrame]:
    """Losses over iterations (thinned), and per seed the iterations to 90% and to 10% of them."""
    steps, seeds = config.vector_steps, np.arange(config.vector_seeds)
    keys = jax.vmap(lambda seed: random.stream(seed, "three vectors"))(jnp.asarray(seeds))
    trained, given = (jnp.asarray(part) for part in zip(*ARMS.values(), strict=True))
    one = lambda key: jax.vmap(lambda t, g: train(key, t, g, config))(trained, given)
    found = jax.jit(jax.vmap(one, out_axes=1))(keys)
    loss_APS, scale_AP = (np.asarray(x, np.float64) for x in found)
    loss_XS = loss_APS.reshape(-1, steps)
    with np.errstate(invalid="ignore"):  # losses that diverged
        share_XS = loss_XS / loss_XS[:, :1]
    late, was_late = crossing_times(np.arange(steps), share_XS, 0.1, direction="below")
    early, _ = crossing_times(np.arange(steps), share_XS, 0.9, direction="below")
    contracts_X = np.abs(1 - config.vector_rate * scale_AP.ravel())
    about = pl.DataFrame({"arm": np.repeat(list(ARMS), len(seeds))}).with_columns(
        init_seed=np.tile(seeds, len(ARMS)), diverged=~np.isfinite(share_XS[:, -1])
    )
    times = about.with_columns(
        to_90=early,
        to_10=late,
        reached=was_late,
        exponential=np.log(0.1) / (2 * np.log(contracts_X)),
        last=share_XS[:, -1],
    )
    kept_S = np.unique(np.round(np.geomspace(1, steps, DRAWN)).astype(int)) - 1
    lines = about.join(pl.DataFrame({"iteration": kept_S}), how="cross")
    return {
        "vectors": times,
        "vectors_curves": lines.with_columns(share=share_XS[:, kept_S].ravel()),
    }
