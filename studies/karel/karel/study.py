"""Karel: does a network that learns to write programs follow the states they pass through?

    toylab run karel

Jin and Rinard train a language model on programs, each after examples of what it does, and find
that probes decode the state a program is in, though no state but the first and the last is ever
shown. Against the objection that the network records tokens and the probe interprets them they set
other semantics: the same text, run with other meanings of the actions, is decoded less well.

Here the grid is open and programs are so short that all 1,092 can be listed. So the law of the next
symbol is known exactly, and with it the least loss, the programs that fit and the program that the
likeliest symbols make; and a case can be found where another goal asks for another symbol.

What is done otherwise. A state is one token and there are no markers and no inner walls. States are
seen from the start and towards the goal as well as on the grid, since programs for two examples are
settled by motion, not by place. A state is looked for at the token of its action, after which the
network has read it, on programs that probes were not fitted on, given ones but where the text says
the network's own. Other meanings exchange the move with a turn (a mirror would leave headings as
easy), and what is still to go is towards the prompt's goal under each: so the text tells as much of
one meaning as of another. Beside every probe stand a record of the text (the prompt, and how often
each action was written), linear and with a hidden layer, and the majority class after as many
actions. Position still to go is in the robot's own frame; semantic content is the geometric mean
over heading and position still to go and the wall ahead.

Did not reproduce: the heading on the grid, which a probe reads no better than the majority class
does (0.01 of what there is to read); programs for two examples do not need it. The heading since
the start is decoded (0.74), but a layer of neurons on a record of the text reads it better (0.95),
so it shows nothing of the network. Left open: networks solve 90% of prompts, with an interval from
85% to 93%, and the loss of seven in eight lies above the floor of a single example, by up to 0.53
nats, so that it does not show that they use the second. Programs are 0.7 actions shorter than the
average that fits, as are those of the exact law's likeliest symbols, to within 0.12. Edits along
the probe bring 39% of next symbols to the other goal's, random ones 19%, those of another meaning's
probe 16%; seeds differ too much to say that it is twice as many. Between checkpoints, content and
accuracy change together with a correlation of 0.42, from -0.13 to 0.64.

Tried, on two seeds: 7,000 steps of 32 prompts learn less well than 4,000 of 64. Networks trained on
long programs alone solved 38% to 82% and were left out. What is still to go is decoded in the
robot's own frame, and not along the axes of the grid.

Source: Jin and Rinard 2024 (arXiv:2305.11169), with their code.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from toylab.errors import check_counts
from toylab.losses import cross_entropy
from toylab.members import seeds
from toylab.models import Transformer
from toylab.optim import AdamW, cosine
from toylab.population import Population
from toylab.read.networks import networks
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.karel.goals import draw_cases
from toylab.tasks.karel.karel import Karel
from toylab.tasks.karel.texts import Texts, read

from .bench import Bench, Decoded, losses, write
from .claims import CLAIMS
from .edits import effects

JUDGED = 31  # seed of the prompts
MAIN = "main"
STRENGTHS = (1.0, 2.0, 3.0)
LARGE: Mapping[str, Any] = {"steps": 30_000, "batch_size": 256, "learning_rate": 5e-4}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Settings."""

    seeds: int = 8
    size: int = 4
    examples: int = 2
    longest: int = 6
    width: int = 48
    depth: int = 3
    heads: int = 4
    steps: int = 4_000
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    snapshots: int = 8  # their distances grow evenly
    prompts: int = 1_500  # to judge on

    def __post_init__(self) -> None:
        check_counts("karel", self, "seeds", "steps", "snapshots", "prompts")
        _ = self.world()

    def world(self) -> Karel:
        """The task."""
        return Karel(self.size, self.examples, self.longest)

    def model(self) -> Transformer:
        """A causal transformer over states and actions."""
        task, hidden = self.world(), 4 * self.width
        sizes = (task.vocab, task.length, self.width, self.depth, self.heads)
        return Transformer(*sizes, hidden=hidden, norm="layer", biases=True)


def populations(config: Config) -> dict[str, Population]:
    """Networks that differ in their seed."""
    schedule = cosine(config.steps, warmup=config.steps // 40, floor=0.05)
    shares = np.arange(config.snapshots) / config.snapshots
    kept = {round(config.steps * share**2) for share in shares}
    population = Population(
        model=config.model(),
        task=config.world(),
        members=seeds(config.seeds),
        optimizer=AdamW(config.learning_rate, config.weight_decay, b2=0.99, schedule=schedule),
        steps=config.steps,
        batch_size=config.batch_size,
        loss=cross_entropy,
        snapshots=tuple(sorted(kept)),
    )
    return {MAIN: population}


Snapshot = tuple[int, list[dict[str, Any]], Any]  # step, networks, parameters


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Programs written and states decoded through training; edits of trained networks."""
    about_P = networks(run, MAIN).select("init_seed", "diverged").to_dicts()
    snapshots = [(step, about_P, run.params(MAIN, step)) for step in run.steps(MAIN)]
    return measured(config, Bench(config.world(), config.prompts, JUDGED), snapshots)


def measured(
    config: Config, bench: Bench, snapshots: Sequence[Snapshot]
) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Tables of networks at several steps, in the order of steps."""
    rows: dict[str, list[dict[str, Any]]] = {"ends": [], "probes": [], "edits": []}
    decoded: list[list[Decoded]] = []
    for step, about_P, params_P in snapshots:
        own_P, answered = _written(config, bench, params_P)
        decoded.append(_decoded(config, bench, params_P, own_P, step == config.steps))
        found = {"ends": [[row] for row in answered], "probes": [own.rows for own in decoded[-1]]}
        if step == config.steps:
            found["edits"] = _edited(config, bench, params_P, decoded[-1])
        for name, rows_P in found.items():
            pairs = zip(about_P, rows_P, strict=True)
            rows[name] += [{"step": step} | about | row for about, own in pairs for row in own]
    tables = {name: pl.DataFrame(own, infer_schema_length=None) for name, own in rows.items()}
    latents = bench.batch.latents
    return tables | {
        "belief": np.array([[found.belief for found in own] for own in decoded]),
        "shown_tokens": bench.given.tokens[bench.shown],
        "shown_states": np.stack([latents[n][bench.shown] for n in ("row", "column", "facing")], 1),
    }


def _written(
    config: Config, bench: Bench, params_P: Any
) -> tuple[list[Texts], list[dict[str, float]]]:
    """What every network writes after the prompts, and how well."""
    model, task = config.model(), bench.task
    written = np.asarray(write(model, task, params_P, jnp.asarray(bench.prompts)))
    own_P = [read(task, bench.prompts, tokens_BT) for tokens_BT in written]
    loss_P = np.asarray(losses(model, params_P, bench.batch)) * (config.longest + 1)
    pairs = zip(own_P, loss_P, strict=True)
    return own_P, [bench.answered(own, float(loss)) for own, loss in pairs]


def _decoded(
    config: Config, bench: Bench, params_P: Any, own_P: list[Texts], end: bool
) -> list[Decoded]:
    model, found = config.model(), []
    for p, own in enumerate(own_P):
        params = jax.tree.map(lambda leaf, p=p: leaf[p], params_P)
        found.append(bench.decoded(model, params, own, end))
    return found


def _edited(
    config: Config, bench: Bench, params_P: Any, decoded: list[Decoded]
) -> list[list[dict[str, Any]]]:
    """Edits of every network along its probes, and along random directions."""
    vectors = np.stack([found.directions for found in decoded], 1)
    scale_PS = np.stack([found.scale for found in decoded])
    cases = draw_cases(bench.task, bench.given, bench.batch.latents["to_turn"], JUDGED)
    return effects(config.model(), params_P, cases, vectors, scale_PS, STRENGTHS)


SMALL = Config(seeds=2, longest=4, width=16, depth=2, heads=2, prompts=150)

study = Study(
    name="karel",
    title="Karel: states of programs in a network that writes them",
    paper="Jin and Rinard 2024, Emergent Representations of Program Semantics (arXiv:2305.11169)",
    presets={
        "smoke": dataclasses.replace(SMALL, steps=20, batch_size=16, snapshots=3),
        "laptop": Config(),
        "paper": Config(size=8, examples=5, longest=10, width=256, depth=6, heads=8, **LARGE),
    },
    costs={
        "smoke": "40 steps; compiling takes most of it",
        "laptop": "32,000 model-steps of 0.3 GFLOP: 3 minutes; measures: 2",
        "paper": "240,000 model-steps of 160 GFLOP, for one GPU",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
