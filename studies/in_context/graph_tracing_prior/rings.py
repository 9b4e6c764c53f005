"""The planes of rings of days in the space of seven class means, and tables of them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.geometry.class_means import class_means
from toylab.analysis.geometry.measures import principal_components, spectral_embedding
from toylab.analysis.geometry.nulls import neighbour_mix
from toylab.analysis.geometry.planes import in_plane
from toylab.change import NOTHING, run_changes, stream
from toylab.models import Transformer
from toylab.read.tables import labelled, long_table
from toylab.taps import Params
from toylab.tasks.in_context.graph_tracing import GraphTracing
from toylab.tasks.in_context.graphs import circulant
from toylab.tasks.in_context.ring_walks import (
    DAYS,
    Walks,
    after_turns,
    masses,
    other_stride,
)


def look(model: Transformer, params_P: Params, walks: Walks) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (P, B, L, V) and the residual stream (P, S, B, L, D) at layers S."""
    found = run_changes(model, params_P, walks.tokens_BL, [NOTHING], _shown, stream(model))
    p_PBLV, acts = (np.asarray(leaf[0]) for leaf in found)
    return p_PBLV, acts


def _shown(logits_BLV: Array, acts: dict[str, Array]) -> tuple[Array, Array]:
    return jax.nn.softmax(logits_BLV), jnp.stack(list(acts.values()))


def day_means(walks: Walks, acts_PSBLD: np.ndarray) -> np.ndarray:
    """Class means of the days in windows of one round each, (P, S, W, N, D).

    A walk on a ring that never turns back meets every day once a round: visits are equal.
    """
    days, length = len(walks.token_N), walks.day_BL.shape[1]
    windows = [(start, start + days) for start in range(0, length - days + 1, days)]
    return class_means(acts_PSBLD, walks.day_BL, days, windows)[0]


def mixed(embed_PVD: np.ndarray, walks: Walks) -> np.ndarray:
    """The control: the days' embeddings, mixed once along the walked ring, (P, N, D)."""
    days = np.asarray(embed_PVD)[:, walks.token_N]
    return neighbour_mix(days, circulant(len(walks.token_N), walks.stride))


def planes(vectors: np.ndarray, stride: int) -> dict[str, np.ndarray]:
    """Which ring's plane, its Laplacian's eigenvectors 2 and 3, vectors (..., N, D) lie in."""
    found = {}
    for walked, own in (("calendar", 1), ("context", stride), ("other", other_stride(stride))):
        plane_N2 = spectral_embedding(circulant(vectors.shape[-2], own), 2)
        measured = in_plane(vectors, plane_N2)._asdict()
        found |= {f"{name}_{walked}": values for name, values in measured.items()}
    return found


def token_of(task: GraphTracing, network: str, tokens: str) -> np.ndarray:
    """Tokens of the seven days: those of the calendar, or others that fresh graphs have."""
    reserved = network == "reserved"
    first = task.n_tokens if tokens == "calendar" and reserved else 0
    first = DAYS if tokens == "plain" and not reserved else first
    return np.arange(first, first + DAYS, dtype=np.int32)


def mass_table(walks: Walks, p_PBLV: np.ndarray, seeds: np.ndarray, **labels: Any) -> pl.DataFrame:
    """Masses by seed and place; ``walked`` is the ring's name, the calendar or the context."""
    walked = "calendar" if walks.stride == 1 else "context"
    table = long_table({"init_seed": seeds, "place": None}, **masses(walks, p_PBLV))
    table = table.cast({pl.Float64: pl.Float32})  # as probabilities are
    return labelled(table, walked=walked, days=len(walks.token_N), **labels)


def turned_table(
    walks: Walks, p_PBLV: np.ndarray, seeds: np.ndarray, **labels: Any
) -> pl.DataFrame:
    """Masses soon after a turn by seed, on the day ahead and on that not seen for longest."""
    return labelled(long_table({"init_seed": seeds}, **after_turns(walks, p_PBLV)), **labels)


def plane_table(
    means_PSWND: np.ndarray, ring_walked: int, seeds: np.ndarray, **labels: Any
) -> pl.DataFrame:
    """Shares and overlaps by seed, layer and window; a control has one layer and one window."""
    axes = {"init_seed": seeds, "layer": None, "window": None}
    return labelled(long_table(axes, **planes(means_PSWND, ring_walked)), **labels)


def point_table(means_PSWND: np.ndarray, seeds: np.ndarray, **labels: Any) -> pl.DataFrame:
    """Scores on four components of the first seed's class means, for pictures."""
    scores, share = principal_components(means_PSWND[0], min(4, means_PSWND.shape[-1]))
    found = {f"pc{i + 1}": scores[..., i] for i in range(scores.shape[-1])}
    for name, part in (("first", slice(2)), ("second", slice(2, None))):
        explained = share[..., part].sum(-1)[..., None]
        found[f"explained_{name}"] = np.broadcast_to(explained, scores.shape[:3])
    table = long_table({"layer": None, "window": None, "day": None}, **found)
    return labelled(table, init_seed=seeds[0], **labels)
