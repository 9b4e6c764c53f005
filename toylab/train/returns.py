"""What a user's functions return, looked at before it is used: what came, and what is wanted.

Before training a population's functions are traced once, which computes nothing. JAX would tell of
the same mistakes at the place where they first hurt, deep in a compiled program.
"""

import inspect
import re
import sysconfig
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from toylab.check.doubles import doubles_refused, refuse_doubles
from toylab.errors import ToylabError
from toylab.losses import bind, lags
from toylab.population import Population
from toylab.taps import Model
from toylab.task import Batch, Task

OTHERS = (str(Path(__file__).parents[1]), *sysconfig.get_paths().values(), "<")
SAFE_NAME = re.compile(r"\w[\w .,+=()-]*")  # it becomes a part of a file's name
LONGEST = 160


def check_population(population: Population, what: str = "The population") -> None:
    """Refuse a population whose parts are not what training needs, or return something else.

    Args:
        population: what is to be trained.
        what: its name in messages.

    Raises:
        ToylabError: names the function, what it returns and what is wanted.
    """
    columns = population.members.columns.items()
    bound = population.bind({n: np.float32(c[0]) for n, c in columns if not n.endswith("_seed")})
    _check_parts(bound, what)
    batch = _batch(bound)
    params = _traced(_name(bound.model, "init"), bound.model.init, _key())
    if not isinstance(params, dict) or not all(map(_is_array, jax.tree.leaves(params))):
        _refuse(_name(bound.model, "init"), params, "a nested dict of arrays")
    params = _shapes(params)
    _check_loss(bound, params, batch)
    _check_optimizer(bound, params)
    if bound.metrics is not None:
        _check_metrics(bound, params)


def check_populations(study: str, found: Any) -> None:
    """Refuse what a study's ``populations`` returns, or a population of it; see above."""
    wanted = "a dict of names and populations, as in {'main': Population(...)}"
    _check_names(f"populations of {study}", found, wanted)
    for name, population in found.items():
        if not isinstance(population, Population):
            _refuse(f"populations of {study}", population, "a Population", f"as {name!r} ")
        check_population(population, f"Population {name!r}")


def check_measures(study: str, found: Any) -> None:
    """Refuse what a study's ``measure`` returns unless it is named tables and arrays."""
    wanted = "a dict of names and tables (polars DataFrames) or arrays of numbers"
    _check_names(f"measure of {study}", found, wanted, empty=True)
    for name, value in found.items():
        if not isinstance(value, pl.DataFrame) and not _is_numeric(value):
            wanted = "a polars DataFrame or an array of numbers"
            _refuse(f"measure of {study}", value, wanted, f"as {name!r} ")


def check_figures(study: str, found: Any) -> None:
    """Refuse what a study's ``draw`` returns unless it is named figures."""
    wanted = "a dict of names and matplotlib Figures, as in {'losses': figure}"
    _check_names(f"draw of {study}", found, wanted, empty=True)
    for name, value in found.items():
        if not hasattr(value, "savefig"):
            _refuse(f"draw of {study}", value, "a matplotlib Figure", f"as {name!r} ")


def _check_names(function: str, found: Any, wanted: str, empty: bool = False) -> None:
    if not isinstance(found, Mapping) or not (found or empty):
        _refuse(function, found, wanted)
    for name in found:
        if not isinstance(name, str) or not SAFE_NAME.fullmatch(name):
            raise ToylabError(
                f"{function}: {name!r} cannot name a file; give letters, digits, - and _."
            )


def _check_parts(bound: Population, what: str) -> None:
    """Refuse parts of other libraries, which look alike."""
    known = {
        "model": (isinstance(bound.model, Model), "an object with init, apply and sites"),
        "task": (isinstance(bound.task, Task), "an instance of a subclass of Task"),
        "optimizer": (
            hasattr(bound.optimizer, "transform"),
            "one of toylab.optim, or an object whose transform() returns an Optax transformation",
        ),
        "loss": (callable(bound.loss), "a function of model, params and batch"),
        "metrics": (
            bound.metrics is None or callable(bound.metrics),
            "a function of model, params and task",
        ),
    }
    for part, (holds, wanted) in known.items():
        value = getattr(bound, part)
        if not holds or inspect.isclass(value):
            raise ToylabError(f"{what}: its {part} is {described(value)}; give {wanted}.")


def _batch(bound: Population) -> Batch:
    """Shapes of a batch; a mistake is told of ``example`` where ``batch`` is not the task's own."""
    task, size = bound.task, bound.batch_size
    own = type(task).batch is not Task.batch
    function = _name(task, "batch" if own else "example")
    if own:
        found = _traced(function, lambda key: task.batch(key, size), _key())
    else:
        found = _traced(function, task.example, _key())
    if not isinstance(found, Batch):
        _refuse(function, found, "a Batch(inputs, targets, weights, latents)")
    if not isinstance(found.latents, dict):
        _refuse(function, found.latents, "a dict of named arrays, {} for none", "as latents ")
    for name, value in (*found._asdict().items(), *found.latents.items()):
        if name != "latents" and not _is_array(value):
            _refuse(function, value, "an array", f"as {name} ")
    if not own:
        found = jax.tree.map(lambda x: jax.ShapeDtypeStruct((size, *np.shape(x)), _dtype(x)), found)
    rows = {name: np.shape(getattr(found, name))[:1] for name in ("inputs", "targets")}
    if rows["inputs"] != rows["targets"] or not rows["inputs"]:
        raise ToylabError(
            f"{function} returns inputs {np.shape(found.inputs)} and targets "
            f"{np.shape(found.targets)}; give both one row per example, {size} rows."
        )
    return _shapes(found)


def _check_loss(bound: Population, params: Any, batch: Batch) -> None:
    rows: list[int] = []

    def loss(params: Any, batch: Batch) -> Any:
        lagged = {name: params for name in lags(bound.loss)}
        own, batch = bind(bound.loss, bound.model, batch, lagged)
        rows.append(len(batch.inputs))
        return own(bound.model, params, batch)

    function = f"the loss {_name(bound.loss)}"
    value = _traced(function, loss, params, batch)
    wanted = f"one float32 per example, of shape ({rows[0]},)"
    if not _is_array(value) or np.shape(value) != (rows[0],) or _dtype(value).kind != "f":
        _refuse(function, value, wanted)


def _check_optimizer(bound: Population, params: Any) -> None:
    def update(params: Any) -> Any:
        transform = bound.optimizer.transform()
        # As the engine does: Optax mixes Python floats with int32 counts.
        with jax.numpy_dtype_promotion("standard"):
            return transform.update(params, transform.init(params), params)[0]

    _traced(_name(bound.optimizer), update, params)


def _check_metrics(bound: Population, params: Any) -> None:
    assert bound.metrics is not None
    call = bound.metrics
    function = f"the metrics {_name(call)}"
    found = _traced(function, lambda params: call(bound.model, params, bound.task), params)
    if not isinstance(found, Mapping):
        _refuse(function, found, "a dict of names and numbers")
    for name, value in found.items():
        if not isinstance(name, str) or name in ("loss", "step"):
            raise ToylabError(
                f"{function}: a metric may not be named {name!r}; give another text (the loss and "
                "the step are recorded anyhow)."
            )
        if not _is_array(value) or np.shape(value) != ():
            _refuse(function, value, "one number per network", f"as {name!r} ")


def _traced(what: str, function: Callable[..., Any], *args: Any) -> Any:
    """Call a function on shapes alone and return what it gives.

    An exception inside becomes one line with its place; the exception itself is the cause.
    """
    held: list[Any] = []

    def call(*args: Any) -> None:
        held.append(function(*args))

    try:
        with doubles_refused(what):
            jax.eval_shape(call, *args)
    except ToylabError as error:
        if isinstance(error.__cause__, UserWarning):
            raise ToylabError(f"{error}\n{_place(error.__cause__)}") from error
        raise
    except Exception as error:
        raise _told(what, error) from error
    refuse_doubles(what, held[0])
    return held[0]


def called(what: str, function: Callable[..., Any], *args: Any) -> Any:
    """Call a function of a study's and return what it gives.

    Raises:
        ToylabError: an exception inside, in one line with its place; itself it is the cause.
    """
    try:
        return function(*args)
    except ToylabError:
        raise
    except Exception as error:
        raise _told(what, error) from error


def _told(what: str, error: Exception) -> ToylabError:
    first = (str(error).strip().splitlines() or [""])[0]
    told = first if len(first) <= LONGEST else f"{first[: LONGEST - 3]}..."
    return ToylabError(f"{what} raises {type(error).__name__}: {told}\n{_place(error)}")


def _place(error: BaseException) -> str:
    """Say where in the user's own code an exception arose; else where in all."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not f.filename.startswith(OTHERS)] or frames
    return f"(in {own[-1].filename}, line {own[-1].lineno})"


def described(value: Any) -> str:
    """Return in words what a value is: its type, and an array's shape."""
    if value is None:
        return "None"
    if inspect.isclass(value):
        return f"the class {value.__name__}; make an instance of it"
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"an array {value.dtype}{list(value.shape)}"
    kind = type(value)
    home = kind.__module__.split(".")[0]
    name = kind.__name__ if home in ("builtins", "toylab") else f"{kind.__name__} ({home})"
    article = "an" if name[0] in "AEIOUaeiou" else "a"
    count = f" of {len(value)}" if isinstance(value, tuple | list | dict) else ""
    return f"{article} {name}{count}"


def _refuse(function: str, value: Any, wanted: str, where: str = "") -> NoReturn:
    raise ToylabError(f"{function} returns {where}{described(value)}; give {wanted}.")


def _name(value: Any, method: str = "") -> str:
    own = getattr(value, "__name__", type(value).__name__)
    return f"{own}.{method}" if method else own


def _key() -> Any:
    return jax.eval_shape(lambda: jax.random.key(0))


def _is_array(value: Any) -> bool:
    return isinstance(value, jax.Array | np.ndarray | np.generic | int | float)


def _is_numeric(value: Any) -> bool:
    if value is None or isinstance(value, Mapping | str) or type(value).__name__.endswith("Frame"):
        return False
    try:
        return np.asarray(value).dtype.kind in "biufcM"
    except (TypeError, ValueError):
        return False


def _dtype(value: Any) -> Any:
    return np.dtype(jnp.result_type(value))


def _shapes(tree: Any) -> Any:
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(np.shape(x), _dtype(x)), tree)
