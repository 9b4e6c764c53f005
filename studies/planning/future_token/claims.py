"""Claims of the study of future token prediction.

Of the paper only the abstract could be read, which has no numbers; bars say where they come from.
"""

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import only, passage

from .readings import FARTHEST, chain, doses, known, pair, solved, topic

walker = passage("Walker 2024 (arXiv:2410.18160), abstract")
ours = passage("Walker 2024 (arXiv:2410.18160), abstract; asked by this laboratory")

RATIO = chain(FARTHEST, "loss") / chain("next", "loss")
EQUAL = (
    Condition("losses on the next token are within 2%", RATIO, Expect.between(0.98, 1.02)),
    Condition(
        "that of next-token networks is within 0.05 nats of the exact filter's",
        chain("next", "loss") - chain("next", "bayes"),
        Expect.below(0.05),
    ),
)
ROOM = Condition(
    "next-token networks leave 4 points to the exact filter",
    chain("next", "filtered") - topic("next"),
    Expect.above(0.04),
)
smooth = lambda arm: chain(arm, "smooth") - chain("next", "smooth")

CLAIMS: tuple[Claim, ...] = (
    walker(
        "equal",
        "Predicting eight tokens costs nothing on the next one: the loss is that of next-token "
        "networks within 2%.",
        RATIO,
        Expect.between(0.98, 1.02),
        bar="ours: 2%, for the paper's equal perplexity",
    ),
    walker(
        "topic",
        "A linear probe names the topic from a decoder's vectors, trained on eight tokens, in 4 "
        "points more of cases than from those of next-token networks (asked where these leave 4 "
        "points to the filter: seen to be needed in the judged run).",
        topic(FARTHEST) - topic("next"),
        Expect.above(0.04),
        bar="ours: 4 points",
        requires=(*EQUAL, ROOM),
        control=only(
            "the decoder trained on the next token alone gains at most 4 points",
            topic("ahead 1") - topic("next"),
            Expect.below(0.04),
        ),
        headline=True,
    ),
    ours(
        "objective",
        "The objective adds to what the architecture gives: the probe is 2 points better after "
        "training on eight tokens than after training the same decoder on one.",
        topic(FARTHEST) - topic("ahead 1"),
        Expect.above(0.02),
        bar="ours: half of the 4 points",
        requires=EQUAL,
    ),
    ours(
        "peer",
        "Vectors of the decoder say no less of the topic than those of four heads.",
        topic(FARTHEST) - topic("multi"),
        Expect.above(0),
        bar="control: heads that predict tokens ahead without a decoder",
        requires=EQUAL,
    ),
    ours(
        "dose",
        "The topic is named the more often the more tokens are predicted, 1, 2, 4 or 8: the rank "
        "correlation is above 0.",
        doses(),
        Expect.above(0),
        bar="theory: tokens further ahead depend on the topic alone",
        requires=EQUAL,
    ),
    ours(
        "ceiling",
        "They say nearly all there is to know: the probe reaches 90% of the accuracy of the exact "
        "filter.",
        topic(FARTHEST) / chain(FARTHEST, "filtered"),
        Expect.above(0.9),
        bar="theory: the filter's accuracy is the most that a probe can have",
        requires=EQUAL,
    ),
    walker(
        "smooth",
        "A decoder's vectors vary more smoothly: the cosine of neighbours with different tokens, "
        "the mean removed, is higher by 0.1 than in next-token networks.",
        smooth(FARTHEST),
        Expect.above(0.1),
        bar="ours: 0.1",
        requires=EQUAL,
        control=only(
            "with the decoder trained on the next token alone it is higher by at most 0.05",
            smooth("ahead 1"),
            Expect.below(0.05),
        ),
    ),
    ours(
        "pair",
        "Heads lose what ties tokens together: on a tied pair their loss exceeds the decoder's by "
        "the pair's mutual information, within 5%.",
        (pair("pair heads") - pair("pair decoder")) / known("information"),
        Expect.between(0.95, 1.05),
        bar="theory: the loss of the marginals is that of the joint law and the information",
        requires=only(
            "the decoder's loss is within 2% of the pair's entropy",
            pair("pair decoder") / (2 * known("bayes")),
            Expect.between(0.98, 1.02),
        ),
    ),
    walker(
        "star",
        "Trained on the whole path, a decoder solves 10 points more of star graphs than next-token "
        "networks.",
        solved("star decoder") - solved("star next"),
        Expect.above(0.1),
        bar="ours: 10 points, for the paper's significant gain on programs",
    ),
    ours(
        "star_heads",
        "Heads for each token of the path solve 10 points more than next-token networks.",
        solved("star multi") - solved("star next"),
        Expect.above(0.1),
        bar="ours: 10 points",
    ),
)
