"""What ``grokking_phases`` tabulates: times to an accuracy, their laws, and phases."""

import numpy as np
import polars as pl
from jaxtyping import Bool, Float
from numpy.typing import ArrayLike
from scipy import optimize, special

from toylab.runs.run_folder import RunFolder
from toylab.stats.survival import crossing_times

PHASES = ("comprehension", "grokking", "memorisation", "confusion")
GAP = 1_000  # steps between training and test, from which on it is grokking: the paper's
LEARNED = 0.9 - 1e-6  # accuracy that counts as learned there; 9 of 10 in float32 is below 0.9


def curve(run: RunFolder, population: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Steps (S,) and one metric (P, S) of a population; NaN from a member's death on."""
    rows = run.metrics().filter((pl.col("population") == population) & (pl.col("name") == name))
    steps_S = rows["step"].unique().sort().to_numpy()
    values_PS = rows.sort("member", "step")["value"].to_numpy().reshape(-1, len(steps_S))
    dead_P1 = run.dead_at(population)[:, None]
    gone_PS = (dead_P1 >= 0) & (steps_S[None] >= dead_P1)
    return steps_S, np.where(gone_PS, np.nan, values_PS.astype(np.float64))


def curves(run: RunFolder, sides: pl.DataFrame) -> pl.DataFrame:
    """Accuracies over steps of the baseline and of the networks whose norm is held."""
    steps_S, train_PS = curve(run, "delay", "train_accuracy")
    test_PS = curve(run, "delay", "test_accuracy")[1]
    tables = []
    for row in sides.filter(pl.col("part").is_in(["baseline", "held"])).iter_rows(named=True):
        at = row["member"]
        columns = {"step": steps_S, "train": train_PS[at], "test": test_PS[at]}
        tables.append(
            pl.DataFrame(columns).select(
                pl.lit(row["part"]).alias("part"), pl.lit(row["init_seed"]).alias("init_seed"), "*"
            )
        )
    return pl.concat(tables)


def times(run: RunFolder, population: str, threshold: float = LEARNED) -> pl.DataFrame:
    """Members with the time at which each accuracy came to a threshold, or its lower bound.

    Columns ``train_time``, ``train_event``, ``test_time``, ``test_event``, and the last accuracies.
    """
    found: dict[str, np.ndarray] = {}
    for part in ("train", "test"):
        steps_S, values_PS = curve(run, population, f"{part}_accuracy")
        found[f"{part}_time"], found[f"{part}_event"] = crossing_times(
            steps_S, values_PS, threshold
        )
        found[f"{part}_accuracy"] = values_PS[:, -1]
    return run.members(population).with_columns(**{k: pl.Series(v) for k, v in found.items()})


def censored_line(
    x_ND: Float[ArrayLike, "N D"], time_N: Float[ArrayLike, " N"], event_N: Bool[ArrayLike, " N"]
) -> np.ndarray:
    """Fit ``log t = b_0 + b x + s noise`` by maximum likelihood, with right-censored times.

    A time that was seen adds ``log phi(z) - log s``, one that was not adds ``log Phi(-z)``, with
    ``z = (log t - b_0 - b x) / s`` and normal noise: the log-normal accelerated failure time model.

    Args:
        x_ND: covariates.
        time_N: times, or lower bounds of them.
        event_N: True where the time was seen.

    Returns:
        ``b_0, b`` (D + 1,); NaN where fewer events than numbers to fit were seen.

    Source:
        Kalbfleisch and Prentice 2002, section 3.6.
    """
    x_ND, event_N = np.asarray(x_ND, np.float64), np.asarray(event_N, bool)
    design = np.column_stack([np.ones(len(x_ND)), x_ND])
    log_t = np.log(np.asarray(time_N, np.float64))
    if event_N.sum() <= design.shape[1] or np.linalg.matrix_rank(design[event_N]) < len(design.T):
        return np.full(design.shape[1], np.nan)
    start = np.linalg.lstsq(design[event_N], log_t[event_N], rcond=None)[0]

    def loss(values: np.ndarray) -> float:
        scale = np.exp(values[-1])
        z_N = (log_t - design @ values[:-1]) / scale
        seen = -0.5 * z_N**2 - values[-1]
        return -float(np.sum(np.where(event_N, seen, special.log_ndtr(-z_N))))

    spread = max(float(np.std(log_t[event_N] - design[event_N] @ start)), 1e-2)
    options = {"maxiter": 20_000, "maxfev": 20_000, "xatol": 1e-6, "fatol": 1e-9}
    first = np.append(start, np.log(spread))
    return optimize.minimize(loss, first, method="Nelder-Mead", options=options).x[:-1]


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
        found.append((seed, joint[1], joint[2], single[1], single[0], fit[1]))
    names = ("init_seed", "decay", "rate", "product", "intercept", "train_decay")
    return pl.DataFrame(found, names, orient="row").sort("init_seed")


def phase_of(gap: int = GAP) -> pl.Expr:
    """The phase of each row of :func:`times`, by table 1 of Liu et al. 2022."""
    late = pl.col("test_time") - pl.col("train_time") > gap
    return (
        pl.when(~pl.col("train_event") & ~pl.col("test_event"))
        .then(pl.lit("confusion"))
        .when(~pl.col("test_event"))
        .then(pl.lit("memorisation"))
        .when(late)
        .then(pl.lit("grokking"))
        .otherwise(pl.lit("comprehension"))
        .alias("phase")
    )


def phase_map(rows: pl.DataFrame) -> np.ndarray:
    """Phases over learning rate (down, rising) and weight decay (across, rising), (R, C)."""
    order = rows.sort("learning_rate", "weight_decay")
    return order["phase"].to_numpy().reshape(order["learning_rate"].n_unique(), -1)


def touches(map_RC: np.ndarray, phase: str, other: str) -> bool:
    """Whether some cell of a phase has one of another phase among its eight neighbours."""
    here, there = (np.pad(map_RC == p, 1) for p in (phase, other))
    shifts = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]
    return any(bool((here & np.roll(there, shift, (0, 1))).any()) for shift in shifts)


def map_facts(rows: pl.DataFrame) -> pl.DataFrame:
    """Per seed: number of phases in its map, and whether grokking touches both its neighbours."""
    found = []
    for (unit,), own in rows.group_by("init_seed"):
        map_RC = phase_map(own)
        sides = [touches(map_RC, "grokking", p) for p in ("comprehension", "memorisation")]
        found.append((unit, float(len(np.unique(map_RC))), float(all(sides))))
    return pl.DataFrame(found, ("init_seed", "phases", "between"), orient="row").sort("init_seed")
