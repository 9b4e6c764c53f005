"""Readings of the stored lines, one value per pair of networks."""

from collections.abc import Callable, Sequence

import polars as pl

from toylab.read import Reading, Rows, least, table
from toylab.read.networks import trend

PAIR = "pair"
WIDE = 64  # from this width on a matching should leave little
LOSS = ("test_loss",)


def lines(kind: str, matching: str = "none") -> Rows:
    """Lines of one comparison (width, depth, time, smooth, fork) in one order of units."""
    return table("lines").filter(kind=kind, matching=matching)


def lowest(kinds: Sequence[str], value: str) -> Reading:
    """The least value of a pair's trained networks over comparisons, of width from 64."""
    rows = [lines(kind).filter(pl.col("width") >= WIDE).last() for kind in kinds]
    return least(*(own.aggregate(pl.col(value).min(), PAIR) for own in rows))


def left(kind: str, matching: str, over: str, quantities: Sequence[str] = LOSS) -> Rows:
    """Lines with a column ``left``: the share of a barrier that a matching leaves.

    Args:
        kind: of the comparison.
        matching: the order of units.
        over: column whose values tell the pair's lines apart.
        quantities: of which barriers; the larger share counts.
    """
    keys, names = [PAIR, over], list(quantities)

    def join(rows: pl.DataFrame) -> pl.DataFrame:
        unmatched = rows.filter(pl.col("matching") == "none").select(*keys, *names)
        both = rows.filter(pl.col("matching") == matching)
        both = both.join(unmatched, on=keys, suffix="_none", maintain_order="left")
        shares = [pl.col(name) / pl.col(f"{name}_none") for name in names]
        whole = pl.all_horizontal(share.is_finite() for share in shares)
        return both.with_columns(left=pl.when(whole).then(pl.max_horizontal(shares)))

    return table("lines").filter(kind=kind).then(join)


def most_left(matching: str) -> Reading:
    """The largest share that a matching leaves of any barrier, at any width from 64.

    Averaging also undoes some fitting of wrong labels, so that the test loss alone says too little.
    """
    rows = left("width", matching, "width", ("train_loss", "test_loss", "test_error"))
    return rows.filter(pl.col("width") >= WIDE).aggregate(pl.col("left").max(), PAIR)


def least_left(matching: str) -> Reading:
    """The least share of the loss barrier that an order leaves at any width from 64."""
    rows = left("width", matching, "width").filter(pl.col("width") >= WIDE)
    return rows.aggregate(pl.col("left").min(), PAIR)


def left_by_width() -> Reading:
    """Rank correlation of the share that matching leaves with the width."""
    return trend(left("width", "weights", "width"), pl.col("left").mean(), "width", PAIR)


def twins_by_fork() -> Reading:
    """Rank correlation of the barrier between twins with the steps that they share."""
    return trend(lines("fork"), pl.col("test_loss").mean(), "forked", PAIR)


def left_by_depth() -> Reading:
    """How much more of the barrier the better matching leaves in the deepest than in the flattest.

    Coordinate descent on weights may miss the best order where layers depend on each other.
    """
    rows = [left("depth", name, "depth") for name in ("weights", "activations")]
    deep = least(*(own.last("depth").value("left", PAIR) for own in rows))
    return deep - least(*(own.first("depth").value("left", PAIR) for own in rows))


def untrained_share() -> Reading:
    """Barrier of the untrained networks, as a share of that of the trained ones."""
    first, last = lines("time").first(), lines("time").last()
    return first.value("test_loss", PAIR) / last.value("test_loss", PAIR)


def late_share() -> Reading:
    """Barrier after matching at the end of training, as a share of its largest value."""
    rows = lines("time", "weights")
    return rows.last().value("test_loss", PAIR) / rows.aggregate(pl.col("test_loss").max(), PAIR)


def twins(share: float = 0.0, matching: str = "none", value: str = "test_loss") -> Reading:
    """A value of the twins that fork last of those that fork by a share of the training."""
    rows = lines("fork", matching).filter(pl.col("forked") <= share)
    return rows.last("forked").value(value, PAIR)


def nearer() -> Reading:
    """Squared distance of twins that share a fifth, as a share of that of twins with one start."""
    share = twins(0.2, value="distance") / twins(value="distance")
    return share * share


def largest(places: Callable[[int], Sequence[int]]) -> Reading:
    """The largest barrier of averaging a single layer, as a share of that of averaging all.

    Args:
        places: from the number of layers to those that count.
    """

    def pick(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.filter(pl.col("layer").is_in(places(rows["layer"].n_unique())))

    rows = table("layers").filter(matching="none").then(pick)
    return rows.aggregate((pl.col("barrier") / pl.col("whole")).max(), PAIR)


def outer(count: int) -> list[int]:
    """The first and the last layer."""
    return [0, count - 1]


def inner(count: int) -> list[int]:
    """The layers between."""
    return list(range(1, count - 1))


def bends(matching: str = "none") -> Rows:
    """Curvature along the lines of smooth networks."""
    return table("bends").filter(matching=matching)


def from_curvature(matching: str = "none") -> Reading:
    """Barrier halfway by Green's weights on the curvature."""
    return -bends(matching).aggregate((pl.col("weight") * pl.col("total")).sum(), PAIR)


def halfway(matching: str = "none") -> Reading:
    """Barrier halfway, measured."""
    return bends(matching).aggregate(pl.col("middle").first(), PAIR)


def from_ends() -> Reading:
    """Barrier halfway if the curvature were that of the ends all along: minus their mean / 8."""
    ends = bends().filter(t=(0.0, 1.0))
    return -ends.aggregate(pl.col("total").mean(), PAIR) / 8


def shortened() -> Reading:
    """Share of the barrier that matching leaves, by the share of the squared distance.

    Of the widest networks.
    """
    own = lambda matching, value: lines("width", matching).last("width").value(value, PAIR)
    share = lambda value: own("weights", value) / own("none", value)
    return share("test_loss") / (share("distance") * share("distance"))


def off_the_law() -> Reading:
    """Largest distance of the mean barrier on the ridge from its law, over forks."""
    return table("ridge").aggregate((pl.col("barrier") - pl.col("law")).abs().max())


def on_the_ridge(most: bool) -> Reading:
    """Mean barrier on the ridge between runs that share the most steps, or the fewest."""
    rows = table("ridge")
    return (rows.last("shared") if most else rows.first("shared")).value("barrier")
