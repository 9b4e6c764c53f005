"""Claims of the study ``graph_tracing_prior``; for chances and controls see ``readings``."""

import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import only

from .readings import DELAYED, after_turn, at_best, embedded, grown, mass, preferred

PARK = "Park et al. 2025 (arXiv:2501.00070), days of the week (from a summary, and its abstract)"
OURS = "this laboratory"
PLANE = "ours: 0.8, most of the plane, where chance is 1/3"
FIRST_ROUND = lambda m: pl.col("place").is_between(1, 5)


def in_weights(network: str) -> Condition:
    """The prior is in the weights."""
    return Condition(
        "the days' embeddings lie on the calendar: components 1 and 2 overlap its plane by 0.8",
        embedded("first_calendar", network),
        Expect.above(0.8),
    )


def traces(network: str) -> tuple[Condition, ...]:
    """The network has learned to trace a ring, and not by recency."""
    mass_late = Condition(
        "late in a ring of tokens without a prior the next token has 0.8 of the mass",
        mass("context", network, tokens="plain"),
        Expect.above(0.8),
    )
    no_recency = Condition(
        "soon after a walk there has turned round, the token ahead has more of the mass than that "
        "not seen for longest",
        after_turn(network),
        Expect.above(0.0),
    )
    return mass_late, no_recency


def knows(network: str) -> Condition:
    """The network has learned the calendar."""
    return Condition(
        "on the calendar in its own order the next day has most of the mass before the first "
        "round is over",
        mass("context", network, "calendar", places=FIRST_ROUND),
        Expect.above(0.5),
    )


def first(network: str, key: str, days: str, headline: bool = False) -> Claim:
    """Components 1 and 2 keep the calendar."""
    return Claim(
        key,
        "Late in a permuted ring, principal components 1 and 2 of the days' mean representations "
        f"still are the calendar's plane: an overlap of 0.8 or more ({days}; chance 1/3).",
        PARK,
        at_best("first_calendar", network),
        Expect.above(0.8),
        bar=PLANE,
        requires=(in_weights(network), *traces(network)),
        headline=headline,
    )


def second(network: str, key: str, days: str) -> Claim:
    """Components 3 and 4 show the context's ring."""
    return Claim(
        key,
        "There, components 3 and 4 are the permuted ring's plane: an overlap of 0.6 or more "
        f"({days}; two random axes beside the calendar's plane have 1/2).",
        PARK,
        at_best("second_context", network),
        Expect.above(0.6),
        bar="ours: 0.6, a fifth above the 1/2 of two random axes",
        requires=(in_weights(network), *traces(network)),
        control=only(
            "in the embeddings, before any walk, components 3 and 4 are not that plane yet",
            embedded("second_context", network),
            Expect.below(0.6),
        ),
    )


def follows(network: str, key: str, days: str) -> Claim:
    """Predictions follow the context."""
    return Claim(
        key,
        "Late in a permuted ring the next day of that ring has more mass than the calendar's two "
        f"neighbours together ({days}).",
        PARK + ": the model follows the context's graph",
        preferred(network),
        Expect.above(0.0),
        bar="theory: no preference is 0",
        requires=(knows(network), *traces(network)),
    )


RESERVED = "days seen in the calendar's sequences only"
SHARED = "days that also stand on fresh graphs"

CLAIMS = (
    Claim(
        "prior_learned",
        "On the calendar in its own order the next day has a mass of 0.8 or more before the first "
        "round is over.",
        OURS + ": the prior must be there to be tested",
        mass("context", "reserved", "calendar", places=FIRST_ROUND),
        Expect.above(0.8),
        bar="ours: 0.8, a calendar as good as learned",
    ),
    Claim(
        "embeddings",
        "The embeddings of reserved days lie on the calendar: components 1 and 2 overlap its plane "
        "by 0.8 or more.",
        OURS + ": the prior is in the weights",
        embedded("first_calendar", "reserved"),
        Expect.above(0.8),
        bar=PLANE,
        requires=(knows("reserved"),),
    ),
    first("shared", "calendar_first_shared", SHARED, headline=True),
    second("shared", "context_second_shared", SHARED),
    first("reserved", "calendar_first", RESERVED),
    second("reserved", "context_second", RESERVED),
    Claim(
        "context_grows",
        "The permuted ring's share of the variance grows by 0.05 or more from the first round to "
        f"the last, at equal visits of each day ({SHARED}).",
        PARK,
        grown("shared"),
        Expect.above(0.05),
        bar="ours: 5 points of the variance, a change seen by eye",
        requires=(in_weights("shared"), *traces("shared")),
    ),
    Claim(
        "no_calendar",
        "Trained without the calendar, the days' components 1 and 2 are the permuted ring's plane: "
        "an overlap of 0.6 or more.",
        OURS + ", from the neighbour mixing of Arditi 2026",
        at_best("first_context", "no calendar"),
        Expect.above(0.6),
        bar="ours: 0.6, nearly twice the 1/3 of chance",
        requires=traces("no calendar"),
    ),
    follows("shared", "behaviour_shared", SHARED),
    follows("reserved", "behaviour_reserved", RESERVED),
    Claim(
        "prior_delays",
        "A calendar in the weights takes 0.05 from the permuted ring's next day in rounds two and "
        "three, against a ring of other tokens and networks trained without the calendar.",
        OURS,
        DELAYED,
        Expect.below(-0.05),
        bar="ours: 5 points of mass, a delay seen by eye",
        requires=(knows("shared"), *traces("shared"), *traces("no calendar")),
    ),
)
