"""What can be seen of networks early, and whether it tells of their transfer at the end.

Worlds here have one name for an entity and one token for a value; others have scores that mean
something else.
"""

import polars as pl

WORLD = ("arm", "parallel", "bias")  # what names a world of the arms below
ARMS = ("bias", "tag", "share")
SIGNS = ("score_single", "score_parallel", "cross")


def signs(cells: pl.DataFrame, step: int) -> pl.DataFrame:
    """Rank correlations (Spearman) of what is seen at a step with the transfer at the end.

    Over a seed's ``worlds``; over ``seeds`` within a world; and ``beyond`` what the transfer at
    that step tells, a partial correlation over seeds within a world. The last two have a value per
    seed: the mean over worlds of the product of a seed's standardised ranks. The mean of these
    over seeds is the mean over worlds of the correlation, which no setting of a world can make.

    Args:
        cells: a row per network and step.
        step: at which to look.

    Returns:
        Columns: init_seed, diverged (whether one of the seed's networks did), sign, over, value.
    """
    rows = cells.filter(pl.col("arm").is_in(ARMS), pl.col("parallel") > 0).fill_nan(None)
    keys, tables = [*WORLD, "init_seed"], []
    early = rows.filter(pl.col("step") == step)
    ends = rows.filter(pl.col("step") == rows["step"].max()).select(*keys, "diverged", end="cross")
    for sign in SIGNS:
        look = early.select(*keys, sign=sign, now="cross")
        both = ends.join(look, on=keys, maintain_order="left")
        ranked = both.with_columns(
            _standard(pl.col(n).rank()).alias(n) for n in ("sign", "end", "now")
        )
        left = [_standard(pl.col(n) - _slope(n) * pl.col("now")).alias(n) for n in ("sign", "end")]
        for over, found in (
            ("worlds", _over_worlds(both)),
            ("seeds", _products(ranked)),
            ("beyond", _products(ranked.with_columns(left))),
        ):
            tables.append(found.with_columns(sign=pl.lit(sign), over=pl.lit(over)))
    return pl.concat(tables)


def _standard(value: pl.Expr) -> pl.Expr:
    return ((value - value.mean()) / value.std(ddof=0)).over(WORLD).fill_nan(None)


def _slope(name: str) -> pl.Expr:
    return (pl.col(name) * pl.col("now")).mean().over(WORLD)


def _over_worlds(both: pl.DataFrame) -> pl.DataFrame:
    value = pl.corr("sign", "end", method="spearman").fill_nan(None)
    return both.group_by("init_seed", maintain_order=True).agg(
        pl.col("diverged").any(), value=value
    )


def _products(ranked: pl.DataFrame) -> pl.DataFrame:
    value = (pl.col("sign") * pl.col("end")).mean()
    return ranked.group_by("init_seed", maintain_order=True).agg(
        pl.col("diverged").any(), value=value
    )
