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
TURN, SOON = 0.15, 3  # walks that turn round, and the places after a turn that are looked at


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


def after_turns(walks: Walks, p_PBLV: np.ndarray) -> dict[str, np.ndarray]:
    """Mean mass soon after a turn on the day ahead and on the day not seen for longest, (P,) each.

    A walk that never turns round comes next to the day not seen for longest, so that recency alone
    could trace a ring. After a turn the two part. Counted are places of the second half at most
    ``SOON - 1`` after a turn, where the two differ.
    """
    day_BL, days = walks.day_BL, len(walks.token_N)
    place_L = np.arange(day_BL.shape[1])
    seen_BLN = np.where(day_BL[..., None] == np.arange(days), place_L[:, None], -1)
    last_BLN = np.maximum.accumulate(seen_BLN, axis=1)
    oldest_BL = np.where(last_BLN < 0, len(place_L), last_BLN).argmin(-1)
    before_BL, twice_BL = (np.roll(day_BL, by, axis=1) for by in (1, 2))
    ahead_BL = (2 * day_BL - before_BL) % days
    turn_BL = (day_BL == twice_BL) & (place_L >= 2)
    soon_BL = np.any([np.roll(turn_BL, by, axis=1) for by in range(SOON)], 0)
    counted_BL = soon_BL & (ahead_BL != oldest_BL) & (place_L >= len(place_L) // 2)
    found = {}
    for name, day in (("ahead", ahead_BL), ("oldest", oldest_BL)):
        token_BL1 = walks.token_N[day][..., None]
        mass_PBL = np.take_along_axis(p_PBLV, token_BL1[None], -1)[..., 0]
        found[name] = mass_PBL[:, counted_BL].mean(1)
    return found
