"""What a user's functions return: each mistake is told by function, in at most two lines."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import polars as pl
import pytest
from flax import nnx
from matplotlib.figure import Figure

import toylab as tl
from toylab.cli.main import main
from toylab.train.returns import (
    check_figures,
    check_measures,
    check_population,
    check_populations,
)

ONE = jnp.float32(1)


@dataclasses.dataclass(frozen=True)
class World(tl.Task):
    """Returns what it is told to, of an example or of a batch."""

    part: str = ""
    value: Any = None
    batches: bool = False

    def example(self, key: jax.Array) -> Any:
        x = jax.random.normal(key, (3,))
        good = {"inputs": x, "targets": jnp.int32(0), "weights": ONE, "latents": {}}
        if self.part == "whole":
            return self.value(x)
        if self.part == "raise":
            return x + jnp.ones((7,))
        return tl.Batch(**(good | ({self.part: self.value} if self.part else {})))


@dataclasses.dataclass(frozen=True)
class Batches(World):
    """The same, by a ``batch`` of its own."""

    def batch(self, key: jax.Array, size: int) -> Any:
        x = jax.random.normal(key, (size, 3))
        good = {"inputs": x, "targets": jnp.zeros(size, jnp.int32), "weights": ONE, "latents": {}}
        if self.part == "whole":
            return self.value(x)
        return tl.Batch(**(good | ({self.part: self.value} if self.part else {})))


def population(**changes: Any) -> tl.Population:
    settings: dict[str, Any] = {
        "model": tl.MLP((3, 2)),
        "task": World(),
        "members": tl.seeds(2),
        "optimizer": tl.SGD(0.1),
        "loss": tl.cross_entropy,
        "steps": 2,
        "batch_size": 4,
    }
    return tl.Population(**(settings | changes))


def told(error: Any) -> str:
    text = str(error.value)
    assert isinstance(error.value, tl.ToylabError) and len(text.splitlines()) <= 2, text
    return text


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (
            World("whole", lambda x: (x, 0, 1, {})),
            "World.example returns a tuple of 4",
        ),
        (World("whole", lambda x: None), "World.example returns None; give a Batch"),
        (World("whole", lambda x: "text"), "World.example returns a str; give a Batch"),
        (World("latents", ()), "returns as latents a tuple of 0; give a dict of named arrays"),
        (World("latents", {"a": "b"}), "World.example returns as a a str; give an array"),
        (World("targets", [1, 2]), "World.example returns as targets a list of 2; give an array"),
        (World("raise"), "World.example raises TypeError: add got incompatible shapes"),
        (Batches("whole", lambda x: [x]), "Batches.batch returns a list of 1; give a Batch"),
        (Batches("targets", jnp.zeros(())), "targets (); give both one row per example, 4 rows"),
        (Batches("targets", jnp.zeros((3,))), r"inputs (4, 3) and targets (3,); give both one row"),
    ],
)
def test_examples_and_batches(task: World, said: str) -> None:
    with pytest.raises(tl.ToylabError) as error:
        check_population(population(task=task))
    assert said in told(error)


def test_an_exception_is_told_with_its_place() -> None:
    with pytest.raises(tl.ToylabError) as error:
        check_population(population(task=World("raise")))
    here = Path(__file__).read_text().splitlines()
    line = next(i for i, text in enumerate(here, 1) if "x + jnp.ones((7,))" in text)
    assert told(error).endswith(f"(in {__file__}, line {line})")
    assert isinstance(error.value.__cause__, TypeError)


def scalar(model: Any, params: Any, batch: Any) -> Any:
    return tl.cross_entropy(model, params, batch).mean()


def wide(model: Any, params: Any, batch: Any) -> Any:
    return model.apply(params, batch.inputs)


def whole(model: Any, params: Any, batch: Any) -> Any:
    return batch.targets


def pair(model: Any, params: Any, batch: Any) -> Any:
    return tl.cross_entropy(model, params, batch), {}


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        (scalar, "the loss scalar returns an array float32[]; give one float32 per example, of "),
        (wide, "returns an array float32[4, 2]; give one float32 per example, of shape (4,)"),
        (whole, "the loss whole returns an array int32[4]; give one float32 per example"),
        (pair, "the loss pair returns a tuple of 2; give one float32 per example"),
        (lambda model, params: 0, "raises TypeError"),
        (tl.squared_error, "the loss squared_error raises"),
    ],
)
def test_losses(loss: Any, said: str) -> None:
    with pytest.raises(tl.ToylabError) as error:
        tl.fit(population(loss=loss))
    assert said in told(error)


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        (lambda *a: 1.0, "returns a float; give a dict of names and numbers"),
        (
            lambda *a: {"bias": a[1]["layers"]["0"]["bias"]},
            "as 'bias' an array float32[2]",
        ),
        (lambda *a: {"name": "text"}, "returns as 'name' a str; give one number per network"),
        (lambda *a: {"loss": ONE}, "a metric may not be named 'loss'"),
        (lambda *a: {3: ONE}, "a metric may not be named 3"),
        (lambda *a: None, "the metrics <lambda> returns None"),
    ],
)
def test_metrics(metrics: Any, said: str) -> None:
    with pytest.raises(tl.ToylabError) as error:
        check_population(population(metrics=metrics))
    assert said in told(error)


class Bare:
    """A model whose parameters are no dict."""

    sites = ()

    def init(self, key: jax.Array) -> Any:
        return jnp.zeros(3)

    def apply(self, params: Any, inputs: Any, tap: Any = None) -> Any:
        return inputs


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        (
            "model",
            nnx.Linear(3, 2, rngs=nnx.Rngs(0)),
            "its model is a Linear (flax)",
        ),
        ("model", Bare(), "Bare.init returns an array float32[3]; give a nested dict of arrays"),
        (
            "optimizer",
            optax.adam(1e-3),
            "a GradientTransformationExtraArgs (optax)",
        ),
        ("task", World, "its task is the class World; make an instance of it"),
        ("loss", 3, "its loss is an int; give a function of model, params and batch"),
    ],
)
def test_parts_of_other_kinds(part: str, value: Any, said: str) -> None:
    with pytest.raises(tl.ToylabError) as error:
        check_population(population(**{part: value}))
    assert said in told(error)


def test_sound_functions_pass() -> None:
    """Numbers and NumPy arrays too, and a batch of rows of its own number."""
    check_population(population(metrics=lambda *a: {"one": 1.0, "two": np.float32(2)}))
    check_population(population(task=World("weights", 1.0)))
    check_population(population(task=Batches()))
    check_populations("own", {"main": population()})
    check_measures(
        "own", {"a": pl.DataFrame({"x": [1]}), "b": np.ones(2), "c": jnp.ones(2), "d": 3}
    )
    check_figures("own", {"f": Figure()})
    check_figures("own", {})


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (population(), "populations of own returns a Population; give a dict of names and"),
        ({}, "populations of own returns a dict of 0; give a dict"),
        (None, "populations of own returns None"),
        ([population()], "populations of own returns a list of 1"),
        ({"main": 3}, "populations of own returns as 'main' an int; give a Population"),
        ({"../main": population()}, "populations of own: '../main' cannot name a file"),
        ({"main": population(loss=scalar)}, "the loss scalar returns"),
    ],
)
def test_populations(found: Any, said: str) -> None:
    with pytest.raises(tl.ToylabError) as error:
        check_populations("own", found)
    assert said in told(error)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "measure of own returns None; give a dict of names and tables"),
        (pl.DataFrame(), "measure of own returns a DataFrame (polars); give a dict"),
        ({"a": {"b": 1}}, "measure of own returns as 'a' a dict of 1; give a polars DataFrame"),
        ({"a": pl.LazyFrame()}, "returns as 'a' a LazyFrame (polars); give a polars DataFrame"),
        ({"a": None}, "returns as 'a' None"),
        ({"a": "text"}, "returns as 'a' a str"),
        ({"a": [[1], [1, 2]]}, "returns as 'a' a list of 2"),
        ({"a/b": np.ones(1)}, "'a/b' cannot name a file"),
    ],
)
def test_measures(found: Any, said: str) -> None:
    with pytest.raises(tl.ToylabError) as error:
        check_measures("own", found)
    assert said in told(error)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (Figure(), "draw of own returns a Figure (matplotlib); give a dict of names"),
        (None, "draw of own returns None"),
        ({"a": Figure().subplots()}, "draw of own returns as 'a' an Axes (matplotlib); give a"),
        ({"a\n": Figure()}, "cannot name a file"),
    ],
)
def test_figures(found: Any, said: str) -> None:
    with pytest.raises(tl.ToylabError) as error:
        check_figures("own", found)
    assert said in told(error)


EXAMPLE = '        return tl.Batch(bits_N, odd, jax.numpy.float32(1), {"odd": odd})'
POPULATIONS = "    return {name: make(model) for name, model in models.items()}"


@pytest.mark.parametrize(
    ("old", "new", "said", "trained"),
    [
        (EXAMPLE, "        return bits_N, odd", "Parity.example returns a tuple of 2", False),
        (POPULATIONS, "    return make(models['linear'])", "populations of own returns", False),
        ('    return {"ends"', '    None and {"ends"', "measure of own returns None", True),
        ('return {"losses": ax.figure}', "return ax.figure", "draw of own returns a Figure", True),
        ('return {"losses": ax.figure}', "return 1 / 0", "draw of own raises ZeroDivision", True),
    ],
)
def test_the_command_line_tells_it(
    old: str, new: str, said: str, trained: bool, tmp_path: Path, monkeypatch, capsys
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "own"]) == 0
    text = Path("own.py").read_text()
    assert text.count(old) == 1
    Path("own.py").write_text(text.replace(old, new))
    capsys.readouterr()
    words = ["--preset", "smoke", "--out", "run", "--json", "--set", "steps=2"]
    assert main(["run", "own.py", *words]) == 1
    err = capsys.readouterr().err
    assert said in err and "Traceback" not in err and len(err.strip().splitlines()) <= 2
    assert Path("run").exists() == trained


def test_info_tells_it_too(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "own"]) == 0
    text = Path("own.py").read_text()
    Path("own.py").write_text(text.replace(POPULATIONS, "    return None"))
    assert main(["info", "own.py", "--preset", "smoke"]) == 1
    assert "populations of own returns None" in capsys.readouterr().err
