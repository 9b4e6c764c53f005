"""Readings of the study ``graph_tracing_prior``: one value per seed from its tables.

Overlaps and shares have a chance of 1/3: there are three rings of seven days without a common edge,
and their planes are orthogonal. Where components 1 and 2 are one ring's plane, two random axes in
the four dimensions that remain overlap each other ring's plane by 1/2: the chance of components 3
and 4. The third ring, which nobody ever walks, is the control throughout.
"""

from collections.abc import Callable

import polars as pl

from toylab.read import Reading, Rows, table
from toylab.read.values import Measures

CLEAN = 2  # the stride whose double is not the calendar
RULES = {"no calendar": ("first_context",)}  # overlaps that choose a network's layer
RULE = ("first_calendar", "second_context")  # of every other network


def planes(network: str, source: str = "network") -> Rows:
    """Rows of class means of the calendar's tokens, walked two days on, by layer and round."""
    of = {"network": network, "source": source, "tokens": "calendar"}
    return table("planes").filter(**of, stride=CLEAN)


def best_layer(m: Measures, network: str) -> int:
    """The layer after a block where the overlaps of the network's claims are highest, in the mean.

    With a calendar: that of components 1 and 2 with the calendar plus that of components 3 and 4
    with the context's ring. Without: that of components 1 and 2 with the context's ring.
    """
    rows = planes(network).last("window").filter(pl.col("layer") > 0).rows(m)
    overlap = pl.sum_horizontal(RULES.get(network, RULE), ignore_nulls=False).mean()
    means = rows.group_by("layer").agg(overlap.alias("overlap")).sort("layer")
    return int(means["layer"][means["overlap"].arg_max() or 0])


def at_best(column: str, network: str, last: bool = True) -> Reading:
    """A number at the network's best layer, in the last round of the context or the first."""
    rows = planes(network).filter(lambda m: pl.col("layer") == best_layer(m, network))
    return (rows.last("window") if last else rows.first("window")).mean(column)


def grown(network: str) -> Reading:
    """Gain of the context's share of the variance from the first round to the last."""
    return at_best("share_context", network) - at_best("share_context", network, last=False)


def embedded(column: str, network: str) -> Reading:
    """A number of the days' embeddings."""
    return planes(network).last("window").filter(layer=0).mean(column)


def mass(
    column: str,
    network: str,
    walked: str = "context",
    tokens: str = "calendar",
    places: Callable[[Measures], pl.Expr] | None = None,
) -> Reading:
    """Mean mass over places, by default of the last quarter, of walks on a ring."""
    rows = table("mass").filter(network=network, walked=walked, tokens=tokens)
    return rows.filter(places or _late).mean(column)


def _late(m: Measures) -> pl.Expr:
    length = int(m["mass"]["place"].max()) + 1
    return pl.col("place") >= length - length // 4


def after_turn(network: str) -> Reading:
    """Mass soon after a turn on the token ahead minus that on the one not seen for longest."""
    rows = table("turned").filter(network=network)
    return rows.value("ahead") - rows.value("oldest")


def preferred(network: str) -> Reading:
    """Late mass on the context ring's next day minus that on the calendar's two."""
    return mass("context", network) - mass("calendar", network)


def _early_gap(network: str) -> Reading:
    days = lambda m: int(m["mass"]["days"][0])
    rounds = lambda m: pl.col("place").is_between(days(m), 3 * days(m), closed="left")
    of = lambda tokens: mass("context", network, tokens=tokens, places=rounds)
    return of("calendar") - of("plain")


# Mass on the context ring in rounds two and three: (days minus plain tokens, with the prior) minus
# (days minus plain tokens, without). Networks with a calendar see fewer fresh graphs, and so trace
# any ring less well; plain tokens take that out.
DELAYED = _early_gap("shared") - _early_gap("no calendar")
