"""Concept space: when networks can show a combination of concepts, and when they do so if asked.

    toylab run concept_space

Networks learn discs of two colours and two sizes from three of the four classes, each example asked
for by its own colour and size. Park et al. say that a concept is learned the sooner the stronger
its signal, the derivative of the image; that the path of the new class in concept space first goes
to a trained one and then turns; and that the capability is then there, though hidden: over-prompts,
or shifts of the embedding, elicit it long before asking does. Yang et al. solve a model, identity
regression on clusters along axes, whose error on the new one falls, rises and falls (swing-by).

What is done otherwise: discs of 8 x 8 pixels, red and blue, and a perceptron that decodes them from
an embedding of colour and size, with their place, instead of a diffusion model; in place of a
trained classifier a reader that takes the nearest class, and one that asks for the image; one
strength of each intervention, fixed on other seeds; and random rivals.

Did not reproduce: the image. By the strict reader asking shows it after 1,592 steps and
over-prompts never, as they overshoot. Nor is there one moment: twice the strength succeeds 1.6
times sooner. It moves, as claimed, what the gain of the time makes of it, 1.14 of a straight line
(1.08 to 1.20; twelve seeds, judged first, left that open). The path turns long before the latent
shift succeeds, at a quarter of its step. Where 5% of colours are hidden asking never shows the new
class and over-prompts do, but only for a time: 39% of places are left at the end. Colour takes 1.8
times as long where size has the wider gap, though the disc on which it is learned stays the same.
One seed in three swings by with four layers.

Confounded: the lead of over-prompts and latent shifts. On average asking shows the new class after
567 steps and over-prompts after 207, but a straight line through the neighbouring class and the
prompt, half as far beyond, leads as much (2.5 times as soon; over-prompts 2.2): a response that is
linear crosses halfway early, with nothing hidden. A review asked for this control after both were
called reproduced. The two interventions are one: their cosine is 0.99.

Tried, on pilots: hiding 25% of colours or more, after which asking comes no nearer; a linear
renderer as a control, which learns no discs. Hiding 1% of colours, in the judged run, delays them
by nearly a half. With a middle size that stayed, a wider gap of size made the disc of the second
colour smaller, and colour took 3.3 times as long. With records of 25 steps the turn, at 20 to 80,
was open; with records of 5 steps and times of three of them a flicker of one network passed for a
time.

Source: Park et al. 2024 (arXiv:2406.19370); Yang et al. 2025 (arXiv:2410.08309).
"""

import dataclasses
from collections.abc import Iterable, Mapping

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.errors import ToylabError, check_counts
from toylab.members import seeds, zipped
from toylab.models import MLP
from toylab.models.images.conditional import ConditionalDecoder
from toylab.optim import SGD, AdamW
from toylab.population import Population
from toylab.read.records import recorded
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.taps import Model, Params
from toylab.tasks.concept_space.discs import CONCEPTS, Discs
from toylab.tasks.concept_space.mixture import IdentityMixture, one_layer

from .claims import CLAIMS
from .elicit import FIXED, PLACES, draw, embeddings, responses
from .readings import HOLD

DEPTHS, WIDTH, SPREAD = (1, 2, 3, 4), 4, 0.3  # of linear networks and their first weights
SHOWN = ("naive", f"over {FIXED}", f"latent {FIXED}")  # as pictures
GAPS = ["colour_gap", "size_gap", "masked"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Settings."""

    seeds: int = 24
    colour_gap: float = 0.3
    colour_gaps: tuple[float, ...] = (0.2, 0.4, 0.55, 0.8)  # besides
    size_gap: float = 0.4
    size_gaps: tuple[float, ...] = (0.25, 0.55)  # besides
    masked: tuple[float, ...] = (0.01, 0.02, 0.05, 0.1)  # besides 0 and 1
    pixels: int = 8
    width: int = 64
    steps: int = 4000
    record_every: int = 5
    batch_size: int = 64
    learning_rate: float = 1e-3
    identity_seeds: int = 64
    identity_steps: int = 3000
    identity_rate: float = 0.01

    def __post_init__(self) -> None:
        counts = ("seeds", "steps", "record_every", "batch_size", "width", "pixels")
        check_counts("concept_space", self, *counts)
        check_counts("concept_space", self, "identity_seeds", "identity_steps")
        if (HOLD + 1) * self.record_every > self.steps:
            raise ToylabError(
                f"concept_space: record_every = {self.record_every} gives fewer than {HOLD + 1} "
                f"records in {self.steps} steps, and a time needs {HOLD} in a row; record more."
            )
        for arm in self.arms():
            self.discs(*arm)
        if len(set(self.arms())) < len(self.arms()):
            raise ToylabError("concept_space: a setting is given twice; name each gap once.")

    def arms(self) -> list[tuple[float, float, float]]:
        """Gaps of colour and size, and the share of hidden colours: the main setting first."""
        main = (self.colour_gap, self.size_gap, 0.0)
        colours = [(gap, self.size_gap, 0.0) for gap in self.colour_gaps]
        sizes = [(self.colour_gap, gap, 0.0) for gap in self.size_gaps]
        return [main, *colours, *sizes, *((*main[:2], share) for share in (*self.masked, 1.0))]

    def discs(self, colour_gap: float, size_gap: float, masked: float) -> Discs:
        """World of an arm."""
        return Discs(colour_gap, size_gap, masked, pixels=self.pixels)

    def snapshots(self) -> tuple[int, ...]:
        """Steps of pictures: log-spaced records."""
        last = self.steps // self.record_every
        rungs = np.geomspace(min(4, last), last, 6).round()
        return tuple(sorted({int(r) * self.record_every for r in rungs}))


def populations(config: Config) -> dict[str, Population]:
    """Decoders of discs, and linear networks of every depth."""
    arms = zip(*(arm for arm in config.arms() for _ in range(config.seeds)), strict=True)
    seed = list(range(config.seeds)) * len(config.arms())
    columns: dict[str, Iterable[float]] = dict(zip(GAPS, arms, strict=True))
    found = {
        "discs": Population(
            model=decoder(config),
            task=config.discs(*config.arms()[0]),
            members=zipped(init_seed=seed, data_seed=seed, **columns),
            optimizer=AdamW(config.learning_rate, 0.01),
            steps=config.steps,
            batch_size=config.batch_size,
            record_every=config.record_every,
            snapshots=config.snapshots(),
            metrics=responses,
        )
    }
    return found | {f"identity {depth}": linear(config, depth) for depth in DEPTHS}


def decoder(config: Config) -> ConditionalDecoder:
    """Decoder of discs."""
    width = config.width
    return ConditionalDecoder(embed=width, hidden=(width, width), outputs=2 * config.pixels**2)


def linear(config: Config, depth: int) -> Population:
    """Linear networks of a depth."""
    task = IdentityMixture()
    d = len(task.means)
    sizes = (d, *[WIDTH] * (depth - 1), d)
    scale = tuple(SPREAD * n**0.5 for n in sizes[:-1])
    return Population(
        model=MLP(sizes=sizes, activation="identity", biases=False, init_scale=scale),
        task=task,
        members=seeds(config.identity_seeds),
        optimizer=SGD(config.identity_rate),
        steps=config.identity_steps,
        batch_size=128,
        record_every=max(1, config.identity_steps // 150),
        snapshots=(0,),
        metrics=answer,
    )


def answer(model: Model, params: Params, task: IdentityMixture) -> dict[str, Array]:
    """What a network answers to the new point."""
    point = model.apply(params, jnp.asarray(task.target)[None])[0]
    return dict(zip("xy", point, strict=True))


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Curves of both worlds, and pictures of the new class by the first network."""
    return {
        "curves": curves(config, run),
        "identity": pl.concat([paths(run, depth) for depth in DEPTHS], how="diagonal"),
        "pictures": pictures(config, run),
    }


def curves(config: Config, run: RunFolder) -> pl.DataFrame:
    """What networks show at every record, with the signals of their worlds."""
    main = dict(zip(GAPS, config.arms()[0], strict=True))
    task = config.discs(*main.values())
    but = lambda free: pl.all_horizontal(pl.col(n) == v for n, v in main.items() if n != free)
    columns = {f"of {name}": but(name) for name in GAPS}
    for i, concept in enumerate(CONCEPTS):  # a signal is its gap times a slope that all arms share
        slope = float(task.signal(i, task.places(PLACES)) / task.gaps[i])
        columns[f"{concept} signal"] = slope * pl.col(f"{concept}_gap")
    return recorded(run, "discs").with_columns(**columns)


def paths(run: RunFolder, depth: int) -> pl.DataFrame:
    """Answers to the new point of networks of a depth, with their error and the formula of one."""
    name, task = f"identity {depth}", IdentityMixture()
    found, (mu_x, mu_y) = recorded(run, name).sort("init_seed", "step"), task.target.tolist()
    loss = (pl.col("x") - mu_x) ** 2 + (pl.col("y") - mu_y) ** 2
    way = pl.lit(float(np.hypot(mu_x, mu_y)))
    found = found.with_columns(loss=loss, depth=pl.lit(depth), way=way)
    if depth > 1:
        return found
    start_P = run.params(name, 0)["layers"]["0"]["kernel"].swapaxes(1, 2)
    rate = run.manifest["config"]["identity_rate"]
    time_T = 2 * rate * found["step"].unique().sort().to_numpy()  # the loss has no 1/2
    formula = np.concatenate([one_layer(task, np.asarray(w), time_T) for w in start_P])
    return found.hstack(pl.DataFrame(formula, ["x formula", "y formula"]))


def pictures(config: Config, run: RunFolder) -> np.ndarray:
    """Images of the new class by the first network, in the middle, (prompts, steps, X)."""
    model, task = decoder(config), config.discs(*config.arms()[0])
    rows = []
    for step in config.snapshots():
        params = jax.tree.map(lambda leaf: leaf[0], run.params("discs", step))
        asked, middle = embeddings(model, params, task), np.zeros((1, 2), np.float32)
        rows.append([np.asarray(draw(model, params, asked[n], middle))[0] for n in SHOWN])
    return np.swapaxes(rows, 0, 1)


SHORT: dict[str, int] = {"steps": 40, "record_every": 2, "batch_size": 8}
study = Study(
    name="concept_space",
    title="Concept space: hidden capabilities, and what over-prompting elicits",
    paper="Park et al. 2024, Emergence of Hidden Capabilities (arXiv:2406.19370)",
    presets={
        "smoke": Config(seeds=2, pixels=4, width=8, identity_seeds=2, identity_steps=30, **SHORT),
        "laptop": Config(),
        "paper": Config(seeds=20, pixels=32, width=256, steps=20_000),
    },
    costs={
        "smoke": "1,200 model-steps; compiling takes most of it",
        "laptop": "1,152,000 model-steps of 8 MFLOP, and 768,000 of tiny ones: 4 minutes",
        "paper": "4.8 million model-steps of 0.3 GFLOP: an hour on one GPU",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
