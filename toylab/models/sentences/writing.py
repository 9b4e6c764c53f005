"""Sentences written from codes, token by token, the likeliest or drawn; and codes read of them.

Shape suffixes: B batch, L length, C numbers of the code, M one more, V vocabulary.
"""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from toylab import random
from toylab.models.sentences.autoencoder import SentenceAutoencoder
from toylab.models.sentences.evidence import divergence
from toylab.taps import Params
from toylab.task import Number


def write(
    model: SentenceAutoencoder,
    params: Params,
    code: Float[Array, "B C"],
    key: Array,
    temperature: Number = 1.0,
    end: int = 0,
) -> Int[Array, "B L"]:
    """Write a sentence from each code, filled up with its end token.

    Args:
        model: the autoencoder.
        params: of one member.
        code: points, of any origin.
        key: of the draws.
        temperature: 1 draws from the decoder, 0 takes its likeliest token; may be traced.
        end: token that starts and ends a sentence.
    """
    shape = len(code), model.length
    # One place more than the decoder sees: its input is the start token, then what was written.
    logits = lambda inputs_BM: model.decode(params, code, inputs_BM[:, :-1])
    heat = jnp.asarray(temperature, jnp.float32)

    def step(carry: tuple[Array, Array], t: Array) -> tuple[tuple[Array, Array], None]:
        inputs_BM, done_B = carry
        logits_BV = jax.lax.dynamic_index_in_dim(logits(inputs_BM), t, 1, keepdims=False)
        u_BV = random.uniform(random.fold_in(key, t), logits_BV.shape)
        noise_BV = -jnp.log(-jnp.log(jnp.clip(u_BV, 1e-9, 1 - 1e-7)))
        token_B = jnp.argmax(logits_BV + heat * noise_BV, 1).astype(jnp.int32)
        token_B = jnp.where(done_B, jnp.int32(end), token_B)
        inputs_BM = jax.lax.dynamic_update_index_in_dim(inputs_BM, token_B, t + 1, 1)
        return (inputs_BM, done_B | (token_B == end)), None

    first = jnp.full((shape[0], shape[1] + 1), end, jnp.int32), jnp.zeros(shape[0], bool)
    (inputs_BM, _), _ = jax.lax.scan(step, first, jnp.arange(shape[1], dtype=jnp.int32))
    return inputs_BM[:, 1:]


def write_all(
    model: SentenceAutoencoder,
    params: Params,
    code: Float[np.ndarray, "N C"],
    key: Array,
    temperature: float = 1.0,
    block: int = 1024,
) -> Int[np.ndarray, "N L"]:
    """Write sentences from any number of codes, in blocks of one shape, which is compiled once.

    Args:
        model, params, code, key, temperature: as in :func:`write`.
        block: codes at a time.
    """
    n = len(code)
    whole = np.zeros((-(-n // block) * block, model.code), np.float32)
    whole[:n] = code
    plain = dataclasses.replace(model, bounded=0, dims=0)  # which no decoder reads
    parts = [
        np.asarray(_write(plain, params, part, random.fold_in(key, i), temperature))
        for i, part in enumerate(whole.reshape(-1, block, model.code))
    ]
    return np.concatenate(parts)[:n]


def read_all(
    model: SentenceAutoencoder, params: Params, inputs: Int[Array, "N L"]
) -> tuple[Float[np.ndarray, "N C"], Float[np.ndarray, " N"]]:
    """Return the codes of sentences, without noise, and their divergences from N(0, 1) in nats.

    Args:
        model: the autoencoder; its numbers may differ from call to call without another compiling.
        params: of one member.
        inputs: sentences behind their start token.
    """
    plain = dataclasses.replace(model, bounded=0, dims=0)
    code_NC, nats_N = _read(plain, params, inputs, model.bounded, model.dims)
    return np.asarray(code_NC, np.float64), np.asarray(nats_N, np.float64)


@functools.partial(jax.jit, static_argnums=0)
def _read(
    model: SentenceAutoencoder, params: Params, inputs_NL: Array, bounded: Number, dims: Number
) -> tuple[Array, Array]:
    own = dataclasses.replace(model, bounded=bounded, dims=dims)
    code = own.encode(params, inputs_NL)
    return own.point(code), divergence(own, code)


_write = jax.jit(write, static_argnums=0)
