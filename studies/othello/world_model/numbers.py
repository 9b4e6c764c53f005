"""What the claims of ``world_model`` judge: numbers per unit, or per seed, from its tables."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.units import per_unit

Tables = Mapping[str, Any]
NOTHING = np.array([np.nan])  # of a network that no unit has a value for


def picked(m: Tables, criterion: str, part: str | None = None, name: str | None = None):
    """The main network's numbers of a test: (part, name, unit, value), NaN left out."""
    table = m["units"].filter(pl.col("criterion") == criterion)
    if part is not None:
        table = table.filter(pl.col("part") == part)
    if name is not None:
        table = table.filter(pl.col("name") == name)
    return table.filter(pl.col("value").is_not_nan())


def value(criterion: str, part: str | None = None) -> Callable[[Tables], np.ndarray]:
    """One number per unit of the main network; of several parts, that of the least mean."""

    def of(m: Tables) -> np.ndarray:
        table = picked(m, criterion, part, "value")
        if not table.height:
            return NOTHING
        worst = table.group_by("part").agg(pl.col("value").mean()).sort("value", "part")["part"]
        return per_unit(table.filter(pl.col("part") == worst[0]), pl.col("value").mean(), "unit")

    return of


def margin(criterion: str) -> Callable[[Tables], np.ndarray]:
    """Value less the best control, unit by unit; of several parts, that of the least margin."""

    def of(m: Tables) -> np.ndarray:
        found = []
        for (_,), rows in picked(m, criterion).group_by("part", maintain_order=True):
            controls = rows.filter(pl.col("name") != "value")
            means = controls.group_by("name").agg(pl.col("value").mean()).sort("value", "name")
            best = controls.filter(pl.col("name") == means["name"][-1])
            both = rows.filter(pl.col("name") == "value").join(best, on="unit", suffix="_control")
            found.append((both["value"] - both["value_control"]).to_numpy())
        return least(found)

    return of


def least(found: list[np.ndarray]) -> np.ndarray:
    """The values of least mean; those without any come first."""
    return min(found, key=lambda values: np.nan_to_num(values.mean(), nan=-np.inf))


def distinction(m: Tables) -> np.ndarray:
    """Precision or recall of the boundaries between states, whichever is less."""
    return least([value("T7", f"distinction {side}")(m) for side in ("precision", "recall")])


def spurious(m: Tables) -> np.ndarray:
    """Share of the error that the more successful of the control edits mends, case by case."""
    controls = picked(m, "T6").filter(pl.col("name") != "value")
    means = controls.group_by("name").agg(pl.col("value").mean()).sort("value", "name")["name"]
    return per_unit(controls.filter(pl.col("name") == means[-1]), pl.col("value").mean(), "unit")


def shares(m: Tables, criterion: str = "T7") -> np.ndarray:
    """Change between equal states over that between different ones, pair by pair.

    Of outputs and patched outputs the one with the greater share is taken, each over the mean of
    its least control.
    """
    found = []
    for part in ("outputs", "patched outputs"):
        rows = picked(m, criterion, part)
        means = rows.group_by("name").agg(pl.col("value").mean())
        lowest = means.filter(pl.col("name") != "value")["value"].min()
        equal = rows.filter(pl.col("name") == "value")["value"].to_numpy()
        found.append(equal / lowest if lowest else np.full(len(equal), np.nan))
    return max(found, key=lambda values: np.nan_to_num(values.mean(), nan=np.inf))


def by_seed(
    criterion: str, part: str | None = None, less: str | None = None, population: str = "small"
) -> Callable[[Tables], np.ndarray]:
    """Mean of a test's value per seed, the least over its parts; less a named control's."""

    def of(m: Tables) -> np.ndarray:
        rows = m["means"].filter(pl.col("population") == population)
        rows = rows.filter(pl.col("criterion") == criterion)
        rows = rows if part is None else rows.filter(pl.col("part") == part)
        table = rows.filter(pl.col("name") == "value")
        number = pl.col("mean")
        if less is not None:
            control = rows.filter(pl.col("name") == less)
            table = table.join(control, on=["init_seed", "part"], suffix="_control")
            number = number - pl.col("mean_control")
        return per_unit(table, number.min())

    return of


def met(population: str, criteria: tuple[str, ...]) -> Callable[[Tables], np.ndarray]:
    """How many criteria each seed's network meets, all parts of each."""

    def of(m: Tables) -> np.ndarray:
        rows = m["means"].filter(pl.col("population") == population, pl.col("name") == "value")
        rows = rows.filter(pl.col("criterion").is_in(criteria))
        each = rows.group_by("init_seed", "criterion").agg(pl.col("passed").all())
        return per_unit(each, pl.col("passed").sum())

    return of


def build_up(m: Tables) -> np.ndarray:
    """Accuracy gained over the layers on the real board, less the most on any wrong one."""
    rows = m["layers"].filter(pl.col("population") == "small", pl.col("feature") == "activations")
    rows = rows.filter(pl.col("label") != "renamed")
    first = pl.col("accuracy").filter(pl.col("layer") == 0).first()
    gains = rows.group_by("init_seed", "label").agg((pl.col("accuracy").max() - first).alias("g"))
    real = pl.col("g").filter(pl.col("label") == "real").first()
    return per_unit(gains, real - pl.col("g").filter(pl.col("label") != "real").max())
