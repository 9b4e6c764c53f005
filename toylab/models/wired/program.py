"""A small language of sequence programs, to be compiled into a transformer (:mod:`.compiled`).

A program is a list of statements over variables. A variable has at every position one of finitely
many values, or none. ``token`` and ``position`` are there from the start; each statement adds one:

    aggregate   at each position, the value found where a test of query and key holds: one head
    map         a function of one or more variables at the same position: units of one MLP

Source: Weiss, Goldberg & Yahav 2021 (2106.06981), RASP, sections 3 and 4; Lindner et al. 2023
(2301.05062), tracr, who compile its categorical part. Here attention is causal, and there are no
numbers: where a test holds at several positions, they must hold one value.

Shape suffixes: B batch, L positions (queries; M for keys).
"""

import dataclasses
import itertools
from collections.abc import Callable, Mapping

import numpy as np
from jaxtyping import Int

from toylab.errors import ToylabError, check_counts, check_number, nearest

NONE, MIXED = -1, -2  # no value; several values at once, which no program may ask for


@dataclasses.dataclass(frozen=True)
class Aggregate:
    """Read ``value`` at the position whose key the query allows.

    Args:
        name: the variable that it makes.
        query: a variable, read at the present position.
        key, value: variables, read at the present position and at every earlier one.
        allowed: a row per value of the query, 1 for each value of the key that it allows, else 0.
        size: number of values.
    """

    name: str
    query: str
    key: str
    value: str
    allowed: tuple[tuple[int, ...], ...]
    size: int

    @property
    def inputs(self) -> tuple[str, ...]:
        """Every variable that it reads."""
        return self.query, self.key, self.value


@dataclasses.dataclass(frozen=True)
class Map:
    """Look up a function of variables at one position; without a value of each there is none.

    Args:
        name: the variable that it makes.
        inputs: variables.
        outputs: the function's value for all values of the inputs, the last input fastest.
        size: number of values.
    """

    name: str
    inputs: tuple[str, ...]
    outputs: tuple[int, ...]
    size: int


Statement = Aggregate | Map


@dataclasses.dataclass(frozen=True)
class Program:
    """Statements over sequences of ``length`` tokens; the last one is the answer.

    Args:
        tokens: number of tokens.
        length: positions of a sequence.
        statements: made by :meth:`aggregate` and :meth:`map`.

    Example:
        >>> at = lambda place: ("position", "position", "token", lambda q, k: k == place)
        >>> adder = Program(tokens=4, length=3).aggregate("a", *at(0)).aggregate("b", *at(1))
        >>> adder = adder.map("sum", ("a", "b"), lambda a, b: (a + b) % 3, size=3)
        >>> adder.run(np.array([[2, 2, 3]]))["sum"].tolist()
        [[-1, 1, 1]]
    """

    tokens: int
    length: int
    statements: tuple[Statement, ...] = ()

    def __post_init__(self) -> None:
        check_counts("Program", self, "tokens", "length")

    @property
    def sizes(self) -> dict[str, int]:
        """Number of values of every variable."""
        made = {statement.name: statement.size for statement in self.statements}
        return {"token": self.tokens, "position": self.length, **made}

    @property
    def answer(self) -> str:
        """The variable made last."""
        return self.statements[-1].name if self.statements else "token"

    def aggregate(
        self, name: str, query: str, key: str, value: str, test: Callable[[int, int], bool]
    ) -> "Program":
        """Return the program with one statement more: read ``value`` where the test holds.

        Args:
            name: the new variable.
            query, key, value: variables that are there.
            test: of a value of the query and one of the key.

        Raises:
            ToylabError: a variable that is not there, or a name that is taken.
        """
        sizes = self._checked(name, query, key, value)
        row = lambda q: tuple(int(test(q, k)) for k in range(sizes[key]))
        allowed = tuple(row(q) for q in range(sizes[query]))
        return self._with(Aggregate(name, query, key, value, allowed, sizes[value]))

    def map(
        self, name: str, inputs: tuple[str, ...], rule: Callable[..., int], size: int
    ) -> "Program":
        """Return the program with one statement more: look up a function at each position.

        Args:
            name: the new variable.
            inputs: variables that are there.
            rule: of a value of each, to a number in ``[0, size)``.
            size: number of values.

        Raises:
            ToylabError: a variable that is not there, a name that is taken, or a value out of
                range.
        """
        sizes = self._checked(name, *inputs)
        outputs = [
            rule(*values) for values in itertools.product(*(range(sizes[v]) for v in inputs))
        ]
        for output in outputs:
            check_number(f"Program: map {name!r}", "value", output, 0, size - 1, whole=True)
        return self._with(Map(name, tuple(inputs), tuple(map(int, outputs)), size))

    def _with(self, statement: Statement) -> "Program":
        return dataclasses.replace(self, statements=(*self.statements, statement))

    def _checked(self, name: str, *inputs: str) -> Mapping[str, int]:
        sizes = self.sizes
        if name in sizes:
            raise ToylabError(f"Program: there is a variable {name!r}; take another name.")
        for variable in inputs:
            if variable not in sizes:
                raise ToylabError(f"Program: no variable {variable!r}: {nearest(variable, sizes)}")
        return sizes

    def used(self) -> set[str]:
        """Return the variables that the answer is made of, itself among them."""
        found = {self.answer}
        for statement in reversed(self.statements):
            found |= {*statement.inputs} if statement.name in found else set()
        return found

    def varying(self) -> set[str]:
        """Return the variables that depend on the tokens, not on the position alone."""
        found = {"token"}
        for statement in self.statements:
            found |= {statement.name} if found & {*statement.inputs} else set()
        return found

    def run(self, tokens: Int[np.ndarray, "B L"]) -> dict[str, Int[np.ndarray, "B L"]]:
        """Run the program, statement by statement, without a network.

        Args:
            tokens: in ``[0, tokens)``.

        Returns:
            Every variable: its values, -1 where it has none, and -2 where a test holds at positions
            whose values differ, and for all that is made of such.

        Raises:
            ToylabError: no such tokens, or too many.
        """
        tokens = np.asarray(tokens)
        fits = tokens.ndim == 2 and tokens.shape[1] <= self.length
        if not fits or not ((tokens >= 0) & (tokens < self.tokens)).all():
            raise ToylabError(
                f"Program: tokens of shape {tokens.shape}; give (B, L) of at most {self.length} "
                f"positions with tokens from 0 to {self.tokens - 1}."
            )
        places = np.broadcast_to(np.arange(tokens.shape[1]), tokens.shape)
        values = {"token": tokens, "position": places}
        for statement in self.statements:
            inputs = [values[name] for name in statement.inputs]
            if isinstance(statement, Aggregate):
                values[statement.name] = _aggregate(statement, *inputs)
            else:
                sizes = [self.sizes[name] for name in statement.inputs]
                values[statement.name] = _look_up(statement, inputs, sizes)
        return values


def _aggregate(
    statement: Aggregate, query_BL: np.ndarray, key_BM: np.ndarray, value_BM: np.ndarray
) -> np.ndarray:
    """Return the one value that the selected positions hold."""
    q_BL1, k_B1M = query_BL[:, :, None], key_BM[:, None]
    seen_LM = np.tri(query_BL.shape[1], dtype=bool)
    told_BLM = (q_BL1 >= 0) & (k_B1M >= 0) & seen_LM
    allowed = np.array(statement.allowed, bool)
    chosen_BLM = told_BLM & allowed[np.maximum(q_BL1, 0), np.maximum(k_B1M, 0)]
    values_BLM = np.broadcast_to(value_BM[:, None], chosen_BLM.shape)
    most = np.where(chosen_BLM, values_BLM, MIXED).max(-1)
    least = np.where(chosen_BLM, values_BLM, most[..., None]).min(-1)
    found = np.where(most == least, most, MIXED)
    found = np.where(chosen_BLM.any(-1), found, NONE)
    unclear = ((k_B1M == MIXED) & seen_LM).any(-1) & (query_BL != NONE)
    return np.where(unclear | (query_BL == MIXED), MIXED, found)


def _look_up(statement: Map, inputs: list[np.ndarray], sizes: list[int]) -> np.ndarray:
    """Return the function's value where each input has one."""
    stacked = np.stack(inputs)
    found = np.reshape(statement.outputs, sizes)[tuple(np.maximum(stacked, 0))]
    found = np.where((stacked == NONE).any(0), NONE, found)
    return np.where((stacked == MIXED).any(0), MIXED, found)
