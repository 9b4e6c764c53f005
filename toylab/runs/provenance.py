"""Provenance: what a run was made with, for its manifest."""

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax


def environment() -> dict[str, Any]:
    """Versions, device, flags, commit and precision, for the manifest."""
    packages = ("jax", "jaxlib", "flax", "optax", "numpy", "scipy", "polars", "toylab")
    device = jax.devices()[0]
    return {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": {"python": platform.python_version()} | {p: _version(p) for p in packages},
        "device": f"{device.platform} x{len(jax.devices())} ({_device_kind(device)})",
        "flags": os.environ.get("XLA_FLAGS", ""),
        "precision": str(jax.config.jax_default_matmul_precision),  # pyright: ignore
        "commit": commit(),
    }


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
    except OSError:
        return None
    if head.returncode or tracked.returncode:
        return None
    return head.stdout.strip() + ("+" if dirty.stdout.strip() else "")


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
