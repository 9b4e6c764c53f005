"""How copiers of lists hold order: in what the separator gives the first digit, or in directions.

Shape suffixes: B lists, N digits, C changes.
"""

import numpy as np
from jaxtyping import Int

from toylab.analysis.binding.copiers import CHANGES, Seen
from toylab.analysis.binding.echoes import directions_by_place
from toylab.stats.means import mean_or_nan

NAMES = ("train", "test", "first", "second", *CHANGES[1:], "cut_first", "alpha")
NAMES += ("additive", "same_map", "echo", "shuffled_echo")


def copier_scores(seen: Seen, digits: int, held_out: Int[np.ndarray, " B"]) -> dict[str, float]:
    """All scores of one network.

    Args:
        seen: of all lists, numbered ``d1 * digits + d2``.
        digits: N.
        held_out: numbers of the lists that it was not trained on.

    Returns:
        A number for each of NAMES, of lists held out but for ``train``; NaN of a network that
        diverged. ``first`` and ``second`` are accuracies at either mask. Of lists of two different
        digits that are copied right both ways round: ``swapped``, ``digits`` and ``places``, how
        often these exchange the answers. Of all lists of different digits: ``only_second``,
        ``held`` and ``cut``, accuracy at the second mask under each change; ``cut_first``, how much
        of what is then wrong is the first digit; ``alpha``, the first digit's mean. For the rest
        see :func:`~toylab.analysis.binding.echoes.directions_by_place`.
    """
    if not (seen.sound and np.isfinite(seen.stream).all()):
        return dict.fromkeys(NAMES, np.nan)
    test_B = np.isin(np.arange(digits**2), held_out)
    found = _answers(seen.answers, digits, test_B)
    first_B, second_B = np.divmod(np.arange(digits**2), digits)
    found["alpha"] = seen.alpha[test_B & (first_B != second_B)].mean()
    found |= directions_by_place(seen.stream.reshape(digits, digits, -1))
    return {name: float(value) for name, value in found.items()}


def _answers(answers_CB2: np.ndarray, digits: int, test_B: np.ndarray) -> dict[str, float]:
    """Scores of the answers under every change."""
    lists_B2 = np.stack(np.divmod(np.arange(digits**2), digits), 1)
    right_CB2 = answers_CB2 == lists_B2
    apart_B = test_B & (lists_B2[:, 0] != lists_B2[:, 1])
    right_B = right_CB2[0].all(1)
    sure_B = apart_B & right_B & right_B.reshape(digits, digits).T.ravel()
    turned_CB = (answers_CB2 == lists_B2[:, ::-1]).all(-1)
    wrong_B = apart_B & ~right_CB2[-1, :, 1]
    found = {
        "train": right_CB2[0][~test_B].mean(),
        "test": right_CB2[0][test_B].mean(),
        "first": right_CB2[0][test_B, 0].mean(),
        "second": right_CB2[0][test_B, 1].mean(),
        "cut_first": mean_or_nan((answers_CB2[-1, :, 1] == lists_B2[:, 0])[wrong_B]),
    }
    found |= {n: mean_or_nan(turned_CB[c, sure_B]) for c, n in enumerate(CHANGES) if c in (1, 2, 3)}
    return found | {n: right_CB2[c, apart_B, 1].mean() for c, n in enumerate(CHANGES) if c > 3}
