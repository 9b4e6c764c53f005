"""Figures of the study ``multiplication``: digits over time, arms, what networks rely on."""

from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from toylab.read import Measures, Reading, table
from toylab.report import figures as fig
from toylab.report.averages import average
from toylab.report.marks import bars, headroom
from toylab.report.panels import drawing, panels
from toylab.report.series import curve, series

UNSEEN = "pairs of factors that were not trained on"
ARMS = {
    "standard": ("standard", fig.MUTED),
    "auxiliary": ("running sum", fig.BLUE),
    "digits": ("sum of digits", fig.ORANGE),
    "shuffled": ("another pair's", fig.PURPLE),
    "chain": ("chain removed", fig.GREEN),
}
CAPTIONS = {
    "digits": "Accuracy on each digit of the product, given those before it, over training (mean "
    f"over networks, {UNSEEN}). Digits run from the least significant at the top. (a) Standard "
    "training. (b) Heads are also asked for the running sum. (c) Implicit chain of thought: the "
    "steps of long multiplication stand before the answer, and dotted lines mark where more of "
    "them are removed, the last of them at the last line.",
    "arms": f"(a) Share of pairs with all digits right, over training: on {UNSEEN}, and dashed on "
    "training pairs, without and with the running sum. Lines are medians over networks, bands "
    "their 95% intervals. (b) The same after training, of all arms: heads asked for the running "
    "sum, for the sum of the digits so far or for the running sum of another pair, and implicit "
    "chain of thought. Bars are means, ticks networks.",
    "reliance": "How much each digit of the product (columns) hinges on each digit of the factors "
    "(rows), lower digits of the product given. (a) What the best guess loses without it, by "
    "enumeration. (b, c) Drop of the logit that was largest when the digit becomes another, over "
    "the largest drop of the panel, mean over networks.",
    "inside": "(a) Mean absolute error of a linear probe of the running sum, behind the last "
    "attention at the step of each digit, over that of its mean. (b) Accuracy on the middle digits "
    "lost where their step cannot see the digits of the factors, or the steps of lower digits, in "
    "one of two layers. Bars are means, ticks networks.",
}


def exact(arm: str, which: str = "unseen") -> Reading:
    """Share of pairs with all digits right, after training."""
    return table("exact").filter(arm=arm).last().value(which)


def digits(measures: Measures, config: Any) -> Figure:
    """Accuracy of each digit over training, in three arms."""
    sheet, axes = panels(3, 2.6, sharey=True)
    names = {"standard": "Standard", "auxiliary": "Running sum", "chain": "Chain removed"}
    for ax, (arm, name) in zip(axes, names.items(), strict=True):
        rows = table("digits").filter(arm=arm).rows(measures)
        mesh = _over_time(ax, rows, 2 * config.digits)
        fig.title(ax, f"{name}: {average(exact(arm), measures):.0%} of products")
        ax.set_xlabel("step")
    stages = table("exact").filter(pl.col("kept") > 0, arm="chain").rows(measures)
    for step in stages.group_by("kept").agg(pl.col("step").max())["step"]:
        axes[2].axvline(step, color="white", ls=":", lw=1)
    axes[0].set_ylabel("digit of the product")
    sheet.colorbar(mesh, ax=list(axes), label="accuracy", shrink=0.9)
    return sheet


def _over_time(ax: Axes, rows: pl.DataFrame, count: int) -> Any:
    """Digits by steps, the accuracy of a step shown up to the next."""
    curves = [series(rows.filter(digit=k), "unseen") for k in range(count)]
    step_S = curves[0][0].astype(float)
    value_KS = np.array([value_PS[np.isfinite(value_PS).all(1)].mean(0) for _, value_PS in curves])
    edges_S = np.append(0.0, step_S) if step_S[0] > 0 else step_S
    value_KS = value_KS if step_S[0] > 0 else value_KS[:, 1:]
    look: dict[str, Any] = {"vmin": 0, "vmax": 1, "cmap": fig.SEQUENTIAL}
    mesh = ax.pcolormesh(edges_S, np.arange(count + 1) - 0.5, value_KS, **look)
    ax.set_yticks(range(count), [f"$c_{k}$" for k in range(count)])
    ax.set_ylim(count - 0.5, -0.5)
    return mesh


def arms(measures: Measures, config: Any) -> Figure:
    """Exact matches over training, and after it."""
    sheet, (left, right) = panels(2, 2.8, width_ratios=[1, 1.25])
    for arm in ("standard", "auxiliary"):
        name, colour = ARMS[arm]
        rows = table("exact").filter(arm=arm).rows(measures)
        curve(left, rows, "unseen", label=f"{name}, unseen", color=colour)
        curve(left, rows, "seen", label=f"{name}, trained", color=colour, linestyle="--")
    headroom(left)
    left.set(xlabel="step", ylabel="products right in all digits")
    left.legend(ncols=2, loc="upper left", fontsize=6.5, columnspacing=0.8)
    gain = [average(exact(arm), measures) for arm in ("standard", "auxiliary")]
    fig.title(left, "Standard {:.0%}, with the running sum {:.0%}".format(*gain))
    cells = tuple(
        (name, colour, lambda arm, which=which: exact(arm, which))
        for which, name, colour in (("seen", "trained", fig.SKY), ("unseen", "unseen", fig.BLUE))
    )
    bars(right, measures, [*ARMS], cells, [name.replace(" ", "\n") for name, _ in ARMS.values()])
    headroom(right)
    right.set_ylabel("products right in all digits")
    right.legend(ncols=2, loc="upper left")
    other = max(average(exact(arm), measures) for arm in ("digits", "shuffled"))
    fig.title(right, f"Other targets lead to {other:.0%} at most")
    return sheet


def reliance(measures: Measures, config: Any) -> Figure:
    """What the digits of the product hinge on."""
    sheet, axes = panels(3, 2.7, sharey=True)
    needed_IK = 1 - np.asarray(measures["guessable"])[:-1]
    shown = {"The best guess": needed_IK}
    for arm, name in (("auxiliary", "running sum"), ("standard", "standard training")):
        rows = table("reliance").filter(arm=arm).rows(measures)
        mean = rows.filter(~pl.col("diverged")).group_by("operand", "digit").agg(pl.mean("drop"))
        drop_IK = mean.sort("operand", "digit")["drop"].to_numpy().reshape(needed_IK.shape)
        agreed = average(table("ends").filter(arm=arm).value("agreement"), measures)
        shown[f"{name.capitalize()}: rank correlation {agreed:.2f}"] = drop_IK
    n = len(needed_IK) // 2
    for ax, (name, value_IK) in zip(axes, shown.items(), strict=True):
        image = ax.imshow(value_IK / value_IK.max(), vmin=0, vmax=1, aspect="auto")
        ax.set_xticks(range(2 * n), [f"$c_{k}$" for k in range(2 * n)])
        ax.set_yticks(range(2 * n), [f"${x}_{i}$" for x in "ab" for i in range(n)])
        ax.set_xlabel("digit of the product")
        fig.title(ax, name)
    axes[0].set_ylabel("digit of a factor")
    sheet.colorbar(image, ax=list(axes), label="over the largest", shrink=0.9)
    return sheet


def inside(measures: Measures, config: Any) -> Figure:
    """Probes of the running sum, and attention that is closed."""
    sheet, (left, right) = panels(2, 2.8)
    count = range(2 * config.digits)
    error = lambda rows: lambda k: rows.filter(digit=k).value("error")
    probes = {arm: table("probes").filter(arm=arm) for arm in ("standard", "auxiliary")}
    cells = (
        ("untrained", fig.SKY, error(probes["standard"].first())),
        ("standard", fig.MUTED, error(probes["standard"].last())),
        ("running sum", fig.BLUE, error(probes["auxiliary"].last())),
    )
    bars(left, measures, [*count], cells, [f"$c_{k}$" for k in count])
    headroom(left)
    left.set(xlabel="digit of the product", ylabel="error of the running sum")
    left.legend(ncols=3, loc="upper left", fontsize=6.5, columnspacing=0.8)
    middle = config.digits - 1
    told, plain = (error(probes[arm].last())(middle) for arm in ("auxiliary", "standard"))
    asked = f"Networks that are asked for the sum of $c_{middle}$ hold it"
    fig.title(left, f"{asked}: {average(told / plain, measures):.1f} of the error")
    places = [(layer, what) for layer in (0, 1) for what in ("factors", "steps")]
    at = lambda arm, place: table("closed").filter(arm=arm, layer=place[0], what=place[1])
    lost = lambda arm: lambda place: at(arm, place).mean("lost")
    own = tuple((*ARMS[arm], lost(arm)) for arm in ("standard", "auxiliary"))
    bars(right, measures, places, own, [f"layer {i + 1}:\n{what}" for i, what in places])
    right.set_ylabel("accuracy lost, middle digits")
    right.legend(loc="upper right")
    costs = (average(lost("auxiliary")((1, what)), measures) for what in ("steps", "factors"))
    fig.title(right, "Layer 2 needs lower steps for {:.2f}, factors for {:.2f}".format(*costs))
    return sheet


draw = drawing(digits, arms, reliance, inside)
