"""Distributed alignment search: a rotation in which a causal variable has coordinates of its own.

Interchanging those coordinates between two runs should do what interchanging the variable does in
the causal model. The search fits the rotation to that end, so the accuracy is of new pairs only,
and means nothing without the same search on a wrong variable and on an untrained network. A
rotation cannot make information usable that later layers do not use; alignment maps that are not
linear can fit nearly anything (Sutter et al. 2025), so a richer map would prove less.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jaxtyping import Float

from toylab import random
from toylab.errors import check_number
from toylab.taps import Edit, Model, Params, run


def random_rotation(key: Array, width: int) -> Float[Array, "D D"]:
    """Draw an orthogonal matrix, uniformly but for the sign of its determinant."""
    q, r = jnp.linalg.qr(random.normal(key, (width, width)))
    return q * jnp.sign(jnp.diagonal(r))[None]


def rotation(free: Float[Array, "D D"], start: Float[Array, "D D"]) -> Float[Array, "D D"]:
    """Return ``R = start (I - A)^-1 (I + A)`` with ``A = (free - free^T) / 2``, Cayley's transform.

    R is orthogonal for any ``free``, and is ``start`` at 0.

    Args:
        free: unconstrained parameters.
        start: an orthogonal matrix.
    """
    skew, eye = (free - free.T) / 2, jnp.eye(len(free), dtype=free.dtype)
    return start @ jnp.linalg.solve(eye - skew, eye + skew)


def interchange(
    base: Float[Array, "B D"],
    source: Float[Array, "B D"],
    r_DD: Float[Array, "D D"],
    count: int,
) -> Float[Array, "B D"]:
    """Give the base the source's first coordinates: ``R^T((1 - m) R h_base + m R h_source)``.

    Args:
        base: activations of the run that goes on.
        source: those of the other run.
        r_DD: R, orthogonal.
        count: number of coordinates that m picks.

    Raises:
        ToylabError: more coordinates than there are.

    Source: Geiger et al. 2023 (arXiv:2303.02536), definition 3.1.
    """
    check_number("interchange", "count", count, low=0, high=len(r_DD), whole=True)
    rows = r_DD[:count]
    return base + ((source - base) @ rows.T) @ rows


def interchanged(
    model: Model,
    params: Params,
    sites: Sequence[str],
    gates: Float[Array, " L"],
    r_DD: Float[Array, "D D"],
    count: int,
    base: Array,
    source: Array,
) -> Array:
    """Return the logits of base runs with an :func:`interchange` at some sites.

    Args:
        model: the model.
        params: its parameters.
        sites: where an interchange is possible, each of width D.
        gates: 1 at the sites where it is made, 0 elsewhere; numbers, so that one compiled search
            serves every site.
        r_DD: R, orthogonal.
        count: number of coordinates that are interchanged.
        base: inputs of the runs that go on.
        source: inputs of the other runs.
    """
    acts = [run(model, params, x, record=tuple(sites))[1] for x in (base, source)]
    edits = []
    for gate, site in zip(gates, sites, strict=True):
        own, other = (a[site] for a in acts)
        edits.append(Edit(site, "add", gate * (interchange(own, other, r_DD, count) - own)))
    return run(model, params, base, edits=edits)[0]


class Alignment(NamedTuple):
    """A fitted rotation (D, D) and the loss at every step (S,)."""

    rotation: Array
    losses: Array


def align(
    logits: Callable[[Array, Any], Array],
    pairs: Any,
    labels: Array,
    start: Float[Array, "D D"],
    key: Array,
    *,
    steps: int,
    batch_size: int = 256,
    learning_rate: float = 1e-3,
) -> Alignment:
    """Fit a rotation so that interchanged runs give the causal model's answers.

    Minimises the cross-entropy of ``logits(R, pairs)`` to the labels by Adam, in random batches.

    Args:
        logits: runs the model on pairs with the interchange by R; gives logits (B, K).
        pairs: tree of arrays (N, ...), what ``logits`` needs of each pair.
        labels: the causal model's answer after the interchange, (N,).
        start: orthogonal matrix to begin with.
        key: decides the batches.
        steps: number of updates.
        batch_size: pairs per update.
        learning_rate: of Adam.

    Source: Geiger et al. 2023 (arXiv:2303.02536), section 3.
    """
    optimizer = optax.adam(learning_rate)
    free = jnp.zeros_like(start)

    def loss(free: Array, rows: Array) -> Array:
        some = jax.tree.map(lambda leaf: leaf[rows], pairs)
        out = logits(rotation(free, start), some)
        return optax.softmax_cross_entropy_with_integer_labels(out, labels[rows]).mean()

    def step(carry: tuple, i: Array) -> tuple[tuple, Array]:
        free, state = carry
        u = random.uniform(random.fold_in(key, i), (batch_size,))
        rows = jnp.minimum((u * len(labels)).astype(jnp.int32), len(labels) - 1)
        value, grad = jax.value_and_grad(loss)(free, rows)
        # Optax mixes Python floats with int32 counts, which strict promotion would refuse.
        with jax.numpy_dtype_promotion("standard"):
            change, state = optimizer.update(grad, state)
        return (optax.apply_updates(free, change), state), value

    first = (free, optimizer.init(free))
    (free, _), losses = jax.lax.scan(step, first, jnp.arange(steps, dtype=jnp.int32))
    return Alignment(rotation(free, start), losses)
