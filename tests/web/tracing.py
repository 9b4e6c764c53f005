"""What the page of graph tracing is held to: its networks on given walks, and their geometry."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from toylab.analysis.geometry.class_means import class_means
from toylab.analysis.geometry.measures import dirichlet_energy, principal_components, procrustes
from toylab.analysis.geometry.nulls import chance_energy
from toylab.models import Transformer
from toylab.studies.in_context.graph_network import Network, network
from toylab.taps import run
from toylab.task import Batch
from toylab.tasks.in_context.given_walks import shuffled
from toylab.tasks.in_context.graph_tracing import GraphTracing, follow_all
from toylab.tasks.in_context.graph_worlds import placed
from toylab.tasks.in_context.graphs import circulant, rectangle
from toylab.trees import unflatten
from toylab.web.exhibit import unpacked
from toylab.web.server import EXHIBITS

WALKS, WINDOW, SIDE = 32, 8, 4
MEMBER, SITE = 1, 3  # what the page shows first: after the attention of block 2
COUNTS = (1, 8, 40, 128)  # words read


def king(side: int) -> np.ndarray:
    """Adjacency of a square grid with both diagonals of each square."""
    place = np.stack(np.divmod(np.arange(side * side), side), 1)
    return np.abs(place[:, None] - place[None]).max(-1) == 1


GRAPHS = {
    "lattice": king(SIDE),
    "band": circulant(16, 1) | circulant(16, 2),
    "grid": rectangle(SIDE, SIDE),
    "ring": circulant(12, 1),
}


def shipped(member: int) -> tuple[Transformer, Any, GraphTracing]:
    """A network that the page shows, as it is stored, and the world it was trained in."""
    arrays = unpacked((EXHIBITS / "graph_tracing.safetensors").read_bytes())
    mine = {name: leaf for name, leaf in arrays.items() if name.startswith(f"{member}/")}
    flat = {name.split("/", 1)[1]: jnp.asarray(leaf) for name, leaf in mine.items()}
    settings, task = Network(), Network().world()
    model = network(task, settings.depth, settings.width, settings.heads)
    return model, unflatten(flat), task


def walks(task: GraphTracing, adjacency: np.ndarray, seed: int) -> Batch:
    """Walks with the same words on one graph; walk i begins at node i mod N."""
    n = len(adjacency)
    tokens = np.random.default_rng(seed).permutation(task.n_tokens)[:n]
    graph = placed(adjacency, tokens, task.n_nodes)
    keys = jax.random.split(jax.random.key(seed), WALKS)
    return follow_all(task, keys, graph, jnp.arange(WALKS, dtype=jnp.int32) % n)


def read(batch: Batch, adjacency: np.ndarray, member: int = MEMBER) -> dict[str, Any]:
    """Logits, residual stream, the nodes' means by site and count, and mass on neighbours."""
    model, params, task = shipped(member)
    blocks = [f"blocks/{i}/resid_{part}" for i in range(model.depth) for part in ("mid", "post")]
    sites = ("blocks/0/resid_pre", *blocks)
    logits, acts = _run(model, params, batch.inputs, sites)
    acts_SBLD = np.stack([np.asarray(acts[site]) for site in sites])
    nodes = np.asarray(batch.latents["node"])
    windows = [(max(0, count - WINDOW), count) for count in COUNTS]
    means, _ = class_means(acts_SBLD, nodes, len(adjacency), windows)
    rule = task.rule(batch, previous=False)
    return {
        "logits": np.asarray(logits),
        "stream": acts_SBLD,
        "means": means,
        "energy": dirichlet_energy(means, adjacency) / chance_energy(adjacency),
        "mass": np.asarray(jnp.where(rule, jax.nn.softmax(logits), 0).sum(-1)).mean(0),
    }


@functools.partial(jax.jit, static_argnames=("model", "sites"))
def _run(model: Transformer, params: Any, tokens: jax.Array, sites: tuple[str, ...]) -> Any:
    return run(model, params, tokens, record=sites)


def graph_tracing(table: Any) -> dict[str, Any]:
    """The fixture; ``table`` stores an array."""
    adjacency = GRAPHS["lattice"]
    _, _, task = shipped(MEMBER)
    batch = walks(task, adjacency, 5)
    found = read(batch, adjacency)
    late = found["means"][SITE, -1]
    scores, shares = principal_components(late)
    points = np.stack(np.divmod(np.arange(len(adjacency)), SIDE)[::-1], 1) / (SIDE - 1)
    laid, misfit = procrustes(scores, points)
    spread = np.linalg.norm(points - points.mean(0)) / np.linalg.norm(laid - laid.mean(0))
    mixed = shuffled(batch, 6)
    lists = [
        dirichlet_energy(a / a.sum(1, keepdims=True), a) / chance_energy(a) for a in GRAPHS.values()
    ]
    return {
        "member": MEMBER,
        "site": SITE,
        "listed": table(lists),
        "edges": {name: np.argwhere(np.triu(a)).tolist() for name, a in GRAPHS.items()},
        "tokens": np.asarray(batch.latents["tokens"])[0, : len(adjacency)].tolist(),
        "nodes": table(batch.latents["node"]),
        "shuffled": table(mixed.latents["node"]),
        "logits": table(found["logits"][0, -8:]),
        "stream": table(found["stream"][:, 0, -2:]),
        "counts": list(COUNTS),
        "energy": table(found["energy"]),
        "shuffled_energy": table(read(mixed, adjacency)["energy"][:, -1]),
        "mass": table(found["mass"]),
        "shares": table(shares),
        "laid": table((laid - laid.mean(0)) * spread + points.mean(0)),
        "misfit": misfit,
    }
