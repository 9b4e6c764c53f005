"""The numbers that the claims of ``graph_tracing_prior`` take from its tables.

Overlaps and shares have a chance of 1/3: there are three rings of seven days without a common edge,
and their planes are orthogonal. Where components 1 and 2 are one ring's plane, two random axes in
the four dimensions that remain overlap each other ring's plane by 1/2: the chance of components 3
and 4. The third ring, which nobody ever walks, is the control throughout.

Rows of members that died in training are NaN; the choice of a layer passes over them.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.units import per_unit

RULES = {"no calendar": ("first_context",)}  # overlaps that choose a network's layer
RULE = ("first_calendar", "second_context")  # of every other network

Tables = Mapping[str, Any]


def late(m: Tables, network: str, source: str = "network") -> pl.DataFrame:
    """Rows of class means of calendar tokens in the last window, after a block or of a control."""
    table = m["planes"].filter((pl.col("network") == network) & (pl.col("source") == source))
    table = table.filter(pl.col("tokens") == "calendar")
    return table.filter(pl.col("window") == pl.col("window").max())


def best_layer(m: Tables, network: str) -> int:
    """The layer after a block where the overlaps of the network's claims are highest, in the mean.

    With a calendar: that of components 1 and 2 with the calendar plus that of components 3 and 4
    with the context's ring. Without: that of components 1 and 2 with the context's ring.
    """
    rows = late(m, network).filter(pl.col("layer") > 0)
    overlap = pl.sum_horizontal(RULES.get(network, RULE)).fill_nan(None).mean().alias("overlap")
    table = rows.group_by("layer").agg(overlap).sort("layer")
    return int(table["layer"][table["overlap"].arg_max() or 0])


def at_best(column: str, network: str) -> Callable[[Tables], np.ndarray]:
    """A number at the network's best layer, late in the context, per seed."""

    def measure(m: Tables) -> np.ndarray:
        rows = late(m, network).filter(pl.col("layer") == best_layer(m, network))
        return per_unit(rows, pl.col(column).mean())

    return measure


def beyond_mixing(network: str) -> Callable[[Tables], np.ndarray]:
    """The context's overlap with components 3 and 4, less that of the neighbour mix, per seed."""

    def measure(m: Tables) -> np.ndarray:
        mixed = per_unit(late(m, network, "mixing"), pl.col("second_context").mean())
        return at_best("second_context", network)(m) - mixed

    return measure


def present(network: str) -> Callable[[Tables], np.ndarray]:
    """Share of the context's plane less the third ring's, less the same of the mix, per seed.

    One mix along a ring scales each plane by its own factor, and with it the third ring's share.
    """

    def measure(m: Tables) -> np.ndarray:
        less = pl.col("share_context") - pl.col("share_other")
        mixed = per_unit(late(m, network, "mixing"), less.mean())
        return difference("share_context", "share_other", network)(m) - mixed

    return measure


def difference(more: str, less: str, network: str) -> Callable[[Tables], np.ndarray]:
    """One column less another at the best layer, per seed."""
    return lambda m: at_best(more, network)(m) - at_best(less, network)(m)


def grown(network: str) -> Callable[[Tables], np.ndarray]:
    """Gain of the context's share of the variance from the first window to the last, per seed."""

    def measure(m: Tables) -> np.ndarray:
        layer = best_layer(m, network)
        rows = m["planes"].filter(
            (pl.col("network") == network)
            & (pl.col("source") == "network")
            & (pl.col("tokens") == "calendar")
            & (pl.col("layer") == layer)
        )
        at = lambda which: rows.filter(pl.col("window") == which)
        share = pl.col("share_context").mean()
        ends = pl.col("window").max(), pl.col("window").min()
        return per_unit(at(ends[0]), share) - per_unit(at(ends[1]), share)

    return measure


def mass(
    column: str,
    network: str,
    walked: str,
    low: int = 0,
    high: int = 10**9,
    tokens: str = "calendar",
) -> Callable[[Tables], np.ndarray]:
    """Mean mass over places ``low`` to ``high`` of walks on a ring, per seed."""

    def measure(m: Tables) -> np.ndarray:
        rows = m["mass"].filter(
            (pl.col("network") == network)
            & (pl.col("walked") == walked)
            & (pl.col("tokens") == tokens)
            & (pl.col("place") >= low)
            & (pl.col("place") < high)
        )
        return per_unit(rows, pl.col(column).mean())

    return measure


def late_from(m: Tables) -> int:
    """First place of the last quarter of the context."""
    length = int(m["mass"]["place"].cast(pl.Int64).to_numpy().max()) + 1
    return length - length // 4


def preferred(network: str) -> Callable[[Tables], np.ndarray]:
    """Late mass on the context ring's next day less that on the calendar's two, per seed."""

    def measure(m: Tables) -> np.ndarray:
        at = lambda column: mass(column, network, "context", late_from(m))(m)
        return at("context") - at("calendar")

    return measure


def delayed(m: Tables) -> np.ndarray:
    """Mass on the context ring in rounds two and three: a difference of differences, per seed.

    (days less plain tokens, with the prior) less (days less plain tokens, without). Networks with a
    calendar see fewer fresh graphs, and so trace any ring less well; plain tokens take that out.
    """
    days = int(m["mass"]["days"][0])

    def gap(network: str) -> np.ndarray:
        at = lambda tokens: mass("context", network, "context", days, 3 * days, tokens)(m)
        return at("calendar") - at("plain")

    return gap("shared") - gap("no calendar")


def of_embeddings(m: Tables) -> np.ndarray:
    """Overlap of the embeddings' components 1 and 2 with the calendar, reserved tokens."""
    rows = late(m, "reserved").filter(pl.col("layer") == 0)
    return per_unit(rows, pl.col("first_calendar").mean())
