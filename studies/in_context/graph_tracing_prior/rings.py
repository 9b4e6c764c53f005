"""Walks on rings of days, and the planes of such rings in the space of seven days.

With C = 7 days there are three rings without a common edge: from each day to the next, to the next
but one, and to the third. Their Laplacians' eigenvectors 2 and 3 are three planes at right angles
that fill the six dimensions of centred class means, so that the shares of the variance in them add
up to one. Walked is the calendar (stride 1) or a permuted ring (2 or 3); the third is a control.
"""

from typing import Any, NamedTuple

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
from toylab.taps import Params
from toylab.tasks.in_context.graph_tracing import GraphTracing, follow_all
from toylab.tasks.in_context.graph_worlds import placed
from toylab.tasks.in_context.graphs import circulant, ring

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


def look(model: Transformer, params_P: Params, walks: Walks) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (P, B, L, V) and the residual stream (P, S, B, L, D) at layers S."""
    found = run_changes(model, params_P, walks.tokens_BL, [NOTHING], _shown, stream(model))
    p_PBLV, acts = (np.asarray(leaf[0]) for leaf in found)
    return p_PBLV, acts


def _shown(logits_BLV: Array, acts: dict[str, Array]) -> tuple[Array, Array]:
    return jax.nn.softmax(logits_BLV), jnp.stack(list(acts.values()))


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
    found = masses(walks, p_PBLV)
    count, length = found["context"].shape
    walked = "calendar" if walks.stride == 1 else "context"
    place = {"place": np.tile(np.arange(length), count), "days": len(walks.token_N)}
    columns = {name: values.ravel() for name, values in found.items()}
    return pl.DataFrame(
        {"init_seed": np.repeat(seeds, length), **labels, "walked": walked} | place | columns
    )


def plane_table(
    means_PSWND: np.ndarray, ring_walked: int, seeds: np.ndarray, **labels: Any
) -> pl.DataFrame:
    """Shares and overlaps by seed, layer and window; a control has one layer and one window."""
    found = planes(means_PSWND, ring_walked)
    index = np.indices(means_PSWND.shape[:3]).reshape(3, -1)
    columns = {name: values.ravel() for name, values in found.items()}
    place = {"layer": index[1], "window": index[2]}
    return pl.DataFrame({"init_seed": seeds[index[0]], **labels} | place | columns)


def point_table(means_PSWND: np.ndarray, seeds: np.ndarray, **labels: Any) -> pl.DataFrame:
    """Scores on four components of the first seed's class means, for pictures."""
    scores, share = principal_components(means_PSWND[0], min(4, means_PSWND.shape[-1]))
    shape = scores.shape[:3]
    index = np.indices(shape).reshape(3, -1)
    columns = {f"pc{i + 1}": scores[..., i].ravel() for i in range(scores.shape[-1])}
    part = share[..., :2].sum(-1)[..., None], share[..., 2:].sum(-1)[..., None]
    wide = {
        "explained_first": np.broadcast_to(part[0], shape).ravel(),
        "explained_second": np.broadcast_to(part[1], shape).ravel(),
    }
    place = {"layer": index[0], "window": index[1], "day": index[2]}
    return pl.DataFrame({"init_seed": seeds[0], **labels} | place | columns | wide)
