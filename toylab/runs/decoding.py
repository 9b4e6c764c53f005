"""Decoding: the bytes of a file as what they stand for, or one error that names the file.

A run folder may come from anyone, with checksums that fit. What JSON holds is held to a schema of
plain predicates; what a library decodes may fail in whatever way that library likes.
"""

import contextlib
import dataclasses
import io
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import safetensors.numpy

from toylab.claims import SCOPES, VERDICTS, Verdict, from_record
from toylab.errors import ToylabError

Kind = Callable[[Any], bool]
BIGGEST = 2**63 - 1
LONGEST_HEADER = 100_000_000  # as safetensors has it
METRICS = {
    "population": pl.String,
    "member": pl.Int64,
    "step": pl.Int64,
    "name": pl.String,
    "value": pl.Float32,
}


def text(value: Any) -> bool:
    """Whether a value is text that could name a file: encodable, and no NUL in it."""
    try:
        return isinstance(value, str) and b"\0" not in value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False


def whole(value: Any) -> bool:
    """Whether a value is a whole number of 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= BIGGEST


def count(value: Any) -> bool:
    """Whether a value is a whole number from 0 on."""
    return whole(value) and value >= 0


def real(value: Any) -> bool:
    """Whether a value is a number, perhaps not a finite one."""
    return isinstance(value, float) or whole(value)


def number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return real(value) and math.isfinite(value)


def boolean(value: Any) -> bool:
    """Whether a value is true or false."""
    return isinstance(value, bool)


def maybe(kind: Kind) -> Kind:
    """Return the test for a value of a kind, or none."""
    return lambda value: value is None or kind(value)


def listed(kind: Kind) -> Kind:
    """Return the test for a list of a kind."""
    return lambda value: isinstance(value, list) and all(map(kind, value))


def mapping(kind: Kind) -> Kind:
    """Return the test for an object whose values are of a kind."""
    return lambda value: (
        isinstance(value, dict) and all(map(text, value)) and all(map(kind, value.values()))
    )


def json_object(path: Path, data: bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ToylabError: the bytes are none.
    """
    content = _json(path, data)
    if not isinstance(content, dict):
        raise ToylabError(f"{path} is damaged: not a JSON object. Restore it from a copy.")
    return content


def check(path: Path, content: Mapping[str, Any], schema: Mapping[str, Kind]) -> None:
    """Refuse entries that are not of their kind; those that the schema does not name pass."""
    if name := wrong(content, schema):
        kind = type(content[name]).__name__
        raise ToylabError(f"{path} is damaged: {name} is {kind}, of the wrong form.")


def wrong(content: Mapping[str, Any], schema: Mapping[str, Kind]) -> str | None:
    """Return the first entry that is not of its kind, or None."""
    bad = (name for name, kind in schema.items() if name in content and not kind(content[name]))
    return next(bad, None)


def tensors(path: Path, data: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read safetensors.

    Returns:
        What the header says about them, and the arrays.

    Raises:
        ToylabError: the bytes are none.
    """
    about = header(path, data).get("__metadata__", {})
    with _decoding(path, "snapshot"):
        if not mapping(text)(about):
            raise ValueError("its metadata are no texts")
        return about, safetensors.numpy.load(data)


def header(path: Path, data: bytes) -> dict[str, Any]:
    """Read the header of safetensors, whose first bytes suffice."""
    with _decoding(path, "snapshot"):
        length = int.from_bytes(data[:8], "little")
        found = json.loads(data[8 : 8 + length])
        if not mapping(lambda value: isinstance(value, dict))(found):
            raise ValueError("its header is no object of objects")
        return found


def shapes(path: Path, file: Path) -> dict[str, tuple[int, ...]]:
    """Read the shapes of a file's tensors, without the tensors."""
    with file.open("rb") as opened:
        length = opened.read(8)
        data = length + opened.read(min(int.from_bytes(length, "little"), LONGEST_HEADER))
    found = {n: v.get("shape") for n, v in header(path, data).items() if n != "__metadata__"}
    if not mapping(listed(count))(found):
        raise ToylabError(f"{path} is no readable snapshot: it gives no shapes.")
    return {name: tuple(shape) for name, shape in found.items()}


def metrics(path: Path, data: bytes) -> pl.DataFrame:
    """Read the table of a run's records."""
    found = table(path, data)
    if dict(found.schema) != METRICS:
        raise ToylabError(f"{path} is no table of records: its columns are others.")
    return found


def table(path: Path, data: bytes) -> pl.DataFrame:
    """Read a Parquet table."""
    with _decoding(path, "table"):
        return pl.read_parquet(io.BytesIO(data))


def array(path: Path, data: bytes) -> np.ndarray:
    """Read an array of numbers, as ``numpy.save`` writes it; nothing in it is executed."""
    with _decoding(path, "array"):
        found = np.lib.format.read_array(io.BytesIO(data), allow_pickle=False)
        if found.dtype.kind not in "biufcM":
            raise ValueError(f"it holds {found.dtype}")
        return found


VERDICT: dict[str, Kind] = {
    **dict.fromkeys(("key", "text", "source", "expected", "unit", "why"), text),
    **dict.fromkeys(("estimate", "low", "high"), maybe(number)),
    **dict.fromkeys(("n", "diverged", "undefined", "excluded"), count),
    "paper": lambda value: value is None or text(value) or number(value),
    "values": listed(number),
    "scope": lambda value: value in SCOPES,
    "verdict": lambda value: value in VERDICTS,
}


def verdicts(path: Path, data: bytes) -> list[Verdict]:
    """Read a run's verdicts."""
    content = _json(path, data)
    if not isinstance(content, list) or not all(isinstance(record, dict) for record in content):
        raise ToylabError(f"{path} is damaged: no list of verdicts. Judge the run again.")
    for record in content:
        check(path, record, VERDICT)
        missing = [f.name for f in dataclasses.fields(Verdict) if f.name not in record]
        if missing:
            raise ToylabError(f"{path} is damaged: a verdict lacks {missing[0]!r}. Judge again.")
    return [from_record(record) for record in content]


def _json(path: Path, data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise ToylabError(f"{path} is damaged: not JSON. Restore it from a copy.") from None


@contextlib.contextmanager
def _decoding(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a decoder raises into one error; polars panics outside of Exception."""
    try:
        yield
    except ToylabError:
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        told = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ToylabError(f"{path} is no readable {what}: {told}.") from error
