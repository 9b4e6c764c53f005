"""Plan: how many members run as one vmapped tile.

On an accelerator a tile is as large as memory allows, by the compiled step's own memory analysis.
On a CPU it is as large as the cache likes, as one tile of everything ran three times slower than
small tiles spread over one device per core; the number of cores does not change it, so that the
bits of a run do not depend on it.
"""

import contextlib
import math
import os
import sys
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from toylab.errors import ToylabError
from toylab.losses import bind, lags
from toylab.population import Population
from toylab.trees import drawn_shapes

CPU_TILE_BYTES = 2**20
LANES = 4  # tiles that there should be at least
COSTLY = 0.1  # share of a tile's update from which a batch is worth drawing once for several
MEMORY_SHARE = 0.8


def pick_tile(population: Population, devices: int, backend: str = "") -> int:
    """Return the number of members per tile.

    Args:
        population: what is trained.
        devices: devices the members are spread over.
        backend: what trains it, ``cpu`` or another; by default this process's.
    """
    if population.tile:
        return population.tile
    if population.strategy == "map":
        return 1
    if population.strategy == "auto" and (backend or jax.default_backend()) == "cpu":
        few = population.size <= LANES  # whatever a member's size
        return 1 if few else cpu_tile(population.size, CPU_TILE_BYTES // member_bytes(population))
    return math.ceil(population.size / devices)


def cpu_tile(size: int, most: int) -> int:
    """Return the members per tile on a CPU, whatever the number of its cores.

    The tiles should share out over one, two or four cores. Of the tiles that leave a pair of cores
    least to wait for each other, the largest is taken.

    Args:
        size: P.
        most: members that the cache holds.

    Example:
        >>> [cpu_tile(size, 100) for size in (1, 5, 8, 64)]
        [1, 1, 2, 16]
    """
    most = int(np.clip(most, 1, math.ceil(size / LANES)))
    rounds = lambda tile: math.ceil(math.ceil(size / tile) / 2) * tile
    return min(range(most, 0, -1), key=rounds)


def most_together(
    population: Population, state: Any, index_TGM: np.ndarray, backend: str = ""
) -> int:
    """Return how many tiles may take each step together, so that a batch is drawn once for all.

    Together their states pass through the cache at every step, so this is for costly batches and
    small states, and for a CPU. It follows from the shapes of one tile, as the bits of a run must.

    Args:
        population: what is trained.
        state: shapes of all members' state.
        index_TGM: member in each place.
        backend: what trains it, ``cpu`` or another; by default this process's.

    Returns:
        The tiles whose states a cache holds; 1 where a batch costs little beside a tile's update.
    """
    _, seeds, members = index_TGM.shape
    leaves = jax.tree.leaves(state)
    of_tile = sum(math.prod(leaf.shape[1:]) * leaf.dtype.itemsize for leaf in leaves)
    most = CPU_TILE_BYTES // of_tile
    if (backend or jax.default_backend()) != "cpu" or seeds > 1 or most < 2:
        return 1
    return most if batch_cost(population) > COSTLY * members else 1


def batch_cost(population: Population) -> float:
    """Return the operations of drawing a batch, as a share of those of one member's update.

    A batch that is the same at every step costs nothing: XLA takes it out of the loop over steps.
    """
    loss, params, batch = traced(population)
    task, key = first_bound(population).task, jax.eval_shape(lambda: jax.random.key(0))
    draw = lambda key: task.batch(key, population.batch_size)
    drawn = jax.make_jaxpr(draw)(key).jaxpr
    if not any(drawn.invars[0] is used for eqn in drawn.eqns for used in eqn.invars):
        return 0.0
    count = lambda call, *args: (jax.jit(call).lower(*args).cost_analysis() or {}).get("flops", 0.0)
    forward = count(lambda params, batch: loss(params, batch).mean(), params, batch)
    return count(draw, key) / max(1.0, 3 * forward)


def tile_that_fits(population: Population, needs: Any, tile: int) -> int:
    """Return the tile, or a smaller one where the compiled program exceeds the memory.

    Args:
        population: what is trained; a tile or a strategy that the user forced stays.
        needs, tile: the compiled program's memory analysis of one device; its members per tile.

    Raises:
        ToylabError: one member alone does not fit.
    """
    need = (
        needs.temp_size_in_bytes
        + needs.argument_size_in_bytes
        + needs.output_size_in_bytes
        - needs.alias_size_in_bytes
    )
    room = device_memory() * MEMORY_SHARE
    if need <= room or population.tile or population.strategy != "auto":
        return tile
    if tile == 1:
        raise ToylabError(
            f"One member needs {need / 2**30:.1f} GiB and {room / 2**30:.1f} GiB are there; "
            "lower batch_size or the model's size."
        )
    return max(1, int(0.9 * tile * room / need))


def device_memory() -> int:
    """Bytes one device may use: its own limit, or a share of the machine's free memory."""
    limit = (jax.devices()[0].memory_stats() or {}).get("bytes_limit")
    if limit:
        return limit
    return _free_memory() // len(jax.devices())


def _free_memory() -> int:
    """Bytes of memory that are free; all that there are, or no bound, where a system is silent."""
    for pages in ("SC_AVPHYS_PAGES", "SC_PHYS_PAGES"):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            return os.sysconf(pages) * os.sysconf("SC_PAGE_SIZE")
    return sys.maxsize


def first_bound(population: Population) -> Population:
    """Return the population with the first member's numbers in the fields that they name."""
    columns = population.members.columns.items()
    return population.bind({n: np.float32(c[0]) for n, c in columns if "seed" not in n})


def traced(population: Population) -> tuple[Callable, Any, Any]:
    """Return the loss of the first member, ``(params, batch) -> (B,)``, and its arguments' shapes.

    Nothing is compiled or computed.
    """
    bound = first_bound(population)
    key = jax.eval_shape(lambda: jax.random.key(0))
    params = drawn_shapes(bound.model)
    batch = jax.eval_shape(lambda k: bound.task.batch(k, bound.batch_size), key)

    def loss(params: Any, batch: Any) -> Any:
        held: Any = jax.lax.stop_gradient(params)
        lagged = {name: held for name in lags(bound.loss)}
        own, batch = bind(bound.loss, bound.model, batch, lagged)
        return own(bound.model, params, batch)

    return loss, params, batch


def member_bytes(population: Population) -> int:
    """Return the bytes of one member's activations and parameters in one forward pass.

    Traced, not compiled: the outputs of every operation between the batch and the loss whose
    size is at least that of the batch axis, each distinct shape once, and the parameters.
    """
    loss, params, batch = traced(population)
    forward = jax.make_jaxpr(loss)(params, batch)
    shapes = {(*v.aval.shape, str(v.aval.dtype)): v.aval for e in forward.eqns for v in e.outvars}
    activations = sum(
        math.prod(a.shape) * a.dtype.itemsize for a in shapes.values() if hasattr(a, "dtype")
    )
    weights = sum(math.prod(p.shape) * 4 for p in jax.tree.leaves(params))
    return max(1, activations + 4 * weights)
