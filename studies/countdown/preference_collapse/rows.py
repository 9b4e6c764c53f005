"""Tables of the study: the toy's ends and curves, and the language model's conditions."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import polars as pl

from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.taps import Params

from .bypass import Bench, change_rows, top
from .language import Texts, best, no_hands, read, sampled_rate, texts
from .policy import readings

DEAR = 1.1  # greatest ratio of clean perplexities at which a subtraction counts
LABELS = ("arm", "init_seed", "chosen_likely", "rejected_likely")


def toy_tables(run: RunFolder, population: Population, arms: list[str]) -> dict[str, pl.DataFrame]:
    """The toy's curves, and per member its end, its start and the peak of the chosen.

    Args:
        run: the trained run.
        population: the policies.
        arms: the name of each member's arm.
    """
    members = run.members("policy")
    dead = np.flatnonzero(run.dead_at("policy") >= 0)
    labels = members.with_columns(
        pl.Series("arm", arms), pl.col("world_seed").alias("init_seed")
    ).select("member", *LABELS)
    long = run.metrics().filter(pl.col("population") == "policy")
    later = long.pivot(on="name", index=["member", "step"], values="value").drop("loss")
    curves = pl.concat([_first(run, population, later.columns), later])
    numbers = [c for c in later.columns if c not in ("member", "step")]
    lost = pl.col("member").is_in(dead.tolist())
    curves = curves.with_columns(
        pl.when(lost).then(float("nan")).otherwise(pl.col(n)).alias(n) for n in numbers
    ).sort("member", "step")
    ends = curves.group_by("member", maintain_order=True).agg(
        *(pl.col(n).last() for n in numbers),
        *(pl.col(n).first().alias(f"{n}_start") for n in numbers),
        pl.col("chosen").max().alias("peak"),
    )
    ends = labels.join(ends, on="member").join(_distances(run), on="init_seed", how="left")
    return {"toy": ends, "curves": labels.join(curves, on="member")}


def _first(run: RunFolder, population: Population, names: list[str]) -> pl.DataFrame:
    """The curves at step 0."""

    def one(params: Params, row: dict[str, Any]) -> Any:
        bound = population.bind(row)
        return readings(bound.model, params, bound.task)  # pyright: ignore[reportArgumentType]

    kind = lambda name: np.uint32 if name.endswith("_seed") else np.float32
    rows = {n: c.astype(kind(n)) for n, c in population.members.columns.items()}
    found = jax.device_get(jax.jit(jax.vmap(one))(run.params("policy", 0), rows))
    places = {"member": np.arange(len(population.members)), "step": np.zeros(population.size, int)}
    kinds = {"member": pl.Int64, "step": pl.Int64}
    return pl.DataFrame(places | found).cast(kinds).select(names)


def _distances(run: RunFolder) -> pl.DataFrame:
    """How far each seed's reference network is from the given distribution."""
    last = run.metrics().filter(
        (pl.col("population") == "reference") & (pl.col("name") == "distance")
    )
    last = last.filter(pl.col("step") == pl.col("step").max())
    members = run.members("reference").filter(pl.col("free") == 0)
    last = last.join(members, on="member").select(
        pl.col("world_seed").alias("init_seed"), pl.col("value").alias("distance")
    )
    return last


def language_tables(
    run: RunFolder, config: Any, chosen: int, counts: tuple[int, ...]
) -> dict[str, pl.DataFrame]:
    """Conditions, neurons, matrices, networks and training curves of every seed."""
    tables: dict[str, list[dict[str, Any]]] = {
        n: [] for n in ("bypass", "neurons", "matrices", "networks", "tuning")
    }
    members = run.members("tuned")
    kept = {step: run.params("tuned", step) for step in config.kept}
    for seed in run.members("language")["init_seed"].to_list():
        own = members.filter(pl.col("init_seed") == seed)
        arms = {
            "dpo" if row["beta_chosen"] > 0 else "sft": row["member"]
            for row in own.iter_rows(named=True)
        }
        dead = any(run.dead_at("tuned")[i] >= 0 for i in arms.values())
        at = lambda arm, step, arms=arms: jax.tree.map(lambda x: x[arms[arm]], kept[step])
        found = _seed_rows(config, seed, list(arms), at, chosen, counts)
        for name, rows in found.items():
            tables[name] += [{"init_seed": seed} | (_lost(r) if dead else r) for r in rows]
    return {name: pl.DataFrame(rows) for name, rows in tables.items()}


def _seed_rows(
    config: Any,
    seed: int,
    arms: list[str],
    at: Callable[[str, int], Params],
    chosen: int,
    counts: tuple[int, ...],
) -> dict[str, list[dict[str, Any]]]:
    """Every table's rows of one seed; ``at`` gives an arm's parameters at a step."""
    model, task, prompt = config.model(), config.world(), config.prompt
    seen = texts(task, config.texts, np.uint32(seed))
    first, tuned = at("dpo", 0), at("dpo", config.tune_steps)
    bench = Bench(model, task, prompt, seen, first, tuned, seed)
    changes = {arm: change_rows(first, at(arm, config.tune_steps)) for arm in arms}
    rows = list(bench.rows(chosen, counts))
    floor = np.asarray(best(task, prompt, np.uint32(seed), seen))
    before, after = bench.before, bench.after
    mask_NF = top(bench.cos_NF, chosen)
    active = [np.asarray(r.mean_NF)[mask_NF].sum() for r in (before, after)]
    sampled = [float(sampled_rate(model, task, prompt, p, seen)) for p in (first, tuned)]
    mean = lambda arm: float(np.mean([row["change"] for row in changes[arm]]))
    network = {
        "excess": float(before.loss) - float(floor[2]),
        "rate_floor": float(floor[0]),
        "nats_floor": float(floor[1]),
        "sampled_before": sampled[0],
        "sampled_after": sampled[1],
        "kept": float(np.mean([row["cos"] >= 0.99 for row in changes["dpo"]])),
        "change": mean("dpo"),
        "change_sft": mean("sft"),
        "bad_before": float(active[0]),
        "bad_after": float(active[1]),
        "subtract": best_cut(rows, "subtract"),
        "subtract_random": best_cut(rows, "random subtract"),
    }
    return {
        "bypass": rows,
        "neurons": bench.neuron_rows(),
        "matrices": [{"arm": arm} | row for arm in arms for row in changes[arm]],
        "networks": [network],
        "tuning": list(_tuning(config, seen, arms, at, first)),
    }


def _tuning(
    config: Any, seen: Texts, arms: list[str], at: Callable[[str, int], Params], first: Params
) -> Iterator[dict[str, Any]]:
    """Bad rate, clean loss and change of weights as tuning goes on."""
    model, none = config.model(), no_hands(config.model(), seen.inputs_BL)
    for arm in arms:
        for step in config.kept:
            params = at(arm, step)
            found = read(model, config.world(), config.prompt, params, seen, none)
            moved = float(np.mean([row["change"] for row in change_rows(first, params)]))
            yield {
                "arm": arm,
                "step": step,
                "rate": float(found.rate),
                "nats": float(found.nats),
                "change": moved,
            }


def best_cut(rows: list[dict[str, Any]], condition: str) -> float:
    """Greatest cut of the bad rate by a condition that keeps clean perplexity; 0 if none does."""
    before = next(row for row in rows if row["condition"] == "before")
    allowed = [
        1 - row["rate"] / before["rate"]
        for row in rows
        if row["condition"] == condition and row["nats"] - before["nats"] <= np.log(DEAR)
    ]
    return max([0.0, *allowed])


def _lost(row: dict[str, Any]) -> dict[str, Any]:
    """A dead network's row: no numbers but its labels."""
    labels = ("condition", "size", "arm", "step", "layer", "matrix", "group")
    return {n: v if n in labels else float("nan") for n, v in row.items()}
