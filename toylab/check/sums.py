"""Sums of weighted sums: XLA of jaxlib 0.10.2 adds them up wrongly on CPUs, unless told otherwise.

Its library fusions (YNN) compute ``sum_bl(m_bl sum_v(o_blv x_nblv))`` for 16 x as for 8, each
twice, with no error. Without these fusions of reductions the sums are right; ``import toylab``
leaves them out where that is known to help, and whatever the version, a process that still adds
wrongly trains and measures nothing.
"""

import functools
import os
from importlib.metadata import PackageNotFoundError, version

FLAG = "--xla_cpu_experimental_ynn_fusion_type"
AFFECTED = ("0.10.2",)  # versions that know the flag and need it


def leave_out_fusions() -> None:
    """Set the flag in this process and its children; JAX reads it at its first operation."""
    try:
        known = version("jaxlib") in AFFECTED
    except PackageNotFoundError:
        return
    flags = os.environ.get("XLA_FLAGS", "")
    if known and FLAG not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {FLAG}=".strip()


@functools.cache
def check_sums() -> None:
    """Refuse a process whose XLA adds wrongly; asked once per process.

    Nothing is imported before, so that ``import toylab`` stays light.

    Raises:
        ToylabError: JAX ran its first operation before toylab was imported, or this version of it
            needs another flag.
    """
    import jax
    import jax.numpy as jnp
    import numpy as np

    from toylab.errors import ToylabError

    if jax.default_backend() != "cpu":
        return
    rng = np.random.default_rng(0)
    x, weights = rng.normal(size=(16, 64, 64, 4)), rng.random((64, 64, 4))
    mask = rng.random((64, 64)) < 0.3
    inner = np.sum(weights * x, -1)
    expected = np.sum(mask * inner, (1, 2))
    held, kept, given = (a.astype(np.float32) for a in (weights[None], mask[None], x))
    with jax.numpy_rank_promotion("allow"):
        found = jax.jit(lambda x: jnp.sum(kept * jnp.sum(held * x, -1), (1, 2)))(given)
    if not np.allclose(found, expected, atol=1e-3 * np.abs(mask * inner).sum((1, 2)).max()):
        raise ToylabError(
            "This process's XLA adds sums of weighted sums up wrongly. Import toylab before JAX's "
            f"first operation, or set XLA_FLAGS='{FLAG}=' before the process starts."
        )
