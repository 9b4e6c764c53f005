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

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.tree_util import Partial
from jaxtyping import Bool, Float, Int

from toylab.analysis.circuits.metrics import Metric, as_metric, asks_last
from toylab.errors import ToylabError, check_number, nearest
from toylab.models.functional import Norm, last_alone, shared, walk, whole
from toylab.models.transformer import Transformer
from toylab.taps import Params, run
from toylab.trees import each_member, leading

Edge = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Edges:
    """Who writes to the stream, who reads it, and who can read whom.

    Attributes:
        writers: ``embed``, ``a0.h1`` (a head), ``m0`` (an MLP), in the order in which they write.
        readers: ``a0.h1<q>``, ``<k>``, ``<v>``, ``m0`` and ``logits``.
        possible: (R, W), True where the reader comes after the writer.
    """

    writers: tuple[str, ...]
    readers: tuple[str, ...]
    possible: Bool[np.ndarray, "R W"]

    @classmethod
    def of(cls, model: Transformer) -> "Edges":
        """Return the edges of a model.

        Example:
            >>> edges = Edges.of(Transformer(vocab=5, length=4, width=8, depth=2, heads=2))
            >>> len(edges.writers), len(edges.readers), int(edges.possible.sum())
            (5, 13, 29)
        """
        writers, readers, seen = ["embed"], [], []
        for i in range(model.depth):
            heads = [f"a{i}.h{h}" for h in range(model.heads)]
            for kind in "qkv":
                readers += [f"{head}<{kind}>" for head in heads]
            seen += [len(writers)] * 3 * model.heads
            writers += heads
            if model.hidden:
                readers.append(f"m{i}")
                seen.append(len(writers))
                writers.append(f"m{i}")
        readers.append("logits")
        possible = np.arange(len(writers)) < np.array([*seen, len(writers)])[:, None]
        return cls(tuple(writers), tuple(readers), possible)

    def mask(self, edges: Iterable[Edge]) -> Bool[np.ndarray, "R W"]:
        """Return the mask of some edges, each ``(writer, reader)``.

        Raises:
            ToylabError: an edge that the model does not have.
        """
        found = np.zeros_like(self.possible)
        for writer, reader in edges:
            for name, known in ((writer, self.writers), (reader, self.readers)):
                if name not in known:
                    raise ToylabError(f"Unknown part {name!r}: {nearest(name, known)}")
            place = self.readers.index(reader), self.writers.index(writer)
            if not self.possible[place]:
                raise ToylabError(f"No edge from {writer!r} to {reader!r}: the reader is earlier.")
            found[place] = True
        return found

    def top(self, scores: Float[np.ndarray, "R W"], k: int) -> list[tuple[str, str, float]]:
        """Return the k edges with the largest absolute scores, the largest first."""
        check_number("Edges.top", "k", k, 1, int(self.possible.sum()), whole=True)
        size = np.where(self.possible, np.abs(np.asarray(scores)), -np.inf).ravel()
        order = np.argsort(-size, kind="stable")[:k]
        places = zip(*np.unravel_index(order, self.possible.shape), strict=True)
        return [(self.writers[w], self.readers[r], float(scores[r, w])) for r, w in places]


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

    Example:
        >>> from toylab.analysis.circuits import logit_difference
        >>> model = Transformer(vocab=5, length=4, width=8, depth=1, heads=2)
        >>> params = model.init(jax.random.key(0))
        >>> clean = jnp.array([[0, 1, 2, 3]])
        >>> metric = logit_difference(jnp.array([4]), jnp.array([0]))
        >>> edge_attribution(model, params, clean, clean[:, ::-1], metric).shape
        (7, 3)
    """
    model, *given = _checked("edge_attribution", model, clean, corrupt, metric)
    check_number("edge_attribution", "steps", steps, 0, whole=True)
    return each_member(_attribution, (model, steps), leading(model, params), params, *given)


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
    """
    model, *given = _checked("edge_effects", model, clean, corrupt, metric)
    edges = Edges.of(model)
    if masks is None:
        places = np.argwhere(edges.possible)
        masks = np.zeros((len(places), *edges.possible.shape), bool)
        masks[np.arange(len(places)), places[:, 0], places[:, 1]] = True
    sets = jnp.asarray(masks, jnp.float32)
    if sets.ndim != 3 or sets.shape[1:] != edges.possible.shape:
        raise ToylabError(
            f"edge_effects: masks of shape {sets.shape}; give (C, {len(edges.readers)}, "
            f"{len(edges.writers)}), as Edges.mask makes them."
        )
    sets = jnp.concatenate([jnp.zeros_like(sets[:1]), sets])
    found = each_member(_patched, (model,), leading(model, params), params, *given, sets)
    return found[..., 1:] - found[..., :1]


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

    Args:
        model, params, clean, corrupt, metric: as in :func:`edge_attribution`.
        circuits: C masks of the edges that stay.
    """
    model, *given = _checked("keep_edges", model, clean, corrupt, metric)
    possible = Edges.of(model).possible
    ends = [possible, np.zeros_like(possible)]
    masks = np.stack([possible & ~np.asarray(keep) for keep in [*ends, *circuits]])
    sets = jnp.asarray(masks, jnp.float32)
    found = each_member(_patched, (model,), leading(model, params), params, *given, sets)
    clean_, corrupt_ = found[..., :1], found[..., 1:2]
    return (found[..., 2:] - corrupt_) / (clean_ - corrupt_)


def checked_pair(
    owner: str, model: Transformer, clean: Array, corrupt: Array
) -> tuple[Transformer, Array, Array]:
    """Return a model that reads all positions, and two batches of one shape; refuse others."""
    model, clean, corrupt = whole(owner, model), jnp.asarray(clean), jnp.asarray(corrupt)
    if clean.shape != corrupt.shape:
        raise ToylabError(
            f"{owner}: clean tokens are {clean.shape}, corrupt ones {corrupt.shape}; patching "
            "needs pairs of one length."
        )
    return model, clean, corrupt


def _checked(
    owner: str, model: Transformer, clean: Array, corrupt: Array, metric: Metric
) -> tuple[Transformer, Array, Array, Partial]:
    """Return the model, of the last position alone if the metric is, the pair and the metric."""
    model, clean, corrupt = checked_pair(owner, model, clean, corrupt)
    metric = as_metric(metric)
    return (last_alone(model) if asks_last(metric) else model), clean, corrupt, metric


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
) -> Array:
    here, there = (run(model, params, x, ("embed",))[1]["embed"] for x in (clean, corrupt))
    _, other_WBLD = walk(model, params, there, shared)
    if not steps:
        return _first_order(model, params, here, metric, lambda z_WBLD: other_WBLD - z_WBLD)
    _, z_WBLD = walk(model, params, here, shared)
    slope = lambda alpha: _first_order(
        *(model, params, there + alpha * (here - there), metric),
        lambda _: other_WBLD - z_WBLD,
    )
    return jax.lax.map(slope, (jnp.arange(steps, dtype=jnp.float32) + 0.5) / steps).mean(0)


def _first_order(
    model: Transformer,
    params: Params,
    embed_BLD: Array,
    metric: Metric,
    shift: Callable[[Array], Array],
) -> Array:
    """Scores (R, W) of a run from an embedding, with what edges carry by what writers wrote.

    All readers at one place get the same stream, which is normed once. By the norm's slope J the
    score is ``(J shift) . g`` or ``shift . (J^T g)``, where g is the slope behind the norm: J is
    applied to writers or to readers, to whichever are fewer.
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
    slope_RBLD, (z_WBLD, streams) = jax.grad(measure, has_aux=True)(none)
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
    return jnp.concatenate(scores)


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
