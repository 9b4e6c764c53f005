"""Choice on scenes: without a cue the network answers by any rule, and a reward wants one.

S seeds, R rules, N scenes, A answers, K samples.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.steering.choice import best_of, fit_values, sample, tilted, values
from toylab.models.mlp import MLP
from toylab.read.tables import long_table
from toylab.taps import Params, run
from toylab.tasks.steering.scenes import NO_CUE, cued

from .networks import SceneNets, Split, hidden_sites

KS = (1, 2, 4, 8, 16, 32)
BETA = 0.1
CHOOSERS = ("probe", "untrained features", "oracle", "limit")
SEED = 108


@functools.partial(jax.jit, static_argnums=(0,))
def _rewards(
    model: MLP, splits: list[Split], uniform: list[Array], trained: Params, untrained: Params
) -> Array:
    """Mean rewards (S, choosers, K) over rules and scenes.

    ``uniform`` holds numbers that pick answers in either split.
    """
    asked = [cued(p, jnp.full(len(p), NO_CUE, jnp.int32)) for p, _ in splits]

    def look(params: Params, inputs: Array) -> tuple[Array, Array]:
        logits, acts = run(model, params, inputs, record=hidden_sites(model))
        return logits, jnp.concatenate([acts[site] for site in hidden_sites(model)], -1)

    def one(args: tuple[Params, Params]) -> Array:
        own, first = args
        (fit_logits, fit_features), (logits, features) = (look(own, x) for x in asked)
        fresh_fit, fresh = (look(first, x)[1] for x in asked)
        tried = sample(uniform[0], fit_logits)[:, 0]
        answer_NK = sample(uniform[1], logits)

        def rule(fit_label: Array, label: Array) -> Array:
            earned = (tried == fit_label).astype(jnp.float32)
            good_NK = (answer_NK == label[:, None]).astype(jnp.float32)
            # One fit of both: two eigendecompositions at once, each waiting for XLA's pool of two
            # threads, lock it up for ever on a machine of two cores.
            both = [jnp.stack(x) for x in ((fit_features, fresh_fit), (features, fresh))]
            twice = lambda x: jnp.stack([x, x])
            q_NA, plain = values(fit_values(both[0], twice(tried), twice(earned), 4), both[1])
            of = lambda q: jnp.take_along_axis(q, answer_NK, 1)
            # An oracle's Q is the reward itself, many times beta.
            q_QNK = jnp.stack([of(q_NA), of(plain), 100 * good_NK])
            law = tilted(jax.nn.softmax(logits, -1), q_NA, BETA)
            limit = jnp.take_along_axis(law, label[:, None], 1).mean()
            # Every Q is tried with the same random numbers.
            best = lambda q_NK, k: best_of(jax.random.key(SEED), q_NK, good_NK, k, BETA)
            every_k = jax.vmap(best, in_axes=(None, 0))
            picked = jax.vmap(every_k, in_axes=(0, None))(q_QNK, jnp.array(KS, jnp.int32))
            return jnp.concatenate([picked, jnp.full((1, len(KS)), limit)])

        return jax.vmap(rule)(splits[0][1].T, splits[1][1].T).mean(0)

    return jax.lax.map(one, (trained, untrained))


def choice_table(model: MLP, nets: SceneNets, fit: Split, test: Split) -> pl.DataFrame:
    """Table ``toy_choice``: reward of every chooser among k samples.

    ``limit`` is the reward of the policy that the choice tends to, ``pi0 exp(Q / beta) / Z``.

    Args:
        model: the perceptron.
        nets: ``mixed`` and ``untrained`` are used.
        fit: scenes that Q is fitted on.
        test: scenes that are judged.
    """
    rng = np.random.default_rng(SEED)
    sizes = ((len(fit[0]), 1), (len(test[0]), max(KS)))
    uniform = [rng.random(size, np.float32) for size in sizes]
    rewards = _rewards(model, [fit, test], uniform, nets.mixed, nets.untrained)
    return long_table({"init_seed": None, "chooser": CHOOSERS, "k": KS}, reward=rewards)
