"""Instances of CountDown from a file: rows of numbers and a target, as public data sets have them.

JSON lines (``{"nums": [3, 7, 11], "target": 24}``), a JSON list of such rows, Parquet with the
columns ``nums`` and ``target``, or plain rows of numbers whose last is the target.
"""

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from toylab.check.data_files import read_bytes, read_text
from toylab.errors import ToylabError

from .countdown_rules import FEWEST, MOST, Rules


class Instances(NamedTuple):
    """Instances that fit the rules, I of them.

    Attributes:
        hand_IN: the numbers of each, sorted.
        target_I: its target.
        solvable_I: whether some plan reaches it.
        bad: what is wrong with each row left out.
    """

    hand_IN: np.ndarray
    target_I: np.ndarray
    solvable_I: np.ndarray
    bad: tuple[str, ...]


def read_instances(path: str | Path, rules: Rules) -> Instances:
    """Read a file of instances; a row that does not fit the rules is left out and told.

    Args:
        path: the file; its kind is told by its ending: ``.parquet``, ``.json``, ``.jsonl``, or
            anything else for plain rows.
        rules: how many numbers there are, and their bounds; public files mostly need others than
            the default, as ``Rules(numbers=4, largest=100, high=100, top=600)``.

    Raises:
        ToylabError: a file that cannot be read, is damaged, or has no row that fits.

    Example:
        >>> found = read_instances(Path(__file__).with_name("countdown_rows.jsonl"), Rules())
        >>> found.hand_IN.tolist(), found.target_I.tolist(), found.solvable_I.tolist()
        ([[3, 7, 12], [2, 2, 9]], [33, 40], [True, False])
        >>> found.bad
        ('row 3: 4 numbers, and these rules take 3; give Rules(numbers=4)',)
    """
    good, bad = [], []
    for number, row in enumerate(_rows(Path(path)), 1):
        problem = _problem(row, rules)
        if problem:
            bad.append(f"row {number}: {problem}")
        else:
            good.append((sorted(row[0]), row[1]))
    if not good:
        told = f"; first {bad[0]}" if bad else ""
        raise ToylabError(f"{path} has no instance for these rules{told}.")
    hands = np.array([hand for hand, _ in good], np.int32)
    targets = np.array([target for _, target in good], np.int32)
    worked = rules.work(hands, np)
    solvable = (worked.valid_K & (worked.result_K == targets[:, None])).any(-1)
    return Instances(hands, targets, solvable, tuple(bad))


def _problem(row: Any, rules: Rules) -> str:
    """What keeps a row from being an instance."""
    numbers, target = row
    whole = lambda value: isinstance(value, int) and not isinstance(value, bool)
    if not (isinstance(numbers, list) and all(map(whole, numbers)) and whole(target)):
        return "no list of whole numbers with a whole target"
    if len(numbers) != rules.numbers:
        given = len(numbers)
        fits = FEWEST <= given <= MOST
        mend = (
            f"give Rules(numbers={given})"
            if fits
            else f"no rules take other than {FEWEST} to {MOST}"
        )
        return f"{given} numbers, and these rules take {rules.numbers}; {mend}"
    if not all(1 <= number <= rules.largest for number in numbers):
        return f"numbers {numbers} are not all from 1 to {rules.largest}"
    if not rules.low <= target <= rules.high:
        return f"the target {target} is not from {rules.low} to {rules.high}"
    return ""


def _rows(path: Path) -> Iterable[tuple[Any, Any]]:
    """Numbers and target of every row, unchecked."""
    kind = path.suffix.lower()
    try:
        if kind == ".parquet":
            frame = pl.read_parquet(io.BytesIO(read_bytes(path)), columns=["nums", "target"])
            return list(zip(frame["nums"].to_list(), frame["target"].to_list(), strict=True))
        text = read_text(path)
        if kind in (".json", ".jsonl"):
            whole = kind == ".json" and text.lstrip().startswith("[")
            found = (
                json.loads(text) if whole else map(json.loads, filter(str.strip, text.splitlines()))
            )
            return [(row["nums"], row["target"]) for row in found]
        rows = [line.replace(",", " ").split() for line in text.splitlines()]
        return [([*map(int, r[:-1])], int(r[-1])) for r in rows if r and not r[0].startswith("#")]
    except ToylabError:
        raise
    except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError) as error:
        told = getattr(error, "strerror", None) or str(error).splitlines()[0][:120]
        raise ToylabError(f"{path} cannot be read as instances of CountDown: {told}.") from None
