"""Doses: from arms to what each condition adds, and from shares to a table.

I blocks, H heads, K head dimension, D width, C conditions, P members.
"""

from typing import Any

import numpy as np
import polars as pl

from studies._steering.language import Config

Added = tuple[np.ndarray, np.ndarray, np.ndarray]


def conditions(config: Config, arms: dict[str, list[tuple]]) -> tuple[list[dict[str, Any]], Added]:
    """Labels of the conditions, the first of which adds nothing, and what each adds."""
    width = (config.lm_depth, config.lm_width)
    push = (config.lm_depth, config.lm_heads, config.lm_width // config.lm_heads)
    labels: list[dict[str, Any]] = [{"method": "none"}]
    heads, resid = [np.zeros(push)], [np.zeros(width)]
    for method, rows in arms.items():
        for arm, draw, *place, vector in rows:
            for dose in (sign * d for d in config.lm_doses for sign in (1, -1)):
                at = place[0] if place else -1
                labels.append(
                    {"method": method, "arm": arm, "draw": draw, "layer": at, "dose": dose}
                )
                heads.append(dose * np.asarray(vector) if at < 0 else heads[0])
                resid.append(np.zeros(width) if at < 0 else _at(width, at, dose * vector))
    front = np.array([label["method"] == "ActAdd" for label in labels])
    return labels, (np.stack(heads), np.stack(resid), front)


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
