"""Choosing a dictionary's setting on some inputs to be scored on others."""

import polars as pl

VALIDATION = -1  # the group of inputs that settings are chosen by


def best_setting(scores: pl.DataFrame, column: str) -> pl.DataFrame:
    """Select the held-out rows of the setting that is best on the validation group, by seed.

    Of settings that score alike the least is taken; a score that is missing is never the best.

    Args:
        scores: init_seed, setting, group, and a column per score.
        column: the score to choose by.

    Returns:
        The rows of the chosen settings, without the validation group.

    Example:
        >>> rows = {"init_seed": [0] * 4, "setting": [8, 8, 16, 16], "group": [-1, 0, -1, 0]}
        >>> best_setting(pl.DataFrame(rows | {"f1": [0.2, 0.3, 0.6, 0.5]}), "f1")["f1"].to_list()
        [0.5]
    """
    order = {"descending": [True, False], "nulls_last": True}
    score = pl.col(column).cast(pl.Float64).fill_nan(None)  # polars puts NaN above all numbers
    validation = scores.filter(pl.col("group") == VALIDATION).sort(score, "setting", **order)
    best = validation.unique("init_seed", keep="first", maintain_order=True)
    held_out = scores.filter(pl.col("group") != VALIDATION)
    return held_out.join(best.select("init_seed", "setting"), on=["init_seed", "setting"])
