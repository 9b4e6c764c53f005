"""Walks on a fresh graph whose nodes carry fresh tokens: the structure stands in the context only.

Each sequence draws a connected graph and gives each node a token at random, then shows a walk as
tokens. With T node tokens and a calendar of C, tokens 0 to T - 1 stand on nodes, T to T + C - 1 are
the calendar's, and the last, T + C, separates pairs. Targets are the tokens that follow.

Source: Park et al. 2025 (arXiv:2501.00070): grid, ring and hexagonal graphs, uniform walks, and
edge pairs with a separator. Random families and meta-training are this laboratory's own.
"""

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jaxtyping import Bool, Float

from toylab import random
from toylab.errors import ToylabError, check_number, nearest
from toylab.task import Batch, Number, Task

from .graph_walks import WALKS, bigram_counts, draw_walk, smoothed
from .graph_worlds import Graph, GraphWorld, truth


@dataclasses.dataclass(frozen=True)
class GraphTracing(GraphWorld):
    """Walks on fresh graphs with fresh tokens. Latents, with N the nodes of the largest graph:

    ============ ============================================================================
    node         the node at each place, -1 at separators (L,)
    options      number of nodes the walk chose from evenly, unless it turned; 1 off the walk (L,)
    tokens       token of each node, -1 beyond the graph's nodes (N,)
    n_nodes      number of nodes ()
    family       index in ``graphs.FAMILIES``; that tuple's length for the calendar ()
    adjacency    (N, N) bool
    degree       (N,)
    distance     edges on a shortest path, -1 beyond the graph (N, N)
    eigenvalues  of the Laplacian, ascending, -1 beyond (N,)
    eigenvectors of the Laplacian, one per column, 0 beyond (N, N)
    position     row and column, or points of a drawing; columns 1 and 2 of the eigenvectors for
                 families without one (N, 2)
    ============ ============================================================================

    A walk begins at a uniform node and steps to a uniform neighbour. A non-backtracking one does
    not return to the node it came from, except from a dead end. Round a ring it comes next to the
    node not seen for longest, whatever the ring's size, so that recency alone tells the next one;
    ``turn`` rules that out. Pairs are a uniform node, a uniform neighbour and a separator,
    independently; there weights are 1 on the neighbour alone.

    Args:
        length: L, places of a sequence.
        walk: ``walk``, ``non-backtracking`` or ``pairs``.
        turn: probability that a non-backtracking walk on a ring turns round at a step.
        n_tokens: and the rest as in ``GraphWorld``: which graphs, held out or not, the calendar.

    Raises:
        ToylabError: an unknown family or walk, a disconnected graph, a grid of side 1, more nodes
            than tokens, a context too short to visit every node.

    Source: Park et al. 2025, sections 2 and 3.

    Example:
        >>> batch = GraphTracing(n_tokens=16, sizes=(8,), length=24).batch(jax.random.key(0), 2)
        >>> batch.inputs.shape, batch.latents["adjacency"].shape
        ((2, 24), (2, 16, 16))
    """

    length: int = 128
    walk: str = "walk"
    turn: Number = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("GraphTracing", "length", self.length, low=2, whole=True)
        if self.walk not in WALKS:
            hint = nearest(str(self.walk), WALKS)
            raise ToylabError(f"GraphTracing: unknown walk {self.walk!r}; {hint}")
        check_number("GraphTracing", "turn", self.turn, low=0.0, high=1.0)
        if self.walk != "non-backtracking" and not isinstance(self.turn, Tracer):
            check_number("GraphTracing", f"turn of {self.walk!r}", self.turn, 0, 0)
        places = math.ceil(self.n_nodes * (1.5 if self.walk == "pairs" else 1))
        if self.length < places:
            raise ToylabError(
                f"GraphTracing: length = {self.length} is too short to visit {self.n_nodes} "
                f"nodes in a context of {self.walk!r}; give at least {places}."
            )

    @functools.cached_property
    def steps(self) -> np.ndarray:
        """Whether the target at each place is one step along an edge (L,)."""
        places = np.arange(self.length)
        return places % 3 == 0 if self.walk == "pairs" else np.ones(self.length, bool)

    def example(self, key: Array) -> Batch:
        """Draw one graph and one walk on it."""
        count = self._bits + 1 + 2 * (self.length + 1)
        bits_E = random.once(random.bits(key, (count,)))
        steps_E = bits_E[self._bits :].astype(jnp.float32) * random.SCALE
        graph = self._graph(key, bits_E[: self._bits], count)
        return self._follow(steps_E[1:], graph, random.pick(steps_E[0], graph.n_nodes))

    def shared(self, key: Array, size: int) -> Batch:
        """Draw one graph with its tokens, and ``size`` walks on it; walk i starts at node i mod n.

        Class means over such a batch pool the same node over many contexts.
        """
        shape, steps = jax.random.split(key)
        graph = self.graph(shape)
        first_B = jnp.arange(size, dtype=jnp.int32) % graph.n_nodes
        return follow_all(self, jax.random.split(steps, size), graph, first_B)

    def follow(self, key: Array, graph: Graph, first: Array) -> Batch:
        """Draw a walk on a given graph from a given node; pairs draw their own first nodes."""
        u_E = random.once(random.uniform(key, (2 * (self.length + 1),)))
        return self._follow(u_E, graph, first)

    def _follow(self, u_E: Array, graph: Graph, first: Array) -> Batch:
        """The walk that these numbers from [0, 1] decide."""
        ring = (graph.adjacency.sum(1) == 2).sum() == graph.n_nodes
        turn = jnp.where(ring, jnp.asarray(self.turn, jnp.float32), 0)
        node_L1, options_L = draw_walk(
            u_E.reshape(-1, 2), graph.adjacency, graph.n_nodes, first, self.length, self.walk, turn
        )
        separator = jnp.int32(self.vocab - 1)
        token_L1 = jnp.where(node_L1 < 0, separator, graph.tokens[node_L1])
        latents = truth(graph) | {"node": node_L1[:-1], "options": options_L}
        weights_L = jnp.asarray(self.steps, jnp.float32)
        return Batch(token_L1[:-1], token_L1[1:], weights_L, latents)

    def floor(self, batch: Batch) -> Float[Array, "B L"]:
        """Cross-entropy of a walker's friend who sees the graph: log of the number of options.

        On rings the entropy of turning is added from the second place on. No predictor of the
        tokens alone can be better on average. Weigh by ``batch.weights``.
        """
        turn = jnp.asarray(self.turn, jnp.float32)
        entropy = jax.scipy.special.entr(turn) + jax.scipy.special.entr(1 - turn)
        ring_B = (batch.latents["degree"] == 2).sum(1) == batch.latents["n_nodes"]
        turning_BL = ring_B[:, None] & (jnp.arange(self.length) > 0)[None]
        options_BL = jnp.log(batch.latents["options"].astype(jnp.float32))
        return options_BL + jnp.where(turning_BL, entropy, 0)

    def bigram(
        self,
        batch: Batch,
        directed: bool = True,
        alpha: float | None = None,
        known: bool = False,
    ) -> Float[Array, "B L V"]:
        """Probabilities of the in-context bigram predictor at each place.

        The posterior mean ``(c[v] + alpha) / sum_u (c[u] + alpha)`` with c the counts of what
        followed the present token so far: Bayes-optimal if each node's transitions were an
        independent draw from a Dirichlet. Undirected counts read each step both ways too, as the
        edges of a graph allow. On non-backtracking walks the counts of the token before the
        present one are dropped, and its pseudo-count is kept for dead ends.

        Args:
            batch: with a leading axis B.
            directed: count steps as walked only.
            alpha: pseudo-count; one over the number of candidates by default.
            known: the candidates are the tokens of the sequence's own graph, rather than all
                but the separator.

        Returns:
            Probabilities (B, L, V); meaningful where ``steps``.

        Source: Edelman et al. 2024 (arXiv:2402.11004), the in-context bigram strategy.
        """
        x_BL = batch.inputs
        step_L = jnp.asarray(self.steps)
        counts_BLV = bigram_counts(x_BL, batch.targets, step_L, self.vocab, directed)
        token_V = jnp.arange(self.vocab, dtype=jnp.int32)
        if self.walk == "non-backtracking":
            before_BL = jnp.pad(x_BL[:, :-1], ((0, 0), (1, 0)), constant_values=-1)
            dropped_BLV = before_BL[..., None] == token_V[None, None]
            counts_BLV = jnp.where(dropped_BLV, 0.0, counts_BLV)
        support_BV = jnp.broadcast_to(token_V < self.vocab - 1, (len(x_BL), self.vocab))
        if known:
            own_BN1 = batch.latents["tokens"][..., None]
            support_BV = (own_BN1 == token_V[None, None]).any(1)
        return smoothed(counts_BLV, support_BV, alpha)

    def bigram_loss(self, batch: Batch, **options: Any) -> Float[Array, "B L"]:
        """Cross-entropy of ``bigram`` at each place, in nats; weigh by ``batch.weights``."""
        p_BLV = self.bigram(batch, **options)
        p_BL = jnp.take_along_axis(p_BLV, batch.targets[..., None], -1)[..., 0]
        return -jnp.log(jnp.maximum(p_BL, jnp.float32(1e-30)))

    def rule(self, batch: Batch, previous: bool = True) -> Bool[Array, "B L V"]:
        """Tokens of the present node's neighbours, perhaps without the token just before.

        On a walk that may turn back, the token before is always a neighbour: naming it follows
        the rule and shows nothing. False at separators.
        """
        node_BL, tokens_BN = batch.latents["node"], batch.latents["tokens"]
        hot_BNV = tokens_BN[..., None] == jnp.arange(self.vocab, dtype=jnp.int32)[None, None]
        near_BNV = jnp.einsum(
            "bij,bjv->biv",
            batch.latents["adjacency"].astype(jnp.float32),
            hot_BNV.astype(jnp.float32),
        )
        allowed_BLV = jnp.take_along_axis(near_BNV, jnp.maximum(node_BL, 0)[..., None], 1) > 0
        if not previous:
            hot_BLV = jax.nn.one_hot(batch.inputs[:, :-1], self.vocab, dtype=jnp.bool_)
            allowed_BLV &= ~jnp.pad(hot_BLV, ((0, 0), (1, 0), (0, 0)))
        return allowed_BLV & (node_BL >= 0)[..., None]

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether the tokens are a walk on the graph, and the graph's latents agree."""
        told = {name: np.asarray(leaf) for name, leaf in batch.latents.items()}
        x_BL, y_BL = np.asarray(batch.inputs), np.asarray(batch.targets)
        allowed_BLV = np.asarray(self.rule(batch))
        walked_BL = np.take_along_axis(allowed_BLV, y_BL[..., None], -1)[..., 0]
        shown_BL = np.take_along_axis(told["tokens"], np.maximum(told["node"], 0), 1)
        shown_BL = np.where(told["node"] < 0, self.vocab - 1, shown_BL)
        joined_BNN = told["adjacency"].astype(np.float32)
        laplacian_BNN = told["degree"][:, :, None] * np.eye(self.n_nodes) - joined_BNN
        vector_BNN, value_B1N = told["eigenvectors"], told["eigenvalues"][:, None]
        agree = [
            (x_BL[:, 1:] == y_BL[:, :-1]).all(1),
            (shown_BL == x_BL).all(1),
            walked_BL[:, self.steps].all(1),
            (told["degree"] == joined_BNN.sum(1)).all(1),
            ((told["distance"] == 1) == told["adjacency"]).all((1, 2)),
            ((told["distance"][:, 0] >= 0).sum(1) == told["n_nodes"]),
            (abs(laplacian_BNN @ vector_BNN - vector_BNN * value_B1N) < 1e-4).all((1, 2)),
        ]
        return np.all(agree, 0)


@functools.partial(jax.jit, static_argnums=0)
def follow_all(task: GraphTracing, keys: Array, graph: Graph, first: Array) -> Batch:
    """Draw walks on one graph, a key and a first node each."""
    return jax.vmap(task.follow, (0, None, 0))(keys, graph, first)


def shuffled(batch: Batch, seed: int) -> Batch:
    """Put the places of every walk in a random order: the same tokens, no steps.

    A control; its targets and weights have no meaning.
    """
    tokens, nodes = np.asarray(batch.inputs), np.asarray(batch.latents["node"])
    rng, places = np.random.default_rng(seed), np.arange(tokens.shape[-1])
    order = rng.permuted(np.broadcast_to(places, tokens.shape), axis=-1)
    mix = lambda values: jnp.asarray(np.take_along_axis(values, order, -1))
    return batch._replace(inputs=mix(tokens), latents=batch.latents | {"node": mix(nodes)})


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    dated = {"calendar": 5, "calendar_share": 0.3}
    return (
        GraphTracing(10, held_out=("grid",), sides=(3,), sizes=(6,), extra_edges=2, length=12),
        GraphTracing(9, ("grid", "ring"), (), (2,), sizes=(5,), walk="pairs", length=12, **dated),
    )
