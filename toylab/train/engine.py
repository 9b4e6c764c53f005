"""The engine: trains a population in one compiled program, chunk by chunk.

The program, from outside in: devices share the tiles (no collective, but for the gradients of a
batch in shards); a device walks its runs of tiles one after another; a run goes through a stretch
of steps; a step draws the batch that the run shares and walks its tiles; a tile has all its members
under ``vmap``. Tiles of small models on costly batches go together in runs (see
``toylab.train.plan.most_together``); any other tile is a run of its own. The stretch's length is an
input, so any chunk of any population of that shape is one compilation.

Determinism: same P, same tile, same kind of machine give the same bits, whatever the number of
devices or the chunks. A member alone is not bit-equal to the same member inside a population.
XLA compiles for a number of threads, and simplifies a program of one partition otherwise than one
of several. So a CPU's program has two at least, of which one may be idle: how many runs each has to
walk is an input too. Programs of a smoke run, compiled in haste, keep no such promise.
"""

import copy
import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import NamedSharding, PartitionSpec

from toylab.check.sums import check_sums
from toylab.errors import ToylabError
from toylab.losses import lags
from toylab.members import SEEDS
from toylab.population import Population
from toylab.random import fold_in, stream
from toylab.train.fast_compile import compiler_options
from toylab.train.gradients import Shards, own_shards, updated
from toylab.train.layout import Layout, arrange, each_of, mapped, tiles_in_step
from toylab.train.plan import most_together, pick_tile, tile_that_fits
from toylab.trees import flatten

MAX_SEGMENTS = 32
State = dict[str, Any]
Records = dict[str, np.ndarray]


class Program:
    """The compiled form of a population: initial state, and a chunk of training.

    For a loss that asks for earlier parameters (:class:`toylab.losses.BindingLoss`) the state of
    every member holds copies of them.

    Args:
        population: what is trained.
        layout: where its members sit; by default as suits the machine.

    Example:
        >>> from toylab.members import seeds
        >>> from toylab.models import Autoencoder
        >>> from toylab.optim import AdamW
        >>> from toylab.tasks.superposition.superposition import Sparse
        >>> pop = Population(model=Autoencoder(5, 2), task=Sparse(5, density=0.1),
        ...     members=seeds(4), optimizer=AdamW(1e-2, 0.0), steps=10, batch_size=32)
        >>> program = Program(pop)
        >>> state, records = program.chunk(program.init(), (0, 5, 10))
        >>> records["loss"].shape
        (2, 4)
    """

    def __init__(self, population: Population, layout: Layout | None = None):
        devices = self._prepare(population)
        if layout:
            self.tile = layout.index_TGM[0].size
            self._compile(layout)
        else:
            self._compile_tiles(pick_tile(population, devices), devices)

    @classmethod
    def lowered(cls, population: Population, platform: str) -> Any:
        """Return the chunk lowered for a kind of device that need not be here, uncompiled.

        Args:
            population: what would be trained, all of it as one tile.
            platform: ``cuda``, ``tpu`` or ``cpu``.
        """
        program = cls.__new__(cls)
        program._prepare(dataclasses.replace(population, devices=1))
        program._lay_out(arrange(population.members["data_seed"], population.size, 1))
        program._put_together(platform)
        return program._traced().lower(lowering_platforms=(platform,))

    def _prepare(self, population: Population) -> int:
        """Make the functions that will be compiled; return the number of devices."""
        check_sums()
        self.population = population
        self.lagged = lags(population.loss)
        available = len(jax.devices())
        allowed = min(population.devices or available, available)
        devices = min(allowed, population.size)
        if (population.devices or 0) > available:
            told = f"devices = {population.devices}, but this machine shows {available}"
            raise ToylabError(f"Population: {told}.")
        self.helpers = population.shards if allowed >= devices * population.shards else 1
        least = 2 if jax.default_backend() == "cpu" and self.helpers == 1 else 1
        self.partitions = max(devices, min(available, least))
        self.mesh = jax.make_mesh((self.partitions, self.helpers), ("population", "batch"))
        self.sharding = NamedSharding(self.mesh, PartitionSpec("population"))
        spread, whole = PartitionSpec("population"), PartitionSpec()
        each = PartitionSpec(("population", "batch"))
        own = own_shards(population.shards, self.helpers, self.partitions)
        self.shards = jax.device_put(own, NamedSharding(self.mesh, each))
        on_devices = functools.partial(jax.shard_map, mesh=self.mesh, check_vma=False)
        of_all = lambda function, trees: jax.jit(
            on_devices(
                lambda count, *given: each_of(count[0], jax.vmap(jax.vmap(function)), *given),
                in_specs=(spread,) * (1 + trees),
                out_specs=spread,
            )
        )
        self._init = of_all(self._init_member, 1)
        self._begun = of_all(self._begin_member, 2)
        self._chunk = jax.jit(
            on_devices(
                self._train_tiles,
                in_specs=(spread, spread, spread, each, whole, whole, whole),
                out_specs=(spread, spread),
            ),
            donate_argnums=0,
        )
        return devices

    def _compile_tiles(self, tile: int, devices: int) -> None:
        """Compile for tiles of this size, or smaller ones where the program would not fit."""
        while True:
            self._compile(arrange(self.population.members["data_seed"], tile, devices))
            smaller = tile_that_fits(self.population, self.compiled.memory_analysis(), tile)
            if smaller == tile:
                self.tile = tile
                return
            tile = smaller

    def _compile(self, layout: Layout) -> None:
        self._lay_out(layout)
        self._put_together()
        self.compiled = self.lower().compile(compiler_options())
        self._drawn = self._init.lower(self.tiles, self.rows).compile(compiler_options())

    def _lay_out(self, layout: Layout) -> None:
        self.layout = layout
        self.tiles = self._each_device(len(layout.index_TGM) // layout.devices)
        first = {name: self.population.first_seed for name in SEEDS}
        kind = lambda name: np.uint32 if name.endswith("_seed") else np.float32
        columns = self.population.members.columns.items()
        self.rows = self._place(
            {name: (col + first.get(name, 0)).astype(kind(name)) for name, col in columns}
        )

    def _put_together(self, backend: str = "") -> None:
        """Choose how many tiles take each step together: R, and how many might."""
        index_TGM = self.layout.index_TGM
        self.most = most_together(self.population, self._shapes(), index_TGM, backend)
        data_seed_P = self.population.members["data_seed"]
        self.together = tiles_in_step(self.layout, data_seed_P, self.most)

    def _each_device(self, count: int) -> Array:
        """A number for every device, 0 for an idle partition."""
        idle = self.partitions - self.layout.devices
        counts = np.array([count] * self.layout.devices + [0] * idle, np.int32)
        return jax.device_put(counts, self.sharding)

    def of(self, population: Population, layout: Layout) -> Self:
        """Return this program for other members in a rectangle of the same shape, uncompiled anew.

        Args:
            population: as this one's but for its members.
            layout: where they sit.
        """
        other = copy.copy(self)
        other.population = population
        other._lay_out(layout)
        return other

    def init(self, params: Mapping[str, np.ndarray] | None = None) -> State:
        """Return the initial state of every member, laid out over tiles and devices.

        Args:
            params: flat parameters with leading axis P that replace the drawn ones.

        Raises:
            ToylabError: they are not those of this model.
        """
        state = self._drawn(self.tiles, self.rows)
        if params is None:
            return state
        drawn = self.export(state)
        copies = ["params", *(f"lagged/{name}" for name in self.lagged)]
        given = {f"{c}/{name}": np.asarray(leaf) for c in copies for name, leaf in params.items()}
        rest = {n: a for n, a in drawn.items() if not n.startswith(("params/", "lagged/"))}
        return self._begun(self.tiles, self.restore(rest | given), self.rows)

    def chunk(self, state: State, bounds: tuple[int, ...]) -> tuple[State, Records]:
        """Train from ``bounds[0]`` to ``bounds[-1]``, recording at each later bound.

        Args:
            state: laid-out state; its buffers are given up to the call.
            bounds: increasing steps, at most ``MAX_SEGMENTS + 1`` of them.

        Returns:
            The new state, and records ``{name: (len(bounds) - 1, P)}``.
        """
        segments = len(bounds) - 1
        padded = np.full(MAX_SEGMENTS + 1, bounds[-1], np.int32)
        padded[: segments + 1] = bounds
        runs = len(self.layout.index_TGM) // self.layout.devices // self.together
        lengths = np.int32(segments), np.int32(self.together)
        given = (state, self.rows, self._each_device(runs), self.shards, padded, *lengths)
        state, records = self.compiled(*given)
        return state, {k: self._collect(v)[:, :segments].T for k, v in records.items()}

    def lower(self) -> Any:
        """Return the lowered chunk, for memory analysis and for reading its HLO."""
        return self._traced().lower()

    def _traced(self) -> Any:
        state = self._shapes()
        shaped = lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=self.sharding)
        bounds = np.zeros(MAX_SEGMENTS + 1, np.int32)
        shapes = jax.tree.map(shaped, state)
        inputs = self.rows, self.tiles, self.shards, bounds, np.int32(1), np.int32(1)
        return self._chunk.trace(shapes, *inputs)

    def export(self, state: State) -> dict[str, np.ndarray]:
        """Return the state as flat host arrays with leading axis P."""
        return {name: self._collect(leaf) for name, leaf in flatten(state).items()}

    def restore(self, flat: Mapping[str, np.ndarray]) -> State:
        """Lay a state out again that ``export`` gave; the inverse, bit for bit.

        Raises:
            ToylabError: the arrays are not those of this population.
        """
        shapes = self._shapes()
        template = flatten(shapes)
        places = self.layout.index_TGM.ndim
        expected = {
            n: ((self.population.size, *t.shape[places:]), t.dtype) for n, t in template.items()
        }
        found = {n: (a.shape, a.dtype) for n, a in flat.items()}
        if expected != found:
            wrong = sorted({n for n in {*expected, *found} if expected.get(n) != found.get(n)})
            raise ToylabError(
                f"The saved state is of another population: {wrong[0]} is {found.get(wrong[0])}, "
                f"expected {expected.get(wrong[0])}. Train it anew, a study in a new folder."
            )
        leaves = [self._place(flat[name]) for name in template]
        return jax.tree.unflatten(jax.tree.structure(shapes), leaves)

    def _shapes(self) -> Any:
        return jax.eval_shape(self._init, self.tiles, self.rows)

    def _place(self, tree: Any) -> Any:
        # An idle partition has a copy of the tiles, which it never reads.
        copies = self.partitions // self.layout.devices
        index = np.concatenate([self.layout.index_TGM] * copies)
        return jax.tree.map(lambda x: jax.device_put(np.asarray(x)[index], self.sharding), tree)

    def _collect(self, leaf: Any) -> np.ndarray:
        index_TGM = self.layout.index_TGM
        array = np.asarray(leaf)[: len(index_TGM)]
        return array.reshape(index_TGM.size, *array.shape[3:])[self.layout.place_P]

    def _init_member(self, row: dict[str, Array]) -> State:
        bound = self.population.bind(row)
        params = bound.model.init(stream(row["init_seed"], "init"))
        state = {"params": params, "dead_at": jnp.int32(-1)}
        state |= {"lagged": dict.fromkeys(self.lagged, params)} if self.lagged else {}
        return self._begin_member(state, row)

    def _begin_member(self, state: State, row: dict[str, Array]) -> State:
        """Let the optimiser begin at the parameters, of which it may keep something."""
        bound = self.population.bind(row)
        return state | {"opt": bound.optimizer.transform().init(state["params"])}

    def _train_tiles(
        self, states: State, rows: Any, runs: Array, shards: Array, *lengths: Array
    ) -> Any:
        """Walk a device's runs of tiles; leaves have leading axes (T, G, M)."""
        copies = 2 if self.together == 1 < self.most else 1  # for the room that each_of wants
        parts = lambda leaf: leaf.reshape(-1, self.together, *leaf.shape[1:])
        cut = lambda leaf: jnp.concatenate([parts(leaf)] * copies, 1)
        join = lambda leaf: leaf[:, : self.together].reshape(-1, *leaf.shape[2:])
        train = lambda state, rows: self._train_run(state, rows, shards[0], *lengths)
        return jax.tree.map(join, each_of(runs[0], train, *jax.tree.map(cut, (states, rows))))

    def _train_run(
        self, state: State, rows: Any, own: Array, bounds: Array, segments: Array, tiles: Array
    ) -> Any:
        """Take a run of R tiles over all segments; leaves have leading axes (R, G, M)."""
        keys_G = jax.vmap(lambda seed: stream(seed, "data"))(rows["data_seed"][0, :, 0])
        shards = Shards(self.population.shards, (own[0], own[1]), "batch" * (self.helpers > 1))
        member = lambda state, row, *at: updated(self.population.bind(row), shards, state, *at)
        members = mapped(member, (0, 0, None, None))
        streams = mapped(members, (0, 0, 0, None))
        each = functools.partial(each_of, tiles if self.most > 1 else None)

        def step(t: Array, carry: Any) -> Any:
            state, total = carry
            keys = jax.vmap(lambda key: fold_in(key, t))(keys_G)
            state, loss = each(lambda state, rows: streams(state, rows, keys, t), state, rows)
            return state, total + loss

        def segment(i: Array, carry: Any) -> Any:
            state, buffer = carry
            total = jnp.zeros(rows["data_seed"].shape, jnp.float32)
            state, total = jax.lax.fori_loop(bounds[i], bounds[i + 1], step, (state, total))
            length = (bounds[i + 1] - bounds[i]).astype(jnp.float32)
            record = {"loss": total / length} | each(measure, state["params"], rows)
            record = jax.tree.map(lambda v: v.astype(jnp.float32), record)
            buffer = {n: b.at[..., i].set(record[n]) for n, b in buffer.items()}
            return state, buffer

        measure = jax.jit(self._measure, inline=True)  # traced once for all its uses
        shapes = jax.eval_shape(functools.partial(each, measure), state["params"], rows)
        if {"loss", "step"} & set(shapes):
            raise ToylabError("A metric may not be named 'loss' or 'step'; rename it.")
        names = ["loss", *shapes]
        empty = jnp.zeros((*rows["data_seed"].shape, MAX_SEGMENTS), jnp.float32)
        buffer = {name: empty for name in names}
        return jax.lax.fori_loop(0, segments, segment, (state, buffer))

    def _measure(self, params: Any, rows: Any) -> dict[str, Array]:
        if self.population.metrics is None:
            return {}

        def one(params: Any, row: Any) -> dict[str, Array]:
            bound = self.population.bind(row)
            assert bound.metrics is not None
            return dict(bound.metrics(bound.model, params, bound.task))

        return jax.vmap(jax.vmap(one))(params, rows)
