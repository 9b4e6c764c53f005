"""Claims of the study ``world_model``.

The network on the larger board is one; its intervals are over held-out games, edits or pairs of
prefixes, and say how sure a number of this network is. The small networks repeat the tests over
seeds. A margin is taken over the best control. Thresholds without another source are those of
:class:`toylab.world_outcomes.Bars`, set before any network was tested.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.claims import Claim, Expect
from toylab.units import per_unit
from toylab.world_outcomes import BARS

Tables = Mapping[str, Any]
PAPER = "Li, Viégas and Wattenberg 2025"
ALONE = "; of one network"
NOTHING = np.array([np.nan])  # of a network that no unit has a value for
MET_BY_NONE = ("T1", "T2", "T4", "T6", "T7")  # what an untrained network should fail


def picked(m: Tables, criterion: str, part: str | None = None, name: str | None = None):
    """The main network's numbers of a test: (part, name, unit, value), NaN left out."""
    table = m["units"].filter(pl.col("criterion") == criterion)
    if part is not None:
        table = table.filter(pl.col("part") == part)
    if name is not None:
        table = table.filter(pl.col("name") == name)
    return table.filter(pl.col("value").is_not_nan())


def value(criterion: str, part: str | None = None) -> Callable[[Tables], np.ndarray]:
    """One number per unit of the main network; of several parts, that of the least mean."""

    def of(m: Tables) -> np.ndarray:
        table = picked(m, criterion, part, "value")
        if not table.height:
            return NOTHING
        worst = table.group_by("part").agg(pl.col("value").mean()).sort("value", "part")["part"]
        return per_unit(table.filter(pl.col("part") == worst[0]), pl.col("value").mean(), "unit")

    return of


def margin(criterion: str) -> Callable[[Tables], np.ndarray]:
    """Value less the best control, unit by unit; of several parts, that of the least margin."""

    def of(m: Tables) -> np.ndarray:
        found = []
        for (_,), rows in picked(m, criterion).group_by("part", maintain_order=True):
            controls = rows.filter(pl.col("name") != "value")
            means = controls.group_by("name").agg(pl.col("value").mean()).sort("value", "name")
            best = controls.filter(pl.col("name") == means["name"][-1])
            both = rows.filter(pl.col("name") == "value").join(best, on="unit", suffix="_control")
            found.append((both["value"] - both["value_control"]).to_numpy())
        return least(found)

    return of


def least(found: list[np.ndarray]) -> np.ndarray:
    """The values of least mean; those without any come first."""
    return min(found, key=lambda values: np.nan_to_num(values.mean(), nan=-np.inf))


def distinction(m: Tables) -> np.ndarray:
    """Precision or recall of the boundaries between states, whichever is less."""
    return least([value("T7", f"distinction {side}")(m) for side in ("precision", "recall")])


def spurious(m: Tables) -> np.ndarray:
    """Share of the error that the more successful of the control edits mends, case by case."""
    controls = picked(m, "T6").filter(pl.col("name") != "value")
    means = controls.group_by("name").agg(pl.col("value").mean()).sort("value", "name")["name"]
    return per_unit(controls.filter(pl.col("name") == means[-1]), pl.col("value").mean(), "unit")


def shares(m: Tables, criterion: str = "T7") -> np.ndarray:
    """Change between equal states over that between different ones, pair by pair.

    Of outputs and patched outputs the one with the greater share is taken, each over the mean of
    its least control.
    """
    found = []
    for part in ("outputs", "patched outputs"):
        rows = picked(m, criterion, part)
        means = rows.group_by("name").agg(pl.col("value").mean())
        lowest = means.filter(pl.col("name") != "value")["value"].min()
        equal = rows.filter(pl.col("name") == "value")["value"].to_numpy()
        found.append(equal / lowest if lowest else np.full(len(equal), np.nan))
    return max(found, key=lambda values: np.nan_to_num(values.mean(), nan=np.inf))


def by_seed(
    criterion: str, part: str | None = None, less: str | None = None, population: str = "small"
) -> Callable[[Tables], np.ndarray]:
    """Mean of a test's value per seed, the least over its parts; less a named control's."""

    def of(m: Tables) -> np.ndarray:
        rows = m["means"].filter(pl.col("population") == population)
        rows = rows.filter(pl.col("criterion") == criterion)
        rows = rows if part is None else rows.filter(pl.col("part") == part)
        table = rows.filter(pl.col("name") == "value")
        number = pl.col("mean")
        if less is not None:
            control = rows.filter(pl.col("name") == less)
            table = table.join(control, on=["init_seed", "part"], suffix="_control")
            number = number - pl.col("mean_control")
        return per_unit(table, number.min())

    return of


def met(population: str, criteria: tuple[str, ...]) -> Callable[[Tables], np.ndarray]:
    """How many criteria each seed's network meets, all parts of each."""

    def of(m: Tables) -> np.ndarray:
        rows = m["means"].filter(pl.col("population") == population, pl.col("name") == "value")
        rows = rows.filter(pl.col("criterion").is_in(criteria))
        each = rows.group_by("init_seed", "criterion").agg(pl.col("passed").all())
        return per_unit(each, pl.col("passed").sum())

    return of


def build_up(m: Tables) -> np.ndarray:
    """Accuracy gained over the layers on the real board, less the most on any wrong one."""
    rows = m["layers"].filter(pl.col("population") == "small", pl.col("feature") == "activations")
    rows = rows.filter(pl.col("label") != "renamed")
    first = pl.col("accuracy").filter(pl.col("layer") == 0).first()
    gains = rows.group_by("init_seed", "label").agg((pl.col("accuracy").max() - first).alias("g"))
    real = pl.col("g").filter(pl.col("label") == "real").first()
    return per_unit(gains, real - pl.col("g").filter(pl.col("label") != "real").max())


CLAIMS = (
    Claim(
        "T1_read",
        "T1: a linear probe reads 93% of the squares of held-out games, the least expected of "
        "a board of this size" + ALONE + ".",
        "Nanda et al. 2023, table 1 (8x8, eight layers)",
        value("T1"),
        Expect.above(BARS.accuracy),
        0.996,
        "game",
    ),
    Claim(
        "T2_learned",
        "T2: with mine, theirs and empty weighed alike, it reads 0.1 more than probes of the bag "
        "of moves, of the embedding or of the untrained network" + ALONE + ".",
        PAPER + " (learned); nothello_world's logs: 99.2% against 73.9% of the untrained network",
        margin("T2"),
        Expect.above(BARS.margin),
        0.25,
        "game",
    ),
    Claim(
        "T3_selective",
        "T3: it reads 0.1 more than of boards whose states are renamed at random at every place "
        "and square" + ALONE + ".",
        "Hewitt and Liang 2019 (control tasks), as asked for in the reviews of " + PAPER,
        margin("T3"),
        Expect.above(BARS.margin),
        None,
        "game",
    ),
    Claim(
        "T4_this_world",
        "T4: where a wrong world's board differs from the real one, the real state is read more "
        "often than the wrong one by 0.1, for every wrong world" + ALONE + ".",
        "nothello_world's logs: over all squares 99.2%, without flips 89.1%",
        margin("T4"),
        Expect.above(BARS.margin),
        "0.10 over all squares",
        "game",
    ),
    Claim(
        "T5_emergent",
        "T5: the board is not in the task's answer: the same probes of the legal moves or of the "
        "logits read 0.1 less, states weighed alike" + ALONE + ".",
        PAPER + " (emergent)",
        margin("T5"),
        Expect.above(BARS.margin),
        None,
        "game",
    ),
    Claim(
        "T6_causal",
        "T6: turning a disc over along the probe mends three quarters of the error against the "
        "moves legal then, a fourfold cut" + ALONE + ".",
        PAPER + " (causal); Nanda et al. 2023, table 3: 2.723 to 0.10",
        value("T6"),
        Expect.above(BARS.repaired),
        0.96,
        "edit",
    ),
    Claim(
        "T6_controls",
        "T6: steps of the same length in a random direction, or to turn another disc over, mend "
        "less than a quarter" + ALONE + ".",
        PAPER + " (causal)",
        spurious,
        Expect.below(BARS.spurious),
        None,
        "edit",
    ),
    Claim(
        "T7_one_state",
        "T7: between move orders that reach one board, outputs differ by less than a quarter of "
        "what they differ between boards, and so do they after the last place's activation has "
        "been swapped" + ALONE + ".",
        PAPER + " (the factored diagram commutes)",
        shares,
        Expect.below(BARS.unchanged),
        None,
        "pair",
    ),
    Claim(
        "T7_compression",
        "T7: for 90% of such pairs, all that the network continues the one with is accepted after "
        "the other" + ALONE + ".",
        "Vafa et al. 2024 (compression precision; the network on synthetic games has the world)",
        value("T7", "compression"),
        Expect.above(BARS.language),
        None,
        "pair",
    ),
    Claim(
        "T7_distinction",
        "T7: of the shortest continuations that tell two boards apart, 90% of the network's are "
        "the rules', and 90% of the rules' are the network's" + ALONE + ".",
        "Vafa et al. 2024 (distinction precision and recall)",
        distinction,
        Expect.above(BARS.language),
        None,
        "pair",
    ),
    Claim(
        "small_build_up",
        "T4 on the smallest board: the real board gains more accuracy over the layers than any "
        "wrong one.",
        "nothello_world's logs (8x8): 87.1% to 99.2% over the layers",
        build_up,
        Expect.above(0.0),
    ),
    Claim(
        "small_learned",
        "T2 on the smallest board: the trained network's probe reads 0.1 more than the untrained "
        "network's, states weighed alike.",
        PAPER + " (learned)",
        by_seed("T2", less="untrained"),
        Expect.above(BARS.margin),
        0.25,
    ),
    Claim(
        "small_causal",
        "T6 on the smallest board: editing along the probe mends three quarters of the error.",
        PAPER + " (causal); Nanda et al. 2023, table 3",
        by_seed("T6"),
        Expect.above(BARS.repaired),
        0.96,
    ),
    Claim(
        "T8_moves",
        "T8 on the smallest board: in games of the one opening that was left out of training, the "
        "likeliest move is legal nearly as often as in others, within 0.02.",
        "Li et al. 2022, section 2.3: 0.02% illegal moves against 0.01%",
        by_seed("T8", "likeliest token allowed", less="seen"),
        Expect.above(-BARS.drop),
        -0.0001,
    ),
    Claim(
        "T8_board",
        "T8 on the smallest board: the probe fitted on the other openings reads nearly as much of "
        "the board in games of the one left out, within 0.02.",
        "Li et al. 2022, section 2.3",
        by_seed("T8", "variables read right", less="seen"),
        Expect.above(-BARS.drop),
    ),
    Claim(
        "untrained",
        "Control of the tests: a network before training meets none of T1, T2, T4, T6 and T7.",
        PAPER + " (learned)",
        met("small untrained", MET_BY_NONE),
        Expect.below(0.0),
    ),
)
