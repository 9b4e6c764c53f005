"""Grids of activation patching: which activation, where, carries what a metric depends on.

With the metric in the clean run m_c, in the corrupt run m_k and in the patched run m_p:

    denoising (clean activation into the corrupt run)   (m_p - m_k) / (m_c - m_k)
    noising   (corrupt activation into the clean run)   (m_p - m_c) / (m_k - m_c)

Denoising tells what suffices to restore the behaviour, noising what is needed for it. They differ:
where two parts must both be right (an AND) noising either gives 1 and denoising either 0; where one
is enough (an OR) it is the reverse. Parts that stand in for one another hide from single patches.

Source: Wang et al. 2022 (2211.00593); Meng et al. 2022 (2202.05262), causal tracing; Nanda 2023,
attribution patching; Heimersheim and Nanda 2024 (2404.15255), denoising and noising.
"""

from collections.abc import Sequence
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax import Array
from jax.tree_util import Partial
from jaxtyping import Float, Int

from toylab.analysis.circuits.given.pairs import (
    checked_gap,
    checked_inputs,
    checked_metric,
    checked_pair,
)
from toylab.analysis.circuits.metrics import Metric, asks_last
from toylab.change import NOTHING, Change, Target, at, head, patch, run_changes, steer
from toylab.errors import ToylabError, check_number
from toylab.models.functional import last_alone
from toylab.models.transformer import Transformer
from toylab.taps import Edit, Model, Params, run, site_hint
from toylab.trees import each_member, leading

Direction = Literal["denoising", "noising"]
Grid = Sequence[Sequence[Target]]


def layer_by_position(
    model: Transformer, length: int, what: str = "resid_pre"
) -> list[list[Target]]:
    """Return the grid of one activation of every block, at every position.

    Args:
        model: the model.
        length: positions of the batch.
        what: ``resid_pre``, ``attn/out``, ``mlp/out`` or another site of a block.
    """
    sites = [f"blocks/{i}/{what}" for i in range(model.depth)]
    _check_sites(model, sites)
    return [[at(site, place) for place in range(length)] for site in sites]


def layer_by_head(model: Transformer) -> list[list[Target]]:
    """Return the grid of the outputs of all heads, each at every position at once."""
    return [[head(i, h) for h in range(model.heads)] for i in range(model.depth)]


def patch_effects(
    model: Model,
    params: Params,
    clean: Array,
    corrupt: Array,
    metric: Metric,
    grid: Grid,
    direction: Direction = "denoising",
) -> Float[Array, "*lead X Y"]:
    """Patch every target of a grid, one at a time, and say how much of the metric's gap it moves.

    Args:
        model: the model.
        params: of one member, a population, or a population at several snapshots.
        clean: a batch that shows the behaviour.
        corrupt: one of the same shape that does not.
        metric: from logits to a number per example (:mod:`toylab.analysis.circuits.metrics`).
        grid: rows of targets.
        direction: ``denoising`` or ``noising``; see above.

    Returns:
        Shares of the gap, means over the batch: 0 changes nothing, 1 goes all the way. NaN for a
        member whose metric has no gap.

    Raises:
        ToylabError: batches of two shapes or outside of the vocabulary, an unknown direction or
            site, no grid, a metric that is no number per example, one without a gap in any member,
            or more memory than there is.

    Control: the same grid on untrained networks, beside the trained ones as snapshot 0; and
    :func:`toylab.change.resample` at the same targets, which breaks their tie to the input alone.

    Example:
        >>> from toylab.analysis.circuits import layer_by_position, logit_difference
        >>> model = Transformer(vocab=5, length=4, width=8, depth=2, heads=2)
        >>> params = model.init(jax.random.key(0))
        >>> clean = jnp.array([[0, 1, 2, 3]])
        >>> metric = logit_difference(jnp.array([4]), jnp.array([0]))
        >>> grid = layer_by_position(model, 4)
        >>> patch_effects(model, params, clean, clean[:, ::-1], metric, grid).shape
        (2, 4)
    """
    owner = "patch_effects"
    clean, corrupt = checked_pair(owner, model, clean, corrupt)
    if direction not in ("denoising", "noising"):
        raise ToylabError(f"{owner}: direction {direction!r}; give denoising or noising.")
    base, source = (corrupt, clean) if direction == "denoising" else (clean, corrupt)
    return _effects(owner, model, params, base, source, NOTHING, metric, grid)


def causal_tracing(
    model: Transformer,
    params: Params,
    tokens: Int[Array, "B L"],
    positions: int | Sequence[int],
    noise: float,
    metric: Metric,
    grid: Grid,
    key: Array,
) -> Float[Array, "*lead X Y"]:
    """Blur the embedding of some tokens, then restore one activation at a time.

    Args:
        model, params, metric, grid: as in :func:`patch_effects`.
        tokens: a batch that shows the behaviour.
        positions: tokens that are blurred, the subject of a sentence.
        noise: standard deviation of what is added to each coordinate of their embedding; the source
            takes three times that of the embeddings.
        key: random key of the noise, which all members share.

    Returns:
        The share of the metric's fall that restoring undoes; NaN for a member in which it does
        not fall.

    Raises:
        ToylabError: as :func:`patch_effects`; or a noise that is not above 0.

    Control: the same noise on tokens that are not the subject, and untrained networks, as
    snapshot 0.

    Source: Meng et al. 2022, section 2.
    """
    owner = "causal_tracing"
    tokens = checked_inputs(owner, model, tokens)
    check_number(owner, "noise", noise, above=0)
    shape = (*tokens.shape, model.width)
    drawn = jax.random.normal(key, shape, jnp.float32)
    blur = steer(at("embed", positions), drawn, noise * jnp.linalg.norm(drawn, axis=-1))
    return _effects(owner, model, params, tokens, tokens, blur, metric, grid)


def _effects(
    owner: str,
    model: Model,
    params: Params,
    base: Array,
    source: Array,
    always: Change,
    metric: Metric,
    grid: Grid,
) -> Array:
    """Shares of the way from the base (changed by ``always``) to the source that patches go."""
    lead, targets = leading(model, params), _targets(owner, model, grid)
    metric = checked_metric(owner, model, base, metric)
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[len(lead) :]), params)
    model = _asked(model, metric, [target.site for target in targets])
    entries = [_entry(model, target.site) for target in targets]
    base_run = _recorded(model, flat, base, always, tuple({e for e in entries if e}))
    sites = tuple(dict.fromkeys(target.site for target in targets))
    source_run = _recorded(model, flat, source, NOTHING, sites)
    m_CP: list[Any] = [None] * len(targets)
    for entry in dict.fromkeys(entries):
        before = patch(entry, base_run[1]) if entry else always
        own = [c for c, other in enumerate(entries) if other == entry]
        changes = [before + patch(targets[c], source_run[1]) for c in own]
        found = run_changes(model, flat, base, changes)  # (C, P, B, ...)
        for c, m_P in zip(own, jax.vmap(jax.vmap(metric))(found).mean(-1), strict=True):
            m_CP[c] = m_P
    from_P, to_P = (jax.vmap(metric)(outputs).mean(-1) for outputs, _ in (base_run, source_run))
    share_CP = (jnp.stack(m_CP) - from_P[None]) / checked_gap(owner, to_P - from_P)[None]
    return jnp.moveaxis(share_CP, 0, 1).reshape(*lead, len(grid), -1)


def _targets(owner: str, model: Model, grid: Grid) -> list[Target]:
    """Return the targets of a grid, row by row."""
    widths = {len(row) for row in grid}
    if len(widths) != 1 or widths == {0}:
        raise ToylabError(
            f"{owner}: a grid of {len(grid)} rows of {sorted(widths)} targets; give at least one "
            "row, all of one length, as layer_by_position and layer_by_head make them."
        )
    targets = [target for row in grid for target in row]
    _check_sites(model, [target.site for target in targets])
    return targets


def _check_sites(model: Model, sites: Sequence[str]) -> None:
    for site in sites:
        if site not in model.sites:
            raise ToylabError(f"Unknown site {site!r}: {site_hint(site, model.sites)}")


def _asked(model: Model, metric: Partial, sites: Sequence[str]) -> Model:
    """Return the model, of the last position alone where neither metric nor sites need others."""
    if not isinstance(model, Transformer) or not asks_last(metric):
        return model
    block = f"blocks/{model.depth - 1}/attn/"
    early = (*model.sites[: model.sites.index(block + "q")], block + "k", block + "v")
    return last_alone(model) if all(site in early for site in sites) else model


def _entry(model: Model, site: str) -> str | None:
    """Where a run may begin whose first change is at a site: half way, or None for its start.

    What lies before is as in the base run, so that it is not computed for every target anew. Every
    entry is a program of its own to compile, so there is one alone.
    """
    middle = f"blocks/{getattr(model, 'depth', 0) // 2}/resid_pre"
    sites = model.sites
    if middle not in sites or sites.index(site) < sites.index(middle):
        return None
    return middle


def _recorded(
    model: Model, params: Params, inputs: Array, change: Change, sites: tuple[str, ...]
) -> tuple[Array, dict[str, Array]]:
    """Outputs (P, B, ...) and activations of a run under a change."""
    found = run_changes(model, params, inputs, [change], _everything, sites)
    return jax.tree.map(lambda leaf: leaf[0], found)


def _everything(outputs: Array, acts: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
    return outputs, dict(acts)


def attribution_patching(
    model: Model,
    params: Params,
    clean: Array,
    corrupt: Array,
    metric: Metric,
    sites: Sequence[str],
) -> dict[str, Array]:
    """Predict the effect of noising every activation, by one gradient at the clean run.

    ``(a_corrupt - a_clean) . d metric / d a`` at the clean run, which is about the metric with that
    activation corrupted, minus the clean metric.

    Args:
        model, params, clean, corrupt, metric: as in :func:`patch_effects`.
        sites: names of sites.

    Returns:
        ``{site: scores}``, summed over the last axis of the activation, means over the batch:
        (..., L) for a site of the stream, (..., L, H) for ``attn/z``.

    Raises:
        ToylabError: as :func:`patch_effects`; or no sites.

    Control: the same on untrained networks, as snapshot 0; and :func:`patch_effects` of what
    stands out, as a gradient is no effect.
    """
    owner = "attribution_patching"
    if not sites:
        raise ToylabError(f"{owner}: no sites; name some, as in ('blocks/0/resid_post',).")
    _check_sites(model, sites)
    pair = checked_pair(owner, model, clean, corrupt)
    metric = checked_metric(owner, model, pair[0], metric)
    about, lead = (_asked(model, metric, sites), tuple(sites)), leading(model, params)
    scores, gap = each_member(owner, _first_order, about, lead, params, *pair, metric)
    checked_gap(owner, gap)
    return scores


def _first_order(
    model: Model,
    sites: tuple[str, ...],
    params: Params,
    clean: Array,
    corrupt: Array,
    metric: Partial,
) -> tuple[dict[str, Array], Array]:
    """Scores of each site, and the gap of the metric."""
    (best, here), (worse, there) = (run(model, params, x, sites) for x in (clean, corrupt))

    def total(moves: dict[str, Any]) -> Array:
        edits = [Edit(site, "add", move) for site, move in moves.items()]
        return metric(run(model, params, clean, (), edits)[0]).sum()

    slope = jax.grad(total)({site: jnp.zeros_like(here[site]) for site in sites})
    scores = {s: jnp.sum((there[s] - here[s]) * slope[s], -1).mean(0) for s in sites}
    return scores, metric(best).mean() - metric(worse).mean()
