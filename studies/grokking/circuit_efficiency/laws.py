"""Measures of ``circuit_efficiency``: curves, times, and the map beside its prediction."""

from typing import Any

import numpy as np
import polars as pl

from toylab.runs.records import records
from toylab.runs.run_folder import RunFolder
from toylab.tasks.grokking.theory import circuits_theory as theory
from toylab.tasks.grokking.theory.circuit_phases import (
    FITTED,
    GENERALISED,
    phase,
    predict,
    settling_time,
)

CASES = ("grokking", "inefficient", "equal speed", "other rate", "other decay")
SHOWN = 240  # records kept for the curves


def weights(run: RunFolder, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Recorded steps (S,), w_g and w_m (S, P)."""
    table = records(run, name).sort("step", "member")
    step_S = table["step"].unique().sort().to_numpy()
    column = lambda name: table[name].to_numpy().astype(np.float64).reshape(len(step_S), -1)
    return step_S, column("w_g"), column("w_m")


def describe(run: RunFolder, name: str, config: Any) -> pl.DataFrame:
    """One row per member: case, seed, whether it diverged, norms."""
    members = run.members(name)
    cases = CASES if name == "circuits" else ("swapped", "kept")
    case = pl.Series("case", [cases[i % len(cases)] for i in range(len(members))])
    seed = (pl.col("init_seed") // len(CASES)).alias("seed")
    fixed = {"P_g": config.P_g, "P_m": config.P_m}
    missing = [pl.lit(v).alias(n) for n, v in fixed.items() if n not in members.columns]
    members = members.with_columns(case, seed, *missing, diverged=run.dead_at(name) >= 0)
    return members.select("member", "case", "seed", "diverged", *fixed)


def follow(
    step_S: np.ndarray,
    w_g_SP: np.ndarray,
    w_m_SP: np.ndarray,
    members: pl.DataFrame,
    config: Any,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return thinned curves (long), and one row per member: times and ends."""
    P_g, P_m, q = members["P_g"].to_numpy(), members["P_m"].to_numpy(), config.n_labels
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
    rows = members.with_columns(
        delay=test / train,
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
    expected = predict(start["g2"], start["m2"], config.P_g, P_m, *settings)
    return members.select("member", "init_seed").with_columns(
        diverged=run.dead_at("map") >= 0,
        norm_ratio=P_m / config.P_g,
        speed_ratio=config.start_m / members["start_g"].to_numpy(),
        test_time=test * config.map_rate,
        delay=test / train,
        phase=phase(test / train),
        predicted_time=expected.law,
        predicted=phase(expected.law_delay),
        quasistatic_time=expected.integral,
    )
