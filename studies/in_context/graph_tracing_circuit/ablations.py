"""Which heads are of which kind, what their ablation does, and pictures of it."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from toylab.analysis.geometry.measures import unfold
from toylab.models import Transformer
from toylab.read.tables import long_table
from toylab.taps import Params
from toylab.tasks.in_context.given_walks import Grids

from .grids import geometry, means, mixed
from .readings import ALL, NEAR
from .surgery import Seen, ablate, look

DRAWS = 6  # sets of other heads beside each set of a kind
HALF = 0.5  # of its attention, with which a head is of a kind
Heads = Sequence[np.ndarray]  # of each member


class Trained(NamedTuple):
    """A population at its end and before its first step."""

    model: Transformer
    params: Params
    untrained: Params
    seeds: np.ndarray


class Kinds(NamedTuple):
    """Heads of every kind of each member, best first, as numbers block * H + head.

    The best of both kinds are as many for each member (P, N); all that give half of their attention
    to the previous token, and the others, which do so for neither kind, are not. Others are as many
    as the best at least: the weakest heads, where fewer are of neither kind.
    """

    previous: np.ndarray
    induction: np.ndarray
    all_previous: Heads
    other: Heads

    @classmethod
    def of(cls, scores_P2UH: np.ndarray, best: int = 2) -> "Kinds":
        """The best heads by each score; a head that is best at both counts as previous-token."""
        flat = scores_P2UH.reshape(*scores_P2UH.shape[:2], -1)
        previous = np.argsort(-flat[:, 0], axis=1, kind="stable")[:, :best]
        rest = flat[:, 1].copy()
        np.put_along_axis(rest, previous, -1.0, 1)
        order = np.argsort(-rest, axis=1, kind="stable")
        induction, free = order[:, :best], order[:, best:-best]
        every, other = [], []
        for score_2H, own_N, free_N in zip(flat, previous, free, strict=True):
            most_N = score_2H[:, free_N].max(0)
            neither = max(best, int((most_N <= HALF).sum()))
            other.append(free_N[np.argsort(most_N, kind="stable")[:neither]])
            more = np.setdiff1d(np.flatnonzero(score_2H[0] > HALF), own_N)
            every.append(np.concatenate([own_N, more]))
        return cls(previous, induction, every, other)


def beside(model: Transformer, kinds: Kinds, heads_P: Heads, seed: int) -> list[np.ndarray]:
    """Draw as many other heads of the same blocks.

    Where a block has none left, they are of an earlier one, or of any; fewer where all are drawn.
    """
    rng, drawn = np.random.default_rng(seed), []
    for heads_N, other_N in zip(heads_P, kinds.other, strict=True):
        free, own = rng.permutation(other_N), []
        for head in heads_N[: len(free)]:
            block_N, block = free // model.heads, head // model.heads
            near = free[block_N == block] if block in block_N else free[block_N < block]
            own.append(near[0] if len(near) else free[0])
            free = free[free != own[-1]]
        drawn.append(np.array(own))
    return drawn


def head_table(net: Trained, scores_P2UH: np.ndarray, kinds: Kinds) -> pl.DataFrame:
    """Scores and kind of every head: init_seed, block, head, previous, induction, kind, rank."""
    shape_PUH = scores_P2UH[:, 0].shape
    rank = np.zeros((len(scores_P2UH), np.prod(shape_PUH[1:])), int)
    kind = np.full(rank.shape, "other", dtype=object)
    for name in ("previous", "induction"):
        heads_PN = getattr(kinds, name)
        np.put_along_axis(kind, heads_PN, name, 1)
        np.put_along_axis(rank, heads_PN, np.arange(heads_PN.shape[1])[None], 1)
    scores = dict(zip(("previous", "induction"), np.swapaxes(scores_P2UH, 0, 1), strict=True))
    axes = {"init_seed": net.seeds, "block": None, "head": None}
    places = {"kind": kind.astype(str).reshape(shape_PUH), "rank": rank.reshape(shape_PUH)}
    return long_table(axes, **scores, **places)


class Case(NamedTuple):
    """Heads that are ablated, or kept alone; others stand beside those of a kind."""

    kind: str
    beside: str
    draw: int
    count: int  # of heads; 0 for all that there are
    heads: Heads
    alone: bool = False


def cases(model: Transformer, kinds: Kinds) -> Iterator[Case]:
    """Yield one and all of each kind's best heads, and as many others of the same blocks."""
    best = kinds.previous.shape[1]
    sets: list[tuple[str, int, Heads]] = [
        (name, count, getattr(kinds, name)[:, :count])
        for count, name in itertools.product((1, best), ("previous", "induction"))
    ]
    for name, count, heads in (*sets, (ALL, 0, kinds.all_previous)):
        yield Case(name, "", 0, count, heads)
        for draw in range(DRAWS):
            yield Case("other", name, draw, count, beside(model, kinds, heads, draw))
    yield Case("previous only", "", 0, best, kinds.previous, alone=True)


def mask(model: Transformer, heads_P: Heads, alone: bool = False) -> np.ndarray:
    """True for some heads, or for all others, (P, U, H)."""
    gone = np.full((len(heads_P), model.depth * model.heads), alone)
    for own, heads_N in zip(gone, heads_P, strict=True):
        own[heads_N] = not alone
    return gone.reshape(-1, model.depth, model.heads)


def rows_of(grids: Grids, seen: Seen, seeds: np.ndarray, **labels: Any) -> list[dict[str, Any]]:
    """One row per member and layer of what a pass shows."""
    found = geometry(grids, means(grids, seen.acts_PSXWD))
    told = {"rule": seen.rule_P, "excess": seen.excess_P}
    return [
        {"init_seed": seed, **labels, "layer": layer}
        | {name: float(value_P[p]) for name, value_P in told.items()}
        | {name: float(values[p, layer]) for name, values in found.items()}
        for p, seed in enumerate(seeds)
        for layer in range(seen.acts_PSXWD.shape[1])
    ]


def ablation_table(
    net: Trained, grids: Grids, mixture: Grids, clean: Seen, kinds: Kinds
) -> pl.DataFrame:
    """Every ablation, and the controls, by member and layer; ``mixture`` are shuffled walks."""
    plain = {"beside": "", "ablation": "none", "heads": 0, "draw": 0}
    untrained = look(net.model, net.untrained, grids)
    again = look(net.model, net.params, mixture)
    mix = geometry(grids, mixed(grids, np.asarray(net.params["embed"]["embedding"])))
    rows = rows_of(grids, clean, net.seeds, kind="none", **plain)
    rows += rows_of(grids, untrained, net.seeds, kind="untrained", **plain)
    controls = rows_of(mixture, again, net.seeds, kind="shuffled", **plain)
    controls += [
        {"init_seed": seed, "kind": "mixing", **plain, "layer": 0}
        | {name: float(values[p, 0]) for name, values in mix.items()}
        for p, seed in enumerate(net.seeds)
    ]
    rows += [row | {"rule": None, "excess": None} for row in controls]  # no meaning there
    for case in cases(net.model, kinds):
        gone = mask(net.model, case.heads, case.alone)
        labels = {"kind": case.kind, "beside": case.beside, "draw": case.draw}
        for name, fill in (("zero", None), ("mean", clean.z_PULHK)):
            seen = look(net.model, net.params, grids, ablate(gone, fill))
            labels |= {"ablation": name, "heads": case.count}
            rows += rows_of(grids, seen, net.seeds, **labels)
    return pl.DataFrame(rows)


def pictures(net: Trained, grids: Grids, clean: Seen, kinds: Kinds, layer: int) -> pl.DataFrame:
    """Class means of one member as points over the first map's spectral embedding.

    It is the first that has learned, or the first finite one where none has.
    """
    knows_P = clean.excess_P <= NEAR
    member = int((knows_P if knows_P.any() else np.isfinite(clean.rule_P)).argmax())
    seen = {"none": clean}
    for kind in ("previous", "induction"):
        change = ablate(mask(net.model, getattr(kinds, kind)))
        seen[kind] = look(net.model, net.params, grids, change)
    vectors = {kind: means(grids, s.acts_PSXWD)[0, member, layer] for kind, s in seen.items()}
    vectors["mixing"] = mixed(grids, np.asarray(net.params["embed"]["embedding"]))[0, member, 0]
    parts = []
    for kind, h_ND in vectors.items():
        met = np.isfinite(h_ND).all()  # a node that no walk met in the window has no mean
        point = unfold(h_ND, grids.adjacency_NN).pca_NK if met else np.full((len(h_ND), 2), np.nan)
        place = {"kind": kind, "node": np.arange(len(point)), "x": point[:, 0], "y": point[:, 1]}
        parts.append(pl.DataFrame(place))
    edges = np.argwhere(np.triu(grids.adjacency_NN))
    lines = {"kind": "edge", "node": edges[:, 0], "x": edges[:, 1].astype(float), "y": 0.0}
    return pl.concat([*parts, pl.DataFrame(lines)])
