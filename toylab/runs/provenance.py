"""Provenance: what a run was made with, for its manifest.

Whatever can move bits besides the study itself is its *numerics*: switches of JAX and XLA, versions
of the libraries that compute, the kind of device. A run that is resumed under others would end
with bits that neither of them gives.
"""

import contextlib
import os
import platform
import re
import subprocess
import time
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax

from toylab.train.compiled.threads import THREADS, cpu_threads

# What each is called in a manifest, and in JAX's configuration.
SWITCHES = {
    "x64": "jax_enable_x64",
    "precision": "jax_default_matmul_precision",
    "random numbers": "jax_default_prng_impl",
    "partitionable random numbers": "jax_threefry_partitionable",
    "hasty compiling": "jax_disable_most_optimizations",
    "optimisation level": "jax_optimization_level",
}
CPU_NUMERICS = {"CPU devices", "CPU threads"}
FLAGS = ("XLA_FLAGS", "LIBTPU_INIT_ARGS", "NVIDIA_TF32_OVERRIDE")
COUNT = re.compile(r"--xla_force_host_platform_device_count=\S*")  # moves no bit
CODE = tuple(f":(top,glob){room}/**/*.py" for room in ("toylab", "tasks", "studies", "figures"))
COMPUTE = ("jax", "jaxlib", "flax", "optax")
# What must be alike for two runs to share networks; versions and devices move last digits alone.
SHARED = ("x64", "precision", "random numbers", "partitionable random numbers", *FLAGS)


def environment() -> dict[str, Any]:
    """Time, versions, device, commit and numerics, for the manifest."""
    packages = ("jax", "jaxlib", "flax", "optax", "numpy", "scipy", "polars", "toylab")
    device = jax.devices()[0]
    return {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": {"python": platform.python_version()} | {p: _version(p) for p in packages},
        "device": f"{device.platform} x{len(jax.devices())} ({_device_kind(device)})",
        "numerics": numerics(),
        "commit": commit(),
    }


def numerics() -> dict[str, str]:
    """Return all that moves bits besides the study, each as text."""
    device = jax.devices()[0]
    cpu = {}
    if device.platform == "cpu":
        # XLA simplifies a program of one partition otherwise: see toylab.train.engine.
        several = "one" if len(jax.devices()) == 1 else "several"
        cpu = {"CPU devices": several, "CPU threads": str(cpu_threads())}
    return {
        **{name: str(read_switch(switch)) for name, switch in SWITCHES.items()},
        **{name: " ".join(COUNT.sub("", os.environ.get(name, "")).split()) for name in FLAGS},
        **{package: str(_version(package)) for package in COMPUTE},
        "device": f"{device.platform} ({_device_kind(device)})",
        **cpu,
    }


def moved(had: Mapping[str, str], names: Iterable[str] | None = None) -> list[str]:
    """Return in words which numerics differ now from those that a run was begun with.

    Args:
        had: of the manifest; what an older one does not tell is not compared.
        names: those to compare; by default all.
    """
    have = numerics()
    known = [n for n in have if n in had and (names is None or n in names)]
    quoted = lambda text: text or "nothing"
    way = lambda name: f" ({THREADS}={had[name]} gives as many)" if name == "CPU threads" else ""
    return [
        f"{name} was {quoted(had[name])} and is {quoted(have[name])}{way(name)}"
        for name in known
        if had[name] != have[name]
    ]


def commit() -> str | None:
    """Commit of the laboratory's checkout, with ``+`` when files differ from it; or None."""
    here = Path(__file__).parent
    git = lambda *args: subprocess.run(
        ["git", "-C", str(here), *args], capture_output=True, text=True
    )
    try:
        head = git("rev-parse", "--short=12", "HEAD")
        tracked = git("ls-files", "--error-unmatch", __file__)
        dirty = git("status", "--porcelain", "--untracked-files=no")
        added = git("ls-files", "--others", "--exclude-standard", "--", *CODE)
    except OSError:
        return None
    if head.returncode or tracked.returncode:
        return None
    return head.stdout.strip() + ("+" if (dirty.stdout + added.stdout).strip() else "")


def read_switch(name: str) -> Any:
    """A switch of JAX; None where this JAX has none of that name."""
    with contextlib.suppress(AttributeError):
        return jax.config.read(name)
    return getattr(jax.config, name, None)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except Exception:
        return None


def _device_kind(device: Any) -> str:
    if device.platform != "cpu":
        return device.device_kind
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(li.split(":", 1)[1].strip() for li in lines if li.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "cpu"
