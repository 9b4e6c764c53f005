"""Claims of the study of tools, judged at the least noise.

The plan of the circuit is the referee: a tool that is right ranks exactly the path's edges first.
"""

import polars as pl

from toylab.claims import Claim, Condition, Expect
from toylab.read import Reading, table

CONMY = "Conmy et al. 2023 (2304.14997), who recover circuits of compiled programs"
LINDNER = "Lindner et al. 2023 (2301.05062), compiled programs as ground truth for tools"
SYED, HANNA = "Syed et al. 2023 (2310.10348)", "Hanna et al. 2024 (2403.17806)"
NANDA, WANG = "Nanda 2023, Attribution Patching", "Wang et al. 2022 (2211.00593), appendix B"
ELHAGE, OLSSON = "Elhage et al. 2021", "Olsson et al. 2022"
PLAN = "theory: the plan has these edges and no others, less one miss in ten"
MOST = "ours: more than half of the networks"
EDGES = table("edges").first("noise")
CIRCUITS, HEADS = table("circuits").first("noise"), table("heads").first("noise")
NODES = table("nodes").first("noise")
PROGRAMS, KEPT = table("programs").first("noise"), table("kept").first("noise")
COMPOSED = ("induction", "walk")  # programs in which a softmax stands before another part
MANY, FEW, ONE = "EAP-IG 20", "EAP-IG 5", "EAP"


def recall(tool: str, *corruptions: str) -> Reading:
    """Share of the path's edges among as many highest scores, over some corruptions or all."""
    rows = EDGES.filter(tool=tool)
    return (rows.filter(corruption=corruptions) if corruptions else rows).mean("recall")


def keys(tool: str) -> Reading:
    """What a tool predicts for the path's edges into queries and keys, per exact effect."""
    return EDGES.filter(tool=tool, corruption=("key", "query")).mean("keys")


def nodes(mark: str, tool: str, *corruptions: str) -> Reading:
    """A tool's mark over heads, for some corruptions."""
    return NODES.filter(tool=tool, corruption=corruptions).mean(mark)


def composition(kind: str) -> Reading:
    """Standard deviations of other pairs that the planted pair lies above their mean."""
    return HEADS.value(f"z_{kind}")


def worst(tool: str, mark: str = "recall") -> Reading:
    """A tool's mark on the program that it does worst on."""
    return PROGRAMS.filter(tool=tool).aggregate(pl.col(mark).min())


def composed(tool: str) -> Reading:
    """Recall on programs in which a softmax stands before another part."""
    return PROGRAMS.filter(tool=tool, program=COMPOSED).mean("recall")


RANDOM = Condition(
    "random circuits of as many edges keep less than a tenth of the metric",
    CIRCUITS.mean("random"),
    Expect.below(0.1),
)
EXACT = Condition("exact patches rank the planted edges first", recall("exact"), Expect.above(0.9))
TRUTH = Condition(
    "the compiled edges alone keep the metric, within a tenth",
    KEPT.mean("planted"),
    Expect.near(1, 0.1),
)
GUESS = Condition(
    "random scores find less than half of the compiled edges",
    PROGRAMS.filter(tool="random").mean("recall"),
    Expect.below(0.5),
)
LOOSE = Condition(
    "of random scores above a tenth, less than half are of compiled edges",
    PROGRAMS.filter(tool="random").mean("precision"),
    Expect.below(0.5),
)
PATCHED = Condition(
    "exact patches rank the heads of the path first",
    nodes("recall", "exact", "query", "answer"),
    Expect.above(0.9),
)
FAITHFUL = Condition(
    "exact patches of edges are as precise",
    EDGES.filter(tool="exact").mean("precision"),
    Expect.above(0.9),
)
CLAIMS = (
    Claim(
        "gradients_find_the_circuit",
        "Integrated gradients (20 steps) rank the planted edges above all others.",
        f"{HANNA}, section 4",
        recall(MANY),
        Expect.above(0.9),
        bar=PLAN,
        requires=(EXACT,),
        headline=True,
    ),
    Claim(
        "few_steps_suffice",
        "Five steps rank them as well.",
        f"{HANNA}, section 3.2: m = 5",
        recall(FEW),
        Expect.above(0.9),
        bar=PLAN,
        requires=(EXACT,),
    ),
    Claim(
        "one_gradient_finds_values",
        "One gradient finds the path of the answer, which no softmax stands behind.",
        SYED,
        recall(ONE, "answer"),
        Expect.above(0.9),
        bar=PLAN,
        requires=(EXACT,),
    ),
    Claim(
        "one_gradient_misses_keys",
        "One gradient at the clean run predicts less than a tenth of the effect of planted edges "
        "into queries and keys, where the softmax is saturated.",
        f"{HANNA}, section 3.1",
        keys(ONE),
        Expect.below(0.1),
        bar="theory: a saturated softmax has no gradient; a tenth for the noise",
        control=(Condition("20 gradients predict it to a fifth", keys(MANY), Expect.near(1, 0.2)),),
    ),
    Claim(
        "gradients_agree_with_patches",
        "Integrated gradients order the ten largest edges as exact patches do (Spearman).",
        "Kramar et al. 2024 (2403.00745), who ask attribution to rank as patching does",
        EDGES.filter(tool=MANY).mean("agreement"),
        Expect.above(0.9),
        bar="ours: 0.9, that of two raters who agree",
    ),
    Claim(
        "plan_is_faithful",
        "With all other edges corrupted the planted circuit keeps the metric, within a tenth.",
        "Conmy et al. 2023 (2304.14997), faithfulness",
        CIRCUITS.mean("planted"),
        Expect.near(1, 0.1),
        bar="theory: 1 for the whole behaviour, within a tenth",
        control=(RANDOM,),
    ),
    Claim(
        "paths_find_the_circuit",
        "Path patching ranks the planted edges above all others.",
        WANG,
        recall("paths"),
        Expect.above(0.9),
        bar=PLAN,
        requires=(EXACT,),
    ),
    Claim(
        "large_paths_are_planted",
        "Of the paths with a tenth of the largest effect, nine in ten are planted.",
        WANG,
        EDGES.filter(tool="paths").mean("precision"),
        Expect.above(0.9),
        bar="ours: one false edge in ten, as for misses",
        requires=(FAITHFUL,),
    ),
    Claim(
        "attribution_finds_the_induction_head",
        "Attribution patching over heads ranks the induction head first where the query or the "
        "answer is changed: what it writes reaches the logits in a straight line.",
        NANDA,
        nodes("recall", "attribution", "query", "answer"),
        Expect.above(0.9),
        bar=PLAN,
        requires=(PATCHED,),
    ),
    Claim(
        "attribution_misses_the_previous_token_head",
        "Where the key is changed, it predicts less than a tenth of the effect of the "
        "previous-token head, which acts through a saturated softmax.",
        f"{NANDA}; {HANNA}, section 3.1",
        nodes("early", "attribution", "key"),
        Expect.below(0.1),
        bar="theory: a saturated softmax has no gradient; a tenth for the noise",
        control=(
            Condition(
                "it predicts that of the induction head to a fifth",
                nodes("late", "attribution", "key"),
                Expect.near(1, 0.2),
            ),
        ),
    ),
    Claim(
        "keys_compose",
        "The planted pair composes in keys, five standard deviations above other pairs.",
        f"{ELHAGE}, K-composition",
        composition("k"),
        Expect.above(5),
        bar="control: the spread of pairs that were not planted, five times",
        control=(
            Condition("in queries it does not, to three", composition("q"), Expect.below(3)),
            Condition("in values it does not, to three", composition("v"), Expect.below(3)),
        ),
    ),
    Claim(
        "previous_token_head",
        "The previous-token score is highest at the planted head, in most networks.",
        OLSSON,
        HEADS.value("previous"),
        Expect.above(0.5),
        bar=MOST,
    ),
    Claim(
        "induction_head",
        "The induction score is highest at the planted head, in most networks.",
        OLSSON,
        HEADS.value("induction"),
        Expect.above(0.5),
        bar=MOST,
    ),
    Claim(
        "patches_find_programs",
        "Exact patches rank the edges of every compiled program above all others.",
        CONMY,
        worst("exact"),
        Expect.above(0.9),
        bar=PLAN,
        requires=(TRUTH,),
        control=(GUESS,),
    ),
    Claim(
        "gradients_find_programs",
        "So do integrated gradients (20 steps), on every compiled program.",
        f"{HANNA}, section 4; {LINDNER}",
        worst(MANY),
        Expect.above(0.9),
        bar=PLAN,
        requires=(TRUTH,),
        control=(GUESS,),
    ),
    Claim(
        "one_gradient_finds_fewer",
        "Where a softmax stands before other parts, one gradient finds fewer of the edges than 20.",
        f"{HANNA}, section 3.1",
        composed(MANY) - composed(ONE),
        Expect.above(0.1),
        bar="ours: one edge in ten, as many as a tool that is right may miss",
        requires=(TRUTH,),
    ),
    Claim(
        "large_scores_are_true",
        "Of the edges to which integrated gradients give a tenth of the largest score, nine in ten "
        "are the program's, on every program.",
        f"{SYED}; {LINDNER}",
        worst(MANY, "precision"),
        Expect.above(0.9),
        bar="ours: one false edge in ten, as for misses",
        requires=(TRUTH,),
        control=(LOOSE,),
    ),
    Claim(
        "true_edges_are_large",
        "Integrated gradients give nine in ten of a program's edges a tenth of the largest score, "
        "on every program.",
        f"{SYED}; {LINDNER}",
        worst(MANY, "reach"),
        Expect.above(0.9),
        bar="theory: by exact patches each of them carries most of the answer; less one in ten",
        requires=(TRUTH,),
    ),
)
