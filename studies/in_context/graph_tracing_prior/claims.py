"""Claims of the study ``graph_tracing_prior``; chances and controls are in ``prior_numbers``."""

import polars as pl

from toylab.claims import Claim, Expect

from .readings import (
    DELAYED,
    at_best,
    beyond_mixing,
    embedded,
    grown,
    mass,
    preferred,
    present,
)

PARK = "Park et al. 2025, days of the week (from a summary, and its abstract)"
T6 = PARK + "; thresholds of this laboratory's notes"
ARDITI = "Arditi 2026, induction circuits behind in-context representations (ICLR blog track)"
OWN = "expected, this laboratory"

FIRST_ROUND = lambda m: pl.col("place").is_between(1, 5)

CLAIMS = (
    Claim(
        key="prior_learned",
        text="On the calendar in its own order the next day has a mass of 0.8 or more before the "
        "first round is over (reserved tokens).",
        source=OWN + ": the prior must be there to be tested",
        reading=mass("context", "reserved", "calendar", places=FIRST_ROUND),
        expect=Expect.above(0.8),
    ),
    Claim(
        key="calendar_first",
        text="Late in a permuted ring, components 1 and 2 of the days' class means are the "
        "calendar's plane: an overlap of 0.8 or more, at the layer where this overlap plus that of "
        "components 3 and 4 with the permuted ring is highest (reserved tokens; chance 1/3).",
        source=T6,
        reading=at_best("first_calendar", "reserved"),
        expect=Expect.above(0.8),
    ),
    Claim(
        key="context_second",
        text="There, components 3 and 4 are the permuted ring's plane: an overlap of 0.6 or more. "
        "Beside the calendar's plane two random axes have 1/2.",
        source=T6,
        reading=at_best("second_context", "reserved"),
        expect=Expect.above(0.6),
    ),
    Claim(
        key="calendar_first_shared",
        text="The same of components 1 and 2 where the days also stand on fresh graphs, at the "
        "layer chosen so for them.",
        source=T6,
        reading=at_best("first_calendar", "shared"),
        expect=Expect.above(0.8),
    ),
    Claim(
        key="context_second_shared",
        text="The same of components 3 and 4 where the days also stand on fresh graphs (chance "
        "1/2 beside the calendar's plane).",
        source=T6,
        reading=at_best("second_context", "shared"),
        expect=Expect.above(0.6),
    ),
    Claim(
        key="beyond_mixing",
        text="There, components 3 and 4 overlap the permuted ring's plane more than those of one "
        "neighbour mix of the days' own embeddings do.",
        source=PARK + "; judged against " + ARDITI,
        reading=beyond_mixing("shared"),
        expect=Expect.above(0.0),
    ),
    Claim(
        key="beyond_mixing_reserved",
        text="So they do where the days were only ever seen in the calendar's order.",
        source=PARK + "; judged against " + ARDITI,
        reading=beyond_mixing("reserved"),
        expect=Expect.above(0.0),
    ),
    Claim(
        key="context_present",
        text="The permuted ring's plane holds more of the variance than the plane of the ring that "
        "nobody walks, by 0.05 more than in one neighbour mix of the days' own embeddings (days "
        "also on fresh graphs).",
        source=PARK + "; judged against " + ARDITI + "; 0.05 is ours",
        reading=present("shared"),
        expect=Expect.above(0.05),
    ),
    Claim(
        key="context_not_dominant",
        text="The permuted ring's plane holds less of the variance than the calendar's plane.",
        source=PARK,
        reading=at_best("share_calendar", "shared") - at_best("share_context", "shared"),
        expect=Expect.above(0.0),
    ),
    Claim(
        key="context_grows",
        text="Its share of the variance grows by 0.05 or more from the first round to the last, at "
        "equal visits of each day.",
        source=PARK + "; 0.05 is ours",
        reading=grown("shared"),
        expect=Expect.above(0.05),
    ),
    Claim(
        key="no_calendar",
        text="Trained without the calendar, the days' components 1 and 2 are the permuted ring's "
        "plane: an overlap of 0.6 or more, at the layer where this overlap is highest.",
        source=OWN + ", from the neighbour mixing of " + ARDITI,
        reading=at_best("first_context", "no calendar"),
        expect=Expect.above(0.6),
    ),
    Claim(
        key="embeddings",
        text="The embeddings of reserved days already lie so: components 1 and 2 overlap the "
        "calendar's plane by 0.8 or more.",
        source=OWN + ": the prior is in the weights",
        reading=embedded("first_calendar"),
        expect=Expect.above(0.8),
    ),
    Claim(
        key="behaviour_shared",
        text="Late in a permuted ring the next day of that ring has more mass than the calendar's "
        "two neighbours together (days also on fresh graphs).",
        source=PARK + ": the model follows the context's graph",
        reading=preferred("shared"),
        expect=Expect.above(0.0),
    ),
    Claim(
        key="behaviour_reserved",
        text="So it has where the days were only ever seen in the calendar's order.",
        source=PARK + ": the model follows the context's graph",
        reading=preferred("reserved"),
        expect=Expect.above(0.0),
    ),
    Claim(
        key="prior_delays",
        text="In the second and third round the permuted ring's next day has less mass, measured "
        "against a ring of seven other tokens, by 0.05, than it has in networks trained without "
        "the calendar, measured so too.",
        source=OWN,
        reading=DELAYED,
        expect=Expect.below(-0.05),
    ),
)
