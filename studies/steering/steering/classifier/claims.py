"""Claims of the classifier half of ``steering``.

Numbers of papers that stand in the notes from memory only are not given as theirs: such regions,
and all controls, are this laboratory's.
"""

import polars as pl

from toylab.claims import Claim, Expect

from ..readings import (
    FROM_CHANCE,
    GAINED,
    accuracy,
    arithmetic,
    best_iia,
    most_iia,
    reward,
    saliency,
    scenes,
    significant,
    skill,
    tcav,
)

OURS = "expected, this laboratory"
ILHARCO = "Ilharco et al. 2023 (arXiv:2212.04089); region: this laboratory"
KIM = "Kim et al. 2018 (arXiv:1711.11279); region: this laboratory"
SMILKOV = "Smilkov et al. 2017 (arXiv:1706.03825); region: this laboratory"
WANG = "Wang et al. 2022 (arXiv:2211.07349); region: this laboratory"
LI = "Li et al. 2024 (arXiv:2402.14688); region: this laboratory"
GEIGER = "Geiger et al. 2023 (arXiv:2303.02536), tutorial of pyvene; region: this laboratory"
ARITHMETIC = (
    Claim(
        "task_arithmetic_negate",
        "Subtracting a rule's vector, as far as the other rules keep 95% of their accuracy, leaves "
        "a third or less of the rule's accuracy above chance (mean of four rules).",
        ILHARCO,
        arithmetic("kept", "negate"),
        Expect.below(1 / 3),
    ),
    Claim(
        "task_arithmetic_negate_random",
        "A random vector with each weight's norm, subtracted by the same rule, leaves more of it: "
        "0.3 or more.",
        OURS,
        arithmetic("kept", "negate", "random") - arithmetic("kept", "negate"),
        Expect.above(0.3),
    ),
    Claim(
        "task_arithmetic_add",
        "The sum of two rules' vectors reaches 90% of each rule's own fine-tuned accuracy (the "
        "worse of the two; mean of six pairs).",
        ILHARCO,
        arithmetic("worst", "add"),
        Expect.above(0.9),
    ),
    Claim(
        "task_arithmetic_add_gain",
        "Not for what the network knew before: the sum has half or more of what fine-tuning gained "
        "on both rules.",
        OURS,
        scenes("toy_arithmetic").filter(operation="add", vector="task").aggregate(GAINED),
        Expect.above(0.5),
    ),
)

CONCEPTS = (
    Claim(
        "tcav_in_rule",
        "Concepts of the rule raise the class: TCAV scores of 0.9 or more (the lesser of two).",
        KIM,
        tcav(pl.col("score").min(), "in rule"),
        Expect.above(0.9),
    ),
    Claim(
        "tcav_in_rule_test",
        "The test calls both concepts of the rule significant (the larger p).",
        KIM,
        tcav(pl.col("p").max(), "in rule"),
        Expect.below(0.05),
    ),
    Claim(
        "tcav_random",
        "Sets of random images, treated as concepts, are called significant in a tenth or less.",
        KIM,
        significant("random"),
        Expect.below(0.1),
    ),
    Claim(
        "tcav_absent",
        "So are concepts that images have and the rule has not.",
        KIM,
        significant("absent"),
        Expect.below(0.1),
    ),
    Claim(
        "tcav_gap",
        "Scores of the rule's concepts lie further from 1/2 than those of absent ones, by 0.2.",
        OURS,
        tcav(FROM_CHANCE, "in rule") - tcav(FROM_CHANCE, "absent"),
        Expect.above(0.2),
    ),
)

GRADIENTS = (
    Claim(
        "smoothgrad_test",
        "Smoothed gradients overlap the object more than plain ones (paired one-sided p).",
        SMILKOV,
        saliency("p"),
        Expect.below(0.01),
    ),
    Claim(
        "smoothgrad_gain",
        "The overlap (IoU of the 9 strongest pixels with the object's box) grows by 0.02.",
        SMILKOV,
        saliency("iou") - saliency("iou", method="plain"),
        Expect.above(0.02),
    ),
    Claim(
        "smoothgrad_learned",
        "It exceeds that of an untrained network by 0.2.",
        OURS,
        saliency("iou") - saliency("iou", "untrained"),
        Expect.above(0.2),
    ),
    Claim(
        "smoothgrad_object",
        "The object's box is met more than the grey one's, which does not count, by 0.1.",
        OURS,
        saliency("iou") - saliency("other"),
        Expect.above(0.1),
    ),
)

SKILLS = (
    Claim(
        "skill_predictivity",
        "The best neuron tells half of a rule's answers from the others in 90% of new scenes (mean "
        "of four rules).",
        WANG,
        skill("best", "top"),
        Expect.above(0.9),
    ),
    Claim(
        "skill_learned",
        "It is better than the untrained network's best neuron by 0.1.",
        OURS,
        skill("best_learned", "top"),
        Expect.above(0.1),
    ),
    Claim(
        "skill_perturbed",
        "Noise on a tenth of neurons, the most predictive, costs 5 points of the rule's accuracy "
        "more than on random ones.",
        WANG,
        skill("own", "top") - skill("own", "random"),
        Expect.above(0.05),
    ),
    Claim(
        "skill_specific",
        "It costs 5 points more on the rule than on the others.",
        OURS,
        skill("own", "top") - skill("others", "top"),
        Expect.above(0.05),
    ),
)

CHOICE = (
    Claim(
        "qprobe_gain",
        "Picking among 32 answers by a linear Q on frozen features gains 0.15 of reward over one.",
        LI,
        reward("probe", 32) - reward("probe", 1),
        Expect.above(0.15),
    ),
    Claim(
        "qprobe_oracle",
        "That is 80% of what the best of 32 gains.",
        OURS,
        (reward("probe", 32) - reward("probe", 1)) / (reward("oracle", 32) - reward("probe", 1)),
        Expect.above(0.8),
    ),
    Claim(
        "qprobe_features",
        "Features of an untrained network gain less, by 0.1.",
        OURS,
        reward("probe", 32) - reward("untrained features", 32),
        Expect.above(0.1),
    ),
)

ALIGNMENT = (
    Claim(
        "das_task",
        "The network solves hierarchical equality: 99% of new examples.",
        GEIGER,
        accuracy(network="equality"),
        Expect.above(0.99),
        paper=0.996,
    ),
    Claim(
        "das_accuracy",
        "With a trained rotation, interchanging half a layer acts as interchanging w == x: 95% of "
        "new pairs (the layer that is best on other pairs).",
        GEIGER,
        best_iia("true"),
        Expect.above(0.95),
        paper=0.97,
    ),
    Claim(
        "das_wrong_variable",
        "A variable that the network does not need (a sign of w) cannot be aligned: 55% at every "
        "layer (the largest).",
        OURS,
        most_iia("wrong variable"),
        Expect.below(0.55),
    ),
    Claim(
        "das_random_rotation",
        "A random rotation has 0.2 less than the trained one.",
        OURS,
        best_iia("true") - most_iia("random rotation"),
        Expect.above(0.2),
    ),
    Claim(
        "das_untrained",
        "An untrained network cannot be aligned by a rotation: 60% at every layer (the largest). "
        "Maps more expressive than a rotation could (Sutter et al. 2025).",
        OURS,
        most_iia("untrained"),
        Expect.below(0.6),
    ),
)

CLAIMS = (*ARITHMETIC, *CONCEPTS, *GRADIENTS, *SKILLS, *CHOICE, *ALIGNMENT)
