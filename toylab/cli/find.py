"""Tasks and benchmarks by the names a user types."""

import ast
import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

from toylab.errors import ToylabError, nearest
from toylab.load import catalogue, load_module
from toylab.task import Task


def tasks(target: str) -> dict[str, Task]:
    """Return the tasks a target names.

    Args:
        target: a module of ``tasks`` (its ``examples()``), a class (``superposition.Sparse`` or
            ``Sparse``: those of its module's examples), a class with its settings
            (``Sparse(n_features=5, density=0.1)``), or a Python file with tasks among its values.

    Returns:
        ``{label: task}``, at least one.

    Raises:
        ToylabError: nothing has that name, or it needs settings.
    """
    if target.endswith(".py") or "/" in target:
        return _in_file(Path(target))
    name, given = _read(target)
    modules = _modules()
    if name in modules:
        if given is not None:
            raise ToylabError(f"{name!r} is a module; name a class: {_classes_hint(modules[name])}")
        return _examples(modules[name], None)
    module, kind = _class(name, modules)
    if given is None:
        return _examples(module, kind)
    try:
        return {target: kind(*given[0], **given[1])}
    except TypeError as error:
        raise ToylabError(f"{target}: {error}; {_signature(kind)}") from None


def benchmarks(name: str | None) -> dict[str, ModuleType]:
    """Return the benchmark modules: all, or the one named.

    Raises:
        ToylabError: unknown name, no ``rows``, or a peer's package that is not installed.
    """
    try:
        known = catalogue("benchmarks", "[!_]*.py")
    except ModuleNotFoundError:
        raise ToylabError("The benchmarks come with the repository only; clone it.") from None
    if name is not None and (name := name.replace("-", "_")) not in known:
        raise ToylabError(f"Unknown benchmark {name!r}: {nearest(name, known)}")
    found = {n: _import(known[n]) for n in ([name] if name else known)}
    if name and not hasattr(found[name], "rows"):
        raise ToylabError(f"benchmarks/{name}.py has no function rows(), so it times nothing.")
    return {n: module for n, module in found.items() if hasattr(module, "rows")}


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ToylabError(
            f"{name} needs the package {error.name!r}; install it, for the benchmarks with "
            "pip install -e '.[bench]' in a checkout."
        ) from None


def _modules() -> dict[str, ModuleType]:
    return {n: _import(module) for n, module in catalogue("tasks", "*/[!_]*.py").items()}


def _read(target: str) -> tuple[str, tuple[list[Any], dict[str, Any]] | None]:
    """Split ``name(settings)`` without running anything."""
    try:
        tree = ast.parse(target, mode="eval").body
        if not isinstance(tree, ast.Call):
            return target, None
        settings = {k.arg or "": ast.literal_eval(k.value) for k in tree.keywords}
        return ast.unparse(tree.func), ([ast.literal_eval(a) for a in tree.args], settings)
    except (SyntaxError, ValueError):
        raise ToylabError(
            f"Task {target!r} is not a name, nor a name with plain settings as in "
            "'Sparse(n_features=5, density=0.1)'."
        ) from None


def _classes(module: ModuleType) -> dict[str, type[Task]]:
    return {
        name: value
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, Task) and value is not Task
    }


def _own(module: ModuleType) -> list[type[Task]]:
    """The classes of tasks that a module defines, not those it imports."""
    return [kind for kind in _classes(module).values() if kind.__module__ == module.__name__]


def _classes_hint(module: ModuleType) -> str:
    return ", ".join(sorted(_classes(module))) or "it has none"


def _class(name: str, modules: dict[str, ModuleType]) -> tuple[ModuleType, type[Task]]:
    found = {}
    for short, module in modules.items():
        for title, kind in _classes(module).items():
            found[f"{short}.{title}"] = (module, kind)
            if kind in _own(module):
                found[title] = (module, kind)
    if name not in found:
        raise ToylabError(f"Unknown task {name!r}: {nearest(name, [*modules, *found])}")
    return found[name]


def _examples(module: ModuleType, kind: type[Task] | None) -> dict[str, Task]:
    """Instances a module offers, of one class if given; else the class without settings."""
    offered = getattr(module, "examples", list)()
    found = {repr(task): task for task in offered if kind is None or type(task) is kind}
    if found:
        return found
    classes = [kind] if kind else _own(module)
    for each in classes:
        try:
            found[f"{each.__name__}()"] = each()
        except TypeError:
            pass  # it has settings without defaults
    if found:
        return found
    if not classes:
        raise ToylabError(f"{module.__name__} has no task.")
    raise ToylabError(
        f"{module.__name__.split('.')[-1]} has no task ready to check; give its settings: "
        f"{_signature(classes[0])}"
    )


def _signature(kind: type[Task]) -> str:
    needed = [
        f"{p.name}=..."
        for p in inspect.signature(kind).parameters.values()
        if p.default is inspect.Parameter.empty
    ]
    return f"toylab check '{kind.__name__}({', '.join(needed)})'"


def _in_file(path: Path) -> dict[str, Task]:
    """Tasks that a file offers by ``examples()``, in a list ``tasks``, or as its values."""
    module = load_module(path)
    if callable(getattr(module, "examples", None)):
        return _examples(module, None)
    found: dict[str, Task] = {}
    for name, value in vars(module).items():
        if isinstance(value, Task):
            found[name] = value
        elif name == "tasks" and isinstance(value, list | tuple):
            found |= {f"tasks[{i}]": v for i, v in enumerate(value) if isinstance(v, Task)}
    if not found and not _own(module):
        raise ToylabError(f"{path} defines no task; end it with 'task = YourTask(...)'.")
    return found or _examples(module, None)
