"""Figures of the study ``future_token``: topics and smoothness, pairs and stars."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from toylab.read import Measures, Reading, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.marks import bars, headroom, points
from toylab.report.panels import drawing, panels

CAPTIONS = {
    "topics": "Networks on a chain of tokens with a topic: trained on the next token (two blocks, "
    "and a head of one block); on four tokens by four heads; and as decoders on 1 to 8 tokens, "
    "whose only view of the past is a pseudo-sequence. (a) Held-out accuracy of a linear probe of "
    "the topic at the encoder's vectors, and for next-token networks also after their last block; "
    "dashed, the exact filter; dotted, the mean of untrained encoders. (b) Mean cosine of "
    "neighbouring vectors at different tokens, the mean removed. Bars are means, ticks seeds.",
    "losses": "(a) Loss on the next token over that of the exact filter, in nats. (b) Loss of both "
    "tokens of a tied pair: heads and a decoder; dashed, the pair's entropy, and that plus its "
    "mutual information. (c) Star graphs of two arms: share of first steps that are right, and of "
    "paths that the checker accepts; dotted, a guess between the arms. Points and bars are means, "
    "ticks seeds.",
}
ARMS = {"next": "next", "multi": "4\nheads", "ahead 1": "N=1", "ahead 2": "2"}
ARMS |= {"ahead 4": "4", "ahead 8": "8"}


def _chain(column: str, *, first: bool = False) -> Any:
    def of(arm: str) -> Reading:
        rows = table("chains").filter(arm=arm)
        return (rows.first() if first else rows.last()).value(column)

    return of


def topics(measures: Measures, config: Any) -> Figure:
    """Topics decoded and smoothness, arm by arm."""
    sheet, (left, right) = panels(2, 3.0)
    places = {"encoded": ("encoder", fig.BLUE), "ahead": ("after the last block", fig.SKY)}
    cells = [(name, colour, _chain(f"topic {p}")) for p, (name, colour) in places.items()]
    bars(left, measures, [*ARMS], cells[:1], [*ARMS.values()])
    points(
        left, 0.2, cells[1][2]("next")(measures).array(), fig.ORANGE, label="after its last block"
    )
    left.axhline(average(_chain("filtered")("next"), measures), color=fig.INK, ls="--", lw=0.8)
    untrained = average(_chain("topic encoded", first=True)("next"), measures)
    left.axhline(untrained, color=fig.INK, ls=":", lw=0.8)
    left.set(ylabel="accuracy of the topic's probe", ylim=(0.3, 1.1), yticks=np.arange(0.3, 1, 0.1))
    left.legend(ncols=2, loc="upper left")
    gain = lambda arm: average(_chain("topic encoded")(arm), measures)
    said = [gain("ahead 8"), average(_chain("topic ahead")("next"), measures)]
    fig.title(
        left, "Topic named: {:.0%} from decoders, {:.0%} from next-token networks".format(*said)
    )
    bars(right, measures, [*ARMS], (("", fig.GREEN, _chain("smooth")),), [*ARMS.values()])
    right.set(ylabel="cosine of neighbours")
    smooth = [average(_chain("smooth")(arm), measures) for arm in ("ahead 8", "ahead 1", "next")]
    words = "Neighbours' cosine: {:.2f} by eight tokens, {:.2f} by one, {:.2f} without a decoder"
    fig.title(right, words.format(*smooth))
    for ax in (left, right):
        ax.set_xlabel("next-token, heads, decoders of N tokens")
    return sheet


def losses(measures: Measures, config: Any) -> Figure:
    """Losses on the next token and on pairs, and paths in stars."""
    sheet, (left, middle, right) = panels(3, 2.9, width_ratios=[1.2, 0.8, 1.2])
    excess = lambda arm: _chain("loss")(arm) - _chain("bayes")(arm)
    for i, arm in enumerate(ARMS):
        points(left, i, excess(arm)(measures).array(), fig.BLUE)
    left.set_xticks(range(len(ARMS)), [*ARMS.values()])
    left.set(
        ylabel="loss above the filter's, nats", ylim=(0, None), xlabel="as in the other figure"
    )
    fig.title(left, "Losses on the next token are alike")
    both = lambda arm: (
        table("pairs").filter(arm=f"pair {arm}").last().value("first")
        + table("pairs").filter(arm=f"pair {arm}").last().value("second")
    )
    bars(middle, measures, ["heads", "decoder"], (("", fig.PURPLE, both),))
    of = lambda column: average(
        table("pairs").filter(arm="pair heads").last().value(column), measures
    )
    for level in (2 * of("bayes"), 2 * of("bayes") + of("information")):
        middle.axhline(level, color=fig.INK, ls="--", lw=0.8)
    middle.set(ylabel="loss of a pair, nats")
    fig.title(middle, "Heads lose what ties a pair")
    arms = {"star next": "next", "star multi": "heads", "star decoder": "decoder"}
    star = lambda column: lambda arm: table("stars").filter(arm=arm).last().value(column)
    cells = (("first step", fig.SKY, star("first")), ("solved", fig.BLUE, star("solved")))
    bars(right, measures, [*arms], cells, [*arms.values()])
    right.axhline(0.5, color=fig.INK, ls=":", lw=0.8)
    headroom(right)
    right.set(ylabel="share of stars")
    right.legend(ncols=2, loc="upper left")
    solved = [average(star("solved")(arm), measures) for arm in arms]
    fig.title(right, "Next-token networks solve {:.0%} of stars, heads {:.0%}".format(*solved))
    return sheet


draw = drawing(topics, losses)
