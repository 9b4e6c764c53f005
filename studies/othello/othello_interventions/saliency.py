"""What a move hangs on: latent saliency, and the circuit that writes 'not empty'.

Source: Li et al. 2022, section 5 and figure 5 (a disc's saliency for a move is how far the move's
logit falls when the disc is flipped inside the network); Nanda, Lee and Wattenberg 2023, section 5
(the first layer's heads add, for a move m, ``Played_h(m) = E[m] V_h O_h``).
"""

from typing import Any

import numpy as np

from toylab.analysis.steering.activation import random_like
from toylab.analysis.steering.at_place import unit
from toylab.analysis.written import written
from toylab.read.tables import labelled, long_table
from toylab.stats.ranks import auc
from toylab.tasks.othello.othello import Othello
from toylab.tasks.othello.othello_edits import EMPTY, MINE, THEIRS, Cases
from toylab.tasks.othello.othello_lines import needed, roles

from .run import Bench, Choice, Rows


def flips_of(cases: Cases) -> tuple[Cases, np.ndarray]:
    """Return a case for every disc of every board, a flip of that disc, and whose board it is."""
    which, square = np.nonzero(cases.before != EMPTY)
    old = cases.before[which, square][:, None]
    whole = cases[which]._replace(squares=square[:, None], old=old, new=MINE + THEIRS - old)
    return whole, which


def saliency_rows(bench: Bench, cases: Cases, choice: Choice, seed: int) -> tuple[Rows, Rows]:
    """Score how well saliency tells the discs that one legal move of each board needs.

    Returns:
        A row per board: AUC of saliency among all discs and among those in line with the move, and
        AUCs of nearness and of a random direction's saliency; and a row per disc.
    """
    task = bench.net.task
    flips, which = flips_of(cases)
    delta = bench.vectors(flips, choice, bench.probes.board)
    before = bench.unedited(cases)
    after = bench.logits(flips, delta)
    noise = bench.logits(flips, np.asarray(random_like(delta, seed)))
    rng = np.random.default_rng(seed)
    boards, squares = [], []
    for i in range(cases.count):
        found = _move(cases, i, task, rng)
        if found is None:
            continue
        move, need_N = found
        mine = which == i
        square = flips.squares[mine, 0]
        token = task.tokens[move]
        drop, control = (before[i, token] - logits[mine, token] for logits in (after, noise))
        need, role = need_N[square], roles(cases.before[i], move, task.size)[square]
        scores = _aucs(drop, control, need, role, _apart(square, move, task))
        boards.append({"case": i, "move": move} | scores)
        found = {"role": role, "needed": need, "drop": drop, "random": control}
        discs = labelled(long_table({"square": square}, **found), case=i, move=move)
        squares += discs.to_dicts()
    return boards, squares


def _move(
    cases: Cases, i: int, task: Othello, rng: np.random.Generator
) -> tuple[int, np.ndarray] | None:
    """A random legal move that needs some disc, and the discs it needs; None if there is none."""
    for move in rng.permutation(np.flatnonzero(cases.legal_before[i])):
        need_N = needed(cases.before[i], int(move), task.size)
        if need_N.any():
            return int(move), need_N
    return None


def _apart(squares: np.ndarray, move: int, task: Othello) -> np.ndarray:
    """Steps of a king from each square to the move's."""
    here, there = np.stack(np.divmod(squares, task.size)), np.array(divmod(move, task.size))
    return np.abs(here - there[:, None]).max(0).astype(np.float64)


def _aucs(
    drop: np.ndarray, control: np.ndarray, need: np.ndarray, role: np.ndarray, apart: np.ndarray
) -> dict[str, float | None]:
    line = need | (role != "elsewhere")
    return {
        "auc": auc(drop, need),
        "auc_in_line": auc(drop[line], need[line]),
        "auc_near": auc(-apart, need),
        "auc_near_in_line": auc(-apart[line], need[line]),
        "auc_random": auc(control, need),
        "needed": int(need.sum()),
    }


def circuit_rows(bench: Bench, penalty: int, seed: int) -> list[dict[str, Any]]:
    """Cosines of what a move writes with 'empty' vectors: its own, the others', random ones.

    Each is the most negative over heads, as in the paper; a row per square.
    """
    squares = bench.net.task.squares[1:]
    added_HTD = unit(written(bench.net.params, bench.net.task.tokens[squares]))
    empty_TD = unit(bench.probes.board[penalty][0][squares, EMPTY])
    noise_TD = unit(np.random.default_rng(seed).normal(size=(256, added_HTD.shape[-1])))
    lowest = lambda vectors: np.einsum("htd,sd->hts", added_HTD, vectors).min(0)
    cosine_TT, random_TS = lowest(empty_TD), lowest(noise_TD)
    own = np.diagonal(cosine_TT)
    other = (cosine_TT.sum(1) - own) / (len(own) - 1)
    random = random_TS.mean(1)
    return long_table({"square": squares}, own=own, other=other, random=random).to_dicts()
