"""Direct logit attribution: the share that each part of a transformer writes of a logit difference.

The stream at the readout is a sum of parts, ``r = sum_j c_j``. With the scale s of the final norm
held as it is, the logit difference along ``u = W_U[:, y] - W_U[:, y']`` is

    sum_j ((c_j - mean c_j) * g / s) . u + b . u + b_U[y] - b_U[y']

exactly (without centring for rms, without any of it for no norm; ``b_U`` with ``unembed_bias``).
A share is not an effect: a part also moves s, and what later parts do. To see an effect, ablate or
patch.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from toylab.analysis.circuits.given.pairs import checked_inputs
from toylab.analysis.circuits.metrics import check_answers
from toylab.models.functional import norm_scale, unembedding, whole
from toylab.models.transformer import Transformer
from toylab.taps import Params, run
from toylab.trees import each_member, leading


class Parts(NamedTuple):
    """Shares of a logit difference.

    Attributes:
        names: of the J parts: ``embed``, ``a0.h1`` (a head), ``a0.bias``, ``m0`` (an MLP), and
            ``constant``, the final norm's bias; with ``unembed_bias`` also ``unembed.bias``.
        shares: (..., J, B, L); they add up to the logit difference.
    """

    names: tuple[str, ...]
    shares: Float[Array, "*lead J B L"]


def direct_logit_attribution(
    model: Transformer,
    params: Params,
    tokens: Int[Array, "B L"],
    answer: Int[Array, " B"],
    other: Int[Array, " B"] | None = None,
) -> Parts:
    """Take a logit difference apart into what each part wrote of it, at every position.

    Args:
        model: a transformer.
        params: of one member, a population, or a population at several snapshots.
        tokens: a batch.
        answer: y, a token for each example.
        other: y'; without one, the mean logit.

    Raises:
        ToylabError: tokens outside of the vocabulary, answers that are not one logit per example,
            or more shares than the memory holds.

    Control: the same network untrained, as snapshot 0; and what a patch of the part does.

    Example:
        >>> model = Transformer(vocab=5, length=4, width=8, depth=1, heads=2)
        >>> params = model.init(jax.random.key(0))
        >>> tokens = jnp.zeros((2, 4), "int32")
        >>> direct_logit_attribution(model, params, tokens, tokens[:, 0]).names
        ('embed', 'a0.h0', 'a0.h1', 'constant')
    """
    owner = "direct_logit_attribution"
    model = whole(owner, model)
    tokens = checked_inputs(owner, model, tokens)
    for ids in (answer,) if other is None else (answer, other):
        check_answers(owner, ids, len(tokens), model.out_dim)
    names = ["embed"]
    for i in range(model.depth):
        names += [f"a{i}.h{h}" for h in range(model.heads)]
        names += [f"a{i}.bias"] * model.biases + [f"m{i}"] * bool(model.hidden)
    arrays = tokens, jnp.asarray(answer), other if other is None else jnp.asarray(other)
    shares = each_member(owner, _shares, (model,), leading(model, params), params, *arrays)
    names += ["constant"] + ["unembed.bias"] * model.unembed_bias
    return Parts(tuple(names), shares)


def _shares(
    model: Transformer, params: Params, tokens: Array, answer: Array, other: Array | None
) -> Array:
    record = ("embed", "blocks/*/attn/z", "blocks/*/resid_post")
    record += ("blocks/*/mlp/out",) if model.hidden else ()
    _, acts = run(model, params, tokens, record)
    parts = _written(model, params, acts)
    last = acts[f"blocks/{model.depth - 1}/resid_post"]
    w_VD = unembedding(model, params).T
    u_BD = w_VD[answer] - (w_VD.mean(0)[None] if other is None else w_VD[other])
    if model.norm == "layer":
        parts = [part - part.mean(-1, keepdims=True) for part in parts]
    gain = params["norm"]["scale"] if model.norm != "none" else jnp.ones(model.width)
    seen = jnp.stack(parts) * gain[None, None, None] / norm_scale(model.norm, last)[None]
    shares_JBL = jnp.einsum("jbld,bd->jbl", seen, u_BD)
    constant_B = u_BD @ params["norm"]["bias"] if model.norm == "layer" else jnp.zeros(len(u_BD))
    constants = [constant_B]
    if model.unembed_bias:
        b_V = params["unembed"]["bias"]
        constants.append(b_V[answer] - (b_V.mean()[None] if other is None else b_V[other]))
    constant_JB1 = jnp.stack(constants)[:, :, None]
    alike_JBL = jnp.broadcast_to(constant_JB1, (len(constants), *shares_JBL.shape[1:]))
    return jnp.concatenate([shares_JBL, alike_JBL])


def _written(model: Transformer, params: Params, acts: dict[str, Array]) -> list[Array]:
    """Return what each part adds to the stream, in the order of the names, each (B, L, D)."""
    parts = [acts["embed"]]
    for i in range(model.depth):
        attn = params["blocks"][str(i)]["attn"]
        z_BLHK = acts[f"blocks/{i}/attn/z"]
        parts += list(jnp.einsum("blhk,hkd->hbld", z_BLHK, attn["w_o"]))
        if model.biases:
            parts.append(jnp.broadcast_to(attn["b_o"], parts[0].shape))
        if model.hidden:
            parts.append(acts[f"blocks/{i}/mlp/out"])
    return parts
