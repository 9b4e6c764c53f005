"""Claims of the study ``othello_interventions``, with the thresholds they were given beforehand."""

import polars as pl

from toylab.claims import Claim, Expect

from .readings import against_null, case, network, small

CUT = 0.25  # "cut the null error at least fourfold"
LI = "Li et al. 2022"
NANDA = "Nanda, Lee and Wattenberg 2023"
CASE = "held-out case of one network"

CLAIMS = (
    Claim(
        "flip_vector",
        "Adding vectors of the linear mine/theirs probe flips a disc: the error against the moves "
        "of the edited board is at most a quarter of that without an edit.",
        f"{NANDA}, section 4, table 2",
        against_null("vector"),
        Expect.below(CUT),
        paper="0.10 / 2.72 = 0.04",
        unit=CASE,
    ),
    Claim(
        "flip_affected",
        "Counting only the moves whose legality the flip changes, those that go the wrong way are "
        "at most a quarter of what they are without an edit. (Added after a first look: the null "
        "error also holds what the network gets wrong on any board, in the two earlier networks a "
        "third to a half of it).",
        f"{NANDA}, section 4, table 2, less the network's own errors",
        against_null("vector", "wrong_way"),
        Expect.below(CUT),
        unit=CASE,
    ),
    Claim(
        "flip_probability",
        "In probability too, not only in rank: the total variation between the prediction and the "
        "even choice among the moves of the edited board is at most half of that without an edit "
        "(this and the next were added after a figure showed a board whose newly legal moves had "
        "risen in rank and hardly in probability).",
        "what the count of the N likeliest moves leaves out",
        against_null("vector", "apart"),
        Expect.below(0.5),
        unit=CASE,
    ),
    Claim(
        "flip_given",
        "Moves that the flip makes legal get at least half of the probability due to them, 1/N "
        "each for N legal moves.",
        "the same; an independent replication (nothello_world) sees 5% of such moves rise",
        case("vector", "given"),
        Expect.above(0.5),
        unit=CASE,
    ),
    Claim(
        "flip_random",
        "A random direction of the same norm, at the same layers, does not: at least nine tenths "
        "of the null error are left.",
        "control",
        against_null("random"),
        Expect.above(0.9),
        unit=CASE,
    ),
    Claim(
        "flip_wrong",
        "The same edit of another square of that state does not help with this one: at least nine "
        "tenths of the null error are left.",
        "control",
        against_null("wrong"),
        Expect.above(0.9),
        unit=CASE,
    ),
    Claim(
        "erase_vector",
        "Adding the 'empty' vector of a square takes its disc off the board: error at most a "
        "quarter of the null error.",
        f"{NANDA}, section 4, table 2",
        against_null("vector", kind="erase"),
        Expect.below(CUT),
        paper="0.02 / 2.73 = 0.01",
        unit=CASE,
    ),
    Claim(
        "place_vector",
        "Adding 'mine' or 'theirs' of an empty square puts a disc there: error at most a quarter "
        "of the null error.",
        "Chawla et al. 2026 (arXiv:2602.23164), where edits place discs too",
        against_null("vector", kind="place"),
        Expect.below(CUT),
        unit=CASE,
    ),
    Claim(
        "flip_gradient",
        "Descending the nonlinear probe's loss flips a disc: error at most a quarter of the null "
        "error, on natural boards.",
        f"{LI}, section 4.2",
        against_null("gradient"),
        Expect.below(CUT),
        paper="0.12 / 2.68 = 0.04",
        unit=CASE,
    ),
    Claim(
        "flip_gradient_unnatural",
        "The same on boards that no game can reach.",
        f"{LI}, section 4.2",
        against_null("gradient", natural=False),
        Expect.below(CUT),
        paper="0.06 / 2.59 = 0.02",
        unit=CASE,
    ),
    Claim(
        "vector_as_gradient",
        "Adding a vector of a linear probe works as well as the nonlinear probe's gradient: its "
        "error is at most 0.2 moves larger.",
        f"{NANDA}, section 4, table 2",
        case("vector") - case("gradient"),
        Expect.below(0.2),
        paper="0.10 - 0.12 = -0.02",
        unit=CASE,
    ),
    Claim(
        "colour_vector",
        "Adding vectors of a linear black/white probe, as far as those of mine/theirs, is no "
        "better than no edit.",
        f"{LI}, section 4.2 and appendix: interventions through the linear probe",
        against_null("colour"),
        Expect.above(1.0),
        paper="worse than null",
        unit=CASE,
    ),
    Claim(
        "four_squares",
        "Four discs are flipped at once by the sum of their vectors: error at most a quarter of "
        "the null error.",
        "Lee, Viégas and Wattenberg 2026 (arXiv:2605.09967), edits of several squares",
        against_null("vector", squares=4),
        Expect.below(CUT),
        paper="near zero",
        unit=CASE,
    ),
    Claim(
        "unflip",
        "Subtracting the 'flipped' vector of a captured disc undoes the capture: error at most "
        "half the null error.",
        f"{NANDA}, section 5, the flipped probe",
        against_null("vector", kind="unflip"),
        Expect.below(0.5),
        paper="0.486 / 1.686 = 0.29",
        unit=CASE,
    ),
    Claim(
        "illegal_sooner",
        "After a flip, a larger share of the moves that became illegal leaves the likeliest ones "
        "than of those that became legal enters them.",
        "an independent replication (nothello_world): 94% drop, 5% rise",
        case("vector", pl.col("dropped") - pl.col("risen")),
        Expect.above(0.0),
        paper="0.94 - 0.05, by thresholds of its own",
        unit=CASE,
    ),
    Claim(
        "saliency",
        "A move's logit falls most when a disc is flipped that its legality needs: the chance that "
        "such a disc is more salient than another disc of the board (AUC) is at least 0.9.",
        f"{LI}, section 5, figure 5: 'only tiles needed are salient'",
        network("saliency").value("auc", unit="case"),
        Expect.above(0.9),
        unit="held-out position of one network",
    ),
    Claim(
        "saliency_in_line",
        "That is not nearness alone: among the discs in line with the move, in any direction, the "
        "AUC is at least 0.8.",
        "control of the same figure",
        network("saliency").value("auc_in_line", unit="case"),
        Expect.above(0.8),
        unit="held-out position of one network",
    ),
    Claim(
        "empty_circuit",
        "The first layer writes 'not empty' where a move was played, by its weights alone: the "
        "most negative cosine over heads of Played_h(m) = E[m] V_h O_h with the 'empty' vector of "
        "m is at most -0.5.",
        f"{NANDA}, section 5, the empty circuit",
        network("circuit").value("own", unit="square"),
        Expect.below(-0.5),
        paper=-0.862,
        unit="square of one network",
    ),
    Claim(
        "empty_circuit_own",
        "It is that square's own vector: the cosine is at least 0.4 below the mean of that with "
        "the 'empty' vectors of other squares.",
        "control",
        network("circuit").value(pl.col("own") - pl.col("other"), unit="square"),
        Expect.below(-0.4),
        unit="square of one network",
    ),
    Claim(
        "small_flip_vector",
        "In every small network, adding vectors of the linear probe cuts the null error of flips "
        "at least fourfold.",
        f"{NANDA}, section 4, on other networks",
        small("vector"),
        Expect.below(CUT),
    ),
    Claim(
        "small_flip_random",
        "And a random direction of the same norm does not: at least nine tenths are left.",
        "control",
        small("random"),
        Expect.above(0.9),
    ),
)
