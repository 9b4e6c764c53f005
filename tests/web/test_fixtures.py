"""The numbers that the browser is held to are those of the library now."""

import json
from typing import Any

import numpy as np
import pytest

from tests.web.fixtures import FOLDER, fixtures


def flat(value: Any) -> list[Any]:
    """Every leaf of nested lists and dicts, in order."""
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in flat(value[key])]
    if isinstance(value, list):
        return [leaf for item in value for leaf in flat(item)]
    return [value]


@pytest.fixture(scope="module")
def now() -> dict[str, Any]:
    """The fixtures, made anew."""
    return fixtures()


@pytest.mark.parametrize("name", [path.stem for path in sorted(FOLDER.glob("*.json"))])
def test_the_library_still_gives_these_numbers(now: dict[str, Any], name: str):
    stored, found = flat(json.loads((FOLDER / f"{name}.json").read_text())), flat(now[name])
    words = [(a, b) for a, b in zip(stored, found, strict=True) if isinstance(a, str)]
    assert all(a == b for a, b in words)
    numbers = [(a, b) for a, b in zip(stored, found, strict=True) if not isinstance(a, str)]
    np.testing.assert_allclose(*np.asarray(numbers, float).T, rtol=2e-4, atol=2e-5)


def test_every_fixture_is_stored(now: dict[str, Any]):
    assert sorted(now) == [path.stem for path in sorted(FOLDER.glob("*.json"))]
