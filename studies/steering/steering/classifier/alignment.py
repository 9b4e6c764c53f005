"""Distributed alignment search on hierarchical equality, layer by layer, with its controls.

S seeds, M searches, N pairs, L layers, D width.
"""

import functools
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.steering.alignment import align, interchanged, random_rotation
from toylab.models.mlp import MLP
from toylab.taps import Params
from toylab.tasks.steering.equality import Pairs, interchange_pairs

from .networks import hidden_sites

COUNT = 8  # coordinates that are interchanged, half of the layer
ARMS = ("true", "wrong variable", "untrained")
ROTATIONS = 8  # random ones
PAIRS, SEARCH = 109, 112
RATE = 5e-3


def _accuracy(logits: Array, labels: Array) -> Array:
    return jnp.mean((logits.argmax(-1) == labels).astype(jnp.float32))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _search(
    model: MLP,
    steps: int,
    splits: list[Pairs],
    params: Params,
    arm: Array,
    gate: Array,
    index: Array,
) -> Array:
    """Interchange accuracy (M, 2) of every search, on the second and third split."""
    fit, *judged = splits
    width = model.sizes[1]

    def one(own: Params, which: Array, gate_L: Array, i: Array) -> Array:
        key = jax.random.fold_in(jax.random.key(SEARCH), i)
        start = random_rotation(jax.random.fold_in(key, 0), width)
        logits = lambda r_DD, x: interchanged(
            model, own, hidden_sites(model), gate_L, r_DD, COUNT, *x
        )
        batches = jax.random.fold_in(key, 1)
        found = align(
            logits,
            fit[:2],
            fit.answers[which],
            start,
            batches,
            steps=steps,
            learning_rate=RATE,
        )
        score = lambda p: _accuracy(logits(found.rotation, p[:2]), p.answers[which])
        return jnp.stack([score(p) for p in judged])

    return jax.vmap(one)(params, arm, gate, index)


@functools.partial(jax.jit, static_argnums=(0,))
def _plain(model: MLP, some: Pairs, params: Params) -> tuple[Array, Array]:
    """Accuracy (S,) on the sources, and of random rotations (S, L) on interchanged pairs."""
    keys = jax.random.split(jax.random.key(SEARCH + 1), ROTATIONS)
    turns = jax.vmap(lambda key: random_rotation(key, model.sizes[1]))(keys)
    w, x, y, z = jnp.split(some.source, 4, axis=1)
    names = hidden_sites(model)
    target_B = (jnp.all(w == x, 1) == jnp.all(y == z, 1)).astype(jnp.int32)

    def one(own: Params) -> tuple[Array, Array]:
        def layer(gate_L: Array) -> Array:
            turn = lambda r: interchanged(
                model, own, names, gate_L, r, COUNT, some.base, some.source
            )
            logits = jax.vmap(turn)(turns)
            return _accuracy(logits, jnp.broadcast_to(some.answers[0], logits.shape[:-1]))

        gates = jnp.eye(len(names), dtype=jnp.float32)
        solved = _accuracy(model.apply(own, some.source), target_B)
        return solved, jax.vmap(layer)(gates)

    return jax.vmap(one)(params)


def alignment_tables(
    model: MLP, nets: tuple[Params, Params], n: int, steps: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Tables ``toy_equality`` and ``toy_alignment``: accuracy, and interchange accuracy.

    Args:
        model: the perceptron on equality.
        nets: untrained and trained parameters, leading axis S.
        n: pairs to fit on; half as many are judged.
        steps: of each search.
    """
    untrained, trained = nets
    count, layers = len(jax.tree.leaves(trained)[0]), len(hidden_sites(model))
    cells = list(itertools.product(range(count), range(len(ARMS)), range(layers)))
    seed, arm, layer = (np.array(x) for x in zip(*cells, strict=True))
    fresh = arm == ARMS.index("untrained")

    def pick(a: Array, b: Array) -> np.ndarray:
        is_fresh = fresh.reshape(-1, *[1] * (np.ndim(a) - 1))
        return np.where(is_fresh, np.asarray(a)[seed], np.asarray(b)[seed])

    params = jax.tree.map(pick, untrained, trained)
    which = (arm == ARMS.index("wrong variable")).astype(np.int32)
    gates = np.eye(layers, dtype=np.float32)[layer]
    index = np.arange(len(cells), dtype=np.uint32)
    pairs = interchange_pairs(2 * n, jax.random.key(PAIRS))
    splits = [pairs.part(*ends) for ends in ((0, n), (n, n + n // 2), (n + n // 2, 2 * n))]
    found = np.asarray(_search(model, steps, splits, params, which, gates, index), np.float64)
    solved, turned = (np.asarray(x, np.float64) for x in _plain(model, splits[2], trained))
    rows: list[dict[str, Any]] = [
        {"init_seed": s, "arm": ARMS[a], "layer": i, "valid": float(valid), "iia": float(test)}
        for (s, a, i), (valid, test) in zip(cells, found, strict=True)
    ]
    rows += [
        {"init_seed": s, "arm": "random rotation", "layer": i, "valid": float(v), "iia": float(v)}
        for (s, i), v in np.ndenumerate(turned)
    ]
    accuracy = pl.DataFrame({"init_seed": range(count), "accuracy": solved})
    return accuracy, pl.DataFrame(rows)
