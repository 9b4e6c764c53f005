"""Task arithmetic on scenes: vectors of four rules, subtracted one by one and added in pairs.

S seeds, V vectors, T strengths, R rules, N scenes.
"""

import functools
import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.steering.arithmetic import add_vectors, random_like, task_vector
from toylab.models.mlp import MLP
from toylab.taps import Params
from toylab.tasks.steering.scenes import RULES

from .networks import SceneNets, Split, accuracies

STRENGTHS = np.linspace(0, 1, 11, dtype=np.float32)
KEEP = 0.95  # of the other rules' accuracy, when a rule is forgotten
CHANCE = 0.25
PAIRS = tuple(itertools.combinations(range(len(RULES)), 2))
RANDOM = 103


def coefficients() -> np.ndarray:
    """How much of the 4 task vectors and 4 random ones each combination holds, (V, 8).

    Forgetting each rule, adding each pair, and both of random vectors.
    """
    eye = np.eye(len(RULES), dtype=np.float32)
    rows = np.concatenate([-eye, [eye[i] + eye[j] for i, j in PAIRS]])
    none = np.zeros_like(rows)
    return np.block([[rows, none], [none, rows]]).astype(np.float32)


@functools.partial(jax.jit, static_argnums=(0,))
def _evaluate(
    model: MLP, splits: list[Split], before: Params, tuned: list[Params], mixed: Params
) -> tuple[Array, Array]:
    """Accuracies (S, 2 + R, 2, R) of the networks and (S, V, T, 2, R) of combined ones."""
    both = lambda params: jnp.stack([accuracies(model, params, *split) for split in splits])

    def one_seed(args: tuple[Params, list[Params], Params, Array]) -> tuple[Array, Array]:
        base, own, last, index = args
        stack = lambda trees: jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)
        keys = jax.random.split(jax.random.fold_in(jax.random.key(RANDOM), index), len(own))
        taus = stack([task_vector(params, base) for params in own])
        noise = jax.vmap(random_like)(taus, keys)
        parts = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), taus, noise)

        def combined(row: Array) -> Array:
            vector = jax.tree.map(lambda leaf: jnp.tensordot(row, leaf, 1), parts)
            at = lambda strength: both(add_vectors(base, [vector], strength))
            return jax.vmap(at)(jnp.asarray(STRENGTHS))

        alone = jax.vmap(both)(stack([base, *own, last]))
        return alone, jax.lax.map(combined, jnp.asarray(coefficients()))

    count = len(jax.tree.leaves(before)[0])
    return jax.lax.map(one_seed, (before, tuned, mixed, jnp.arange(count, dtype=jnp.uint32)))


def pick_negation(found_TR: np.ndarray, base_R: np.ndarray, rule: int) -> int:
    """The largest strength at which the other rules keep ``KEEP`` of their accuracy."""
    others = [r for r in range(len(base_R)) if r != rule]
    kept = found_TR[:, others].mean(1) >= KEEP * base_R[others].mean()
    return int(np.flatnonzero(kept).max(initial=0))


def arithmetic_table(
    model: MLP, nets: SceneNets, valid: Split, test: Split
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Tables ``toy_networks`` and ``toy_arithmetic``: accuracies, of networks and of sums.

    Args:
        model: the perceptron.
        nets: ``before``, ``tuned`` and ``mixed``.
        valid: scenes that pick strengths.
        test: scenes that are judged.
    """
    found = _evaluate(model, [valid, test], nets.before, nets.tuned, nets.mixed)
    alone_SMDR, combined_SVTDR = (np.asarray(x, np.float64) for x in found)
    networks: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    half = len(RULES) + len(PAIRS)
    for seed, (alone_MDR, combined_VTDR) in enumerate(zip(alone_SMDR, combined_SVTDR, strict=True)):
        names = ("before", *(f"tuned on {rule}" for rule in RULES), "mixed")
        for name, acc_R in zip(names, alone_MDR[:, 1], strict=True):
            networks += [
                {"init_seed": seed, "network": name, "rule": rule, "accuracy": float(acc)}
                for rule, acc in zip(RULES, acc_R, strict=True)
            ]
        for i, vector in enumerate(("task", "random")):
            own_VTDR = combined_VTDR[half * i : half * (i + 1)]
            negate, add = np.split(own_VTDR, [len(RULES)])
            labels = {"init_seed": seed, "vector": vector}
            rows += [labels | negation(negate[r], alone_MDR[0], r) for r in range(len(RULES))]
            rows += [labels | addition(a, alone_MDR, p) for a, p in zip(add, PAIRS, strict=True)]
    return pl.DataFrame(networks), pl.DataFrame(rows)


def ratio(part: float, whole: float) -> float:
    """``part / whole``; NaN where there is no whole."""
    return float(part / whole) if whole else float("nan")


def negation(found_TDR: np.ndarray, before_DR: np.ndarray, rule: int) -> dict[str, Any]:
    """One row: a rule forgotten, at the strength picked on the first of two splits."""
    best = pick_negation(found_TDR[:, 0], before_DR[0], rule)
    others = [r for r in range(len(RULES)) if r != rule]
    after_R, before_R = found_TDR[best, 1], before_DR[1]
    return {
        "operation": "negate",
        "rules": RULES[rule],
        "strength": float(STRENGTHS[best]),
        "before": before_R[rule],
        "target": after_R[rule],
        "control": after_R[others].mean(),
        "kept": ratio(after_R[rule] - CHANCE, before_R[rule] - CHANCE),
        "worst": np.nan,
        "tuned": np.nan,
    }


def addition(found_TDR: np.ndarray, alone_MDR: np.ndarray, pair: tuple[int, int]) -> dict[str, Any]:
    """One row: two rules added, at the strength that is best for them on the first split."""
    rules, others = list(pair), [r for r in range(len(RULES)) if r not in pair]
    best = int(found_TDR[:, 0, rules].mean(1).argmax())
    after, before = found_TDR[best, 1], alone_MDR[0, 1]
    target = after[rules].mean()
    tuned = np.array([alone_MDR[1 + r, 1, r] for r in rules])
    return {
        "operation": "add",
        "rules": " + ".join(RULES[r] for r in rules),
        "strength": float(STRENGTHS[best]),
        "before": before[rules].mean(),
        "target": target,
        "control": after[others].mean(),
        "kept": np.nan,
        "worst": min(ratio(a, b) for a, b in zip(after[rules], tuned, strict=True)),
        "tuned": tuned.mean(),
    }
