"""Concept activation vectors: does a class grow along a human concept, and is that significant?"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy
from jax import Array
from jaxtyping import Float
from numpy.typing import ArrayLike

from toylab.errors import ToylabError
from toylab.probes.linear import logistic
from toylab.taps import Edit, Model, Params, run
from toylab.task import Number


def concept_vectors(
    with_concept: Float[Array, "*lead N D"],
    without: Float[Array, "*lead N D"],
    l2: Number = 1.0,
) -> Float[Array, "*lead D"]:
    """Return unit normals of linear classifiers, which point towards the concept.

    Args:
        with_concept: activations of examples of the concept, (..., N, D).
        without: those of random examples, of the same shape.
        l2: penalty of the logistic regression; scikit-learn's C is 2 / l2.

    Raises:
        ToylabError: shapes that differ.

    Source: Kim et al. 2018 (arXiv:1711.11279), section 3.2.
    """
    if with_concept.shape != without.shape:
        raise ToylabError(
            f"concept_vectors: {with_concept.shape} with and {without.shape} without the concept; "
            "give as many of each."
        )
    n = with_concept.shape[-2]
    labels = jnp.repeat(jnp.array([1, 0], jnp.int32), n)
    probe = logistic(jnp.concatenate([with_concept, without], -2), labels, 2, l2)
    normal = probe.weight[..., 1] - probe.weight[..., 0]
    return normal / jnp.linalg.norm(normal, axis=-1, keepdims=True)


def class_gradients(
    model: Model, params: Params, inputs: Array, site: str, target: int
) -> Float[Array, "B ..."]:
    """Return each example's gradient of a class's logit with respect to a site's activation.

    Args:
        model: its outputs are logits (B, K).
        params: its parameters.
        inputs: a batch.
        site: where to.
        target: the class, 0 to K - 1.

    Raises:
        ToylabError: an unknown site.
    """
    shape = jax.eval_shape(lambda: run(model, params, inputs, record=(site,))[1][site])
    moved = lambda d: run(model, params, inputs, edits=(Edit(site, "add", d),))[0][:, target].sum()
    return jax.grad(moved)(jnp.zeros(shape.shape, shape.dtype))


def tcav_scores(
    gradients_BD: Float[Array, "B D"], vectors: Float[Array, "*lead D"]
) -> Float[Array, "*lead"]:
    """Return the share of examples whose class grows along each vector, ``mean_b [g_b . v > 0]``.

    Args:
        gradients_BD: of the class's logit at the site, for examples of the class.
        vectors: concept activation vectors.

    Source: Kim et al. 2018 (arXiv:1711.11279), section 3.4.
    """
    along = jnp.einsum("bd,...d->...b", gradients_BD, vectors)
    share = jnp.mean((along > 0).astype(jnp.float32), -1)
    return jnp.where(jnp.isfinite(along).all(-1), share, jnp.nan)


class ConceptTest(NamedTuple):
    """Mean score over a concept's vectors, and the p-value against random concepts."""

    score: float
    p: float


def concept_test(scores: ArrayLike, random_scores: ArrayLike) -> ConceptTest:
    """Two-sided t-test of a concept's scores against those of random concepts.

    The vectors of one concept share its examples, so their scores are not independent and the
    test errs towards significance. Two samples without any spread and of one mean give p = 1.

    Args:
        scores: one per set of random examples that the concept was set against, at least 2.
        random_scores: of random sets set against other random sets, at least 2.

    Raises:
        ToylabError: fewer than two scores of a kind.

    Source: Kim et al. 2018 (arXiv:1711.11279), section 3.5.

    Example:
        >>> concept_test([0.9, 1.0, 0.95], [0.4, 0.6, 0.5]).p < 0.01
        True
    """
    own, null = np.asarray(scores, np.float64).ravel(), np.asarray(random_scores, float).ravel()
    if min(len(own), len(null)) < 2:
        raise ToylabError(
            f"concept_test: {len(own)} scores against {len(null)}; give two or more of each."
        )
    gap, free = abs(own.mean() - null.mean()), len(own) + len(null) - 2
    pooled = (own.var() * len(own) + null.var() * len(null)) / free
    error = np.sqrt(pooled * (1 / len(own) + 1 / len(null)))
    if error < 1e-9:  # scipy.stats.ttest_ind warns of it, and gives NaN
        return ConceptTest(float(own.mean()), float(gap < 1e-9))
    return ConceptTest(float(own.mean()), float(2 * scipy.stats.t.sf(gap / error, free)))
