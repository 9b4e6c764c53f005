"""Readings of the stored tables, one value per seed."""

import math

import polars as pl

from toylab.analysis.geometry.paths import elbow
from toylab.read import Reading, Rows, table
from toylab.read.networks import trend
from toylab.read.times import Times, earliest, first_times, lead, reached
from toylab.stats.rise import greatest_rise

from .elicit import FIXED, NEIGHBOUR, RANDOM

REACHED, HOLD = 0.8, 11  # share of places; records in a row, which are 50 steps at laptop
SETTING = ("init_seed", "colour_gap", "size_gap", "masked")
COLOUR, SIZE, MASKED = (pl.col(f"of {name}") for name in ("colour_gap", "size_gap", "masked"))
CURVES = table("curves", of="discs")
MAIN = CURVES.filter(COLOUR, SIZE, MASKED)
WIDEST = CURVES.filter(COLOUR).last("colour_gap")
NARROWEST = CURVES.filter(COLOUR).first("colour_gap")
EQUAL = CURVES.filter(COLOUR, pl.col("colour_gap") == pl.col("size_gap"))
IDENTITY = table("identity")


def when(rows: Rows, column: str) -> Times:
    """When a share of places first reaches 80% and stays for eleven records."""
    return reached(rows, column, REACHED, HOLD)


def elicited(how: str, reader: str = "lenient", strength: float = FIXED) -> Times:
    """When over-prompting, or a latent shift, shows the new class."""
    return when(MAIN, f"{how} {strength} {reader}")


def unaided(reader: str = "lenient") -> Times:
    """When the new class is shown on asking, or with any of the random directions."""
    names = ["naive", *(f"random {k}" for k in range(RANDOM))]
    return earliest(*(when(MAIN, f"{name} {reader}") for name in names))


def ahead(how: str, reader: str = "lenient") -> Reading:
    """By what factor an intervention succeeds before asking, and before random directions."""
    return lead(elicited(how, reader), unaided(reader))


def order(rows: Rows) -> Reading:
    """By what factor colour is right before size is."""
    return lead(when(rows, "colour"), when(rows, "size"))


def hidden(masked: float) -> Reading:
    """Whether over-prompting shows the new class, and asking never does, at a share of hiding."""
    rows = CURVES.filter(masked=masked)
    seen = lambda column: when(rows, column).seen
    return (seen(f"over {FIXED} lenient") > 0) & (seen("naive lenient") < 1)


def time_trend(series: pl.Expr, concept: str, setting: str) -> Reading:
    """Rank correlation of the time of a concept with a setting; the last step where it is later."""
    rows = CURVES.filter(series, pl.col("masked") < 1).then(
        lambda frame: first_times(frame, concept, REACHED, HOLD, SETTING)
    )
    return trend(rows, pl.col("time").first(), setting)


def by_size_gap() -> Reading:
    """How much later colour is right at the largest gap of size than at the smallest."""
    small, large = CURVES.filter(SIZE).first("size_gap"), CURVES.filter(SIZE).last("size_gap")
    return lead(when(small, "colour"), when(large, "colour"))


def end(rows: Rows, column: str) -> Reading:
    """A share after training."""
    return rows.last().value(column)


def turn() -> Reading:
    """Step of the path's elbow, over that at which the latent shift succeeds."""

    def step(own: pl.DataFrame) -> float | None:
        own = own.sort("step")
        at = elbow(own.select("naive x", "naive y").to_numpy())
        return None if at is None else own["step"][at]

    return MAIN.each(step) / elicited("latent").time.where(elicited("latent").seen)


def gain() -> Reading:
    """What over-prompting moves, over a straight line through the neighbour and the prompt.

    Both are colours shown, at the record at which over-prompting succeeds.
    """

    def ratio(own: pl.DataFrame) -> float | None:
        when = first_times(own, f"over {FIXED} lenient", REACHED, HOLD)
        at = own.filter(step=int(when["time"][0]))
        if not when["seen"][0] or at.is_empty():
            return None
        naive, near, over = (at[f"{n} x"].item() for n in ("naive", NEIGHBOUR, f"over {FIXED}"))
        return (over - naive) / (FIXED * (naive - near)) if naive != near else None

    return MAIN.each(ratio)


def line_lead() -> Reading:
    """By what factor a straight line leads asking: the over-prompt of a response that is linear.

    From the neighbouring class through the prompt and half as far beyond, a line shows the colour
    at which asking succeeds this much sooner than asking does, and from there on.
    """

    def ratio(own: pl.DataFrame) -> float | None:
        own = own.sort("step")
        asked = first_times(own, "naive lenient", REACHED, HOLD)
        if not asked["seen"][0]:
            return None
        then = own.filter(step=int(asked["time"][0]))
        shown, near = then["naive x"].item(), then[f"{NEIGHBOUR} x"].item()
        line = pl.col("naive x") + FIXED * (pl.col("naive x") - pl.col(f"{NEIGHBOUR} x"))
        short = (line < shown) if shown > near else (line > shown)
        at = own.filter(pl.col("step") <= asked["time"][0]).filter(short)["step"].max()
        return asked["time"][0] / at if at else None  # type: ignore[operator]

    return MAIN.each(ratio)


def swings(depth: int) -> Reading:
    """Whether the error on the new point rises by 5% of its first value after it has fallen."""

    def rises(own: pl.DataFrame) -> float:
        own = own.sort("step")
        return greatest_rise(own["step"], own["loss"], math.inf).size / own["loss"][0]

    return IDENTITY.filter(depth=depth).each(rises) > 0.05


def off_formula() -> Reading:
    """Greatest distance of the path of one layer from its formula, over the way to go."""
    square = lambda axis: (pl.col(axis) - pl.col(f"{axis} formula")) ** 2
    away = (square("x") + square("y")).sqrt()
    return IDENTITY.filter(depth=1).aggregate((away / pl.col("way")).max())
