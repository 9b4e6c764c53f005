"""Claims of the study of brackets.

The paper's numbers are medians over 30 networks a cell, from its released table. Claims about
networks count those that have learned; head scores are taken on seen strings alone.
"""

import functools

import polars as pl

from toylab.claims import Claim, Condition, Expect

from . import readings as r

LI = "Li et al. 2025 (arXiv:2507.06445)"
DATA = f"{LI}, released table"


def trained(test: pl.Expr, which: str) -> tuple[Condition, ...]:
    """The precondition: 90% of networks have learned, and on seen strings both rules are right."""
    words = f"90% of networks of {which} have an accuracy of 99% on seen strings"
    return (Condition(words, r.learned(test), Expect.above(0.9)),)


ONE_LEARNED = trained(~r.SEVERAL, "one layer")
claim = functools.partial(Claim, requires=trained(r.SEVERAL, "several layers"))
NESTING = r.NESTING.cast(pl.Float64)
BLIND_HARD = r.orders("blind", "hard")
ACCEPTING = r.FINE.filter(r.SEVERAL).where(r.NESTING).mean("deep")

CLAIMS = (
    *(
        claim(
            key,
            f"Among networks of one cell, {kind} attention on seen strings tells which rejects "
            "more hard strings, in 65% of pairs.",
            LI,
            r.orders(score, "hard"),
            Expect.above(0.65),
            bar="ours: 65% of pairs, where chance is a half",
            control=(
                Condition(
                    "statistics of attention that know no depth tell it no better",
                    r.orders(score, "hard") - BLIND_HARD,
                    Expect.above(0),
                ),
            ),
            headline=score == "hierarchical",
        )
        for key, kind, score in (
            ("predicts_hard", "hierarchical", "hierarchical"),
            # NESTED asks for negative depth.
            ("violations_predict_hard", "violation-detecting", "violation"),
        )
    ),
    claim(
        "predicts_unseen",
        "Among networks of one cell, hierarchical attention on seen strings tells which rejects "
        "more unseen strings, in 65% of pairs.",
        LI,
        r.orders("hierarchical", "unseen"),
        Expect.above(0.65),
        bar="ours: 65% of pairs, between chance and the paper's 0.737 with cells held out",
        paper=0.737,
    ),
    claim(
        "adds_to_settings",
        "Head scores on seen strings lower the error with which other seeds predict a network's "
        "rejection of hard strings, beyond its cell's mean.",
        LI,
        r.gain,
        Expect.above(0),
        bar="theory: scores that say nothing more lower the error by 0",
    ),
    claim(
        "settings_do_as_well",
        "Between cells the settings alone order networks by their rejection of unseen strings as "
        "well as head scores do, within 0.1.",
        DATA,
        r.orders("cell", "unseen", between=True) - r.orders("hierarchical", "unseen", between=True),
        Expect.between(-0.1, 0.1),
        bar="paper: 0.881 and 0.882, within 0.1",
        paper=-0.001,
    ),
    Claim(
        "one_layer_hard",
        "Networks of one layer learn no nesting: they reject a tenth or less of the hard strings.",
        f"{DATA}: none exceeds the rule of the first symbol",
        r.at(1, "hard"),
        Expect.below(0.1),
        bar="theory: a look at the first symbol rejects none of them; a tenth is allowed",
        requires=ONE_LEARNED,
    ),
    Claim(
        "two_layers_nest",
        "A quarter or more of the networks of two layers reject half of the hard strings.",
        LI,
        r.at(2, NESTING),
        Expect.above(0.25),
        bar="ours: a quarter, where one layer stays below one in twenty",
        requires=trained(pl.col("layers") == 2, "two layers"),
        control=(
            Condition(
                "networks of one layer do not",
                r.at(1, NESTING),
                Expect.below(0.05),
            ),
            Condition(
                "such networks accept 90% of deeply nested balanced strings",
                ACCEPTING,
                Expect.above(0.9),
            ),
        ),
    ),
    claim(
        "seeds_differ",
        "With several layers seeds of one cell differ: their shares of unseen strings rejected are "
        "0.05 or more from the cell's median, on average.",
        DATA,
        r.spread(),
        Expect.above(0.05),
        bar="ours: 0.05; the paper's quartiles are 0.04 to 0.58 apart",
    ),
    claim(
        "ends_pass_for_nesting",
        "Networks of several layers that reject as many unseen strings as the rule of both ends, "
        "within 0.05, are explained better by it than by NESTED: of the hard strings they reject "
        "less than half.",
        f"this laboratory, on {DATA}",
        r.like_ends(),
        Expect.below(0.5),
        bar="theory: half-way from the rule of both ends, 0, to NESTED, 1",
    ),
    claim(
        "sign_heads_hide_nesting",
        "With uniform attention networks with a sign-matching head reject more unseen strings.",
        DATA,
        r.without_attention("uniform", "unseen change", r.SIGN),
        Expect.above(0),
        bar="theory: no effect is 0",
        paper=0.081,
    ),
    claim(
        "violation_heads_nest",
        "With uniform attention networks with a violation-detecting head reject fewer unseen "
        "strings.",
        DATA,
        r.without_attention("uniform", "unseen change", r.VIOLATION),
        Expect.below(0),
        bar="theory: no effect is 0",
        paper=-0.221,
        control=(
            Condition(
                "in networks with neither head the share changes by less than 0.05",
                r.without_attention("uniform", "unseen change", ~r.SIGN, ~r.VIOLATION),
                Expect.between(-0.05, 0.05),
            ),
        ),
    ),
    claim(
        "top_head_nests",
        "In networks that nest, uniform attention of the most violation-detecting head costs more "
        "hard strings than of another head of its layer, by 0.05.",
        DATA,
        r.top_head("uniform"),
        Expect.below(-0.05),
        bar="ours: 0.05, three quarters of the paper's -0.069 less -0.002",
        paper=-0.067,
    ),
    claim(
        "mean_is_uniform",
        "Uniform and mean attention leave the same share of unseen strings rejected, within 0.05.",
        DATA,
        abs(
            r.without_attention("uniform", "unseen change")
            - r.without_attention("mean", "unseen change")
        ),
        Expect.below(0.05),
        bar="ours: within 0.05, where the paper has 0.013",
        paper=0.013,
    ),
    Claim(
        "one_layer_decay",
        "One layer with weight decay follows EQUAL-COUNT: it rejects 5% or less of unseen strings.",
        DATA,
        r.FINE.filter(pl.col("decay") > 0, layers=1).mean("unseen"),
        Expect.below(0.05),
        bar="paper: 0, within 0.05",
        paper=0.0,
        requires=trained(~r.SEVERAL & (pl.col("decay") > 0), "one layer with weight decay"),
    ),
    claim(
        "decay_by_depth",
        "Weight decay raises the share of unseen strings rejected more with two layers than with "
        "three.",
        f"{DATA}: 0.70 to 0.88 with two, 0.71 to 0.23 with three",
        r.decayed(2) - r.decayed(3),
        Expect.above(0),
        bar="theory: no difference is 0",
        paper=0.66,
    ),
)
