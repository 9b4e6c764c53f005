"""Programs as a GPU or TPU would get them, without one: lowered, and read.

No number of 64 bits, no call back to Python, no library of a CPU; and one member fits the memory.
Whether they run there, and how fast, only such a device can tell.
"""

import re

import pytest

from toylab.population import Population
from toylab.study import load_study, study_names
from toylab.train.engine import Program
from toylab.train.plan import member_bytes

PLATFORMS = ("cuda", "tpu")
GIB = 2**30
SMALLEST = 16 * GIB  # memory of the devices in common use
WIDE = re.compile(r"tensor<(?:[0-9]+x)*(?:f64|i64|ui64|complex<f64>)>")
CALL = re.compile(r"custom_call @([\w.]+)|call_target_name = \"([\w.]+)\"")


def odd(population: Population, platform: str) -> list[str]:
    """What a device of a kind could not run, or runs slowly, in a population's program."""
    text = Program.lowered(population, platform).as_text()
    assert "func.func public @main" in text
    calls = {first or second for first, second in CALL.findall(text)}
    of_cpu = sorted(c for c in calls if "callback" in c or "lapack" in c or "cpu" in c.lower())
    # Indices of gathers and loops may be wide; numbers may not.
    wide = sorted({m for m in WIDE.findall(text) if "f64" in m})
    return of_cpu + wide


def populations(study: str, preset: str) -> dict[str, Population]:
    found = load_study(study)
    return dict(found.populations(found.config(preset)))


def check(study: str, preset: str) -> None:
    for name, population in populations(study, preset).items():
        for platform in PLATFORMS:
            assert not odd(population, platform), (study, preset, name, platform)
        assert member_bytes(population) < SMALLEST, (study, preset, name)


@pytest.mark.parametrize("study", ["superposition", "grokking", "induction"])
def test_programs_of_the_paper_preset_lower_for_accelerators(study: str):
    check(study, "paper")


@pytest.mark.slow
@pytest.mark.parametrize("study", study_names())
def test_every_program_of_every_preset_lowers_for_accelerators(study: str):
    for preset in load_study(study).presets:
        check(study, preset)


def test_what_an_accelerator_could_not_run_is_found():
    """The reader of programs sees a callback when there is one."""
    import dataclasses

    import jax
    import jax.numpy as jnp

    population = populations("superposition", "smoke")["geometry"]

    def metrics(model, params, task):
        shape = jax.ShapeDtypeStruct((), jnp.float32)
        total = params["W"].sum()
        return {"told": jax.pure_callback(lambda w: w, shape, total, vmap_method="sequential")}

    told = odd(dataclasses.replace(population, metrics=metrics), "cuda")
    assert told and "callback" in told[0]
