"""Reuse: what another run has trained is taken bit for bit, and nothing that differs is."""

import dataclasses
import shutil

import numpy as np
import polars as pl
import pytest

from toylab import lab
from toylab.claims import Claim, Expect
from toylab.errors import ToylabError
from toylab.lab import Reporter, run_study
from toylab.losses import squared_error
from toylab.members import seeds, zipped
from toylab.models import MLP, Autoencoder
from toylab.optim import AdamW
from toylab.population import Population, written
from toylab.read import table
from toylab.runs import networks
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.opposing_signals.opposing_signals import OpposingSignals
from toylab.tasks.superposition.superposition import Sparse
from toylab.trees import flatten


@dataclasses.dataclass(frozen=True)
class Config:
    seeds: int = 2
    steps: int = 6
    density: float = 0.5


def populations(config):
    whole = Population(
        model=Autoencoder(5, 2),
        task=Sparse(5, density=config.density),
        members=seeds(config.seeds),
        optimizer=AdamW(1e-2, 0.0),
        steps=config.steps,
        batch_size=8,
        snapshots=(0, 2),
    )
    return {"main": whole, "more": dataclasses.replace(whole, batch_size=16)}


def ones(count):
    return pl.DataFrame({"init_seed": range(count), "x": [1.0] * count})


def study(names):
    return Study(
        name="shared",
        title="t",
        paper="p",
        presets=dict.fromkeys(("smoke", "laptop", "paper"), Config()),
        costs={},
        populations=lambda config: {n: p for n, p in populations(config).items() if n in names},
        measure=lambda config, run: {"one": ones(config.seeds)},
        claims=(
            Claim(
                "k", "A text.", "s", table("one").value("x"), Expect.above(0), "theory: none is 0"
            ),
        ),
        draw=lambda measures, config: {},
    )


class Trained(Reporter):
    def __init__(self):
        self.names, self.finished = [], set()

    def plan(self, path, populations, finished):
        self.finished = set(finished)

    def population(self, name, population, step):
        self.names.append(name)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return run_study(study(("main",)), "smoke", tmp_path_factory.mktemp("first") / "run")


def test_what_is_alike_is_taken_and_the_rest_is_trained(first, tmp_path):
    told = Trained()
    both = run_study(
        study(("main", "more")), "smoke", tmp_path / "run", reporter=told, reuse=first.path
    )
    assert told.names == ["more"]
    assert told.finished == {"main"}  # or the time left would count it
    assert both.steps("main") == [0, 2, 6]
    for step in both.steps("main"):
        ours, theirs = (flatten(run.params("main", step)) for run in (both, first))
        for name, leaf in theirs.items():
            np.testing.assert_array_equal(ours[name], leaf)
    mine = both.metrics().filter(both.metrics()["population"] == "main")
    keys = ["name", "step", "member"]
    assert mine.sort(keys).equals(first.metrics().sort(keys))
    assert [*both.manifest["reused"]["main"]] == [first.manifest["run_id"]]


def test_uncommitted_code_of_a_resume_is_told_of_what_is_taken(first, tmp_path):
    copy = RunFolder(shutil.copytree(first.path, tmp_path / "first"))
    with copy.writing():
        copy.note(commit="abc", resumed_at=["abc", "def+", "abc"])
    run = run_study(study(("main",)), "smoke", tmp_path / "run", reuse=copy.path)
    assert run.manifest["reused"]["main"] == {first.manifest["run_id"]: "def+"}


def seeded(config):
    """A population whose worlds have seeds too, and one that goes on from it, the last first."""
    order = np.arange(config.seeds)[::-1]
    begun = Population(
        model=MLP((5, 4, 1), "identity", biases=False),
        task=OpposingSignals(size=40, signals=3, features=2),
        members=zipped(init_seed=order, data_seed=order, world_seed=order),
        optimizer=AdamW(1e-2, 0.0),
        loss=squared_error,
        steps=config.steps,
        batch_size=8,
        snapshots=(0, 2),
        tile=1,
    )
    return {"begun": begun, "on": dataclasses.replace(begun, start="begun", steps=4)}


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """A study, its run of four seeds, and two runs of two of them each."""
    halved = dataclasses.replace(study(()), populations=seeded)
    folder = tmp_path_factory.mktemp("halves")
    whole = run_study(halved, "smoke", folder / "whole", {"seeds": "4"})
    parts = [run_study(halved, "smoke", folder / f"{n}", first_seed=n) for n in (0, 2)]
    return halved, whole, parts


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_runs_of_other_seeds_are_put_together(halves, order, tmp_path):
    halved, whole, parts = halves
    told, paths = Trained(), [parts[i].path for i in order]
    run = run_study(halved, "smoke", tmp_path / "run", {"seeds": "4"}, reporter=told, reuse=paths)
    assert not told.names and told.finished == {"begun", "on"}
    for name in ("begun", "on"):
        assert run.steps(name) == whole.steps(name)
        assert run.dead_at(name).tolist() == whole.dead_at(name).tolist()
        for step in whole.steps(name):
            ours, theirs = (flatten(each.params(name, step)) for each in (run, whole))
            for leaf in theirs:
                np.testing.assert_array_equal(ours[leaf], theirs[leaf])
    keys = ["population", "name", "step", "member"]
    assert run.metrics().sort(keys).equals(whole.metrics().sort(keys))
    ids = {part.manifest["run_id"] for part in parts}
    assert run.manifest["reused"]["on"].keys() == ids


def test_members_that_no_run_has_trained_are_counted(halves, tmp_path):
    halved, _, parts = halves
    out, paths = tmp_path / "run", [part.path for part in parts]
    with pytest.raises(ToylabError, match=r"^4 of the 5 members of 'begun' are trained in .* and "):
        run_study(halved, "smoke", out, {"seeds": "5"}, reuse=paths)
    with pytest.raises(ToylabError, match=r"the steps of its 'begun' has 6, .* 7"):
        run_study(halved, "smoke", out, {"seeds": "4", "steps": "7"}, reuse=paths)
    assert not out.exists()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"density": "0.3"}, "the task of its 'main' has density=0.5, .* density=0.3"),
        ({"steps": "7"}, "the steps of its 'main' has 6, that of this study's 'main' 7"),
        ({"seeds": "3"}, "members"),
    ],
)
def test_what_differs_is_named_before_anything_is_written(first, tmp_path, overrides, message):
    with pytest.raises(ToylabError, match=message):
        run_study(study(("main",)), "smoke", tmp_path / "run", overrides, reuse=first.path)
    assert not (tmp_path / "run").exists()


def test_what_only_the_other_run_had_is_named(first, tmp_path):
    described = {"main": first.manifest["described"]["main"] | {"start": "elsewhere"}}
    finished = {"finished": {"main": {"dead_at": [-1, -1]}}, "described": described}
    RunFolder.create(tmp_path / "other", first.manifest | finished)
    with pytest.raises(ToylabError, match=r"the start of its 'main' has elsewhere, .* nothing"):
        run_study(study(("main",)), "smoke", tmp_path / "run", reuse=tmp_path / "other")


def test_a_run_that_has_trained_nothing(first, tmp_path):
    manifest = {k: v for k, v in first.manifest.items() if k != "finished"}
    RunFolder.create(tmp_path / "empty", manifest)
    with pytest.raises(ToylabError, match="finish that run"):
        run_study(study(("main",)), "smoke", tmp_path / "run", reuse=tmp_path / "empty")


def test_a_run_that_has_everything_does_not_look_for_the_other(first, tmp_path, monkeypatch):
    copy = shutil.copytree(first.path, tmp_path / "first")
    whole = study(("main",))
    run = run_study(whole, "smoke", tmp_path / "run", reuse=copy)
    shutil.rmtree(copy)
    monkeypatch.setattr(networks, "study_names", lambda: ["shared"])
    monkeypatch.setattr(networks, "load_study", lambda name: whole)
    told = Trained()
    assert lab.resume(run.path, told).path == run.path and not told.names


def rated(config):
    """Members that learn at rates of their own, and a population that goes on from them alike."""
    rates = [config.density / 100 * 2**n for n in range(config.seeds)]
    whole = dataclasses.replace(
        populations(config)["main"],
        members=zipped(
            init_seed=range(config.seeds), data_seed=range(config.seeds), learning_rate=rates
        ),
    )
    on = dataclasses.replace(whole, members=seeds(config.seeds), start="begun")
    return {"begun": whole, "on": on}


def test_members_that_start_from_others_are_others(tmp_path):
    going = dataclasses.replace(study(()), populations=rated)
    halves = [
        run_study(going, "smoke", tmp_path / f"{n}", {"density": text}, first_seed=n)
        for n, text in ((0, "0.5"), (2, "0.1"))
    ]
    with pytest.raises(ToylabError, match=r"2 of the 4 members"):
        paths = [half.path for half in halves]
        run_study(going, "smoke", tmp_path / "run", {"seeds": "4"}, reuse=paths)


class Scaled:
    """A loss with a number that neither its name nor its text tells."""

    def __init__(self, scale):
        self.scale = scale

    def loss(self, *parts):
        return self.scale * squared_error(*parts)

    __call__ = loss


def nested(scale):
    return lambda *parts: scale * squared_error(*parts)


def default(scale):
    return lambda *parts, scale=scale: scale * squared_error(*parts)


def recursive(scale):
    def inner(*parts, depth=1):
        return inner(*parts, depth=0) if depth else scale * squared_error(*parts)

    return inner


@dataclasses.dataclass(frozen=True)
class Holds:
    """A loss with another in a field."""

    inner: object

    def __call__(self, *parts):
        return self.inner(*parts)


KINDS = [
    nested,
    default,
    recursive,
    Scaled,
    lambda scale: Scaled(scale).loss,
    lambda scale: Holds(Scaled(scale)),
    lambda scale: Holds({"one": (nested(scale),)}),
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_number_within_a_loss_is_told(kind):
    assert written(kind(2.0)) == written(kind(2.0))
    assert written(kind(2.0)) != written(kind(3.0))
    assert " at 0x" not in written(kind(2.0))
