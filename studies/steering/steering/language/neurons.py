"""Knowledge neurons of the stored facts, found by integrated gradients and ablated.

Prompts are ``FACT s r``; units are those of every block's MLP at the relation.

N facts, I blocks, F units of a block, P members.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.attribution.knowledge import integrated_gradients, top_neurons
from toylab.models.transformer import Transformer
from toylab.read.tables import long_table
from toylab.taps import Edit, Params, run
from toylab.tasks.steering.phrases_prompts import fact_prompts

from .network import JUDGED, Config

STEPS = 20
OTHERS = 16


def _probability(
    model: Transformer, params: Params, tokens: Array, answer: Array, gate_IF: Array
) -> Array:
    """Probability of an answer (...) with the units at the last position times their gates."""
    where = (jnp.arange(3) == 2)[:, None]
    edits = [Edit(f"blocks/{i}/mlp/post", "scale", row, where) for i, row in enumerate(gate_IF)]
    logits = run(model, params, tokens.reshape(-1, 3), edits=edits)[0][:, -1]
    p = jnp.take_along_axis(jax.nn.softmax(logits, -1), answer.reshape(-1, 1), 1)
    return p.reshape(answer.shape)


@functools.partial(jax.jit, static_argnums=0)
def _attribute(model: Transformer, params_P: Params, tokens_N3: Array, answer_N: Array) -> Array:
    """Integrated gradients of each fact's probability, one block at a time, (P, N, I, F)."""
    row_I1 = jnp.arange(model.depth)[:, None]

    def one(params: Params, tokens: Array, answer: Array, block: Array) -> Array:
        def f(gate_F: Array) -> Array:
            gate_IF = jnp.where(row_I1 == block, gate_F[None], 1.0)
            return _probability(model, params, tokens[None], answer[None], gate_IF)[0]

        # In gates, x = 1: x dP/dx is the unit's activation times dP/d(activation).
        return integrated_gradients(f, jnp.ones(model.hidden, jnp.float32), STEPS)

    blocks = jax.vmap(one, (None, None, None, 0))
    facts = jax.vmap(blocks, (None, 0, 0, None))
    member = lambda params: facts(params, tokens_N3, answer_N, jnp.arange(model.depth))
    return jax.vmap(member)(params_P)


@functools.partial(jax.jit, static_argnums=0)
def _ablate(
    model: Transformer, params_P: Params, tokens_NM3: Array, answer_NM: Array, gate_PANIF: Array
) -> Array:
    """Probabilities (P, A, N, M) of M answers under the gates of each arm and fact."""

    def one(params: Params, gate_ANIF: Array) -> Array:
        read = lambda x: _probability(model, params, *x)
        arm = lambda gate_NIF: jax.lax.map(read, (tokens_NM3, answer_NM, gate_NIF))
        return jax.lax.map(arm, gate_ANIF)

    return jax.vmap(one)(params_P, gate_PANIF)


def chosen_facts(config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Facts (N, 1 + OTHERS, 3) and answers (N, 1 + OTHERS): a fact, then others' of any relation.

    Facts take relations in turn; the others are of other subjects.
    """
    rng, prompts = np.random.default_rng(JUDGED), fact_prompts(config.world())
    objects = config.world().objects()
    n_relations, n_subjects = objects.shape
    n = min(config.lm_facts, n_subjects)
    subject, relation = rng.permutation(n_subjects)[:n], np.arange(n) % n_relations
    # Of any other subject: a shift around the ring of subjects that is not zero.
    others = (subject[:, None] + rng.integers(1, n_subjects, (n, OTHERS))) % n_subjects
    kinds = rng.integers(n_relations, size=(n, OTHERS))
    s = np.concatenate([subject[:, None], others], 1)
    r = np.concatenate([relation[:, None], kinds], 1)
    return prompts[r, s], objects[r, s].astype(np.int32)


def neuron_table(config: Config, params_P: Params) -> pl.DataFrame:
    """Table ``neurons``: by seed, arm and fact, the fraction of the probability that is lost."""
    model = config.model()
    tokens, answers = chosen_facts(config)
    found = _attribute(model, params_P, jnp.asarray(tokens[:, 0]), jnp.asarray(answers[:, 0]))
    score = np.asarray(found).reshape(*found.shape[:2], -1)
    top = top_neurons(np.nan_to_num(score), config.lm_neurons)
    rng = np.random.default_rng(JUDGED)
    arms = {"none": np.zeros_like(top), "top": top}
    for draw in range(config.lm_random):
        arms[f"random {draw}"] = top_neurons(rng.random(top.shape), config.lm_neurons)
    gate_PANIF = np.stack([~a for a in arms.values()], 1).astype(np.float32)
    gate_PANIF = gate_PANIF.reshape(*gate_PANIF.shape[:3], model.depth, model.hidden)
    inputs = (jnp.asarray(x) for x in (tokens, answers, gate_PANIF))
    p_PANM = np.asarray(_ablate(model, params_P, *inputs))
    own, others = p_PANM[..., 0], p_PANM[..., 1:].mean(-1)
    table = long_table(
        {"init_seed": None, "arm": [name.split()[0] for name in arms], "fact": None},
        before=np.broadcast_to(own[:, :1], own.shape),
        own=1 - own / own[:, :1],
        others=1 - others / others[:, :1],
    )
    return table.filter(pl.col("arm") != "none")
