"""All programs up to a length: what they do from every state, and what examples say of them.

As programs can be listed, everything that could be known is known: which programs fit a
specification, how likely each is, and so the next action's exact law and the least possible loss.

Shape suffixes: N programs, T actions, S states, B specifications, M examples of each.
"""

import dataclasses
import functools
import itertools
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from toylab.errors import ToylabError, check_number

from .grid import ACTIONS, TRUE, n_states, transitions

END = len(ACTIONS)  # the symbol after a program's last action
WEIGHTS = (0.5, 0.25, 0.25)  # chances of move, left, right
MOST = 3 * 10**8  # programs times sets of starts that an exact floor may take


@dataclasses.dataclass(frozen=True)
class Programs:
    """Every program of some lengths, each drawn with length uniform and actions independent.

    Args:
        shortest: least number of actions.
        longest: greatest.

    Raises:
        ToylabError: programs without actions, or lengths that leave none.
    """

    shortest: int = 1
    longest: int = 6

    def __post_init__(self) -> None:
        check_number("Programs", "shortest", self.shortest, low=1, whole=True)
        check_number("Programs", "longest", self.longest, low=1, high=10, whole=True)
        if self.longest < self.shortest:
            raise ToylabError(
                f"Programs: shortest = {self.shortest} is beyond longest = {self.longest}."
            )

    @property
    def actions(self) -> Int[np.ndarray, "N T"]:
        """Actions of each program, then END."""
        return _listed(self.shortest, self.longest)

    @property
    def lengths(self) -> Int[np.ndarray, " N"]:
        """Number of actions of each program."""
        return (self.actions < END).sum(1)

    @property
    def chances(self) -> Float[np.ndarray, " N"]:
        """Chance of each program before any example."""
        each = np.array([*WEIGHTS, 1.0])[self.actions].prod(1)
        return each / (self.longest - self.shortest + 1)

    def states(self, size: int, meaning: Sequence[int] = TRUE) -> Int[np.ndarray, "N T+1 S"]:
        """State after each number of actions from each start; it stays after the end."""
        return _states(self, size, tuple(meaning))

    def fitting(
        self, starts_BM: Int[np.ndarray, "B M"], ends_BM: Int[np.ndarray, "B M"], size: int
    ) -> Bool[np.ndarray, "B N"]:
        """Which programs turn every start of a specification into its end.

        Raises:
            ToylabError: a specification without examples, or starts and ends of other shapes.
        """
        starts_BM, ends_BM = np.asarray(starts_BM), np.asarray(ends_BM)
        if starts_BM.ndim != 2 or starts_BM.shape != ends_BM.shape or not starts_BM.shape[1]:
            raise ToylabError(
                f"fitting: starts {starts_BM.shape} and ends {ends_BM.shape}; give both as "
                "(specifications, examples), with one example or more."
            )
        last_NS = self.states(size)[:, -1]
        pairs = zip(starts_BM.T, ends_BM.T, strict=True)
        return np.all([last_NS[:, start].T == end[:, None] for start, end in pairs], 0)

    def next_law(
        self, fits_BN: Bool[np.ndarray, "B N"], prefix_BT: Int[np.ndarray, "B T"], after: int
    ) -> Float[np.ndarray, "B 4"]:
        """Exact chances of the three actions and END after a prefix; NaN where nothing fits.

        Args:
            fits_BN: programs that fit each specification.
            prefix_BT: actions, of which the first ``after`` count.
            after: number of actions so far.
        """
        begins_BN = (self.actions[None, :, :after] == prefix_BT[:, None, :after]).all(-1)
        weight_BN = np.where(fits_BN & begins_BN, self.chances, 0)
        padded_NT = np.pad(self.actions, ((0, 0), (0, 1)), constant_values=END)
        law_B4 = weight_BN @ np.eye(END + 1)[padded_NT[:, after]]
        total_B1 = law_B4.sum(1, keepdims=True)
        return np.divide(law_B4, total_B1, np.full_like(law_B4, np.nan), where=total_B1 > 0)

    def greedy(self, fits_BN: Bool[np.ndarray, "B N"]) -> Int[np.ndarray, "B T"]:
        """The program of the exact law that takes the likeliest symbol at every step."""
        written_BT = np.full((len(fits_BN), self.longest), END)
        going_B = np.ones(len(fits_BN), bool)
        for t in range(self.longest):
            law_B4 = self.next_law(fits_BN, written_BT, t)
            written_BT[:, t] = np.where(going_B, np.nan_to_num(law_B4).argmax(1), END)
            going_B &= written_BT[:, t] < END
        return written_BT

    def entropy(self) -> float:
        """Entropy of a program before any example, in nats."""
        return _entropy(self.chances)

    def floor(self, size: int, examples: int) -> float | None:
        """Entropy in nats of a program given examples with uniform starts, the least summed loss.

        It is the entropy before them less that of the ends given the starts, exactly; None where
        too many starts would have to be gone through.

        Args:
            size: cells along a side.
            examples: number of examples.
        """
        check_number("Programs.floor", "examples", examples, low=1, whole=True)
        return _floor(self, size, examples)

    def satisfied_by_chance(self, size: int, examples: int) -> float | None:
        """Chance that a program drawn anew fits the examples of another; None as for the floor."""
        check_number("Programs.satisfied_by_chance", "examples", examples, low=1, whole=True)
        return _by_chance(self, size, examples)


def _entropy(chance: np.ndarray) -> float:
    chance = chance[chance > 0]
    return float(-(chance * np.log(chance)).sum())


@functools.lru_cache(maxsize=16)
def _listed(shortest: int, longest: int) -> np.ndarray:
    rows = [
        (*program, *[END] * (longest - length))
        for length in range(shortest, longest + 1)
        for program in itertools.product(range(len(ACTIONS)), repeat=length)
    ]
    found = np.array(rows, np.int32)
    found.flags.writeable = False
    return found


@functools.lru_cache(maxsize=32)
def _states(programs: Programs, size: int, meaning: tuple[int, ...]) -> np.ndarray:
    stay = np.arange(n_states(size), dtype=np.int32)
    table = np.concatenate([transitions(size, meaning), stay[None]])
    states = [np.broadcast_to(stay, (len(programs.actions), len(stay)))]
    for action_N in programs.actions.T:
        states.append(table[action_N[:, None], states[-1]])
    found = np.stack(states, 1)
    found.flags.writeable = False
    return found


def _classes(programs: Programs, size: int, examples: int):
    """Chances of the ends of every multiset of starts, with the multiset's own chance."""
    last_NS = programs.states(size)[:, -1].astype(np.int64)
    states, chance_N = n_states(size), programs.chances
    for starts in itertools.combinations_with_replacement(range(states), examples):
        code_N = last_NS[:, starts[0]]
        for start in starts[1:]:
            _, code_N = np.unique(code_N * states + last_NS[:, start], return_inverse=True)
        counts = np.unique(starts, return_counts=True)[1]
        orders = np.exp(_log_factorial(examples) - sum(map(_log_factorial, counts)))
        yield orders / states**examples, np.bincount(code_N, chance_N)


def _log_factorial(n: int) -> float:
    return float(np.log(np.arange(1, n + 1)).sum())


def _feasible(programs: Programs, size: int, examples: int) -> bool:
    return len(programs.actions) * n_states(size) ** examples <= MOST


@functools.lru_cache(maxsize=16)
def _floor(programs: Programs, size: int, examples: int) -> float | None:
    if not _feasible(programs, size, examples):
        return None
    told = sum(w * _entropy(p) for w, p in _classes(programs, size, examples))
    return programs.entropy() - told


@functools.lru_cache(maxsize=16)
def _by_chance(programs: Programs, size: int, examples: int) -> float | None:
    if not _feasible(programs, size, examples):
        return None
    return float(sum(w * (p**2).sum() for w, p in _classes(programs, size, examples)))
