"""Programs as a GPU or TPU would get them, without one: lowered, and read.

No number of 64 bits, no call back to Python, no library of a CPU; and one member fits the memory.
Whether they run there, and how fast, only such a device can tell.
"""

import re

import jax
import jax.numpy as jnp
import pytest

from toylab.population import Population
from toylab.study import load_study, study_names
from toylab.train.engine import Program
from toylab.train.plan import member_bytes

PLATFORMS = ("cuda", "tpu")
GIB = 2**30
SMALLEST = 16 * GIB  # memory of the devices in common use
# Indices of gathers and loops may be wide; numbers may not.
WIDE = re.compile(r"tensor<(?:[0-9]+x)*(?:f64|complex<f64>)>")
CALL = re.compile(r"custom_call @([\w.]+)|call_target_name = \"([\w.]+)\"")


def odd(text: str) -> list[str]:
    """What an accelerator could not run, or runs slowly, in a lowered program's text."""
    assert "func.func public @main" in text
    calls = {first or second for first, second in CALL.findall(text)}
    of_cpu = sorted(c for c in calls if re.search("callback|lapack|cpu", c.lower()))
    return of_cpu + sorted(set(WIDE.findall(text)))


def populations(study: str, preset: str) -> dict[str, Population]:
    found = load_study(study)
    return dict(found.populations(found.config(preset)))


def check(study: str, preset: str) -> None:
    for name, population in populations(study, preset).items():
        for platform in PLATFORMS:
            text = Program.lowered(population, platform).as_text()
            assert not odd(text), (study, preset, name, platform)
        assert member_bytes(population) < SMALLEST, (study, preset, name)


@pytest.mark.parametrize("study", ["superposition", "grokking", "induction"])
def test_programs_of_the_paper_preset_lower_for_accelerators(study: str):
    check(study, "paper")


@pytest.mark.slow
@pytest.mark.parametrize("study", study_names())
def test_every_program_of_every_preset_lowers_for_accelerators(study: str):
    for preset in load_study(study).presets:
        check(study, preset)


def test_what_an_accelerator_should_not_get_is_found():
    def told(x: jax.Array) -> jax.Array:
        return jax.pure_callback(lambda x: x, jax.ShapeDtypeStruct((), jnp.float32), x)

    lower = lambda call, x: jax.jit(call).trace(x).lower(lowering_platforms=("cuda",)).as_text()
    with pytest.raises(Exception, match="different from the lowering platform"):
        lower(told, jnp.float32(1))
    assert not odd(lower(lambda x: x + 1, jnp.float32(1)))
    with jax.enable_x64(True):
        wide = odd(lower(lambda x: x + 1, jnp.ones(3, jnp.float64)))
    assert wide == ["tensor<3xf64>", "tensor<f64>"]
