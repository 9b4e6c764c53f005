"""Ordinal lists with a query: which word follows that of the days, among words of all lists?

If the last word alone decided the answer, the embedding could give it and no head were needed. Here
a sequence holds one word of every list in random order, and a query names the list that is meant:
the answer needs attention to that word, and a map from it to its successor.

Source: the lists of Gould et al. 2023 (arXiv:2312.09230); the query, the held-out pairs and the
three tasks besides succession are this laboratory's.
"""

import functools
import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Int

from toylab import random
from toylab.errors import ToylabError, check_number, nearest
from toylab.task import Batch, Number, Task

from .lists import OrdinalList, small_lists

BASE = 10


class Tables(NamedTuple):
    """What a query may ask and what is right; Q queries, N length of the longest list.

    Attributes:
        asked: the list that a query names (Q,).
        answer: the right word, a token, for each index; -1 where there is none (Q, N).
        held: successions that are held out of training (Q, N).
        drawn: the indices that training asks for, first those that are (Q, N).
        count: how many they are (Q,).
    """

    asked: Int[np.ndarray, " Q"]
    answer: Int[np.ndarray, "Q N"]
    held: Bool[np.ndarray, "Q N"]
    drawn: Int[np.ndarray, "Q N"]
    count: Int[np.ndarray, " Q"]


@dataclass(frozen=True)
class Ordinals(Task):
    """One word of each of D lists in random order, then a query. Inputs (D + 1,), the answer ().

    =================== ========================================================================
    successor of a      the word of list a moved on by one; in a list without cycle not of the last
    a as b              the word of list b with the index of list a's word
    successor of a as b the word of list b with that index and one, if it has so many
    units of a          for the last list, if it has over ten words: the word of the first list with
                        that index modulo 10
    =================== ========================================================================

    Tokens are the lists' words, one list after another, then the queries. Logits are of words.
    Latents: ``index`` of each list's word (D,), ``query`` (), ``place`` of the asked word ().

    Args:
        lists: the ordinal lists, no word in two of them.
        every: of the successions of list d, those with ``index + d`` a multiple of ``every`` are
            not trained; 0 holds out none.
        copy: share of "a as b" among the queries. May differ per member, as may the next two.
        across: share of "successor of a as b".
        units: share of "units".

    Raises:
        ToylabError: a word in two lists, one list only, a share that is asked of no query.

    Example:
        >>> import jax
        >>> Ordinals().example(jax.random.key(0)).inputs.shape
        (6,)
    """

    lists: tuple[OrdinalList, ...] = small_lists()
    every: int = 7
    copy: Number = 0.0
    across: Number = 0.0
    units: Number = 0.0

    def __post_init__(self) -> None:
        check_number("Ordinals", "every", self.every, low=0, whole=True)
        for name, share in zip(("copy", "across", "units"), self._shares, strict=True):
            check_number("Ordinals", name, share, low=0, high=1)
        if len(self.lists) < 2:
            raise ToylabError("Ordinals: one list leaves nothing to ask for; give two or more.")
        if self.every == 1:
            raise ToylabError("Ordinals: every = 1 holds out all successions; give 0, 2 or more.")
        self._check_words()
        plain = [x for x in self._shares if isinstance(x, int | float)]
        if len(plain) == 3 and sum(plain) > 1:
            raise ToylabError(f"Ordinals: copy, across and units add up to {sum(plain)}, above 1.")
        if isinstance(self.units, int | float) and self.units > 0 and not self.has_units:
            raise ToylabError(
                "Ordinals: units asks for ten words in the first list and more in the last; they "
                f"have {len(self.lists[0])} and {len(self.lists[-1])}."
            )

    def _check_words(self) -> None:
        seen: dict[str, str] = {}
        for own in self.lists:
            for word in own.words:
                if word in seen:
                    raise ToylabError(
                        f"Ordinals: {word!r} stands in {seen[word]!r} and in {own.name!r}; a token "
                        "belongs to one list, so write one of them otherwise."
                    )
                seen[word] = own.name

    @property
    def _shares(self) -> tuple[Number, Number, Number]:
        return self.copy, self.across, self.units

    @property
    def has_units(self) -> bool:
        """Whether the last list's words have units that the first list can name."""
        return len(self.lists[0]) >= BASE < len(self.lists[-1])

    @property
    def starts(self) -> tuple[int, ...]:
        """First token of each list, and the number of all words."""
        return (0, *np.cumsum([len(own) for own in self.lists]).tolist())

    @property
    def n_words(self) -> int:
        """Number of words, which is that of logits."""
        return self.starts[-1]

    @property
    def words(self) -> tuple[str, ...]:
        """Every word, by its token."""
        return tuple(word for own in self.lists for word in own.words)

    @property
    def queries(self) -> tuple[str, ...]:
        """Every query, by its number, as "successor of days as months"; see the table above."""
        names = [own.name for own in self.lists]
        copy = [f"{a} as {b}" for a in names for b in names if a != b]
        units = [f"units of {names[-1]}"] if self.has_units else []
        across = [f"successor of {pair}" for pair in copy]
        return (*(f"successor of {name}" for name in names), *copy, *across, *units)

    @property
    def vocab(self) -> int:
        """Number of tokens: words and queries."""
        return self.n_words + len(self.queries)

    @property
    def tables(self) -> Tables:
        """What each query may ask and what is right."""
        return _tables(self.lists, self.every)

    def query(self, name: str) -> int:
        """Number of a query.

        Raises:
            ToylabError: there is no such query, as of a list that the world lacks.
        """
        if name not in self.queries:
            raise ToylabError(f"Ordinals: no query {name!r}; {nearest(name, self.queries)}")
        return self.queries.index(name)

    def example(self, key: Array) -> Batch:
        """Draw one sequence."""
        n = len(self.lists)
        u_E = random.once(random.uniform(key, (3 + 2 * n,)))
        copy, across, units = (jnp.asarray(x, jnp.float32) for x in self._shares)
        pairs = n * (n - 1)
        pair = n + random.pick(u_E[1], jnp.int32(pairs))
        query = random.pick(u_E[1], jnp.int32(n))
        query = jnp.where(u_E[0] < copy + across, pair + pairs, query)
        query = jnp.where(u_E[0] < copy, pair, query)
        query = jnp.where(u_E[0] > 1 - units, len(self.queries) - 1, query)
        tables = self.tables
        nth = random.pick(u_E[2], jnp.asarray(tables.count)[query])
        return self.arrange(query, jnp.asarray(tables.drawn)[query, nth], u_E[3:])

    def arrange(self, query: Array, index: Array, u_E: Array) -> Batch:
        """Return the sequence of a query about the ``index``-th word of its list.

        Args:
            query: number of the query.
            index: of the asked word in its list.
            u_E: 2 D uniform numbers, for the other words and their order.
        """
        n, tables = len(self.lists), self.tables
        asked = jnp.asarray(tables.asked)[query]
        sizes_D = jnp.asarray([len(own) for own in self.lists], jnp.int32)
        index_D = random.pick(u_E[:n], sizes_D)
        index_D = jnp.where(jnp.arange(n) == asked, index, index_D)
        order_D = jnp.argsort(u_E[n:])
        token_D = jnp.asarray(self.starts[:-1], jnp.int32) + index_D
        inputs = jnp.append(token_D[order_D], self.n_words + query).astype(jnp.int32)
        place = jnp.argmax(order_D == asked).astype(jnp.int32)
        answer = jnp.asarray(tables.answer)[query, index]
        latents = {"index": index_D, "query": query, "place": place}
        return Batch(inputs, answer, jnp.ones((), jnp.float32), latents)

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether the words are those of the indices, the query is last and the answer right."""
        latents = {name: np.asarray(leaf) for name, leaf in batch.latents.items()}
        tables, x_BL, query_B = self.tables, np.asarray(batch.inputs), latents["query"]
        token_BD = np.array(self.starts[:-1])[None] + latents["index"]
        asked_B = tables.asked[query_B]
        index_B = np.take_along_axis(latents["index"], asked_B[:, None], 1)[:, 0]
        pointed_B = np.take_along_axis(x_BL, latents["place"][:, None], 1)[:, 0]
        agree = [
            (np.sort(x_BL[:, :-1], 1) == token_BD).all(1),
            x_BL[:, -1] == self.n_words + query_B,
            np.asarray(batch.targets) == tables.answer[query_B, index_B],
            pointed_B == np.array(self.starts)[asked_B] + index_B,
            ~tables.held[query_B, index_B],
        ]
        return np.all(agree, 0)

    def bayes_loss(self) -> float:
        """0: the query and the word it points at decide the answer."""
        return 0.0

    def uniform_loss(self) -> float:
        """The log of the number of words."""
        return math.log(self.n_words)


@functools.lru_cache(maxsize=32)
def _tables(lists: tuple[OrdinalList, ...], every: int) -> Tables:
    n, longest = len(lists), max(map(len, lists))
    starts = np.cumsum([0, *map(len, lists)])
    rows: list[tuple[int, list[int]]] = []
    for d, own in enumerate(lists):
        rows.append((d, [starts[d] + (i + 1) % len(own) for i in range(own.successions)]))
    for moved in (0, 1):
        for a, b in itertools.permutations(range(n), 2):
            shared = min(len(lists[a]) + moved, len(lists[b]))
            rows.append((a, list(range(starts[b] + moved, starts[b] + shared))))
    if len(lists[0]) >= BASE < len(lists[-1]):
        rows.append((n - 1, [i % BASE for i in range(len(lists[-1]))]))
    answer = np.full((len(rows), longest), -1, np.int32)
    for q, (_, right) in enumerate(rows):
        answer[q, : len(right)] = right
    index_N = np.arange(longest)
    held = np.zeros(answer.shape, bool)
    for d in range(n if every else 0):
        held[d] = (answer[d] >= 0) & ((index_N + d) % every == 0)
    asks = (answer >= 0) & ~held
    if not asks.any(1).all():
        raise ToylabError(f"Ordinals: every = {every} holds out all successions of a list.")
    drawn = np.argsort(~asks, axis=1, kind="stable").astype(np.int32)
    asked = np.array([a for a, _ in rows], np.int32)
    return Tables(asked, answer, held, drawn, asks.sum(1).astype(np.int32))


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return (
        Ordinals(small_lists(23), copy=0.2, across=0.2, units=0.2),
        Ordinals((OrdinalList("yes", ("no", "yes")), OrdinalList("x", ("a", "b", "c"), True)), 0),
    )
