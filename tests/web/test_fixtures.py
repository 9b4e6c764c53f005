"""The numbers that the browser is held to are those of the library now."""

import json
from typing import Any

import numpy as np
import pytest

from tests.web.fixtures import FIXTURES, FOLDER


def flat(value: Any) -> list[Any]:
    """Every leaf of nested lists and dicts, in order."""
    if isinstance(value, dict):
        return [leaf for key in sorted(value) for leaf in flat(value[key])]
    if isinstance(value, list):
        return [leaf for item in value for leaf in flat(item)]
    return [value]


@pytest.mark.parametrize("name", FIXTURES)
def test_the_library_still_gives_these_numbers(name: str):
    stored, found = flat(json.loads((FOLDER / f"{name}.json").read_text())), flat(FIXTURES[name]())
    words = [(a, b) for a, b in zip(stored, found, strict=True) if isinstance(a, str)]
    assert all(a == b for a, b in words)
    numbers = [(a, b) for a, b in zip(stored, found, strict=True) if not isinstance(a, str)]
    np.testing.assert_allclose(*np.asarray(numbers, float).T, rtol=2e-4, atol=2e-5)


def test_every_fixture_is_stored():
    assert sorted(FIXTURES) == [path.stem for path in sorted(FOLDER.glob("*.json"))]
