"""Small connected graphs: fixed lattices and rings, and random families drawn under jit.

A graph has n nodes in N >= n places, so that graphs of several sizes share one shape. Fixed
graphs are NumPy tables; random ones are drawn in JAX with a traced n.

Source: Park et al. 2025 (arXiv:2501.00070) for the grid, the ring and the hexagonal lattice.
"""

import functools
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int

from toylab import random
from toylab.check.data_files import read_rows
from toylab.errors import ToylabError, check_number, nearest

FAMILIES = ("grid", "ring", "hexagonal", "regular", "tree", "given")
DRAWN = ("regular", "tree")


def rectangle(rows: int, columns: int) -> np.ndarray:
    """Adjacency (n, n) of a square grid of ``rows`` by ``columns`` nodes, which come row by row."""
    place = np.stack(np.divmod(np.arange(rows * columns), columns), 1)
    return np.abs(place[:, None] - place[None]).sum(-1) == 1


def circulant(n: int, stride: int) -> np.ndarray:
    """Adjacency (n, n) that joins each of n nodes to those ``stride`` before and after it."""
    node = np.arange(n)
    joined = np.zeros((n, n), bool)
    joined[node, (node + stride) % n] = True
    return joined | joined.T


def grid(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Square grid: adjacency (n, n) and (row, column) of each of n = side^2 nodes."""
    place = np.array([(r, c) for r in range(side) for c in range(side)], np.float32)
    return np.abs(place[:, None] - place).sum(-1) == 1, place


def ring(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Cycle of n nodes: adjacency (n, n) and points on the unit circle (n, 2)."""
    step = np.eye(n, k=1, dtype=bool) | np.eye(n, k=1 - n, dtype=bool)
    angle = 2 * np.pi * np.arange(n) / n
    return step | step.T, np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)


def hexagonal(side: int) -> tuple[np.ndarray, np.ndarray]:
    """side x side hexagons: adjacency and points of n = 2 (side + 1)^2 - 2 nodes, edges 1 long."""
    # A brick wall, bent: node (r, c) with r + c even hangs on (r + 1, c).
    wall = [(r, c) for r in range(side + 1) for c in range(2 * side + 2)]
    beside = lambda a, b: a[0] == b[0] and a[1] + 1 == b[1]
    below = lambda a, b: a[0] + 1 == b[0] and a[1] == b[1] and sum(a) % 2 == 0
    half = np.array([[beside(a, b) or below(a, b) for b in wall] for a in wall])
    whole = half | half.T
    kept = whole.sum(1) > 1  # two corners of the wall belong to no hexagon
    bend = [(3**0.5 / 2 * c, 1.5 * r + (0.25 if (r + c) % 2 == 0 else -0.25)) for r, c in wall]
    return whole[np.ix_(kept, kept)], np.array(bend, np.float32)[kept]


def given(edges: Any) -> np.ndarray:
    """Adjacency (n, n) of a graph given as pairs of nodes 0 .. n - 1.

    Raises:
        ToylabError: no pairs, a node joined to itself, or a graph in several pieces.
    """
    try:
        pairs: Any = np.asarray(edges)
    except ValueError:
        pairs = np.empty(0)
    if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu":
        raise ToylabError("graph: edges must be pairs of whole node numbers, such as (0, 1).")
    if (pairs < 0).any() or (pairs[:, 0] == pairs[:, 1]).any():
        raise ToylabError("graph: edges must join two different nodes, numbered from 0.")
    n = int(pairs.max()) + 1
    adjacency = np.zeros((n, n), bool)
    adjacency[pairs[:, 0], pairs[:, 1]] = True
    adjacency |= adjacency.T
    check_connected("graph", adjacency)
    return adjacency


class Edges(NamedTuple):
    """A graph from a file.

    Attributes:
        edges: pairs of nodes 0 to n - 1, each once, as ``GraphTracing(edges=...)`` takes them.
        names: what the file calls each node.
    """

    edges: tuple[tuple[int, int], ...]
    names: tuple[str, ...]


def read_edges(path: str | Path) -> Edges:
    """Read an edge list: two nodes a line, apart by commas, semicolons, tabs or spaces.

    Nodes are in the order of their numbers, from whichever they begin, or of the alphabet. An edge
    in both directions is one. Lines that begin with ``#`` do not count.

    Args:
        path: the file.

    Raises:
        ToylabError: a file that cannot be read, a line that is not two nodes, a node joined to
            itself, or a graph in several pieces.

    Example:
        >>> from toylab.tasks.in_context.graph_tracing import GraphTracing
        >>> found = read_edges(Path(__file__).with_name("edge_list.txt"))
        >>> found.names, found.edges[:3]
        (('ant', 'bee', 'cat', 'dog', 'eel'), ((0, 1), (0, 3), (1, 2)))
        >>> GraphTracing(5, ("given",), (), edges=found.edges, length=12).n_nodes
        5
    """
    rows = [words for _, words in read_rows(path, 2, "two nodes")]
    nodes = {node for words in rows for node in words}
    numbered = all(node.isdecimal() for node in nodes)
    names = tuple(sorted(nodes, key=int if numbered else None))
    place = {name: i for i, name in enumerate(names)}
    edges = sorted({(min(e), max(e)) for a, b in rows if (e := (place[a], place[b]))})
    given(edges)
    return Edges(tuple(edges), names)


def check_connected(owner: str, adjacency: np.ndarray) -> None:
    """Refuse a graph in which a walk from node 0 cannot reach every node.

    Raises:
        ToylabError: names the first node out of reach.
    """
    reached = np.zeros(len(adjacency), bool)
    reached[:1] = True
    for _ in range(len(adjacency)):
        reached |= adjacency[reached].any(0)
    if not reached.all():
        lost = int(np.argmin(reached))
        raise ToylabError(
            f"{owner}: the graph is disconnected: no path joins node 0 and node {lost}; "
            "add an edge or number the nodes without gaps."
        )


def check_families(owner: str, field: str, families: tuple[str, ...]) -> None:
    """Refuse names that are not families."""
    for family in families:
        if family not in FAMILIES:
            hint = nearest(str(family), FAMILIES)
            raise ToylabError(f"{owner}: {field} has unknown family {family!r}; {hint}")


def check_regular(owner: str, n: int, degree: int) -> None:
    """Refuse sizes at which no random regular graph can be drawn."""
    if degree not in (3, 4):
        raise ToylabError(f"{owner}: degree = {degree!r}; give 3 or 4 (2 is the family 'ring').")
    if n <= degree or n * degree % 2:
        raise ToylabError(
            f"{owner}: no graph of {n} nodes is {degree}-regular; choose more than {degree} "
            "nodes, an even number if the degree is odd."
        )


def check_tree(owner: str, n: int, extra: int) -> None:
    """Refuse more extra edges than a tree of n nodes leaves free."""
    check_number(owner, f"extra_edges on {n} nodes", extra, 0, (n - 1) * (n - 2) // 2, whole=True)


def _symmetric(a_E: Array, b_E: Array, real_E: Array, room: int) -> Int[Array, "N N"]:
    """How often each pair of nodes is joined, of the edges that are real."""
    once_NN = jnp.zeros((room, room), jnp.int32).at[a_E, b_E].add(real_E.astype(jnp.int32))
    return once_NN + once_NN.T


@functools.partial(jax.jit, static_argnames=("room", "degree", "first"))
def random_regular(
    key: Array, n: Array, room: int, degree: int, first: int = 0
) -> Bool[Array, "N N"]:
    """Draw a connected graph of degree 3 or 4: a ring, plus a random matching or ring.

    Drawn again until no two nodes are joined twice. Connected by construction; for large n its
    distribution is contiguous with the uniform one (what holds almost surely in one, does in the
    other).

    Args:
        key: decides the graph.
        n: number of nodes, perhaps traced; must be a size that ``check_regular`` accepts.
        room: N.
        degree: 3 or 4.
        first: place in the key's stream of bits from which this draw takes its own.

    Returns:
        Adjacency, False beyond the first n nodes.

    Source: Robinson & Wormald 1994; Kim & Wormald 2001 (contiguity of random regular graphs).
    """
    i_N = jnp.arange(room, dtype=jnp.int32)
    ring_NN = _symmetric(i_N, (i_N + 1) % n, i_N < n, room)

    def draw(tries: Array) -> Array:
        counter_N = (tries * room + i_N).astype(jnp.uint32) + np.uint32(first)
        bits_N = random.bits_at(key, counter_N) >> np.uint32(1)
        shuffled_N = jnp.argsort(jnp.where(i_N < n, bits_N, np.uint32(2**32 - 1)))
        next_N = shuffled_N[(i_N + 1) % n]
        real_N = (i_N < n) & (i_N % 2 == 0) if degree == 3 else i_N < n
        return ring_NN + _symmetric(shuffled_N, next_N, real_N, room)

    def again(state: tuple[Array, Array]) -> tuple[Array, Array]:
        return state[0] + 1, draw(state[0] + 1)

    start = (jnp.int32(-1), ring_NN + 2)
    return jax.lax.while_loop(lambda state: (state[1] > 1).any(), again, start)[1] > 0


@functools.partial(jax.jit, static_argnames=("room", "extra"))
def random_tree(bits_E: Array, n: Array, room: int, extra: int) -> Bool[Array, "N N"]:
    """Draw a random recursive tree (node i joins a uniform earlier one) plus ``extra`` edges.

    Args:
        bits_E: N + N^2 random 32-bit integers.
        n: number of nodes, perhaps traced.
        room: N.
        extra: edges added between uniformly chosen pairs that are not yet joined.

    Returns:
        Adjacency, False beyond the first n nodes.
    """
    i_N = jnp.arange(room, dtype=jnp.int32)
    u_N = bits_E[:room].astype(jnp.float32) * random.SCALE
    parent_N = (u_N * i_N.astype(jnp.float32)).astype(jnp.int32)
    parent_N = jnp.clip(parent_N, 0, jnp.maximum(i_N - 1, 0))
    tree_NN = _symmetric(i_N, parent_N, (i_N > 0) & (i_N < n), room) > 0
    if not extra:
        return tree_NN
    free_NN = (i_N[:, None] < i_N[None]) & (i_N[None] < n) & ~tree_NN
    score_NN = (bits_E[room:].reshape(room, room) >> np.uint32(1)).astype(jnp.int32)
    chosen_E = jax.lax.top_k(jnp.where(free_NN, score_NN, -1).reshape(-1), extra)[1]
    real_E = jnp.ones(extra, jnp.bool_)
    return tree_NN | (_symmetric(chosen_E // room, chosen_E % room, real_E, room) > 0)


@jax.jit
def spectrum(adjacency_NN: Array, n: Array) -> tuple[Float[Array, " N"], Float[Array, "N N"]]:
    """Eigenvalues, ascending, and eigenvectors (as columns) of the Laplacian ``D - A``.

    Columns 1 and 2 embed a connected graph in the plane; column 0 is constant. The sign of a
    column, and the basis where eigenvalues coincide, are arbitrary. Beyond n, eigenvalues are -1
    and vectors 0.
    """
    room = len(adjacency_NN)
    real_N = jnp.arange(room) < n
    joined_NN = adjacency_NN.astype(jnp.float32)
    # An eigenvalue is at most 2n: those of the empty places come last.
    diagonal_N = jnp.where(real_N, joined_NN.sum(1), 4.0 * room)
    value_N, vector_NN = jnp.linalg.eigh(jnp.diag(diagonal_N) - joined_NN)
    return jnp.where(real_N, value_N, -1.0), jnp.where(
        real_N[None] & real_N[:, None], vector_NN, 0.0
    )


@jax.jit
def distances(adjacency_NN: Array, n: Array) -> Int[Array, "N N"]:
    """Number of edges on a shortest path, -1 where there is none."""
    room = len(adjacency_NN)
    real_N = jnp.arange(room) < n
    far = jnp.int32(room)
    d_NN = jnp.where(adjacency_NN, jnp.int32(1), far)
    d_NN = jnp.where(jnp.eye(room, dtype=jnp.bool_) & real_N[None], jnp.int32(0), d_NN)
    # Each round doubles the length of the paths found.
    longer = lambda _, d_NN: jnp.minimum(d_NN, (d_NN[:, :, None] + d_NN[None]).min(1))
    d_NN = jax.lax.fori_loop(0, max(1, (room - 1).bit_length()), longer, d_NN)
    return jnp.where(d_NN < far, d_NN, -1)
