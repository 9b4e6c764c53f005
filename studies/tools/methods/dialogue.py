"""Split-softmax, on dialogues longer than those learned from.

Shape suffixes: P networks, B dialogues, T turns.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.attention_edits import splitting
from toylab.claims import Condition, Expect
from toylab.conditions import passage
from toylab.losses import cross_entropy_from_logits
from toylab.members import seeds
from toylab.models import Transformer
from toylab.population import Population
from toylab.read import Reading, table
from toylab.read.networks import networks, trend
from toylab.runs.run_folder import RunFolder
from toylab.taps import Params, Tap
from toylab.task import Batch
from toylab.tasks.tools.dialects import Dialects
from toylab.train.fast_compile import compiler_options

from .settings import Config, population, spread

WORLD = Dialects(turns=8)
LONG = Dialects(turns=256)
NET = Transformer(WORLD.vocab, 2 * LONG.turns + 1, 32, 1, 2, positions="none")
STRENGTH, PATTERN = 0.8, "blocks/0/attn/pattern"
ROOM, BIN = 2 * LONG.turns + 1, 16  # positions; turns that are averaged
PLACES = {"plain": (0, 1.0), "prompt": (0, STRENGTH), "span": (8, STRENGTH)}  # of one token, and k


def populations(config: Config) -> dict[str, Population]:
    """Networks that learn from short dialogues."""
    return {"dialects": population(config, NET, WORLD, seeds(config.seeds), 1_500)}


def measure(config: Config, run: RunFolder) -> dict[str, pl.DataFrame]:
    """Dialects that networks speak in long dialogues, with and without split-softmax."""
    params_P, members = run.params("dialects"), networks(run, "dialects")
    long = draw(LONG, min(config.samples // 4, 64))
    short = draw(WORLD, config.samples)
    every = jax.jit(dialogues, compiler_options=compiler_options())
    right_PWT, mass_PWT, loss_PW = map(np.asarray, every(params_P, long, short))
    bins = lambda x_PWT: x_PWT.reshape(*x_PWT.shape[:2], -1, BIN).mean(-1).transpose(1, 2, 0)
    axes = {"how": list(PLACES), "turn": np.arange(0, LONG.turns, BIN)}
    spoken = spread(members, axes, right=bins(right_PWT), mass=bins(mass_PWT))
    return {"dialogues": spoken, "costs": spread(members, {"how": list(PLACES)}, loss=loss_PW.T)}


@functools.partial(jax.jit, static_argnums=(0, 1))
def draw(world: Dialects, count: int) -> Batch:
    """Held-out dialogues."""
    return world.batch(jax.random.key(80), count)


def dialogues(params_P: Params, long: Batch, short: Batch) -> tuple[Array, Array, Array]:
    """What :func:`speak` finds, and the loss on short dialogues, each way (P, 3, ...)."""
    places = jnp.array([np.arange(ROOM) == place for place, _ in PLACES.values()])
    strengths = jnp.array([strength for _, strength in PLACES.values()])

    def one(params: Params) -> tuple[Array, Array, Array]:
        def way(row: tuple[Array, Array]) -> tuple[Array, Array, Array]:
            here = splitting([0], row[0][: short.inputs.shape[1]], row[1])
            logits = NET.apply(params, short.inputs, here)
            nats = cross_entropy_from_logits(logits, short.targets) * short.weights
            return *speak(params, long, splitting([0], *row)), nats.sum() / short.weights.sum()

        return jax.lax.map(way, (places, strengths))

    return jax.lax.map(one, params_P)


def speak(params: Params, long: Batch, split: Tap) -> tuple[Array, Array]:
    """Let one network say its words where the cues and its partner's words are given.

    Returns by turn its mean chance of the right word, and attention to the instruction (T,).
    """
    batch, heard = len(long.inputs), []
    turns = [x[:, 1::2].T for x in (long.inputs, long.targets, long.latents["own"])]

    def tap(site: str, value: Array) -> Array:
        value = split(site, value)
        heard.extend([value[:, :, -1, 0]] if site == PATTERN else [])
        return value

    def turn(carry: tuple[Any, Array], row: tuple[Array, ...]) -> tuple[Any, tuple[Array, Array]]:
        (cache, last_B), (t, cue_B, right_B, own_B) = carry, row
        tokens_B2 = jnp.stack([last_B, cue_B], 1)
        logits, cache = NET.extend(params, cache, tokens_B2, 2 * t, tap)
        chance_B = jax.nn.softmax(logits[:, -1])[jnp.arange(batch), right_B]
        said_B = jax.random.categorical(jax.random.fold_in(jax.random.key(82), t), logits[:, -1])
        word_B = jnp.where(own_B, said_B, right_B)
        mean = jnp.mean(chance_B, where=own_B)
        return (cache, word_B), (mean, heard.pop().mean())

    start = NET.cache(batch, ROOM), long.inputs[:, 0]
    return jax.lax.scan(turn, start, (jnp.arange(LONG.turns), *turns))[1]


SPOKEN, COSTS = table("dialogues"), table("costs")


def decay(how: str) -> Reading:
    """How much the chance of the right word falls from the first turns to the last."""
    rows = SPOKEN.filter(how=how)
    return rows.first("turn").value("right") - rows.last("turn").value("right")


def slowed(how: str) -> Reading:
    """Share of the decay that is gone."""
    return 1 - decay(how) / decay("plain")


loss = lambda how: COSTS.filter(how=how).value("loss")
SPEAKS = Condition(
    "within the first turns a network's own words are right, to a tenth",
    SPOKEN.filter(how="plain").first("turn").value("right"),
    Expect.above(0.9),
)
li = passage("Li et al. 2024 (2402.10962), section 5", requires=(SPEAKS,))
CLAIMS = (
    li(
        "attention_to_the_prompt_decays",
        "The attention that an instruction gets falls, turn by turn, in long dialogues (Spearman).",
        trend(SPOKEN.filter(how="plain"), pl.col("mass").mean(), "turn"),
        Expect.below(-0.8),
        bar="ours: 0.8, in order but for a few; even attention would have 1/t",
    ),
    li(
        "split_softmax_slows_drift",
        f"Split-softmax of strength {STRENGTH} on the instruction takes away three tenths of the "
        "fall of a network's right words over 256 turns.",
        slowed("prompt"),
        Expect.above(0.3),
        bar="ours: three tenths, a difference that a reader sees by eye",
        control=(
            Condition("on another token it does a twentieth", slowed("span"), Expect.below(0.05)),
            Condition(
                "in short dialogues the loss grows by a twentieth",
                loss("prompt") / loss("plain") - 1,
                Expect.below(0.05),
            ),
        ),
    ),
)
