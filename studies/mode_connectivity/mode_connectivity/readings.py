"""Readings of the stored lines, one value per pair of networks."""

import polars as pl

from toylab.read import Reading, Rows, as_rows, greatest, least, table

PAIR = "pair"
WIDE = pl.col("width") >= 64  # from here on a matching should leave little


def lines(kind: str, matching: str = "none") -> Rows:
    """Lines of one comparison (width, depth, time, clean, smooth, fork) in one order of units."""
    return table("lines").filter(kind=kind, matching=matching)


def lowest(kind: str, value: str) -> Reading:
    """The least value of a pair's trained networks of a comparison, of width from 64."""
    return lines(kind).filter(WIDE).last().aggregate(pl.col(value).min(), PAIR)


def left(kind: str, matching: str, quantity: str = "test_loss") -> Rows:
    """The shares of a barrier that a matching leaves, at the widths, or depths, of a comparison."""
    own = lambda order: lines(kind, order).value(quantity, (PAIR, kind))
    return as_rows(own(matching) / own("none"))


BARRIERS = ("train_loss", "test_loss", "test_error")


def most_left(matching: str) -> Reading:
    """The largest share that a matching leaves of any barrier, at any width from 64.

    Averaging also undoes some fitting of wrong labels, so that the test loss alone says too little.
    """
    rows = [left("width", matching, of) for of in BARRIERS]
    return greatest(*(own.filter(WIDE).aggregate(pl.col("value").max(), PAIR) for own in rows))


def least_left(matching: str) -> Reading:
    """The least share of the loss barrier that an order leaves at any width from 64."""
    return left("width", matching).filter(WIDE).aggregate(pl.col("value").min(), PAIR)


def left_by_width() -> Reading:
    """The share of a barrier that matching leaves in the widest, over that in the narrowest.

    Of the barrier of which it is largest, as in :func:`most_left`.
    """
    share = lambda rows: rows.value("value", PAIR)
    every = [left("width", "weights", of) for of in BARRIERS]
    return greatest(*(share(own.last("width")) / share(own.first("width")) for own in every))


def left_by_depth() -> Reading:
    """How much more of the barrier the better matching leaves in the deepest than in the flattest.

    Coordinate descent on weights may miss the best order where layers depend on each other.
    """
    rows = [left("depth", name) for name in ("weights", "activations")]
    deep = least(*(own.last("depth").value("value", PAIR) for own in rows))
    return deep - least(*(own.first("depth").value("value", PAIR) for own in rows))


def untrained_share() -> Reading:
    """Barrier of the untrained networks, as a share of that of the trained ones."""
    first, last = lines("time").first(), lines("time").last()
    return first.value("test_loss", PAIR) / last.value("test_loss", PAIR)


def late_share(kind: str, of: str = "test_loss") -> Reading:
    """Barrier after matching at the end of training, as a share of its largest value."""
    rows = lines(kind, "weights")
    return rows.last().value(of, PAIR) / rows.aggregate(pl.col(of).max(), PAIR)


def kept_up() -> Reading:
    """By how much that share is larger with wrong labels than with clean ones.

    The lesser of the loss and of the error against clean labels: where labels of the test are wrong
    too, the loss rises with the scale of logits alone.
    """
    share = lambda of: late_share("time", of) - late_share("clean", of)
    return least(share("test_loss"), share("test_error"))


def twins(share: float = 0.0, matching: str = "none", value: str = "test_loss") -> Reading:
    """A value of the twins that fork last of those that fork by a share of the training."""
    rows = lines("fork", matching).filter(pl.col("forked") <= share)
    return rows.last("forked").value(value, PAIR)


def most_of_twins(share: float) -> Reading:
    """The largest share of any barrier that twins have which share so much of the training.

    As in :func:`most_left`, the test loss alone says too little.
    """
    return greatest(*(twins(share, value=of) / twins(value=of) for of in BARRIERS))


def nearer() -> Reading:
    """Squared distance of twins that share a fifth, as a share of that of twins with one start."""
    share = twins(0.2, value="distance") / twins(value="distance")
    return share * share


def largest(outer: bool) -> Reading:
    """The largest barrier of averaging a single layer, as a share of that of averaging all.

    Args:
        outer: of the first and the last layer, or of those between.
    """
    layer = pl.col("layer")
    inside = layer.is_between(layer.min(), layer.max(), closed="none")
    rows = table("layers").filter(matching="none").filter(~inside if outer else inside)
    return rows.aggregate((pl.col("barrier") / pl.col("whole")).max(), PAIR)


def shortened() -> Reading:
    """Share of the barrier that matching leaves of the widest, by that of the squared distance."""
    share = lambda value: left("width", "weights", value).last("width").value("value", PAIR)
    return share("test_loss") / (share("distance") * share("distance"))


def off_the_law() -> Reading:
    """Largest distance of the mean barrier on the ridge from its law, over forks."""
    return table("ridge").aggregate((pl.col("barrier") - pl.col("law")).abs().max())


def share_on_the_ridge() -> Reading:
    """Mean barrier on the ridge between runs that share the most steps, by the fewest."""
    most, fewest = table("ridge").last("shared"), table("ridge").first("shared")
    return most.value("barrier") / fewest.value("barrier")
