"""Sampling from a transformer, one token at a time, with kept keys and values.

A prompt is read once; then every step maps one token per sequence, against the keys and values of
those before it. Recomputing the whole pass per token gives the same distribution at a cost that
grows with the length.

On a CPU a few sequences are drawn to their end before the next few begin: a step reads all keys and
values of its sequences, which the cache should hold. Its devices share the sequences, where
nothing is traced.

Shape suffixes: B batch, L prompt length, S step, V vocabulary; N portions of R sequences.
"""

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Float, Int

from toylab import random
from toylab.check.tokens import check_ids
from toylab.errors import ToylabError, check_number
from toylab.models.network import Cache
from toylab.models.transformer import Transformer
from toylab.taps import Edit, Params, editing
from toylab.task import Number

# Each stage has a larger cache than the one before, so that early tokens do not attend over
# places still empty. A stage is compiled apart: many short ones would not pay.
STAGES = 4
STAGE_MIN = 48
# On a CPU a portion's keys and values fill this much of the last cache, which cores share; with
# fewer rows a step would wait for weights. The portions do not depend on the number of devices.
PORTION_BYTES = 12 * 2**20
PORTION_MIN = 8
PORTIONS = 4  # that there should be at least, for devices to share


def generate(
    model: Transformer,
    params: Params,
    prompts: Int[Array, "B L"],
    length: int,
    key: Array,
    temperature: Number = 1.0,
    stop: int | None = None,
    pad: int = 0,
    edits: Sequence[Edit] = (),
) -> tuple[Int[Array, "B {length}"], Float[Array, "B {length}"]]:
    """Draw tokens after prompts from ``p(v) = softmax(logits / temperature)_v``.

    It is compiled once per shape, also inside another jit, under ``vmap`` over members, and where
    the parameters are traced. What it draws has no gradient: an argmax is constant.

    Args:
        model: a causal transformer whose logits are those of its own tokens.
        params: parameters of one member.
        prompts: tokens, all of one length.
        length: tokens to draw; the prompt and all of these but the last must fit the model.
        key: one typed key, of which example ``b`` takes the child ``b``; or a key per example (B,),
            so that an example's draws do not depend on the batch that it stands in.
        temperature: above 0, perhaps traced; the plain number 0 takes the likeliest token.
        stop: token after which a sequence has ended; None never ends one.
        pad: token that fills a sequence after its end.
        edits: applied at every step, the prompt's too, as :func:`toylab.taps.run` applies them to
            whole sequences; values must broadcast against activations of any length.

    Returns:
        The tokens, and the log-probability in nats of each under the distribution that it was drawn
        from (temperature and edits included); 0 after the stop. At temperature 0, where that would
        be 0 everywhere, it is the log-probability at temperature 1.

    Raises:
        ToylabError: wrong shapes, a context longer than the model's length, a token that is not in
            the vocabulary, or a model that cannot be continued.

    Example:
        >>> model = Transformer(vocab=5, length=8, width=8, depth=1, heads=2)
        >>> params = model.init(jax.random.key(0))
        >>> prompts = jnp.zeros((3, 2), "int32")
        >>> tokens, logp = generate(model, params, prompts, 4, jax.random.key(1))
        >>> tokens.shape, logp.shape
        ((3, 4), (3, 4))
    """
    _check(model, prompts, length, temperature, stop, pad)
    editing(model, edits)
    if key.shape not in ((), prompts.shape[:1]):
        raise ToylabError(f"generate: keys of shape {key.shape}; give one, or {len(prompts)}.")
    keys_B = key if key.ndim else jax.vmap(lambda b: random.fold_in(key, b))(_range(len(prompts)))
    plain = lambda x: isinstance(x, int | float)
    greedy = plain(temperature) and temperature == 0
    mix = model.attention_mix
    settings = dataclasses.replace(
        model, read="last", init_scale=1.0, attention_mix=mix if plain(mix) else 1.0
    )
    own = params, None if plain(mix) else mix, None if greedy else temperature, tuple(edits)
    given = jnp.asarray(prompts), keys_B, own
    how = settings, (length, stop, pad)
    mesh = _mesh(how, given)
    if mesh is None:
        return _generate(*how, None, *given)
    found = _generate(*how, mesh, *jax.device_put(given, NamedSharding(mesh, PartitionSpec())))
    tokens_BS, logp_BS = (jnp.asarray(np.asarray(part)) for part in found)  # on one device again
    return tokens_BS, logp_BS


def stages(prompt: int, context: int) -> tuple[int, ...]:
    """Return the cache's length in each stage, ascending, for a context that starts at ``prompt``.

    Example:
        >>> stages(8, 440)
        (116, 224, 332, 440)
        >>> stages(8, 60)
        (60,)
    """
    count = min(STAGES, max(1, (context - prompt) // STAGE_MIN))
    return tuple(prompt + -(-(context - prompt) * (i + 1) // count) for i in range(count))


def portion(model: Transformer, batch: int, context: int) -> int:
    """Return how many sequences a CPU draws at once, of a batch.

    Example:
        >>> model = Transformer(vocab=75, length=448, width=128, depth=3, heads=4)
        >>> portion(model, 64, 448), portion(model, 192, 103), portion(model, 6, 448)
        (8, 32, 6)
    """
    row = 8 * model.depth * model.heads * model.key_dim * context
    most = min(PORTION_BYTES // row, -(-batch // PORTIONS)) // PORTION_MIN * PORTION_MIN
    count = max(1, -(-batch // max(PORTION_MIN, most)))
    return -(-batch // count)


def _mesh(how: tuple[Transformer, tuple[int, int | None, int]], given: tuple) -> Mesh | None:
    """Return the CPU's devices where they can share the portions of a batch."""
    (model, limits), (prompts, _, own) = how, given
    # Inside another program even what is made of plain numbers is traced.
    leaves = jax.tree.leaves((given, jnp.zeros(())))
    if _whole(own[-1]) or any(isinstance(leaf, Tracer) for leaf in leaves):
        return None
    batch, prompt = prompts.shape
    rows = portion(model, batch, prompt + limits[0] - 1)
    devices = jax.local_devices()[: -(-batch // rows)]
    return Mesh(np.asarray(devices), ("portion",)) if len(devices) > 1 else None


def _whole(edits: tuple[Edit, ...]) -> bool:
    """Whether a batch is drawn as one: edits may have values of their own for each sequence."""
    return bool(edits) or jax.default_backend() != "cpu"


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _generate(
    model: Transformer,
    limits: tuple[int, int | None, int],
    mesh: Mesh | None,
    prompts_BL: Array,
    keys_B: Array,
    own: tuple[Params, Array | None, Array | None, tuple[Edit, ...]],
) -> tuple[Array, Array]:
    """Draw a batch, portion by portion; ``own`` is what all sequences share."""
    batch, prompt = prompts_BL.shape
    rows = batch if _whole(own[-1]) else portion(model, batch, prompt + limits[0] - 1)
    if rows == batch:
        return _sample(model, limits, (prompts_BL, keys_B), own)
    each = lambda portions, own: jax.lax.map(lambda one: _sample(model, limits, one, own), portions)
    count = -(-batch // rows)
    if mesh is not None:
        count += -count % mesh.size
        spread, same = PartitionSpec("portion"), PartitionSpec()
        specs = {"in_specs": (spread, same), "out_specs": spread}
        each = jax.shard_map(each, mesh=mesh, check_vma=False, **specs)
    # What is left over is filled with the last sequence.
    place_NR = np.minimum(np.arange(count * rows), batch - 1).reshape(count, rows)
    found = each((prompts_BL[place_NR], keys_B[place_NR]), own)
    return jax.tree.map(lambda leaf: leaf.reshape(count * rows, -1)[:batch], found)


def _sample(
    model: Transformer,
    limits: tuple[int, int | None, int],
    rows: tuple[Array, Array],
    own: tuple[Params, Array | None, Array | None, tuple[Edit, ...]],
) -> tuple[Array, Array]:
    (length, stop, pad), (prompts_BL, keys_B) = limits, rows
    params, mix, temperature, edits = own
    model = model if mix is None else dataclasses.replace(model, attention_mix=mix)
    tap, (batch, prompt) = editing(model, edits), prompts_BL.shape
    rooms = stages(prompt, prompt + length - 1)

    def pick(logits_BV: Array, t: Array, done_B: Array) -> tuple[Array, Array, Array]:
        token_B, logp_B = _draw(logits_BV, temperature, keys_B, t)
        token_B = jnp.where(done_B, jnp.int32(pad), token_B)
        logp_B = jnp.where(done_B, 0.0, logp_B)
        return token_B, logp_B, done_B if stop is None else done_B | (token_B == stop)

    def step(carry: tuple[Cache, Array, Array], t: Array) -> tuple[Any, tuple[Array, Array]]:
        cache, token_B, done_B = carry
        first = jnp.int32(prompt) + t - 1
        logits_BV, cache = model.extend(params, cache, token_B[:, None], first, tap)
        token_B, logp_B, done_B = pick(logits_BV, t, done_B)
        return (cache, token_B, done_B), (token_B, logp_B)

    cache = model.cache(batch, rooms[0])
    logits_BV, cache = model.extend(params, cache, prompts_BL, 0, tap)
    token_B, logp_B, done_B = pick(logits_BV, jnp.int32(0), jnp.zeros(batch, bool))
    drawn, t = [(token_B[None], logp_B[None])], 1
    carry = (cache, token_B, done_B)
    for room in rooms:
        cache, *rest = carry
        cache = jax.tree.map(lambda kept, room=room: _grow(kept, room), cache)
        until = room - prompt + 1
        carry, found = jax.lax.scan(step, (cache, *rest), jnp.arange(t, until, dtype=jnp.int32))
        drawn, t = [*drawn, found], until
    tokens_SB, logp_SB = (jnp.concatenate(part) for part in zip(*drawn, strict=True))
    return tokens_SB.T, logp_SB.T


def _draw(
    logits_BV: Array, temperature: Array | None, keys_B: Array, t: Array
) -> tuple[Array, Array]:
    """Draw a token by the largest of logits plus Gumbel noise, or the largest logit itself."""
    noisy_BV = logits_BV
    if temperature is not None:
        logits_BV = logits_BV / jnp.asarray(temperature, logits_BV.dtype)
        size = np.uint32(logits_BV.shape[1])
        place_V = t.astype(jnp.uint32) * size + jnp.arange(size, dtype=jnp.uint32)
        bits_BV = jax.vmap(lambda key: random.bits_at(key, place_V))(keys_B)
        # 23 bits and a half: never 0 or 1.
        u_BV = ((bits_BV >> np.uint32(9)).astype(jnp.float32) + 0.5) * np.float32(2.0**-23)
        noisy_BV = logits_BV - jnp.log(-jnp.log(u_BV))
    token_B = jnp.argmax(noisy_BV, -1).astype(jnp.int32)
    logp_BV = jax.nn.log_softmax(logits_BV, -1)
    return token_B, jnp.take_along_axis(logp_BV, token_B[:, None], -1)[:, 0]


def _grow(kept_BHMK: Array, room: int) -> Array:
    """Add empty places up to ``room``."""
    more = room - kept_BHMK.shape[2]
    return jnp.pad(kept_BHMK, ((0, 0), (0, 0), (0, more), (0, 0)))


def _range(size: int) -> Array:
    return jnp.arange(size, dtype=jnp.uint32)


def _check(
    model: Transformer,
    prompts: Array,
    length: int,
    temperature: Number,
    stop: int | None,
    pad: int,
) -> None:
    check_number("generate", "length", length, 1, whole=True)
    check_number("generate", "temperature", temperature, 0)
    for name, token in (("stop", stop), ("pad", pad)):
        if token is not None:
            check_number("generate", name, token, 0, model.vocab - 1, whole=True)
    if prompts.ndim != 2 or not prompts.shape[1]:
        raise ToylabError(
            f"generate: prompts of shape {prompts.shape}; give tokens (B, L), L >= 1."
        )
    if model.out_dim != model.vocab:
        raise ToylabError(
            f"generate: the model has {model.out_dim} logits for {model.vocab} tokens; only a "
            "model of its own tokens can be continued."
        )
    check_ids("generate", "prompts", prompts, model.vocab)
    needed = prompts.shape[1] + length - 1
    if needed > model.length:
        raise ToylabError(
            f"generate: {length} tokens after a prompt of {prompts.shape[1]} need a context of "
            f"{needed}, but the model's length is {model.length}; draw fewer."
        )
