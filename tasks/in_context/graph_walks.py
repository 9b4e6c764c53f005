"""Walks on a graph, and the in-context bigram counter: what a walk tells of its next step."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Float, Int

from toylab.random import pick

WALKS = ("walk", "non-backtracking", "pairs")


@functools.partial(jax.jit, static_argnames=("length", "walk"))
def draw_walk(
    u_L2: Float[Array, "L1 2"],
    adjacency_NN: Bool[Array, "N N"],
    n: Array,
    first: Array,
    length: int,
    walk: str,
    turn: Array | float = 0.0,
) -> tuple[Int[Array, " L1"], Int[Array, " L"]]:
    """Draw a walk.

    Args:
        u_L2: numbers from [0, 1], two per place, which decide the steps.
        adjacency_NN: of a graph without isolated nodes, in N places.
        n: its number of nodes.
        first: node to start from.
        length: L.
        walk: one of ``WALKS``.
        turn: probability of going back to the node before, whatever its neighbours.

    Returns:
        Nodes at L + 1 places, -1 for separators; at L of them, the number of nodes that the next
        one was chosen from evenly where the walk did not turn (1 where pairs take no step).
    """

    def step(state: tuple[Array, Array], given: tuple[Array, Array]) -> tuple[Any, Any]:
        (before, node), (place, u_2) = state, given
        open_N = adjacency_NN[node]
        if walk == "non-backtracking":
            ahead_N = open_N & (jnp.arange(len(open_N)) != before)
            open_N = jnp.where(ahead_N.any(), ahead_N, open_N)
        count = open_N.sum(dtype=jnp.int32)
        after = jnp.argmax(jnp.cumsum(open_N) > pick(u_2[0], count)).astype(jnp.int32)
        if walk != "pairs":
            after = jnp.where((u_2[1] < turn) & (before >= 0), before, after)
            return (node, after), (node, count)
        # Places take turns: a node, its neighbour, a separator; then another node.
        role = place % 3
        shown = jnp.where(role == 2, -1, node)
        kept = jnp.where(role == 1, node, pick(u_2[1], n))
        after = jnp.where(role == 0, after, kept)
        return (node, after), (shown, jnp.where(role == 0, count, 1))

    places = jnp.arange(length + 1, dtype=jnp.int32)
    _, (node_L1, count_L1) = jax.lax.scan(step, (jnp.int32(-1), first), (places, u_L2))
    return node_L1, count_L1[:-1]


def bigram_counts(
    inputs_BL: Int[Array, "B L"],
    targets_BL: Int[Array, "B L"],
    step_L: Bool[Array, " L"],
    vocab: int,
    directed: bool,
) -> Float[Array, "B L V"]:
    """Count what has followed each place's token before that place.

    ``c_t[v] = sum_{s < t} [x_s = x_t][y_s = v]`` over steps s along an edge; undirected adds
    ``[y_s = x_t][x_s = v]``, as an edge may be walked either way.

    Args:
        inputs_BL: tokens x.
        targets_BL: the tokens y that follow them.
        step_L: places whose target is one step along an edge.
        vocab: V.
        directed: count steps as walked only.

    Returns:
        Counts, of the context up to each place and nothing later.
    """
    places = jnp.arange(inputs_BL.shape[1])
    past_LL = (places[None] < places[:, None]) & step_L[None]
    hot = lambda tokens: jax.nn.one_hot(tokens, vocab, dtype=jnp.float32)

    def gather(source_BL: Array, other_BL: Array) -> Array:
        same_BLL = (inputs_BL[:, :, None] == source_BL[:, None, :]) & past_LL[None]
        return same_BLL.astype(jnp.float32) @ hot(other_BL)

    forward_BLV = gather(inputs_BL, targets_BL)
    return forward_BLV if directed else forward_BLV + gather(targets_BL, inputs_BL)


def smoothed(
    counts_BLV: Float[Array, "B L V"], support_BV: Bool[Array, "B V"], alpha: float | None
) -> Float[Array, "B L V"]:
    """Posterior mean of next-token probabilities under a Dirichlet(alpha) prior on each row.

    ``p[v] = (c[v] + alpha) / sum_u (c[u] + alpha)`` over the tokens u, v of the support.

    Args:
        counts_BLV: counts of each place's row.
        support_BV: tokens that can follow at all.
        alpha: pseudo-count of each; one over their number by default.
    """
    support_B1V = support_BV[:, None].astype(jnp.float32)
    prior_B1V = support_B1V / support_B1V.sum(-1, keepdims=True)
    if alpha is not None:
        prior_B1V = support_B1V * jnp.float32(alpha)
    weight_BLV = (counts_BLV + prior_B1V) * support_B1V
    return weight_BLV / weight_BLV.sum(-1, keepdims=True)
