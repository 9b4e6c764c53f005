"""Prompts of :class:`toylab.tasks.steering.phrases.Phrases`, made for what a method asks.

B stories, L words; R relations, S subjects; F functions, T sets of examples, Q queries of a set.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from .phrases import RELATIONS, Phrases
from .phrases_truth import map_table


def stories(
    task: Phrases,
    markers: Int[np.ndarray, " B"],
    shares_BN: Float[np.ndarray, "B N"],
    rng: np.random.Generator,
) -> Int[np.ndarray, "B L"]:
    """Sample stories with these first tokens and these probabilities of nouns.

    Args:
        task: the languages.
        markers: first token of each story.
        shares_BN: probability of each noun.
        rng: random numbers.
    """
    first, verb_NV, k = task.starts, task.verb_shares(), task.length // 2
    pick = lambda u, share: (u[..., None] >= np.cumsum(share, -1)[..., :-1]).sum(-1)
    noun_BK = pick(rng.random((len(markers), k)), shares_BN[:, None])
    verb_BK = pick(rng.random(noun_BK.shape), verb_NV[noun_BK])
    pairs = np.stack([noun_BK + first["noun"], verb_BK + first["verb"]], -1)
    words = np.concatenate([np.asarray(markers)[:, None], pairs.reshape(len(pairs), -1)], 1)
    return words[:, : task.length].astype(np.int32)


def fact_prompts(task: Phrases) -> Int[np.ndarray, "R S 3"]:
    """Return the prompt ``FACT s r`` of each relation and subject."""
    first = task.starts
    relation, subject = np.indices((len(RELATIONS), task.n_subjects), np.int32)
    marker = np.full_like(subject, first["FACT"])
    return np.stack([marker, subject + first["subject"], relation + first["relation"]], -1)


class MapPrompts(NamedTuple):
    """Prompts with examples of a function, and without.

    Attributes:
        shown: examples, a query and an arrow, (F, T, Q, L).
        bare: the same query without examples, (F, T, Q, 3).
        value: the correct answers (F, T, Q).
    """

    shown: np.ndarray
    bare: np.ndarray
    value: np.ndarray


def map_prompts(task: Phrases, sets: int, queries: int, rng: np.random.Generator) -> MapPrompts:
    """Sample sets of examples of each function, each followed by several queries.

    Examples and queries of a set are distinct items.

    Args:
        task: the languages.
        sets: T, of each function.
        queries: Q at most; fewer where there are too few items.
        rng: random numbers.
    """
    table_FN, first, shown = map_table(task.n_items), task.starts, task.triples - 1
    shape = (len(table_FN), sets)
    item = np.array([rng.permutation(task.n_items) for _ in range(len(table_FN) * sets)])
    item_FTN = item.reshape(*shape, -1)[..., : shown + queries]
    value_FTN = table_FN[np.arange(len(table_FN))[:, None, None], item_FTN]
    arrow_FTN = np.full_like(item_FTN, first["ARROW"])
    triple_FTN3 = np.stack([item_FTN, arrow_FTN, value_FTN], -1)
    query_FTQ2 = triple_FTN3[:, :, shown:, :2]
    count = query_FTQ2.shape[2]
    demo_FTW = triple_FTN3[:, :, :shown].reshape(*shape, -1)
    demo_FTQW = np.repeat(demo_FTW[:, :, None], count, 2)
    marker = np.full((*shape, count, 1), first["MAP"])
    return MapPrompts(
        np.concatenate([marker, demo_FTQW, query_FTQ2], -1).astype(np.int32),
        np.concatenate([marker, query_FTQ2], -1).astype(np.int32),
        value_FTN[:, :, shown:],
    )
