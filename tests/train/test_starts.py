"""Populations that start where another of their study ended."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from toylab.claims import Claim, Expect
from toylab.errors import ToylabError
from toylab.lab import run_study
from toylab.losses import cross_entropy
from toylab.members import grid, zipped
from toylab.models import TokenMLP
from toylab.optim import SGD
from toylab.optim.held_norm import HeldAdamW
from toylab.population import Population
from toylab.read import table
from toylab.study import Study
from toylab.tasks.grokking.modular import ModularArithmetic
from toylab.train.fit import fit
from toylab.train.starts import check_starts, parents
from toylab.trees import flatten

FIRST = Population(
    model=TokenMLP(vocab=5, hidden=(4,)),
    task=ModularArithmetic(p=5, fraction=0.6, equals=False),
    members=zipped(init_seed=(7, 3, 5)),
    optimizer=SGD(0.1),
    steps=3,
    batch_size=15,
    loss=cross_entropy,
)
NEXT = dataclasses.replace(
    FIRST, members=grid(init_seed=(5, 7), fraction=(0.2, 0.6)), start="first"
)


def test_parents_are_found_by_seed():
    np.testing.assert_array_equal(parents(NEXT, FIRST), [2, 2, 0, 0])


def test_a_study_goes_on_from_the_last_parameters(tmp_path):
    still = dataclasses.replace(NEXT, steps=0)

    @dataclasses.dataclass(frozen=True)
    class Config:
        seeds: int = 1

    reading = table("one").value("x")
    claim = Claim("k", "A text.", "s", reading, Expect.above(0), "theory: no change is 0")
    study = Study(
        name="going_on",
        title="t",
        paper="p",
        presets=dict.fromkeys(("smoke", "laptop", "paper"), Config()),
        costs={},
        populations=lambda config: {"first": FIRST, "still": still, "next": NEXT},
        measure=lambda config, run: {"one": pl.DataFrame({"init_seed": [0], "x": [1.0]})},
        claims=(claim,),
        draw=lambda measures, config: {},
    )
    run = run_study(study, "smoke", tmp_path / "run")
    end, begin = flatten(run.params("first")), flatten(run.params("still"))
    for name, leaf in begin.items():
        np.testing.assert_array_equal(leaf, end[name][[2, 2, 0, 0]], err_msg=name)
    # Three steps of plain descent after three more are six in one go, on the same training set.
    six = fit(dataclasses.replace(FIRST, steps=6, members=zipped(init_seed=(5, 7)))).params
    for name, leaf in flatten(run.params("next")).items():
        np.testing.assert_allclose(leaf[[1, 3]], flatten(six)[name], rtol=1e-5, atol=1e-6)


def test_in_memory_too():
    end = fit(FIRST).params
    went_on = fit(dataclasses.replace(FIRST, steps=0), start=end).params
    for name, leaf in flatten(went_on).items():
        np.testing.assert_array_equal(leaf, flatten(end)[name])


def test_an_optimiser_begins_at_the_parameters_given():
    end = fit(FIRST).params
    held = HeldAdamW(learning_rate=0.01, weight_decay=0.0, hold=1.0)
    norm = lambda params: np.sqrt(sum((leaf**2).sum(tuple(range(1, leaf.ndim))) for leaf in params))
    went_on = fit(dataclasses.replace(FIRST, optimizer=held), start=end).params
    began, ended = (norm([*flatten(params).values()]) for params in (end, went_on))
    np.testing.assert_allclose(ended, began, rtol=1e-5)
    assert any((flatten(end)[name] != leaf).any() for name, leaf in flatten(went_on).items())


@pytest.mark.parametrize(
    ("populations", "match"),
    [
        ({"next": NEXT, "first": FIRST}, "starts from 'first', which is not trained before it"),
        ({"frist": FIRST, "next": NEXT}, "did you mean 'frist'"),
        (
            {"first": FIRST, "next": dataclasses.replace(NEXT, members=grid(init_seed=(4,)))},
            "no member of init_seed 4",
        ),
        (
            {"first": dataclasses.replace(FIRST, members=zipped(init_seed=(5, 5, 7))), "n": NEXT},
            "several of one init_seed",
        ),
    ],
)
def test_a_start_that_is_not_there_is_refused(populations, match):
    with pytest.raises(ToylabError, match=match):
        check_starts("going_on", populations)


def test_a_start_of_another_shape_is_refused():
    other = dataclasses.replace(FIRST, model=TokenMLP(vocab=5, hidden=(6,)))
    with pytest.raises(ToylabError, match=r"fit: .* layers/0/kernel is of shape .*, 4\), but"):
        fit(other, start=fit(FIRST).params)
    before = {"first": FIRST, "next": dataclasses.replace(NEXT, model=other.model)}
    with pytest.raises(ToylabError, match=r"Study s: 'next' .* layers/0/kernel is of shape"):
        check_starts("s", before)
    deeper = dataclasses.replace(FIRST, model=TokenMLP(vocab=5, hidden=(4, 5)))
    with pytest.raises(ToylabError, match="layers/2/kernel is absent, but of shape"):
        fit(deeper, start=fit(FIRST).params)
