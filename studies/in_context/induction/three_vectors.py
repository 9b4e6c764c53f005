"""Part 3: three vectors that must multiply to a tensor, with some of them clamped to the answer.

``loss = 1/2 mean (a (x) b (x) c - a* (x) b* (x) c*)^2`` over the D^3 entries, by plain gradient
descent. As a network's circuit works only when all its parts do, each part's gradient is scaled by
the others, and the loss has a plateau; with all parts but one given there is none.

With b and c clamped, the gradient on a is ``s (a - a*)`` with ``s = |b*|^2 |c*|^2 / D^3``, so the
loss falls as ``(1 - rate s)^(2 t)`` exactly.

Source: Singh et al. 2024 (arXiv:2404.07129), "What needs to go right for an induction head?".
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array
from jaxtyping import Float

from toylab import random
from toylab.stats.survival import crossing_times

# 1 where a vector is trained; clamped ones stand at the answer, frozen ones where they began.
TRAINED = {
    "none clamped": (1.0, 1.0, 1.0),
    "c clamped": (1.0, 1.0, 0.0),
    "b and c clamped": (1.0, 0.0, 0.0),
    "c frozen at its start": (1.0, 1.0, 0.0),
}
FROZEN = "c frozen at its start"


def loss(vectors_3D: Float[Array, "3 D"], answer_3D: Float[Array, "3 D"]) -> Array:
    """Half the mean squared error of the product over its D^3 entries, without forming them.

    As ``<a (x) b (x) c, a* (x) b* (x) c*> = (a . a*)(b . b*)(c . c*)``, the squared error is the
    product of the three ``|.|^2``, less twice that of the overlaps, plus that of the answer.
    """
    dot = lambda left_3D, right_3D: jnp.prod(jnp.sum(left_3D * right_3D, -1))
    squared = dot(vectors_3D, vectors_3D) - 2 * dot(vectors_3D, answer_3D)
    return 0.5 * (squared + dot(answer_3D, answer_3D)) / vectors_3D.shape[1] ** 3


def train(key: Array, trained_3: Array, clamp: Array, config: Any) -> tuple[Array, Array]:
    """Train one arm of one seed.

    Args:
        key: of the answer and of the start, which all arms of a seed share.
        trained_3: 1 for a vector that is trained.
        clamp: 1 if those not trained stand at the answer, 0 if they stay where they began.
        config: sizes.

    Returns:
        Loss before each of ``config.vector_steps`` updates (S,), and s of the module's docstring.
    """
    drawn_23D = random.normal(key, (2, 3, config.vector_dim))
    answer_3D, start_3D = drawn_23D[0], config.vector_init * drawn_23D[1]
    given_31 = (1 - trained_3)[:, None] * clamp
    start_3D = given_31 * answer_3D + (1 - given_31) * start_3D

    def step(vectors_3D: Array, _: None) -> tuple[Array, Array]:
        value, grad_3D = jax.value_and_grad(loss)(vectors_3D, answer_3D)
        return vectors_3D - config.vector_rate * trained_3[:, None] * grad_3D, value

    _, loss_S = jax.lax.scan(step, start_3D, length=config.vector_steps)
    scale = jnp.prod(jnp.sum(answer_3D[1:] ** 2, -1)) / config.vector_dim**3
    return loss_S, scale


def measure(config: Any) -> dict[str, pl.DataFrame]:
    """Losses over iterations (thinned), and per seed the iterations to 90% and to 10% of them."""
    seeds = np.arange(config.vector_seeds)
    keys = jax.vmap(lambda seed: random.stream(seed, "three vectors"))(jnp.asarray(seeds))
    arms = jnp.asarray(list(TRAINED.values()), jnp.float32)
    clamp = jnp.asarray([float(name != FROZEN) for name in TRAINED], jnp.float32)
    one = lambda key: jax.vmap(lambda t, c: train(key, t, c, config))(arms, clamp)
    loss_PAS, scale_PA = (np.asarray(x, np.float64) for x in jax.jit(jax.vmap(one))(keys))
    share_PAS = loss_PAS / loss_PAS[..., :1]
    steps_S = np.arange(config.vector_steps)
    kept = np.unique(np.round(np.geomspace(1, config.vector_steps, 120)).astype(int)) - 1
    times, lines = [], []
    for i, arm in enumerate(TRAINED):
        late, was_late = crossing_times(steps_S, share_PAS[:, i], 0.1, direction="below")
        early, _ = crossing_times(steps_S, share_PAS[:, i], 0.9, direction="below")
        about = {"arm": [arm] * len(seeds), "init_seed": seeds}
        expected = np.log(0.1) / (2 * np.log(np.abs(1 - config.vector_rate * scale_PA[:, i])))
        found = {"to_90": early, "to_10": late, "reached": was_late, "exponential": expected}
        found["last"] = share_PAS[:, i, -1]
        times.append(pl.DataFrame(about | found))
        lines += [
            pl.DataFrame(
                {"arm": arm, "init_seed": seed, "iteration": kept, "share": share_PAS[p, i, kept]}
            )
            for p, seed in enumerate(seeds)
        ]
    return {"vectors": pl.concat(times), "vectors_curves": pl.concat(lines)}
