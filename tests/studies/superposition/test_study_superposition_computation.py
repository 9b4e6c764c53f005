"""The study of computation in superposition: its sampler and measures on constructed models."""

import dataclasses

import jax
import numpy as np
import polars as pl
import pytest

from tests.oracles.neurons import absolute_model, motif_model
from toylab.figures.superposition.superposition_computation import CAPTIONS, draw
from toylab.read.networks import trend
from toylab.report import figures as fig
from toylab.studies.superposition.superposition_computation.claims import (
    BASIS,
    GROUP,
    NEURONS,
    OFF_LADDER,
    POLYSEMANTIC_LATER,
    within_neurons,
)
from toylab.studies.superposition.superposition_computation.models import (
    EXAMPLE,
    basis_row,
    example_rows,
    explained,
)
from toylab.studies.superposition.superposition_computation.study import Config
from toylab.task import Batch
from toylab.tasks.superposition.neurons import moments, motifs
from toylab.tasks.superposition.stratified import Stratified
from toylab.tasks.superposition.superposition import Sparse


def sample(task: Sparse, key: jax.Array, size: int) -> Batch:
    """One compiled batch; op by op, each would be compiled apart."""
    return jax.jit(task.batch, static_argnums=1)(key, size)


@pytest.mark.parametrize("density", [1.0, 0.3, 0.02])
def test_strata_estimate_the_plain_world(key: jax.Array, density: float) -> None:
    task = Stratified(4, density=density, importance=0.5, signed=True, target="abs")
    batch = sample(task, key, 50_001)
    x, active = np.asarray(batch.inputs, np.float64), np.asarray(batch.latents["active"])
    share = np.asarray(batch.weights, np.float64) / 0.5 ** np.arange(4)
    assert share == pytest.approx(np.broadcast_to(share[:, :1], share.shape), rel=1e-5)
    share = share[:, 0]
    assert share.mean() == pytest.approx(1, abs=1e-5)
    assert active[:-1].any(1).all() and not active[-1].any()
    assert bool(task.consistent(batch).all())
    error = 4 / np.sqrt(50_000 * density)
    assert share @ active / len(x) == pytest.approx(np.full(4, density), rel=error)
    assert share @ x**2 / len(x) == pytest.approx(np.full(4, density / 3), rel=error)
    for i in range(3):  # neighbours are independent
        both = share @ (active[:, i] & active[:, i + 1]) / len(x)
        assert both == pytest.approx(density**2, rel=4 / np.sqrt(50_000 * density**2))


def test_strata_give_the_plain_loss_of_any_model(key: jax.Array) -> None:
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(2, 4)), rng.normal(size=4)

    def loss(batch):
        x, y = np.asarray(batch.inputs, np.float64), np.asarray(batch.targets)
        out = np.maximum(np.maximum(x @ W.T, 0) @ W + b, 0)
        return (np.asarray(batch.weights) * (y - out) ** 2).sum(1)

    settings = dict(density=0.1, importance=0.5, signed=True, target="abs")
    strata = loss(sample(Stratified(4, **settings), key, 20_000))
    plain = loss(sample(Sparse(4, **settings), jax.random.fold_in(key, 1), 50_000))
    noise = plain.std() / np.sqrt(len(plain)) + strata[:-1].std() / np.sqrt(len(strata))
    assert strata.mean() == pytest.approx(plain.mean(), abs=4 * noise)


def test_exact_absolute_values_are_explained(key: jax.Array) -> None:
    task = Stratified(3, density=0.2, signed=True, target="abs")
    batch = sample(task, key, 20_000)
    params = absolute_model(3)
    assert explained(params, task, batch) == pytest.approx(np.ones(3), abs=1e-6)
    half = params | {"V": params["V"] * np.array([[1.0], [1.0], [0.0]])}
    half["b"] = np.array([0, 0, 0.2 / 2])  # the best constant for the third
    assert explained(half, task, batch) == pytest.approx([1, 1, 0], abs=0.05)


def test_correlations_within_neurons_are_pooled_over_a_seed() -> None:
    W, V, _ = motif_model()
    rows = pl.DataFrame({"seed": [3, 3], "moment": [moments(W, [V]), moments(W, [V, V])]})
    rows = rows.with_columns(part=pl.lit("small"))
    assert within_neurons("moment")({"motifs": rows}).array() == pytest.approx([-1])


def test_example_is_scaled_to_the_papers_weights() -> None:
    W, V, b = motif_model()
    found = motifs(W * np.array([[5.0], [1], [1]]), V / np.array([5.0, 1, 1]), b)[0]
    rows = example_rows(W, V, found, {"part": "small", "seed": 0, "density": 0.1})
    motif = rows.filter(pl.col("kind") == "motif")
    assert motif["input"].to_list() == pytest.approx([2, -0.5])
    assert motif["output"].to_list() == pytest.approx([0.5, 2])
    inhibiting = rows.filter(pl.col("kind") == "inhibiting")
    assert inhibiting["neuron"].to_list() == [1, 1] and inhibiting["output"][1] == -5


def test_basis_row_of_known_weights() -> None:
    W = np.zeros((5, 10))
    W[:3, :3] = np.eye(3)
    W[3, 3], W[4, 4] = 1, 0.2  # the last feature is not kept
    row = basis_row(W)
    assert row == {"kept": 4, "polysemantic": 0, "alignment": 1, "neurons": 1}
    W[3, 4] = W[4, 4] = 0.8  # a feature on two neurons, one of which holds another
    row = basis_row(W)
    assert (row["kept"], row["polysemantic"]) == (5, 1)
    assert row["alignment"] == pytest.approx(4.5 / 5)
    assert row["neurons"] == pytest.approx(6 / 5)
    W[0, 4] = -5.0  # a neuron that the feature silences does not carry it
    assert basis_row(W)["neurons"] == pytest.approx(6 / 5)


def test_tables_become_one_value_per_unit() -> None:
    table = pl.DataFrame(
        {"group": [0] * 3 + [1] * 3, "density": [0.3, 0.15, 0.03] * 2}
        | {"kept": [6.0, 7, 10, 5, 5, 9]}
    )
    assert OFF_LADDER({"basis": table}).array() == pytest.approx([0, (1 + 2 + 1) / 3])
    kept = trend(BASIS, pl.col("kept").first(), "density", GROUP)
    assert kept({"basis": table}).array()[0] == pytest.approx(-1)
    flat = table.with_columns(pl.lit(5.0).alias("kept"))
    assert kept({"basis": flat}).array() == pytest.approx([0, 0])
    columns = {"init_seed": [0] * 4, "live": [True, True, True, False]}
    columns |= {"second": [0.0, 0.5, 0.5, 0.5], "top": [1, 6, 8, 30]}
    later = NEURONS.aggregate(POLYSEMANTIC_LATER)
    assert later({"neurons": pl.DataFrame(columns)}).array() == pytest.approx([6])


@pytest.mark.parametrize("found", [True, False])
def test_draw(found: bool) -> None:
    config = dataclasses.replace(Config(), basis_densities=(1.0, 0.1), densities=(1.0, 0.1))
    both = {"density": [1.0, 0.1] * 2}
    units = {"group": [0, 0, 1, 1], "kept": [5.0, 9, 5, 8], "polysemantic": [0.0, 4, 0, 5]}
    seeds = {"init_seed": [0, 0, 1, 1], "live": [True] * 4, "participation": [1.0, 3, 1, 4]}
    counts = {"seed": [0, 0, 1, 1], "motifs": [0.0, 2, 0, 1], "shuffled": [0.0] * 4}
    counts |= {"inhibited": [0.0, 1, 0, 1]}
    motif_rows = [pl.DataFrame({"part": [p] * 4} | both | counts) for p in ("small", "abs")]
    W, V, b = motif_model()
    example = example_rows(W, V, motifs(W, V, b)[0], {"part": "small", "seed": 0, "density": 0.1})
    rng = np.random.default_rng(0)
    measures = {
        "basis": pl.DataFrame(both | units),
        "neurons": pl.DataFrame(both | seeds),
        "computed": pl.DataFrame(
            both | {"init_seed": [0, 0, 1, 1], "explained": [0.9] * 4, "untrained": [0.0] * 4}
        ),
        "motifs": pl.concat(motif_rows),
        "motif_example": example if found else pl.DataFrame(schema=EXAMPLE),
        "W_basis": rng.normal(size=(2, 5, 10)),
        "W_abs": rng.normal(size=(2, 16, 40)),
    }
    with fig.style():
        drawn = draw(measures, config)
    assert set(drawn) == set(CAPTIONS)
    assert drawn["motif"].get_suptitle().startswith("Neurons read" if found else "No model")
