"""Claims of the study ``graph_tracing_prior``, and the numbers they take from its tables.

Overlaps and shares have a chance of 1/3: there are three rings of seven days without a common edge,
and their planes are orthogonal. The third ring, which nobody ever walks, is the control throughout.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.claims import Claim, Expect
from toylab.units import per_unit

PARK = "Park et al. 2025, days of the week (from a summary, and its abstract)"
T6 = PARK + "; thresholds of this laboratory's notes"
ARDITI = "Arditi 2026, induction circuits behind in-context representations (ICLR blog track)"
OWN = "expected, this laboratory"

Tables = Mapping[str, Any]


def late(m: Tables, network: str, source: str = "network") -> pl.DataFrame:
    """Rows of class means of calendar tokens in the last window, after a block or of a control."""
    table = m["planes"].filter((pl.col("network") == network) & (pl.col("source") == source))
    table = table.filter(pl.col("tokens") == "calendar")
    return table.filter(pl.col("window") == pl.col("window").max())


def best_layer(m: Tables, network: str) -> int:
    """The layer after a block where the two overlaps of the claim are highest, in the mean."""
    rows = late(m, network).filter(pl.col("layer") > 0)
    both = (pl.col("first_calendar") + pl.col("second_context")).mean().alias("both")
    table = rows.group_by("layer").agg(both).sort("layer")
    return int(table["layer"][table["both"].arg_max() or 0])


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
    """Mass on the context ring in its second and third round, with the prior less without."""
    days = int(m["mass"]["days"][0])
    at = lambda network: mass("context", network, "context", days, 3 * days)(m)
    return at("shared") - at("no calendar")


def of_embeddings(m: Tables) -> np.ndarray:
    """Overlap of the embeddings' components 1 and 2 with the calendar, reserved tokens."""
    rows = late(m, "reserved").filter(pl.col("layer") == 0)
    return per_unit(rows, pl.col("first_calendar").mean())


CLAIMS = (
    Claim(
        key="prior_learned",
        text="On the calendar in its own order the next day has a mass of 0.8 or more before the "
        "first round is over (reserved tokens).",
        source=OWN + ": the prior must be there to be tested",
        measure=mass("context", "reserved", "calendar", 1, 6),
        expect=Expect.above(0.8),
    ),
    Claim(
        key="calendar_first",
        text="Late in a permuted ring, components 1 and 2 of the days' class means are the "
        "calendar's plane: an overlap of 0.8 or more, at the best layer (reserved tokens).",
        source=T6,
        measure=at_best("first_calendar", "reserved"),
        expect=Expect.above(0.8),
    ),
    Claim(
        key="context_second",
        text="There, components 3 and 4 are the permuted ring's plane: an overlap of 0.6 or more.",
        source=T6,
        measure=at_best("second_context", "reserved"),
        expect=Expect.above(0.6),
    ),
    Claim(
        key="calendar_first_shared",
        text="The same of components 1 and 2 where the days also stand on fresh graphs.",
        source=T6,
        measure=at_best("first_calendar", "shared"),
        expect=Expect.above(0.8),
    ),
    Claim(
        key="context_second_shared",
        text="The same of components 3 and 4 where the days also stand on fresh graphs.",
        source=T6,
        measure=at_best("second_context", "shared"),
        expect=Expect.above(0.6),
    ),
    Claim(
        key="beyond_mixing",
        text="There, components 3 and 4 overlap the permuted ring's plane more than those of one "
        "neighbour mix of the days' own embeddings do.",
        source=PARK + "; judged against " + ARDITI,
        measure=beyond_mixing("shared"),
        expect=Expect.above(0.0),
    ),
    Claim(
        key="context_present",
        text="The permuted ring's plane holds 0.05 more of the variance than the plane of the ring "
        "that nobody walks (days also on fresh graphs).",
        source=PARK + "; 0.05 is ours",
        measure=difference("share_context", "share_other", "shared"),
        expect=Expect.above(0.05),
    ),
    Claim(
        key="context_not_dominant",
        text="It holds less of the variance than the calendar's plane.",
        source=PARK,
        measure=difference("share_calendar", "share_context", "shared"),
        expect=Expect.above(0.0),
    ),
    Claim(
        key="context_grows",
        text="Its share of the variance grows by 0.05 or more from the first round to the last, at "
        "equal visits of each day.",
        source=PARK + "; 0.05 is ours",
        measure=grown("shared"),
        expect=Expect.above(0.05),
    ),
    Claim(
        key="no_calendar",
        text="Trained without the calendar, the days' components 1 and 2 are the permuted ring's "
        "plane: an overlap of 0.6 or more.",
        source=OWN + ", from the neighbour mixing of " + ARDITI,
        measure=at_best("first_context", "no calendar"),
        expect=Expect.above(0.6),
    ),
    Claim(
        key="embeddings",
        text="The embeddings of reserved days already lie so: components 1 and 2 overlap the "
        "calendar's plane by 0.8 or more.",
        source=OWN + ": the prior is in the weights",
        measure=of_embeddings,
        expect=Expect.above(0.8),
    ),
    Claim(
        key="behaviour_shared",
        text="Late in a permuted ring the next day of that ring has more mass than the calendar's "
        "two neighbours together (days also on fresh graphs).",
        source=PARK + ": the model follows the context's graph",
        measure=preferred("shared"),
        expect=Expect.above(0.0),
    ),
    Claim(
        key="behaviour_reserved",
        text="So it has where the days were only ever seen in the calendar's order.",
        source=PARK + ": the model follows the context's graph",
        measure=preferred("reserved"),
        expect=Expect.above(0.0),
    ),
    Claim(
        key="prior_delays",
        text="In the second and third round the permuted ring's next day has less mass, by 0.05, "
        "than in networks trained without the calendar.",
        source=OWN,
        measure=delayed,
        expect=Expect.below(-0.05),
    ),
)
