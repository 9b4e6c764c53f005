"""Edges between a transformer's parts: every one to first order, or patched exactly.

What a part reads is the sum of what earlier parts wrote. With a mask over edges, reader v gets

    x_v = sum_u [ (1 - m_uv) z_u + m_uv z'_u ]

where z is what u writes in this run and z' what it wrote in another. One forward pass with such a
mask is the exact patch of any set of edges, and its gradient by the mask at m = 0 is edge
attribution patching: ``(z'_u - z_u) . d metric / d x_v``. A reader's input is read before its norm,
which is computed anew; queries, keys and values of a head are readers of their own.

Source: Syed et al. 2023 (2310.10348), edge attribution patching; Hanna et al. 2024 (2403.17806),
with integrated gradients; Conmy et al. 2023 (2304.14997), edges patched exactly.

Shape suffixes: R readers, W writers, B batch, L length, D width, H heads.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial
from jaxtyping import Bool, Float, Int

from toylab.analysis.circuits.given.pairs import checked_gap, checked_metric, checked_pair
from toylab.analysis.circuits.given.parts import Edges
from toylab.analysis.circuits.metrics import Metric, asks_last
from toylab.errors import ToylabError, check_number
from toylab.models.functional import Norm, last_alone, shared, walk, whole
from toylab.models.transformer import Transformer
from toylab.taps import Params, run
from toylab.trees import each_member, leading


def edge_attribution(
    model: Transformer,
    params: Params,
    clean: Int[Array, "B L"],
    corrupt: Int[Array, "B L"],
    metric: Metric,
    steps: int = 0,
) -> Float[Array, "*lead R W"]:
    """Predict, to first order, the change of a metric when each edge alone is corrupted.

    Args:
        model: a transformer.
        params: of one member, a population, or a population at several snapshots.
        clean: a batch.
        corrupt: another of the same shape, which differs in what the metric asks for.
        metric: from logits to a number per example (:mod:`toylab.analysis.circuits.metrics`).
        steps: 0 takes the gradient at the clean run (EAP); m >= 1 averages it over m midpoints
            between the embeddings of the corrupt run and the clean one (EAP-IG), which sees past
            saturation at m times the cost.

    Returns:
        Scores by reader and writer of :class:`Edges`, 0 where there is no edge. Negative where the
        corruption lowers the metric, as in noising.

    Raises:
        ToylabError: tokens outside of the vocabulary, batches of two shapes, a metric that is no
            number per example, one without a gap in any network, or more memory than there is.

    Control: the same on untrained networks, beside the trained ones as snapshot 0; and
    :func:`edge_effects` of the edges that matter, as a gradient is no effect.

    Example:
        >>> from toylab.analysis.circuits import logit_difference
        >>> model = Transformer(vocab=5, length=4, width=8, depth=1, heads=2)
        >>> params = model.init(jax.random.key(0))
        >>> clean = jnp.array([[0, 1, 2, 3]])
        >>> metric = logit_difference(jnp.array([4]), jnp.array([0]))
        >>> edge_attribution(model, params, clean, clean[:, ::-1], metric).shape
        (7, 3)
    """
    owner = "edge_attribution"
    model, *given = _checked(owner, model, clean, corrupt, metric)
    check_number(owner, "steps", steps, 0, whole=True)
    about, lead = (model, steps), leading(model, params)
    scores, gap = each_member(owner, _attribution, about, lead, params, *given)
    checked_gap(owner, gap)
    return scores


def edge_effects(
    model: Transformer,
    params: Params,
    clean: Int[Array, "B L"],
    corrupt: Int[Array, "B L"],
    metric: Metric,
    masks: Bool[np.ndarray, "C R W"] | None = None,
) -> Float[Array, "*lead C"]:
    """Patch sets of edges exactly: the change of a metric when they carry the corrupt run.

    An edge carries only what its writer sends to its reader: a set of edges along a line is a path,
    patched with all else as it is in the clean run.

    Args:
        model, params, clean, corrupt, metric: as in :func:`edge_attribution`.
        masks: C sets of edges (:meth:`Edges.mask`); None patches each edge alone, in the order of
            ``np.argwhere(Edges.of(model).possible)``.

    Returns:
        Metric with the edges corrupted, minus the clean metric, means over the batch.

    Raises:
        ToylabError: as :func:`edge_attribution`; or masks of another shape.

    Control: as many random edges (:meth:`Edges.drawn`), and untrained networks, as snapshot 0.
    """
    owner = "edge_effects"
    model, *given = _checked(owner, model, clean, corrupt, metric)
    edges = Edges.of(model)
    if masks is None:
        places = np.argwhere(edges.possible)
        masks = np.zeros((len(places), *edges.possible.shape), bool)
        masks[np.arange(len(places)), places[:, 0], places[:, 1]] = True
    sets = _checked_masks(owner, masks, edges)
    clean_, corrupt_, found = _measured(owner, model, params, given, sets)
    checked_gap(owner, clean_ - corrupt_)
    return found - clean_


def keep_edges(
    model: Transformer,
    params: Params,
    clean: Int[Array, "B L"],
    corrupt: Int[Array, "B L"],
    metric: Metric,
    circuits: Sequence[Bool[np.ndarray, "R W"]],
) -> Float[Array, "*lead C"]:
    """Return how faithful circuits are: ``(m_circuit - m_corrupt) / (m_clean - m_corrupt)``.

    Every edge outside of a circuit carries the corrupt run: 1 for the whole network, 0 for no edge.
    NaN for a network whose metric has no gap.

    Args:
        model, params, clean, corrupt, metric: as in :func:`edge_attribution`.
        circuits: C masks of the edges that stay.

    Raises:
        ToylabError: as :func:`edge_attribution`; or masks of another shape.

    Control: as many random edges, ``[circuit, *edges.drawn(int(circuit.sum()), 20)]``.
    """
    owner = "keep_edges"
    model, *given = _checked(owner, model, clean, corrupt, metric)
    edges = Edges.of(model)
    outside = edges.possible & ~_checked_masks(owner, circuits, edges)
    clean_, corrupt_, found = _measured(owner, model, params, given, outside)
    return (found - corrupt_) / checked_gap(owner, clean_ - corrupt_)


def _checked(
    owner: str, model: Transformer, clean: Array, corrupt: Array, metric: Metric
) -> tuple[Transformer, Array, Array, Partial]:
    """Return the model, of the last position alone if the metric is, the pair and the metric."""
    model = whole(owner, model)
    clean, corrupt = checked_pair(owner, model, clean, corrupt)
    metric = checked_metric(owner, model, clean, metric)
    return (last_alone(model) if asks_last(metric) else model), clean, corrupt, metric


def _checked_masks(owner: str, masks: Any, edges: Edges) -> Bool[np.ndarray, "C R W"]:
    masks = np.asarray(masks)
    if masks.ndim != 3 or masks.shape[1:] != edges.possible.shape or not len(masks):
        raise ToylabError(
            f"{owner}: masks of shape {masks.shape}; give (C, {len(edges.readers)}, "
            f"{len(edges.writers)}) with C >= 1, as Edges.mask makes them."
        )
    return masks.astype(bool)


def _measured(
    owner: str,
    model: Transformer,
    params: Params,
    given: Sequence[Any],
    masks: Bool[np.ndarray, "C R W"],
) -> tuple[Array, Array, Array]:
    """Metric of the clean and the corrupt run, (..., 1) each, and with sets of edges, (..., C)."""
    possible = Edges.of(model).possible
    sets = jnp.asarray(np.stack([np.zeros_like(possible), possible, *masks]), jnp.float32)
    found = each_member(owner, _patched, (model,), leading(model, params), params, *given, sets)
    return found[..., :1], found[..., 1:2], found[..., 2:]


def _patched(
    model: Transformer, params: Params, clean: Array, corrupt: Array, metric: Metric, masks: Array
) -> Array:
    embed = lambda tokens: run(model, params, tokens, ("embed",))[1]["embed"]
    _, other = walk(model, params, embed(corrupt), shared)
    start = embed(clean)
    measure = lambda mask: metric(forward(model, params, start, mask, other)[0]).mean()
    return jax.lax.map(measure, masks)


def _attribution(
    model: Transformer, steps: int, params: Params, clean: Array, corrupt: Array, metric: Metric
) -> tuple[Array, Array]:
    """Scores (R, W), and the gap of the metric."""
    here, there = (run(model, params, x, ("embed",))[1]["embed"] for x in (clean, corrupt))
    worse, other_WBLD = walk(model, params, there, shared)
    if not steps:
        shift = lambda z_WBLD: other_WBLD - z_WBLD
        scores, best = _first_order(model, params, here, metric, shift)
        return scores, best - metric(worse).mean()
    logits, z_WBLD = walk(model, params, here, shared)
    slope = lambda alpha: _first_order(
        *(model, params, there + alpha * (here - there), metric),
        lambda _: other_WBLD - z_WBLD,
    )[0]
    middles = (jnp.arange(steps, dtype=jnp.float32) + 0.5) / steps
    return jax.lax.map(slope, middles).mean(0), metric(logits).mean() - metric(worse).mean()


def _first_order(
    model: Transformer,
    params: Params,
    embed_BLD: Array,
    metric: Metric,
    shift: Callable[[Array], Array],
) -> tuple[Array, Array]:
    """Scores (R, W) of a run from an embedding, with what edges carry by what writers wrote.

    All readers at one place get the same stream, which is normed once. By the norm's slope J the
    score is ``(J shift) . g`` or ``shift . (J^T g)``, where g is the slope behind the norm: J is
    applied to writers or to readers, to whichever are fewer. Beside them, the run's metric.
    """
    edges = Edges.of(model)
    places: list[tuple[slice, Norm]] = []

    def measure(moves_RBLD: Array) -> tuple[Array, tuple[Array, list[Array]]]:
        streams: list[Array] = []

        def give(rows: slice, z_WBLD: Array, stream_BLD: Array, normed: Norm) -> Array:
            places.append((rows, normed))
            streams.append(stream_BLD)
            return shared(rows, z_WBLD, stream_BLD, normed) + moves_RBLD[rows]

        logits, z_WBLD = walk(model, params, embed_BLD, give)
        return metric(logits).mean(), (z_WBLD, streams)

    none = jnp.zeros((len(edges.readers), *embed_BLD.shape), embed_BLD.dtype)
    (reached, (z_WBLD, streams)), slope_RBLD = jax.value_and_grad(measure, has_aux=True)(none)
    shift_WBLD, scores = shift(z_WBLD), []
    for (rows, normed), stream in zip(places, streams, strict=True):
        seen = int(edges.possible[rows.start].sum())
        read, written = slope_RBLD[rows], shift_WBLD[:seen]
        if seen < len(read):
            written = jax.vmap(jax.linearize(normed, stream)[1])(written)
        else:
            (read,) = jax.vmap(jax.vjp(normed, stream)[1])(read)
        found_RW = jnp.einsum("rbld,wbld->rw", read, written)
        scores.append(jnp.pad(found_RW, ((0, 0), (0, len(edges.writers) - seen))))
    return jnp.concatenate(scores), reached


def forward(
    model: Transformer,
    params: Params,
    embed_BLD: Float[Array, "B L D"],
    mask_RW: Float[Array, "R W"],
    other_WBLD: Float[Array, "W B L D"],
) -> tuple[Float[Array, "B L V"], Float[Array, "W B L D"]]:
    """Run a transformer whose readers get masked edges from another run.

    Args:
        model, params: of one member.
        embed_BLD: the activation at ``embed``.
        mask_RW: share of each edge that is replaced, rows and columns as in :class:`Edges`.
        other_WBLD: what the writers wrote in the other run; edges carry it in place of their own.

    Returns:
        Logits, and what each writer wrote.
    """

    def give(rows: slice, z_WBLD: Array, stream_BLD: Array, normed: Norm) -> Array:
        moved = other_WBLD[: len(z_WBLD)] - z_WBLD
        share = mask_RW[rows, : len(z_WBLD)]
        return normed(stream_BLD[None] + jnp.einsum("rw,wbld->rbld", share, moved))

    return walk(model, params, embed_BLD, give)
