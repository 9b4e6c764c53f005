"""Claims of the study of attention sinks.

Regions are this laboratory's where the source says so: the paper gives values and pictures. Claims
marked "expected, this laboratory" are controls and checks that the paper does not make.
"""

from toylab.claims import Claim, Expect

from .readings import (
    against_adam,
    at,
    cut,
    excess,
    law,
    rising,
    where_learned,
)

GUO = "Guo et al. 2024 (arXiv:2410.13835)"
OURS = "expected, this laboratory"
GUO_OURS = f"{GUO}; region: this laboratory"
CHANGED = "(changed after a first judged run)"
SEEDS = "over seeds that learned both risks"
RATE = "median ratio over seeds where Adam's grows"
OFF, ON = at("adam", "sink_off"), at("adam", "sink_on")
DRAIN = at("adam", "value_start") / at("adam", "value_other")

LEARNED = (
    Claim(
        "learned_adam",
        "With Adam, both risks are within 0.05 nats of the oracle's.",
        OURS,
        excess("adam"),
        Expect.below(0.05),
    ),
    Claim(
        "learned_sgd",
        "With SGD, both risks are within 0.05 nats of the oracle's.",
        OURS,
        excess("sgd"),
        Expect.below(0.05),
    ),
    Claim(
        "learned_relu",
        "With ReLU attention, both risks are within 0.05 nats of the oracle's.",
        OURS,
        excess("relu"),
        Expect.below(0.05),
    ),
)

SINK = (
    Claim(
        "sink",
        "The head is dormant on symbols that are no triggers: it looks at <s>.",
        GUO_OURS,
        OFF,
        Expect.above(0.6),
        paper=0.81,
    ),
    Claim(
        "active",
        "The head is active on triggers: it looks away from <s>.",
        GUO_OURS,
        ON,
        Expect.below(0.1),
    ),
    Claim("active_dormant_gap", "The two differ by half.", GUO, OFF - ON, Expect.above(0.5)),
    Claim(
        "sink_learned",
        "The sink is learned: the untrained network has little of it.",
        OURS,
        OFF - at("adam", "sink_off", first=True),
        Expect.above(0.5),
    ),
    Claim(
        "sink_place",
        "The sink is <s> and no other early place: the second place gets little.",
        OURS,
        at("adam", "second_off"),
        Expect.below(0.1),
    ),
    Claim(
        "sink_needs_triggers",
        "Without triggers in the source there is less of a sink, by 0.3.",
        OURS,
        OFF - at("plain", "sink_off"),
        Expect.above(0.3),
    ),
    Claim(
        "sink_is_of_use",
        "With the sink closed, the risk on symbols that are no triggers rises by 0.1 nats.",
        OURS,
        cut("sink closed", "bigram_risk") - cut("whole", "bigram_risk"),
        Expect.above(0.1),
    ),
)

DRAINED = (
    Claim(
        "value_drain",
        "What the head writes when it looks at <s> is small against other places.",
        GUO_OURS,
        DRAIN,
        Expect.below(0.35),
    ),
    Claim(
        "value_drain_learned",
        "The drain is learned: before training <s> writes as much as others, within a third.",
        OURS,
        at("adam", "value_start", first=True) / at("adam", "value_other", first=True),
        Expect.between(0.67, 1.5),
    ),
    Claim(
        "relu_no_drain",
        "With ReLU attention what <s> writes does not shrink during training: its own norm, end "
        f"over start, not <s> over other places as in value_drain; {SEEDS} {CHANGED}.",
        GUO,
        where_learned("relu", at("relu", "value_start") / at("relu", "value_start", first=True)),
        Expect.above(1),
        paper=10,
    ),
)

GROWTH = (
    Claim(
        "logit_grows_as_log",
        "Over the last decade of steps the score of <s> above other keys grows as log t (R2 of 10 "
        "log-spaced snapshots in the laptop preset).",
        GUO_OURS,
        rising("adam", "logit_gap", "log"),
        Expect.above(0.9),
    ),
    Claim(
        "log_beats_linear",
        "A straight line in log t fits the score's growth better than one in t (R2 apart, through "
        "the same log-spaced snapshots, 10 in the laptop preset).",
        OURS,
        law("adam", "logit_gap", "log", "r2") - law("adam", "logit_gap", "linear", "r2"),
        Expect.above(0),
    ),
    Claim(
        "residual_linear",
        "Under Adam the residual of <s> grows linearly over the last decade (R2 of the same 10 "
        "log-spaced snapshots).",
        GUO_OURS,
        rising("adam", "resid_start", "linear"),
        Expect.above(0.95),
        paper=0.999,
    ),
    Claim(
        "residual_peak",
        "Under Adam the residual of <s> ends up larger than that of other places.",
        GUO,
        at("adam", "resid_start") / at("adam", "resid_other"),
        Expect.above(1),
    ),
    Claim(
        "sgd_residual",
        "Under SGD the residual of <s> grows at a tenth of Adam's rate at most "
        f"({RATE}, {SEEDS}) {CHANGED}.",
        GUO_OURS,
        where_learned("sgd", against_adam("sgd")),
        Expect.below(0.1),
        statistic="median",
    ),
    Claim(
        "relu_residual",
        "With ReLU attention the residual of <s> grows at a tenth of Adam's rate at most "
        f"({RATE}, {SEEDS}) {CHANGED}.",
        GUO_OURS,
        where_learned("relu", against_adam("relu")),
        Expect.below(0.1),
        statistic="median",
    ),
    Claim(
        "plain_residual",
        f"Without triggers the residual of <s> grows at half the rate at most ({RATE}) {CHANGED}.",
        OURS,
        against_adam("plain"),
        Expect.below(0.5),
        statistic="median",
    ),
)

ARMS = (
    Claim(
        "relu_no_sink",
        "ReLU attention has no sink: <s> has little of the pattern's sum, of which an even pattern "
        f"at length 64 gives it 0.03; {SEEDS} {CHANGED}.",
        GUO_OURS,
        where_learned("relu", at("relu", "share_off")),
        Expect.below(0.05),
        paper=0.0,
    ),
    Claim(
        "relu_same_risk",
        "ReLU attention has the same bigram risk as softmax, within 0.02 nats.",
        GUO_OURS,
        at("relu", "bigram_risk") - at("adam", "bigram_risk"),
        Expect.between(-0.02, 0.02),
        paper=0.0,
    ),
    Claim(
        "sgd_sink",
        f"Under SGD too the head looks at <s> on other symbols; {SEEDS} {CHANGED}.",
        f"{OURS}, from memory of {GUO}",
        where_learned("sgd", at("sgd", "sink_off")),
        Expect.above(0.5),
    ),
)

ABLATIONS = (
    Claim(
        "attention_copies",
        "Without attention the backcopy risk rises by 2 nats at least.",
        GUO_OURS,
        cut("no attention", "backcopy_risk") - cut("whole", "backcopy_risk"),
        Expect.above(2),
        paper=7.69,
    ),
    Claim(
        "attention_only_copies",
        "Without attention the bigram risk stays, within 0.05 nats.",
        GUO_OURS,
        cut("no attention", "bigram_risk") - cut("whole", "bigram_risk"),
        Expect.between(-0.05, 0.05),
        paper=0.0,
    ),
    Claim(
        "mlp_bigram",
        "Without the MLP the bigram risk rises by 1 nat at least.",
        GUO_OURS,
        cut("no MLP", "bigram_risk") - cut("whole", "bigram_risk"),
        Expect.above(1),
        paper=1.98,
    ),
)

CLAIMS = (*LEARNED, *SINK, *DRAINED, *GROWTH, *ARMS, *ABLATIONS)
