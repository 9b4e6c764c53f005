"""An opened run as answers in JSON: members, curves with intervals, parameters, claims, figures.

All of it is read from the run folder as data; no study is imported, so that a stranger's run may be
looked at. What is large is thinned, and the answer says so.
"""

import functools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from toylab.claims import to_record
from toylab.errors import ToylabError, nearest
from toylab.runs.run_folder import RunFolder
from toylab.stats.seeds import student_ends
from toylab.trees import flatten

from .server import TYPES, Answer, Question, as_json

STEPS = 200  # most steps of a curve
LINES = 64  # most members drawn one by one
GROUPS = 12  # most values of a column to group by
SIDE = 96  # most rows and columns of a parameter


def questions(path: str | Path) -> tuple[str, dict[str, Question]]:
    """Return a run's name, and what can be asked of it, by path.

    Raises:
        ToylabError: no run folder, or a damaged one.
    """
    run = RunFolder(path)
    view = View(run)
    name = f"{run.manifest.get('study', 'run')} ({run.manifest.get('preset', '?')})"
    return name, {
        "/api/run": lambda query: as_json(view.about()),
        "/api/members": lambda query: as_json(view.members(query)),
        "/api/curves": lambda query: as_json(view.curves(query)),
        "/api/params": lambda query: as_json(view.params(query)),
        "/api/claims": lambda query: as_json(view.claims()),
        "/api/figure": view.figure,
    }


class View:
    """What the pages ask of a run.

    Args:
        run: the run folder.
    """

    def __init__(self, run: RunFolder):
        self.run = run

    @functools.cached_property
    def metrics(self) -> pl.DataFrame:
        """All recorded metrics; no rows where the run has not finished."""
        if "metrics.parquet" in self.run.files():
            return self.run.metrics()
        names = {"population": pl.String, "member": pl.Int64, "step": pl.Int64}
        return pl.DataFrame(schema=names | {"name": pl.String, "value": pl.Float32})

    def about(self) -> dict[str, Any]:
        """What the run is of, and what it holds."""
        manifest = self.run.manifest
        names = ("study", "preset", "device", "commit", "created", "first_seed", "wall_s", "config")
        return {
            "path": str(self.run.path),
            **{name: manifest.get(name) for name in names},
            "populations": {name: self._holds(name) for name in self.run.populations()},
            "figures": [path.stem for path in self.run.figures()],
            "losses": self.run.losses(),
        }

    def _holds(self, population: str) -> dict[str, Any]:
        members = self.run.members(population)
        seeds = [name for name in members.columns if name.endswith("_seed")]
        few = {n: members[n].n_unique() for n in members.columns if n not in ("member", *seeds)}
        table = self.metrics.filter(population=population)
        return {
            "members": members.height,
            "metrics": sorted(table["name"].unique()),
            "by": [name for name, count in few.items() if 1 < count <= GROUPS],
            "steps": self.run.steps(population),
        }

    def members(self, query: Mapping[str, str]) -> dict[str, Any]:
        """The table of members, with the last value of every metric and where each diverged."""
        population = self._population(query)
        table = self.run.members(population)
        metrics = self.metrics.filter(population=population)
        last = metrics.filter(pl.col("step") == pl.col("step").max().over("name"))
        if last.height:
            wide = last.pivot("name", index="member", values="value")
            table = table.join(wide, on="member", how="left")
        lost = self.run.diverged().filter(population=population)
        if lost.height:
            at = lost.select("member", pl.col("step").alias("diverged at"))
            table = table.join(at, on="member", how="left")
        return {"columns": table.columns, "rows": [_plain(row) for row in table.rows()]}

    def curves(self, query: Mapping[str, str]) -> dict[str, Any]:
        """A metric over steps: the mean and its 95% interval in each group, and single members."""
        population, name = self._population(query), query.get("metric", "")
        table = self.metrics.filter(population=population)
        if name not in (known := sorted(table["name"].unique())):
            raise ToylabError(f"No metric {name!r} of {population!r}: {nearest(name, known)}")
        wide = table.filter(name=name).pivot("member", index="step", values="value").sort("step")
        thinned = wide.height > STEPS
        kept = np.unique(np.linspace(0, wide.height - 1, min(wide.height, STEPS)).astype(int))
        wide = wide[kept.tolist()]
        members = self.run.members(population)
        value_SP = wide.select(str(m) for m in members["member"]).to_numpy().astype(float)
        by = query.get("by", "")
        if by and by not in members.columns:
            raise ToylabError(f"No column {by!r} of members: {nearest(by, members.columns)}")
        key_P = members[by].to_numpy() if by else np.zeros(members.height)
        groups = [_group(key, value_SP[:, key_P == key]) for key in np.unique(key_P)[:GROUPS]]
        return {
            "steps": wide["step"].to_list(),
            "groups": groups,
            "members": [_plain(value_SP[:, p]) for p in range(min(LINES, members.height))],
            "thinned": thinned,
        }

    def params(self, query: Mapping[str, str]) -> dict[str, Any]:
        """One member's parameters at a kept step: shape, norm, and the numbers as a matrix."""
        population = self._population(query)
        step, member = _whole(query, "step"), _whole(query, "member")
        count = self.run.members(population).height
        if not 0 <= member < count:
            raise ToylabError(f"{population!r} has members 0 to {count - 1}, not {member}.")
        flat = flatten(self.run.params(population, step))
        return {"leaves": [_leaf(name, leaf[member]) for name, leaf in flat.items()]}

    def claims(self) -> list[dict[str, Any]]:
        """The verdicts, with their evidence."""
        judged = "claims.json" in self.run.files()
        records = [to_record(verdict) for verdict in self.run.claims()] if judged else []
        return [r | {"values": _plain(r["values"])} for r in records]

    def figure(self, query: Mapping[str, str]) -> Answer:
        """A drawn figure."""
        found = {path.stem: path for path in self.run.figures()}
        name = query.get("name", "")
        if name not in found:
            raise ToylabError(f"No figure {name!r}: {nearest(name, found)}")
        path = self.run.inside(f"figures/{found[name].name}")  # refuses a link that leads out
        return Answer(path.read_bytes(), TYPES[".png"])

    def _population(self, query: Mapping[str, str]) -> str:
        name, known = query.get("population", ""), self.run.populations()
        if name not in known:
            raise ToylabError(f"No population {name!r}: {nearest(name, known)}")
        return name


def _group(key: Any, value_SP: np.ndarray) -> dict[str, Any]:
    """Mean over finite members at each step, and Student's interval of it where there are two."""
    mean, low, high = [], [], []
    for row in value_SP:
        finite = row[np.isfinite(row)]
        mean.append(finite.mean() if len(finite) else np.nan)
        ends = student_ends(finite) if len(finite) > 1 else (np.nan, np.nan)
        low.append(ends[0])
        high.append(ends[1])
    shown = {"mean": _plain(mean), "low": _plain(low), "high": _plain(high)}
    return {"value": _number(key), "n": value_SP.shape[1], **shown}


def _leaf(name: str, values: np.ndarray) -> dict[str, Any]:
    """A parameter as a matrix of at most SIDE rows and columns: thinned evenly beyond.

    Its first axes are the rows, the others the columns; as many as make it most nearly square.
    """
    flat = np.asarray(values, float)
    heights = np.cumprod([1, *flat.shape[:-1]]) if flat.ndim > 1 else np.ones(1)
    rows = heights[np.argmin(np.abs(np.log(heights**2 / max(flat.size, 1))))]
    matrix = flat.reshape(int(rows), -1)
    rows, columns = (max(1, math.ceil(size / SIDE)) for size in matrix.shape)
    shown = matrix[::rows, ::columns]
    return {
        "name": name,
        "shape": list(values.shape),
        "norm": _number(np.sqrt(np.sum(flat**2))),
        "rows": shown.shape[0],
        "columns": shown.shape[1],
        "every": [rows, columns],
        "values": _plain(shown.ravel()),
    }


def _whole(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 12):
        raise ToylabError(f"{name} = {text!r} is not a whole number.")
    return int(text)


def _number(value: Any) -> Any:
    """A number as JSON has it, in seven digits; None where it is not finite."""
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, float):
        return value
    return float(f"{value:.7g}") if math.isfinite(value) else None


def _plain(values: Any) -> list[Any]:
    return [_number(value) for value in values]
