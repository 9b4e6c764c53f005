"""Measures of ``circuit_efficiency``: curves, times, and the map beside its prediction."""

from typing import Any

import numpy as np
import polars as pl

from toylab.runs.run_folder import RunFolder
from toylab.tasks.grokking import circuits_theory as theory

FITTED = 0.5  # nats on the training set below which it counts as memorised
GENERALISED = 1.0  # nats on the test set
GROKKING, IMMEDIATE = 10.0, 2.0  # ratio of the two times, at least and at most
PHASES = ("never", "immediate", "delayed", "grokking")
CASES = ("grokking", "inefficient", "equal speed", "other rate", "other decay")
SHOWN = 240  # records kept for the curves


def weights(run: RunFolder, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Recorded steps (S,), w_g and w_m (S, P); NaN from a member's death on."""
    table = run.metrics().filter(pl.col("population") == name).sort("name", "step", "member")
    step_S = table["step"].unique().sort().to_numpy()
    dead_P = run.dead_at(name)
    gone_SP = (dead_P >= 0) & (step_S[:, None] > dead_P)

    def column(metric: str) -> np.ndarray:
        values = table.filter(pl.col("name") == metric)["value"].to_numpy().astype(np.float64)
        return np.where(gone_SP, np.nan, values.reshape(len(step_S), -1))

    return step_S, column("w_g"), column("w_m")


def describe(run: RunFolder, name: str, config: Any) -> pl.DataFrame:
    """One row per member: case, seed, norms, decay, learning rate."""
    members = run.members(name)
    cases = CASES if name == "circuits" else ("swapped", "kept")
    case = pl.Series("case", [cases[i % len(cases)] for i in range(len(members))])
    seed = (pl.col("init_seed") // len(CASES)).alias("seed")
    fixed = {"P_g": config.P_g, "P_m": config.P_m, "decay": config.decay}
    fixed |= {"learning_rate": config.learning_rate}
    missing = [pl.lit(v).alias(n) for n, v in fixed.items() if n not in members.columns]
    return members.with_columns(case, seed, *missing).select("member", "case", "seed", *fixed)


def follow(
    step_S: np.ndarray,
    w_g_SP: np.ndarray,
    w_m_SP: np.ndarray,
    members: pl.DataFrame,
    config: Any,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return thinned curves (long), and one row per member: times, end, theory."""
    column = {n: members[n].to_numpy() for n in ("P_g", "P_m", "decay", "learning_rate")}
    P_g, P_m, q = column["P_g"], column["P_m"], config.n_labels
    curve = {
        "train": theory.nats_on_train(w_g_SP, w_m_SP, q),
        "test": theory.nats_on_test(w_g_SP, w_m_SP, q),
        "w_g": w_g_SP,
        "w_m": w_m_SP,
        "norm": theory.parameter_norm(w_g_SP, w_m_SP, P_g, P_m, config.kappa),
    }
    end = {n: v[-1] for n, v in curve.items()}
    train = settling_time(step_S, curve["train"], FITTED)
    test = settling_time(step_S, curve["test"], GENERALISED)
    least = theory.minimum(P_g, P_m, config.kappa, column["decay"], q)
    rows = members.with_columns(
        train_step=train,
        test_step=test,
        delay=test / train,
        test_time=test * column["learning_rate"],
        ratio=end["w_m"] / end["w_g"],
        theory_ratio=theory.weight_ratio(P_g, P_m, config.kappa),
        theory_w_g=least.w_g,
        test_at_fit=loss_at(step_S, curve["test"], train),
        test_excess=curve["test"].max(0) - np.log(q),
        norm_max=curve["norm"].max(0),
        **{f"{n}_end": v for n, v in end.items()},
    )
    kept = shown(step_S)
    long = members.select("case", "seed").join(pl.DataFrame({"step": step_S[kept]}), how="cross")
    values = {n: v[kept].T.reshape(-1).astype(np.float32) for n, v in curve.items()}
    return long.with_columns(**values), rows


def shown(step_S: np.ndarray) -> np.ndarray:
    """Indices of about ``SHOWN`` records, evenly on a log scale."""
    return np.unique(np.round(np.geomspace(1, len(step_S), SHOWN)).astype(int)) - 1


def settling_time(step_S: np.ndarray, nats_SP: np.ndarray, threshold: float) -> np.ndarray:
    """Step from which a loss stays below a threshold, (P,); NaN where it does not by the end.

    Interpolated between records, on log scales.
    """
    above = ~(nats_SP <= threshold)  # NaN is above
    last = len(step_S) - 1 - above[::-1].argmax(0)
    before = np.minimum(last, len(step_S) - 2) if len(step_S) > 1 else last
    after = np.minimum(before + 1, len(step_S) - 1)
    pick = lambda index: np.take_along_axis(nats_SP, index[None], 0)[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = np.log(pick(before) / pick(after))
        share = np.where(fall > 0, np.log(pick(before) / threshold) / fall, 1.0).clip(0, 1)
        time = np.exp((1 - share) * np.log(step_S[before]) + share * np.log(step_S[after]))
    time = np.where(above.any(0), time, step_S[0])
    return np.where(above[-1], np.nan, time)


def loss_at(step_S: np.ndarray, nats_SP: np.ndarray, time_P: np.ndarray) -> np.ndarray:
    """Each member's loss at its own time, (P,), interpolated between records."""
    pairs = zip(time_P, nats_SP.T, strict=True)
    return np.array([np.interp(t, step_S, nats) if np.isfinite(t) else np.nan for t, nats in pairs])


def cells(config: Any, run: RunFolder) -> pl.DataFrame:
    """One row per member of the map: times and phase, measured and predicted."""
    steps = [s for s in run.steps("map") if s > 0]
    products = [
        (p["g1"] * p["g2"], p["m1"] * p["m2"]) for p in (run.params("map", s) for s in steps)
    ]
    w_g_SP, w_m_SP = (np.stack(w).astype(np.float64) for w in zip(*products, strict=True))
    q, members = config.n_labels, run.members("map")
    train = settling_time(np.array(steps), theory.nats_on_train(w_g_SP, w_m_SP, q), FITTED)
    test_SP = theory.nats_on_test(w_g_SP, w_m_SP, q)
    test = settling_time(np.array(steps), test_SP, GENERALISED)
    start, P_m = run.params("map", 0), members["P_m"].to_numpy()
    settings = (config.kappa, config.decay, q)
    expected = theory.times(start["g2"], start["m2"], P_m, *settings, FITTED)
    end = theory.nats_on_test(*theory.minimum(config.P_g, P_m, *settings), q)
    starts = start["g2"], start["m2"]
    fit = theory.fitting_time(starts[1], P_m, *settings, FITTED, starts[0])
    takeover = theory.takeover_time(*starts, config.P_g, P_m, *settings, GENERALISED)
    delay, quasistatic = (
        predicted_delay(*pair, end)
        for pair in ((expected.train, expected.test), (fit, fit + takeover))
    )
    return members.select("member", "init_seed").with_columns(
        norm_ratio=P_m / config.P_g,
        speed_ratio=config.start_m / members["start_g"].to_numpy(),
        train_time=train * config.map_rate,
        test_time=test * config.map_rate,
        delay=test / train,
        test_end=test_SP[-1],
        ratio=w_m_SP[-1] / w_g_SP[-1],
        phase=phase(test / train),
        predicted_time=np.where(end <= GENERALISED, expected.test, np.nan),
        predicted_delay=delay,
        predicted_end=end,
        predicted=phase(delay),
        quasistatic_time=np.where(end <= GENERALISED, fit + takeover, np.nan),
        quasistatic=phase(quasistatic),
    )


def predicted_delay(train_P: np.ndarray, test_P: np.ndarray, end_P: np.ndarray) -> np.ndarray:
    """Ratio of two predicted times; NaN where the minimum, of test loss ``end``, is too high."""
    # Where C_mem alone cannot fit, the loss falls on both sets once C_gen is there.
    fits = np.isfinite(train_P)
    delay = np.where(fits, test_P, 1.0) / np.where(fits, train_P, 1.0)
    return np.where((end_P <= GENERALISED) & np.isfinite(delay), delay, np.nan)


def phase(delay_P: np.ndarray) -> pl.Series:
    """Name the phase of a ratio of times; NaN is "never"."""
    conditions = [np.isnan(delay_P), delay_P <= IMMEDIATE, delay_P < GROKKING]
    return pl.Series(np.select(conditions, PHASES[:3], PHASES[3]))
