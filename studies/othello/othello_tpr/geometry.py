"""What the probes of ``othello_tpr`` look like inside: linear probes recovered, squares laid out.

Roles are known only up to a change of coordinates: any invertible matrix A turns role_s into
role_s A and M into M A^-1 with the same logits on every input. Which coordinates a fit ends in is a
matter of its start, its decay and its path. So the geometry is measured twice more: on the same
roles in other, random coordinates, and on the linear probe's own vectors, which are free of this.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from toylab.analysis.tpr.analysis import centred, cosines, gap_r2, neighbour_overlap
from toylab.analysis.tpr.codes import RandomCode, flat_map
from toylab.analysis.tpr.probe import TensorProbe
from toylab.read.tables import labelled, long_table
from toylab.tasks.othello.othello import Othello

from .probes import FILLERS, STATES, Fits, Rows, forms

RECOVERED = ("bilinear, full", "bilinear, wider", "bilinear")


def recovery(probes: Mapping[str, TensorProbe]) -> pl.DataFrame:
    """Cosines of recovered and trained linear probes: rows (probe, seed, square, state, ...).

    Probe seed i is compared with the linear probe of seed i, raw and less the mean over states;
    "linear" compares that one with the linear probe of the next seed, the most to be hoped for.
    """
    target_PDSC = np.asarray(probes["linear"].weight)
    other_PDSC = np.roll(target_PDSC, 1, 0)
    sources = {name: np.asarray(probes[name].weight) for name in RECOVERED} | {"linear": other_PDSC}
    parts = []
    for name, weight_PDSC in sources.items():
        table = long_table(
            {"seed": None, "square": None, "state": None},
            cosine=cosines(weight_PDSC, target_PDSC),
            centred=cosines(centred(weight_PDSC), centred(target_PDSC)),
        )
        parts.append(labelled(table, probe=name))
    return pl.concat(parts)


def encodings(
    task: Othello, width: int, train: Rows, fits: Fits, seed: int = 11
) -> dict[str, TensorProbe]:
    """Bilinear probes of random codes of boards that came up, and of boards of random states."""
    n = task.size**2
    form = forms(task.size, width)["bilinear"]
    code = RandomCode.draw(n, STATES, form.roles[0], FILLERS, width, seed)
    states = np.random.default_rng(seed).integers(0, STATES, train.board_RN.shape).astype(np.int8)
    boards = {"code of real boards": train.board_RN, "code of random boards": states}
    return {name: fits(code(board), board, form) for name, board in boards.items()}


def layouts(
    probes: Mapping[str, TensorProbe], codes: Mapping[str, TensorProbe]
) -> dict[str, np.ndarray]:
    """Vectors that stand for squares, by source, (P, N, R)."""
    roles = np.asarray(probes["bilinear"].roles)
    rng = np.random.default_rng(0)
    other = np.stack([r @ rng.normal(size=(r.shape[-1],) * 2) for r in roles])
    weight_PDSC = np.asarray(probes["linear"].weight)
    colour = np.swapaxes(weight_PDSC[..., 1] - weight_PDSC[..., 2], -1, -2)
    empty = np.swapaxes(centred(weight_PDSC)[..., 0], -1, -2)
    return {
        "network": roles,
        "untrained network": np.asarray(probes["untrained, bilinear"].roles),
        **{name: np.asarray(probe.roles) for name, probe in codes.items()},
        "other coordinates": other,
        "linear, mine - theirs": colour,
        "linear, empty": empty,
    }


def geometry(vectors: Mapping[str, np.ndarray], grid: tuple[int, int]) -> pl.DataFrame:
    """Rows (source, seed, gap_r2, overlap, chance)."""
    found = []
    for name, vectors_PSR in vectors.items():
        for seed, one in enumerate(vectors_PSR):
            overlap, chance = neighbour_overlap(one, grid)
            row = {"source": name, "seed": seed, "gap_r2": gap_r2(one, grid)}
            found.append(row | {"overlap": overlap, "chance": chance})
    return pl.DataFrame(found)


def maps(vectors: Mapping[str, np.ndarray], columns: int) -> pl.DataFrame:
    """Maps of the first seed's squares: rows (source, square, row, column, x, y, z)."""
    parts = []
    for name, vectors_PSR in vectors.items():
        place = flat_map(vectors_PSR[0])
        square = np.arange(len(place))
        where = {"square": square, "row": square // columns, "column": square % columns}
        axes = {axis: place[:, i] for i, axis in enumerate("xyz")}
        parts.append(pl.DataFrame({"source": name, **where, **axes}))
    return pl.concat(parts)
