"""Tables of the study ``graph_tracing_circuit``: heads, ablations, the causal test, pictures."""

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from toylab.analysis.geometry.measures import unfold
from toylab.models import Transformer
from toylab.taps import Params

from .grids import Grids, geometry, means, mixed, shuffled
from .surgery import Change, Seen, look, nothing

DRAWS = 6  # sets of other heads: all pairs of four
FAR = 3  # edges to a target: none of its neighbours is one of the present node's


class Trained(NamedTuple):
    """A population at its end and before its first step."""

    model: Transformer
    params: Params
    untrained: Params
    seeds: np.ndarray


class Kinds(NamedTuple):
    """Heads of every kind of each member, best first, as numbers block * H + head."""

    previous: np.ndarray
    induction: np.ndarray
    other: np.ndarray

    @classmethod
    def of(cls, scores_P2UH: np.ndarray, best: int = 2) -> "Kinds":
        """The best heads by each score; a head that is best at both counts as previous-token."""
        flat = scores_P2UH.reshape(*scores_P2UH.shape[:2], -1)
        previous = np.argsort(-flat[:, 0], axis=1, kind="stable")[:, :best]
        rest = flat[:, 1].copy()
        np.put_along_axis(rest, previous, -1.0, 1)
        order = np.argsort(-rest, axis=1, kind="stable")
        return cls(previous, order[:, :best], order[:, best:-best])


def head_table(net: Trained, scores_P2UH: np.ndarray, kinds: Kinds) -> pl.DataFrame:
    """Scores and kind of every head: init_seed, block, head, previous, induction, kind, rank."""
    rows = []
    for p, seed in enumerate(net.seeds):
        ranks = {int(h): (name, i) for name in Kinds._fields[:2]
                 for i, h in enumerate(getattr(kinds, name)[p])}  # fmt: skip
        for u, h in np.ndindex(scores_P2UH.shape[2:]):
            kind, rank = ranks.get(u * scores_P2UH.shape[3] + h, ("other", 0))
            previous, induction = (float(v) for v in scores_P2UH[p, :, u, h])
            rows.append(
                {"init_seed": seed, "block": u, "head": h, "previous": previous,
                 "induction": induction, "kind": kind, "rank": rank}
            )  # fmt: skip
    return pl.DataFrame(rows)


# Ablations --------------------------------------------------------------------------------------


def conditions(kinds: Kinds) -> Iterator[tuple[str, int, int, np.ndarray, bool]]:
    """Yield kind, number of heads, draw, the heads (P, n), and whether those alone are kept."""
    for count in (1, kinds.previous.shape[1]):
        yield "previous", count, 0, kinds.previous[:, :count], False
        yield "induction", count, 0, kinds.induction[:, :count], False
        sets = itertools.combinations(range(kinds.other.shape[1]), count)
        for draw, chosen in enumerate(itertools.islice(sets, DRAWS)):
            yield "other", count, draw, kinds.other[:, list(chosen)], False
    yield "previous only", kinds.previous.shape[1], 0, kinds.previous, True


def gates(model: Transformer, heads_PN: np.ndarray, alone: bool) -> np.ndarray:
    """1 for heads that stay, (P, U, H)."""
    flat = np.full((len(heads_PN), model.depth * model.heads), 0.0 if alone else 1.0, np.float32)
    np.put_along_axis(flat, heads_PN, 1.0 if alone else 0.0, 1)
    return flat.reshape(-1, model.depth, model.heads)


def rows_of(grids: Grids, seen: Seen, seeds: np.ndarray, **labels: Any) -> list[dict[str, Any]]:
    """One row per member and layer of what a pass shows."""
    found = geometry(grids, means(grids, seen.acts_PSXWD))
    return [
        {"init_seed": seed, **labels, "layer": layer, "rule": float(seen.rule_P[p])}
        | {name: float(values[p, layer]) for name, values in found.items()}
        for p, seed in enumerate(seeds)
        for layer in range(seen.acts_PSXWD.shape[1])
    ]


def ablate(net: Trained, grids: Grids, clean: Seen, kinds: Kinds) -> pl.DataFrame:
    """Every ablation, and the controls, by member and layer."""
    plain = {"ablation": "none", "heads": 0, "draw": 0}
    rows = rows_of(grids, clean, net.seeds, kind="none", **plain)
    before = look(net.model, net.untrained, grids)
    rows += rows_of(grids, before, net.seeds, kind="untrained", **plain)
    mixture = shuffled(grids, seed=1)
    again = look(net.model, net.params, mixture)
    rows += [
        row | {"rule": None} for row in rows_of(mixture, again, net.seeds, kind="shuffled", **plain)
    ]
    mix = geometry(grids, mixed(grids, np.asarray(net.params["embed"]["embedding"])))
    rows += [
        {"init_seed": seed, "kind": "mixing", **plain, "layer": 0, "rule": None}
        | {name: float(values[p, 0]) for name, values in mix.items()}
        for p, seed in enumerate(net.seeds)
    ]
    base = nothing(net.model, len(net.seeds), grids)
    for kind, count, draw, heads_PN, alone in conditions(kinds):
        gate = gates(net.model, heads_PN, alone)
        for name, fill in (("zero", base.fill_PULHK), ("mean", clean.z_PULHK)):
            seen = look(net.model, net.params, grids, Change(gate, fill, base.push_PUXD))
            labels = {"kind": kind, "ablation": name, "heads": count, "draw": draw}
            rows += rows_of(grids, seen, net.seeds, **labels)
    return pl.DataFrame(rows)


def pictures(net: Trained, grids: Grids, clean: Seen, kinds: Kinds, layer: int) -> pl.DataFrame:
    """Class means of the first member and map as points over the spectral embedding."""
    base = nothing(net.model, len(net.seeds), grids)
    seen = {"none": clean}
    for kind in ("previous", "induction"):
        gate = gates(net.model, getattr(kinds, kind), False)
        seen[kind] = look(net.model, net.params, grids, Change(gate, *base[1:]))
    vectors = {kind: means(grids, s.acts_PSXWD)[0, 0, layer] for kind, s in seen.items()}
    vectors["mixing"] = mixed(grids, np.asarray(net.params["embed"]["embedding"]))[0, 0, 0]
    parts = []
    for kind, h_ND in vectors.items():
        met = np.isfinite(h_ND).all()  # a node that no walk met in the window has no mean
        point = unfold(h_ND, grids.adjacency_NN).pca_NK if met else np.full((len(h_ND), 2), np.nan)
        place = {"kind": kind, "node": np.arange(len(point)), "x": point[:, 0], "y": point[:, 1]}
        parts.append(pl.DataFrame(place))
    edges = np.argwhere(np.triu(grids.adjacency_NN))
    lines = {"kind": "edge", "node": edges[:, 0], "x": edges[:, 1].astype(float), "y": 0.0}
    return pl.concat([*parts, pl.DataFrame(lines)])


# The causal test --------------------------------------------------------------------------------


def targets(grids: Grids, seed: int) -> np.ndarray:
    """A random far node for the last place of each walk, (X,)."""
    rng = np.random.default_rng(seed)
    far_NN = grids.distance_NN >= FAR
    return np.array([rng.choice(np.flatnonzero(far_NN[n])) for n in grids.node_MBL[..., -1].flat])


def push(
    here_PXD: np.ndarray, means_MPND: np.ndarray, target_X: np.ndarray, components: int
) -> np.ndarray:
    """What moves the first principal components to those of the target's mean, (P, X, D).

    ``U U^T (m_target - x)`` with U (D, K) the first K principal directions of the class means.
    """
    maps, members = means_MPND.shape[:2]
    if np.isnan(means_MPND).any():  # a node that no walk met in the window stands in the middle
        middle = np.nanmean(means_MPND, 2, keepdims=True)
        means_MPND = np.where(np.isnan(means_MPND), middle, means_MPND)
    centred = means_MPND - means_MPND.mean(2, keepdims=True)
    basis = np.linalg.svd(centred, full_matrices=False)[2][:, :, :components]  # (M, P, K, D)
    goal = np.take_along_axis(means_MPND, target_X.reshape(maps, 1, -1, 1), 2)
    here = here_PXD.reshape(members, maps, -1, here_PXD.shape[-1]).swapaxes(0, 1)
    moved = (goal - here) @ basis.swapaxes(-1, -2) @ basis
    return moved.swapaxes(0, 1).reshape(here_PXD.shape)


def causal(net: Trained, grids: Grids, clean: Seen, components: tuple[int, ...]) -> pl.DataFrame:
    """Mass on the target's neighbours after each push, and after random ones of its norm.

    Class means come from the first half of each map's walks, the pushed places from the second.
    """
    maps, walks = grids.shape
    half = walks // 2
    judged = np.tile(np.arange(walks) >= half, maps)
    centre_MPSND = means(grids, clean.acts_PSXWD, slice(0, half))
    target_X = targets(grids, seed=2)
    tokens_XN = grids.token_MN.repeat(walks, 0)
    near_XV = np.zeros((len(target_X), clean.last_PXV.shape[-1]))
    np.put_along_axis(near_XV, tokens_XN, grids.adjacency_NN[target_X].astype(float), 1)
    own_XV = np.asarray(grids.rule_XWV[:, -1])
    base, rng = nothing(net.model, len(net.seeds), grids), np.random.default_rng(3)
    rows = _moved(clean.last_PXV, near_XV, own_XV, judged, net.seeds, kind="none")
    for layer, count in itertools.product(range(1, net.model.depth + 1), components):
        here = clean.acts_PSXWD[:, layer, :, -1]
        change = push(here, centre_MPSND[:, :, layer], target_X, count)
        noise = rng.normal(size=change.shape)
        size = np.linalg.norm(change, axis=-1) / np.linalg.norm(noise, axis=-1)
        noise = noise * size[..., None]
        for kind, vector in (("class mean", change), ("random", noise)):
            pushes = base.push_PUXD.copy()
            pushes[:, layer - 1] = vector
            last = look(net.model, net.params, grids, base._replace(push_PUXD=pushes)).last_PXV
            labels = {"kind": kind, "layer": layer, "components": count}
            rows += _moved(last, near_XV, own_XV, judged, net.seeds, **labels)
    return pl.DataFrame(rows)


def _moved(last_PXV, near_XV, own_XV, judged, seeds, kind, layer=0, components=0):
    top = last_PXV.argmax(-1)
    found = {
        "mass": (last_PXV * near_XV).sum(-1),
        "hit": np.take_along_axis(near_XV[None].repeat(len(top), 0), top[..., None], -1)[..., 0],
        "own": (last_PXV * own_XV).sum(-1),
    }
    labels = {"kind": kind, "layer": layer, "components": components}
    return [
        {"init_seed": seed, **labels} | {n: float(v[p][judged].mean()) for n, v in found.items()}
        for p, seed in enumerate(seeds)
    ]
