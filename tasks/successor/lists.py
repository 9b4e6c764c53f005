"""Ordinal lists: words in an order, that of days or of numbers."""

from dataclasses import dataclass

from toylab.errors import ToylabError, check_number

SMALL = "zero one two three four five six seven eight nine".split()
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
RANKS = "first second third fourth fifth sixth seventh eighth ninth tenth".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = (
    "January February March April May June July August September October November December".split()
)
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class OrdinalList:
    """Words in an order.

    Args:
        name: of the list, as "days".
        words: its members, each once.
        cyclic: whether the first follows the last.

    Raises:
        ToylabError: fewer than two words (three in a cycle), or one word twice.
    """

    name: str
    words: tuple[str, ...]
    cyclic: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.cyclic, bool):
            raise ToylabError(f"List {self.name!r}: cyclic = {self.cyclic!r} is not true or false.")
        least = 3 if self.cyclic else 2
        if len(self.words) < least:
            kind = "cyclic list" if self.cyclic else "list"
            raise ToylabError(
                f"List {self.name!r} of {len(self.words)} words; a {kind} has {least} or more."
            )
        twice = [w for w in self.words if self.words.count(w) > 1]
        if twice:
            raise ToylabError(f"List {self.name!r}: {twice[0]!r} stands in it twice.")

    def __len__(self) -> int:
        return len(self.words)

    @property
    def successions(self) -> int:
        """Words that have a successor: all but the last, or all of a cycle."""
        return len(self) if self.cyclic else len(self) - 1


def small_lists(numbers: int = 50) -> tuple[OrdinalList, ...]:
    """Five lists: words zero to nine, letters a to j, days, months, and numbers from 0.

    Args:
        numbers: how many numbers.
    """
    check_number("small_lists", "numbers", numbers, low=2, high=1_000, whole=True)
    return (
        OrdinalList("words", tuple(SMALL)),
        OrdinalList("letters", tuple(LETTERS[:10])),
        OrdinalList("days", tuple(DAYS), cyclic=True),
        OrdinalList("months", tuple(MONTHS), cyclic=True),
        OrdinalList("numbers", tuple(map(str, range(numbers)))),
    )


def paper_lists(numbers: int = 200) -> tuple[OrdinalList, ...]:
    """Eight lists: also ordinals, and prefixes of days and months, which have a full stop.

    Without it "May" would stand in two lists.

    Source: the tasks of Gould et al. 2023 (arXiv:2312.09230).
    """
    prefixes = lambda words: tuple(f"{word[:3]}." for word in words)
    words, _, days, months, digits = small_lists(numbers)
    return (
        OrdinalList("words", (*words.words, *TEENS)),
        OrdinalList("letters", tuple(LETTERS)),
        days,
        months,
        OrdinalList("ordinals", tuple(RANKS)),
        OrdinalList("day prefixes", prefixes(DAYS), cyclic=True),
        OrdinalList("month prefixes", prefixes(MONTHS), cyclic=True),
        digits,
    )
