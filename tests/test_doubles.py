"""Float64 is refused where JAX would round it, and honoured where it would not."""

import dataclasses
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.check.suite import check
from toylab.errors import ToylabError
from toylab.members import grid, seeds
from toylab.models import Autoencoder
from toylab.optim import AdamW
from toylab.population import Population
from toylab.task import Batch, Task
from toylab.tasks.superposition.superposition import Sparse
from toylab.train.fit import fit


@dataclasses.dataclass(frozen=True)
class Rows(Task):
    """A world of one row, in the type that a setting says."""

    dtype: str = "float32"
    numpy: bool = False
    whole: bool = False

    def example(self, key):
        x = np.ones(5, self.dtype) if self.numpy else jnp.ones(5, self.dtype)
        return Batch(x, x, jnp.ones(5, jnp.float32), {})

    def batch(self, key, size):
        if not self.whole:
            return super().batch(key, size)
        x = np.ones((size, 5), self.dtype) if self.numpy else jnp.ones((size, 5), self.dtype)
        return Batch(x, x, jnp.ones((), jnp.float32), {})


class Wide(Autoencoder):
    """A model whose weights are drawn in float64."""

    def init(self, key):
        return jax.tree.map(lambda leaf: np.ones(leaf.shape), super().init(key))


class Exact(Autoencoder):
    """A model that computes in float64."""

    def apply(self, params, inputs, tap=lambda name, value: value):
        return super().apply(params, jnp.asarray(inputs, dtype="float64"), tap)


def exact_loss(model, params, batch):
    error = model.apply(params, batch.inputs) - batch.targets
    return jnp.sum(error * error, -1, dtype="float64")


def metrics(model, params, task):
    return {"norm": jnp.sum(params["W"].astype("float64"))}


class HighAdam(AdamW):
    """An optimiser that would keep its moments in float64."""

    def transform(self):
        inner = super().transform()
        init = lambda params: jax.tree.map(lambda p: p.astype("float64"), inner.init(params))
        return inner._replace(init=init)


def population(**parts) -> Population:
    return Population(
        **{
            "model": Autoencoder(5, 2),
            "task": Rows(),
            "members": seeds(2),
            "optimizer": AdamW(1e-3, 0.0),
            "steps": 2,
            "batch_size": 3,
        }
        | parts
    )


def test_float32_passes():
    fit(population())
    fit(population(task=Rows(numpy=True, whole=True)))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"task": Rows("float64")}, r"Rows\.batch asks for float64.*give float32"),
        ({"task": Rows("float64", numpy=True)}, r"Rows\.example gives inputs as float64"),
        ({"task": Rows("float64", whole=True)}, r"Rows\.batch asks for float64"),
        ({"task": Rows("float64", True, True)}, r"Rows\.batch gives inputs as float64"),
        ({"model": Wide(5, 2)}, r"Wide\.init gives \w+ as float64"),
        ({"model": Exact(5, 2)}, "the loss squared_error asks for float64"),
        ({"loss": exact_loss}, "the loss exact_loss asks for float64"),
        ({"metrics": metrics}, "the metrics metrics asks for float64"),
        ({"optimizer": HighAdam(1e-3, 0.0)}, "HighAdam asks for float64"),
    ],
)
def test_float64_is_refused_before_training(parts, words: str):
    with pytest.raises(ToylabError, match=words) as told:
        fit(population(**parts))
    assert "JAX_ENABLE_X64" in str(told.value)


def test_numbers_of_settings_and_members_are_numbers():
    """NumPy's float64 is a Python float: a setting that becomes a float32 like any other."""
    task = Sparse(5, density=np.float64(0.5), importance=np.float64(0.9))
    members = seeds(2) * grid(density=np.array([0.5, 0.1]))
    plain = fit(population(task=Sparse(5, density=0.5, importance=0.9), members=members))
    wide = fit(population(task=task, members=members))
    np.testing.assert_array_equal(wide.params["W"], plain.params["W"])
    with pytest.raises(ToylabError, match="importance"):
        fit(population(task=Sparse(5, density=0.5, importance=np.linspace(0.0, 1.0, 5))))


def test_parameters_to_start_from_are_float32():
    start = fit(population()).params
    fit(population(), start=start)
    wide = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), start)
    with pytest.raises(ToylabError, match=r"fit: start gives \w+ as float64"):
        fit(population(), start=wide)


@pytest.mark.parametrize("task", [Rows("float64"), Rows("float64", numpy=True)])
def test_check_says_it_too(task: Rows):
    broken = [result for result in check(task) if not result.ok]
    assert any("float64" in result.detail for result in broken)


def test_with_x64_it_is_honoured():
    code = """
import jax, numpy as np
from tests.test_doubles import Rows, metrics, population
from toylab.check.doubles import refuse_doubles
from toylab.train.fit import fit
from toylab.train.returns import check_population
refuse_doubles("x", np.ones(3))
check_population(population(metrics=metrics))
print(jax.eval_shape(Rows("float64").example, jax.random.key(0)).inputs.dtype)
print(fit(population()).params["W"].dtype)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=os.environ | {"JAX_ENABLE_X64": "1"},
        check=False,
    )
    assert done.stdout.split() == ["float64", "float32"], done.stderr[-2000:]
