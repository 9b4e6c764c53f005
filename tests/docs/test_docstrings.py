"""Every example in a docstring prints what it says it prints.

Examples may use ``jax``, ``jnp``, ``np`` and ``tl`` without importing them, as the reference says.
Those of the worlds compile samplers and are marked slow.
"""

import doctest
import importlib
import io
import sys

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import pytest

import toylab as tl
from tests.test_house import FILES, dotted

GIVEN = {"jax": jax, "jnp": jnp, "np": np, "tl": tl}
FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
WITH_EXAMPLES = sorted(dotted(path) for path in FILES if ">>> " in path.read_text("utf-8"))
SLOW = {name for name in WITH_EXAMPLES if name.startswith("toylab.tasks.")}


def failures(module: str) -> str:
    """What the examples of a module print instead of what they should."""
    loaded = importlib.import_module(module)
    runner, told = doctest.DocTestRunner(optionflags=FLAGS), io.StringIO()
    for test in doctest.DocTestFinder().find(loaded, extraglobs=GIVEN | vars(loaded)):
        runner.run(test, out=told.write)
    return told.getvalue()


@pytest.mark.parametrize(
    "module", [pytest.param(m, marks=[pytest.mark.slow] * (m in SLOW)) for m in WITH_EXAMPLES]
)
def test_examples_of_docstrings_print_what_they_say(module: str, tmp_path, monkeypatch):
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    told = failures(module)
    assert not told, told


def test_a_wrong_example_is_found(monkeypatch):
    wrong = type(sys)("wrong")
    wrong.__doc__ = ">>> 1 + 1\n3\n"
    monkeypatch.setitem(sys.modules, "wrong", wrong)
    assert "Got:\n    2" in failures("wrong")
