"""Claims of the study of attention sinks.

The paper gives values and pictures: where a source says "region: this laboratory" the bound is
ours, and claims marked "expected, this laboratory" are checks that the paper does not make. Claims
on ReLU attention and SGD count the seeds whose networks have learned.
"""

import functools

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import only

from .readings import LEARNED, against_adam, at, cost, excess, growth, rising, where_learned

GUO = "Guo et al. 2024 (arXiv:2410.13835)"
OURS = "expected, this laboratory"
GUO_OURS = f"{GUO}; region: this laboratory"
CHANGED = "measure changed after a first judged run"


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
        GUO_OURS,
        at("adam", "sink_off"),
        Expect.above(0.6),
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
        GUO_OURS,
        at("adam", "sink_on"),
        Expect.below(0.1),
    ),
    adam_claim(
        "sink_needs_triggers",
        "Without triggers in the source <s> gets less attention, by 0.3.",
        OURS,
        at("adam", "sink_off") - at("plain", "sink_off"),
        Expect.above(0.3),
    ),
    adam_claim(
        "sink_is_of_use",
        "With attention to <s> blocked the bigram risk, on symbols that are no triggers, rises by "
        "0.1 nats.",
        OURS,
        cost("sink closed", "bigram_risk"),
        Expect.above(0.1),
    ),
    Claim(
        "sgd_sink",
        "With SGD the head looks at <s> too, by 0.5 or more on symbols that are no triggers.",
        f"{OURS}, from memory of {GUO}",
        where_learned("sgd", at("sgd", "sink_off")),
        Expect.above(0.5),
    ),
    Claim(
        "relu_no_sink",
        "ReLU attention has no sink: <s> has less than 0.05 of the pattern's sum, where uniform "
        "attention would give it 0.03.",
        f"{GUO_OURS}; {CHANGED}",
        where_learned("relu", at("relu", "share_off")),
        Expect.below(0.05),
        paper=0.0,
    ),
    Claim(
        "relu_same_risk",
        "ReLU attention has the bigram risk of softmax attention, within 0.02 nats.",
        GUO_OURS,
        at("relu", "bigram_risk") - at("adam", "bigram_risk"),
        Expect.between(-0.02, 0.02),
        paper=0.0,
    ),
    adam_claim(
        "value_drain",
        "What the head writes when it looks at <s> has 0.35 or less of the norm that it has for "
        "other positions.",
        GUO_OURS,
        at("adam", "value_start") / at("adam", "value_other"),
        Expect.below(0.35),
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
        paper=10,
    ),
    adam_claim(
        "logit_grows_as_log",
        "Over the last decade of steps the score of <s>, relative to other keys, is a line in log "
        "t with an R2 of 0.9.",
        GUO_OURS,
        rising("adam", "logit_gap", "log"),
        Expect.above(0.9),
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
        GUO_OURS,
        rising("adam", "resid_start", "linear"),
        Expect.above(0.95),
        paper=0.999,
    ),
    adam_claim(
        "residual_peak",
        "With Adam the residual norm of <s> ends up larger than that of other positions.",
        GUO,
        at("adam", "resid_start") / at("adam", "resid_other"),
        Expect.above(1),
    ),
    *(
        Claim(
            f"{arm}_residual",
            f"{where} the residual norm of <s> grows at {share} of Adam's rate at most (median of "
            "the ratio over seeds in which Adam's grows).",
            f"{source}; {CHANGED}",
            reading,
            Expect.below(bound),
            statistic="median",
        )
        for arm, where, share, bound, source, reading in (
            ("sgd", "With SGD", "a tenth", 0.1, GUO_OURS, SGD_RATE),
            ("relu", "With ReLU attention", "a tenth", 0.1, GUO_OURS, RELU_RATE),
            ("plain", "Without triggers", "half", 0.5, OURS, against_adam("plain")),
        )
    ),
    adam_claim(
        "attention_copies",
        "Without attention the backcopy risk rises by 2 nats.",
        GUO_OURS,
        cost("no attention", "backcopy_risk"),
        Expect.above(2),
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
        GUO_OURS,
        cost("no MLP", "bigram_risk"),
        Expect.above(1),
        paper=1.98,
    ),
)
