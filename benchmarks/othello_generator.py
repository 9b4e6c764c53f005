"""How fast random Othello games are made, beside plain NumPy and pgx.

Every side plays uniformly random legal games of 8x8 to their end and counts games per second. In
one design only the moves are kept; in the other, also the board and the legal moves after each
move. See README.md in this folder.
"""

import dataclasses
import importlib.util
import os
from contextlib import ExitStack
from typing import Any

import numpy as np

from toylab.cli.bench import Row, Worker, compare, interleave
from toylab.errors import ToylabError, check_number

GAMES = 8192  # per step of each side
SIDES = {
    "ours": "toylab.benchmarks.othello_generator:Ours",
    "NumPy bitboards (1 thread)": "toylab.benchmarks.othello_numpy:Plain",
    "pgx": "toylab.benchmarks.othello_generator:Pgx",
}
PGX_PLIES = 68  # passes are moves there: 60 moves, and room for more passes than ever occur


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """What is made.

    Attributes:
        latents: whether boards and legal moves are kept.
        games: games per step.
        size: side of the board.
    """

    latents: bool
    games: int = GAMES
    size: int = 8

    @property
    def name(self) -> str:
        """The case in words."""
        kept = "with boards and legal moves" if self.latents else "moves only"
        return f"{self.size}x{self.size}, {kept}"


class Ours:
    """The generator as training uses it, on all devices."""

    def __init__(self) -> None:
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        from toylab.train.setup import setup

        setup()

    def prepare(self, case: Case) -> str:
        """Compile and warm up."""
        import jax
        from jax.sharding import NamedSharding, PartitionSpec

        from toylab.tasks.othello.othello import Othello

        task, devices = Othello(case.size), len(jax.devices())
        each = case.games // devices

        def games(keys: Any) -> Any:
            if not case.latents:
                return task.games(keys[0], each)
            batch = task.batch(keys[0], each)
            return batch.inputs, batch.latents["board"], batch.latents["legal"]

        mesh, spec = jax.make_mesh((devices,), ("d",)), PartitionSpec("d")
        whole = jax.shard_map(games, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)
        self.make, self.step, self.devices = jax.jit(whole), 0, devices
        self.spread = NamedSharding(mesh, spec)
        self.run(1)
        return f"{devices} devices"

    def run(self, steps: int) -> None:
        """Make ``steps`` batches, one after another."""
        import jax

        for _ in range(steps):
            self.step += 1
            keys = jax.random.split(jax.random.key(self.step), self.devices)
            self.made = jax.block_until_ready(self.make(jax.device_put(keys, self.spread)))


class Pgx:
    """The game of the library pgx: a vmapped step in a scan, with random legal actions."""

    def prepare(self, case: Case) -> str:
        """Compile and warm up."""
        import jax
        import jax.numpy as jnp
        from pgx.othello import Othello as Game

        game = Game()
        start, move = jax.vmap(game.init), jax.vmap(game.step)

        def ply(state: Any, key: Any) -> Any:
            mask = state.legal_action_mask
            noise = jax.random.uniform(key, mask.shape)
            after = move(state, jnp.argmax(jnp.where(mask, noise, -1.0), -1))
            kept = (after.legal_action_mask, after._x.board) if case.latents else ()
            return after, (after.current_player, *kept)

        def games(key: Any) -> Any:
            first = start(jax.random.split(key, case.games))
            last, made = jax.lax.scan(ply, first, jax.random.split(key, PGX_PLIES))
            return last.terminated, made

        self.make, self.step = jax.jit(games), 0
        self.run(1)
        if not bool(self.made[0].all()):
            raise ToylabError(f"bench othello-generator: games of pgx outlast {PGX_PLIES} plies.")
        return "vmapped"

    def run(self, steps: int) -> None:
        """Make ``steps`` batches, one after another."""
        import jax

        for _ in range(steps):
            self.step += 1
            self.made = jax.block_until_ready(self.make(jax.random.key(self.step)))


def rows(seconds: float = 1.0, rounds: int = 5, games: int = GAMES) -> list[Row]:
    """Time all sides, interleaved; pgx only where it is installed.

    Args:
        seconds: length of one burst of one side.
        rounds: bursts per side and case.
        games: games per step.

    Returns:
        Per case, ours against each other side, in games/s.

    Raises:
        ToylabError: a number is out of range, or a side failed.

    Example:
        >>> rows(seconds=0.2, rounds=1)  # doctest: +SKIP
    """
    check_number("bench othello-generator", "seconds", seconds, above=0)
    check_number("bench othello-generator", "rounds", rounds, low=1, whole=True)
    check_number("bench othello-generator", "games", games, low=64, whole=True)
    there = {n: f for n, f in SIDES.items() if n != "pgx" or importlib.util.find_spec("pgx")}
    found = []
    with ExitStack() as stack:
        workers = {n: stack.enter_context(Worker(factory)) for n, factory in there.items()}
        for case in (Case(latents=False, games=games), Case(latents=True, games=games)):
            for worker in workers.values():
                worker.call("prepare", case)
            rates = interleave(workers, rounds, seconds)
            for name in list(rates)[1:]:
                ours, theirs = (np.asarray(rates[n]) for n in ("ours", name))
                label = f"{case.name}: games/s"
                found.append(compare(label, "games/s", ours, name, theirs, scale=case.games))
    return found
