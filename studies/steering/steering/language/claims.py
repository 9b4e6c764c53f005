"""Claims of the language half.

The papers judge large models on natural text, where nobody knows what the network has stored: most
regions are this laboratory's, as each ``bar`` says.
"""

import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import given, only

from ..readings import EASY, language, neurons, relation, swing, task_vector

ITI = "after Li et al. 2023 (ITI)"
REPE = "after Zou et al. 2023 (RepE)"
ACTADD = "after Turner et al. 2023 (activation addition)"
HENDEL = "after Hendel et al. 2023 (arXiv:2310.15916)"
BELROSE = "after Belrose et al. 2023 (tuned lens)"
LRE = "after Hernandez et al. 2023 (arXiv:2308.09124)"
DAI = "after Dai et al. 2022 (knowledge neurons)"
LARGE = "ours: 0.3 of the nouns, a difference seen by eye"

LEARNED = Condition(
    "the loss is within 0.1 nats of the best predictor's",
    language("learned").mean(pl.col("loss") - pl.col("best")),
    Expect.below(0.1),
)
KNOWN = Condition(
    "the network knows 95% of the facts",
    language("relations").mean("known"),
    Expect.above(0.95),
)
SHOWN = Condition(
    "five examples give 95% accuracy",
    task_vector("examples"),
    Expect.above(0.95),
)

MOODS = (
    Claim(
        "iti_direction",
        "Pushing the four heads that encode the mood best along the difference of class means "
        "swings the share of good nouns by 0.3 more than random directions of the same length.",
        ITI,
        swing("ITI", "mass mean") - swing("ITI", "random direction"),
        Expect.above(0.3),
        bar=LARGE,
    ),
    Claim(
        "iti_heads",
        "The same push swings the share of good nouns by 0.1 more in the four heads that encode "
        "the mood best than in four random other heads.",
        ITI,
        swing("ITI", "mass mean") - swing("ITI", "random heads"),
        Expect.above(0.1),
        bar="ours: 0.1 of the nouns, a difference seen by eye",
    ),
    Claim(
        "repe_reads",
        "A reading vector found on pairs of stories decodes the mood of stories without a marker "
        "20 points more accurately than random vectors, at the middle layer.",
        REPE,
        language("reading")
        .filter(middle=True)
        .value(pl.col("accuracy") - pl.col("random_accuracy")),
        Expect.above(0.2),
        bar="ours: 20 points of the 50 above chance",
    ),
    Claim(
        "repe_steers",
        "Adding the reading vector to the residual stream swings the share of good nouns by 0.3 "
        "more than random vectors of the same length.",
        REPE,
        swing("RepE", "reading vector") - swing("RepE", "random direction"),
        Expect.above(0.3),
        bar=LARGE,
        headline=True,
    ),
    Claim(
        "actadd_steers",
        "Adding the contrast of two one-word prompts at the first position swings the share of "
        "good nouns by 0.3 more than random vectors of the same length.",
        ACTADD,
        swing("ActAdd", "contrast") - swing("ActAdd", "random direction"),
        Expect.above(0.3),
        bar=LARGE,
    ),
)

MAPS = (
    Claim(
        "task_vector_accuracy",
        "A task vector patched into a prompt without examples has 80% of the accuracy that five "
        "examples give.",
        HENDEL,
        task_vector("patched") / task_vector("examples"),
        Expect.above(0.8),
        bar="ours: four fifths, nearly all of it",
        control=(
            Condition(
                "without the vector the prompt is 30 points less accurate",
                task_vector("patched") - task_vector("none"),
                Expect.above(0.3),
            ),
            Condition(
                "with another function's vector it is 50 points less accurate",
                task_vector("patched") - task_vector("wrong"),
                Expect.above(0.5),
            ),
        ),
    ),
)

LENSES = (
    Claim(
        "lens_descends",
        "The KL of the tuned lens to the final distribution never rises by more than 0.02 nats "
        "from one layer to the next.",
        BELROSE,
        language("lenses")
        .filter(kind="all")
        .aggregate(pl.col("tuned").sort_by("layer").diff().max()),
        Expect.below(0.02),
        bar="theory: no rise is 0; 0.02 nats for noise are ours",
    ),
)

FACTS = (
    Claim(
        "lre_faithful",
        "A linear map, the mean Jacobian at 8 subjects, gives the network's own answer for 70% of "
        "held-out subjects, for colour and shape.",
        LRE,
        relation(*EASY),
        Expect.above(0.7),
        bar="ours: seven subjects in ten, where guessing has 1/4",
        control=only(
            "the map's constant part alone is 30 points less faithful",
            relation(*EASY) - relation(*EASY, column="constant"),
            Expect.above(0.3),
        ),
    ),
    Claim(
        "lre_blend",
        "The map of the blend of colour and shape, a sum modulo 4, is 20 points less faithful.",
        LRE,
        relation(*EASY) - relation("blend"),
        Expect.above(0.2),
        bar="ours: 20 points, a difference seen by eye",
    ),
    Claim(
        "lre_causal",
        "Moving a subject by the low-rank inverse of the map changes the answer to the wanted "
        "object in 70% of pairs, for colour and shape.",
        LRE,
        relation(*EASY, column="causal"),
        Expect.above(0.7),
        bar="ours: seven pairs in ten, as of fidelity",
        control=only(
            "random moves of the same length do so 50 points less often",
            relation(*EASY, column="causal") - relation(*EASY, column="causal_random"),
            Expect.above(0.5),
        ),
    ),
    Claim(
        "kn_suppress",
        "Ablating the 20 neurons of largest integrated gradients takes half of a fact's "
        "probability.",
        DAI,
        neurons("top"),
        Expect.above(0.5),
        bar="ours: half of the probability",
        control=only("20 random ones take at most a tenth", neurons("random"), Expect.below(0.1)),
    ),
    Claim(
        "kn_specific",
        "Ablating them takes 0.2 more of the fact's own probability than of other subjects' facts.",
        DAI,
        neurons("top") - neurons("top", "others"),
        Expect.above(0.2),
        bar="ours: 0.2, a difference seen by eye",
    ),
)

CLAIMS = (
    *given(LEARNED, *MOODS),
    *given(SHOWN, *MAPS),
    *given(LEARNED, *LENSES),
    *given(KNOWN, *FACTS),
)
