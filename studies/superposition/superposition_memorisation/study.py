"""Memorisation and double descent: examples as features, then features as features.

    toylab run superposition_memorisation

A model of two dimensions is trained on T fixed examples of 1,000 sparse features. With few examples
it stores the *examples*, as the corners of a T-gon; with many it stores five *features*, as a
pentagon, and generalises; in between the loss on fresh examples is at its worst.

Sizes are those at which Hobbhahn found the same (1,000 features, density 0.01; the paper has 10,000
and 0.001). As in the paper the lowest training loss of several initialisations is kept for each
data set of up to 100 examples; larger sets have one. Departures at the laptop preset: fewer steps
at a higher learning rate; sets above 100 examples are trained on batches of 200 drawn from the set,
not on all of it at every step; the largest has a weight decay of 0.6, where the others have 0.01. A
later note of the authors (Circuits Updates, July 2023) calls the middle regime an artefact of
optimisation, so nothing is claimed of what models do there but that they generalise badly.

Source: Henighan et al. 2023, Superposition, Memorization, and Double Descent.

Confounded: that many examples generalise. Fresh ones cost as much as those of the training set
within 0.5%, but so they do, within 3%, from 1,000 examples, of which no feature is stored: nearly
all of the loss is of what any model ignores. Left open: the pentagon's norm. From 5,000 examples
all eight networks store five features, but those that have not quite faded keep the norm 13% above
sqrt(5) (12% to 18%, where 15% are allowed). What double descent says here is that the loss is lower
where examples are stored, and where five features are, than in between; the right end is on a
schedule of its own. A mean dimensionality of 2/T, which stands for the T-gon, is that of every
tight frame of T examples of one length.

Tried: for the largest set, 2,500 steps at a rate of 1e-2 and 6,000 at 3e-3, where no feature, or
1.4 in the mean, stood clear of the other 995: as a model that ignores everything is lower at this
end too, double descent was not testable then. With a weight decay of 0.01 pilots of 12,000 steps
keep 14 to 243 features of a norm above 1/2, at rates of 3e-3 and 1e-2; at 3e-3 a decay of 0.3
leaves five, and one of 1 shrinks these too.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.errors import check_number
from toylab.members import Members, grid, zipped
from toylab.models import Autoencoder
from toylab.population import Population
from toylab.random import stream
from toylab.read.networks import lowest, networks
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.taps import Params
from toylab.tasks.superposition.superposition import FixedSet
from toylab.tasks.superposition.superposition_geometry import feature_dimensionality

from ..training import DECAY, annealed
from .claims import CLAIMS

TEST_EXAMPLES = 2_000


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings; ``seeds`` counts data sets."""

    seeds: int = 8
    inits: int = 4  # initialisations per data set, of which the lowest training loss is kept
    n_features: int = 1_000
    density: float = 0.01
    tiny_sets: tuple[int, ...] = (3, 5, 8, 10)
    small_sets: tuple[int, ...] = (30, 100)
    large_sets: tuple[int, ...] = (300, 1_000)  # with one initialisation
    largest_set: int = 5_000  # with one initialisation
    batch_size: int = 200  # of the large sets; the others are trained whole
    steps: int = 2_500
    learning_rate: float = 1e-2
    long_steps: int = 16_000  # of the largest set: 995 features must fade
    long_rate: float = 3e-3
    long_decay: float = 0.6  # of weights, so that they do

    def __post_init__(self) -> None:
        check_number("superposition_memorisation", "inits", self.inits, low=1, whole=True)


def populations(config: Config) -> dict[str, Population]:
    """Tiny and small sets are trained whole, large ones by batches."""
    rate, steps = config.learning_rate, config.steps
    own = (rate, steps, DECAY)
    long = (config.long_rate, config.long_steps, config.long_decay)
    kinds = {  # sizes, initialisations, batch; rate, steps, decay
        "tiny": (config.tiny_sets, config.inits, max(config.tiny_sets), own),
        "small": (config.small_sets, config.inits, max(config.small_sets), own),
        "large": (config.large_sets, 1, config.batch_size, own),
        "largest": ((config.largest_set,), 1, config.batch_size, long),
    }
    return {
        name: Population(
            model=Autoencoder(config.n_features, 2),
            task=FixedSet(config.n_features, config.density, max(sizes)),
            members=data_sets(config.seeds, inits) * grid(n_examples=sizes),
            batch_size=batch,
            **annealed(rate, steps, decay, warmup=steps // 20),
        )
        for name, (sizes, inits, batch, (rate, steps, decay)) in kinds.items()
    }


def data_sets(count: int, inits: int) -> Members:
    """``inits`` initialisations of each data set; each has its own order of batches."""
    which = np.repeat(np.arange(count), inits)
    seeds = np.arange(count * inits)
    return zipped(init_seed=seeds, data_seed=seeds, set_seed=which)


def measure(config: Config, run: RunFolder) -> dict[str, pl.DataFrame | np.ndarray]:
    """Losses, example and feature dimensionalities of the kept model of every data set and size."""
    tables, vectors = [], {}
    for name in run.populations():
        for size in sorted({int(t) for t in run.members(name)["n_examples"]}):
            best, found = judged(config, run, name, size)
            shown = best["place"][0]
            tables.append(best)
            vectors[f"examples_{size}"] = found["hidden"][shown]
            vectors[f"features_{size}"] = found["W"][shown]
    return {"sets": pl.concat(tables)} | vectors


def judged(
    config: Config, run: RunFolder, name: str, size: int
) -> tuple[pl.DataFrame, dict[str, np.ndarray]]:
    """Networks of one size: of each data set that of lowest training loss, and all their scores."""
    members = networks(run, name).filter(n_examples=size)
    index, set_seed = members["member"].to_numpy(), members["set_seed"].to_numpy().astype(np.int32)
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf[index]), run.params(name))
    score = jax.jit(lambda p, s: jax.lax.map(lambda one: scores(config, size, *one), (p, s)))
    found = jax.tree.map(np.asarray, score(params, set_seed))
    table = members.select("set_seed", "diverged", size=pl.lit(size), place=pl.int_range(pl.len()))
    table = table.with_columns(**{k: v for k, v in found.items() if v.ndim == 1})
    return lowest(table, "set_seed", loss="train"), found


def scores(config: Config, size: int, params: Params, set_seed: Array) -> dict[str, Array]:
    """Losses on the set and on fresh examples, and the geometry of both, of one model."""
    task = FixedSet(config.n_features, config.density, size, set_seed=set_seed)
    model = Autoencoder(config.n_features, 2)
    x_TN = task.batch().inputs
    fresh_BN = task.world.batch(stream(0, "fresh examples"), TEST_EXAMPLES).inputs
    loss = lambda x_BN: jnp.mean(jnp.sum((x_BN - model.apply(params, x_BN)) ** 2, 1))
    hidden_MT = params["W"] @ x_TN.T
    # D_X looks at no more than the first 1000 examples: it compares every pair.
    example = feature_dimensionality(hidden_MT[:, :1_000])
    feature = feature_dimensionality(params["W"])
    return {
        "train": loss(x_TN),
        "test": loss(fresh_BN),
        "example_dimensionality": jnp.mean(example),
        "features_above_02": jnp.sum(feature > 0.2).astype(jnp.float32),
        "norm": jnp.linalg.norm(params["W"]),
        "hidden": hidden_MT[:, : min(size, 1_000)],
        "W": params["W"],
    }


study = Study(
    name="superposition_memorisation",
    title="Memorisation and double descent: from polygons of examples to a pentagon of features",
    paper="Henighan et al. 2023, Superposition, Memorization, and Double Descent",
    presets={
        "smoke": Config(
            seeds=2,
            inits=1,
            n_features=100,
            density=0.05,
            tiny_sets=(5,),
            small_sets=(30,),
            large_sets=(100,),
            largest_set=200,
            batch_size=50,
            steps=60,
            long_steps=60,
        ),
        "laptop": Config(),
        "paper": Config(
            seeds=10,
            n_features=10_000,
            density=0.001,
            tiny_sets=(3, 5, 8, 10),
            small_sets=(30, 100, 300),
            large_sets=(1_000, 3_000, 10_000),
            largest_set=50_000,
            batch_size=50_000,
            steps=50_000,
            learning_rate=1e-3,
            long_steps=50_000,
            long_rate=1e-3,
            long_decay=DECAY,
        ),
    },
    costs={
        "smoke": "1,000 model-steps; compiling takes most of it",
        "laptop": "0.62 million model-steps of 1,000 features, 1 TFLOP: 3 minutes",
        "paper": "16 million model-steps of 10,000 features, 20 PFLOP; not run yet",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
