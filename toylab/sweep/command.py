"""What ``toylab sweep`` does."""

import argparse
import os
import shlex
from typing import Any

import polars as pl

from toylab.cli import progress, tables
from toylab.cli.bench import quick_rate
from toylab.cli.stop import Stop
from toylab.errors import ToylabError
from toylab.report.results import number
from toylab.study import load_study, parse
from toylab.sweep.grid import column
from toylab.sweep.plan import Plan
from toylab.sweep.refine import dividing
from toylab.sweep.sweep import plan_sweep, run_sweep

MOST = 40  # cells that are shown
MOST_ROUNDS = 8  # the last halves a gap to a 256th


def sweep(args: argparse.Namespace, stop: Stop) -> int:
    """Run a study over a grid of settings and print the headline claim of every cell."""
    study = load_study(args.study)
    source = args.study if args.study.endswith(".py") or "/" in args.study else None
    first = parse("--first-seed", args.first_seed, 0)
    plan = plan_sweep(study, args.preset, args.grid, args.overrides, source, first)
    if args.dry_run:
        tables.show(*dry_run(plan))
        return 0
    refine = parse("--refine", args.refine, 0)
    if not 0 <= refine <= MOST_ROUNDS:
        raise ToylabError(f"sweep: --refine {refine}; give 0 to {MOST_ROUNDS} times.")
    if not args.out:
        raise ToylabError("sweep: name its folder with --out; a sweep goes on where it stopped.")
    shown = stop.tracker = progress.reporter(quiet=False)
    shown.command = shlex.join(["toylab", *args.words])
    try:
        done = run_sweep(plan, args.out, shown, stop, args.on, refine, args.claim)
    finally:
        shown.close()
    claims = pl.read_parquet(done / "claims.parquet")
    drawn = table(claims, list(plan.axes), dividing(study, args.claim).key)
    tables.show(drawn, "", *(f"{name}: {done / name}" for name in WROTE))
    return 0


WROTE = ("claims.parquet", "members.parquet", "figures/claims.png")


def table(claims: pl.DataFrame, axes: list[str], key: str) -> Any:
    """Return the table of a claim over the grid."""
    rows = claims.filter(pl.col("claim") == key).head(MOST)
    cells = [
        (
            *(str(row[column(name)]) for name in axes),
            row["verdict"],
            f"{number(row['estimate'])} [{number(row['low'])}, {number(row['high'])}]",
            row["n"],
        )
        for row in rows.iter_rows(named=True)
    ]
    return tables.table((*axes, "verdict", "measured [95%]", "n"), cells, right=("n",))


def dry_run(plan: Plan) -> list[Any]:
    """Return what a sweep would take: per program, and in all."""
    found = plan.costs(quick_rate())
    seconds, cores = sum(cost.seconds for cost in found.values()), os.cpu_count() or 1
    members = sum(cost.members for cost in found.values())
    return [
        *tables.costs(plan.preset, found),
        f"{len(plan.cells):,} cells, {members:,} members in {len(found)} programs: "
        f"{sum(cost.flops for cost in found.values()):.2g} FLOPs, "
        f"{seconds * cores / 3600:.2g} core-hours.",
    ]
