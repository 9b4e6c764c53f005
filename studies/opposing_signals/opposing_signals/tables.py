"""Tables of the study: the arms' curves and summaries, the grid's cells, the optimisers' spikes.

P members, T recorded steps, N examples, D inputs.
"""

from typing import Any

import jax
import numpy as np
import polars as pl

from toylab.population import Population
from toylab.read.networks import networks
from toylab.read.tables import long_table
from toylab.runs.run_folder import RunFolder
from toylab.task import Batch
from toylab.tasks.opposing_signals import linear

from . import trajectories
from .watch import sharpest

LABELS = ("member", "arm", "init_seed", "diverged", "learning_rate", "momentum")


def samples(population: Population) -> Batch:
    """Every member's whole sample, with a leading axis P."""
    kind = lambda name: np.uint32 if name.endswith("_seed") else np.float32
    rows = {n: c.astype(kind(n)) for n, c in population.members.columns.items()}
    draw = lambda row: population.bind(row).task.enumerate()
    return jax.tree.map(np.asarray, jax.jit(jax.vmap(draw))(rows))


def of_member(batch: Batch, member: int) -> Batch:
    """One member's sample."""
    return jax.tree.map(lambda leaf: leaf[member], batch)


def recorded(run: RunFolder, name: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Recorded steps (T,), and every recorded number (P, T); NaN once a member has diverged."""
    table = run.metrics().filter(pl.col("population") == name)
    wide = table.pivot(on="name", index=["member", "step"], values="value").sort("member", "step")
    steps_T = wide["step"].unique().sort().to_numpy()
    shape = (-1, len(steps_T))
    names = [c for c in wide.columns if c not in ("member", "step")]
    return steps_T, {n: wide[n].to_numpy().astype(np.float64).reshape(shape) for n in names}


def looked(run: RunFolder, name: str, population: Population, lanczos: int) -> pl.DataFrame:
    """Sharpness, its bound and the mass of its eigenvector: a row per network and snapshot."""
    known_P = jax.vmap(linear.moments)(samples(population))
    way_D = np.asarray(population.task.shared())  # pyright: ignore[reportAttributeAccessIssue]
    steps = [step for step in run.steps(name) if step]
    found = [sharpest(run.params(name, step), known_P, way_D, lanczos) for step in steps]
    columns = {n: np.stack([one[n] for one in found], 1) for n in found[0]}
    return long_table({"member": None, "step": steps}, **columns)


def arms(
    run: RunFolder, population: Population, names: list[str], lanczos: int
) -> dict[str, pl.DataFrame]:
    """``curves``, a row per network and step, and ``arms``, a row per network."""
    steps_T, found = recorded(run, "main")
    b_PTD = np.stack([found[n] for n in sorted(found) if n[0] == "b"], -1)
    members, sample_P = networks(run, "main"), samples(population)
    arm = np.repeat(names, len(members) // len(names))
    members = members.with_columns(arm=pl.Series(arm)).select(LABELS)
    features = population.task.features  # pyright: ignore[reportAttributeAccessIssue]
    sharp = looked(run, "main", population, lanczos)
    curves, ends = [], []
    for row in members.iter_rows(named=True):
        p = row["member"]
        own = sharp.filter(member=p).drop("member")
        edge = float(linear.edge(row["learning_rate"], row["momentum"]))
        path = pl.DataFrame({"step": steps_T, "scale": found["scale"][p]})
        path = path.join(own, on="step", how="left", maintain_order="left")
        curve, end = look(of_member(sample_P, p), b_PTD[p], path, edge, features)
        curves.append(curve.with_columns(member=pl.lit(p, pl.Int64)))
        ends.append({"member": p, "edge": edge} | end)
    label = members.select("member", "arm", "init_seed", "diverged")
    join = lambda rows: label.join(rows, on="member", maintain_order="right").drop("member")
    return {"curves": join(pl.concat(curves)), "arms": join(pl.DataFrame(ends))}


def look(
    sample: Batch, b_TD: np.ndarray, path: pl.DataFrame, edge: float, features: int
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """One network: its curves, and what they come to.

    Args:
        sample: its sample.
        b_TD: its end-to-end vector at every step.
        path: its steps, with what else is known of them.
        edge: the curvature beyond which its training is unstable.
        features: number of inputs that the feature stands in, the last ones.
    """
    group_N = np.asarray(sample.latents["group"])
    each_TN = trajectories.losses(sample, b_TD)
    mean = lambda chosen_N: trajectories.mean_of(each_TN, chosen_N)
    plus_T, minus_T = mean(group_N == 1), mean(group_N == -1)
    first_T, second_T = map(mean, trajectories.random_groups(group_N, np.random.default_rng(0)))
    after_T = np.cumsum((path["sharpness"] >= edge).fill_null(False).to_numpy()) > 0
    loss_T, known = each_TN.mean(1), linear.moments(sample)
    best_D = linear.least_squares(known)
    together, share = trajectories.together, trajectories.top_share
    end = {
        "alpha": float(np.linalg.eigvalsh(np.asarray(known.xx_DD, np.float64))[-1]),
        "predicted": linear.fitted_sharpness(known, best_D),
        "best": float(np.linalg.norm(best_D)),
        "crossed": bool(after_T.any()),
        "mass": _mass(path, after_T),
        "rise": trajectories.rise(loss_T),
        "before": together(plus_T, minus_T, ~after_T),
        "after": together(plus_T, minus_T, after_T),
        "random": together(first_T, second_T, after_T),
        "share": share(each_TN, group_N != 0, after_T),
        "share_before": share(each_TN, group_N != 0, ~after_T),
    }
    curve = path.with_columns(
        signal=np.linalg.norm(b_TD, axis=1),
        loss=loss_T,
        plus=plus_T,
        minus=minus_T,
        feature=b_TD[:, -features:].sum(1) / features**0.5,
    )
    return curve, end


def _mass(path: pl.DataFrame, after_T: np.ndarray) -> float:
    """The eigenvector's mass when the edge is reached; at the end where it is not."""
    first = int(np.argmax(after_T)) if after_T.any() else len(after_T) - 1
    return float(path["mass"][first])


def cells(run: RunFolder, population: Population, lanczos: int) -> pl.DataFrame:
    """A row per network of the grid: the highest sharpness, the edge, and the closed form."""
    peak = (
        looked(run, "grid", population, lanczos)
        .group_by("member")
        .agg(peak=pl.col("sharpness").max())
    )
    members = networks(run, "grid").join(peak, on="member", maintain_order="left")
    alpha = float(population.task.fraction) * members["magnitude"].to_numpy() ** 2  # pyright: ignore
    rate = population.optimizer.learning_rate  # pyright: ignore
    return members.with_columns(
        edge=pl.lit(float(linear.edge(rate))),
        predicted=linear.end_sharpness(alpha, members["strength"].to_numpy()),
    )


def spikes(
    run: RunFolder, name: str, population: Population, optimizers: list[str]
) -> pl.DataFrame:
    """A row per network of some optimisers: its excess loss and its spike, over the second half.

    The excess is the median of the whole sample's loss, above what the best linear network has; the
    spike is the highest such loss over the median one.

    Args:
        run: the trained run.
        name: of the population.
        population: its networks.
        optimizers: the name of each group of as many networks as there are seeds.
    """
    _, found = recorded(run, name)
    known_P = jax.vmap(linear.moments)(samples(population))
    reach_P = np.einsum("pd,pd->p", known_P.xy_D, linear.least_squares(known_P))
    least_P = (np.asarray(known_P.yy, np.float64) - reach_P) / 2
    late_PT = found["whole"][:, found["whole"].shape[1] // 2 :]
    middle_P = np.median(late_PT, 1)
    members = networks(run, name).select("init_seed", "learning_rate", "diverged")
    return members.with_columns(
        optimizer=pl.Series(np.repeat(optimizers, len(members) // len(optimizers))),
        excess=middle_P - least_P,
        spike=late_PT.max(1) / middle_P,
    )
