"""States inside programs with another goal in mind, and the next symbol that it asks for.

Shape suffixes: C cases, L tokens, T actions, N programs.
"""

from typing import NamedTuple

import numpy as np

from .grid import HEADINGS
from .karel import Karel
from .texts import Texts, endpoints, halves, inner

SYMBOLS = 4  # move, left, right, END, the last tokens


class Cases(NamedTuple):
    """States inside programs, each with another goal in mind.

    Attributes:
        tokens: the sequences (C, L).
        place: index of the token whose stream is edited (C,).
        now, then: quarter turns still to be made, and those of the other goal (C,).
        wanted: the likeliest symbol for the other goal, by the exact law (C,).
        tune: whether the case is one to choose an edit's block and strength on (C,).
        moved: the sequences with the other goal in the prompt (C, L).
    """

    tokens: np.ndarray
    place: np.ndarray
    now: np.ndarray
    then: np.ndarray
    wanted: np.ndarray
    tune: np.ndarray
    moved: np.ndarray


def draw_cases(task: Karel, texts: Texts, turns_BT: np.ndarray, seed: int) -> Cases:
    """All inner states of texts, each with the goal's headings turned by 1 to 3 quarters.

    Only those count whose program so far can be continued to the other goal, by a likeliest symbol
    that cannot go on to the present one.

    Args:
        task: the world.
        texts: programs that fit their prompts.
        turns_BT: quarter turns still to be made after 0 to T actions (B, T + 1).
        seed: of the quarters.
    """
    text_C, after_C = np.nonzero(inner(texts))
    by_C = np.random.default_rng(seed).integers(1, HEADINGS, len(text_C))
    tokens_CL, moved_CL = texts.tokens[text_C], texts.tokens[text_C].copy()
    ends = moved_CL[:, 1 : task.prompt - 1 : 2]
    ends += (ends % HEADINGS + by_C[:, None]) % HEADINGS - ends % HEADINGS
    law_C4, moved_C4 = (
        _laws(task, tokens, texts.actions[text_C], after_C) for tokens in (tokens_CL, moved_CL)
    )
    wanted_C = np.nan_to_num(moved_C4).argmax(1)
    counts_C = np.isfinite(moved_C4).all(1) & (law_C4[np.arange(len(text_C)), wanted_C] == 0)
    now_C = turns_BT[text_C, after_C]
    place_C, then_C = task.prompt - 1 + after_C, (now_C + by_C) % HEADINGS
    parts = (tokens_CL, place_C, now_C, then_C, wanted_C, halves(texts)[text_C], moved_CL)
    return Cases(*(part[counts_C] for part in parts))


def _laws(
    task: Karel, tokens_CL: np.ndarray, actions_CT: np.ndarray, after_C: np.ndarray
) -> np.ndarray:
    fits_CN = task.programs.fitting(*endpoints(task, tokens_CL), task.size)
    law_C4 = np.full((len(after_C), SYMBOLS), np.nan)
    for t in np.unique(after_C):
        own = after_C == t
        law_C4[own] = task.programs.next_law(fits_CN[own], actions_CT[own], t)
    return law_C4
