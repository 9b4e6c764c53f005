"""Studies: a paper as a line from training to verdicts.

A study file defines one value, ``study``. It reads like the methods section of its paper: what is
trained, what is measured, which claims are judged. The picture of a study named X is drawn by
``figures/X.py``; a user's own study carries its own ``draw``.
"""

import ast
import dataclasses
import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from toylab.claims import Claim
from toylab.errors import ToylabError, check_number, nearest
from toylab.load import catalogue, load_module
from toylab.population import Population

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from toylab.runs.run_folder import RunFolder

STUDIES = "*/*/study.py"
LARGEST, MOST = 1e30, 10**9  # a number, a count
Measure = Mapping[str, pl.DataFrame | np.ndarray]


@dataclasses.dataclass(frozen=True)
class Study:
    """What is trained, what is measured, which claims are judged.

    Args:
        name: the study's name, that of its file.
        title: one line.
        paper: authors, year, title.
        presets: a frozen dataclass of settings, with a field ``seeds``, for each of ``smoke``,
            ``laptop`` and ``paper``.
        costs: what each preset costs: FLOPs, memory, time, and the machine it was measured on.
        populations: from the settings to the named populations to train.
        measure: from the settings and a trained run to named tables and arrays.
        claims: judged from the measures alone.
        draw: from measures and settings to named figures; None takes ``figures/<name>.py``.
    """

    name: str
    title: str
    paper: str
    presets: Mapping[str, Any]
    costs: Mapping[str, str]
    populations: Callable[[Any], Mapping[str, Population]]
    measure: Callable[[Any, "RunFolder"], Measure]
    claims: Sequence[Claim]
    draw: Callable[[Any, Any], Mapping[str, "Figure"]] | None = None

    def __post_init__(self) -> None:
        keys = [claim.key for claim in self.claims]
        twice = {k for k in keys if keys.count(k) > 1}
        if twice:
            raise ToylabError(f"Study {self.name}: two claims have the key {min(twice)!r}.")
        for preset, config in self.presets.items():
            if not dataclasses.is_dataclass(config) or not hasattr(config, "seeds"):
                raise ToylabError(
                    f"Study {self.name}: preset {preset!r} must be a dataclass with a field "
                    "'seeds'."
                )

    def config(self, preset: str, overrides: Mapping[str, str] | None = None) -> Any:
        """Return a preset's settings with overrides applied.

        Args:
            preset: name of the preset.
            overrides: ``{field: text}``, read by the type of the preset's own value.

        Raises:
            ToylabError: unknown preset or field, or a value of the wrong type.
        """
        if preset not in self.presets:
            raise ToylabError(f"Unknown preset {preset!r}: {nearest(preset, self.presets)}")
        config = self.presets[preset]
        fields = {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
        changes = {}
        for key, text in (overrides or {}).items():
            if key not in fields:
                raise ToylabError(f"Unknown setting {key!r} of {self.name}: {nearest(key, fields)}")
            changes[key] = parse(key, text, fields[key])
        return self.changed(config, changes)

    def restored(self, preset: str, saved: Mapping[str, Any]) -> Any:
        """Return a preset's settings with those of a run's manifest, held to the same bounds.

        Args:
            preset: name of the preset.
            saved: ``{field: value}`` as JSON holds them.

        Raises:
            ToylabError: an unknown preset or field, or a value that is no such setting.
        """
        config = self.presets.get(preset)
        changes = {}
        for key, value in saved.items():
            if config is None or not hasattr(config, key):
                raise ToylabError(f"it has no setting {key!r} of {preset!r}")
            changes[key] = _restored(key, value, getattr(config, key))
        return self.changed(config, changes)

    def changed(self, config: Any, changes: Mapping[str, Any]) -> Any:
        """Return settings with changes.

        Args:
            config: the settings.
            changes: ``{field: value}``.

        Raises:
            ToylabError: out of range; below zero only where the settings themselves are.
        """
        for key, value in changes.items():
            check_setting(key, value, getattr(config, key))
        config = dataclasses.replace(config, **changes)
        check_number(self.name, "seeds", config.seeds, low=1, high=100_000, whole=True)
        return config

    def figures(self, measures: Any, config: Any) -> Mapping[str, "Figure"]:
        """Draw the study's figures from its measures."""
        if self.draw:
            return self.draw(measures, config)
        name = catalogue("figures", f"*/{self.name}.py").get(self.name)
        return importlib.import_module(name).draw(measures, config) if name else {}


def parse(key: str, text: str, like: Any) -> Any:
    """Read a setting's text by the type of the value it replaces.

    Args:
        key: the setting's name, for the message.
        text: as given on the command line; a tuple may be written ``0.1,0.2`` or ``(0.1, 0.2)``.
        like: the present value.

    Raises:
        ToylabError: the text is not of that type.
    """
    wrong = ToylabError(f"{key} = {text!r} is not {_kind(like)}, as in {key}={_shown(like)}.")
    if isinstance(like, str):
        if not text.isprintable():
            raise ToylabError(f"{key} = {text!r} holds a character that cannot be printed.")
        return text
    if isinstance(like, tuple):
        parts = [p.strip() for p in text.strip().strip("()[]").split(",") if p.strip()]
        if not parts or not like:
            raise wrong
        return tuple(parse(key, p, like[0]) for p in parts)
    try:
        value = ast.literal_eval({"true": "True", "false": "False"}.get(text.lower(), text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        raise wrong from None
    if isinstance(like, bool) != isinstance(value, bool):
        raise wrong
    if isinstance(value, int | float):
        _check_size(key, value, whole=isinstance(like, int))
    if isinstance(like, float) and isinstance(value, int | float):
        return float(value)
    if type(value) is not type(like):
        raise wrong
    return value


def _restored(key: str, value: Any, example: Any) -> Any:
    """Return a value that JSON holds as a setting of an example's type.

    Raises:
        ToylabError: it is of another type.
    """
    if isinstance(example, tuple) and isinstance(value, list | tuple):
        return tuple(_restored(key, v, example[0]) if example else v for v in value)
    if isinstance(example, float) and type(value) in (int, float):
        _check_size(key, value, whole=False)
        return float(value)
    if example is not None and type(value) is not type(example):
        raise ToylabError(f"{key} = {value!r} is not {_kind(example)}")
    return value


def check_setting(key: str, value: Any, example: Any) -> None:
    """Refuse a number out of all bounds, or below zero where a preset's own is not.

    Args:
        key: the setting's name, for the message.
        value: the setting.
        example: the preset's own value.
    """
    if isinstance(value, tuple):
        for each in value:
            check_setting(key, each, min(example) if _are_numbers(example) else None)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        _check_size(key, value, whole=isinstance(value, int))
        if value < 0 and isinstance(example, int | float) and example >= 0:
            raise ToylabError(f"{key} = {value} is out of range; give 0 or more, as {example}.")


def _are_numbers(values: Any) -> bool:
    return bool(values) and all(isinstance(v, int | float) for v in values)


def _check_size(key: str, value: float, *, whole: bool) -> None:
    if not -LARGEST <= value <= LARGEST:
        told = f"{str(value)[:40]} is beyond what a setting may be, {LARGEST:.0e}."
        raise ToylabError(f"{key} = {told}")
    if whole and abs(value) > MOST:
        raise ToylabError(f"{key} = {value} is beyond what a count may be, {MOST:,}.")


def _kind(like: Any) -> str:
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    if isinstance(like, tuple):
        return f"a list of numbers separated by commas (each {_kind(like[0]) if like else 'one'})"
    return names.get(type(like), type(like).__name__)


def _shown(like: Any) -> str:
    return ",".join(map(str, like)) if isinstance(like, tuple) else str(like)


def study_names() -> list[str]:
    """Names of the studies that come with the laboratory."""
    return list(catalogue("studies", STUDIES))


def load_study(name: str) -> Study:
    """Load a study by its name, or from a file of the user's.

    Raises:
        ToylabError: unknown name, missing file, a file that does not run or defines no ``study``.
    """
    if name.endswith(".py") or "/" in name:
        return _from_file(Path(name))
    known = catalogue("studies", STUDIES)
    if name not in known:
        if Path(f"{name}.py").is_file():
            raise ToylabError(f"Unknown study {name!r}: did you mean the file {name}.py?")
        raise ToylabError(f"Unknown study {name!r}: {nearest(name, known)}")
    return importlib.import_module(known[name]).study


def _from_file(path: Path) -> Study:
    found = getattr(load_module(path), "study", None)
    if not isinstance(found, Study):
        raise ToylabError(f"{path} defines no study; end it with 'study = Study(...)'.")
    return found
