"""Detectors of patterns: the input that each likes best, and its story in each of two corpora.

Shape suffixes: P networks, B inputs, U units.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.inputs.illusion import random_directions, story
from toylab.analysis.inputs.visualise import visualise
from toylab.claims import Condition, Expect
from toylab.conditions import only, passage
from toylab.losses import squared_error
from toylab.members import seeds
from toylab.models import MLP
from toylab.population import Population
from toylab.read import Reading, table
from toylab.read.networks import entries, networks
from toylab.runs.run_folder import RunFolder
from toylab.taps import Params
from toylab.taps import run as run_model
from toylab.tasks.tools.corpora import Corpora

from ..methods.settings import Config, population

WORLD = Corpora()
NET = MLP((WORLD.size, 32, WORLD.units))
INPUTS, TOP, PURE, DRAWN = 2_000, 10, 0.9, 200
JUDGED = 78  # seed of the inputs


def populations(config: Config) -> dict[str, Population]:
    """Networks that detect the patterns of both corpora."""
    more: dict[str, Any] = {"loss": squared_error, "batch_size": 128, "snapshots": (0,)}
    return {"corpora": population(config, NET, WORLD, seeds(config.seeds), 3_000, **more)}


def measure(config: Config, run: RunFolder) -> dict[str, pl.DataFrame]:
    """A row for each network and unit: stories in both corpora, and an input made for it.

    Returns:
        Columns: those of the members; unit; two (whether it has two patterns); error (of the
        network, per that of an output of 0); pure (its story is, in both corpora), illusion (pure,
        and two stories), whole (its story is pure in both corpora as one); random_pure and
        random_illusion (shares of random directions); made and made_untrained (cosine of its own
        patterns with the input that it likes best).
    """
    members, params_P = networks(run, "corpora"), run.params("corpora")
    sound_P = np.isfinite(params_P["layers"]["0"]["kernel"]).all((1, 2))
    columns: dict[str, Any] = stories(params_P)
    columns["made"] = made_inputs(params_P)
    columns["made_untrained"] = made_inputs(run.params("corpora", 0))
    hidden = {n: np.where(sound_P[:, None], value, np.nan) for n, value in columns.items()}
    two = np.tile(np.arange(WORLD.units) >= WORLD.shared, (len(sound_P), 1))
    return {"units": entries(members, "unit", two=two, **hidden)}


def stories(params_P: Params) -> dict[str, np.ndarray]:
    """What top inputs tell of units and of random directions, in each corpus and in both (P, U)."""
    values, there, errors = [], [], []
    for corpus in (0.0, 1.0):
        world = dataclasses.replace(WORLD, second=corpus)
        batch = world.batch(jax.random.key(JUDGED), INPUTS)
        values.append(np.asarray(run_model(NET, params_P, batch.inputs)[0], float))
        there.append(np.asarray(batch.latents["features"]) > 0)
        error_P = ((values[-1] - np.asarray(batch.targets)) ** 2).sum(-1).mean(-1)
        errors.append(np.tile(error_P[:, None] / WORLD.uniform_loss(), WORLD.units))
    whole = [story(of, np.concatenate(there), TOP).purity for of in np.concatenate(values, 1)]
    pure, illusion = told([[*of] for of in values], there)
    drawn = [[random_directions(v_BU, DRAWN) for v_BU in of] for of in values]
    random = [np.tile(of.mean(1, keepdims=True), WORLD.units) for of in told(drawn, there)]
    names = ("error", "pure", "illusion", "whole", "random_pure", "random_illusion")
    found = np.mean(errors, 0), pure, illusion, np.array(whole) >= PURE, *random
    return dict(zip(names, found, strict=True))


def told(values: list[list[np.ndarray]], there: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Whether directions tell a pure story in both corpora, and whether it is then another one."""
    found = [[story(of, has, TOP) for of in side] for side, has in zip(values, there, strict=True)]
    pure = np.array([[one.purity for one in side] for side in found]).min(0) >= PURE
    concept = np.array([[one.concept for one in side] for side in found])
    return pure, pure & (concept[0] != concept[1])


@jax.jit
def made_inputs(params_P: Params) -> Array:
    """Cosine of each unit's patterns, added, with the input that it likes best (P, U)."""
    template_UF = WORLD.owned().T @ WORLD.patterns()
    template_UF /= np.linalg.norm(template_UF, axis=1, keepdims=True)

    def one(params: Params, unit: Array) -> Array:
        value = lambda x_F: NET.apply(params, x_F[None])[0, unit]
        found = visualise(value, jax.random.key(JUDGED), (WORLD.size,))
        best_F = found.inputs[found.values.argmax()]
        return best_F @ jnp.asarray(template_UF, jnp.float32)[unit] / jnp.linalg.norm(best_F)

    each = jax.vmap(one, in_axes=(None, 0))
    return jax.vmap(each, in_axes=(0, None))(params_P, jnp.arange(WORLD.units))


UNITS = table("units")


def share(column: str, two: bool = True) -> Reading:
    """Mean over units of two patterns, or of one, per seed."""
    return UNITS.filter(two=two).mean(column)


DETECTS = Condition("patterns are told to a twentieth", UNITS.mean("error"), Expect.below(0.05))
bolukbasi = passage("Bolukbasi et al. 2021 (2104.07143), abstract", requires=(DETECTS,))
CLAIMS = (
    passage("Olah et al. 2017 (distill 10.23915/00007)", requires=(DETECTS,))(
        "visualised_input_is_the_pattern",
        "Feature visualisation: the input that a trained detector likes best is its patterns' sum, "
        "by a cosine of 0.9.",
        UNITS.mean("made"),
        Expect.above(0.9),
        bar="ours: 0.9, alike to the eye; random directions have 0.2",
        control=only(
            "not so before training", abs(UNITS.mean("made_untrained")), Expect.below(0.3)
        ),
    ),
    bolukbasi(
        "two_corpora_tell_two_stories",
        "Illusion: the top inputs of units with two patterns show one in each of two corpora and "
        "another in the other, in eight of ten.",
        share("illusion"),
        Expect.above(0.8),
        bar="ours: eight of ten",
        control=(
            Condition(
                "of one pattern: one in twenty", share("illusion", False), Expect.below(0.05)
            ),
            Condition(
                "random directions do so less, by a fifth of all",
                share("illusion") - share("random_illusion"),
                Expect.above(0.2),
            ),
        ),
    ),
    bolukbasi(
        "both_corpora_tell_none",
        "Over both corpora as one, the top inputs of at most a fifth of them show any pattern.",
        share("whole"),
        Expect.below(0.2),
        bar="theory: half of ten inputs on average; nine or more of one kind are 1 in 50",
        control=only(
            "those of nine in ten with one pattern do", share("whole", False), Expect.above(0.9)
        ),
    ),
)
