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
the start is decoded (0.80), but a layer of neurons on a record of the text reads it better (0.95),
so it shows nothing of the network. Confounded besides: that content and success grow together (R2
of 0.93). With the prompts that other networks solve content has an R2 of 0.92, as any two curves
may that rise fast, then slowly. Left open: whether their changes have more in common than those of
two networks (a correlation of 0.45, 0.41 with others), and whether solving programs are longer than
the exact law's (by 0.05 of an action, -0.01 to 0.11). Networks solve 93% of prompts. Edits along
the probe bring 50% of next symbols to the other goal's, random ones 19%, those of another meaning's
probe 16%.

Tried: 4,000 steps, by which three of sixteen networks solved less than 88%, thirteen had a loss
above the floor of a single example, and edits were left open. On two seeds, 7,000 steps of 32
prompts learned less well than 4,000 of 64. Networks trained on long programs alone solved 38% to
82% and were left out. What is still to go is decoded in the robot's own frame, and not along the
axes of the grid.

Source: Jin and Rinard 2024 (arXiv:2305.11169), with their code.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.errors import check_counts
from toylab.losses import cross_entropy
from toylab.members import seeds
from toylab.models import Transformer
from toylab.models.sampling import generate
from toylab.optim import AdamW, cosine
from toylab.population import Population
from toylab.read.networks import networks
from toylab.read.tables import labelled, stacked
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.taps import Edit, Params
from toylab.task import Batch
from toylab.tasks.karel.exams import Exam
from toylab.tasks.karel.goals import draw_cases
from toylab.tasks.karel.karel import Karel
from toylab.tasks.karel.texts import Texts, read

from .claims import CLAIMS
from .edits import effects
from .probes import Bench, Decoded

NEVER = -1e9  # added to a logit
JUDGED = 31  # seed of the prompts
MAIN = "main"
STRENGTHS = (1.0, 2.0, 3.0)
LARGE: Mapping[str, Any] = {"steps": 30_000, "batch_size": 256, "learning_rate": 5e-4}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Settings."""

    seeds: int = 16
    size: int = 4
    examples: int = 2
    longest: int = 6
    width: int = 48
    depth: int = 3
    heads: int = 4
    steps: int = 6_000
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


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Programs written and states decoded through training; edits of trained networks."""
    exam = Exam(config.world(), config.prompts, JUDGED)
    about = networks(run, MAIN).select("member", "init_seed", "diverged")
    model, bench, parts, belief = config.model(), Bench(exam), [], []
    for step in run.steps(MAIN):
        last, params_P = step == config.steps, run.params(MAIN, step)
        own_P, ends = written(config, exam, params_P)
        members = (jax.tree.map(lambda leaf, p=p: leaf[p], params_P) for p in range(config.seeds))
        found = [bench.decoded(model, *own, last) for own in zip(members, own_P, strict=True)]
        scores = [labelled(own.scores, member=p) for p, own in enumerate(found)]
        tables = {"ends": ends, "probes": pl.concat(scores)}
        tables |= {"edits": edited(config, exam, params_P, found)} if last else {}
        told = {name: labelled(own, step=step) for name, own in tables.items()}
        parts.append({name: about.join(own, on="member") for name, own in told.items()})
        belief.append([own.belief for own in found])
    latents, shown = exam.batch.latents, exam.shown
    states = np.stack([latents[name][shown] for name in ("row", "column", "facing")], 1)
    views = {"shown_tokens": exam.given.tokens[shown], "shown_states": states}
    return stacked(parts) | views | {"belief": np.array(belief)}


def written(config: Config, exam: Exam, params_P: Any) -> tuple[list[Texts], pl.DataFrame]:
    """What every network writes after the prompts, and how well."""
    model, task = config.model(), exam.task
    tokens_PBT = np.asarray(write(model, task, params_P, jnp.asarray(exam.prompts)))
    own_P = [read(task, exam.prompts, tokens_BT) for tokens_BT in tokens_PBT]
    loss_P = np.asarray(losses(model, params_P, exam.batch)) * (config.longest + 1)
    both = enumerate(zip(own_P, loss_P, strict=True))
    rows = [{"member": p} | exam.answered(own, float(loss)) for p, (own, loss) in both]
    return own_P, pl.DataFrame(rows)


def edited(config: Config, exam: Exam, params_P: Any, decoded: list[Decoded]) -> pl.DataFrame:
    """Edits of every network along its probes, and along random directions."""
    vectors = np.stack([found.directions for found in decoded], 1)
    scale_PS = np.stack([found.scale for found in decoded])
    cases = draw_cases(exam.task, exam.given, exam.batch.latents["to_turn"], JUDGED)
    return effects(config.model(), params_P, cases, vectors, scale_PS, STRENGTHS)


@functools.partial(jax.jit, static_argnums=(0, 1))
def write(model: Transformer, task: Karel, params_P: Params, prompts_BL: Array) -> Array:
    """Programs (P, B, T + 1) by the likeliest token, among actions and END alone, until END."""
    grammar = jnp.where(jnp.arange(task.vocab) > task.code, 0.0, NEVER).astype(jnp.float32)
    edits, end = (Edit("final/logits", "add", grammar),), task.vocab - 1

    def one(params: Params) -> Array:
        key, length = jax.random.key(0), task.longest + 1
        return generate(model, params, prompts_BL, length, key, 0, end, end, edits)[0]

    return jax.vmap(one)(params_P)


@functools.partial(jax.jit, static_argnums=0)
def losses(model: Transformer, params_P: Params, batch: Batch) -> Array:
    """Mean loss of every member (P,)."""
    return jax.vmap(lambda params: cross_entropy(model, params, batch).mean())(params_P)


SMALL = Config(seeds=2, longest=4, width=16, depth=2, heads=2, prompts=150)

study = Study(
    name="karel",
    title="Karel: states of programs in a network that writes them",
    paper="Jin and Rinard 2024, Emergent Representations of Program Semantics (arXiv:2305.11169)",
    presets={
        "smoke": dataclasses.replace(SMALL, steps=20, batch_size=16, snapshots=3),
        "laptop": Config(),
        "paper": Config(
            seeds=8, size=8, examples=5, longest=10, width=256, depth=6, heads=8, **LARGE
        ),
    },
    costs={
        "smoke": "40 steps; compiling takes most of it",
        "laptop": "96,000 model-steps of 0.4 GFLOP: 9 minutes; measures: 4",
        "paper": "240,000 model-steps of 160 GFLOP, for one GPU",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
