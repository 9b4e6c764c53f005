"""Linear relational embedding: a relation as one affine map from subject to object.

D width of the subject's activation, E of the object's.

Source: Hernandez et al. 2023, "Linearity of Relation Decoding in Transformer Language Models"
(2308.09124), with their code.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from toylab.task import Number


class Relation(NamedTuple):
    """``o = beta W s + b``: W (E, D), b (E,)."""

    w: Array
    b: Array
    beta: Number = 1.0

    def __call__(self, s_ND: Float[Array, "N D"]) -> Float[Array, "N E"]:
        """Approximate objects of subjects."""
        beta = jnp.asarray(self.beta, jnp.float32)
        return beta * jnp.einsum("ed,nd->ne", self.w, s_ND) + self.b[None]


def mean_jacobian(
    f: Callable[..., Array], s_ND: Float[Array, "N D"], *context: Array, beta: Number = 1.0
) -> Relation:
    """First-order map of ``f`` averaged over N subjects.

    ``W = mean_n df/ds(s_n)`` and ``b = mean_n (f(s_n) - W_n s_n)``, W_n the Jacobian at s_n.

    Args:
        f: from one subject's activation (D,), and its row of each context, to the object's (E,).
        s_ND: activations of N subjects.
        *context: arrays (N, ...) with what else differs, such as the subjects' prompts.
        beta: factor on W, chosen on development subjects: the mean Jacobian is too small where
            a norm or an attention saturates.

    Source: Hernandez et al. 2023, section 3; there N = 8 and beta about 2.

    Example:
        >>> found = mean_jacobian(lambda s: 2 * s + 1, jnp.eye(2))
        >>> found.w.tolist(), found.b.tolist()
        ([[2.0, 0.0], [0.0, 2.0]], [1.0, 1.0])
    """
    w_NED = jax.vmap(jax.jacrev(f))(s_ND, *context)
    rest_NE = jax.vmap(f)(s_ND, *context) - jnp.einsum("ned,nd->ne", w_NED, s_ND)
    return Relation(w_NED.mean(0), rest_NE.mean(0), beta)


def subject_move(
    relation: Relation, change_NE: Float[Array, "N E"], rank: int
) -> Float[Array, "N D"]:
    """Move of the subject that changes the object so: ``W^+ (o' - o)``, W^+ of low rank.

    ``W = U S V^T`` is cut after its ``rank`` largest singular values before it is inverted: the
    small ones would make the move as long as it is useless. Beta is left out, as in the source.

    Args:
        relation: the map.
        change_NE: wanted change of the object.
        rank: singular values kept.
    """
    u_ER, s_R, vt_RD = jnp.linalg.svd(relation.w, full_matrices=False)
    part_NR = jnp.einsum("ne,er->nr", change_NE, u_ER[:, :rank]) / s_R[None, :rank]
    return jnp.einsum("nr,rd->nd", part_NR, vt_RD[:rank])


def other_subjects(object_S: Int[np.ndarray, " S"], known_S: Bool[np.ndarray, " S"]) -> np.ndarray:
    """Return for each subject the next known one, in a ring, with another object; else -1.

    Example:
        >>> other_subjects(np.array([0, 0, 1]), np.array([True, True, True])).tolist()
        [2, 2, 0]
    """
    n = len(object_S)
    found = np.full(n, -1)
    for s in range(n):
        ring = (s + 1 + np.arange(n - 1)) % n
        fits = ring[known_S[ring] & (object_S[ring] != object_S[s])]
        if len(fits):
            found[s] = fits[0]
    return found
