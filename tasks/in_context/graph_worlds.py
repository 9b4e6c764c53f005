"""Worlds of fresh graphs: which graphs may come, and which tokens stand on their nodes."""

import dataclasses
import functools
import math
from typing import NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Number, Task

from . import graphs

CALENDAR = len(graphs.FAMILIES)
TRAINED = ("ring", "regular", "tree")


class Graph(NamedTuple):
    """A graph with tokens on its nodes, in N places of which the first ``n_nodes`` are real."""

    adjacency: Array  # (N, N) bool
    n_nodes: Array  # () int32
    tokens: Array  # (N,) int32, -1 beyond
    family: Array  # () int32, index in graphs.FAMILIES, or CALENDAR
    position: Array  # (N, 2) float32, of fixed graphs


def placed(adjacency: np.ndarray, tokens: np.ndarray, room: int, family: int = 0) -> Graph:
    """Return a given graph with given tokens on its nodes, in ``room`` places.

    Args:
        adjacency: (n, n) of the graph's own nodes.
        tokens: (n,).
        room: N.
        family: index in ``graphs.FAMILIES``.
    """
    n, gap = len(adjacency), room - len(adjacency)
    return Graph(
        jnp.asarray(np.pad(adjacency, ((0, gap), (0, gap)))),
        jnp.int32(n),
        jnp.asarray(np.pad(tokens, (0, gap), constant_values=-1), jnp.int32),
        jnp.int32(family),
        jnp.zeros((room, 2), jnp.float32),
    )


@dataclasses.dataclass(frozen=True)
class GraphWorld(Task):
    """Fresh graphs with fresh tokens; what is shown of them is up to the task.

    Args:
        n_tokens: T, tokens to choose from.
        families: families to draw from evenly: ``grid``, ``ring``, ``hexagonal``, ``regular``
            (random), ``tree`` (plus edges), ``given``.
        held_out: families never drawn here; ``held()`` is the task that draws only them.
        sides: sides of square grids.
        hexagons: hexagons along a side of hexagonal graphs.
        sizes: numbers of nodes of rings, regular graphs and trees.
        degree: of regular graphs, 3 or 4.
        extra_edges: edges beyond the tree's.
        edges: the family ``given``, as pairs of nodes.
        calendar: C, nodes of a ring that always has the same tokens in the same order; 0 for none.
        calendar_share: share of sequences that walk the calendar; may differ per member.

    Raises:
        ToylabError: an unknown family, a disconnected graph, a grid of side 1, more nodes than
            tokens.
    """

    n_tokens: int = 20
    families: tuple[str, ...] = TRAINED
    held_out: tuple[str, ...] = ("grid",)
    sides: tuple[int, ...] = (4,)
    hexagons: tuple[int, ...] = (2,)
    sizes: tuple[int, ...] = (10, 16)
    degree: int = 3
    extra_edges: int = 4
    edges: tuple[tuple[int, int], ...] = ()
    calendar: int = 0
    calendar_share: Number = 0.0

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_number(owner, "n_tokens", self.n_tokens, low=2, whole=True)
        check_number(owner, "calendar", self.calendar, low=0, whole=True)
        check_number(owner, "calendar_share", self.calendar_share, low=0.0, high=1.0)
        graphs.check_families(owner, "families", self.families)
        graphs.check_families(owner, "held_out", self.held_out)
        if not self.drawn:
            raise ToylabError(f"{owner}: every family is held out; leave one in families.")
        bounds = {"sides": 2, "hexagons": 1, "sizes": 3}
        for field, least in bounds.items():
            for value in getattr(self, field):
                check_number(owner, f"each of {field}", value, low=least, whole=True)
        self._check_sizes(owner)

    def _check_sizes(self, owner: str) -> None:
        """Refuse graphs that cannot be drawn and tokens that run out."""
        used = (*self.drawn, *self.held_out)
        for n in self.sizes:
            if "regular" in used:
                graphs.check_regular(owner, n, self.degree)
            if "tree" in used:
                graphs.check_tree(owner, n, self.extra_edges)
        for family in used:
            if not self._numbers(family):
                raise ToylabError(f"{owner}: the family {family!r} has no size to draw.")
        if self.calendar in (1, 2):
            raise ToylabError(f"{owner}: calendar = {self.calendar}; a ring has 3 nodes or more.")
        if not self.calendar and not isinstance(self.calendar_share, Tracer):
            check_number(owner, "calendar_share without a calendar", self.calendar_share, 0, 0)
        largest = max(len(table[0]) for f in used for table in self._tables(f))
        if largest > self.n_tokens:
            raise ToylabError(
                f"{owner}: a graph of {largest} nodes needs as many tokens, but n_tokens = "
                f"{self.n_tokens}; raise it or choose smaller graphs."
            )

    def _numbers(self, family: str) -> tuple[int, ...]:
        """The sizes of a family, as its setting counts them."""
        settings = {"grid": self.sides, "hexagonal": self.hexagons, "given": (1,)}
        return settings.get(family, self.sizes)

    def _tables(self, family: str) -> list[tuple[np.ndarray, np.ndarray]]:
        """Adjacency and position of each size of a family; empty ones where it is random."""
        if family == "given":
            adjacency = graphs.given(self.edges)
            return [(adjacency, np.zeros((len(adjacency), 2), np.float32))]
        blank = lambda n: (np.zeros((n, n), bool), np.zeros((n, 2), np.float32))
        made = {"grid": graphs.grid, "ring": graphs.ring, "hexagonal": graphs.hexagonal}
        return [made.get(family, blank)(number) for number in self._numbers(family)]

    @property
    def drawn(self) -> tuple[str, ...]:
        """Families that are not held out."""
        return tuple(f for f in self.families if f not in self.held_out)

    @functools.cached_property
    def n_nodes(self) -> int:
        """N, the nodes of the largest graph of any family, held out or not, or of the calendar."""
        used = (*self.drawn, *self.held_out)
        return max(self.calendar, *(len(t[0]) for f in used for t in self._tables(f)))

    @property
    def vocab(self) -> int:
        """V = T + C + 1 tokens."""
        return self.n_tokens + self.calendar + 1

    def held(self) -> Self:
        """The same task on the held-out families alone, with arrays of the same shapes."""
        return dataclasses.replace(self, families=self.held_out, held_out=self.drawn)

    @functools.cached_property
    def _kinds(self) -> tuple[np.ndarray, ...]:
        """Adjacency (K, N, N), nodes, family, position and probability of each kind of graph."""
        kinds = [(f, t, 1 / len(self._tables(f))) for f in self.drawn for t in self._tables(f)]
        if self.calendar:
            kinds.append(("", graphs.ring(self.calendar), 0.0))
        short = [self.n_nodes - len(t[0]) for _, t, _ in kinds]
        pad = lambda table, gap, square: np.pad(table, ((0, gap), (0, gap if square else 0)))
        families = (*graphs.FAMILIES, "")
        return (
            np.stack([pad(t[0], gap, True) for (_, t, _), gap in zip(kinds, short, strict=True)]),
            np.array([len(t[0]) for _, t, _ in kinds], np.int32),
            np.array([families.index(f) for f, _, _ in kinds], np.int32),
            np.stack([pad(t[1], gap, False) for (_, t, _), gap in zip(kinds, short, strict=True)]),
            np.array([share / len(self.drawn) for _, _, share in kinds], np.float32),
        )

    def graph(self, key: Array) -> Graph:
        """Draw a graph and the tokens of its nodes."""
        return self._graph(key, random.once(random.bits(key, (self._bits,))), self._bits)

    @property
    def _bits(self) -> int:
        """Random integers that a graph takes, those of regular graphs apart."""
        return 2 + self.n_tokens + self.n_nodes + self.n_nodes**2

    def _graph(self, key: Array, bits_E: Array, after: int) -> Graph:
        """The graph of these integers, and of those from ``after`` on in the key's stream."""
        table, nodes, family, position, share = map(jnp.asarray, self._kinds)
        u_2 = bits_E[:2].astype(jnp.float32) * random.SCALE
        kind = jnp.searchsorted(jnp.cumsum(share), u_2[0], side="right").astype(jnp.int32)
        kind = jnp.minimum(kind, len(nodes) - 1 - bool(self.calendar))
        dated = jnp.bool_(False)
        if self.calendar:
            dated = u_2[1] < jnp.asarray(self.calendar_share, jnp.float32)
            kind = jnp.where(dated, len(nodes) - 1, kind)
        n, room = nodes[kind], self.n_nodes
        adjacency_NN = table[kind]
        if "regular" in self.drawn:
            mine = family[kind] == graphs.FAMILIES.index("regular")
            # Every lane of a vmap draws: give the others a size at which the draw ends.
            size = jnp.where(mine, n, self.sizes[0])
            regular_NN = graphs.random_regular(key, size, room, self.degree, first=after)
            adjacency_NN = jnp.where(mine, regular_NN, adjacency_NN)
        if "tree" in self.drawn:
            mine = family[kind] == graphs.FAMILIES.index("tree")
            size = jnp.where(mine, n, self.sizes[0])
            tree_NN = graphs.random_tree(bits_E[-room - room**2 :], size, room, self.extra_edges)
            adjacency_NN = jnp.where(mine, tree_NN, adjacency_NN)
        i_N = jnp.arange(room, dtype=jnp.int32)
        shuffled_T = jnp.argsort(bits_E[2 : 2 + self.n_tokens]).astype(jnp.int32)
        fresh_N = jnp.pad(shuffled_T, (0, max(0, room - self.n_tokens)))[:room]
        tokens_N = jnp.where(i_N < n, jnp.where(dated, self.n_tokens + i_N, fresh_N), -1)
        return Graph(adjacency_NN, n, tokens_N, family[kind], position[kind])

    def uniform_loss(self) -> float:
        """log(T + C): every token but the separator alike."""
        return math.log(self.vocab - 1)


@jax.jit
def truth(graph: Graph) -> dict[str, Array]:
    """Latents of a graph, whatever the walk."""
    value_N, vector_NN = graphs.spectrum(graph.adjacency, graph.n_nodes)
    fixed = (graph.position != 0).any()
    return {
        "tokens": graph.tokens,
        "n_nodes": graph.n_nodes,
        "family": graph.family,
        "adjacency": graph.adjacency,
        "degree": graph.adjacency.sum(1, dtype=jnp.int32),
        "distance": graphs.distances(graph.adjacency, graph.n_nodes),
        "eigenvalues": value_N,
        "eigenvectors": vector_NN,
        "position": jnp.where(fixed, graph.position, vector_NN[:, 1:3]),
    }
