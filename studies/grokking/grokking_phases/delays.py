"""What ``grokking_phases`` tabulates: times to an accuracy, their laws, and maps of phases."""

import numpy as np
import polars as pl

from toylab.runs.records import records
from toylab.runs.run_folder import RunFolder
from toylab.stats.censored import censored_line
from toylab.stats.survival import crossing_times
from toylab.tasks.grokking.theory.learning_phases import LEARNED, phase_map, touches


def curve(run: RunFolder, population: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps (S,) and one metric (P, S) of a population; NaN from a member's divergence on."""
    rows = run.metrics().filter((pl.col("population") == population) & (pl.col("name") == name))
    steps_S = rows["step"].unique().sort().to_numpy()
    values_PS = rows.sort("member", "step")["value"].to_numpy().reshape(-1, len(steps_S))
    return steps_S, values_PS.astype(np.float64)


def curves(run: RunFolder, sides: pl.DataFrame) -> pl.DataFrame:
    """Accuracies over steps of the baseline and of the networks whose norm is held."""
    kept = sides.filter(pl.col("part").is_in(["baseline", "held"])).select("member", "part")
    rows = records(run, "delay").join(kept, on="member")
    labels = ("part", "init_seed", "diverged", "step")
    return rows.select(*labels, train="train_accuracy", test="test_accuracy")


def times(run: RunFolder, population: str, threshold: float = LEARNED) -> pl.DataFrame:
    """Members with the time at which each accuracy came to a threshold, or its lower bound.

    Columns ``train_time``, ``train_event``, ``test_time``, ``test_event``, the last accuracies,
    and ``diverged``.
    """
    found: dict[str, np.ndarray] = {"diverged": run.dead_at(population) >= 0}
    for part in ("train", "test"):
        steps_S, values_PS = curve(run, population, f"{part}_accuracy")
        found[f"{part}_time"], found[f"{part}_event"] = crossing_times(
            steps_S, values_PS, threshold
        )
        found[f"{part}_accuracy"] = values_PS[:, -1]
    return run.members(population).with_columns(**{k: pl.Series(v) for k, v in found.items()})


def laws(rows: pl.DataFrame) -> pl.DataFrame:
    """Exponents of the time to generalise and to fit, one row per seed.

    ``decay`` and ``rate``: exponents of the weight decay and of the learning rate in the time to
    generalise, fitted together; ``product``: that of their product alone; ``train_decay``: that of
    the weight decay in the time to fit.
    """
    found = []
    for (seed,), own in rows.filter(pl.col("weight_decay") > 0).group_by("init_seed"):
        decay_N, rate_N = (np.log(own[c].to_numpy()) for c in ("weight_decay", "learning_rate"))
        both = np.column_stack([decay_N, rate_N])
        test = (own["test_time"].to_numpy(), own["test_event"].to_numpy())
        train = (own["train_time"].to_numpy(), own["train_event"].to_numpy())
        joint, single = censored_line(both, *test), censored_line(both.sum(1, keepdims=True), *test)
        fit = censored_line(both, *train)
        lost = bool(own["diverged"].any())
        found.append((seed, lost, joint[1], joint[2], single[1], single[0], fit[1]))
    names = ("init_seed", "diverged", "decay", "rate", "product", "intercept", "train_decay")
    return pl.DataFrame(found, names, orient="row").sort("init_seed")


def map_facts(rows: pl.DataFrame) -> pl.DataFrame:
    """Per seed: number of phases in its map, and whether grokking touches both its neighbours."""
    found = []
    for (unit,), own in rows.group_by("init_seed"):
        map_RC = phase_map(own)
        sides = [touches(map_RC, "grokking", p) for p in ("comprehension", "memorisation")]
        lost = bool(own["diverged"].any())
        found.append((unit, lost, float(len(np.unique(map_RC))), float(all(sides))))
    names = ("init_seed", "diverged", "phases", "between")
    return pl.DataFrame(found, names, orient="row").sort("init_seed")
