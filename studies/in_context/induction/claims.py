"""What the study ``induction`` claims.

A claim's ``bar`` says whose its bound is; where the source is this laboratory, the papers do not
say it.
"""

import functools

import numpy as np
import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import only

from . import readings

OWN = "this laboratory"
SAME = "theory: equally many steps have a ratio of 1"
LARGE = "ours: 0.4, a difference seen by eye"
OLSSON = "Olsson et al. 2022, In-context learning and induction heads"
EDELMAN = "Edelman et al. 2024, The evolution of statistical induction heads"
SINGH = "Singh et al. 2024, What needs to go right for an induction head?"
REDDY = "Reddy 2023, Data dependence and abrupt learning in in-context classification"

END = readings.chains().last().value("bigram")
AT_BIGRAM = Condition("two layers end at the bigram counter", END, Expect.below(0.05))
ONE_LAYER = readings.beside(readings.chains(1), "bigram", "unigram").last()
chain_claim = functools.partial(Claim, requires=(AT_BIGRAM,))

CLAIMS = (
    Claim(
        "induction_head_forms",
        "Two attention layers grow an induction head: trained on repeated segments of random "
        "period after a lead of random length, their best induction score ends at 0.6 or more, "
        "where uniform attention scores 0.05.",
        OLSSON,
        readings.repeats(2).last().value("induction"),
        Expect.above(0.6),
        bar="ours: 0.6, most of a head's attention; uniform attention has 0.05",
        headline=True,
    ),
    Claim(
        "one_layer_has_none",
        "One attention layer grows no induction head: its best induction score ends at 0.15 at "
        "most.",
        OLSSON,
        readings.repeats(1).last().value("induction"),
        Expect.below(0.15),
        bar="ours: 0.15, three times what uniform attention has",
    ),
    Claim(
        "induction_head_jumps",
        "It forms suddenly: within a tenth of training the best induction score rises by 0.4.",
        OLSSON,
        readings.has_learned(readings.rise(readings.repeats(2), "induction", 0.1)),
        Expect.above(0.4),
        bar="ours: 0.4, two thirds of the score that is asked in the end",
    ),
    Claim(
        "loss_drops_with_it",
        "The loss falls when the head forms: its greatest fall and the score's greatest rise are a "
        "twentieth of training apart at most.",
        OLSSON,
        readings.has_learned(readings.apart()),
        Expect.below(0.05),
        bar="ours: a twentieth of training, at about the same time",
    ),
    Claim(
        "needs_previous_token_head",
        "The circuit needs the first layer's previous-token head: without it the accuracy on "
        "copied tokens falls by 0.3.",
        OWN,
        readings.has_learned(readings.ablated(other=False)),
        Expect.above(0.3),
        bar="ours: 0.3, three times what the other head may cost",
        control=only(
            "without the first layer's other head it falls by 0.1 at most",
            readings.has_learned(readings.ablated(other=True)),
            Expect.below(0.1),
        ),
    ),
    Claim(
        "ends_at_bayes_bigram",
        "On fresh Markov chains a network of two layers ends at the Bayes predictor: the KL from "
        "the bigram counter is 0.05 nats at most.",
        EDELMAN,
        END,
        Expect.below(0.05),
        bar="theory: the Bayes predictor has 0; 0.05 nats above it is ours",
    ),
    Claim(
        "one_layer_stays_unigram",
        "One layer does not get there: its KL from the bigram counter stays at half of the unigram "
        "counter's or more.",
        OWN,
        readings.beside(readings.chains(1), "bigram", "unigram")
        .last()
        .value(pl.col("bigram") / pl.col("reference")),
        Expect.above(0.5),
        bar="ours: half of the unigram counter's",
    ),
    chain_claim(
        "unigram_before_bigram",
        "The network is nearest to the unigram counter before it is nearest to the bigram counter "
        "(log10 of the ratio of steps).",
        EDELMAN,
        (readings.nearest("bigram") / readings.nearest("unigram")).map(np.log10),
        Expect.above(0.0),
        bar="theory: log10 of equally many steps is 0",
    ),
    chain_claim(
        "unigram_phase",
        "The unigram phase is one of its own: the network comes closer to the unigram counter than "
        "any mixture of the uniform predictor and the bigram counter does (ratio of KLs).",
        OWN,
        readings.unigram_phase(),
        Expect.below(1.0),
        bar="control: the nearest mixture, a ratio of 1",
    ),
    chain_claim(
        "bigram_abrupt",
        "The bigram counter comes abruptly: within a tenth of training the KL from it falls by "
        "half of its KL to the unigram counter (not counting the fall from the uniform predictor).",
        OWN,
        readings.bigram_fall(),
        Expect.above(0.5),
        bar="ours: half of the fall, where a steady one has a tenth",
    ),
    chain_claim(
        "unigram_delays_bigram",
        "The unigram solution delays the bigram: on chains whose states are equally frequent the "
        "network is near the bigram counter sooner (ratio of steps to a quarter of the KL to the "
        "uniform predictor).",
        EDELMAN,
        readings.near_bigram(1.0) / readings.near_bigram(0.0),
        Expect.below(1.0),
        bar=SAME,
    ),
    Claim(
        "clamping_one_is_faster",
        "Three vectors that must multiply to a tensor learn sooner with one of them clamped to the "
        "answer (ratio of iterations to a tenth of the loss, none clamped to one clamped).",
        SINGH,
        readings.faster("none clamped", "c clamped"),
        Expect.above(1.0),
        bar=SAME,
        control=only(
            "with that vector frozen at its start half of the loss is left",
            readings.vectors("c frozen at its start", "last"),
            Expect.above(0.5),
        ),
    ),
    Claim(
        "clamping_two_is_fastest",
        "They learn still sooner with two clamped (ratio of iterations, one clamped to two).",
        SINGH,
        readings.faster("c clamped", "b and c clamped"),
        Expect.above(1.0),
        bar=SAME,
    ),
    Claim(
        "three_parts_plateau",
        "With none clamped the loss is on a plateau, above nine tenths of its start, for half of "
        "that time or more, where an exponential is there for 0.05 of it.",
        OWN,
        readings.vectors("none clamped", "to_90") / readings.vectors("none clamped", "to_10"),
        Expect.above(0.5),
        bar="ours: half of the time, ten times what an exponential has",
    ),
    Claim(
        "copies_a_random_label_first",
        "In-context classification waits at the chance of naming one of the context's labels: its "
        "accuracy where its greatest rise begins is within 0.1 of that chance, measured.",
        REDDY,
        readings.rise(readings.mixture("middle"), "in_context", 0.05, "before")
        - readings.mixture("middle").last().value("picked"),
        Expect.near(0.0, 0.1),
        bar="theory: the chance of naming a label of the context; within 0.1 is ours",
        paper=0.0,
    ),
    Claim(
        "in_context_accuracy_jumps",
        "Then it jumps: within a twentieth of training in-context accuracy rises by 0.5.",
        REDDY,
        readings.rise(readings.mixture("middle"), "in_context", 0.05),
        Expect.above(0.5),
        bar="ours: 50 points, a jump seen by eye",
    ),
    Claim(
        "bursts_and_classes_favour_context",
        "Bursts and many classes favour in-context learning: of what naming a random label of the "
        "context leaves, the network gains 0.4 more than with neither.",
        REDDY,
        readings.more("skill", "most", "least"),
        Expect.above(0.4),
        bar=LARGE,
    ),
    Claim(
        "few_classes_favour_weights",
        "Few classes without bursts favour in-weights learning: the accuracy on known classes that "
        "are not in the context is higher by 0.4 than with bursts and many classes.",
        REDDY,
        readings.more("in_weights", "least", "most"),
        Expect.above(0.4),
        bar=LARGE,
    ),
    *(
        Claim(
            f"{name}_alone_favour_context",
            f"{text} favour in-context learning (gain as above).",
            "from memory of " + REDDY,
            readings.more("skill", "most", without),
            Expect.above(0.0),
            bar="theory: no effect is 0",
        )
        for name, text, without in (
            ("bursts", "With many classes, bursts", "classes"),
            ("classes", "With bursts, many classes", "bursts"),
        )
    ),
)
