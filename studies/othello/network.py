"""What the studies of Othello share: the network, its activations, board probes, legal moves.

The network, population ``main``, is the same in every one of them, so that a run of one can take it
from a run of another: ``toylab run othello_tpr --reuse runs/othello-laptop``.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import polars.selectors as cs
from jax import Array

from toylab.check.data_files import data_file
from toylab.errors import ToylabError, check_counts, nearest
from toylab.losses import ExpectedCrossEntropy, cross_entropy
from toylab.members import seeds
from toylab.models import Transformer
from toylab.optim import AdamW, cosine
from toylab.optim.muon import Muon
from toylab.population import Population, ladder
from toylab.probes.prefixes import seen_prefixes
from toylab.runs.run_folder import RunFolder
from toylab.taps import Params
from toylab.task import Batch
from toylab.tasks.othello.othello import Othello
from toylab.tasks.othello.othello_transcripts import Recorded

TARGETS = ("played", "expected")
STATES = ("empty", "mine", "theirs")
Tables = Mapping[str, pl.DataFrame]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network:
    """Settings of the network that plays; a study's own settings build on them.

    The training set is endless: every step draws fresh games. At each place the network learns from
    the move that was ``played``, or from what was to be ``expected``: the chances that the
    generator draws it by, which is the mean of the same loss over every move that could have
    followed. Nothing more of the board is shown than which moves these are.
    """

    networks: int = 1  # on the larger board
    seeds: int = 8  # of whatever is cheap to repeat: small networks, probes
    size: int = 6
    depth: int = 4
    width: int = 128
    heads: int = 4
    steps: int = 27_000
    batch_size: int = 20  # games
    shards: int = 2  # of a batch, one for each core
    targets: Literal["played", "expected"] = "expected"
    learning_rate: float = 3e-3  # of Adam's steps
    matrix_rate: float = 8e-3  # of Muon, for the matrices in the blocks; 0: Adam for these too
    weight_decay: float = 0.02
    products: Literal["float32", "bfloat16"] = "float32"  # while training; see Transformer
    rungs: int = 12  # snapshots, log-spaced
    transcripts: str = data_file()  # a file of games to use in place of random ones
    skip_bad: bool = False  # leave its bad lines out

    def __post_init__(self) -> None:
        Othello(self.size)  # the file of games is not read before it is needed
        if self.targets not in TARGETS:
            hint = nearest(str(self.targets), TARGETS)
            raise ToylabError(f"othello: targets = {self.targets!r}; {hint}")
        if self.transcripts and self.targets == "expected":
            raise ToylabError(
                f"othello: nobody knows the chances of the moves in {self.transcripts}, as targets "
                "= expected would need; add --set targets=played."
            )
        check_counts("othello", self, "steps", "rungs", "networks", "shards")

    def world(self) -> Othello:
        """The games: random ones, or those of a file."""
        if not self.transcripts:
            return Othello(self.size)
        return Recorded(self.size, path=self.transcripts, skip_bad=self.skip_bad)


SMOKE: dict[str, Any] = {
    "size": 4,
    "depth": 2,
    "width": 32,
    "heads": 4,
    "steps": 60,
    "batch_size": 64,
    "shards": 1,
    "learning_rate": 1.5e-3,
    "matrix_rate": 0.0,
    "weight_decay": 0.01,
    "rungs": 3,
}
PAPER: dict[str, Any] = {
    "size": 8,
    "depth": 8,
    "width": 512,
    "heads": 8,
    "steps": 4_000,
    "batch_size": 4096,
    "shards": 1,
    "targets": "played",
    "learning_rate": 1e-3,
    "matrix_rate": 0.0,
    "weight_decay": 0.1,
    "products": "bfloat16",
}


def small(**settings: Any) -> Network:
    """Networks on the smallest board; unless told otherwise trained by Adam on moves played."""
    usual = {"size": 4, "depth": 2, "targets": "played", "learning_rate": 3e-3, "shards": 1}
    return Network(**(usual | {"matrix_rate": 0.0, "weight_decay": 0.01, "rungs": 2} | settings))


def network(
    size: int,
    depth: int,
    width: int,
    heads: int,
    products: Literal["float32", "bfloat16"] = "float32",
) -> Transformer:
    """The transformer of Li et al.: pre-norm, GELU, learned positions, untied head."""
    task = Othello(size)
    return Transformer(
        vocab=task.vocab,
        length=task.length,
        width=width,
        depth=depth,
        heads=heads,
        hidden=4 * width,
        activation="gelu",
        norm="layer",
        biases=True,
        products=products,
    )


def main(config: Network) -> Population:
    """The population ``main``: the network, one member per network."""
    world = config.world()
    shape = cosine(config.steps, warmup=max(1, config.steps // 20), floor=0.05)
    rate, decay = config.learning_rate, config.weight_decay
    adam = AdamW(rate, decay, b2=0.98, schedule=shape)
    muon = Muon(config.matrix_rate, decay, rate, b2=0.98, schedule=shape)
    return Population(
        model=network(config.size, config.depth, config.width, config.heads, config.products),
        task=world,
        members=seeds(config.networks),
        optimizer=muon if config.matrix_rate else adam,
        steps=config.steps,
        batch_size=config.batch_size,
        shards=config.shards,
        loss=cross_entropy if config.targets == "played" else ExpectedCrossEntropy(world),
        snapshots=ladder(config.steps, config.rungs),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Player:
    """One network of a run at one step: its world, its model, its weights."""

    task: Othello
    model: Transformer
    params: Params

    @functools.cached_property
    def diverged(self) -> bool:
        """Whether the network has diverged by this step: its weights are NaN then."""
        return not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(self.params))

    def marked(
        self, tables: Tables, settings: tuple[str, ...] = (), **labels: Any
    ) -> dict[str, pl.DataFrame]:
        """Label the tables of this network's scores.

        One that has diverged has no numbers but those of ``settings``.
        """
        found = {name: pl.lit(value) for name, value in labels.items()}
        found["diverged"] = pl.lit(self.diverged)
        if self.diverged:  # the most probable state of NaN is the first, and may be right
            lost = cs.float().exclude(settings) * float("nan")
            tables = {name: table.with_columns(lost) for name, table in tables.items()}
        return {name: table.with_columns(**found) for name, table in tables.items()}


def load(
    run: RunFolder,
    population: Population,
    name: str = "main",
    member: int = 0,
    step: int | None = None,
) -> Player:
    """Return one member of a trained population at a step, the last by default, in float32."""
    task, model = population.task, population.model
    assert isinstance(task, Othello) and isinstance(model, Transformer)
    model = dataclasses.replace(model, products="float32")
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf[member]), run.params(name, step))
    return Player(task, model, params)


def networks(
    run: RunFolder, populations: Mapping[str, Population]
) -> Iterator[tuple[dict[str, Any], Callable[..., Player]]]:
    """Yield every network of a run: its population and init_seed, and a function of the step."""
    for name, population in populations.items():
        for member, seed in enumerate(run.members(name)["init_seed"]):
            at = functools.partial(load, run, population, name, member)
            yield {"population": name, "init_seed": seed}, at


def weighed(batch: Batch) -> np.ndarray:
    """Places of games that count (B, L)."""
    return np.asarray(batch.weights) > 0


def unseen(batch: Batch, fitted_GL: Any, first: int = 0) -> Batch:
    """Give weight 0 to places whose moves so far begin a game that probes were fitted on.

    Args:
        batch: games with their latents.
        fitted_GL: games that probes were fitted on.
        first: games before this one keep their weights.
    """
    seen_BL = seen_prefixes(fitted_GL, np.asarray(batch.inputs))
    seen_BL[:first] = False
    return batch._replace(weights=np.where(seen_BL, np.float32(0), np.asarray(batch.weights)))


def draw_games(task: Othello, count: int, seed: int) -> Batch:
    """Draw games with their latents; the same seed gives the same games."""
    return _draw(task, jax.random.key(seed), count)


@functools.partial(jax.jit, static_argnums=(0, 2))
def _draw(task: Othello, key: Array, count: int) -> Batch:
    return task.batch(key, count)


def samples(acts_SBLD: np.ndarray, labels_BLN: Any, weights_BL: Any) -> tuple[np.ndarray, ...]:
    """Return the places that count, as rows: activations (S, R, D) and labels (R, N)."""
    kept = np.asarray(weights_BL) > 0
    return acts_SBLD[:, kept], np.asarray(labels_BLN)[kept].astype(np.int32)
