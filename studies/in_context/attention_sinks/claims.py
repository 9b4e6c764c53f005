"""Claims of the study of attention sinks.

The paper gives values and pictures: most bounds are ours, as each ``bar`` says, and claims with
this laboratory as their source are checks that the paper does not make. Claims on ReLU attention
and SGD count the seeds whose networks have learned.
"""

import functools

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import only

from .readings import LEARNED, against_adam, at, cost, excess, growth, rising, where_learned

GUO = "Guo et al. 2024 (arXiv:2410.13835)"
OURS = "this laboratory"
CHANGED = "measure changed after a first judged run"
LITTLE = ", as good as no growth"


ADAM_LEARNED = Condition(
    "with Adam both risks are within 0.05 nats of the oracle's",
    excess("adam"),
    Expect.below(LEARNED),
)
adam_claim = functools.partial(Claim, requires=(ADAM_LEARNED,))

LOG_R2 = growth("adam", "logit_gap", "log", "r2")
SGD_RATE, RELU_RATE = (where_learned(arm, against_adam(arm)) for arm in ("sgd", "relu"))

CLAIMS = (
    adam_claim(
        "sink",
        "On symbols that are no triggers the head is dormant: 0.6 or more of its attention is on "
        "<s>.",
        GUO,
        at("adam", "sink_off"),
        Expect.above(0.6),
        bar="ours: 0.6, most of the attention; the paper has 0.81",
        paper=0.81,
        control=(
            Condition(
                "an untrained head has less than 0.1 on <s>",
                at("adam", "sink_off", first=True),
                Expect.below(0.1),
            ),
            Condition(
                "the second position gets less than 0.1",
                at("adam", "second_off"),
                Expect.below(0.1),
            ),
        ),
        headline=True,
    ),
    adam_claim(
        "active",
        "On triggers the head is active: less than 0.1 of its attention is on <s>.",
        GUO,
        at("adam", "sink_on"),
        Expect.below(0.1),
        bar="ours: a tenth, as good as no attention",
    ),
    adam_claim(
        "sink_needs_triggers",
        "Without triggers in the source <s> gets less attention, by 0.3.",
        OURS,
        at("adam", "sink_off") - at("plain", "sink_off"),
        Expect.above(0.3),
        bar="ours: half of the 0.6 that make a sink",
    ),
    adam_claim(
        "sink_is_of_use",
        "With attention to <s> blocked the bigram risk, on symbols that are no triggers, rises by "
        "0.1 nats.",
        OURS,
        cost("sink closed", "bigram_risk"),
        Expect.above(0.1),
        bar="ours: 0.1 nats, twice the excess risk that counts as learned",
    ),
    Claim(
        "sgd_sink",
        "With SGD the head looks at <s> too, by 0.5 or more on symbols that are no triggers.",
        f"{OURS}, from memory of {GUO}",
        where_learned("sgd", at("sgd", "sink_off")),
        Expect.above(0.5),
        bar="ours: half of the attention",
    ),
    Claim(
        "relu_no_sink",
        "ReLU attention has no sink: <s> has less than 0.05 of the pattern's sum, where uniform "
        "attention would give it 0.03.",
        f"{GUO}; {CHANGED}",
        where_learned("relu", at("relu", "share_off")),
        Expect.below(0.05),
        bar="ours: 0.05, near uniform attention's 0.03; the paper has 0",
        paper=0.0,
    ),
    Claim(
        "relu_same_risk",
        "ReLU attention has the bigram risk of softmax attention, within 0.02 nats.",
        GUO,
        at("relu", "bigram_risk") - at("adam", "bigram_risk"),
        Expect.between(-0.02, 0.02),
        bar="paper: a difference of 0; within 0.02 nats is ours",
        paper=0.0,
    ),
    adam_claim(
        "value_drain",
        "What the head writes when it looks at <s> has 0.35 or less of the norm that it has for "
        "other positions.",
        GUO,
        at("adam", "value_start") / at("adam", "value_other"),
        Expect.below(0.35),
        bar="ours: about a third, where before training the norms are equal",
        control=only(
            "before training the two norms are equal, within a third",
            at("adam", "value_start", first=True) / at("adam", "value_other", first=True),
            Expect.between(0.67, 1.5),
        ),
    ),
    Claim(
        "relu_no_drain",
        "With ReLU attention what the head writes for <s> does not shrink during training.",
        f"{GUO}; {CHANGED}",
        where_learned("relu", at("relu", "value_start") / at("relu", "value_start", first=True)),
        Expect.above(1),
        bar="theory: an unchanged norm has a ratio of 1",
        paper=10,
    ),
    adam_claim(
        "logit_grows_as_log",
        "Over the last decade of steps the score of <s>, relative to other keys, is a line in log "
        "t with an R2 of 0.9.",
        GUO,
        rising("adam", "logit_gap", "log"),
        Expect.above(0.9),
        bar="ours: 0.9, a line to the eye",
        control=only(
            "a line in t fits no better",
            growth("adam", "logit_gap", "log", "r2") - growth("adam", "logit_gap", "linear", "r2"),
            Expect.above(0),
        ),
    ),
    adam_claim(
        "residual_linear",
        "With Adam the residual norm of <s> grows linearly over the last decade of steps, with an "
        "R2 of 0.95.",
        GUO,
        rising("adam", "resid_start", "linear"),
        Expect.above(0.95),
        bar="ours: 0.95, a line to the eye; the paper has 0.999",
        paper=0.999,
    ),
    adam_claim(
        "residual_peak",
        "With Adam the residual norm of <s> ends up larger than that of other positions.",
        GUO,
        at("adam", "resid_start") / at("adam", "resid_other"),
        Expect.above(1),
        bar="theory: equal norms have a ratio of 1",
    ),
    *(
        Claim(
            f"{arm}_residual",
            f"{where} the residual norm of <s> grows at {share} of Adam's rate at most (median of "
            "the ratio over seeds in which Adam's grows).",
            f"{source}; {CHANGED}",
            reading,
            Expect.below(bound),
            bar=f"ours: {share} of Adam's rate{why}",
            statistic="median",
        )
        for arm, where, share, bound, why, source, reading in (
            ("sgd", "With SGD", "a tenth", 0.1, LITTLE, GUO, SGD_RATE),
            ("relu", "With ReLU attention", "a tenth", 0.1, LITTLE, GUO, RELU_RATE),
            ("plain", "Without triggers", "half", 0.5, "", OURS, against_adam("plain")),
        )
    ),
    adam_claim(
        "attention_copies",
        "Without attention the backcopy risk rises by 2 nats.",
        GUO,
        cost("no attention", "backcopy_risk"),
        Expect.above(2),
        bar="ours: 2 nats, about a quarter of the paper's 7.69",
        paper=7.69,
        control=only(
            "without attention the bigram risk stays, within 0.05 nats",
            cost("no attention", "bigram_risk"),
            Expect.between(-0.05, 0.05),
        ),
    ),
    adam_claim(
        "mlp_bigram",
        "Without the MLP the bigram risk rises by 1 nat.",
        GUO,
        cost("no MLP", "bigram_risk"),
        Expect.above(1),
        bar="ours: 1 nat, half of the paper's 1.98",
        paper=1.98,
    ),
)
