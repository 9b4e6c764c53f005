"""Setup: what JAX must know before its first operation."""

import os
import warnings

import jax

from toylab.train.compiled.store import keep_compiled
from toylab.train.compiled.threads import cores

PRECISION = "highest"
DEVICE_FLAG = "xla_force_host_platform_device_count"


def setup() -> None:
    """Set what a laboratory run needs: exact float32 matmul, and one CPU device per core, or two.

    TF32 is the default for float32 matmul on recent GPUs and would blur small losses. What was
    compiled by hand before keeps its precision. A number of devices that was set by other means
    stays. Programs compiled before are used again where :mod:`toylab.train.compiled.store` says
    that it is safe.

    Warns:
        RuntimeWarning: JAX has run its first operation before, and keeps its one CPU device.
    """
    jax.config.update("jax_default_matmul_precision", PRECISION)
    _devices()
    keep_compiled()


def _devices() -> None:
    """A CPU device per core; two where there is one, for the bits of a program of several."""
    count = cores()
    chosen = jax.config.jax_num_cpu_devices >= 0  # pyright: ignore
    if chosen or DEVICE_FLAG in os.environ.get("XLA_FLAGS", ""):
        return
    try:
        jax.config.update("jax_num_cpu_devices", max(count, 2))
    except RuntimeError:
        if count > 1 and jax.default_backend() == "cpu":
            told = "setup() came after JAX's first operation: one CPU device will be used, of"
            warnings.warn(f"{told} {count} cores. Call it first.", RuntimeWarning, stacklevel=3)
