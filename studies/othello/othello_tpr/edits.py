"""Edits of the board through tensor-product probes, beside the linear edit and controls.

All layers but the embedding are edited at the last move's place, each along its own probe's
direction, by a length that is the same part of each layer's spread. That part is chosen on cases
of their own and then fixed. Lee et al. choose it case by case on the very cases they report; what
that would give is in the column ``best``, for the controls too.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from toylab.analysis.steering.activation import random_like
from toylab.analysis.steering.at_place import add
from toylab.analysis.tpr.analysis import linear_directions, tensor_directions
from toylab.analysis.tpr.probe import TensorProbe
from toylab.read.tables import labelled, long_table
from toylab.tasks.othello.othello_edits import Cases, draw_cases
from toylab.tasks.othello.othello_moves import move_errors

from .. import network as o
from .probes import STATES, Fits, Rows, forms

EDITS = {"flip": ("flip", 1), "erase": ("erase", 1), "flip two": ("flip", 2)}  # kind, squares
EDITORS = ("bilinear", "trilinear, compressed", "linear")
METHODS = (*EDITORS, "wrong square", "random")
STRENGTHS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2)


class Editors(NamedTuple):
    """One probe per edited layer and form, with the spread of each layer's activations."""

    probes: dict[str, TensorProbe]
    scale_S: np.ndarray


def fit_editors(net: o.Player, train: Rows, fits: Fits) -> Editors:
    """Fit the probes that edits go along to every layer but the embedding."""
    acts_SRD = train.acts_SRD[1:]
    known = forms(net.task.size, net.model.width)
    spread = acts_SRD - acts_SRD.mean(1, keepdims=True)
    scale_S = np.sqrt((spread**2).sum(-1).mean(1))
    probes = {n: fits(acts_SRD, train.board_RN, known[n]).at(0) for n in EDITORS}
    return Editors(probes, scale_S)


def changes(cases: Cases, squares_CK: np.ndarray) -> np.ndarray:
    """What an edit changes in the table of states, (C, N, 3); squares of -1 change nothing."""
    found = np.zeros((*cases.before.shape, STATES))
    case, k = np.nonzero(squares_CK >= 0)
    square = squares_CK[case, k]
    found[case, square, cases.old[case, k]] -= 1
    found[case, square, cases.new[case, k]] += 1
    return found


def directions(editors: Editors, cases: Cases, seed: int) -> dict[str, np.ndarray]:
    """Unit vectors (S, C, D) of every method, 0 at the embedding."""
    asked, elsewhere = changes(cases, cases.squares), changes(cases, cases.wrong)
    layers = range(len(editors.scale_S))
    at = lambda name: [editors.probes[name].at(layer) for layer in layers]
    along = lambda name, table: np.stack([tensor_directions(p, table) for p in at(name)])
    linear = [linear_directions(np.asarray(p.weight), asked) for p in at("linear")]
    found = {name: along(name, asked) for name in EDITORS if name != "linear"}
    found |= {"linear": np.stack(linear), "wrong square": along("bilinear", elsewhere)}
    found["random"] = np.asarray(random_like(found["linear"], seed))
    none = np.zeros((1, *found["linear"].shape[1:]))
    return {name: np.concatenate([none, unit]).astype(np.float32) for name, unit in found.items()}


def draw(
    net: o.Player, count: int, games: int, seed: int, fitted_GL: np.ndarray
) -> dict[str, Cases]:
    """Draw cases of every edit, as late in the game as the paper's, one per game at most.

    None is at a place whose moves a game that probes were fitted on begins with.
    """
    plies = net.task.plies
    batch = o.unseen(o.draw_games(net.task, games, seed), fitted_GL)
    return {
        name: draw_cases(
            *(net.task, batch, kind, count, (plies // 3, plies - 4), seed + i), squares=squares
        )
        for i, (name, (kind, squares)) in enumerate(EDITS.items())
    }


def error_tables(
    net: o.Player, editors: Editors, cases: Mapping[str, Cases], seed: int
) -> tuple[pl.DataFrame, np.ndarray]:
    """Return the cases' rows and errors by method and strength (M, T, C).

    Rows are (edit, case, null, floor): the error without an edit, by the edited board's legal
    moves and by those of the board as it was, which no edit can be expected to undercut.
    """
    fields = ("tokens", "place", "legal", "legal_before")
    whole = {f: np.concatenate([getattr(c, f) for c in cases.values()]) for f in fields}
    per_edit = [directions(editors, case, seed) for case in cases.values()]
    scale_S = np.concatenate([[0], editors.scale_S]).astype(np.float32)[:, None, None]
    length = lambda strength: np.float32(strength) * scale_S

    def error(delta_SCD: np.ndarray, legal: str = "legal") -> np.ndarray:
        logits = add(net.model, net.params, whole["tokens"], whole["place"], delta_SCD)
        return move_errors(net.task, np.asarray(logits), whole[legal])

    unit = {m: np.concatenate([found[m] for found in per_edit], 1) for m in METHODS}
    errors_MTC = np.array([[error(length(s) * unit[m]) for s in STRENGTHS] for m in METHODS])
    names = [name for name, case in cases.items() for _ in range(case.count)]
    none = 0 * unit["random"]
    read = {"null": error(none), "floor": error(none, "legal_before")}
    return pl.DataFrame({"edit": names, "case": range(len(names)), **read}), errors_MTC


def measure_edits(
    net: o.Player,
    train: Rows,
    fits: Fits,
    cases: int,
    games: int,
    seeds: tuple[int, int],
    fitted_GL: np.ndarray,
) -> dict[str, pl.DataFrame]:
    """Choose strengths on one set of cases and judge them on another.

    Returns:
        ``edits`` with rows (edit, case, method, strength, error, best, null, floor), and
        ``strengths`` with the mean errors on the cases that the strengths were chosen on.
    """
    editors = fit_editors(net, train, fits)
    tables = lambda seed: error_tables(net, editors, draw(net, cases, games, seed, fitted_GL), seed)
    (chosen_on, tried_MTC), (judged_on, errors_MTC) = map(tables, seeds)
    edits, strengths = [], []
    for name in EDITS:
        tried = tried_MTC[..., (chosen_on["edit"] == name).to_numpy()].mean(-1)
        kept = (judged_on["edit"] == name).to_numpy()
        for m, method in enumerate(METHODS):
            best, own_TC = int(np.argmin(tried[m])), errors_MTC[m][:, kept]
            error, least = pl.Series("error", own_TC[best]), pl.Series("best", own_TC.min(0))
            rows = judged_on.filter(kept).with_columns(error, least)
            edits.append(labelled(rows, method=method, strength=STRENGTHS[best]))
            curve = long_table({"strength": STRENGTHS}, error=tried[m])
            strengths.append(labelled(curve, edit=name, method=method))
    return {"edits": pl.concat(edits), "strengths": pl.concat(strengths)}
