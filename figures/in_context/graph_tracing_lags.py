"""How far back the heads of every network look: a figure of the study ``graph_tracing``."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from toylab.report import figures as fig


def lags(measures: Mapping[str, Any]) -> Figure:
    """Mean attention by lag, one row per network and head, one panel per block."""
    table = measures["lags"]
    blocks = table["block"].unique().sort().to_list()
    sheet = fig.figure(fig.PAGE, 3.4)
    axes = np.atleast_1d(sheet.subplots(1, len(blocks)))
    seeds, heads = table["init_seed"].unique().sort().to_list(), table["head"].n_unique()
    image, top = None, float(np.max(table["attention"].to_numpy()))
    for ax, block in zip(axes, blocks, strict=True):
        rows = table.filter(pl.col("block") == block).sort("init_seed", "head", "lag")
        values_RT = rows["attention"].to_numpy().reshape(len(seeds) * heads, -1)
        image = ax.imshow(values_RT, aspect="auto", vmin=0, vmax=top, interpolation="nearest")
        for i in range(1, len(seeds)):
            ax.axhline(i * heads - 0.5, color="white", linewidth=1.2)
        ax.set_yticks([heads * (i + 0.5) - 0.5 for i in range(len(seeds))], seeds)
        ax.set_xlabel("places back")
        best = (
            rows.filter(pl.col("lag") > 0)
            .sort("attention")
            .group_by("init_seed", maintain_order=True)
            .last()
        )
        told = ", ".join(str(lag) for lag in best.sort("init_seed")["lag"])
        fig.title(ax, f"Block {block}: most attention {told} back")
    axes[0].set_ylabel("seed; one row per head")
    if image is not None:
        sheet.colorbar(image, ax=list(axes), label="mean attention, 4x4 grid", shrink=0.8)
    return sheet
