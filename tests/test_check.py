"""The rules of tasks: each catches a task made to break it, and every task of the house passes."""

import dataclasses
import importlib
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.check import draws as check_draws
from toylab.check import truth as check_truth
from toylab.check.parts import SIZE, Broken, Draws
from toylab.check.suite import RULES, check
from toylab.study import catalogue
from toylab.task import Batch, Task
from toylab.tasks.superposition.superposition import Sparse
from toylab.train.fast_compile import compiling


def dice(key, shape=()):
    """Numbers 0 to 5 by a hash of the key: jax.random would take most of the test compiling."""
    count = jnp.arange(int(np.prod(shape)), dtype=jnp.uint32).reshape(shape)
    k0, k1 = jax.random.key_data(key)
    mixed = (k0 ^ (k1 * np.uint32(0x9E3779B9))) + count * np.uint32(0x85EBCA6B)
    for factor in (0x7FEB352D, 0x846CA68B):
        mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(factor)
    return ((mixed >> np.uint32(8)) % np.uint32(6)).astype(jnp.int32)


@dataclasses.dataclass(frozen=True)
class Toy(Task):
    """Six numbers; the target is the parity. ``scale`` stands for a number per member."""

    scale: float = 2.0

    def build(self, x):
        scaled = x.astype(jnp.float32) * jnp.asarray(self.scale, jnp.float32)
        return Batch(x, x % 2, jnp.ones_like(x, jnp.float32), {"scaled": scaled})

    def example(self, key):
        return self.build(dice(key))

    def batch(self, key, size):
        return self.build(dice(key, (size,)))

    def enumerate(self):
        return self.build(jnp.arange(6, dtype=jnp.int32))

    def split(self):
        return (
            self.build(jnp.arange(4, dtype=jnp.int32)),
            self.build(jnp.arange(4, 6, dtype=jnp.int32)),
        )

    def consistent(self, batch):
        return np.asarray(batch.latents["scaled"]) == self.scale * np.asarray(batch.inputs)

    def bayes_loss(self):
        return 0.0

    def uniform_loss(self):
        return float(np.log(2))


def broken(frozen=True, eq=True, **methods):
    """A Toy with some methods replaced."""
    kind = type("Bad", (Toy,), dict(methods))
    return kind() if frozen and eq else dataclasses.dataclass(frozen=frozen, eq=eq)(kind)()


def traced(x):
    return isinstance(x, jax.core.Tracer)


@dataclasses.dataclass(frozen=True)
class WithArray(Toy):
    table: np.ndarray = dataclasses.field(default_factory=lambda: np.ones(3))


@dataclasses.dataclass(frozen=True, eq=False)
class ByIdentity(Toy):
    __eq__ = object.__eq__
    __hash__ = object.__hash__


@dataclasses.dataclass
class Thawed(Task):
    """Settings that can change under a compiled program."""

    def example(self, key):
        return Toy().example(key)


@jax.custom_batching.custom_vmap
def shifted(x):
    return x


@shifted.def_vmap
def _(axis_size, in_batched, x):
    return (x + 1) % 6, True


def example_of(change):
    """An ``example`` that changes the right one."""
    return lambda self, key: change(Toy.example(self, key), key)


def batch_of(change):
    return lambda self, key, size: change(Toy.batch(self, key, size), key)


grow = lambda b, key: b._replace(inputs=jnp.zeros(1 + int(dice(key)), jnp.int32))
nan = lambda b, key: b._replace(latents={"scaled": b.latents["scaled"] * jnp.float32(np.nan)})
small = lambda b, key: b._replace(inputs=b.inputs.astype(jnp.int8))
extra = lambda b, key: b._replace(inputs=b.inputs[:, None])
other_dtype = lambda b, key: b._replace(targets=b.targets.astype(jnp.float32))
inputs_to = lambda change: lambda b, key: b._replace(inputs=change(b.inputs, key))
impure = inputs_to(lambda x, key: x + np.int32(np.random.default_rng().integers(1 << 30)))
jit_only = inputs_to(lambda x, key: x + np.int32(traced(key)))
weights_to = lambda change: lambda b, key: b._replace(weights=change(b.weights))
wrong_latent = lambda b, key: b._replace(latents={"scaled": b.latents["scaled"] + 1})


def ignores_trace(self, x):
    scale = 1.0 if traced(self.scale) else self.scale
    return Batch(x, x % 2, jnp.ones_like(x, jnp.float32), {"scaled": x.astype(jnp.float32) * scale})


DRAWS, TRUTH = check_draws, check_truth
CASES = {
    "thawed": (Thawed(), DRAWS.plain_settings),
    "array setting": (WithArray(), DRAWS.plain_settings),
    "no version": (broken(version=""), DRAWS.plain_settings),
    "identity": (ByIdentity(), DRAWS.one_trace),
    "key decides shape": (broken(example=example_of(grow)), DRAWS.fixed_shapes),
    "int8": (broken(example=example_of(small)), DRAWS.fixed_shapes),
    "no Batch": (broken(example=lambda self, key: (1, 2)), DRAWS.fixed_shapes),
    "not finite": (broken(batch=batch_of(nan)), DRAWS.fixed_shapes),
    "axis too many": (broken(batch=batch_of(extra)), DRAWS.batch_axis),
    "size ignored": (broken(batch=lambda self, k, n: Toy.batch(self, k, 9)), DRAWS.batch_axis),
    "two dtypes": (broken(batch=batch_of(other_dtype)), DRAWS.batch_axis),
    "example under jit": (broken(example=example_of(jit_only)), DRAWS.jit_as_eager),
    "batch under jit": (broken(batch=batch_of(jit_only)), DRAWS.jit_as_eager),
    "example under vmap": (
        broken(example=example_of(inputs_to(lambda x, key: shifted(x)))),
        DRAWS.vmap_as_loop,
    ),
    "number ignored": (broken(build=ignores_trace), DRAWS.traced_numbers),
    "impure example": (broken(example=example_of(impure)), DRAWS.determined_by_key),
    "impure batch": (broken(batch=batch_of(impure)), DRAWS.determined_by_key),
    "key ignored": (
        broken(example=lambda self, key: self.build(jnp.int32(3))),
        DRAWS.keys_differ,
    ),
    "batch ignores key": (
        broken(batch=lambda self, key, n: Toy.batch(self, jax.random.key(7), n)),
        DRAWS.keys_differ,
    ),
    "batch of zeros": (
        broken(batch=batch_of(inputs_to(lambda x, key: x * np.int32(0)))),
        DRAWS.batch_as_examples,
    ),
    "batch of one": (
        broken(batch=batch_of(inputs_to(lambda x, key: jnp.broadcast_to(x[:1], x.shape)))),
        DRAWS.batch_as_examples,
    ),
    "batch too wide": (  # the mean of 0..5 is kept: only the spread tells
        broken(batch=batch_of(inputs_to(lambda x, key: jnp.where(x < 3, 0, 5)))),
        DRAWS.batch_as_examples,
    ),
    "latents": (broken(batch=batch_of(wrong_latent)), TRUTH.latents_consistent),
    "consistent's shape": (broken(consistent=lambda s, b: True), TRUTH.latents_consistent),
    "weights' shape": (
        broken(batch=batch_of(weights_to(lambda w: jnp.ones((3, 2), jnp.float32)))),
        TRUTH.weights_broadcast,
    ),
    "negative weights": (
        broken(example=example_of(weights_to(lambda w: -w))),
        TRUTH.weights_broadcast,
    ),
    "no weights": (
        broken(batch=batch_of(weights_to(lambda w: w * jnp.float32(0)))),
        TRUTH.weights_broadcast,
    ),
    "one missing": (
        broken(enumerate=lambda self: self.build(jnp.arange(5, dtype=jnp.int32))),
        TRUTH.enumeration,
    ),
    "list of other latents": (
        broken(enumerate=lambda self: wrong_latent(Toy.enumerate(self), None)),
        TRUTH.enumeration,
    ),
    "split overlaps": (
        broken(split=lambda self: {"train": self.enumerate(), "test": self.enumerate()}),
        TRUTH.split_disjoint,
    ),
    "split of one": (broken(split=lambda self: [self.enumerate()]), TRUTH.split_disjoint),
    "losses": (broken(bayes_loss=lambda self: 1.0), TRUTH.losses_ordered),
    "infinite loss": (broken(uniform_loss=lambda self: np.inf), TRUTH.losses_ordered),
}


@pytest.mark.parametrize("name", CASES)
def test_rule_catches(name, key):
    """The rule passes on the right task and breaks on the wrong one."""
    task, rule = CASES[name]
    with pytest.raises(Broken):
        rule(Draws(task, key))


def test_every_rule_has_a_task_that_breaks_it():
    assert {rule for _, rule in CASES.values()} == set(RULES)


def test_good_task_keeps_every_rule():
    results = check(Toy())
    assert [r.name for r in results if not r.ok] == []
    detail = {r.name: r.detail for r in results}
    assert detail["traced numbers"] == "per member: scale"
    assert detail["enumeration"] == "6 examples"
    assert detail["split disjoint"] == "4 + 2 examples"
    assert detail["latents consistent"] == "notices another example's"


def test_a_rule_that_raises_is_broken_and_the_others_still_run():
    results = {r.name: r for r in check(broken(enumerate=lambda self: 1 // 0))}
    assert not results["enumeration"].ok
    assert results["enumeration"].detail.startswith("ZeroDivisionError")
    assert results["losses ordered"].ok


def test_false_alarms_are_rare():
    """A correct batch of a rare feature passes for many keys."""
    task = Sparse(20, density=0.01)
    draws = Draws(task, jax.random.key(0))
    singles, batch = jax.jit(jax.vmap(task.example)), jax.jit(lambda k: task.batch(k, SIZE))
    for seed in range(20):
        one, two = jax.random.split(jax.random.key(seed))
        draws.__dict__["examples"] = singles(jax.random.split(one, SIZE))
        draws.batch = lambda key, two=two: batch(two)
        draws.__dict__["fixed_set"] = False
        check_draws.batch_as_examples(draws)


def modules():
    return [importlib.import_module(m) for m in catalogue("tasks", "*/[!_]*.py").values()]


def instances():
    return [task for m in modules() for task in getattr(m, "examples", list)()]


def first_of_each_class():
    """Every class once; its other examples are marked slow."""
    met = set()
    for task in instances():
        again = type(task) in met
        met.add(type(task))
        yield pytest.param(task, marks=[pytest.mark.slow] * again, id=repr(task))


@pytest.mark.parametrize("task", list(first_of_each_class()))
def test_tasks_of_the_house(task):
    with compiling(hastily=True):  # compiling takes most of it
        assert [r for r in check(task) if not r.ok] == []


def test_every_task_class_is_checked():
    """A new task must offer ``examples()`` in its module."""
    classes = {
        kind
        for module in modules()
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, Task) and not inspect.isabstract(kind)
    }
    assert classes == {type(task) for task in instances()}
