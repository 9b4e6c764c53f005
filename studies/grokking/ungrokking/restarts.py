"""Measures of the study ``ungrokking``: what is recorded while it trains, and where it turns.

Shapes: P members, S records, N pairs of the table, V logits, D sizes of the training set.
"""

import itertools

import numpy as np
import polars as pl

from toylab.runs.records import records
from toylab.runs.run_folder import RunFolder
from toylab.stats.monotone import monotone_crossing

LAST = 0.1  # a final value is the mean over this last share of the records


def tagged(run: RunFolder, base: float, pairs: int) -> pl.DataFrame:
    """Every record of every member, with its set, the size of its training set and its decay.

    Args:
        run: a trained run; a population's name is its set and a number, but for ``alone``, whose
            members are of the sets ``scratch`` and ``random``.
        base: weight decay that ``decay`` is relative to.
        pairs: number of pairs in the full dataset.
    """
    tags = [
        records(run, name).with_columns(
            _set_of(name).alias("set"),
            (pl.col("fraction") * pairs + 1e-3).floor().cast(pl.Int64).alias("size"),
            (pl.col("weight_decay") / base).round(6).alias("decay"),
        )
        for name in run.populations()
    ]
    rows = pl.concat(tags, how="diagonal")
    values = [c for c, kind in rows.schema.items() if kind == pl.Float32]
    return rows.with_columns(pl.col(values).cast(pl.Float64))


def _set_of(population: str) -> pl.Expr:
    if not population.startswith("alone"):
        return pl.lit(population.rstrip("0123456789"))
    random = pl.col("random_labels") > 0.5
    return pl.when(random).then(pl.lit("random")).otherwise(pl.lit("scratch"))


MEMBER = ("set", "init_seed", "size", "decay")


def finals(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per member: every recorded value, as its mean over the last records."""
    last = pl.col("step") > (1 - LAST) * pl.col("step").max().over("set")
    values = [c for c, kind in rows.schema.items() if kind == pl.Float64 and c not in MEMBER]
    means = rows.filter(last).group_by(MEMBER)
    return means.agg(pl.col(values).mean(), pl.col("diverged").any()).sort(MEMBER)


def transitions(models: pl.DataFrame) -> pl.DataFrame:
    """Transition of every seed and decay, of the continued networks and of those from scratch."""
    found = []
    chosen = models.filter(pl.col("set").is_in(("continued", "scratch")) & (pl.col("decay") > 0))
    for (name, seed, decay), rows in chosen.group_by("set", "init_seed", "decay"):
        rows = rows.sort("size")
        where = monotone_crossing(rows["size"], rows["test_accuracy"])
        about = {"set": name, "init_seed": seed, "decay": decay}
        found.append(about | {"size": where, "diverged": bool(rows["diverged"].any())})
    return pl.DataFrame(found).sort("set", "init_seed", "decay")


GENERALISES = 0.9  # a continued network with this test accuracy, at every decay, generalises


def efficiency(models: pl.DataFrame) -> pl.DataFrame:
    """Norm that networks need for one and the same correct logit, per seed and size.

    Networks of one seed and size differ in decay, hence in logit. Of all these pairs of logarithms
    one slope is taken per set, within seed and size, and carries each mean norm to the reference
    logit, the median over all networks compared. (A slope per seed and size was tried first: some
    have nearly one logit at all decays.)

    Args:
        models: finals of all members.

    Returns:
        Rows of set ("memorising": random labels; "generalising": continued networks with the test
        accuracy ``GENERALISES`` at every decay), init_seed, size, norm, logit (the reference),
        answer_share.
    """
    decayed = models.filter(pl.col("decay") > 0)
    least = pl.col("test_accuracy").min().over("set", "init_seed", "size")
    kept = decayed.filter((pl.col("set") == "continued") & (least >= GENERALISES))
    memorising = decayed.filter(pl.col("set") == "random").with_columns(set=pl.lit("memorising"))
    both = pl.concat([memorising, kept.with_columns(set=pl.lit("generalising"))])
    both = both.with_columns(x=pl.col("correct_logit").log(), y=pl.col("norm").log())
    both = both.filter(pl.col("x").is_finite() & pl.col("y").is_finite())
    reference = float(np.exp(both["x"].median() if len(both) else np.nan))  # pyright: ignore
    one = ("set", "init_seed", "size")
    x, y = (pl.col(c) - pl.col(c).mean().over(one) for c in "xy")
    slope = (x * y).sum().over("set") / (x**2).sum().over("set")
    at = pl.col("y") + slope * (np.log(reference) - pl.col("x"))
    norms = both.with_columns(at=at).group_by(one)
    norms = norms.agg(pl.col("at").mean().exp().alias("norm"), pl.col("answer_share").mean())
    return norms.with_columns(logit=pl.lit(reference)).sort(one)


SETS = ("memorising", "generalising")
EXPONENTS = {"set": pl.String, "init_seed": pl.Int64} | dict.fromkeys(
    ("rank", "exponent", "crossing"), pl.Float64
)


def exponents(table: pl.DataFrame) -> pl.DataFrame:
    """Per set and seed: the power k of ``norm ~ size**k``, and where memorising costs as much.

    Returns:
        Rows of set, init_seed, exponent, rank (Spearman's correlation of norm and size), and
        ``crossing``, the size at which the memorising networks' fit reaches the mean norm of the
        generalising ones of the same seed (NaN where there are none).
    """
    found, lines, level = [], {}, {}
    for name, seed in itertools.product(SETS, table["init_seed"].unique().sort()):
        rows = table.filter((pl.col("set") == name) & (pl.col("init_seed") == seed))
        x, y = (np.log(rows[c].to_numpy()) for c in ("size", "norm"))
        enough = len(x) > 1
        lines[name, seed] = np.polyfit(x, y, 1) if enough else np.full(2, np.nan)
        level[name, seed] = y.mean() if len(y) else np.nan
        rank = rows.select(pl.corr("size", "norm", method="spearman")).item() if enough else np.nan
        found.append({"set": name, "init_seed": seed, "rank": rank})
    for row in found:
        seed = row["init_seed"]
        row["exponent"] = lines[row["set"], seed][0]
        slope, intercept = lines["memorising", seed]
        crossing = (level["generalising", seed] - intercept) / slope
        row["crossing"] = np.exp(crossing) if slope > 0 else np.nan
    return pl.DataFrame(found, schema=EXPONENTS).sort("set", "init_seed")
