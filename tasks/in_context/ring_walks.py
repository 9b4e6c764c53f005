"""Walks on rings of the same few tokens in different orders, and the mass on a ring's next token.

With C = 7 days there are three rings without a common edge: from each day to the next, to the next
but one, and to the third. Their Laplacians' eigenvectors 2 and 3 are three planes at right angles
that fill the six dimensions of centred class means, so that the shares of the variance in them add
up to one. Walked is the calendar (stride 1) or a permuted ring (2 or 3); the third is a control.

Source of the question: Park et al. 2025 (arXiv:2501.00070), days of the week.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .graph_tracing import GraphTracing, follow_all
from .graph_worlds import placed
from .graphs import circulant, ring

DAYS = 7
STRIDES = (2, 3)  # of permuted rings


class Walks(NamedTuple):
    """Walks on one ring: day d is followed by d + stride or d - stride."""

    stride: int
    tokens_BL: Array
    day_BL: np.ndarray
    token_N: np.ndarray  # of each day


def other_stride(stride: int) -> int:
    """The permuted ring that is not walked."""
    return STRIDES[1 - STRIDES.index(stride)]


def draw_walks(
    task: GraphTracing, token_N: np.ndarray, stride: int, count: int, seed: int
) -> Walks:
    """Draw walks on the ring of a stride over the days' tokens, from each day in turn.

    The graph is built by hand: node i of the ring is day ``i * stride mod N``.
    """
    days = len(token_N)
    day_of = np.arange(days) * stride % days
    graph = placed(ring(days)[0], token_N[day_of], task.n_nodes)
    first_B = jnp.arange(count, dtype=jnp.int32) % days
    batch = follow_all(task, jax.random.split(jax.random.key(seed), count), graph, first_B)
    return Walks(stride, batch.inputs, day_of[np.asarray(batch.latents["node"])], token_N)


def masses(walks: Walks, p_PBLV: np.ndarray) -> dict[str, np.ndarray]:
    """Mean mass at each place, (P, L) each, from place 1 on meaningful.

    context: the walked ring's neighbours less the day just left, which is one day.
    calendar: both neighbours in the calendar, less the day just left.
    other: both neighbours in the ring that is not walked (of a calendar walk, of stride 2).
    """
    before_BL = np.pad(walks.day_BL[:, :-1], ((0, 0), (1, 0)), constant_values=-1)
    days = len(walks.token_N)
    fresh_BLN = before_BL[..., None] != np.arange(days)
    other = 2 if walks.stride == 1 else other_stride(walks.stride)
    strides = {"context": walks.stride, "calendar": 1, "other": other}
    p_PBLN = p_PBLV[..., walks.token_N]
    found = {}
    for name, stride in strides.items():
        near_BLN = circulant(days, stride)[walks.day_BL] & fresh_BLN
        found[name] = (p_PBLN * near_BLN).sum(-1).mean(1)
    return found
