"""Claims of the study of dictionaries; a seed is a world, with its own features and data."""

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import only, passage

from . import readings as r

FEL = "Fel et al. 2025 (arXiv:2502.12892)"
LUBANA = "Lubana et al. 2025 (arXiv:2511.01836)"
NONE = "theory: no effect is 0"

fel = passage(FEL, requires=r.LEARNED)
time = passage(LUBANA, requires=r.CODED)
CLAIMS: tuple[Claim, ...] = (
    fel(
        "more_atoms_repeat_less",
        "With two atoms for each feature instead of one, dictionaries recover no less and repeat "
        "less: stability falls by 0.08.",
        r.sized(r.RIGHT, "stability") - r.sized(r.DOUBLE, "stability"),
        Expect.above(0.08),
        at="on instability",
        bar="ours: an eighth of the way from random dictionaries to 1",
        control=(
            Condition(
                "recovery does not fall",
                r.sized(r.RIGHT, "recall") - r.sized(r.DOUBLE, "recall"),
                Expect.below(0),
            ),
            Condition(
                "atoms that never fire do not make it: that of the others falls by 0.08 too",
                r.sized(r.RIGHT, "stability_live") - r.sized(r.DOUBLE, "stability_live"),
                Expect.above(0.08),
            ),
        ),
    ),
    fel(
        "features_repeat_all_the_same",
        "What falls is of atoms that stand for no feature: those that do are no less alike, within "
        "0.02, with twice as many.",
        r.sized(r.DOUBLE, "stability_matched") - r.sized(r.RIGHT, "stability_matched"),
        Expect.above(-0.02),
        at="on instability; asked by this laboratory",
        bar="theory: no effect is 0; 0.02 is left to the draw of worlds",
        control=only(
            "random atoms that stand for features are alike by less than 0.5",
            r.sized(r.DOUBLE, "null_matched"),
            Expect.below(0.5),
        ),
    ),
    fel(
        "archetypes_repeat_more",
        "Relaxed archetypal dictionaries have a stability 0.05 above that of TopK.",
        r.of("relaxed", "stability") - r.sized(r.RIGHT, "stability"),
        Expect.above(0.05),
        at="table 1",
        bar="ours: a difference that a reader sees by eye",
        control=(
            Condition(
                "they do not pay for it: they explain less by no more than 0.02",
                r.sized(r.RIGHT, "explained") - r.of("relaxed", "explained"),
                Expect.below(0.02),
            ),
            Condition(
                "it is not TopK's dead atoms: of atoms that fire the gain is 0.05 too",
                r.live_gain("relaxed"),
                Expect.above(0.05),
            ),
        ),
        headline=True,
    ),
    fel(
        "constraint_not_start",
        "The constraint brings it, not where atoms begin: their stability is above that of TopK "
        "from the same centroids.",
        r.more("relaxed", "central", "stability"),
        Expect.above(0),
        at="table 1; asked by this laboratory",
        bar=NONE,
        control=(
            Condition(
                "beginning there does not raise TopK's stability by as much as 0.05",
                r.of("central", "stability") - r.sized(r.RIGHT, "stability"),
                Expect.below(0.05),
            ),
            Condition(
                "so is that of their atoms that fire",
                r.more("relaxed", "central", "stability_live"),
                Expect.above(0),
            ),
        ),
    ),
    fel(
        "common_start_helps",
        "Archetypal dictionaries that share their candidates and the order of these, as in the "
        "public code, are more alike than those that share nothing.",
        r.more("alike", "relaxed", "stability"),
        Expect.above(0),
        at="public code; asked by this laboratory",
        bar=NONE,
        control=only(
            "so are those of their atoms that fire",
            r.more("alike", "relaxed", "stability_live"),
            Expect.above(0),
        ),
    ),
    fel(
        "hull_costs",
        "Where no input is a feature alone, atoms held in the hull of the data explain less, by "
        "0.05 of the variance.",
        r.more("relaxed", "hull", "explained"),
        Expect.above(0.05),
        at="on atoms in the hull of data",
        bar="ours: a twentieth of the variance; in theory more than 0",
        control=only(
            "where three inputs in ten are one, and in theory nothing is lost, less than that is",
            r.more("relaxed, single", "hull, single", "explained"),
            Expect.below(0.05),
        ),
    ),
    fel(
        "hull_of_features_costs_nothing",
        "Where three inputs in ten are one, which the hull should then reach, no more than 0.02 is "
        "lost.",
        r.more("relaxed, single", "hull, single", "explained"),
        Expect.below(0.02),
        at="asked by this laboratory",
        bar="theory: of data that hold each feature alone nothing need be lost; ours: 0.02",
        requires=(
            *r.LEARNED,
            Condition(
                "atoms held in the hull come to features, at a cosine of 0.95",
                r.of("hull, single", "recall"),
                Expect.above(0.95),
            ),
        ),
    ),
    passage("Chanin & Garriga-Alonso 2025 (arXiv:2508.16560)", requires=r.LEARNED)(
        "best_at_the_true_number",
        "Of features that bring others, a k within one of the mean number of active features "
        "recovers as much as any other k, to 0.01.",
        r.short_of_best(),
        Expect.below(0.01),
        bar="ours: 0.01, where ks of 1 and 6 lack 0.04 and more; neighbours are as near as that",
        control=only(
            "explained variance does not tell: it is greatest at the greatest k",
            r.best_fit(),
            Expect.below(0),
        ),
    ),
    passage("Bussmann et al. 2024 (arXiv:2412.06410)", requires=r.LEARNED)(
        "batch_explains_more",
        "Where inputs differ in how many features are active, BatchTopK explains more than TopK "
        "with as many latents on average.",
        r.more("batch counts", "counts", "explained"),
        Expect.above(0),
        bar=NONE,
    ),
    passage("Bussmann et al. 2025 (arXiv:2503.17547)", requires=r.LEARNED)(
        "prefixes_absorb_less",
        "A parent's latent falls silent with its children less often, by 0.1 of such inputs, in "
        "Matryoshka dictionaries than in flat ones.",
        r.absorbed("flat") - r.absorbed("matryoshka"),
        Expect.above(0.1),
        bar="ours: one input in ten",
        requires=(
            *r.LEARNED,
            Condition(
                "flat ones absorb: their latents fall silent with children more often, by 0.15",
                r.absorbed("flat"),
                Expect.above(0.15),
            ),
        ),
    ),
    time(
        "not_for_as_many_active",
        "Temporal dictionaries explain more than autoencoders with as many latents as they have "
        "novel ones, but not more than one with no more active latents than both their codes.",
        r.error("tfa") - r.as_active(),
        Expect.above(0),
        at="asked by this laboratory",
        bar=NONE,
        requires=(
            *r.CODED,
            Condition(
                "with as many novel latents they leave at most half of its error",
                r.error("tfa") / r.least_sae(),
                Expect.below(0.5),
            ),
        ),
    ),
    time(
        "gain_without_time",
        "On sequences shuffled in time they keep 80% of their gain over the autoencoder.",
        r.kept("shuffled"),
        Expect.above(0.8),
        at="asked by this laboratory",
        bar="ours: 80%, nearly all; a gain from time alone would leave 0",
    ),
    time(
        "predictable_part_leaks",
        "Their predictable part has more of slow features than any forecast can.",
        r.in_time("tfa", "slow"),
        Expect.above(0.81),
        at="asked by this laboratory",
        bar="theory: the best forecast of a chain explains rho^2 = 0.81 of its variance",
    ),
    time(
        "no_more_of_what_goes_on",
        "Their predictable part does not tell a feature that goes on from one that sets in: it is "
        "as long along both, within a tenth.",
        r.in_time("tfa", "onset"),
        Expect.between(0.9, 1.1),
        at="asked by this laboratory",
        bar="theory: a part that foretells nothing has 1; ours: a tenth",
    ),
    time(
        "forecast_separates",
        "A strictly causal variant foretells slow features: 0.7 of their variance, of which 0.81 "
        "can be foretold.",
        r.in_time("causal", "slow"),
        Expect.above(0.7),
        at="asked by this laboratory",
        bar="theory: rho^2 = 0.81 at most; ours: all but a tenth",
        control=(
            Condition(
                "of fast features it foretells less than 0.2",
                r.in_time("causal", "fast"),
                Expect.below(0.2),
            ),
            Condition(
                "of all it explains no more than the best forecast",
                r.of_oracle("causal"),
                Expect.below(1),
            ),
            Condition(
                "shuffled in time, slow features are foretold less, by 0.2",
                r.in_time("causal shuffled", "slow") - r.in_time("causal", "slow"),
                Expect.below(-0.2),
            ),
        ),
    ),
)
