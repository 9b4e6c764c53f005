"""Claims of the classifier half.

Most regions are this laboratory's, as each ``bar`` says: the papers' numbers are of other tasks.
"""

import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import given, only

from .. import readings

OURS = "this laboratory"
FALSE = "theory: a test at 5% calls 5% significant, of which twice is ours"
ILHARCO = "Ilharco et al. 2023 (arXiv:2212.04089)"
KIM = "Kim et al. 2018 (arXiv:1711.11279)"
SMILKOV = "Smilkov et al. 2017 (arXiv:1706.03825)"
WANG = "Wang et al. 2022 (arXiv:2211.07349)"
LI = "Li et al. 2024 (arXiv:2402.14688)"
GEIGER = "Geiger et al. 2023 (arXiv:2303.02536), tutorial of pyvene"

FROM_CHANCE = (pl.col("score") - 0.5).abs().mean()
ONE_ANSWER = readings.reward("probe", 1)
SUMS = readings.scenes("toy_arithmetic").filter(operation="add", vector="task")
# Of the sums over pairs: a rule that was known before has next to nothing to gain.
GAINED = (pl.col("target") - pl.col("before")).sum() / (pl.col("tuned") - pl.col("before")).sum()

MIXED = Condition(
    "the network answers the four rules with 90% accuracy",
    readings.scenes("toy_networks").filter(network="mixed").mean("accuracy"),
    Expect.above(0.9),
)
TUNED = Condition(
    "each fine-tuned network answers its own rule with 90% accuracy",
    readings.scenes("toy_networks")
    .filter(pl.col("network") == "tuned on " + pl.col("rule"))
    .mean("accuracy"),
    Expect.above(0.9),
)
SOLVED = Condition(
    "the network solves 99% of new examples, as the paper's does (99.6%)",
    readings.equality("toy_equality").value("accuracy"),
    Expect.above(0.99),
)

ARITHMETIC = (
    Claim(
        "task_arithmetic_negate",
        "Subtracting a rule's task vector, as far as the other rules keep 95% of their accuracy, "
        "leaves at most a third of the rule's accuracy above chance.",
        ILHARCO,
        readings.arithmetic("kept", "negate"),
        Expect.below(1 / 3),
        bar="ours: a third, so that most of the accuracy is gone",
        control=only(
            "a random vector with each weight's norm leaves 30 points more",
            readings.arithmetic("kept", "negate", "random") - readings.arithmetic("kept", "negate"),
            Expect.above(0.3),
        ),
    ),
    Claim(
        "task_arithmetic_add",
        "The sum of two rules' task vectors reaches 90% of each rule's own fine-tuned accuracy "
        "(the worse of the two).",
        ILHARCO,
        readings.arithmetic("worst", "add"),
        Expect.above(0.9),
        bar="ours: nine tenths, nearly all of it",
        control=only(
            "the sum has half of what fine-tuning gained",
            readings.scenes("toy_arithmetic")
            .filter(operation="add", vector="task")
            .aggregate(GAINED),
            Expect.above(0.5),
        ),
    ),
)

CONCEPTS = (
    Claim(
        "tcav_in_rule",
        "Both concepts of the rule raise the class in 90% of its images (TCAV score, the lower of "
        "the two).",
        KIM,
        readings.tcav(pl.col("score").min(), "in rule"),
        Expect.above(0.9),
        bar="ours: nine images in ten; a concept without effect has half",
        control=only(
            "scores of concepts that are not in the rule lie 0.2 nearer to 1/2",
            readings.tcav(FROM_CHANCE, "in rule") - readings.tcav(FROM_CHANCE, "absent"),
            Expect.above(0.2),
        ),
    ),
    Claim(
        "tcav_random",
        "The test at 5% calls at most a tenth of random sets of images significant.",
        KIM,
        readings.significant("random"),
        Expect.below(0.1),
        bar=FALSE,
    ),
    Claim(
        "tcav_absent",
        "The test at 5% calls at most a tenth of the concepts significant that images have and the "
        "rule has not.",
        KIM,
        readings.significant("absent"),
        Expect.below(0.1),
        bar=FALSE,
    ),
)

GRADIENTS = (
    Claim(
        "smoothgrad_gain",
        "Smoothing raises the overlap (IoU) of the 9 strongest pixels with the object's box by "
        "0.02.",
        SMILKOV,
        readings.saliency("iou") - readings.saliency("iou", method="plain"),
        Expect.above(0.02),
        bar="ours: 0.02, a small gain; the paper has pictures only",
    ),
    Claim(
        "smoothgrad_learned",
        "Smoothed gradients overlap the object's box by 0.2 more than an untrained network's.",
        OURS,
        readings.saliency("iou") - readings.saliency("iou", "untrained"),
        Expect.above(0.2),
        bar="ours: 0.2, a difference seen by eye",
    ),
    Claim(
        "smoothgrad_object",
        "Smoothed gradients overlap the object's box by 0.1 more than that of the grey object, "
        "which does not count.",
        OURS,
        readings.saliency("iou") - readings.saliency("other"),
        Expect.above(0.1),
        bar="ours: 0.1, a difference seen by eye",
        control=only(
            "in an untrained network the difference is at most half of that",
            readings.saliency("iou", "untrained") - readings.saliency("other", "untrained"),
            Expect.below(0.05),
        ),
    ),
)

SKILLS = (
    Claim(
        "skill_predictivity",
        "The best neuron separates half of a rule's answers from the others in 90% of new scenes.",
        WANG,
        readings.skill("best", "top"),
        Expect.above(0.9),
        bar="ours: nine scenes in ten; chance is 1/2",
    ),
    Claim(
        "skill_learned",
        "The best neuron is 10 points more accurate than the best of the untrained network.",
        OURS,
        readings.skill("best", "top") - readings.skill("untrained", "top"),
        Expect.above(0.1),
        bar="ours: 10 points, a difference seen by eye",
    ),
    Claim(
        "skill_perturbed",
        "Noise on the tenth of neurons that predict a rule best costs 5 points more of its "
        "accuracy than noise on random ones.",
        WANG,
        readings.skill("own", "top") - readings.skill("own", "random"),
        Expect.above(0.05),
        bar="ours: 5 points, half of the 10 that training must add",
        control=only(
            "it costs the other rules 5 points less",
            readings.skill("own", "top") - readings.skill("others", "top"),
            Expect.above(0.05),
        ),
    ),
)

CHOICE = (
    Claim(
        "qprobe_gain",
        "Choosing among 32 sampled answers by a linear Q on frozen features raises the reward by "
        "0.15.",
        LI,
        readings.reward("probe", 32) - ONE_ANSWER,
        Expect.above(0.15),
        bar="ours: 0.15 of a reward between 0 and 1, seen by eye",
        control=only(
            "features of an untrained network give 0.1 less",
            readings.reward("probe", 32) - readings.reward("untrained features", 32),
            Expect.above(0.1),
        ),
    ),
    Claim(
        "qprobe_oracle",
        "The linear Q gains 80% of what the best of 32 answers does.",
        OURS,
        (readings.reward("probe", 32) - ONE_ANSWER) / (readings.reward("oracle", 32) - ONE_ANSWER),
        Expect.above(0.8),
        bar="ours: four fifths of the most there is to gain",
    ),
)

ALIGNMENT = (
    Claim(
        "das_accuracy",
        "Interchanging half of a layer in a trained rotation acts as interchanging w == x in 95% "
        "of new pairs.",
        GEIGER,
        readings.best_iia("true"),
        Expect.above(0.95),
        bar="paper: 97%, less 2 points",
        paper=0.97,
        control=(
            Condition(
                "random rotations are 20 points less accurate at every layer",
                readings.best_iia("true") - readings.most_iia("random rotation"),
                Expect.above(0.2),
            ),
            Condition(
                "in an untrained network no layer exceeds 60%",
                readings.most_iia("untrained"),
                Expect.below(0.6),
            ),
        ),
    ),
    Claim(
        "das_wrong_variable",
        "A variable that the network does not need, the sign of a number in w, cannot be aligned: "
        "interchange accuracy stays below 55% at every layer.",
        OURS,
        readings.most_iia("wrong variable"),
        Expect.below(0.55),
        bar="theory: chance is 1/2; 5 points above it are ours",
    ),
)

SCENES = given(MIXED, *CONCEPTS, *GRADIENTS, *SKILLS, *CHOICE)
CLAIMS = (*given(TUNED, *ARITHMETIC), *SCENES, *given(SOLVED, *ALIGNMENT))
