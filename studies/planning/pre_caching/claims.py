"""Claims of the study of pre-caching.

Errors are squared errors of sums over the variance of a sum: predicting 0 has 1. R^2 are of linear
probes of f(x_n) at position n on held-out sequences, in the stream after the first block.
"""

from toylab.claims import Claim, Condition, Expect
from toylab.conditions import only, passage
from toylab.read import Reading

from .readings import best_myopic, decodable, doses, error, furthest, plain

WU = "Wu, Morris and Levine 2024 (arXiv:2404.00859)"
synthetic = passage(f"{WU}, synthetic task")
ours = passage(f"{WU}; asked by this laboratory")


def learned(arm: str, most: float = 0.3) -> Condition:
    """An arm's networks have learned the sum."""
    return Condition(f"{arm}: the error is at most {most}", error(arm), Expect.below(most))


def less(text: str, reading: Reading, most: float = 0.25) -> Condition:
    """A control: the term is less decodable."""
    return Condition(f"{text}: R^2 is at most {most}", reading, Expect.below(most))


VANILLA, RARE = (learned("vanilla"),), (learned("rare", 0.5),)
LEAST = "paper: over its four p myopic training has 0.75 to 0.98 of what predicting 0 costs"
PRESENT = "ours: more than half of the variance"

CLAIMS: tuple[Claim, ...] = (
    synthetic(
        "gap",
        "Trained myopically, at the better of two rates, networks leave 75% of the variance of "
        "sums that vanilla networks learn.",
        best_myopic(),
        Expect.above(0.75),
        bar=LEAST,
        paper=0.98,
        requires=VANILLA,
        control=only(
            "where the sum begins with a position's own term, myopic networks leave at most 75%, "
            "as they read the past",
            error("crumbs"),
            Expect.below(0.75),
        ),
        headline=True,
    ),
    synthetic(
        "vanilla",
        "Trained on the whole gradient, networks leave at most 10% of the variance of sums.",
        error("vanilla"),
        Expect.below(0.1),
        bar="paper: 0.003 to 0.096 over its p",
        paper="0.003 to 0.096",
    ),
    ours(
        "reading",
        "The gap is not one of reading: with W_K and W_V that learn from later positions, so that "
        "only the past hidden states get no gradient, myopic networks still leave 75%.",
        error("reading"),
        Expect.above(0.75),
        bar=LEAST,
        requires=VANILLA,
    ),
    synthetic(
        "probe",
        "In vanilla networks the sine of a position's own number, of no use to that position, is "
        "linearly decodable after the first block, with R^2 of 0.6.",
        decodable("vanilla"),
        Expect.above(0.6),
        bar=PRESENT,
        paper="0.985 at width 256",
        requires=VANILLA,
        control=(
            less("untrained", decodable("vanilla", first=True), 0.5),
            less("trained on x alone", decodable("plain"), 0.5),
            less("before the first MLP", decodable("vanilla", "before the MLP")),
        ),
    ),
    synthetic(
        "probe_myopic",
        "In myopic networks it is no more decodable than before training, from random features.",
        decodable("myopic") - decodable("myopic", first=True),
        Expect.below(0),
        bar="control: the untrained network's own R^2",
        paper="at most 0.02",
        requires=VANILLA,
    ),
    synthetic(
        "rare",
        "Where sums are asked for at 30% of positions, myopic networks leave 75% of their variance "
        "too.",
        error("rare myopic"),
        Expect.above(0.75),
        bar=LEAST,
        paper=0.81,
        requires=RARE,
    ),
    synthetic(
        "rare_probe",
        "There too the sine is decodable in vanilla networks, with R^2 of 0.5, and not in myopic "
        "ones.",
        decodable("rare"),
        Expect.above(0.5),
        bar="ours: half of the variance",
        requires=RARE,
        control=(less("myopic", decodable("rare myopic")),),
    ),
    ours(
        "crumbs",
        "Breadcrumbs serve without that gradient: where the sum begins with a position's own "
        "term, myopic networks leave less than the 75% that this term alone leaves.",
        error("crumbs"),
        Expect.below(0.75),
        bar="theory: one term of four explains 1/4",
    ),
    synthetic(
        "crumbs_all",
        "They then learn the sum as vanilla networks do, and leave at most 10%.",
        error("crumbs"),
        Expect.below(0.1),
        bar="paper: a loss of 0.10 where predicting 0 costs about 1.24, after 58,593 steps",
        paper=0.08,
    ),
    ours(
        "crumbs_probe",
        "There the sine, which a position now needs itself, is decodable in myopic networks, with "
        "R^2 of 0.5.",
        decodable("crumbs"),
        Expect.above(0.5),
        bar="ours: half of the variance",
        control=(less("where it is not needed", decodable("myopic")),),
    ),
    ours(
        "moved",
        "Later positions read the decodable term: moved by one in the stream of a vanilla network "
        "at position n, it moves the outputs at n + 1 to n + 4 by one, within 0.3 at each.",
        furthest("vanilla", within=True),
        Expect.below(0.3),
        bar="theory: a sum has slope 1 in each term",
        requires=VANILLA,
        control=only(
            "at other positions, that itself and those beyond, outputs move by at most 0.1",
            furthest("vanilla", within=False),
            Expect.below(0.1),
        ),
    ),
    ours(
        "dose",
        "The more of the gradient from later positions is passed on, the lower is the error: the "
        "rank correlation over doses of 0 to 1/2 is -0.8 or less.",
        doses(),
        Expect.below(-0.8),
        bar="ours: of five doses, at most two pairs of neighbours out of order",
        requires=VANILLA,
    ),
    ours(
        "heads",
        "With eight heads, two for each term, the last MLP can be given every number apart, and "
        "the gap is smaller than with two, where W_K and W_V learn from later positions.",
        (error("heads reading") - error("heads")) - (error("reading") - error("vanilla")),
        Expect.below(0),
        bar="theory: a block after attention can compute f of what each head reads",
        requires=(*VANILLA, learned("heads")),
    ),
    ours(
        "norm",
        "With LayerNorm, as in the paper's blocks, the sine is decodable after the first block, "
        "with R^2 of 0.6.",
        decodable("norm"),
        Expect.above(0.6),
        bar=PRESENT,
        paper="0.985 at width 256",
        requires=(learned("norm", 0.5),),
    ),
    ours(
        "price",
        "Vanilla networks pay for it at present: where x is asked for, at 70% of positions, their "
        "error is 5% above that of myopic networks.",
        plain("rare") / plain("rare myopic"),
        Expect.above(1.05),
        bar="ours: 5%",
        requires=RARE,
    ),
)
