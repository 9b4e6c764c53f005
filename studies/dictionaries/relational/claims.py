"""Claims of the study of relational composition: dictionaries of a binding, maps, copiers."""

import polars as pl

from toylab.claims import Condition, Expect
from toylab.conditions import only, passage
from toylab.read import Reading, least, table

DICTIONARIES = table("dictionaries")
ECHOING = ("matrix", "tensor", "unitary")
TENTH = "ours: a tenth, a difference that a reader sees by eye"


def found(name: str, column: str, room: float | None = None, parts: int = 2) -> Reading:
    """A column of a binding's dictionary: of one size, or of the largest."""
    rows = DICTIONARIES.filter(name=name, parts=parts, centred=0)
    return (rows.last("room") if room is None else rows.filter(room=room)).value(column)


turned = lambda angle: DICTIONARIES.filter(name="rotation", angle=angle).value("multiplicity")
mapped = lambda name, column: table("maps").filter(name=name).value(column)
copied = lambda kind, column: table("copiers").filter(kind=kind).value(column)

EXPLAINED = only(
    "the largest dictionaries of matrices explain 95% of the variance",
    found("matrix", "explained"),
    Expect.above(0.95),
)
COPIED = only(
    "copiers know 90% of the answers that they were trained on",
    copied("fixed", "train"),
    Expect.above(0.9),
)
SURVEY = "Wattenberg & Viegas 2024 (2407.14662)"
FARRELL = "Farrell et al. 2025, Order by scale"
survey = passage(SURVEY)
explained = passage(SURVEY, requires=EXPLAINED)
ours = passage(f"this laboratory, on {SURVEY}")
scale = passage(f"{FARRELL}, sections 3 and 4")
copying = passage(f"{FARRELL}, sections 3 and 4", requires=COPIED)
ours_copying = passage(f"this laboratory, on {FARRELL}", requires=COPIED)

ECHOES = [found("matrix", "multiplicity", parts=n) / n for n in (1, 2, 3)]
ONE_EACH = Condition(
    "bags and scale have one",
    (found("bag", "multiplicity") + found("scale", "multiplicity")) / 2,
    Expect.near(1, 0.1),
)
BY_CHANCE = Condition(
    "random directions and principal components are none of them",
    DICTIONARIES.filter(name=ECHOING).aggregate(pl.max_horizontal("random", "pca").max()),
    Expect.below(0.05),
)
SIGN = Condition(
    "whose code is greater tells it", found("scale", "order_sign", 2.0), Expect.above(0.95)
)
SAME = Condition(
    "the same atoms are active both ways", found("scale", "same_active", 2.0), Expect.above(0.95)
)
CLAIMS = (
    explained(
        "echoes_are_as_many_as_roles",
        "Under binding by matrices a dictionary has as many atoms for a concept as there are "
        "roles: of one, two and three roles the mean number for each role is 1, to a tenth.",
        (ECHOES[0] + ECHOES[1] + ECHOES[2]) / 3,
        Expect.near(1, 0.1),
        bar="paper: its feature multiplicity, one for each role; the tolerance is ours",
        control=(ONE_EACH, BY_CHANCE),
        headline=True,
    ),
    survey(
        "echoes_compete",
        "A dictionary with an atom for each concept explains a tenth of the variance less under "
        "binding by matrices than of a bag.",
        found("bag", "explained", 1.0) - found("matrix", "explained", 1.0),
        Expect.above(0.1),
        bar=TENTH,
    ),
    ours(
        "room_is_not_enough",
        "With just as many atoms as echoes, a tenth of the echoes more are missed than with more "
        "than twice as many.",
        found("matrix", "recovered") - found("matrix", "recovered", 2.0),
        Expect.above(0.1),
        bar=TENTH,
        requires=EXPLAINED,
    ),
    explained(
        "codes_tell_who_is_where",
        "Under matrices, tensor products and unitary holographic binding codes tell which of two "
        "concepts is in which role, in 95% of vectors.",
        least(*(found(name, "order_codes") for name in ECHOING)),
        Expect.above(0.95),
        bar="ours: 95%, as good as always",
        control=only("of a bag nothing", found("bag", "order_codes"), Expect.near(0.5, 0.02)),
    ),
    scale(
        "order_is_in_the_size_of_codes",
        "Under order by scale, which atoms are active tells the order no better than chance, to a "
        "twentieth.",
        found("scale", "order_active", 2.0),
        Expect.near(0.5, 0.05),
        bar="theory: one direction for a concept in both places leaves 1/2",
        requires=only(
            "the dictionary of scale holds 95% of the concepts",
            found("scale", "recovered", 2.0),
            Expect.above(0.95),
        ),
        control=(SIGN, SAME),
    ),
    explained(
        "unitary_roles_are_matrices",
        "Holographic binding with unitary roles is binding by matrices to a dictionary: as many "
        "echoes are found, to three in a hundred.",
        found("unitary", "recovered") - found("matrix", "recovered"),
        Expect.near(0, 0.03),
        bar="theory: circulant matrices of unitary roles are orthogonal; 0.03 is ours",
    ),
    survey(
        "fillers_alone_lose_order",
        "Concepts bound to each other, by convolution or entry by entry, lose their order: the "
        "best guess from the vector is right in half, to 0.02.",
        (found("fillers", "order_x") + found("product", "order_x")) / 2,
        Expect.near(0.5, 0.02),
        bar="theory: both products commute; 0.02 is twice the standard error of a seed",
    ),
    survey(
        "products_have_atoms_for_pairs",
        "Of products of concepts a larger dictionary finds more pairs: a tenth of them more with "
        "4.5 atoms for each concept than with one.",
        found("product", "recovered") - found("product", "recovered", 1.0),
        Expect.above(0.1),
        bar=TENTH,
        control=only("and no concept", found("product", "concepts"), Expect.below(0.05)),
    ),
    ours(
        "near_echoes_are_one",
        "Roles that differ by a rotation of 60 degrees make nearly one atom more for each concept "
        "than of 30 degrees.",
        turned(60.0) - turned(30.0),
        Expect.above(0.75),
        bar="ours: three quarters of the one atom between one and two",
    ),
    ours(
        "maps_between_roles",
        "A rotation fitted by Procrustes to the atoms of three quarters of the concepts tells the "
        "second atom of the others: a median cosine of 0.9, under matrices and unitary roles.",
        (mapped("matrix", "held_out") + mapped("unitary", "held_out")) / 2,
        Expect.above(0.9),
        bar="ours: 0.9, the cosine from which on an atom counts as found",
        control=(
            Condition(
                "with concepts shuffled it tells nothing",
                mapped("matrix", "shuffled"),
                Expect.below(0.2),
            ),
            Condition("nor do the atoms as they are", mapped("matrix", "same"), Expect.below(0.2)),
        ),
    ),
    copying(
        "two_layers_copy_most",
        "Copiers with two layers and fixed values give 85% to 95% of the answers to lists held out "
        "rightly.",
        copied("fixed", "test"),
        Expect.between(0.85, 0.95),
        bar="paper: 92.2% of its best network; the tolerance is ours",
        paper=0.922,
        control=only("three layers give 99%", copied("deep", "test"), Expect.above(0.99)),
    ),
    copying(
        "magnitude_carries_order",
        "Where the separator holds each digit with the weight that it has in the list the other "
        "way round, half of the copies come out the other way round.",
        copied("fixed", "digits"),
        Expect.above(0.5),
        bar="ours: half of them",
    ),
    ours_copying(
        "places_carry_order",
        "Where it holds the places with the weights of the list the other way round, and the "
        "digits as they are, half of them do.",
        copied("fixed", "places"),
        Expect.above(0.5),
        bar="ours: half of them",
    ),
    copying(
        "second_answer_reads_the_first",
        "Cut off from the first mask, the second answer is wrong in half of the lists.",
        1 - copied("fixed", "cut"),
        Expect.above(0.5),
        bar="ours: half; the paper has 62%",
        paper=0.62,
    ),
    scale(
        "free_values_hold_order_by_scale_too",
        "With values learned, too, copiers that know nine in ten of their lists have one direction "
        "for a digit: one number times its vector in the first place explains 90% of the second's.",
        copied("free", "same_map").where(copied("free", "train") >= 0.9),
        Expect.above(0.9),
        bar="ours: 90%, as good as all",
    ),
)
