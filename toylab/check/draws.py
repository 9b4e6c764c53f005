"""Rules of drawing: shapes, keys, and the same examples however they are drawn.

Each rule takes :class:`toylab.check.parts.Draws`, and raises ``Broken`` or returns a remark.
"""

import dataclasses

import jax
import numpy as np

from toylab.check.parts import (
    SIZE,
    Broken,
    Draws,
    among,
    copy,
    leaves,
    need,
    same,
    shapes,
    vary,
)
from toylab.task import Batch, Task
from toylab.train.fast_compile import compute

DTYPES = ("float32", "int32", "bool")
LABELS = "int8"  # of latents alone: a board of a million squares is a quarter of the size
SIGMAS = 6.0  # a correct task with 10,000 entries fails by chance about once in 50,000 checks


def plain_settings(draws: Draws) -> str | None:
    """A frozen dataclass of hashable settings, with a version."""
    task = draws.task
    params = getattr(type(task), "__dataclass_params__", None)
    need(params is not None and params.frozen, "the class is not a frozen dataclass")
    version = task.version
    need(isinstance(version, str) and version != "", f"version {version!r} is not a text as 'v1'")
    try:
        equal = hash(task) == hash(copy(task)) and task == copy(task)
    except TypeError as error:
        raise Broken(f"{error}: keep settings plain and compute arrays from them") from None
    need(equal, "two tasks of equal settings are not equal")
    return version


def fixed_shapes(draws: Draws) -> str | None:
    """Batches of arrays, float32, int32 or bool, of one shape whatever the key, finite.

    Latents may be int8 too.
    """
    drawn = [draws.task.example(k) for k in draws.keys]
    for batch in drawn:
        need(isinstance(batch, Batch), f"example() returns {type(batch).__name__}, not Batch")
        need(isinstance(batch.latents, dict), "latents are not a dict of arrays")
    first, *others = [shapes(batch) for batch in drawn]
    for other in others:
        need(other == first, f"shapes depend on the key: {first}, then {other}")
    for name, (_, dtype) in first.items():
        allowed = (*DTYPES, LABELS) if name.startswith("latents/") else DTYPES
        need(dtype in allowed, f"{name} is {dtype}; give {', '.join(allowed)}")
    for name, leaf in leaves(draws.batch(draws.keys[0])).items():
        finite = leaf.dtype.kind != "f" or np.isfinite(leaf).all()
        need(bool(finite), f"{name} has entries that are not finite")
    return ", ".join(f"{name} {shape}" for name, (shape, _) in first.items())


def batch_axis(draws: Draws) -> str | None:
    """Inputs, targets and latents of a batch: one leading axis more than an example."""
    one, many = shapes(draws.eager_example), draws.shapes_of(7)
    need(list(one) == list(many), f"example has {list(one)}, batch {list(many)}")
    rows = many["inputs"][0][:1]
    need(rows == (7,) or draws.fixed_set, f"batch(key, 7) has leading axis {rows}")
    for name, (shape, dtype) in many.items():
        if name != "weights":
            wanted = (*rows, *one[name][0])
            need(shape == wanted, f"{name} of a batch has shape {shape}, expected {wanted}")
        need(dtype == one[name][1], f"{name} is {one[name][1]} in an example, {dtype} in a batch")
    return "the whole set, whatever the size" if draws.fixed_set else None


def jit_as_eager(draws: Draws) -> str | None:
    """The same examples with and without jit."""
    same(draws.eager_example, draws.example(draws.keys[0]), "example under jit")
    same(draws.eager_batch, draws.batch(draws.keys[0]), "batch under jit")


def vmap_as_loop(draws: Draws) -> str | None:
    """The same examples from vmap over keys and from one key after another."""
    for i in range(8):
        row = jax.tree.map(lambda leaf, i=i: leaf[i], draws.examples)
        same(draws.example(draws.many_keys[i]), row, "example under vmap")


def one_trace(draws: Draws) -> str | None:
    """As a static argument, an equal task and another key are not traced again."""
    traces = []

    def draw(task: Task, key: jax.Array) -> Batch:
        traces.append(1)
        return task.example(key)

    compiled = jax.jit(draw, static_argnums=0)
    for k in draws.keys:
        compiled.trace(copy(draws.task), k)
    need(len(traces) == 1, f"traced {len(traces)} times for {len(draws.keys)} equal copies")


def traced_numbers(draws: Draws) -> str | None:
    """Settings that may differ per member give what the plain number gives."""
    task = draws.task
    settings = {f.name: getattr(task, f.name) for f in dataclasses.fields(task) if f.init}  # pyright: ignore
    numbers = {n: np.float32(v) for n, v in settings.items() if type(v) is float}
    draw = lambda given: dataclasses.replace(task, **given).batch(draws.keys[0], SIZE)  # pyright: ignore
    able = {}
    for name, value in numbers.items():
        try:
            jax.eval_shape(draw, {name: value})
        except Exception:
            continue  # a setting that shapes the program: legitimate, but no member column
        able[name] = value
    if not able:
        return "no setting may differ per member"
    same(draws.eager_batch, compute(draw, able), f"traced {', '.join(able)}")
    return "per member: " + ", ".join(able)


def determined_by_key(draws: Draws) -> str | None:
    """The same key gives the same bits."""
    again = (draws.task.example(draws.keys[0]), draws.plain_batch(draws.keys[0]))
    for before, after in zip((draws.eager_example, draws.eager_batch), again, strict=True):
        second = leaves(after)
        for name, leaf in leaves(before).items():
            equal = np.array_equal(leaf, second[name], equal_nan=leaf.dtype.kind == "f")
            need(equal, f"{name} differ between two draws with one key")


def keys_differ(draws: Draws) -> str | None:
    """Other keys give other examples."""
    need(vary(leaves(draws.examples)), f"{SIZE} keys give one example")
    if draws.fixed_set:
        return "the batch is a fixed set"
    batches = [leaves(draws.batch(k)) for k in draws.keys]
    stacked = {name: np.stack([b[name] for b in batches]) for name in batches[0]}
    need(vary(stacked), f"{len(batches)} keys give one batch")


def batch_as_examples(draws: Draws) -> str | None:
    """A batch has the distribution of single examples (means and spreads, coarsely)."""
    singles, batch = leaves(draws.examples), leaves(draws.batch(draws.keys[2]))
    if draws.fixed_set:
        lost = SIZE - int(among(singles["inputs"], batch["inputs"]).sum())
        need(lost == 0, f"{lost} of {SIZE} examples are not in the fixed set")
        return "every example is in the fixed set"
    for name in singles:
        if name == "weights":
            continue
        for power in (1, 2):
            # The spread about one centre: a batch of one repeated row has none.
            centre = 0.0 if power == 1 else singles[name].astype(float).mean(0)
            a = (singles[name].astype(float) - centre) ** power
            b = (batch[name].astype(float) - centre) ** power
            error = np.sqrt((a.var(0) + b.var(0)) / SIZE)
            apart = np.abs(a.mean(0) - b.mean(0))
            far = apart > SIGMAS * error + 1e-5 * (1 + np.abs(a).mean(0))
            what = "mean" if power == 1 else "spread"
            need(not far.any(), f"{name}: {int(far.sum())} entries differ in their {what}")
