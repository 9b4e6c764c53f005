"""Claims: sentences of a paper as measurements, judged by an interval over seeds.

A claim is written down before the run that judges it. Its reading gives one value per unit; the
verdict compares a 95% interval over the units with the region that the claim expects:

===================== ======================================================================
reproduced            the interval lies in the region, of at least 8 units
reproduced, few seeds the same of 5 to 7 units, which no exact test could confirm
not reproduced        the interval lies outside the region
inconclusive          it crosses the border, or there are too few units
not testable          a precondition failed: the network has not learned its task
confounded            the interval lies in the region, but a control that must not do as well does
===================== ======================================================================
"""

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Self

import numpy as np
import polars as pl

from toylab.errors import ToylabError, check_number, nearest
from toylab.read import Measures, Reading, Values
from toylab.show.cards import Card, Rows
from toylab.show.verdicts import Verdicts
from toylab.stats import STATISTICS, Interval, seed_interval

REPRODUCED, FEW = "reproduced", "reproduced, few seeds"
NOT, OPEN, UNTESTABLE, CONFOUNDED = "not reproduced", "inconclusive", "not testable", "confounded"
VERDICTS = (REPRODUCED, FEW, NOT, OPEN, UNTESTABLE, CONFOUNDED)
ENOUGH = 8  # units: of five, a method that fails on one seed in five passes a third of the time
SCOPES = ("population", "network")
BARS = ("paper: ", "theory: ", "control: ", "ours: ")  # what a region may come from


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
class Condition:
    """What must hold for a claim to mean something: a precondition, or a control.

    Attributes:
        text: the condition in words, as in "training accuracy is 99%".
        reading: one value per unit.
        expect: the region that their mean must lie in.
    """

    text: str
    reading: Reading
    expect: Expect

    def __post_init__(self) -> None:
        """Refuse a condition that reads nothing."""
        if not isinstance(self.reading, Reading):
            raise ToylabError(f"Condition {self.text!r} names no reading; see toylab.read.")

    def holds(self, measures: Measures) -> bool:
        """Whether the mean over the units lies in the region; of no unit it does not."""
        values = self.reading(measures).values
        return bool(len(values)) and self.expect.contains(float(np.mean(values)))


@dataclasses.dataclass(frozen=True)
class Claim(Card):
    """One sentence of a paper, with the measurement that decides it.

    Attributes:
        key: short name, unique in its study.
        text: the sentence.
        source: paper and place: section, figure or table.
        reading: one value per unit (:mod:`toylab.read`).
        expect: the region the claim puts the statistic in.
        bar: where the region comes from, in a phrase that begins with "paper: ", "theory: ",
            "control: " or "ours: ", as in "theory: a guess has 1/7".
        paper: the paper's own value, where it has one.
        unit: what one value stands for, in words; an independent run.
        min_units: fewest units to judge by.
        statistic: what is estimated over the units.
        scope: "population" where the units are seeds; "network" where they are games, boards or
            cells of one network, which says nothing of another seed.
        requires: preconditions; where one fails the claim is not testable.
        control: what must not do as well; where one fails the claim is confounded.
        headline: whether it is the sentence that people know the paper by.
    """

    key: str
    text: str
    source: str
    reading: Reading
    expect: Expect
    bar: str = ""
    paper: float | str | None = None
    unit: str = "seed"
    min_units: int = 5
    statistic: Literal["mean", "median"] = "mean"
    scope: Literal["population", "network"] = "population"
    requires: tuple[Condition, ...] = ()
    control: tuple[Condition, ...] = ()
    headline: bool = False

    def __post_init__(self) -> None:
        """Refuse what could not be judged."""
        if not self.key:
            raise ToylabError(f"Claim: the claim {self.text!r} has no key; give it a short name.")
        if not isinstance(self.reading, Reading):
            raise ToylabError(
                f"Claim {self.key!r}: its reading is {type(self.reading).__name__}; build one from "
                "a stored table, as in toylab.read.table('ends').value('loss')."
            )
        whence, _, why = str(self.bar).partition(": ")
        if f"{whence}: " not in BARS or not why.strip():
            raise ToylabError(
                f"Claim {self.key!r}: says not where its region {self.expect.describe()} comes "
                f"from (bar={self.bar!r}); give bar='paper: ...', 'theory: ...', 'control: ...' or "
                "'ours: ...', as in bar='theory: a guess has 1/7'."
            )
        check_number(f"Claim {self.key!r}", "min_units", self.min_units, 1, whole=True)
        for name, value, known in (
            ("statistic", self.statistic, STATISTICS),
            ("scope", self.scope, SCOPES),
        ):
            if value not in known:
                hint = nearest(str(value), known)
                raise ToylabError(f"Claim {self.key!r}: no {name} {value!r}; {hint}")

    def _card(self) -> tuple[str, Rows]:
        conditions = [("requires", c.text) for c in self.requires]
        conditions += [("control", c.text) for c in self.control]
        bar = f"{self.expect.describe()}; {self.bar}"
        return self.text, [("bar", bar), *conditions, ("source", self.source)]


@dataclasses.dataclass(frozen=True)
class Verdict(Card):
    """A judged claim: what was expected, what was measured, and what follows.

    Attributes:
        key, text, source, paper, unit, scope: as in the claim.
        expected: the claim's region in words.
        estimate, low, high: the statistic with its 95% interval over the units.
        values: the number of every unit that has one.
        n: how many they are.
        diverged: units lost to losses that were not finite.
        undefined: units for which there is no such number.
        excluded: units that failed the reading's own test.
        verdict: one of ``VERDICTS``.
        why: the precondition or control that failed.
    """

    key: str
    text: str
    source: str
    paper: float | str | None
    expected: str
    estimate: float
    low: float
    high: float
    values: tuple[float, ...]
    n: int
    diverged: int
    undefined: int
    excluded: int
    unit: str
    scope: str
    verdict: str
    why: str = ""

    def _card(self) -> tuple[str, Rows]:
        measured = f"{self.estimate:.3g} [{self.low:.3g}, {self.high:.3g}]; bar {self.expected}"
        why = [("why", self.why)] if self.why else []
        return self.text, [(self.verdict, measured), *why, (f"{self.unit}s", self.n)]


def decide(expect: Expect, interval: Interval, n: int, min_units: int) -> str:
    """Return the verdict for an interval over ``n`` units, conditions aside."""
    if n < min_units or not all(map(math.isfinite, interval)):
        return OPEN
    if expect.low <= interval.low and interval.high <= expect.high:
        return REPRODUCED if n >= ENOUGH else FEW
    if interval.high < expect.low or interval.low > expect.high:
        return NOT
    return OPEN


def judge(claim: Claim, measures: Mapping[str, Any], rng_seed: int = 0) -> Verdict:
    """Read a claim's values and decide it.

    Args:
        claim: the claim.
        measures: the study's measures by name.
        rng_seed: seed of the bootstrap; the verdict is a function of the arguments.

    Raises:
        ToylabError: a table or column is missing, or a unit is named twice.

    Example:
        >>> import polars as pl
        >>> from toylab.read import table
        >>> fall = table("ends").value("fall")
        >>> bar = "theory: no fall is 0"
        >>> claim = Claim("fall", "Loss falls.", "none", fall, Expect.above(0), bar)
        >>> falls = [0.9, 1.0, 1.1, 1.0, 0.8, 1.2, 0.9, 1.1]
        >>> judge(claim, {"ends": pl.DataFrame({"init_seed": range(8), "fall": falls})}).verdict
        'reproduced'
    """
    try:
        found = claim.reading(measures)
    except ToylabError as error:
        raise ToylabError(f"Claim {claim.key!r}: {error}") from error
    values = found.values
    interval = seed_interval(values, claim.statistic, seed=rng_seed, outcome=found.outcome)
    verdict, why = decide(claim.expect, interval, len(values), claim.min_units), ""
    if len(values) >= claim.min_units:
        verdict, why = _conditioned(claim, verdict, measures)
    return _verdict(claim, found, interval, verdict, why)


def all_diverged(claim: Claim, seeds: int) -> Verdict:
    """Return the verdict of a run in which no network was left to measure.

    Args:
        claim: the claim.
        seeds: number of seeds that the run trained.
    """
    none = Interval(math.nan, math.nan, math.nan)
    lost = Values(pl.DataFrame({"value": [None] * seeds, "state": ["diverged"] * seeds}))
    return _verdict(claim, lost, none, OPEN, "")


def _conditioned(claim: Claim, verdict: str, measures: Measures) -> tuple[str, str]:
    """Return the verdict under the claim's preconditions and controls, and which one failed."""
    for condition in claim.requires:
        if not condition.holds(measures):
            return UNTESTABLE, condition.text
    if verdict in (REPRODUCED, FEW):
        for condition in claim.control:
            if not condition.holds(measures):
                return CONFOUNDED, condition.text
    return verdict, ""


def _verdict(claim: Claim, found: Values, interval: Interval, verdict: str, why: str) -> Verdict:
    return Verdict(
        key=claim.key,
        text=claim.text,
        source=claim.source,
        paper=claim.paper,
        expected=claim.expect.describe(),
        estimate=interval.estimate,
        low=interval.low,
        high=interval.high,
        values=tuple(found.values.tolist()),
        n=len(found.values),
        diverged=found.count("diverged"),
        undefined=found.count("undefined"),
        excluded=found.count("excluded"),
        unit=claim.unit,
        scope=claim.scope,
        verdict=verdict,
        why=why,
    )


def judge_all(claims: Iterable[Claim], measures: Mapping[str, Any], rng_seed: int = 0) -> Verdicts:
    """Judge every claim of a study, in order; two claims with one key are an error."""
    claims = list(claims)
    keys = [claim.key for claim in claims]
    for key in filter(lambda key: keys.count(key) > 1, keys):
        raise ToylabError(f"two claims have the key {key!r}; rename one.")
    return Verdicts(judge(claim, measures, rng_seed) for claim in claims)


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
    fields: dict[str, Any] = {f.name: record[f.name] for f in dataclasses.fields(Verdict)}
    for name in ("estimate", "low", "high"):
        fields[name] = math.nan if fields[name] is None else float(fields[name])
    fields["values"] = tuple(fields["values"])
    return Verdict(**fields)


def _plain(value: Any) -> Any:
    """Return a value JSON can hold: NumPy scalars as Python's, non-finite numbers as None."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
