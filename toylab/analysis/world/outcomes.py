"""Outcomes of the world-model tests: a number per unit, its controls, and whether it passes."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl


@dataclasses.dataclass(frozen=True, kw_only=True)
class Bars:
    """What the tests ask for.

    Attributes:
        accuracy: share of variables read right (T1).
        margin: how far a probe must lie above each of its controls (T1 to T5, T8).
        repaired: share of the error that an edit of the state must mend (T6).
        spurious: the most that an edit along another direction may mend (T6).
        unchanged: the most that outputs may differ between prefixes of one state, as a share of
            what they differ between prefixes of two (T7).
        language: compression and distinction (T7).
        drop: the most that may be lost on sequences of a kind left out of training (T8).
    """

    accuracy: float = 0.93
    margin: float = 0.1
    repaired: float = 0.75
    spurious: float = 0.25
    unchanged: float = 0.25
    language: float = 0.9
    drop: float = 0.02


BARS = Bars()


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One part of one test.

    Attributes:
        criterion: T1 to T8.
        part: which of the test's parts.
        unit: what one number stands for.
        value: one number per unit, (U,).
        controls: the same for each control, (U',).
        rule: what is asked of the means, in words.
        passed: whether it holds.
    """

    criterion: str
    part: str
    unit: str
    value: np.ndarray
    controls: Mapping[str, np.ndarray]
    rule: str
    passed: bool

    @property
    def mean(self) -> float:
        """Mean of the value; NaN units are left out."""
        return mean(self.value)


def mean(values: np.ndarray) -> float:
    """Mean over the units that have a value; NaN without any."""
    found = np.asarray(values, np.float64)
    found = found[np.isfinite(found)]
    return float(found.mean()) if len(found) else float("nan")


def margin(value: np.ndarray, controls: Mapping[str, np.ndarray]) -> float:
    """Distance of the value's mean to the greatest of its controls'; infinite without any."""
    return mean(value) - max((mean(c) for c in controls.values()), default=-np.inf)


def above(
    criterion: str,
    part: str,
    value: np.ndarray,
    controls: Mapping[str, np.ndarray],
    by: float,
    least: float = -np.inf,
    unit: str = "sequence",
) -> Outcome:
    """An outcome that passes where the value lies above ``least`` and all controls plus ``by``."""
    parts = [f">= {least:g}"] if np.isfinite(least) else []
    rule = ", ".join([*parts, *([f"controls + {by:g}"] if controls else [])])
    passed = mean(value) >= least and margin(value, controls) >= by
    return Outcome(criterion, part, unit, value, controls, rule, bool(passed))


def verdicts(outcomes: Sequence[Outcome]) -> dict[str, bool]:
    """Whether each criterion is met: all of its parts have passed."""
    found: dict[str, bool] = {}
    for outcome in outcomes:
        found[outcome.criterion] = found.get(outcome.criterion, True) and outcome.passed
    return found


def rows(outcomes: Sequence[Outcome]) -> pl.DataFrame:
    """Return every number as a row: criterion, part, name (``value`` or a control), unit, value."""
    parts = []
    for outcome in outcomes:
        for name, values in {"value": outcome.value, **outcome.controls}.items():
            values = np.asarray(values, np.float64)
            parts.append(
                pl.DataFrame({"unit": np.arange(len(values)), "value": values}).select(
                    pl.lit(outcome.criterion).alias("criterion"),
                    pl.lit(outcome.part).alias("part"),
                    pl.lit(name).alias("name"),
                    "unit",
                    "value",
                )
            )
    return pl.concat(parts)


def summary(outcomes: Sequence[Outcome]) -> pl.DataFrame:
    """Return a row per part and name (``value`` or a control): its mean, and the part's verdict.

    Columns: criterion, part, unit, rule, passed, name, mean, n.
    """
    found = []
    for outcome in outcomes:
        facts = {"criterion": outcome.criterion, "part": outcome.part, "unit": outcome.unit}
        facts |= {"rule": outcome.rule, "passed": outcome.passed}
        for name, values in {"value": outcome.value, **outcome.controls}.items():
            found.append(facts | {"name": name, "mean": mean(values), "n": len(values)})
    return pl.DataFrame(found)
