"""What is measured of trained dictionaries: recovery, stability, firing, and what time explains.

Shape suffixes: P members, N inputs, F atoms, G features, D width, T time.
"""

import dataclasses
import functools
from typing import Any, cast

import jax
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.recovery.directions import (
    cosines,
    matched_stability,
    random_atoms,
    recovery,
    stability,
)
from toylab.analysis.recovery.firing import absorption, firing_f1
from toylab.models.dictionaries.sparse import along
from toylab.population import Population
from toylab.random import stream
from toylab.taps import run as look
from toylab.tasks.dictionaries.planted import Planted

from .arms import Arm

Seen = dict[str, np.ndarray]


def seen(population: Population, params_P: Any, count: int) -> Seen:
    """Fresh inputs of every member's world with what its dictionary makes of them.

    Returns:
        ``x`` and ``out`` (P, N, D), ``codes`` (P, N, F), ``amplitude`` (P, N, G), ``atoms``.
    """
    rows = {n: np.asarray(c, np.float32) for n, c in population.members.columns.items()}

    def one(pair: tuple[Any, dict[str, Array]]) -> dict[str, Array]:
        params, row = pair
        bound = population.bind(row)
        task, model = cast(Any, bound.task), cast(Any, bound.model)
        batch = task.batch(stream(0, "seen"), count)
        sites = [s for s in model.sites if s in ("codes", "pred", "predicted", "novel")]
        out, acts = look(model, params, batch.inputs, record=sites)
        if "predicted" in acts:
            acts = acts | {"told": along(params["centre"], acts["predicted"])}
        found = {"x": batch.inputs, "out": out, "atoms": model.atoms(params)}
        if "state" in batch.latents:
            found["oracle"] = task.forecast(batch.latents["state"]) @ task.directions()
        return found | acts | batch.latents | {"features": task.directions()}

    every: Any = jax.jit(lambda *both: jax.lax.map(one, both))
    return jax.tree.map(np.asarray, every(params_P, rows))


def explained(x: np.ndarray, out: np.ndarray) -> float:
    """Share of the variance of inputs that reconstructions explain; over all axes but the last."""
    axes = tuple(range(x.ndim - 1))
    return float(1 - ((x - out) ** 2).sum() / ((x - x.mean(axes, keepdims=True)) ** 2).sum())


def one_score(found: Seen, p: int, size: int, parents_G: np.ndarray) -> dict[str, float]:
    """Scores of one dictionary of an arm, ``size`` atoms large."""
    atoms_FD, codes_NF = found["atoms"][p][:size], found["codes"][p][:, :size]
    active_NG, features_GD = found["amplitude"][p] > 0, found["features"][p]
    names = ("explained", "l0", "dead", "recall", "precision", "found", "f1")
    if not (np.isfinite(atoms_FD).all() and np.isfinite(codes_NF).all()):
        return dict.fromkeys((*names, "absorbed", "absorbed_alone"), np.nan)
    scores = recovery(atoms_FD, features_GD)
    values = (
        explained(found["x"][p], found["out"][p]),
        (codes_NF > 0).sum(1).mean(),
        1 - (codes_NF > 0).any(0).mean(),
        *(scores.recall, scores.precision, scores.found),
        firing_f1(codes_NF, active_NG).max(0).mean(),
    )
    rows = dict(zip(names, map(float, values), strict=True))
    cos_FG = cosines(atoms_FD, features_GD)
    lost = absorption(codes_NF, active_NG, cos_FG.argmax(0), parents_G)
    return rows | {"absorbed": lost.rate, "absorbed_alone": lost.alone}


def pair_score(found: Seen, pair: tuple[int, int], size: int) -> dict[str, float]:
    """How alike the two dictionaries of an arm in a world are."""
    atoms = [found["atoms"][p][:size] for p in pair]
    names = ("stability", "stability_live", "stability_matched")
    if not all(np.isfinite(a).all() for a in atoms):
        return dict.fromkeys(names, np.nan)
    live = [(found["codes"][p][:, :size] > 0).any(0) for p in pair]
    some = all(alive.any() for alive in live)
    alive = stability(*(a[on] for a, on in zip(atoms, live, strict=True))) if some else np.nan
    truth_GD = found["features"][pair[0]]
    values = stability(*atoms), alive, matched_stability(atoms[0], atoms[1], truth_GD)
    return dict(zip(names, map(float, values), strict=True))


@functools.cache
def nulls(size: int, features: int, width: int, draws: int = 16) -> dict[str, float]:
    """Scores of random dictionaries of a size."""
    one, other = np.split(random_atoms(2 * draws, size, width), 2)
    truth = random_atoms(draws, features, width, seed=1)
    same = np.mean([matched_stability(*pair) for pair in zip(one, other, truth, strict=True)])
    values = stability(one, other).mean(), recovery(one, truth).recall.mean(), same
    names = ("null_stability", "null_recall", "null_matched")
    return dict(zip(names, map(float, values), strict=True))


def arm_rows(
    arms: tuple[Arm, ...], worlds: int, task: Planted, found: Seen, lost_P: np.ndarray
) -> list[dict[str, Any]]:
    """A row per arm and world: the mean of its runs' scores, and how alike they are."""
    rows, p, features = [], 0, found["atoms"].shape[1]
    for arm in arms:
        size = int(arm.numbers["size"]) if "size" in arm.numbers else features
        for world in range(worlds):
            runs = range(p, p + arm.runs)
            each = [one_score(found, q, size, task.parents) for q in runs]
            row = {name: float(np.mean([score[name] for score in each])) for name in each[0]}
            if arm.runs == 2:
                row |= pair_score(found, (p, p + 1), size)
            row |= nulls(size, task.features, task.width)
            labels = {"arm": arm.name, "init_seed": world, "diverged": bool(lost_P[runs].any())}
            own = {n: v for n, v in arm.numbers.items() if hasattr(task, n)}
            own_task = dataclasses.replace(task, **own)
            more = {"size": size, "relative": size / task.features, "true_l0": own_task.l0()}
            rows.append(labels | dict(arm.numbers) | more | row)
            p += arm.runs
    return rows


def time_rows(
    arms: tuple[Arm, ...], worlds: int, slow: int, found: Seen, lost_P: np.ndarray
) -> list[dict[str, Any]]:
    """A row per arm and world of sequences, whose first features are slow."""
    rows = []
    for p, (arm, world) in enumerate((arm, w) for arm in arms for w in range(worlds)):
        labels = {"arm": arm.name, "init_seed": world, "diverged": bool(lost_P[p])}
        score = time_score({name: leaf[p] for name, leaf in found.items()}, slow)
        rows.append(labels | dict(arm.numbers) | score)
    return rows


def traces(arms: tuple[Arm, ...], seeds: int, slow: int, found: Seen) -> pl.DataFrame:
    """The first sequence of the first world: a slow and a fast feature, and what is foretold."""
    tables = []
    for name in ("tfa", "causal"):
        p = seeds * [arm.name for arm in arms].index(name)
        state_TG, base_GD = found["state"][p][0], found["features"][p]
        told_TG = found["told"][p][0] @ base_GD.T
        moves_G = np.abs(np.diff(state_TG, axis=0)).sum(0)
        # Of each kind the feature that changes most often in this sequence.
        for kind, part in (("slow", slice(0, slow)), ("fast", slice(slow, None))):
            g = int(np.argmax(moves_G[part])) + (part.start or 0)
            columns = {"state": state_TG[:, g], "told": told_TG[:, g]}
            columns["oracle"] = found["oracle"][p][0] @ base_GD[g]
            labels = {"arm": name, "kind": kind, "time": np.arange(len(state_TG))}
            tables.append(pl.DataFrame(labels | columns))
    return pl.concat(tables)


def time_score(own: Seen, slow: int) -> dict[str, float]:
    """Scores of one temporal dictionary on sequences.

    Returns:
        ``explained`` by all; after the first time, ``ahead``, by the predictable part, and
        ``oracle``, by the best forecast; ``slow`` and ``fast``, the share
        of the features' own variance in it; ``l0``, active entries of both codes; ``onset``, the
        predictable part along slow features that go on, over that along those that set in; and
        ``recall`` of the features.
    """
    names = ("explained", "ahead", "oracle", "slow", "fast", "l0", "onset", "recall")
    if not all(np.isfinite(leaf).all() for leaf in own.values()):
        return dict.fromkeys(names, np.nan)
    past = {name: own[name][:, 1:] for name in ("x", "told", "oracle", "state")}
    now_NTG, told_NTG = past["state"], past["told"] @ own["features"].T
    spread_G = ((now_NTG - now_NTG.mean((0, 1))) ** 2).sum((0, 1))
    error_G = ((now_NTG - told_NTG) ** 2).sum((0, 1))
    share_G = 1 - error_G / np.where(spread_G > 0, spread_G, np.nan)
    now, before, told = (a[..., :slow] for a in (now_NTG, own["state"][:, :-1], told_NTG))
    on = [told[(now > 0) & (before == was)] for was in (1, 0)]
    ahead_NT = (own["predicted"] != 0).any(-1)
    ratio = on[0].mean() / on[1].mean() if ahead_NT.any() and all(map(len, on)) else np.nan
    l0 = (own["novel"] > 0).sum(-1) + (own["pred"] > 0).sum(-1) * ahead_NT
    values = (
        explained(own["x"], own["out"]),
        *(explained(past["x"], past[name]) for name in ("told", "oracle")),
        *(np.mean(share_G[:slow]), np.mean(share_G[slow:]), l0.mean(), ratio),
        recovery(own["atoms"], own["features"]).recall,
    )
    return dict(zip(names, map(float, values), strict=True))
