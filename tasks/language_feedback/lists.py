"""Lists of words, and what is left of them when named words are removed.

A list holds words and one ``GOOD`` at a place of its own, as in "You are such a fool, and a nice
person, and a bore". A request to refine it is the list, the names of words to remove, and a mark;
its answer is the list without them, otherwise unchanged.

Shape suffixes: R room of a list, F names, S tokens of an answer, W words, V tokens.
"""

import dataclasses
import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Int

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Number, Task


@dataclasses.dataclass(frozen=True)
class Rules:
    """Tokens (words, ``GOOD``, pad, separator, mark of an answer, end, topics) and layout.

    Args:
        words: W, half of which belong to each topic: those from ``topic W / topics`` on, in a ring.
        topics: number of topics, a divisor of the words.
        least: fewest words that a topic's list has.
        most: most words of a list, beside ``GOOD``.
        named: most words that feedback names.

    Raises:
        ToylabError: numbers that do not fit together.

    Source:
        Scheurer et al. 2023 (arXiv:2303.16755), with their code: the task of targeted word removal
        (30 words, lists of 1 to 10, up to 3 names).
    """

    words: int = 20
    topics: int = 4
    least: int = 3
    most: int = 6
    named: int = 3

    def __post_init__(self) -> None:
        owner = type(self).__name__
        for name in ("topics", "least", "named"):
            check_number(owner, name, getattr(self, name), 1, whole=True)
        check_number(owner, "words", self.words, 2, whole=True)
        check_number(owner, "most", self.most, max(self.least, self.named), whole=True)
        if self.words % 2 or self.words % self.topics or 2 * self.most > self.words:
            raise ToylabError(
                f"{owner}: words = {self.words} for {self.topics} topics and lists of {self.most}; "
                "give an even multiple of the topics, at least twice the longest list."
            )

    good = property(lambda self: self.words, doc="Token that is never unwanted.")
    pad = property(lambda self: self.words + 1, doc="Token of an empty place.")
    separator = property(lambda self: self.words + 2, doc="Token between list and names.")
    answer = property(lambda self: self.words + 3, doc="Token after which the answer stands.")
    end = property(lambda self: self.words + 4, doc="Token after a list.")
    vocab = property(lambda self: self.words + 5 + self.topics, doc="Number of tokens.")
    room = property(lambda self: self.most + 1, doc="Places of a list.")
    length = property(lambda self: self.most + 2, doc="Tokens of an answer, with its end.")
    request_length = property(lambda self: self.room + self.named + 2, doc="Tokens of a request.")

    def of_topic(self, topic: Array) -> Bool[Array, " W"]:
        """Which words a topic's lists are made of: half of all."""
        past_W = jnp.arange(self.words, dtype=jnp.int32) - topic * (self.words // self.topics)
        return past_W % self.words < self.words // 2

    def listed(self, words_R: Array, count: Array, place: Array) -> Int[Array, " R"]:
        """Return the list of the first ``count`` words, with ``GOOD`` at a place."""
        at_R = jnp.arange(self.room, dtype=jnp.int32)
        put_R = jnp.where(at_R < place, words_R, jnp.roll(words_R, 1))
        put_R = jnp.where(at_R == place, jnp.int32(self.good), put_R)
        return jnp.where(at_R <= count, put_R, jnp.int32(self.pad))

    def compact(self, tokens_L: Array, keep_L: Array, room: int) -> Int[Array, " {room}"]:
        """Return the kept tokens in order, pads after them; what has no room is lost."""
        place_L = jnp.cumsum(keep_L.astype(jnp.int32)) - 1
        hit_LR = keep_L[:, None] & (place_L[:, None] == jnp.arange(room, dtype=jnp.int32)[None])
        put_R = jnp.sum(jnp.where(hit_LR, tokens_L[:, None], 0), 0, dtype=jnp.int32)
        return jnp.where(hit_LR.any(0), put_R, jnp.int32(self.pad))

    def removed(self, list_R: Array, names_F: Array) -> Int[Array, " R"]:
        """Return a list without the named words, otherwise unchanged."""
        named_R = (list_R[:, None] == names_F[None]).any(1)
        return self.compact(list_R, (list_R != self.pad) & ~named_R, self.room)

    def ended(self, list_R: Array) -> Int[Array, " S"]:
        """Return a list with its end, as it is written."""
        count = jnp.sum(list_R != self.pad, dtype=jnp.int32)
        longer_S = jnp.append(list_R, jnp.int32(self.pad))
        return jnp.where(jnp.arange(self.length) == count, jnp.int32(self.end), longer_S)

    def request(self, list_R: Array, names_F: Array) -> Int[Array, " Q"]:
        """Return a request: list, separator, names, mark of the answer."""
        mark = lambda token: jnp.full(1, token, jnp.int32)
        parts = (list_R, mark(self.separator), names_F, mark(self.answer))
        return jnp.concatenate(parts).astype(jnp.int32)

    def written(self, answer_S: Array) -> Int[Array, " R"]:
        """Return the list in an answer: words and ``GOOD`` before its first end."""
        before_S = jnp.cumsum((answer_S == self.end).astype(jnp.int32)) == 0
        return self.compact(answer_S, before_S & (answer_S <= self.good), self.room)

    def sample(
        self, words: Sequence[int], names: Sequence[int], place: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return a request and its answer, of given words.

        Args:
            words: of the list, in order, each once.
            names: words of the list that are to go, each once.
            place: of ``GOOD``, from 0 to the number of words.

        Raises:
            ToylabError: no name, a name that the list lacks, a word that stands twice, or too many.
        """
        n, k = len(words), len(names)
        odd = next((w for w in (*words, *names) if not 0 <= w < self.words), None)
        wrong = "no word is named" if not k else f"{k} names for a list of {n}" if k > n else ""
        wrong = "a word stands twice" if len({*words}) < n or len({*names}) < k else wrong
        wrong = f"the list lacks {min({*names} - {*words})}" if {*names} - {*words} else wrong
        wrong = f"{odd} is no word" if odd is not None else wrong
        if wrong or n > self.most or k > self.named or not 0 <= place <= n:
            raise ToylabError(
                f"{type(self).__name__}: words {list(words)}, names {list(names)}: "
                f"{wrong or 'too many, or no place for GOOD'}; give 1 to {self.most} different "
                f"words and 1 to {self.named} of them as names."
            )
        whole = [*words[:place], self.good, *words[place:]]
        fill = lambda tokens, room: [*tokens, *[self.pad] * (room - len(tokens))]
        asked = [*fill(whole, self.room), self.separator, *fill(names, self.named), self.answer]
        left = [token for token in whole if token not in {*names}]
        return np.array(asked, np.int32), np.array(fill([*left, self.end], self.length), np.int32)

    def cells(self, samples: int, seed: int = 0) -> dict[str, np.ndarray]:
        """Draw ``samples`` requests for each number of words and of names.

        Returns:
            ``words`` and ``names``, their numbers (N,), ``request`` (N, Q), ``answer`` (N, S).
        """
        check_number(type(self).__name__, "samples", samples, 1, whole=True)
        rng, rows = np.random.default_rng(seed), []
        for n in range(1, self.most + 1):
            for k in range(1, min(self.named, n) + 1):
                for _ in range(samples):
                    words = rng.permutation(self.words)[:n].tolist()
                    names = rng.permutation(words)[:k].tolist()
                    rows.append((n, k, *self.sample(words, names, int(rng.integers(n + 1)))))
        return {
            name: np.array([row[i] for row in rows])
            for i, name in enumerate(("words", "names", "request", "answer"))
        }


@dataclasses.dataclass(frozen=True)
class WordRemoval(Rules, Task):
    """What a network learns before any feedback: to write a topic's lists, and to remove words.

    A list of ``least`` to ``most`` different words of its topic, drawn evenly, in any order, with
    ``GOOD`` anywhere, after one token that names the topic; or a request with 1 to ``named`` words
    of a list of any words, and its answer. Both fill one length with pads. The words to remove are
    any: nothing tells a network whose taste it will serve.

    Weights are 1 on what is written, the end included. Latents: ``removal`` (0 or 1), ``topic``,
    ``list`` (R,), ``names`` (F,), pads where there are none.

    Args:
        share: chance of a removal; may differ per member.
        stray: chance that a name is of a word that the list lacks, which changes nothing.

    Source:
        Scheurer et al. 2023 (arXiv:2303.16755), word removal; topics are this laboratory's.

    Example:
        >>> import jax
        >>> WordRemoval().example(jax.random.key(0)).inputs.shape
        (19,)
    """

    share: Number = 0.5
    stray: Number = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("WordRemoval", "share", self.share, 0, 1)
        check_number("WordRemoval", "stray", self.stray, 0, 1)

    def example(self, key: Array) -> Batch:
        """Draw one list to write, or one request."""
        u = random.once(random.uniform(key, (2 * self.words + self.room + self.named + 4,)))
        u_W, u_R, u_F, rest = jnp.split(u, np.cumsum([2 * self.words, self.room, self.named]))
        as_number = lambda x: jnp.asarray(x, jnp.float32)
        removal = (rest[0] < as_number(self.share)).astype(jnp.int32)
        topic = random.pick(rest[1], jnp.int32(self.topics))
        write, asked = self._writing(topic, u_W[: self.words], rest[2:])
        list_R, names_F = self._named(u_W[self.words :], u_R, u_F, rest[2:])
        answer_S = self.ended(self.removed(list_R, names_F))
        request = jnp.concatenate([self.request(list_R, names_F), answer_S])
        whole = jnp.where(removal == 1, request, write)
        of_answer = jnp.arange(len(request)) >= self.request_length
        counted = jnp.where(removal == 1, of_answer, jnp.arange(len(request)) > 0)
        weights = (counted & (whole != self.pad))[1:].astype(jnp.float32)
        pads = jnp.full(self.named, self.pad, jnp.int32)
        latents = {"removal": removal, "topic": topic}
        latents["list"] = jnp.where(removal == 1, list_R, asked)
        latents["names"] = jnp.where(removal == 1, names_F, pads)
        return Batch(whole[:-1], whole[1:], weights, latents)

    def _writing(self, topic: Array, u_W: Array, u_2: Array) -> tuple[Array, Array]:
        """A topic's list: after the topic with its end and pads, and alone."""
        list_R = self.topical(topic, u_W, u_2)
        pads = jnp.full(self.request_length - 1, self.pad, jnp.int32)
        name = (topic + jnp.int32(self.words + 5))[None]
        return jnp.concatenate([name, self.ended(list_R), pads]), list_R

    def topical(self, topic: Array, u_W: Array, u_2: Array) -> Int[Array, " R"]:
        """Return the list of a topic that uniform numbers give: order, number and place."""
        order_W = jnp.argsort(jnp.where(self.of_topic(topic), u_W, 2.0)).astype(jnp.int32)
        count = self.least + random.pick(u_2[0], jnp.int32(self.most - self.least + 1))
        return self.listed(order_W[: self.room], count, random.pick(u_2[1], count + 1))

    def _named(
        self, u_W: Array, u_R: Array, u_F: Array, u_2: Array
    ) -> tuple[Int[Array, " R"], Int[Array, " F"]]:
        """A list of any words, and names of some of them."""
        order_W = jnp.argsort(u_W).astype(jnp.int32)
        count = 1 + random.pick(u_2[0], jnp.int32(self.most))
        list_R = self.listed(order_W[: self.room], count, random.pick(u_2[1], count + 1))
        few = 1 + random.pick(u_R[-1], jnp.minimum(count, self.named))
        place_R = jnp.argsort(jnp.where(jnp.arange(self.room - 1) < count, u_R[:-1], 2.0))
        chosen_F = order_W[place_R[: self.named]]
        is_stray_F = u_F < jnp.asarray(self.stray, jnp.float32)
        others_F = order_W[self.most : self.most + self.named]
        chosen_F = jnp.where(is_stray_F, others_F, chosen_F)
        return list_R, jnp.where(jnp.arange(self.named) < few, chosen_F, jnp.int32(self.pad))

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether what is written follows from list, names and topic."""
        whole = np.concatenate([np.asarray(batch.inputs), np.asarray(batch.targets)[:, -1:]], 1)
        latents = {name: np.asarray(leaf) for name, leaf in batch.latents.items()}
        found = []
        for i, tokens in enumerate(whole):
            names, own = latents["names"][i].tolist(), latents["list"][i].tolist()
            left = [t for t in own if t != self.pad and t not in names] + [self.end]
            first = self.request_length if latents["removal"][i] else 1
            head = [self.words + 5 + latents["topic"][i]]
            if latents["removal"][i]:
                head = [*own, self.separator, *names, self.answer]
            fill = [self.pad] * (len(tokens) - first - len(left))
            found.append(tokens.tolist() == [*head, *left, *fill])
        return np.array(found)

    def entropy(self) -> float:
        """Nats of a topic's list: number, place of ``GOOD`` and words are each drawn evenly."""
        counts = range(self.least, self.most + 1)
        order = lambda n: sum(math.log(self.words // 2 - i) for i in range(n))
        return math.log(len(counts)) + float(np.mean([math.log(n + 1) + order(n) for n in counts]))

    def bayes_loss(self) -> float | None:
        """Nats per example: a list has its entropy, a removal has one answer."""
        share = self.share
        return (1 - float(share)) * self.entropy() if isinstance(share, int | float) else None

    def uniform_loss(self) -> float | None:
        """Nats per example of one who knows nothing: tokens written, each ``log V``."""
        if not all(isinstance(x, int | float) for x in (self.share, self.stray)):
            return None
        listed = 2 + (self.least + self.most) / 2
        ns = range(1, self.most + 1)
        gone = np.mean([(1 + min(n, self.named)) / 2 for n in ns]) * (1 - float(self.stray))
        left = 2 + float(np.mean(list(ns))) - gone
        share = float(self.share)
        return float((1 - share) * listed + share * left) * math.log(self.vocab)


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return WordRemoval(), WordRemoval(8, 2, 1, 4, 2, share=0.8, stray=0.5)
