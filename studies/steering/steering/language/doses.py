"""Doses: from arms to what each condition adds, and from shares of good nouns to tables.

I blocks, H heads, K head dimension, D width, C conditions, P members.
"""

from typing import Any

import numpy as np
import polars as pl

from .network import Config

BUDGET = 0.1  # nats that verbs may lose
ARM = ("init_seed", "method", "arm", "draw")
Added = tuple[np.ndarray, np.ndarray, np.ndarray]
Steered = tuple[np.ndarray, np.ndarray]  # share of good nouns and KL at verbs, (P, C) each


def conditions(config: Config, arms: dict[str, list[tuple]]) -> tuple[list[dict[str, Any]], Added]:
    """Labels of the conditions, the first of which adds nothing, and what each adds.

    Added are pushes of heads (C, I, H, K), of the residual at every position, and of the residual
    at the first position alone (C, I, D), as ITI, RepE and ActAdd need.
    """
    width = (config.lm_depth, config.lm_width)
    push = (config.lm_depth, config.lm_heads, config.lm_width // config.lm_heads)
    labels: list[dict[str, Any]] = [{"method": "none"}]
    heads, resid, front = [np.zeros(push)], [np.zeros(width)], [np.zeros(width)]
    for method, rows in arms.items():
        for arm, draw, *block, vector in rows:
            layer = block[0] if block else -1
            label = {"method": method, "arm": arm, "draw": draw, "layer": layer}
            for dose in (sign * d for d in config.lm_doses for sign in (1, -1)):
                added = dose * np.asarray(vector)
                labels.append(label | {"dose": dose})
                heads.append(added if method == "ITI" else heads[0])
                resid.append(_at(width, layer, added) if method == "RepE" else resid[0])
                front.append(_at(width, layer, added) if method == "ActAdd" else front[0])
    return labels, (np.stack(heads), np.stack(resid), np.stack(front))


def _at(shape: tuple[int, int], layer: int, vector: np.ndarray) -> np.ndarray:
    rows = np.zeros(shape)
    rows[layer] = vector
    return rows


def dose_table(labels: list[dict], judged: Steered, other: Steered) -> pl.DataFrame:
    """Table ``doses``: both signs of a dose in one row, on judged prompts and on others.

    The swing is the share of good nouns at +dose minus that at -dose; the cost is the larger KL.

    Args:
        labels: of the conditions; the first adds nothing, then signs follow each other.
        judged: shares and costs on the prompts that judge.
        other: those on the prompts that choose the dose and the layer.
    """
    rows = []
    for seed, c in np.ndindex(len(judged[0]), len(labels) // 2):
        plus, minus = 1 + 2 * c, 2 + 2 * c
        row = {"init_seed": seed} | labels[plus]
        for prefix, (share_PC, cost_PC) in (("", judged), ("choice_", other)):
            row[f"{prefix}swing"] = float(share_PC[seed, plus]) - float(share_PC[seed, minus])
            row[f"{prefix}cost"] = float(max(cost_PC[seed, plus], cost_PC[seed, minus]))
        rows.append(row)
    return pl.DataFrame(rows)


def steered_table(doses: pl.DataFrame) -> pl.DataFrame:
    """Table ``steered``: per draw of each arm the condition that other prompts choose.

    Of the conditions within the budget it is the one of largest swing. Dose 0, without swing and
    cost, stands where none swings the right way.
    """
    fits = doses.filter(pl.col("choice_cost") <= BUDGET, pl.col("choice_swing") > 0)
    best = fits.sort("choice_swing", descending=True).group_by(ARM).first()
    arms = doses.select(ARM).unique(maintain_order=True)
    return arms.join(best, on=ARM, how="left").with_columns(
        pl.col("dose", "swing", "cost").fill_null(0.0)
    )
