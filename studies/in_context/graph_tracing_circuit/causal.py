"""The causal test: the walker is moved to a far node, in some principal components."""

import itertools
from typing import Any

import numpy as np
import polars as pl

from toylab.analysis.geometry.moves import toward_class_mean
from toylab.change import Change, at, stream
from toylab.change.kinds import Part
from toylab.tasks.in_context.given_walks import Grids

from .ablations import Trained
from .grids import means
from .surgery import Seen, look

FAR = 3  # edges to a target: none of its neighbours is one of the present node's


def targets(grids: Grids, seed: int) -> np.ndarray:
    """A random far node for the last place of each walk, (X,)."""
    rng = np.random.default_rng(seed)
    far_NN = grids.distance_NN >= FAR
    return np.array([rng.choice(np.flatnonzero(far_NN[n])) for n in grids.node_MBL[..., -1].flat])


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
    sites, rng = stream(net.model), np.random.default_rng(3)
    rows = _moved(clean.last_PXV, near_XV, judged, net.seeds, kind="none", layer=0, components=0)
    for layer, count in itertools.product(range(1, net.model.depth + 1), components):
        here = clean.acts_PSXWD[:, layer, :, -1]
        here_MPBD = here.reshape(len(here), maps, walks, -1).swapaxes(0, 1)
        target_M1B = target_X.reshape(maps, 1, walks)
        change = toward_class_mean(here_MPBD, centre_MPSND[:, :, layer], target_M1B, count)
        change = change.swapaxes(0, 1).reshape(here.shape)
        noise = rng.normal(size=change.shape)
        size = np.linalg.norm(change, axis=-1) / np.linalg.norm(noise, axis=-1)
        noise = noise * size[..., None]
        for kind, vector in (("class mean", change), ("random", noise)):
            moved = Change((Part(at(sites[layer], -1), "add", vector[:, :, None]),))
            last_PXV = look(net.model, net.params, grids, moved).last_PXV
            labels = {"kind": kind, "layer": layer, "components": count}
            rows += _moved(last_PXV, near_XV, judged, net.seeds, **labels)
    return pl.DataFrame(rows)


def _moved(
    last_PXV: np.ndarray, near_XV: np.ndarray, judged: np.ndarray, seeds: np.ndarray, **labels: Any
) -> list[dict[str, Any]]:
    mass_PX = (last_PXV * near_XV).sum(-1)
    return [
        {"init_seed": seed, **labels, "mass": float(mass_PX[p][judged].mean())}
        for p, seed in enumerate(seeds)
    ]
