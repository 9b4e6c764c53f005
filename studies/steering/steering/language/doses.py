"""Doses: from arms to what each condition adds, and from shares to a table.

I blocks, H heads, K head dimension, D width, C conditions, P members.
"""

from typing import Any

import numpy as np
import polars as pl

from .network import Config

Added = tuple[np.ndarray, np.ndarray, np.ndarray]


def conditions(config: Config, arms: dict[str, list[tuple]]) -> tuple[list[dict[str, Any]], Added]:
    """Labels of the conditions, the first of which adds nothing, and what each adds.

    Added are pushes of heads (C, I, H, K), of the residual everywhere, and of its first place
    alone (C, I, D), as ITI, RepE and ActAdd need.
    """
    width = (config.lm_depth, config.lm_width)
    push = (config.lm_depth, config.lm_heads, config.lm_width // config.lm_heads)
    labels: list[dict[str, Any]] = [{"method": "none"}]
    heads, resid, front = [np.zeros(push)], [np.zeros(width)], [np.zeros(width)]
    for method, rows in arms.items():
        for arm, draw, *place, vector in rows:
            layer = place[0] if place else -1
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


def dose_table(labels: list[dict], share_PC: np.ndarray, cost_PC: np.ndarray) -> pl.DataFrame:
    """Both signs of a dose in one row: shares, their difference (swing), the larger cost.

    Signs follow each other in ``labels``, whose first entry adds nothing.
    """
    rows = []
    for seed, (share, cost) in enumerate(zip(share_PC, cost_PC, strict=True)):
        for c in range(1, len(labels), 2):
            up, down = float(share[c]), float(share[c + 1])
            seen = {"up": up, "down": down, "swing": up - down, "unsteered": float(share[0])}
            seen["cost"] = float(max(cost[c], cost[c + 1]))
            rows.append({"init_seed": seed} | labels[c] | seen)
    return pl.DataFrame(rows)
