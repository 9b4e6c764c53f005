"""Figures of the study ``preference_collapse``: what DPO does to a toy, and to a language model."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from toylab.read import Measures, Reading, table
from toylab.read.values import FLAG
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.marks import points
from toylab.report.panels import drawing, panels
from toylab.report.series import series

from .preference_bypass import bypass, weights

CAPTIONS = {
    "curves": "Probabilities (above) and change of mean logits (below) of the three kinds of "
    "responses while DPO goes on, in four scenarios: chosen and rejected responses on- or "
    "off-policy. Median over seeds with 95% interval; dotted, a table of free logits.",
    "regularisers": "Probability of the chosen responses at the end over its peak (a), and of the "
    "rejected ones at the end (b; the lowest are 0 in float32), without and with regularisers, in "
    "four scenarios. Ticks are seeds, bars 95% intervals of the mean; the dotted line is the bar.",
    "bypass": "a: teacher-forced probability of a bad word before and after DPO and with the keys "
    "of seven neurons scaled by ten; dotted, in the language. b: share of DPO's change undone by "
    "putting back neurons' activations, c: by putting back groups of weights.",
    "weights": "a: change of every weight matrix, 1 - cosine, under DPO and under fine-tuning on "
    "the chosen texts (SFT); dotted, cosine 0.99. b: bad rate against mean relative change of the "
    "weights as tuning goes on. c: change of every neuron's mean activation against its alignment "
    "with bad words, one seed.",
}
SCENARIOS = {
    (1, 1): "both on-policy",
    (1, 0): "rejected off-policy",
    (0, 1): "chosen off-policy",
    (0, 0): "both off-policy",
}
KINDS = {"chosen": fig.BLUE, "rejected": fig.VERMILLION, "unseen": fig.MUTED}
ARMS = {
    "dpo": "DPO",
    "flex 0.08": "flex\n0.08",
    "flex 0.05": "flex\n0.05",
    "flex 0.02": "flex\n0.02",
    "sft 0.01": "SFT\n0.01",
    "sft 0.1": "SFT\n0.1",
    "table": "free\nlogits",
}
TINY = 1e-45  # least float32: smaller probabilities are drawn here
KEPT = pl.col("chosen") / pl.col("peak")


def _ends(arm: str, value: str | pl.Expr, **where: Any) -> Reading:
    """A number of the toy's end, mean over scenarios."""
    return table("toy").filter(arm=arm, **where).mean(value)


def _scenario(on: tuple[int, int]) -> dict[str, int]:
    return dict(zip(("chosen_likely", "rejected_likely"), on, strict=True))


def curves(measures: Measures, config: Any) -> Figure:
    """Probabilities and logits of the three kinds of responses while DPO goes on."""
    sheet = fig.figure(fig.PAGE, 4.2)
    axes = sheet.subplots(2, 4, sharex=True, sharey="row")
    for (on, name), (above, below) in zip(SCENARIOS.items(), axes.T, strict=True):
        rows = table("curves").filter(~pl.col(FLAG), **_scenario(on)).rows(measures)
        if rows.filter(arm="dpo").is_empty():  # every network diverged
            continue
        for kind, colour in KINDS.items():
            steps, mass = series(rows.filter(arm="dpo"), kind)
            fig.interval_line(above, steps, mass, color=colour, label=kind)
            for arm, style in (("dpo", "-"), ("table", ":")):
                steps, raw = series(rows.filter(arm=arm), f"raw_{kind}")
                change = np.nanmedian(raw - raw[:, :1], 0)
                below.plot(steps, change, style, color=colour, lw=1.2)
        steps, mass = series(rows.filter(arm="table"), "chosen")
        above.plot(steps, np.nanmedian(mass, 0), ":", color=fig.BLUE, label="chosen, free logits")
        above.set_title(name, fontsize=8)
        below.set_xlabel("update of DPO")
    axes[0, 0].set(ylabel="probability", ylim=(-0.02, 1.02))
    axes[1, 0].set_ylabel("change of mean logit")
    sheet.legend(*axes[0, 0].get_legend_handles_labels(), ncols=4, loc="outside lower center")
    grown = average(_ends("dpo", pl.col("unseen") - pl.col("unseen_start")), measures) > 0
    lost = average(1 - _ends("dpo", KEPT), measures) > 0.1
    words = f"the chosen {'fall from their peak' if lost else 'stay'} and the unseen"
    words = f"Under DPO the rejected vanish, {words}"
    fig.title(sheet, f"{words} {'grow' if grown else 'do not grow'}")
    return sheet


def regularisers(measures: Measures, config: Any) -> Figure:
    """How much the chosen keep of their peak, and what the rejected keep, under every arm."""
    sheet, (left, right) = panels(2, 3.0)
    for j, ((on, name), colour) in enumerate(zip(SCENARIOS.items(), fig.PALETTE, strict=False)):
        for i, arm in enumerate(ARMS):
            x = i + 0.2 * (j - 1.5)
            ends = (_ends(arm, value, **_scenario(on)) for value in (KEPT, "rejected"))
            kept, rejected = (reading(measures).array() for reading in ends)
            points(left, x, kept, colour, label=name if i == 0 else None)
            right.plot([x] * len(rejected), np.maximum(rejected, TINY), "o", color=colour, ms=2.5)
    for ax in (left, right):
        ax.set_xticks(range(len(ARMS)), list(ARMS.values()))
    left.axhline(0.9, color=fig.INK, ls=":", lw=0.8)
    left.set(ylim=(-0.03, 1.05), ylabel="p(chosen), end over peak")
    right.set(yscale="log", ylim=(TINY / 10, 1), ylabel="p(rejected) at the end")
    sheet.legend(ncols=4, loc="outside lower center")
    helps = [
        name
        for arm, name in (("flex 0.08", "a smaller beta"), ("sft 0.1", "a likelihood term"))
        if average(_ends(arm, KEPT, chosen_likely=0), measures) >= 0.9
    ]
    what = " and with ".join(helps) or "no regulariser"
    fig.title(sheet, f"With {what} off-policy chosen responses stay at 0.9 of their peak")
    return sheet


draw = drawing(curves, regularisers, bypass, weights)
