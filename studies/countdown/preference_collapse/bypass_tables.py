"""Tables of the language models: conditions, neurons, matrices, and tuning step by step."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import polars as pl

from toylab.analysis.fine_tuning import matrix_changes
from toylab.analysis.neurons import top_mask
from toylab.runs.run_folder import RunFolder
from toylab.taps import Params

from .bypass import Bench
from .language import Texts, best, no_hands, read, sampled_rate, texts

ParamsAt = Callable[[str, int], Params]  # an arm's parameters at a step


def language_tables(
    run: RunFolder, config: Any, chosen: int, counts: tuple[int, ...]
) -> dict[str, pl.DataFrame]:
    """Conditions, neurons, matrices, networks and training curves of every seed.

    Args:
        run: the trained run.
        config: the study's settings.
        chosen: number of bad neurons whose keys are scaled.
        counts: numbers of neurons whose activations are put back.
    """
    tables: dict[str, list[dict[str, Any]]] = {}
    members = run.members("tuned")
    kept = {step: run.params("tuned", step) for step in config.kept}
    for seed, world in run.members("language").select("init_seed", "world_seed").iter_rows():
        own = members.filter(pl.col("init_seed") == seed)
        arms = {
            "dpo" if row["beta_chosen"] > 0 else "sft": row["member"]
            for row in own.iter_rows(named=True)
        }
        at = lambda arm, step, arms=arms: jax.tree.map(lambda x: x[arms[arm]], kept[step])
        for name, rows in _seed_rows(config, seed, world, list(arms), at, chosen, counts).items():
            tables.setdefault(name, []).extend({"init_seed": seed} | row for row in rows)
    return {name: pl.DataFrame(rows) for name, rows in tables.items()}


def _seed_rows(
    config: Any,
    seed: int,
    world: float,
    arms: list[str],
    at: ParamsAt,
    chosen: int,
    counts: tuple[int, ...],
) -> dict[str, list[dict[str, Any]]]:
    """Every table's rows of one seed, whose language is that of ``world``."""
    model, task, prompt = config.model(), config.world(), config.prompt
    seen = texts(task, config.texts, np.uint32(world))
    first, tuned = at("dpo", 0), at("dpo", config.tune_steps)
    bench = Bench(model, task, prompt, seen, first, tuned, seed)
    changes = {arm: matrix_changes(first, at(arm, config.tune_steps)) for arm in arms}
    rows = list(bench.rows(chosen, counts))
    floor = np.asarray(best(task, prompt, np.uint32(world), seen))
    before, after = bench.before, bench.after
    mask_NF = top_mask(bench.cos_NF, chosen)
    active = [np.asarray(r.mean_NF)[mask_NF].sum() for r in (before, after)]
    sampled = [float(sampled_rate(model, task, prompt, p, seen)) for p in (first, tuned)]
    network = {
        "excess": float(before.loss) - float(floor[2]),
        "rate_floor": float(floor[0]),
        "nats_floor": float(floor[1]),
        "sampled_before": sampled[0],
        "sampled_after": sampled[1],
        "kept": float(np.mean([row["cos"] >= 0.99 for row in changes["dpo"]])),
        "change": _mean_change(changes["dpo"]),
        "change_sft": _mean_change(changes["sft"]),
        "bad_before": float(active[0]),
        "bad_after": float(active[1]),
    }
    return {
        "bypass": rows,
        "neurons": bench.neuron_rows(),
        "matrices": [{"arm": arm} | row for arm in arms for row in changes[arm]],
        "networks": [network],
        "tuning": list(_tuning(config, seen, arms, at, first)),
    }


def _mean_change(rows: list[dict[str, Any]]) -> float:
    return float(np.mean([row["change"] for row in rows]))


def _tuning(
    config: Any, seen: Texts, arms: list[str], at: ParamsAt, first: Params
) -> Iterator[dict[str, Any]]:
    """Bad rate, clean loss and change of weights as tuning goes on."""
    model, none = config.model(), no_hands(config.model(), seen.inputs_BL)
    for arm in arms:
        for step in config.kept:
            params = at(arm, step)
            found = read(model, config.world(), config.prompt, params, seen, none)
            numbers = {"rate": float(found.rate), "nats": float(found.nats)}
            moved = {"change": _mean_change(matrix_changes(first, params))}
            yield {"arm": arm, "step": step} | numbers | moved
