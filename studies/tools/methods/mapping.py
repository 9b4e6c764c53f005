"""Function vectors of networks that find a shift in examples and apply it.

Shape suffixes: P networks, T tasks, X queries, B = T X prompts, L tokens, H heads, K head dim, D
width.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.steering.function_vectors import (
    function_vectors,
    indirect_effects,
    last_chances,
    means_of_others,
)
from toylab.analysis.steering.heads import best_heads
from toylab.change import NOTHING, Change, at, run_changes, steer
from toylab.claims import Condition, Expect
from toylab.conditions import only, passage
from toylab.members import seeds
from toylab.models import Transformer
from toylab.population import Population
from toylab.read import table
from toylab.read.networks import networks
from toylab.runs.run_folder import RunFolder
from toylab.taps import Params
from toylab.taps import run as run_model
from toylab.tasks.tools.shifts import Shifts

from .settings import Config, population, spread

WORLD = Shifts()
N, S = WORLD.side, WORLD.symbols
SIZES: dict[str, Any] = {"width": 32, "depth": 2, "heads": 4, "hidden": 128, "n_out": S}
NET = Transformer(WORLD.vocab, WORLD.length, **SIZES, positions="none", read="last")
HEADS, SETS = 4, 8  # heads of a vector; sets of examples for its means
SITES = ("blocks/0/resid_mid", "blocks/0/resid_post", "blocks/1/resid_mid")
KINDS = ("vector", "drawn", "sum", "part")


def populations(config: Config) -> dict[str, Population]:
    """Networks that answer in context, over all shifts."""
    return {"shifts": population(config, NET, WORLD, seeds(config.seeds), 3_000)}


@jax.jit
def prompts(seed: int | Array) -> tuple[Array, Array]:
    """Every shift with every symbol asked for, after random others, (B, L); its answers (B,)."""
    keys = jax.random.split(jax.random.key(seed), S * S)
    shift_B, x_B = (jnp.asarray(x, jnp.int32) for x in np.divmod(np.arange(S * S), S))

    def one(key: Array, x: Array, shift: Array) -> tuple[Array, Array]:
        others = jax.random.permutation(key, S - 1)[: WORLD.length - 1]
        batch = WORLD.tell(
            jnp.append(jnp.where(others >= x, others + 1, others), x), shift, WORLD.length - 1
        )
        return batch.inputs, batch.targets

    return jax.vmap(one)(keys, x_B, shift_B)


def measure(config: Config, run: RunFolder) -> dict[str, pl.DataFrame]:
    """What each head does for answers; answers in context, and to a symbol alone with a vector."""
    params_P, members = run.params("shifts"), networks(run, "shifts")
    tokens_BL, answer_B = prompts(0)
    means, told_P = task_means(params_P)
    mute_BL = np.array(tokens_BL)
    noise = np.random.default_rng(1).integers(0, S, mute_BL[:, :-1].shape)
    mute_BL[:, :-1] += noise - mute_BL[:, :-1] % S  # as S divides the first example's token
    effect_PIH = indirect_effects(NET, params_P, jnp.asarray(mute_BL), answer_B, means)
    vectors = vectors_of(params_P, means, effect_PIH)
    changes = [moved(site, d_PBD) for d_PBD in vectors.values() for site in SITES]
    blank_BL = tokens_BL.at[:, :-1].set(WORLD.vocab - 1)
    found_CPTX = answers(params_P, blank_BL, [NOTHING, *changes], answer_B)
    shares = {"in_context": told_P, "alone": found_CPTX[0].mean((1, 2))}
    kinds = np.split(found_CPTX[1:], len(vectors))
    shares |= at_the_best_site(dict(zip(vectors, kinds, strict=True)))
    effects = spread(members, {"layer": None, "head": None}, effect=effect_PIH.transpose(1, 2, 0))
    return {"heads": effects, "vectors": members.with_columns(**shares)}


def answers(params_P: Params, tokens: Array, changes: list[Change], answer_B: Array) -> np.ndarray:
    """Which prompts each network answers right under each change (C, P, T, X); NaN if broken."""
    p_CPBV = np.asarray(run_changes(NET, params_P, tokens, changes, last_chances))
    right = np.where(np.isfinite(p_CPBV).all(-1), p_CPBV.argmax(-1) == np.asarray(answer_B), np.nan)
    return right.reshape(*right.shape[:2], S, S)


def moved(site: str, d_PBD: np.ndarray) -> Change:
    """The change that adds vectors to a site at the last position."""
    d_PB1D = d_PBD[:, :, None]
    return steer(at(site, -1), jnp.asarray(d_PB1D), np.linalg.norm(d_PB1D, axis=-1))


def task_means(params_P: Params) -> tuple[dict[int, np.ndarray], np.ndarray]:
    """By layer, outputs of heads at the last position, mean over a task's other queries.

    And the share that each network answers right in context (P,).
    """
    found = [look(params_P, *prompts(seed)) for seed in range(1, 1 + SETS)]
    tasks = lambda z: means_of_others(z.reshape(len(z), S, S, -1)).reshape(z.shape)
    means = [tasks(np.mean([z_IPBHK[i] for z_IPBHK, _ in found], 0)) for i in range(NET.depth)]
    return dict(enumerate(means)), np.mean([right_P for _, right_P in found], 0)


@jax.jit
def look(params_P: Params, tokens_BL: Array, answer_B: Array) -> tuple[list[Array], Array]:
    """Outputs of heads at the last position by layer, (P, B, H, K), and the share right (P,)."""
    logits, acts = run_model(NET, params_P, tokens_BL, ("blocks/*/attn/z",))
    right_P = (logits.argmax(-1) == answer_B[None]).mean(-1)
    right_P = jnp.where(jnp.isfinite(logits).all((1, 2)), right_P, jnp.nan)
    return [z[:, :, -1] for z in acts.values()], right_P


def vectors_of(params_P: Params, means: dict, effect_PIH: np.ndarray) -> dict[str, np.ndarray]:
    """Vectors of each prompt's task, (P, B, D), by kind.

    ``vector``, of the heads of most effect; ``drawn``, of as many other heads, as long; ``sum``,
    of shift (i, j) as (i, 0) + (0, j) - (0, 0); ``part``, (i, 0) alone.
    """
    rng, found = np.random.default_rng(0), []
    for p, effect_IH in enumerate(effect_PIH):
        own = jax.tree.map(lambda leaf, p=p: leaf[p], params_P)
        chosen = best_heads(effect_IH, HEADS)
        other = best_heads(np.where(chosen, -1, rng.random(chosen.shape)), HEADS)
        said = {layer: z_PBHK[p] for layer, z_PBHK in means.items()}
        sides = [function_vectors(own, said, heads) for heads in (chosen, other)]
        length = np.linalg.norm(sides[0], axis=-1) / np.linalg.norm(sides[1], axis=-1)
        grid_NNXD = sides[0].reshape(N, N, S, -1)
        part = grid_NNXD[:, :1] + 0 * grid_NNXD
        added = part + grid_NNXD[:1] - grid_NNXD[:1, :1]
        row = sides[0], sides[1] * length[:, None], *(x.reshape(S * S, -1) for x in (added, part))
        found.append(row)
    return dict(zip(KINDS, map(np.stack, zip(*found, strict=True)), strict=True))


def at_the_best_site(right: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Share right with each kind of vector, where the first half of the symbols is best by it.

    Of the other half of the symbols alone; of sums and parts, over shifts in both directions.
    """
    both_T = np.array([i > 0 and j > 0 for i, j in np.ndindex(N, N)])
    dev_CP = right["vector"][..., : S // 2].mean((2, 3))
    best_P = np.where(np.isnan(dev_CP), -1, dev_CP).argmax(0)
    found = {"site": best_P}
    for kind, right_CPTX in right.items():
        own_PTX = right_CPTX[best_P, np.arange(len(best_P))][..., S // 2 :]
        found[kind] = own_PTX[:, both_T if kind in KINDS[2:] else slice(None)].mean((1, 2))
    return found


VECTORS = table("vectors")
share = VECTORS.value
MAPS = Condition(
    "answers in context are right, to a twentieth", share("in_context"), Expect.above(0.95)
)
todd = passage("Todd et al. 2023 (2310.15213), section 3", requires=(MAPS,))
CLAIMS = (
    todd(
        "function_vector_tells_the_task",
        "Function vectors: what the four heads of most effect write in the mean, added to a symbol "
        "alone, has it answered six tenths as well as examples do.",
        share("vector") / share("in_context"),
        Expect.above(0.6),
        bar="ours: six tenths, far above a guess of 1/9",
        control=only(
            "as many other heads, as long, add a twentieth to a symbol alone",
            share("drawn") - share("alone"),
            Expect.below(0.05),
        ),
    ),
    todd(
        "function_vectors_add_up",
        "The vector of a shift in both directions can be put together from those of each: it does "
        "half as well as the shift's own.",
        share("sum") / share("vector"),
        Expect.above(0.5),
        at="section 3.3",
        bar="ours: half; the paper finds sums that work and some that do not",
        control=only(
            "one direction alone does not", share("part") / share("vector"), Expect.below(0.3)
        ),
    ),
)
