"""A run's records as a wide table: a row per member and recorded step."""

import polars as pl

from toylab.runs.run_folder import RunFolder


def records(run: RunFolder, population: str) -> pl.DataFrame:
    """Return what was recorded of a population while it trained.

    Args:
        run: a trained run.
        population: its name.

    Returns:
        A row per member and step, sorted so: ``member``, ``step``, a column per metric (NaN from
        the step at which a member diverged), the columns of :meth:`RunFolder.members`, and
        ``diverged``, whether the member diverged at any step.
    """
    rows = run.metrics().filter(pl.col("population") == population)
    wide = rows.pivot("name", index=["member", "step"], values="value")
    lost = pl.Series("diverged", run.dead_at(population) >= 0)
    members = run.members(population).with_columns(lost)
    return wide.join(members, on="member").sort("member", "step")
