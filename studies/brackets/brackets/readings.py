"""Readings of the stored tables, one value per seed.

Outcomes count where a network has learned: its accuracy on seen strings is ``LEARNED`` or more.
"""

import numpy as np
import polars as pl

from toylab.read import Measures, Reading, reading, table

from ..within_cells import concordance, held_out
from .ablations import ALL

LEARNED = 0.99  # accuracy on seen strings
NESTS = 0.5  # share of hard strings rejected
GAP = 0.1  # networks whose outcomes differ by less are no pair
TYPED = 0.8  # score from which on the paper says that a network has a head of a kind
BLIND = ("entropy", "on BOS", "on EOS", "on first", "on last", "on (")
CELL = ("layers", "heads", "decay")
NETWORK = ("init_seed", *CELL)

DONE = pl.col("seen") >= LEARNED
FINE = table("networks").where(DONE)
SEVERAL = pl.col("layers") > 1
NESTING = pl.col("hard") >= NESTS
VIOLATION = pl.col("violation") >= TYPED
SIGN = (pl.col("sign") >= TYPED) & ~VIOLATION


def learned(test: pl.Expr) -> Reading:
    """Share of a seed's networks that have learned, of those for which a test holds."""
    return table("networks").filter(test).mean(DONE.cast(pl.Float64))


def at(layers: int, value: str | pl.Expr) -> Reading:
    """Mean over a seed's networks of so many layers that have learned."""
    return FINE.filter(layers=layers).mean(value)


def decayed(layers: int) -> Reading:
    """Unseen strings rejected with the largest weight decay minus those without decay."""
    rows = FINE.filter(layers=layers)
    most = rows.filter(lambda m: pl.col("decay") == m["networks"]["decay"].max())
    return most.mean("unseen") - rows.filter(decay=0.0).mean("unseen")


def spread() -> Reading:
    """How far a seed's networks of several layers are from their cells' medians, on average."""
    middle = pl.col("unseen").filter(DONE).median().over(CELL)
    rows = FINE.filter(SEVERAL).then(lambda rows: rows.with_columns(middle=middle))
    return rows.mean((pl.col("unseen") - pl.col("middle")).abs())


def like_ends() -> Reading:
    """Hard strings rejected, where as many unseen ones are as by the rule of both ends."""
    near = (pl.col("unseen") - pl.col("ends reject")).abs() <= 0.05
    return FINE.filter(SEVERAL).where(near).mean("hard")


def without_attention(method: str, value: str | pl.Expr, *tests: pl.Expr) -> Reading:
    """Mean over networks of several layers that pass tests, with all heads ablated."""
    rows = table("cut").then(_with_networks, with_measures=True)
    return rows.filter(SEVERAL, method=method, layer=ALL).where(DONE, *tests).mean(value)


def top_head(method: str) -> Reading:
    """Hard strings rejected without the most violation-detecting head minus without another.

    The other is of its layer; of networks of several layers that nest.
    """
    score = pl.col("violation") + 1e-3 * pl.col("violation rank")  # which breaks ties
    is_top = score == score.max().over(NETWORK)

    def step(rows: pl.DataFrame, m: Measures) -> pl.DataFrame:
        heads = m["scores"].select(*NETWORK, "layer", "head", top=is_top)
        both = _with_networks(rows, m).join(heads, on=[*NETWORK, "layer", "head"], how="left")
        return both.filter(pl.col("top").any().over(*NETWORK, "layer"))

    rows = table("cut").filter(SEVERAL, method=method).filter(pl.col("layer") != ALL)
    rows = rows.then(step, with_measures=True).where(DONE, NESTING)
    return rows.filter(top=True).mean("hard change") - rows.filter(top=False).mean("hard change")


def orders(known: str, outcome: str, between: bool = False) -> Reading:
    """Chance that a network's outcome is the higher where what is known of it is.

    Over pairs of networks of one cell of several layers, or of different cells: its jackknife
    pseudo-values.

    Args:
        known: a score of heads; ``blind``, a regression on statistics that know no depth; or
            ``cell``, the mean of other seeds in the network's cell.
        outcome: what is ordered.
        between: compare networks of different cells, of one layer too.
    """

    def take(m: Measures) -> pl.DataFrame:
        rows, cell_K = _compared(m, pl.lit(True) if between else SEVERAL)
        y_K, seed_K = rows[outcome].to_numpy(), rows["init_seed"].to_numpy()
        if known in ("blind", "cell"):
            alone_K, more_K = held_out(_blind(rows), y_K, seed_K, cell_K)
            x_K = alone_K if known == "cell" else more_K - alone_K
        else:
            x_K = rows[known].to_numpy()
        pair_KK = (cell_K[:, None] == cell_K) != between
        _, value_S = concordance(x_K, y_K, seed_K, pair_KK & np.isfinite(x_K)[:, None], GAP)
        return _every_seed(m, pl.DataFrame({"init_seed": np.unique(seed_K), "value": value_S}))

    return reading()(take)


@reading()
def gain(m: Measures) -> pl.DataFrame:
    """Squared error of hard strings rejected, of the cell's mean minus with head scores besides.

    Both are fitted on other seeds; the unit is the mean error of the cell's mean.
    """
    rows, cell_K = _compared(m, SEVERAL)
    y_K, seed_K = rows["hard"].to_numpy(), rows["init_seed"].to_numpy()
    x_KF = rows.select("hierarchical", "violation").to_numpy()
    alone_K, more_K = held_out(x_KF, y_K, seed_K, cell_K)
    errors = rows.select("init_seed", alone=(alone_K - y_K) ** 2, more=(more_K - y_K) ** 2)
    errors = errors.fill_nan(None).drop_nulls().group_by("init_seed", maintain_order=True).mean()
    scale = pl.col("alone").mean()
    better = errors.select("init_seed", value=(pl.col("alone") - pl.col("more")) / scale)
    return _every_seed(m, better)


def _compared(m: Measures, test: pl.Expr) -> tuple[pl.DataFrame, np.ndarray]:
    """Networks that have learned, and the number of each one's cell."""
    rows = table("networks").rows(m).filter(DONE, test)
    return rows, rows.select(pl.struct(CELL).rank("dense")).to_series().to_numpy()


def _every_seed(m: Measures, found: pl.DataFrame) -> pl.DataFrame:
    """Add the seeds without a value, which is undefined there."""
    return m["networks"].select("init_seed").unique().join(found, on="init_seed", how="left")


def _blind(rows: pl.DataFrame) -> np.ndarray:
    return rows.select(f"{end} {name}" for name in BLIND for end in ("least", "most")).to_numpy()


def _with_networks(rows: pl.DataFrame, m: Measures) -> pl.DataFrame:
    """Add to ablations what the unablated network does and what heads it has."""
    own = m["networks"].select(*NETWORK, "seen", "hard", "sign", "violation")
    return rows.join(own, on=NETWORK, how="left", maintain_order="left")
