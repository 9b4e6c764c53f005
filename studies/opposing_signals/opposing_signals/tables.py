"""Tables of the study: the arms' curves and summaries, the grid's cells, the optimisers' spikes.

P members, T recorded steps, N examples, D inputs.
"""

from typing import Any

import jax
import numpy as np
import polars as pl

from toylab.analysis.landscape.edge import edge, rise, swing, together, top_share
from toylab.analysis.landscape.members import member_eigenvalues
from toylab.population import Population
from toylab.read.networks import networks
from toylab.read.tables import labelled, long_table
from toylab.runs.run_folder import RunFolder
from toylab.task import Batch
from toylab.tasks.opposing_signals import linear

from .watch import sample_loss


def samples(population: Population) -> Batch:
    """Every member's whole sample, with a leading axis P."""
    kind = lambda name: np.uint32 if name.endswith("_seed") else np.float32
    rows = {n: c.astype(kind(n)) for n, c in population.members.columns.items()}
    draw = lambda row: population.bind(row).task.enumerate()
    return jax.tree.map(np.asarray, jax.jit(jax.vmap(draw))(rows))


def recorded(run: RunFolder, name: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Recorded steps (T,), and every recorded number (P, T); NaN once a member has diverged."""
    table = run.metrics().filter(pl.col("population") == name)
    wide = table.pivot(on="name", index=["member", "step"], values="value").sort("member", "step")
    steps_T = wide["step"].unique().sort().to_numpy()
    shape = (-1, len(steps_T))
    names = [c for c in wide.columns if c not in ("member", "step")]
    return steps_T, {n: wide[n].to_numpy().astype(np.float64).reshape(shape) for n in names}


def looked(run: RunFolder, name: str, population: Population, lanczos: int) -> pl.DataFrame:
    """Sharpness, its bound, and its eigenvector's mass: a row per network and snapshot.

    The mass is the share of the vector's first layer that is along the outliers' feature.
    """
    known_P = jax.vmap(linear.moments)(samples(population))
    way_D = np.asarray(population.task.shared())  # pyright: ignore[reportAttributeAccessIssue]
    steps, columns = [step for step in run.steps(name) if step], []
    for step in steps:
        top = member_eigenvalues(sample_loss, run.params(name, step), known_P, steps=lanczos)
        first_PDH = top.vectors["layers"]["0"]["kernel"][:, 0]
        along_P = ((way_D @ first_PDH) ** 2).sum(-1) / (first_PDH**2).sum((1, 2))
        columns.append((top.values_C[:, 0], top.bounds_C[:, 0], along_P))
    found = dict(zip(("sharpness", "bound", "mass"), np.stack(columns, -1), strict=True))
    return long_table({"member": None, "step": steps}, **found)


def arms(
    run: RunFolder, population: Population, names: list[str], lanczos: int
) -> dict[str, pl.DataFrame]:
    """``curves``, a row per network and step, and ``arms``, a row per network."""
    steps_T, found = recorded(run, "main")
    b_PTD = np.stack([found[n] for n in sorted(found) if n != "loss"], -1)
    members, sample_P = networks(run, "main"), samples(population)
    members = members.with_columns(arm=pl.Series(np.repeat(names, len(members) // len(names))))
    features = population.task.features  # pyright: ignore[reportAttributeAccessIssue]
    sharp = looked(run, "main", population, lanczos)
    curves, ends = [], []
    for row in members.iter_rows(named=True):
        p, label = row["member"], {n: row[n] for n in ("arm", "init_seed", "diverged")}
        level = float(edge(row["learning_rate"], row["momentum"]))
        path = pl.DataFrame({"step": steps_T})
        path = path.join(sharp.filter(member=p), on="step", how="left", maintain_order="left")
        sample = jax.tree.map(lambda leaf, p=p: leaf[p], sample_P)
        curve, end = look(sample, b_PTD[p], path.drop("member"), level, features)
        curves.append(labelled(curve, **label))
        ends.append(label | {"edge": level} | end)
    return {"curves": pl.concat(curves), "arms": pl.DataFrame(ends)}


def look(
    sample: Batch, b_TD: np.ndarray, path: pl.DataFrame, level: float, features: int
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """One network's curves, from its path b and its steps, and what they come to.

    Its training is unstable beyond ``level``. The feature stands in the last inputs.
    """
    group_N = np.asarray(sample.latents["group"])
    each_TN = linear.losses(sample, b_TD)
    mean = lambda chosen_N: mean_of(each_TN, chosen_N)
    plus_T, minus_T = mean(group_N == 1), mean(group_N == -1)
    first_T, second_T = map(mean, random_groups(group_N))
    after_T = np.cumsum((path["sharpness"] >= level).fill_null(False).to_numpy()) > 0
    loss_T, known = each_TN.mean(1), linear.moments(sample)
    end = {
        "alpha": float(np.linalg.eigvalsh(np.asarray(known.xx_DD, np.float64))[-1]),
        "best": float(np.linalg.norm(linear.least_squares(known))),
        "crossed": bool(after_T.any()),
        "mass": path["mass"][int(np.argmax(after_T)) if after_T.any() else -1],
        "rise": rise(loss_T),
        "before": together(plus_T, minus_T, ~after_T),
        "after": together(plus_T, minus_T, after_T),
        "swing": swing(plus_T - minus_T, after_T if after_T.any() else ~after_T),
        "random": together(first_T, second_T, after_T),
        "share": top_share(each_TN, group_N != 0, after_T),
        "share_before": top_share(each_TN, group_N != 0, ~after_T),
    }
    curve = path.with_columns(
        signal=np.linalg.norm(b_TD, axis=1),
        loss=loss_T,
        plus=plus_T,
        minus=minus_T,
        feature=b_TD[:, -features:].sum(1) / features**0.5,
    )
    return curve, end


def mean_of(loss_TN: np.ndarray, members_N: np.ndarray) -> np.ndarray:
    """A group's mean loss (T,), NaN for an empty group."""
    return loss_TN[:, members_N].mean(1) if members_N.any() else np.full(len(loss_TN), np.nan)


def random_groups(group_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two disjoint random sets of examples, masks (N,), as large as the first group."""
    size = max(1, int((group_N == 1).sum()))
    rank_N = np.random.default_rng(0).permutation(len(group_N)) // size
    return rank_N == 0, rank_N == 1


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
        edge=pl.lit(float(edge(rate))),
        predicted=linear.end_sharpness(alpha, members["strength"].to_numpy()),
    )


def spikes(
    run: RunFolder, name: str, population: Population, optimizers: list[str]
) -> pl.DataFrame:
    """A row per network of some optimisers: its excess loss and its spike, over the second half.

    The excess is the median of the whole sample's loss, above what the best linear network has; the
    spike is the highest such loss over the median one. Each optimiser has as many networks.
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
