"""Reading CountDown traces: what was tried, what was answered, and exactly why it is wrong."""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from .countdown_rules import Rules


@dataclasses.dataclass(frozen=True)
class Attempt:
    """One attempt, or the answer.

    Attributes:
        steps: (a, operation, b, c) each.
        place: of its first token.
        verdict: ``ok`` or ``no`` as written; empty for an answer.
        right: it keeps the rules and gives the target.
        problem: the first rule that it breaks; empty when it breaks none.
    """

    steps: tuple[tuple[int, str, int, int], ...]
    place: int
    verdict: str
    right: bool
    problem: str

    @property
    def result(self) -> int:
        """The last result."""
        return self.steps[-1][-1]

    @property
    def sound(self) -> bool:
        """Whether every step keeps the rules, whatever the target."""
        return not self.problem.startswith("step ")

    @property
    def skeleton(self) -> tuple[tuple[int, str, int], ...]:
        """What was tried, without results."""
        return tuple(step[:3] for step in self.steps)


@dataclasses.dataclass(frozen=True)
class Trace:
    """A trace as read.

    Attributes:
        target: the target.
        numbers: the numbers given.
        attempts: those read before the end or the first problem.
        answer: what follows ``ANS``, or None.
        length: tokens after the prompt, ``EOS`` included.
        problem: where the text stops being a trace; empty when it never does.
    """

    target: int
    numbers: tuple[int, ...]
    attempts: tuple[Attempt, ...]
    answer: Attempt | None
    length: int
    problem: str

    @property
    def solved(self) -> bool:
        """Whether it is a trace to its end and its answer is right."""
        return not self.problem and self.answer is not None and self.answer.right

    @property
    def why(self) -> str:
        """Why the instance is not solved; empty when it is."""
        if self.problem or self.solved:
            return self.problem
        return "no answer" if self.answer is None else self.answer.problem


class _Stop(Exception):
    """The text is no trace from here on."""


class _Reader:
    """Takes words one by one."""

    def __init__(self, words: list[str], place: int):
        self.words, self.place = words, place

    def peek(self) -> str:
        return self.words[self.place] if self.place < len(self.words) else "end of text"

    def take(self, *wanted: str) -> str:
        """The next word, one of those wanted (``number`` stands for any number)."""
        word = self.peek()
        if word not in wanted and not ("number" in wanted and word.isdigit()):
            raise _Stop(f"{' or '.join(wanted)} expected at place {self.place}, found {word}")
        self.place += 1
        return word


def read(rules: Rules, tokens: Any) -> Trace:
    """Read a trace, prompt included; what follows ``EOS`` is ignored.

    A text that breaks off or strays is no error: ``problem`` says where, and what was read before
    stays.

    Args:
        rules: the rules of the game.
        tokens: (T,).

    Example:
        >>> rules = Rules()
        >>> read(rules, rules.encode("T 14 N 3 4 7 : ANS 3 + 4 = 7 7 + 7 = 13 EOS")).why
        'step 2: 7 + 7 is 14, not 13'
    """
    words = rules.decode(np.asarray(tokens)).split()
    target = int(words[1])
    numbers = tuple(int(word) for word in words[3 : 3 + rules.numbers])
    reader, problem = _Reader(words, rules.prompt_length), ""
    attempts, answer = [], None
    try:
        while True:
            place = reader.place
            word = reader.take("number", "ANS", "EOS")
            if word == "EOS":
                break
            if word == "ANS":
                answer = _judge(rules, tuple(_steps(rules, reader)), place, "", numbers, target)
                reader.take("EOS")
                break
            reader.place = place
            steps = tuple(_steps(rules, reader))
            reader.take("(")
            verdict = reader.take("ok", "no")
            attempts.append(_judge(rules, steps, place, verdict, numbers, target))
    except _Stop as stop:
        problem = str(stop)
    length = reader.place - rules.prompt_length
    return Trace(target, numbers, tuple(attempts), answer, length, problem)


def _steps(rules: Rules, reader: _Reader) -> Iterator[tuple[int, str, int, int]]:
    for _ in range(rules.numbers - 1):
        a, sign = int(reader.take("number")), reader.take(*rules.operations)
        b, _, c = int(reader.take("number")), reader.take("="), int(reader.take("number"))
        yield a, sign, b, c


def _judge(
    rules: Rules,
    steps: tuple[tuple[int, str, int, int], ...],
    place: int,
    verdict: str,
    numbers: tuple[int, ...],
    target: int,
) -> Attempt:
    """Hold steps to the rules: numbers in hand, arithmetic, target."""
    problem, hand = "", Counter(numbers)
    for i, (a, sign, b, c) in enumerate(steps, start=1):
        missing = [n for n, count in Counter((a, b)).items() if hand[n] < count]
        if missing:
            problem = f"step {i}: {missing[0]} is not in hand"
            break
        value = compute(a, sign, b)
        if value != c:
            told = "not a whole number" if value is None else value
            problem = f"step {i}: {a} {sign} {b} is {told}, not {c}"
            break
        hand.subtract((a, b))
        hand[c] += 1
    right = bool(not problem and steps[-1][-1] == target)
    if not problem and not verdict and not right:
        problem = f"the result is {steps[-1][-1]}, not {target}"
    return Attempt(steps, place, verdict, right, problem)


def compute(a: int, sign: str, b: int) -> int | None:
    """The result of a step; None for a division that does not come out even, or by zero."""
    if sign == "/":
        return a // b if b and a % b == 0 else None
    return {"+": a + b, "-": a - b, "*": a * b}[sign]


def columns(rules: Rules, tokens_BT: Any) -> dict[str, np.ndarray]:
    """Numbers of many traces, for tables: one entry each.

    Returns:
        ``solved``, ``parsed`` (a trace to its end), ``answered``, ``length``; counts of
        ``attempts``, of ``sound`` ones, which keep the rules, and of ``repeats`` of earlier ones;
        of the sound ones, counts that are ``wrong`` and of these marked ok (``wrong_ok``), that are
        ``right`` and of these marked no (``right_no``).
    """
    traces = [read(rules, tokens) for tokens in np.asarray(tokens_BT)]
    rows = [_numbers(trace) for trace in traces]
    return {name: np.asarray([row[name] for row in rows], float) for name in rows[0]}


def _numbers(trace: Trace) -> dict[str, float]:
    tried = [attempt.skeleton for attempt in trace.attempts]
    sound = [attempt for attempt in trace.attempts if attempt.sound]
    marked = lambda right, verdict: sum(a.right is right and a.verdict == verdict for a in sound)
    return {
        "solved": trace.solved,
        "parsed": not trace.problem,
        "answered": trace.answer is not None,
        "length": trace.length,
        "attempts": len(tried),
        "sound": len(sound),
        "repeats": len(tried) - len(set(tried)),
        "wrong": marked(False, "ok") + marked(False, "no"),
        "wrong_ok": marked(False, "ok"),
        "right": marked(True, "ok") + marked(True, "no"),
        "right_no": marked(True, "no"),
    }
