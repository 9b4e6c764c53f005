"""Claims of the study ``bad_data``."""

import polars as pl

from toylab.claims import Condition, Expect
from toylab.conditions import given, only, passage

from .readings import (
    FEATURES,
    appearing,
    at_first,
    gap,
    of,
    removed,
    removed_at_cost,
    represented,
    unsteered,
)

toy = passage("Li et al. 2025 (arXiv:2505.04741), section 2")
probing = passage("Li et al. 2025 (arXiv:2505.04741), section 4")
steering = passage("Li et al. 2025 (arXiv:2505.04741), section 5")
own = passage("this laboratory")
FIFTH = "ours: 0.03, a fifth of the fall from 0.95 to 0.8 in the paper's figure"

RICH = Condition(
    "with as much data as the others nine of ten rare features are represented",
    represented(1.0),
    Expect.above(0.9),
)
COMMON = Condition(
    "the other features are represented at share 1",
    represented(1.0, rare=False),
    Expect.above(0.9),
)
SPOKEN = Condition(
    "after rough words networks trained on the fewest rough texts, and on 10%, give rough words a "
    "chance of 0.4 or more, four fifths of the right one",
    unsteered("rough").map(lambda low, high: (low + high) / 2 - abs(low - high) / 2,
                           unsteered("rough", 0.1)),
    Expect.above(0.4),
)  # fmt: skip
LEARNED = Condition(
    "clean texts cost at most 0.1 nats per token more than the best predictor loses on them",
    unsteered("loss", 0.1) - unsteered("bayes", 0.1),
    Expect.below(0.1),
)

ENTANGLED = given(
    RICH,
    toy(
        "falls_with_share",
        "The entanglement of the rare features falls as their share of data rises, from the lowest "
        "share to that of the others (largest absolute cosine, all directions).",
        at_first(True, "absolute all") - of(True, 1.0).mean("absolute all"),
        Expect.above(0.03),
        bar=FIFTH,
        paper="0.95 to 0.8",
        headline=True,
        requires=only(
            "at the lowest share half of the rare features are represented at all",
            at_first(True, "kept"),
            Expect.above(0.5),
        ),
    ),
    own(
        "features_appear",
        "What changes with the share is whether the rare features exist: from share 0.03 to 1 the "
        "part of them that is represented rises by 0.8.",
        represented(1.0) - represented(0.03),
        Expect.above(0.8),
        bar="ours: 0.8, from less than a tenth to more than nine tenths",
    ),
    toy(
        "falls_once_represented",
        "Among represented features, the rare ones' entanglement falls from where the first of "
        "them appear to share 1.",
        appearing("absolute"),
        Expect.above(0.03),
        bar=FIFTH,
    ),
    toy(
        "positive_part_falls",
        "The same of the positive part of the cosine, with which antipodal features are free.",
        appearing("positive"),
        Expect.above(0.03),
        bar=FIFTH,
    ),
    toy(
        "rare_more_entangled",
        "At shares from 0.1 to 0.3 represented rare features are more entangled than the other "
        "features of their network.",
        gap("absolute", 0.09, 0.31),
        Expect.above(0.0),
        bar="theory: no difference is 0",
    ),
    toy(
        "rare_more_entangled_positive",
        "So they are by the positive part of the cosine.",
        gap("positive", 0.09, 0.31),
        Expect.above(0.0),
        bar="theory: no difference is 0",
    ),
    own(
        "equal_shares_equal",
        "With equal shares rare and other features are equally entangled.",
        gap("absolute", 1.0, 1.0),
        Expect.near(0.0, 0.03),
        bar="theory: 0, as all features are then alike, within 0.03",
    ),
    toy(
        "others_unmoved",
        "The other features' entanglement does not depend on the share of the rare ones: from the "
        "lowest share to 1 it moves by less than 0.05.",
        at_first(False, "absolute all") - of(False, 1.0).mean("absolute all"),
        Expect.near(0.0, 0.05),
        bar="paper: controls near 0.8 at all shares, within 0.05",
        requires=(COMMON,),
    ),
    own(
        "better_than_chance",
        "At share 1 twelve trained directions in four dimensions are less entangled than random "
        "ones, whose mean is 0.842, by 0.03.",
        (of(True, 1.0).mean("absolute chance") - FEATURES.filter(share=1.0).where(
            pl.col("kept") == 1.0).mean("absolute")),
        Expect.above(0.03),
        bar="theory: 0.842 for twelve random directions; ours: 0.03 below it",
    ),
    own(
        "share_not_number",
        "It is the share and not the number of examples that counts: a tenth of the training at "
        "share 1 holds as many rare examples as the whole at share 0.1, and represents more of "
        "the rare features, by 0.3.",
        represented(1.0, arm="short") - represented(0.1),
        Expect.above(0.3),
        bar="ours: 0.3, about half of what may be missing at share 0.1",
    ),
)  # fmt: skip
REMOVED = given(
    SPOKEN,
    *given(
        LEARNED,
        probing(
            "probe_rises",
            "The register is more linear in activations with more of it: the direction's AUC as a "
            "probe is higher with 10% of rough texts than with 2%.",
            unsteered("auc", 0.1) - unsteered("auc"),
            Expect.above(0.01),
            bar="ours: 0.01, where a replication of the paper has a rise of 0.017 in accuracy",
        ),
        steering(
            "easier_to_remove",
            "A concept is easier to remove when there was more of it: weak steering takes away a "
            "larger part of the rough words with 10% of rough texts than with 2%.",
            removed(0.1) - removed(),
            Expect.above(0.05),
            bar="ours: 0.05, a quarter of the rise from 64% to 86% in a replication of the paper",
            paper="0.64 to 0.86-0.89 in a replication",
            control=only(
                "a random push of the same length takes away at most a fifth of them",
                removed(0.1, push="random"),
                Expect.below(0.2),
            ),
        ),
        steering(
            "better_trade",
            "It costs less too: where clean texts lose 0.05 nats per token, a larger part of the "
            "rough words is gone with 10% of rough texts than with 2%.",
            removed_at_cost(0.1) - removed_at_cost(),
            Expect.above(0.05),
            bar="ours: 0.05, as for weak steering",
        ),
    ),
)
CLAIMS = (*ENTANGLED, *REMOVED)
