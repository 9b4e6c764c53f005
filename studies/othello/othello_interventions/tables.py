"""The tables of one network: strengths chosen on validation cases, then edits of the test cases."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from toylab.analysis.steering.activation import random_like
from toylab.read.tables import labelled, long_table
from toylab.tasks.othello.othello_edits import Cases, draw_cases
from toylab.tasks.othello.othello_moves import from_uniform, move_errors, square_chances

from .run import Bench, Choice, Rows, choose_gradient, choose_vector, length, score_rows

NOISE = 5  # seed of random directions


class Set(NamedTuple):
    """A set of cases, and the ways of editing that are tried on it."""

    kind: str
    natural: bool
    squares: int
    methods: tuple[str, ...]


VECTOR = ("null", "vector", "random")
FULL = (*VECTOR, "wrong", "gradient")
SETS = (
    Set("flip", True, 1, (*FULL, "colour")),
    Set("flip", False, 1, (*VECTOR, "gradient")),
    Set("erase", True, 1, FULL),
    Set("erase", False, 1, (*VECTOR, "gradient")),
    Set("place", True, 1, FULL),
    Set("unflip", True, 1, VECTOR),
    *(Set("flip", True, k, (*VECTOR, "gradient")) for k in (2, 3, 4)),
)
SMALL_SETS = (Set("flip", True, 1, (*VECTOR, "wrong")),)


def vectors_for(bench: Bench, kind: str) -> np.ndarray:
    """Probe vectors that an edit of a kind follows (G, S, N, classes, D)."""
    return bench.probes.flipped if kind == "unflip" else bench.probes.board


def states_for(cases: Cases, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Classes of those vectors before and after the edit, each (C, K)."""
    if kind == "unflip":
        return np.ones_like(cases.old), np.zeros_like(cases.old)
    return cases.old, cases.new


def choices(
    bench: Bench, config: Any, sets: tuple[Set, ...], seed: int
) -> tuple[dict[tuple[str, str], Choice], Rows]:
    """Choose edits on validation cases; return them by (kind, method), and all tried.

    ``seed`` is that of the test games; validation takes the one after it.
    """
    games = bench.draw(2 * config.validation, seed + 1)
    found: dict[tuple[str, str], Choice] = {}
    rows: Rows = []
    for kind in dict.fromkeys(each.kind for each in sets):
        cases = draw_cases(bench.net.task, games, kind, config.validation, config.plies, seed)
        if not cases.count:
            continue
        null = bench.error(cases, bench.unedited(cases))
        vectors, states = vectors_for(bench, kind), states_for(cases, kind)
        best, tried = choose_vector(bench, cases, vectors, config.strengths, states)
        found[kind, "vector"] = best
        labels = {"kind": kind, "cases": cases.count, "null": null}
        rows += [labels | {"method": "vector"} | row for row in tried]
        if any("gradient" in each.methods for each in sets if each.kind == kind):
            best, tried = choose_gradient(bench, cases, config.reaches)
            found[kind, "gradient"] = best
            rows += [labels | {"method": "gradient"} | row for row in tried]
    return found, rows


def case_rows(
    bench: Bench,
    config: Any,
    sets: tuple[Set, ...],
    chosen: Mapping[tuple[str, str], Choice],
    seed: int,
) -> tuple[Rows, Rows]:
    """Edit the test cases as chosen: a row per case and method; and one edit, square by square."""
    games = bench.draw(config.games, seed)
    rows: Rows = []
    example: Rows = []
    for each in sets:
        if (each.kind, "vector") not in chosen:
            continue
        task = bench.net.task
        args = (each.kind, config.cases, config.plies, seed, each.natural, each.squares)
        cases = draw_cases(task, games, *args)
        if not cases.count:
            continue
        made = {m: edited(bench, cases, each.kind, m, chosen) for m in each.methods}
        labels = {"kind": each.kind, "natural": each.natural, "squares": each.squares}
        for method, (logits, moved) in made.items():
            scored = score_rows(bench, cases, logits, moved)
            rows += [labels | {"method": method} | row for row in scored]
        # What the network itself gets wrong on the board it was shown: no edit can be expected to
        # do better.
        shown = cases._replace(legal=cases.legal_before)
        own = score_rows(bench, shown, made["null"][0], 0.0)
        rows += [labels | {"method": "own"} | row for row in own]
        if not example:
            example = example_rows(bench, cases, made["null"][0], made["vector"][0])
    return rows, example


def edited(
    bench: Bench,
    cases: Cases,
    kind: str,
    method: str,
    chosen: Mapping[tuple[str, str], Choice],
) -> tuple[np.ndarray, float]:
    """Logits (C, V) after an edit by one method, and how far it moved the activations."""
    if method == "null":
        return bench.unedited(cases), 0.0
    if method == "gradient":
        logits, moved = bench.descend(cases, chosen[kind, "gradient"])
        return logits, length(moved)
    choice, vectors, states = (
        chosen[kind, "vector"],
        vectors_for(bench, kind),
        states_for(cases, kind),
    )
    if method == "colour":
        vectors = bench.probes.colour
        states = by_colour(cases, cases.old), by_colour(cases, cases.new)
    squares = cases.wrong if method == "wrong" else None
    delta = bench.vectors(cases, choice, vectors, states, squares)
    if method == "random":
        delta = np.asarray(random_like(delta, NOISE))
    return bench.logits(cases, delta), length(delta)


def by_colour(cases: Cases, states_CK: np.ndarray) -> np.ndarray:
    """Turn mine and theirs into black (1) and white (2); empty stays 0."""
    swapped = np.where(states_CK == 0, 0, 3 - states_CK)
    return np.where(cases.white[:, None], swapped, states_CK)


def example_rows(bench: Bench, cases: Cases, null: np.ndarray, after: np.ndarray) -> Rows:
    """A board before and after one edit, square by square: a typical one of those that change much.

    Of the cases of the median error, where the edit repairs at least as many moves as usual, it is
    the one whose prediction is the median total variation from the uniform choice.
    """
    legal = cases.legal
    error = move_errors(bench.net.task, after, legal)
    gain = move_errors(bench.net.task, null, legal) - error
    off = np.abs(error - np.median(error))
    usual = np.flatnonzero((off == off.min()) & (gain >= np.median(gain)))
    usual = usual if len(usual) else np.arange(cases.count)
    p_null, p_after = square_chances(bench.net.task, null), square_chances(bench.net.task, after)
    i = int(usual[np.argsort(from_uniform(p_after, legal)[usual], kind="stable")[len(usual) // 2]])
    names = ("before", "after", "legal_before", "legal")
    boards = {name: np.asarray(getattr(cases, name))[i] for name in names}
    table = long_table({"square": None}, p_before=p_null[i], p_after=p_after[i], **boards)
    return labelled(table, error=int(error[i]), ply=int(cases.place[i]) + 1).to_dicts()
