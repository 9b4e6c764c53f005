"""Path patching: what one part tells another, and what comes of it.

Three runs. The clean and the corrupt one are recorded. In a third, on the clean input, the sender
leaves what it wrote in the corrupt run, every other head what it wrote in the clean one, and MLPs
either their clean output too (only the direct path is left) or what they make of the stream as it
now is (paths through MLPs count as well). What the receiver reads there it reads in a last run,
clean but for that, and all that follows is computed anew.

Source: Wang et al. 2022 (2211.00593), appendix B, which computes MLPs anew; Goldowsky-Dill et al.
2023 (2304.05969).

Shape suffixes: P paths, R readers, W writers, B batch, L length, D width.
"""

from collections.abc import Sequence
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from toylab.analysis.circuits.given.pairs import checked_gap, checked_metric, checked_pair
from toylab.analysis.circuits.given.parts import Edges
from toylab.analysis.circuits.metrics import Metric
from toylab.errors import ToylabError, nearest
from toylab.models.functional import Norm, shared, walk, whole
from toylab.models.transformer import Transformer
from toylab.taps import Params, run
from toylab.trees import each_member, leading

Path = tuple[str, str]


def path_effects(
    model: Transformer,
    params: Params,
    clean: Int[Array, "B L"],
    corrupt: Int[Array, "B L"],
    metric: Metric,
    paths: Sequence[Path],
    mlps: Literal["frozen", "recomputed"] = "recomputed",
) -> Float[Array, "*lead P"]:
    """Patch paths between two parts: the change of a metric when each alone is corrupted.

    Args:
        model: a transformer.
        params: of one member, a population, or a population at several snapshots.
        clean: a batch.
        corrupt: another of the same shape, which differs in what the metric asks for.
        metric: from logits to a number per example (:mod:`toylab.analysis.circuits.metrics`).
        paths: P pairs ``(sender, receiver)``, named as writers and readers of ``Edges``:
            ``("a0.h1", "a1.h0<k>")``. A receiver ``a1.h0`` is its query, key and value at once.
        mlps: MLPs between the two are held at the clean run, or computed anew.

    Returns:
        Metric with the path corrupted, minus the clean metric, means over the batch.

    Raises:
        ToylabError: no path, no such part, a receiver that comes before its sender, no such way of
            MLPs, inputs of two shapes or outside of the vocabulary, a metric that is no number per
            example or has no gap in any network, or more memory than there is.

    Control: other senders to the same receiver, and the same paths of untrained networks, beside
    the trained ones as snapshot 0.

    Example:
        >>> from toylab.analysis.circuits import logit_difference
        >>> model = Transformer(vocab=5, length=4, width=8, depth=2, heads=2)
        >>> params = model.init(jax.random.key(0))
        >>> clean = jnp.array([[0, 1, 2, 3]])
        >>> metric = logit_difference(jnp.array([4]), jnp.array([0]))
        >>> paths = [("a0.h0", "a1.h1<k>"), ("a0.h0", "logits")]
        >>> path_effects(model, params, clean, clean[:, ::-1], metric, paths).shape
        (2,)
    """
    owner = "path_effects"
    model = whole(owner, model)
    clean, corrupt = checked_pair(owner, model, clean, corrupt)
    metric = checked_metric(owner, model, clean, metric)
    if mlps not in ("frozen", "recomputed"):
        raise ToylabError(f"{owner}: mlps = {mlps!r}; 'frozen' or 'recomputed'.")
    if not paths:
        raise ToylabError(f"{owner}: no paths; give pairs such as ('embed', 'a1.h0<q>').")
    edges = Edges.of(model)
    ends = [_ends(edges, path) for path in paths]
    senders, receivers = (jnp.asarray(np.array(part)) for part in zip(*ends, strict=True))
    held = [name.startswith("a") or (mlps == "frozen") for name in edges.writers]
    given = (params, clean, corrupt, metric, senders, receivers)
    about, lead = (model, tuple(held)), leading(model, params)
    changes, gap = each_member(owner, _effects, about, lead, *given)
    checked_gap(owner, gap)
    return changes


def _ends(edges: Edges, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Which writer sends (W,), and which readers receive (R,)."""
    sender, receiver = path
    if sender not in edges.writers:
        raise ToylabError(f"Unknown part {sender!r}: {nearest(sender, edges.writers)}")
    names = (receiver, *(f"{receiver}<{kind}>" for kind in "qkv"))
    reads = np.isin(edges.readers, names)
    if not reads.any():
        raise ToylabError(f"Unknown part {receiver!r}: {nearest(receiver, edges.readers)}")
    sends = np.isin(edges.writers, (sender,))
    if not edges.possible[np.ix_(reads, sends)].all():
        raise ToylabError(f"No path from {sender!r} to {receiver!r}: the receiver is earlier.")
    return sends, reads


def _effects(
    model: Transformer,
    held: tuple[bool, ...],
    params: Params,
    clean: Array,
    corrupt: Array,
    metric: Metric,
    senders_PW: Array,
    receivers_PR: Array,
) -> tuple[Array, Array]:
    """Changes of the metric (P,), and its gap."""
    across = lambda flags: flags[:, None, None, None]
    embeds = [run(model, params, x, ("embed",))[1]["embed"] for x in (clean, corrupt)]
    (logits, z_WBLD), (worse, other_WBLD) = (walk(model, params, x, shared) for x in embeds)

    def patched(path: tuple[Array, Array]) -> Array:
        sends_W, reads_R = path
        got: list[Array] = []

        def record(rows: slice, z: Array, stream: Array, normed: Norm) -> Array:
            got.append(shared(rows, z, stream, normed))
            return got[-1]

        def keep(rows: slice, new: Array) -> Array:
            still = jnp.where(across(jnp.asarray(held[rows])), z_WBLD[rows], new)
            return jnp.where(across(sends_W[rows]), other_WBLD[rows], still)

        start = jnp.where(sends_W[0], embeds[1], embeds[0])
        walk(model, params, start, record, keep)
        got_RBLD = jnp.concatenate(got)

        def give(rows: slice, z: Array, stream: Array, normed: Norm) -> Array:
            own = shared(rows, z, stream, normed)
            return jnp.where(across(reads_R[rows]), got_RBLD[rows], own)

        return metric(walk(model, params, embeds[0], give)[0]).mean()

    best = metric(logits).mean()
    return jax.lax.map(patched, (senders_PW, receivers_PR)) - best, best - metric(worse).mean()
