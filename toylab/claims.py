"""Claims: sentences of a paper as measurements, judged by an interval over seeds.

A claim is written down before the run that judges it. Its measure gives one value per seed;
the verdict compares a 95% bootstrap interval over the seeds with the region the claim expects.
"""

import dataclasses
import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from polars.exceptions import ColumnNotFoundError

from toylab.errors import ToylabError, check_number, nearest
from toylab.stats import STATISTICS, Interval, alive, bootstrap_interval

VERDICTS = ("reproduced", "partly", "not reproduced", "inconclusive")
LEVEL = 0.95


@dataclasses.dataclass(frozen=True)
class Expect:
    """The closed region ``[low, high]`` a claim puts its number in."""

    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        """Refuse an empty region."""
        if not self.low <= self.high:
            raise ToylabError(f"Expect: the region [{self.low}, {self.high}] is empty.")

    @classmethod
    def above(cls, low: float) -> Self:
        """Return the region of numbers not below ``low``."""
        return cls(low=low)

    @classmethod
    def below(cls, high: float) -> Self:
        """Return the region of numbers not above ``high``."""
        return cls(high=high)

    @classmethod
    def between(cls, low: float, high: float) -> Self:
        """Return the region from ``low`` to ``high``."""
        return cls(low, high)

    @classmethod
    def near(cls, value: float, tol: float) -> Self:
        """Return the region within ``tol`` of ``value``."""
        return cls(value - tol, value + tol)

    def contains(self, value: float) -> bool:
        """Say whether a number lies in the region; NaN lies in none."""
        return self.low <= value <= self.high

    def describe(self) -> str:
        """Return the region as a table shows it: ``>= 0.9``, ``<= 2``, ``in [0.4, 0.75]``."""
        if math.isinf(self.low) and math.isinf(self.high):
            return "any"
        if math.isinf(self.high):
            return f">= {self.low:.6g}"
        if math.isinf(self.low):
            return f"<= {self.high:.6g}"
        return f"in [{self.low:.6g}, {self.high:.6g}]"


@dataclasses.dataclass(frozen=True)
class Claim:
    """One sentence of a paper, with the measurement that decides it.

    Attributes:
        key: short name, unique in its study.
        text: the sentence.
        source: paper and place: section, figure or table.
        measure: ``measure(measures)`` gives one value per unit, NaN for a dead member;
            ``measures`` is the study's ``{name: DataFrame or array}``.
        expect: the region the claim puts the statistic in.
        paper: the paper's own value, where it has one.
        unit: what one value stands for; an independent run.
        min_units: fewest living units to judge by.
        statistic: what is estimated over the units.
    """

    key: str
    text: str
    source: str
    measure: Callable[[Mapping[str, Any]], ArrayLike]
    expect: Expect
    paper: float | str | None = None
    unit: str = "seed"
    min_units: int = 5
    statistic: Literal["mean", "median"] = "mean"

    def __post_init__(self) -> None:
        """Refuse what could not be judged."""
        if not self.key:
            raise ToylabError(f"Claim: the claim {self.text!r} has no key; give it a short name.")
        check_number(f"Claim {self.key!r}", "min_units", self.min_units, 1, whole=True)
        if self.statistic not in STATISTICS:
            hint = nearest(str(self.statistic), STATISTICS)
            raise ToylabError(f"Claim {self.key!r}: no statistic {self.statistic!r}; {hint}")


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A judged claim: what was expected, what was measured, and what follows.

    Attributes:
        key, text, source, paper, unit: as in the claim.
        expected: the claim's region in words.
        estimate, low, high: the statistic with its 95% interval over the units.
        n: units alive.
        dead: units lost to non-finite losses.
        verdict: reproduced, partly, not reproduced or inconclusive.
    """

    key: str
    text: str
    source: str
    paper: float | str | None
    expected: str
    estimate: float
    low: float
    high: float
    n: int
    dead: int
    unit: str
    verdict: str


def decide(expect: Expect, interval: Interval, n: int, min_units: int) -> str:
    """Return the verdict for an interval over ``n`` units.

    Fewer than ``min_units``: inconclusive. Interval inside the region: reproduced. Interval
    outside it: not reproduced. The interval crosses the border: partly where the estimate is
    inside, inconclusive where it is outside.
    """
    if n < min_units or math.isnan(interval.estimate):
        return "inconclusive"
    if expect.low <= interval.low and interval.high <= expect.high:
        return "reproduced"
    if interval.high < expect.low or interval.low > expect.high:
        return "not reproduced"
    return "partly" if expect.contains(interval.estimate) else "inconclusive"


def judge(claim: Claim, measures: Mapping[str, Any], rng_seed: int = 0) -> Verdict:
    """Measure a claim and decide it.

    Args:
        claim: the claim.
        measures: the study's measures by name.
        rng_seed: seed of the bootstrap; the verdict is a function of the arguments.

    Raises:
        ToylabError: a table or column is missing, or the measure is not one value per unit.

    Example:
        >>> claim = Claim("fall", "Loss falls.", "none", lambda m: m["fall"], Expect.above(0))
        >>> judge(claim, {"fall": [0.9, 1.0, 1.1, 1.0, 0.8]}).verdict
        'reproduced'
    """
    values_N = _measured(claim, measures)
    living = alive(values_N)
    interval = bootstrap_interval(living, claim.statistic, level=LEVEL, seed=rng_seed)
    return Verdict(
        key=claim.key,
        text=claim.text,
        source=claim.source,
        paper=claim.paper,
        expected=claim.expect.describe(),
        estimate=interval.estimate,
        low=interval.low,
        high=interval.high,
        n=len(living),
        dead=len(values_N) - len(living),
        unit=claim.unit,
        verdict=decide(claim.expect, interval, len(living), claim.min_units),
    )


def judge_all(
    claims: Iterable[Claim], measures: Mapping[str, Any], rng_seed: int = 0
) -> list[Verdict]:
    """Judge every claim of a study, in order; two claims with one key are an error."""
    claims = list(claims)
    keys = [claim.key for claim in claims]
    for key in keys:
        if keys.count(key) > 1:
            raise ToylabError(f"two claims have the key {key!r}; rename one.")
    return [judge(claim, measures, rng_seed) for claim in claims]


def to_json(verdicts: Iterable[Verdict]) -> str:
    """Return verdicts as a JSON list; NaN and infinity become null."""
    return json.dumps([to_record(v) for v in verdicts], indent=2, allow_nan=False) + "\n"


def from_json(text: str) -> list[Verdict]:
    """Read what :func:`to_json` wrote; a null number comes back as NaN."""
    return [from_record(record) for record in json.loads(text)]


def to_record(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as a plain dict that JSON can hold."""
    return {name: _plain(value) for name, value in dataclasses.asdict(verdict).items()}


def from_record(record: Mapping[str, Any]) -> Verdict:
    """Make a verdict of a plain dict; unknown entries are ignored, null numbers are NaN."""
    fields = {f.name: record[f.name] for f in dataclasses.fields(Verdict)}
    for name in ("estimate", "low", "high"):
        fields[name] = math.nan if fields[name] is None else float(fields[name])
    return Verdict(**fields)


def _plain(value: Any) -> Any:
    """Return a value JSON can hold: NumPy scalars as Python's, non-finite numbers as None."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _measured(claim: Claim, measures: Mapping[str, Any]) -> np.ndarray:
    """Call the claim's measure; turn a missing table or column into a message for people."""
    try:
        values = claim.measure(measures)
    except KeyError as error:
        name = str(error.args[0]) if error.args else "?"
        raise ToylabError(
            f"claim {claim.key!r}: its measure asks for the table {name!r}, which the run does "
            f"not have; {nearest(name, [str(known) for known in measures])}"
        ) from error
    except ColumnNotFoundError as error:
        column = str(error).splitlines()[0]
        raise ToylabError(
            f"claim {claim.key!r}: a table lacks a column its measure asks for: {column}."
        ) from error
    values_N = np.asarray(values, np.float64)
    if values_N.ndim != 1:
        raise ToylabError(
            f"claim {claim.key!r}: its measure gave an array of shape {values_N.shape}; "
            f"give one value per {claim.unit}."
        )
    return values_N
