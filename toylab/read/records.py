"""What was recorded while networks trained, as a table to read from."""

from typing import TYPE_CHECKING

import polars as pl

from toylab.read.networks import networks

if TYPE_CHECKING:
    from toylab.runs.run_folder import RunFolder


def recorded(run: "RunFolder", population: str) -> pl.DataFrame:
    """Return a row per network and recorded step after 0, with a column per recorded number.

    Columns of the members come first, then ``diverged``, ``step`` and the numbers by name, the loss
    among them; NaN from the step at which a network diverged.

    Args:
        run: the run.
        population: name of the population.
    """
    rows = run.metrics().filter(pl.col("population") == population, pl.col("step") > 0)
    table = rows.pivot("name", index=["member", "step"], values="value")
    numbers = table.with_columns(pl.exclude("member", "step").cast(pl.Float64))
    return networks(run, population).join(numbers, on="member", maintain_order="left_right")
