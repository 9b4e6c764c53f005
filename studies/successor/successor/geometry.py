"""Words behind the MLP: is their index apart from their list, and are units apart from decades?

V words, D width, N pairs.
"""

import numpy as np
from jaxtyping import Float

from toylab.tasks.successor.ordinals import BASE, Ordinals
from toylab.tasks.successor.questions import Pairs

FOLDS = 5
WEAK, STRONG = 1e-2, 1.0  # ridge, in variances of the inputs


def recombined(e_VD: Float[np.ndarray, "V D"], pairs: Pairs, seed: int) -> float:
    """Share of pairs whose third word is nearest to the index of one and the list of the other.

    A projection A is fitted by ridge regression, ``A e_index + (1 - A) e_list ~ e_third``, on pairs
    without the words of a fifth of the vocabulary, and judged on pairs whose third word is one of
    those, among all words: five times, each word is left out once.

    Source: Gould et al. 2023, the decomposition in index and domain; there by gradient descent.
    """
    if not np.isfinite(e_VD).all():
        return np.nan
    scale = e_VD.std()
    e = (e_VD - e_VD.mean(0)) / scale if scale else e_VD
    fold_V = np.random.default_rng(seed).permutation(len(e)) % FOLDS
    right = []
    for fold in range(FOLDS):
        left = [fold_V[words] == fold for words in pairs]
        train, test = ~np.any(left, 0), left[2] & ~left[0] & ~left[1]
        x, y = e[pairs.index] - e[pairs.of], e[pairs.target] - e[pairs.of]
        gram = x[train].T @ x[train] + WEAK * train.sum() * np.eye(e.shape[1])
        made = e[pairs.of[test]] + x[test] @ np.linalg.solve(gram, x[train].T @ y[train])
        nearest = ((made[:, None] - e[None]) ** 2).sum(-1).argmin(1)
        right.append(nearest == pairs.target[test])
    return float(np.concatenate(right).mean())


def units_decoded(e_VD: Float[np.ndarray, "V D"], task: Ordinals) -> float:
    """Accuracy of a linear probe of a number's units on decades that it was not fitted on."""
    e, decade, unit = _numbers(e_VD, task)
    if not np.isfinite(e).all():
        return np.nan
    e = (e - e.mean(0)) / e.std()
    right = []
    for held in np.unique(decade):
        x, y = e[decade != held], np.eye(BASE)[unit[decade != held]]
        gram = x.T @ x + STRONG * len(x) * np.eye(x.shape[1])
        weight = np.linalg.solve(gram, (x - x.mean(0)).T @ (y - y.mean(0)))
        right.append((e[decade == held] @ weight + y.mean(0)).argmax(1) == unit[decade == held])
    return float(np.concatenate(right).mean())


def moved_units(e_VD: Float[np.ndarray, "V D"], task: Ordinals) -> tuple[np.ndarray, np.ndarray]:
    """Numbers moved to other units: embeddings (N, D) and the tokens of what should follow (N,).

    A number moves from unit u to unit v by the mean of ``e(v) - e(u)`` over all other decades. Only
    moves to numbers of the same decade whose succession is trained.
    """
    e, decade, unit = _numbers(e_VD, task)
    row, trained = len(task.lists) - 1, np.ones(len(e), bool)
    trained &= (task.tables.answer[row] >= 0)[: len(e)] & ~task.tables.held[row, : len(e)]
    made, follow = [], []
    for n in range(len(e)):
        for m in np.flatnonzero((decade == decade[n]) & (unit != unit[n]) & trained):
            away = decade != decade[n]
            to, out = (e[away & (unit == unit[k])].mean(0) for k in (m, n))
            made.append(e[n] + to - out)
            follow.append(task.tables.answer[row, m])
    return np.array(made), np.array(follow)


def _numbers(e_VD: np.ndarray, task: Ordinals) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of whole decades: embeddings, decades and units."""
    whole = len(task.lists[-1]) // BASE * BASE
    e = np.asarray(e_VD[task.starts[-2] :][:whole], np.float64)
    return e, *np.divmod(np.arange(whole), BASE)
