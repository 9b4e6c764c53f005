"""Setup comes in time or says so; what moves bits is recorded, and compared by resume."""

import dataclasses
import os
import subprocess
import sys

import jax
import numpy as np
import pytest

import toylab as tl
from toylab.errors import ToylabError
from toylab.lab import resume, run_study
from toylab.runs.provenance import moved, numerics
from toylab.runs.reporter import Interrupted
from toylab.runs.run_folder import RunFolder
from toylab.tasks.superposition.superposition import Sparse

PROGRAM = """
import os, sys, warnings
os.sched_getaffinity = lambda process: range(3)
import jax, jax.numpy as jnp
import toylab as tl
if "late" in sys.argv:
    jnp.ones(3) + 1.0
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    tl.setup()
print(len(jax.devices()), jax.config.jax_default_matmul_precision, *(w.message for w in told))
"""


@pytest.mark.parametrize(
    ("words", "env", "expected"),
    [
        ([], {}, "3 highest"),
        (["late"], {}, "1 highest setup() came after JAX's first operation: one CPU device"),
        (["late"], {"JAX_NUM_CPU_DEVICES": "2"}, "2 highest"),
        ([], {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}, "4 highest"),
    ],
)
def test_setup_in_time_and_too_late(words: list[str], env: dict, expected: str):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        capture_output=True,
        text=True,
        env=os.environ | env,
        check=False,
    )
    assert done.stdout.startswith(expected), (done.stdout, done.stderr)
    assert ("came after" in done.stdout) == ("came after" in expected)


def test_a_change_of_precision_is_never_too_late():
    """What JAX keeps compiled it keeps by precision: setup() need not come before."""
    product = jax.jit(lambda a: a @ a)
    a = np.ones((4, 4), np.float32)
    with jax.default_matmul_precision("bfloat16"):
        product(a)
    product(a)
    assert product._cache_size() == 2


@dataclasses.dataclass(frozen=True)
class Config:
    seeds: int = 2


def study() -> tl.Study:
    population = tl.Population(
        model=tl.Autoencoder(3, 2),
        task=Sparse(3, density=0.5),
        members=tl.seeds(2),
        optimizer=tl.AdamW(1e-3, 0.0),
        steps=4,
        batch_size=2,
    )
    return tl.Study(
        name="mine",
        title="Mine",
        paper="none",
        presets={"smoke": Config()},
        costs={},
        populations=lambda config: {"p": population},
        measure=lambda config, run: {},
        claims=(),
        draw=lambda measures, config: {},
    )


def test_resume_refuses_other_numerics_while_anything_is_to_be_trained(tmp_path, monkeypatch):
    made = study()
    monkeypatch.setattr(
        "toylab.runs.networks.study_of", lambda run, source=None: (made, made.config("smoke"))
    )
    jax.devices()  # JAX starts with this process's own flags
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    with pytest.raises(Interrupted):
        run_study(made, "smoke", tmp_path / "run", stop=lambda: True)
    kept = RunFolder(tmp_path / "run").manifest["numerics"]
    assert kept == numerics()
    assert {"x64", "precision", "XLA_FLAGS", "jax", "jaxlib", "device"} <= kept.keys()
    assert (kept["precision"], kept["x64"]) == ("highest", "False")
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=7")
    assert moved(kept) == []  # the number of devices moves no bit
    monkeypatch.setenv("PJRT_NPROC", "64")  # which JAX would read at its start
    have = kept["CPU threads"]
    told = f"CPU threads was {have} and is 64 (PJRT_NPROC={have} gives as many)"
    assert moved(kept) == [told]
    monkeypatch.delenv("PJRT_NPROC")
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true")
    with pytest.raises(ToylabError, match=r"under other numerics: XLA_FLAGS was nothing and is"):
        resume(tmp_path / "run")
    run = resume(tmp_path / "run", adopt=True)
    assert "XLA_FLAGS" in run.manifest["adopted"][0]
    assert run.manifest["numerics"]["XLA_FLAGS"] == "--xla_cpu_enable_fast_math=true"
    monkeypatch.delenv("XLA_FLAGS")
    resume(tmp_path / "run")  # nothing is trained any more
    with jax.default_matmul_precision("bfloat16"):
        (told,) = moved(kept)
        assert told == "precision was highest and is bfloat16"
        with pytest.raises(ToylabError, match="trained under other numerics: precision"):
            run_study(made, "smoke", tmp_path / "other", reuse=tmp_path / "run")


def test_what_an_older_manifest_does_not_tell_is_not_compared():
    assert moved({}) == [] and moved({"gone": "1"}) == []
