"""Claims of the study of steering methods: the language half, and both halves together.

Regions are this laboratory's where the source says so: the papers judge large models on natural
text, without a ground truth. A random control stands beside every method.
"""

import polars as pl

from toylab.claims import Claim, Expect

from ..readings import language, neurons, reached, relation, task_vector

OURS = "expected, this laboratory"
ITI = "after Li et al. 2023 (ITI); region: this laboratory"
REPE = "after Zou et al. 2023 (RepE); region: this laboratory"
ACTADD = "after Turner et al. 2023 (activation addition); region: this laboratory"
HENDEL = "after Hendel et al. 2023 (arXiv:2310.15916); region: this laboratory"
BELROSE = "after Belrose et al. 2023 (tuned lens); region: this laboratory"
LRE = "after Hernandez et al. 2023 (arXiv:2308.09124); region: this laboratory"
DAI = "after Dai et al. 2022 (knowledge neurons); region: this laboratory"
MOODS = (
    Claim(
        "language_learned",
        "Over the three kinds of phrases the model's loss is within 0.1 nats of the best "
        "predictor's.",
        OURS,
        language("learned").mean(pl.col("loss") - pl.col("best")),
        Expect.below(0.1),
    ),
    Claim(
        "iti_direction",
        "Pushing the best heads along the mass-mean direction moves the share of good nouns (from "
        "-alpha to +alpha) by 0.3 more than random directions of the same length do, each at a "
        "cost of 0.1 nats at verbs.",
        ITI,
        reached("ITI", "mass mean") - reached("ITI", "random direction"),
        Expect.above(0.3),
    ),
    Claim(
        "iti_heads",
        "So does pushing the best heads more than as many random other heads, by 0.1.",
        ITI,
        reached("ITI", "mass mean") - reached("ITI", "random heads"),
        Expect.above(0.1),
    ),
    Claim(
        "repe_mass_mean",
        "The first component of paired differences lies along the difference of class means: "
        "|cos| is 0.8 at the middle layer.",
        REPE,
        language("reading").filter(middle=True).value("cosine"),
        Expect.above(0.8),
    ),
    Claim(
        "repe_reads",
        "Found on stories whose mood is told, it tells the mood of stories whose mood is not, "
        "better than random vectors by 0.2 of accuracy at the middle layer.",
        REPE,
        language("reading")
        .filter(middle=True)
        .value(pl.col("accuracy") - pl.col("random_accuracy")),
        Expect.above(0.2),
    ),
    Claim(
        "repe_steers",
        "Adding it moves the share of good nouns by 0.3 more than random vectors of the same "
        "length, each at its best layer and a cost of 0.1 nats at verbs.",
        REPE,
        reached("RepE", "reading vector") - reached("RepE", "random direction"),
        Expect.above(0.3),
    ),
    Claim(
        "actadd_steers",
        "Adding the difference of two one-word prompts to the first place, after a block, moves "
        "the share of good nouns by 0.3 more than random vectors of the same length.",
        ACTADD,
        reached("ActAdd", "contrast") - reached("ActAdd", "random direction"),
        Expect.above(0.3),
    ),
)

MAPS = (
    Claim(
        "task_vector_accuracy",
        "A task vector patched into a prompt without examples gives 0.8 of the accuracy with five "
        "examples.",
        HENDEL,
        task_vector("patched") / task_vector("examples"),
        Expect.above(0.8),
    ),
    Claim(
        "task_vector_gain",
        "It gains 0.3 of accuracy over the same prompt without it.",
        HENDEL,
        task_vector("patched") - task_vector("none"),
        Expect.above(0.3),
    ),
    Claim(
        "task_vector_interior",
        "The best layer lies between the embedding and the last block's output (share of seeds).",
        HENDEL,
        task_vector("interior"),
        Expect.above(0.8),
    ),
    Claim(
        "task_vector_wrong",
        "Another function's vector gives the right answer less often, by 0.5.",
        OURS,
        task_vector("patched") - task_vector("wrong"),
        Expect.above(0.5),
    ),
)

LENSES = (
    Claim(
        "lens_tuned",
        "The tuned lens is nearer to the final distribution than the logit lens at every layer "
        "before the last (the smallest gain in nats; it is trained for this, judged on new "
        "phrases).",
        BELROSE,
        language("lenses").aggregate((pl.col("logit") - pl.col("tuned")).min()),
        Expect.above(0),
    ),
    Claim(
        "lens_descends",
        "The tuned lens's KL never rises with depth by more than 0.02 nats.",
        BELROSE,
        language("lenses").aggregate(pl.col("tuned").sort_by("layer").diff().max()),
        Expect.below(0.02),
    ),
    Claim(
        "lens_own",
        "Another layer's translator is further from the final distribution, by 0.1 nats on average "
        "over layers.",
        OURS,
        language("lenses").mean(pl.col("shuffled") - pl.col("tuned")),
        Expect.above(0.1),
    ),
)

FACTS = (
    Claim(
        "lre_faithful",
        "A linear map from the mean Jacobian at 8 subjects names the object of 70% of other "
        "subjects, for colour and shape.",
        LRE,
        relation("colour", "shape"),
        Expect.above(0.7),
    ),
    Claim(
        "lre_beyond_constant",
        "That is 0.3 more than the map's constant part alone (the mean output) gives.",
        OURS,
        relation("colour", "shape") - relation("colour", "shape", column="constant"),
        Expect.above(0.3),
    ),
    Claim(
        "lre_blend",
        "On the blend of both, a sum modulo 4, it is less faithful, by 0.2.",
        LRE,
        relation("colour", "shape") - relation("blend"),
        Expect.above(0.2),
    ),
    Claim(
        "lre_causal",
        "Moving a subject through the low-rank inverse changes the answer to the wanted object in "
        "70% of pairs, for colour and shape.",
        LRE,
        relation("colour", "shape", column="causal"),
        Expect.above(0.7),
    ),
    Claim(
        "lre_causal_random",
        "Random moves of the same length do so less often, by 0.5.",
        OURS,
        relation("colour", "shape", column="causal")
        - relation("colour", "shape", column="causal_random"),
        Expect.above(0.5),
    ),
    Claim(
        "kn_suppress",
        "Zeroing a fact's 20 neurons of largest integrated gradients takes half of the correct "
        "probability.",
        DAI,
        neurons("top"),
        Expect.above(0.5),
    ),
    Claim(
        "kn_random",
        "Zeroing 20 random neurons takes a tenth at most.",
        DAI,
        neurons("random"),
        Expect.below(0.1),
    ),
    Claim(
        "kn_specific",
        "Facts of other subjects lose less than the fact itself, by 0.2.",
        OURS,
        neurons("top") - neurons("top", "others"),
        Expect.above(0.2),
    ),
)

CLAIMS = (*MOODS, *MAPS, *LENSES, *FACTS)
