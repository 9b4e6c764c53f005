"""Attention knock-out, on facts that one layer alone can answer."""

import dataclasses

import jax
import numpy as np
import polars as pl

from toylab.analysis.attention_edits import window_knock_outs
from toylab.analysis.steering.function_vectors import last_chances
from toylab.change import NOTHING, run_changes
from toylab.claims import Condition, Expect
from toylab.conditions import only, passage
from toylab.members import grid, zipped
from toylab.models.wired.one_mover import OneMover
from toylab.population import Population
from toylab.read import Reading, table
from toylab.read.networks import networks
from toylab.runs.run_folder import RunFolder
from toylab.tasks.tools.facts import FILLER, RELATION, SUBJECT, Facts

from .settings import Config, population, spread

FACTS = Facts()
DEPTH = 4
MOVER = OneMover(FACTS.vocab, 3, 32, DEPTH, 2, hidden=64, n_out=FACTS.values, read="last")
KEYS = {"subject": SUBJECT, "filler": FILLER, "relation": RELATION}


def populations(config: Config) -> dict[str, Population]:
    """Networks that know facts, a seed's with the mover at every layer."""
    seeds = range(config.seeds)
    members = zipped(init_seed=seeds, data_seed=seeds, world=seeds) * grid(mover=range(DEPTH))
    return {"facts": population(config, MOVER, FACTS, members, 1_500)}


def measure(config: Config, run: RunFolder) -> dict[str, pl.DataFrame]:
    """What knocking out edges does to answers."""
    return {"knock_out": knock_outs(run)}


def knock_outs(run: RunFolder) -> pl.DataFrame:
    """By key and layer, the share of p(answer) that is lost: ``fall``."""
    members, facts = networks(run, "facts"), jax.jit(FACTS.enumerate)()
    changes = [change for key in KEYS.values() for change in window_knock_outs(MOVER, -1, key)]
    grid_C = [NOTHING, *changes]
    chances = run_changes(MOVER, run.params("facts"), facts.inputs, grid_C, last_chances)
    value = jax.vmap(lambda world: dataclasses.replace(FACTS, world=world).values_of_facts())
    right_PB = np.asarray(jax.jit(value)(members["world"].to_numpy()))[:, facts.latents["fact"]]
    p_CPB = np.take_along_axis(np.asarray(chances, float), right_PB[None, ..., None], -1)[..., 0]
    found_P = (p_CPB[0] > 0.5).mean(-1)
    p_CP = p_CPB.mean(-1)
    fall_KIP = (1 - p_CP[1:] / p_CP[0]).reshape(len(KEYS), DEPTH, -1)
    axes = {"key": list(KEYS), "layer": None}
    return spread(members.with_columns(accuracy=found_P), axes, fall=fall_KIP)


ROWS = table("knock_out")


def fall(key: str) -> Reading:
    """Share of the answer's probability lost with an edge of the layer that moves, per seed."""
    return ROWS.filter(pl.col("layer") == pl.col("mover"), key=key).mean("fall")


def peak(rows: pl.DataFrame) -> float:
    """Share of a seed's networks whose largest fall is at the layer that moves."""
    best = rows.sort("fall", descending=True, nulls_last=True).group_by("mover").first()
    return np.mean(best["layer"].to_numpy() == best["mover"].to_numpy()).item()


KNOWS = Condition(
    "every network gives its facts more than even odds, 95% of them",
    ROWS.aggregate(pl.col("accuracy").min()),
    Expect.above(0.95),
)
geva = passage("Geva et al. 2023 (2304.14767), section 4", requires=(KNOWS,))
CLAIMS = (
    geva(
        "knock_out_finds_the_subject",
        "Knock-out: the edge from the last position to the subject, closed in the one layer that "
        "can move it, takes four fifths of the answer's probability.",
        fall("subject"),
        Expect.above(0.8),
        bar="theory: without its subject a fact has even odds, 1/16",
        control=only("a filler's edge takes a twentieth", fall("filler"), Expect.below(0.05)),
        headline=True,
    ),
    geva(
        "knock_out_finds_the_layer",
        "The largest fall is at that layer, in every network.",
        ROWS.filter(key="subject").each(peak),
        Expect.above(0.9),
        bar="theory: no other layer can; a tenth for a miss",
    ),
)
