"""CountDown: reach a target from a few numbers, each used once; words, attempts and solver.

An attempt is a plan of steps: take two numbers of the hand, put their result in their place, until
one number is left. "-" is the larger minus the smaller and "/" must come out even, as in Stream of
Search (Gandhi et al. 2024), so the order of two operands is no choice. Three numbers and three
operations give 27 plans; four and four, 1,152.

Shape suffixes: N numbers, K plans, S steps of a plan (N - 1), J choices of a step, R numbers left.
"""

import dataclasses
import functools
import itertools
import math
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from toylab.errors import ToylabError, check_number

OPERATIONS = "+-*/"
WORDS = (*OPERATIONS, "=", "(", "ok", "no", "ANS", "T", "N", ":", "EOS", "PAD")
FEWEST, MOST = 2, 4  # numbers of a hand; five and four operations would make 46,080 plans
STEP = 5  # tokens of a step: a, operation, b, "=", c


class Stage(NamedTuple):
    """Every choice of one step: the two places of the hand it takes, its operation, and the rest.

    A step leaves the rest of the hand in its order and puts the result last.
    """

    first_J: np.ndarray
    second_J: np.ndarray
    operation_J: np.ndarray
    rest_JR: np.ndarray


class Worked(NamedTuple):
    """Every plan carried out on one hand of numbers.

    Attributes:
        steps_KSF: tokens of each step, F = 5.
        hands_KSN: the hand after each step, -1 where it has ended.
        result_K: the last result.
        valid_K: every division came out even and no result is above the top.
    """

    steps_KSF: Any
    hands_KSN: Any
    result_K: Any
    valid_K: Any


@functools.lru_cache(maxsize=16)
def stages(numbers: int, operations: int) -> tuple[Stage, ...]:
    """Return the choices of each step for a hand of ``numbers``, operations numbered.

    A plan is one choice at each stage; plans are in the order of ``itertools.product``.
    """
    found = []
    for size in range(numbers, 1, -1):
        taken = list(itertools.combinations(range(size), 2))
        rest = [[place for place in range(size) if place not in pair] for pair in taken]
        each = lambda rows: np.repeat(np.asarray(rows, np.int32), operations, axis=0)
        first_J, second_J = each(taken).T
        operation_J = np.tile(np.arange(operations, dtype=np.int32), len(taken))
        found.append(Stage(first_J, second_J, operation_J, each(rest)))
    return tuple(found)


@dataclasses.dataclass(frozen=True)
class Rules:
    """The rules of a game of CountDown, and its words.

    Token n is the number n up to ``top``; then come the words of ``WORDS``. A prompt reads
    ``T 24 N 3 7 11 :``; an attempt ``7 - 3 = 4 4 * 11 = 44 ( no``; an answer
    ``ANS 3 + 7 = 10 ...  EOS``.

    Args:
        numbers: how many are given.
        largest: each lies in 1..largest.
        low: least target.
        high: greatest target.
        top: greatest result of a step; a plan that goes above it is no attempt.
        operations: some of ``+-*/``.

    Raises:
        ToylabError: a number out of range, targets or numbers above the top, an unknown operation.
    """

    numbers: int = 3
    largest: int = 12
    low: int = 5
    high: int = 40
    top: int = 60
    operations: str = "+-*"

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_number(owner, "numbers", self.numbers, low=FEWEST, high=MOST, whole=True)
        for name in ("largest", "low", "top"):
            check_number(owner, name, getattr(self, name), low=1, whole=True)
        check_number(owner, "high", self.high, low=self.low, whole=True)
        for name in ("largest", "high"):
            if getattr(self, name) > self.top:
                raise ToylabError(
                    f"{owner}: {name} = {getattr(self, name)} has no token; the vocabulary ends at "
                    f"top = {self.top}: raise top or lower {name}."
                )
        wrong = set(self.operations) - set(OPERATIONS)
        if wrong or not self.operations or len(set(self.operations)) < len(self.operations):
            raise ToylabError(
                f"{owner}: operations = {self.operations!r}; give some of {OPERATIONS}, each once."
            )

    @property
    def vocab(self) -> int:
        """Number of tokens."""
        return self.top + 1 + len(WORDS)

    @property
    def prompt_length(self) -> int:
        """Tokens of a prompt."""
        return self.numbers + 4

    @property
    def attempt_length(self) -> int:
        """Tokens of an attempt: its steps, ``(`` and the verdict."""
        return STEP * (self.numbers - 1) + 2

    @property
    def answer_length(self) -> int:
        """Tokens of an answer: ``ANS``, its steps and ``EOS``."""
        return STEP * (self.numbers - 1) + 2

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The choices of each step; operations are numbered as in ``operations``."""
        return stages(self.numbers, len(self.operations))

    @property
    def plan_count(self) -> int:
        """Number of plans K."""
        return math.prod(len(stage.first_J) for stage in self.stages)

    def token(self, word: str | int) -> int:
        """Return the token of a word or number.

        Raises:
            ToylabError: there is none.
        """
        if str(word) in WORDS:
            return self.top + 1 + WORDS.index(str(word))
        if not str(word).isdigit() or int(word) > self.top:
            raise ToylabError(
                f"{type(self).__name__}: {word!r} has no token; numbers go to {self.top}, words "
                f"are {' '.join(WORDS)}."
            )
        return int(word)

    def encode(self, text: str) -> np.ndarray:
        """Return the tokens of words and numbers divided by spaces, int32."""
        return np.asarray([self.token(word) for word in text.split()], np.int32)

    def decode(self, tokens: Any) -> str:
        """Return the text of tokens, without what pads it."""
        words = [str(n) for n in range(self.top + 1)] + list(WORDS)
        return (
            " ".join(words[int(t)] for t in np.asarray(tokens))
            .removesuffix(" PAD")
            .split(" PAD")[0]
        )

    def prompt(self, numbers: Any, target: Any, xp: Any = np) -> Any:
        """Return the prompt's tokens, int32 (prompt_length,)."""
        word = lambda w: xp.asarray([self.token(w)], dtype=xp.int32)
        target = xp.asarray(target, dtype=xp.int32).reshape(1)
        return xp.concatenate([word("T"), target, word("N"), numbers, word(":")])

    def work(self, numbers: Any, xp: Any = jnp) -> Worked:
        """Carry out every plan.

        Args:
            numbers: the hand, int32 (..., N).
            xp: ``jax.numpy`` or ``numpy``.
        """
        lead, count = numbers.shape[:-1], self.plan_count
        sign = np.asarray([self.token(o) for o in self.operations], np.int32)
        hand, valid = numbers[..., None, :], xp.ones((*lead, 1), dtype=bool)
        steps, hands = [], []
        # Choices of the first s steps lie on one axis; the next stage branches from each.
        for stage in self.stages:
            a, b = hand[..., stage.first_J], hand[..., stage.second_J]
            c, fine, a, b = self._apply(stage.operation_J[None], a, b, xp)
            valid = valid[..., None] & fine & (c <= self.top)
            sign_J = xp.broadcast_to(xp.asarray(sign[stage.operation_J]), c.shape)
            words = xp.stack([a, sign_J, b, xp.full_like(c, self.token("=")), c], -1)
            hand = xp.concatenate([hand[..., stage.rest_JR], c[..., None]], -1)
            flat = lambda x: x.reshape(*lead, -1, *x.shape[len(lead) + 2 :])
            words, hand, valid = flat(words), flat(hand), flat(valid)
            gone = xp.full((*hand.shape[:-1], self.numbers - hand.shape[-1]), -1, dtype=xp.int32)
            each = lambda x: xp.repeat(x, count // x.shape[len(lead)], axis=len(lead))
            steps.append(each(words))
            hands.append(each(xp.concatenate([hand, gone], -1)))
        return Worked(xp.stack(steps, -2), xp.stack(hands, -2), hand[..., 0], valid)

    def _apply(self, kind: np.ndarray, a: Any, b: Any, xp: Any) -> tuple[Any, Any, Any, Any]:
        """Result of each plan's operation, whether it is allowed, and the operands in order."""
        is_op = lambda sign: xp.asarray(
            kind == self.operations.index(sign) if sign in self.operations else kind < 0
        )
        ordered = is_op("-") | is_op("/")
        swap = ordered & (b > a)
        a, b = xp.where(swap, b, a), xp.where(swap, a, b)
        safe = xp.maximum(b, xp.int32(1))
        c = xp.where(is_op("+"), a + b, xp.where(is_op("*"), a * b, a - b))
        c = xp.where(is_op("/"), a // safe, c)
        fine = ~is_op("/") | ((b > 0) & (a % safe == 0))
        return c.astype(xp.int32), fine, a, b
