"""Concept vectors on scenes: which concepts raise the class "striped and warm" of the rule kind.

S seeds, C concepts, K random sets a concept is set against, N images of a set, D width of the site.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.attribution.concepts import (
    class_gradients,
    concept_test,
    concept_vectors,
    tcav_scores,
)
from toylab.models.mlp import MLP
from toylab.taps import Params, run
from toylab.tasks.steering.scenes import FACTORS, RULES, cued

# Not the last hidden layer: logits are linear in it, so that all scores there are 0 or 1.
SITE = "layers/0/post"
RULE, TARGET = RULES.index("kind"), 3
SETS = 10  # random sets that every concept is set against
RANDOM_CONCEPTS = 5
_factor = lambda name: lambda f: f[:, list(FACTORS).index(name)]
CONCEPTS: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "striped": ("in rule", lambda f: _factor("stripes")(f) == 1),
    "warm": ("in rule", lambda f: _factor("colour")(f) < 2),
    "T or L": ("absent", lambda f: _factor("shape")(f) >= 2),
    "upper half": ("absent", lambda f: _factor("place")(f) < 2),
    "left half": ("absent", lambda f: _factor("place")(f) % 2 == 0),
    "grey T or L": ("absent", lambda f: _factor("other_shape")(f) >= 2),
}


def image_sets(factors: np.ndarray, images: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Indices of each concept's images (C + 1, K, N), of the random sets (K, N), and C names.

    A concept has one set, whatever it is set against; so have the random concepts. The last row
    holds the tests' null: another random set each time.

    Args:
        factors: of the pool's scenes, in random order.
        images: N.
    """
    fresh = iter(range((SETS * 2 + RANDOM_CONCEPTS) * images))
    take = lambda: np.array([next(fresh) for _ in range(images)])
    without = np.stack([take() for _ in range(SETS)])
    null = np.stack([take() for _ in range(SETS)])
    one = {f"random {i + 1}": take() for i in range(RANDOM_CONCEPTS)}
    used = SETS * images  # a concept's images may be in the null, never in what it is set against
    for name, (_, holds) in CONCEPTS.items():
        one[name] = used + np.flatnonzero(holds(factors[used:]))[:images]
    rows = [np.broadcast_to(chosen, (SETS, images)) for chosen in one.values()]
    return np.stack([*rows, null]), without, list(one)


@functools.partial(jax.jit, static_argnums=(0,))
def _scores(
    model: MLP, params: Params, pictures: Array, with_CKN: Array, without_KN: Array, of_class: Array
) -> Array:
    """TCAV scores (S, C, K)."""

    def one(params: Params) -> Array:
        asked = cued(pictures, jnp.full(len(pictures), RULE, jnp.int32))
        acts = run(model, params, asked, record=(SITE,))[1][SITE]
        against = jnp.broadcast_to(acts[without_KN][None], (*with_CKN.shape, acts.shape[-1]))
        vectors = concept_vectors(acts[with_CKN], against)
        return tcav_scores(class_gradients(model, params, asked[of_class], SITE, TARGET), vectors)

    return jax.lax.map(one, params)


def pool_size(images: int) -> int:
    """Scenes that sets of so many images are taken from."""
    return 4 * (2 * SETS + RANDOM_CONCEPTS) * images


def concept_table(
    model: MLP, params: Params, pool: Mapping[str, np.ndarray], images: int
) -> pl.DataFrame:
    """Table ``toy_tcav``: mean score of every concept, and its test against random sets.

    Args:
        model: the perceptron.
        params: the mixed networks.
        pool: ``pictures``, ``factors`` and ``labels`` of the scenes that sets are taken from.
        images: N.
    """
    chosen, without, names = image_sets(pool["factors"], images)
    of_class = np.flatnonzero(pool["labels"][:, RULE] == TARGET)[-2 * images :]
    scores = _scores(model, params, pool["pictures"], chosen, without, of_class)
    rows: list[dict[str, Any]] = []
    for seed, score_CK in enumerate(np.asarray(scores, np.float64)):
        *concepts_CK, null_K = score_CK
        for name, score_K in zip(names, concepts_CK, strict=True):
            label = {"init_seed": seed, "concept": name, "role": role(name)}
            rows.append(label | concept_test(score_K, null_K)._asdict())
    return pl.DataFrame(rows)


def role(name: str) -> str:
    """Whether a concept is in the rule, absent from it, or random."""
    return CONCEPTS[name][0] if name in CONCEPTS else "random"
