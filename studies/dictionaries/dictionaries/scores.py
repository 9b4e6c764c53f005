"""Tables of trained dictionaries: a row per arm and world, and one sequence to look at.

Shape suffixes: P members, N inputs, F atoms, G features, D width, T time.
"""

import dataclasses
from typing import Any

import numpy as np
import polars as pl

from toylab.analysis.recovery.foretelling import foretold
from toylab.analysis.recovery.scores import Sparse, alike, known, looks, nulls
from toylab.population import Population
from toylab.tasks.dictionaries.planted import Planted

from .arms import Arm

Seen = dict[str, np.ndarray]
Arms = tuple[Arm, ...]


def arm_rows(arms: Arms, seeds: int, task: Planted, found: Seen, lost_P: np.ndarray) -> list[Any]:
    """A row per arm and world of sums: the mean of its runs' scores, and how alike they are."""
    rows, p, most = [], 0, found["atoms"].shape[1]
    for arm in arms:
        size = int(arm.numbers["size"]) if "size" in arm.numbers else most
        numbers = {n: v for n, v in arm.numbers.items() if hasattr(task, n)}
        facts = {"size": size, "relative": size / task.features}
        facts["true_l0"] = dataclasses.replace(task, **numbers).l0()
        for world in range(seeds):
            runs = range(p, p + arm.runs)
            whole = [_cut(found, q, size) for q in runs]
            truth_GD, active = found["features"][p], [found["amplitude"][q] > 0 for q in runs]
            each = [
                known(own, on, truth_GD, task.parents)
                for own, on in zip(whole, active, strict=True)
            ]
            row = {name: float(np.mean([score[name] for score in each])) for name in each[0]}
            row |= alike(whole[0], whole[1], truth_GD) if arm.runs == 2 else {}
            labels = {"arm": arm.name, "init_seed": world, "diverged": bool(lost_P[runs].any())}
            null = nulls(size, task.features, task.width)
            rows.append(labels | dict(arm.numbers) | facts | row | null)
            p += arm.runs
    return rows


def _cut(found: Seen, p: int, size: int) -> Sparse:
    """A member's dictionary with as many atoms as it has."""
    atoms, codes = found["atoms"][p][:size], found["codes"][p][:, :size]
    return Sparse(atoms, codes, found["x"][p], found["out"][p])


def in_time(population: Population, params_P: Any, count: int) -> Seen:
    """What temporal dictionaries make of sequences, with the best forecast of them."""
    found = looks(population, params_P, count, ("pred", "predicted", "novel"))
    task: Any = population.task
    found["told"] = found["predicted"] + params_P["centre"][:, None, None]
    best = [np.asarray(task.forecast(state)) for state in found["state"]]
    return found | {"oracle": np.stack(best) @ found["features"][:, None]}


def time_rows(arms: Arms, seeds: int, slow: int, found: Seen, lost_P: np.ndarray) -> list[Any]:
    """A row per arm and world of sequences."""
    rows = []
    for p, (arm, world) in enumerate((arm, w) for arm in arms for w in range(seeds)):
        labels = {"arm": arm.name, "init_seed": world, "diverged": bool(lost_P[p])}
        score = foretold({name: leaf[p] for name, leaf in found.items()}, slow)
        rows.append(labels | dict(arm.numbers) | score)
    return rows


def traces(arms: Arms, seeds: int, slow: int, found: Seen) -> pl.DataFrame:
    """The first sequence of the first world: a slow and a fast feature, and what is foretold."""
    tables = []
    for name in ("tfa", "causal"):
        p = seeds * [arm.name for arm in arms].index(name)
        series = ("told", "oracle")
        told, oracle = (found[n][p][0] @ found["features"][p].T for n in series)
        state_TG = found["state"][p][0]
        moves_G = np.abs(np.diff(state_TG, axis=0)).sum(0)
        # Of each kind the feature that changes most often in this sequence.
        for kind, first, last in (("slow", 0, slow), ("fast", slow, None)):
            g = first + int(np.argmax(moves_G[first:last]))
            columns = {"state": state_TG[:, g], "told": told[:, g], "oracle": oracle[:, g]}
            labels = {"arm": name, "kind": kind, "time": np.arange(len(state_TG))}
            tables.append(pl.DataFrame(labels | columns))
    return pl.concat(tables)
