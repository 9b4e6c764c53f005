"""Claims of the study of brackets.

The paper's numbers are medians over 30 networks a cell, from its released table. Where a source
says "region: this laboratory" the bound is ours. Claims about networks count those that have
learned; head scores are taken on seen strings alone.
"""

import functools

import polars as pl

from toylab.claims import Claim, Condition, Expect

from . import readings as r

LI = "Li et al. 2025 (arXiv:2507.06445)"
DATA = f"{LI}, released table"
OURS = f"{LI}; region: this laboratory"


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
            source,
            r.orders(score, "hard"),
            Expect.above(0.65),
            control=(
                Condition(
                    "statistics of attention that know no depth tell it no better",
                    r.orders(score, "hard") - BLIND_HARD,
                    Expect.above(0),
                ),
            ),
            headline=score == "hierarchical",
        )
        for key, kind, score, source in (
            ("predicts_hard", "hierarchical", "hierarchical", OURS),
            (
                "violations_predict_hard",
                "violation-detecting",
                "violation",
                f"theory: NESTED asks for negative depth; {OURS}",
            ),
        )
    ),
    claim(
        "predicts_unseen",
        "Among networks of one cell, hierarchical attention on seen strings tells which rejects "
        "more unseen strings, in 65% of pairs.",
        f"{LI}: 0.737, with cells held out; region: this laboratory",
        r.orders("hierarchical", "unseen"),
        Expect.above(0.65),
        paper=0.737,
    ),
    claim(
        "adds_to_settings",
        "Head scores on seen strings lower the error with which other seeds predict a network's "
        "rejection of hard strings, beyond its cell's mean.",
        OURS,
        r.gain,
        Expect.above(0),
    ),
    claim(
        "settings_do_as_well",
        "Between cells the settings alone order networks by their rejection of unseen strings as "
        "well as head scores do, within 0.1.",
        f"{DATA}: 0.881 and 0.882; region: this laboratory",
        r.orders("cell", "unseen", between=True) - r.orders("hierarchical", "unseen", between=True),
        Expect.between(-0.1, 0.1),
        paper=-0.001,
    ),
    Claim(
        "one_layer_hard",
        "Networks of one layer learn no nesting: they reject a tenth or less of the hard strings.",
        f"{DATA}: none exceeds the rule of the first symbol; region: this laboratory",
        r.at(1, "hard"),
        Expect.below(0.1),
        requires=ONE_LEARNED,
    ),
    Claim(
        "two_layers_nest",
        "A quarter or more of the networks of two layers reject half of the hard strings.",
        OURS,
        r.at(2, NESTING),
        Expect.above(0.25),
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
        f"{DATA}: quartiles 0.04 to 0.58 apart; region: this laboratory",
        r.spread(),
        Expect.above(0.05),
    ),
    claim(
        "ends_pass_for_nesting",
        "Networks of several layers that reject as many unseen strings as the rule of both ends, "
        "within 0.05, are explained better by it than by NESTED: of the hard strings they reject "
        "less than half.",
        f"closed form, this laboratory, on {DATA}",
        r.like_ends(),
        Expect.below(0.5),
    ),
    claim(
        "sign_heads_hide_nesting",
        "With uniform attention networks with a sign-matching head reject more unseen strings.",
        DATA,
        r.without_attention("uniform", "unseen change", r.SIGN),
        Expect.above(0),
        paper=0.081,
    ),
    claim(
        "violation_heads_nest",
        "With uniform attention networks with a violation-detecting head reject fewer unseen "
        "strings.",
        DATA,
        r.without_attention("uniform", "unseen change", r.VIOLATION),
        Expect.below(0),
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
        f"{DATA}: -0.069 and -0.002; region: this laboratory",
        r.top_head("uniform"),
        Expect.below(-0.05),
        paper=-0.067,
    ),
    claim(
        "mean_is_uniform",
        "Uniform and mean attention leave the same share of unseen strings rejected, within 0.05.",
        f"{DATA}: 0.013; region: this laboratory",
        abs(
            r.without_attention("uniform", "unseen change")
            - r.without_attention("mean", "unseen change")
        ),
        Expect.below(0.05),
        paper=0.013,
    ),
    Claim(
        "one_layer_decay",
        "One layer with weight decay follows EQUAL-COUNT: it rejects 5% or less of unseen strings.",
        f"{DATA}; region: this laboratory; the precondition asks the networks that it reads alone "
        "since the first judged run, which asked those without decay too",
        r.FINE.filter(pl.col("decay") > 0, layers=1).mean("unseen"),
        Expect.below(0.05),
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
        paper=0.66,
    ),
)
