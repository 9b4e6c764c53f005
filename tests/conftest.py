"""Strict numerics for every test: no silent promotion, warnings are errors, two devices."""

from collections.abc import Iterator
from pathlib import Path

import jax
import pytest

from toylab.train.fast_compile import compiling

jax.config.update("jax_num_cpu_devices", 2)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_default_matmul_precision", "highest")

# Rooms of tests that set numbers beside an oracle's. Compiling takes most of their time, a third
# less in haste. Tests of the engine, of models and of optimisers compile as users do.
HASTY = ("analysis", "docs", "probes", "studies", "tasks", "web")


@pytest.fixture(scope="module", autouse=True)
def haste(request: pytest.FixtureRequest) -> Iterator[None]:
    """Compile in haste where only numbers are compared; whole elsewhere, and with --optimised.

    A module whose LAST_DIGITS is true compares digits that haste moves, and compiles whole.
    """
    room = request.path.relative_to(Path(__file__).parent).parts[0]
    whole = request.config.getoption("optimised") or getattr(request.module, "LAST_DIGITS", False)
    with compiling(hastily=room in HASTY and not whole):
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add an option that takes the haste away."""
    parser.addoption("--optimised", action="store_true", help="compile every test as users do")


@pytest.fixture
def key() -> jax.Array:
    """A fixed random key."""
    return jax.random.key(0)
