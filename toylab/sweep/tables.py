"""A sweep's tables and its figure: every claim, every member, over the grid."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.report.axes import log_axis
from toylab.report.figures import COLUMN, PAGE, PALETTE, figure, save, style, title
from toylab.runs.atomic import write_bytes
from toylab.runs.run_folder import RunFolder
from toylab.sweep.folder import SweepFolder
from toylab.sweep.grid import by_log, column, numeric

MOST = 12  # claims that are drawn
ACROSS = 3


def write_tables(rounds: Sequence[SweepFolder]) -> None:
    """Write a judged sweep's tables and its figure.

    Args:
        rounds: the sweep's folder with the plan of its grid, then of each refinement.
    """
    folder = rounds[0]
    claims = pl.concat([claims_table(each) for each in rounds], how="vertical_relaxed")
    members = pl.concat([members_table(each) for each in rounds], how="vertical_relaxed")
    for name, table in (("claims", claims), ("members", members)):
        buffer = io.BytesIO()
        table.write_parquet(buffer)
        write_bytes(folder.path / f"{name}.parquet", buffer.getvalue())
    with style():
        drawn = draw_claims(claims, folder.plan.axes)
        about = {"study": folder.plan.study.name, "preset": folder.plan.preset}
        save(drawn, folder.path / "figures", "claims", about)


def claims_table(folder: SweepFolder) -> pl.DataFrame:
    """A row per cell and claim: its settings, verdict, estimate, interval and number of units."""
    rows = []
    headline = {claim.key for claim in folder.plan.study.claims if claim.headline}
    for number, settings in enumerate(folder.plan.cells):
        for verdict in RunFolder(folder.cell(number)).claims():
            rows.append(
                {
                    "cell": folder.plan.first + number,
                    "round": folder.plan.round,
                    **{column(name): _plain(value) for name, value in settings.items()},
                    "claim": verdict.key,
                    "text": verdict.text,
                    "headline": verdict.key in headline,
                    "verdict": verdict.verdict,
                    "estimate": verdict.estimate,
                    "low": verdict.low,
                    "high": verdict.high,
                    "n": verdict.n,
                }
            )
    return pl.DataFrame(rows, infer_schema_length=None)


def members_table(folder: SweepFolder) -> pl.DataFrame:
    """A row per cell, population, member and metric: settings, seeds, the last value recorded."""
    tables = []
    for number, settings in enumerate(folder.plan.cells):
        run = RunFolder(folder.cell(number))
        columns = {column(name): pl.lit(_plain(value)) for name, value in settings.items()}
        last = run.metrics().filter(pl.col("step") == pl.col("step").max().over("population"))
        seeds = pl.concat(
            run.members(name)
            .select("member", "init_seed", "data_seed")
            .with_columns(population=pl.lit(name))
            for name in run.populations()
        )
        joined = last.join(seeds, on=["population", "member"])
        cell = pl.lit(folder.plan.first + number).alias("cell")
        tables.append(joined.select(cell, *_named(columns), pl.all()))
    return pl.concat(tables)


def _named(columns: Mapping[str, pl.Expr]) -> list[pl.Expr]:
    return [column.alias(name) for name, column in columns.items()]


def _plain(value: Any) -> Any:
    """A value for a table's cell: a list as its text."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else value


def draw_claims(claims: pl.DataFrame, axes: Mapping[str, Sequence[Any]]) -> Figure:
    """Draw every claim's estimate over the grid: lines over one setting, or maps over two.

    Of a grid of more settings the first two make the map, and the rest is averaged over.

    Args:
        claims: from :func:`claims_table`.
        axes: ``{setting: values}``.
    """
    order = claims.sort("headline", descending=True, maintain_order=True)
    keys = order["claim"].unique(maintain_order=True).to_list()[:MOST]
    across = min(ACROSS, len(keys))
    down = math.ceil(len(keys) / across)
    drawn = figure(PAGE if across > 1 else COLUMN, 2.1 * down + 0.3)
    panels = drawn.subplots(down, across, squeeze=False).flat
    names = list(axes)
    for ax, key in zip(panels, keys, strict=False):
        rows = claims.filter(pl.col("claim") == key)
        if len(names) == 1:
            _line(ax, rows, names[0], axes[names[0]])
        else:
            _map(ax, rows, names[:2], [axes[name] for name in names[:2]])
        ax.set_title(key.replace("_", " "))
    for ax in list(panels)[len(keys) :]:
        ax.remove()
    told = "filled where reproduced" if len(names) == 1 else "a dot where reproduced"
    title(drawn, "Each claim's estimate over the grid; " + told)
    return drawn


def _line(ax: Axes, rows: pl.DataFrame, name: str, values: Sequence[Any]) -> None:
    """Estimates and intervals over one setting."""
    numbers = numeric(values)
    rows = rows.sort(column(name)) if numbers else rows
    x = rows[column(name)].cast(pl.Float64).to_numpy() if numbers else np.arange(len(values))
    y, low, high = (rows[c].cast(pl.Float64).to_numpy() for c in ("estimate", "low", "high"))
    ax.plot(x, y, color=PALETTE[0])
    ax.vlines(x, low, high, color=PALETTE[0], linewidth=1)
    held = rows["verdict"].str.starts_with("reproduced").to_numpy()
    ax.scatter(x[held], y[held], color=PALETTE[0], zorder=3)
    ax.scatter(x[~held], y[~held], facecolor="white", edgecolor=PALETTE[0], zorder=3)
    span = np.ptp(y[np.isfinite(y)]) if np.isfinite(y).any() else 0.0
    if span:  # intervals of few seeds would hide the estimates
        ax.set_ylim(np.nanmin(y) - 0.7 * span, np.nanmax(y) + 0.7 * span)
    if numbers and by_log(values):
        log_axis(ax, ticks=values if len(values) <= 5 else None)
    elif not numbers:
        ax.set_xticks(x, [str(_plain(value)) for value in values])
    ax.set_xlabel(name)


def _map(ax: Axes, rows: pl.DataFrame, names: list[str], axes: list[Sequence[Any]]) -> None:
    """Estimates over two settings as a map; cells whose claim is reproduced have a dot.

    Cells between those of the grid, from a refinement, are small squares at their places.
    """
    places = [{_plain(value): i for i, value in enumerate(values)} for values in axes]
    shape = [len(values) for values in axes]
    total, count, held = (np.zeros(shape) for _ in range(3))
    for row in rows.filter(round=0).iter_rows(named=True):
        at = tuple(place[row[column(name)]] for place, name in zip(places, names, strict=True))
        if row["estimate"] is not None and math.isfinite(row["estimate"]):
            total[at] += row["estimate"]
            count[at] += 1
        held[at] += row["verdict"].startswith("reproduced")
    with np.errstate(invalid="ignore"):
        values = np.where(count > 0, total / count, np.nan)
    image = ax.imshow(values.T, origin="lower", aspect="auto")
    figure_of = ax.get_figure(root=True)
    assert figure_of is not None
    figure_of.colorbar(image, ax=ax)
    between = rows.filter(pl.col("round") > 0)
    if between.height:
        x, y = (_place(between[column(n)], values) for n, values in zip(names, axes, strict=True))
        shades = image.to_rgba(between["estimate"].cast(pl.Float64).to_numpy())
        ax.scatter(x, y, s=16, marker="s", edgecolor="white", linewidth=0.4, color=shades)
    x, y = np.nonzero(held)
    ax.scatter(x, y, color="white", edgecolor="black", s=12, linewidth=0.6)
    for axis, values_of, name in zip((ax.xaxis, ax.yaxis), axes, names, strict=True):
        shown = range(0, len(values_of), math.ceil(len(values_of) / 4))
        axis.set_ticks(list(shown), labels=[_label(values_of[i]) for i in shown])
        axis.set_label_text(name)


def _place(found: pl.Series, values: Sequence[Any]) -> np.ndarray:
    """Where numbers lie among an axis' values, counted from 0; of other axes they are values."""
    if not numeric(values):
        return np.array([[_plain(v) for v in values].index(value) for value in found], float)
    scale = np.log if by_log(values) else np.asarray
    order = np.argsort(values)
    ends = scale(np.array(values, float)[order])
    return np.interp(scale(found.cast(pl.Float64).to_numpy()), ends, order)


def _label(value: Any) -> str:
    """A value as an axis has room for."""
    return f"{value:.2g}" if isinstance(value, float) else str(_plain(value))
