"""Claims of the study of brackets.

The paper's numbers are medians over 30 networks a cell, from its released table. Where a source
says "region: this laboratory" the bound is ours. Claims about networks count those that have
learned; head scores are taken on seen strings alone.
"""

import functools

import polars as pl

from toylab.claims import Claim, Condition, Expect

from .readings import (
    FINE,
    NESTS,
    SEVERAL,
    TYPED,
    at,
    decayed,
    gain,
    learned,
    like_ends,
    orders,
    share,
    spread,
    top_head,
    without_attention,
)

LI = "Li et al. 2025 (arXiv:2507.06445)"
DATA = f"{LI}, released table"
OURS = f"{LI}; region: this laboratory"


def all_learned(test: pl.Expr, which: str) -> Condition:
    """90% of networks have learned: on seen strings both rules are right."""
    words = f"90% of {which} have an accuracy of 99% on seen strings"
    return Condition(words, learned(test), Expect.above(0.9))


def trained(layers: int) -> tuple[Condition, ...]:
    """The precondition for networks of so many layers."""
    which = f"networks of {layers} layer{'s' if layers > 1 else ''}"
    return (all_learned(pl.col("layers") == layers, which),)


claim = functools.partial(Claim, requires=(all_learned(SEVERAL, "networks of several layers"),))

NESTING = pl.col("hard") >= NESTS
SIGN, HIERARCHICAL = pl.col("sign") >= TYPED, pl.col("hierarchical") >= TYPED
HEADS_HARD, BLIND_HARD = orders("hierarchical", "hard"), orders("blind", "hard")
ACCEPTING = FINE.filter(SEVERAL).where(NESTING).mean("deep")

CLAIMS = (
    claim(
        "predicts_hard",
        "Among networks of one cell, hierarchical attention on seen strings tells which rejects "
        "more hard strings, in 65% of pairs.",
        OURS,
        HEADS_HARD,
        Expect.above(0.65),
        control=(
            Condition(
                "statistics of attention that know no depth tell it no better",
                HEADS_HARD - BLIND_HARD,
                Expect.above(0),
            ),
        ),
        headline=True,
    ),
    claim(
        "predicts_unseen",
        "Among networks of one cell, hierarchical attention on seen strings tells which rejects "
        "more unseen strings, in 65% of pairs.",
        OURS,
        orders("hierarchical", "unseen"),
        Expect.above(0.65),
        paper=0.737,
    ),
    claim(
        "adds_to_settings",
        "Head scores on seen strings lower the error with which other seeds predict a network's "
        "rejection of hard strings, beyond its cell's mean.",
        OURS,
        gain,
        Expect.above(0),
    ),
    claim(
        "settings_do_as_well",
        "Between cells the settings alone order networks by their rejection of unseen strings as "
        "well as head scores do, within 0.1.",
        f"{DATA}: 0.881 and 0.882; region: this laboratory",
        orders("cell", "unseen", between=True) - orders("hierarchical", "unseen", between=True),
        Expect.between(-0.1, 0.1),
        paper=-0.001,
    ),
    Claim(
        "one_layer_hard",
        "Networks of one layer learn no nesting: they reject a tenth or less of the hard strings.",
        f"{DATA}: none exceeds the rule of the first symbol; region: this laboratory",
        at(1, "hard"),
        Expect.below(0.1),
        requires=trained(1),
    ),
    Claim(
        "two_layers_nest",
        "A quarter or more of the networks of two layers reject half of the hard strings.",
        OURS,
        share(2, NESTING),
        Expect.above(0.25),
        requires=trained(2),
        control=(
            Condition("networks of one layer do not", share(1, NESTING), Expect.below(0.05)),
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
        spread(),
        Expect.above(0.05),
    ),
    claim(
        "ends_pass_for_nesting",
        "Networks of several layers that reject as many unseen strings as the rule of both ends, "
        "within 0.05, are explained better by it than by NESTED: of the hard strings they reject "
        "less than half.",
        f"closed form, this laboratory, on {DATA}",
        like_ends(),
        Expect.below(0.5),
    ),
    claim(
        "sign_heads_hide_nesting",
        "With uniform attention networks with a sign-matching head reject more unseen strings.",
        DATA,
        without_attention("uniform", "unseen change", SIGN, ~HIERARCHICAL),
        Expect.above(0),
        paper=0.081,
    ),
    claim(
        "violation_heads_nest",
        "With uniform attention networks with a violation-detecting head reject fewer unseen "
        "strings.",
        DATA,
        without_attention("uniform", "unseen change", HIERARCHICAL),
        Expect.below(0),
        paper=-0.221,
        control=(
            Condition(
                "in networks with neither head the share changes by less than 0.05",
                without_attention("uniform", "unseen change", ~SIGN, ~HIERARCHICAL),
                Expect.between(-0.05, 0.05),
            ),
        ),
    ),
    claim(
        "top_head_nests",
        "In networks that nest, uniform attention of the most hierarchical head costs more hard "
        "strings than of another head of its layer, by 0.05.",
        f"{DATA}: -0.069 and -0.002; region: this laboratory",
        top_head("uniform"),
        Expect.below(-0.05),
        paper=-0.067,
    ),
    claim(
        "mean_is_uniform",
        "Uniform and mean attention leave the same share of unseen strings rejected, within 0.05.",
        f"{DATA}: 0.013; region: this laboratory",
        abs(
            without_attention("uniform", "unseen change")
            - without_attention("mean", "unseen change")
        ),
        Expect.below(0.05),
        paper=0.013,
    ),
    Claim(
        "one_layer_decay",
        "One layer with weight decay follows EQUAL-COUNT: it rejects 5% or less of unseen strings.",
        f"{DATA}; region: this laboratory",
        FINE.filter(pl.col("decay") > 0, layers=1).mean("unseen"),
        Expect.below(0.05),
        paper=0.0,
        requires=trained(1),
    ),
    *(
        Claim(
            f"{word}_layer_decay",
            f"With {word} layers weight decay {verb} the share of unseen strings rejected.",
            DATA,
            decayed(layers),
            expect,
            paper=paper,
            requires=trained(layers),
        )
        for word, layers, verb, expect, paper in (
            ("two", 2, "raises", Expect.above(0), 0.18),
            ("three", 3, "lowers", Expect.below(0), -0.48),
        )
    ),
)
