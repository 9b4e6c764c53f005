"""What the study ``induction`` claims; every number is judged seed by seed."""

import numpy as np
import polars as pl

from toylab.claims import Claim, Expect

from .readings import (
    BIGRAM,
    ablated,
    apart,
    beside,
    bigram_fall,
    chains,
    faster,
    mixture,
    more,
    near_bigram,
    nearest,
    repeats,
    rise,
    unigram_phase,
    vectors,
)

OWN = "expected, this laboratory"
HERE = "; region: this laboratory"
OLSSON = "Olsson et al. 2022, In-context learning and induction heads"
EDELMAN = "Edelman et al. 2024, The evolution of statistical induction heads"
SINGH = "Singh et al. 2024, What needs to go right for an induction head?"
REDDY = "Reddy 2023, Data dependence and abrupt learning in in-context classification"

CLAIMS = (
    Claim(
        key="induction_head_forms",
        text="Two attention layers grow an induction head: best induction score at the end of "
        "training on repeated segments of random period (an even head scores 0.05).",
        source=OLSSON + HERE,
        reading=repeats(2).last().value("induction"),
        expect=Expect.above(0.6),
    ),
    Claim(
        key="induction_head_jumps",
        text="It forms suddenly: greatest rise of the best induction score within a tenth of "
        "training.",
        source=OLSSON + HERE,
        reading=rise(repeats(2), "induction", 0.1),
        expect=Expect.above(0.4),
    ),
    Claim(
        key="loss_drops_with_it",
        text="The loss falls then: distance of its greatest fall from the score's greatest rise, "
        "as a share of training.",
        source=OLSSON + HERE,
        reading=apart(),
        expect=Expect.below(0.05),
    ),
    Claim(
        key="one_layer_has_none",
        text="One attention layer grows none: its best induction score at the end of training.",
        source=OLSSON + HERE,
        reading=repeats(1).last().value("induction"),
        expect=Expect.below(0.15),
    ),
    Claim(
        key="needs_previous_token_head",
        text="The circuit needs the first layer's previous-token head: accuracy on copied tokens "
        "lost without it.",
        source=OWN,
        reading=ablated(other=False),
        expect=Expect.above(0.3),
    ),
    Claim(
        key="not_the_other_head",
        text="And not the first layer's other head, the control: accuracy lost without it.",
        source=OWN,
        reading=ablated(other=True),
        expect=Expect.below(0.1),
    ),
    Claim(
        key="uniform_before_unigram",
        text="On fresh Markov chains a network is nearest to the uniform predictor before it is "
        "nearest to the unigram counter: log10 of the ratio of steps.",
        source=EDELMAN,
        reading=(nearest("unigram") / nearest("uniform")).map(np.log10),
        expect=Expect.above(0.0),
    ),
    Claim(
        key="unigram_before_bigram",
        text="It is nearest to the unigram counter before it is nearest to the bigram counter: "
        "log10 of the ratio of steps.",
        source=EDELMAN,
        reading=(nearest("bigram") / nearest("unigram")).map(np.log10),
        expect=Expect.above(0.0),
    ),
    Claim(
        key="unigram_phase",
        text="The unigram phase is one of its own, the network comes closer to the unigram counter "
        "than any mixture of uniform and bigram is: least KL from the unigram counter to the "
        "network, as a share of the least to a mixture.",
        source=OWN,
        reading=unigram_phase(),
        expect=Expect.below(1.0),
    ),
    Claim(
        key="bigram_abrupt",
        text="The bigram comes abruptly: greatest fall of the KL from the bigram counter within a "
        "tenth of training, as a share of its KL to the unigram counter; higher values count as "
        "that, so that the first fall, from the uniform predictor, does not count.",
        source=OWN,
        reading=bigram_fall(),
        expect=Expect.above(0.5),
    ),
    Claim(
        key="ends_at_bayes_bigram",
        text="It ends at the Bayes predictor: last KL from the bigram counter, nats.",
        source=EDELMAN + HERE,
        reading=chains().last().value("bigram"),
        expect=Expect.below(BIGRAM),
    ),
    Claim(
        key="one_layer_stays_unigram",
        text="One layer does not get there: its last KL from the bigram counter, as a share of "
        "the unigram counter's.",
        source=OWN,
        reading=beside(chains(1), "bigram", "unigram")
        .last()
        .value(pl.col("bigram") / pl.col("reference")),
        expect=Expect.above(0.5),
    ),
    Claim(
        key="unigram_delays_bigram",
        text="The unigram solution delays the bigram: on chains whose states are equally frequent "
        "the network is near the bigram counter sooner (ratio of steps to a quarter of the KL "
        "from that world's bigram counter to the uniform predictor).",
        source=EDELMAN,
        reading=near_bigram(1.0) / near_bigram(0.0),
        expect=Expect.below(1.0),
    ),
    Claim(
        key="clamping_one_is_faster",
        text="Three vectors that must multiply to a tensor learn sooner with one clamped to the "
        "answer: iterations to a tenth of the loss, none clamped over c clamped.",
        source=SINGH,
        reading=faster("none clamped", "c clamped"),
        expect=Expect.above(1.0),
    ),
    Claim(
        key="clamping_two_is_fastest",
        text="And sooner still with two: iterations, c clamped over b and c clamped.",
        source=SINGH,
        reading=faster("c clamped", "b and c clamped"),
        expect=Expect.above(1.0),
    ),
    Claim(
        key="three_parts_plateau",
        text="With nothing clamped most of that time is a plateau: share of it above nine tenths "
        "of the loss (an exponential: 0.05).",
        source=OWN,
        reading=vectors("none clamped", "to_90") / vectors("none clamped", "to_10"),
        expect=Expect.above(0.5),
    ),
    Claim(
        key="one_part_is_exponential",
        text="With two clamped there is no plateau, the loss falls exponentially: iterations to a "
        "tenth of it over those of the exponential.",
        source="theory: the gradient is linear in a" + HERE,
        paper=1.0,
        reading=vectors("b and c clamped", "to_10") / vectors("b and c clamped", "exponential"),
        expect=Expect.near(1.0, 0.1),
    ),
    Claim(
        key="frozen_is_no_help",
        text="Clamping helps by giving the answer, not by training less: share of the loss left "
        "when c is frozen where it began.",
        source=OWN,
        reading=vectors("c frozen at its start", "last"),
        expect=Expect.above(0.5),
    ),
    Claim(
        key="copies_a_random_label_first",
        text="In-context classification waits at the chance of naming one of the context's "
        "labels: in-context accuracy where its greatest rise begins, less that chance, four "
        "classes in context. (First 0.25 +- 0.1; after trials the chance is measured, as labels "
        "of classes may coincide.).",
        source=REDDY + HERE,
        paper=0.0,
        reading=rise(mixture("middle"), "in_context", 0.05, "before")
        - mixture("middle").last().value("picked"),
        expect=Expect.near(0.0, 0.1),
    ),
    Claim(
        key="in_context_accuracy_jumps",
        text="Then it jumps: greatest rise of in-context accuracy within a twentieth of training.",
        source=REDDY + HERE,
        reading=rise(mixture("middle"), "in_context", 0.05),
        expect=Expect.above(0.5),
    ),
    Claim(
        key="bursts_and_classes_favour_context",
        text="Bursts and many classes favour in-context learning: in-context accuracy beyond "
        "naming a random label of the context, over what is left; most of both less least, "
        "examined on the same sequences with bursts of 2.",
        source=REDDY + HERE,
        reading=more("skill", "most", "least"),
        expect=Expect.above(0.4),
    ),
    Claim(
        key="few_classes_favour_weights",
        text="Few classes without bursts favour in-weights learning: accuracy on known classes "
        "that are not in the context, least of both less most.",
        source=REDDY + HERE,
        reading=more("in_weights", "least", "most"),
        expect=Expect.above(0.4),
    ),
    Claim(
        key="bursts_alone_favour_context",
        text="Bursts alone do it: same measure, both with many classes.",
        source="from memory of " + REDDY,
        reading=more("skill", "most", "classes"),
        expect=Expect.above(0.0),
    ),
    Claim(
        key="classes_alone_favour_context",
        text="Many classes alone do it: same measure, both with bursts.",
        source="from memory of " + REDDY,
        reading=more("skill", "most", "bursts"),
        expect=Expect.above(0.0),
    ),
)
