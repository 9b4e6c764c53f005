"""A transformer's pieces as functions of its plain parameters, for tools that take it apart.

:mod:`toylab.models.network` computes the same; a test holds the two together.

Shape suffixes: B batch, L length (queries; M for keys), D width, H heads, K head dim, V logits.
"""

import dataclasses
import functools
import math
from collections.abc import Callable

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab.errors import ToylabError
from toylab.models.attention import attention_pattern, rotate
from toylab.models.layers import ACTIVATIONS, NORM_EPS
from toylab.models.transformer import Transformer
from toylab.taps import Params

Norm = Callable[[Array], Array]
Give = Callable[[slice, Array, Array, Norm], Array]


def norm(kind: str, params: Params | None, x: Float[Array, "*lead D"]) -> Float[Array, "*lead D"]:
    """Return ``g (x - mean) / sqrt(var + eps) + b`` (layer), ``g x / rms(x)`` (rms) or ``x``."""
    if kind == "none" or params is None:
        return x
    across = lambda name: params[name].reshape((1,) * (x.ndim - 1) + (-1,))
    centred = x - x.mean(-1, keepdims=True) if kind == "layer" else x
    y = centred / norm_scale(kind, x) * across("scale")
    return y + across("bias") if kind == "layer" else y


def norm_scale(kind: str, x: Float[Array, "*lead D"]) -> Float[Array, "*lead 1"]:
    """Return what a norm divides by, ``sqrt(mean(x^2) + eps)`` of the (centred) x; 1 for none."""
    if kind == "none":
        return jnp.ones((*x.shape[:-1], 1), x.dtype)
    centred = x - x.mean(-1, keepdims=True) if kind == "layer" else x
    return jnp.sqrt((centred * centred).mean(-1, keepdims=True) + NORM_EPS)


def unembedding(model: Transformer, params: Params) -> Float[Array, "D V"]:
    """Return ``W_U``, or the transposed embedding where it is tied."""
    return params["embed"]["embedding"].T if model.tied_unembed else params["unembed"]["kernel"]


def readout(
    model: Transformer, params: Params, x: Float[Array, "*lead D"]
) -> Float[Array, "*lead V"]:
    """Return the logits of what the last norm gives: ``x W_U``, or ``x W_U + b_U``."""
    y = jnp.einsum("...d,dv->...v", x, unembedding(model, params))
    return _biased(y, params["unembed"]["bias"] if model.unembed_bias else None)


def attend(
    model: Transformer,
    params: Params,
    q_HBLD: Float[Array, "H B L D"],
    k_HBMD: Float[Array, "H B M D"],
    v_HBMD: Float[Array, "H B M D"],
) -> Float[Array, "H B L D"]:
    """Return what each head adds to the stream, with a normed input of its own for q, k and v.

    Args:
        model: the settings.
        params: one block's ``attn``.
        q_HBLD, k_HBMD, v_HBMD: what each head reads, queries at the last L of M positions; without
            ``b_O``, which belongs to no head.
    """
    project = lambda x, name: _biased(
        jnp.einsum("hbld,dhk->blhk", x, params[f"w_{name}"]), params.get(f"b_{name}")
    )
    q, k, v = project(q_HBLD, "q"), project(k_HBMD, "k"), project(v_HBMD, "v")
    if model.positions == "rope":
        q, k = rotate(q, k.shape[1] - q.shape[1]), rotate(k)
    scores_BHLM = jnp.einsum("blhk,bmhk->bhlm", q, k) / math.sqrt(model.key_dim)
    length, reach = scores_BHLM.shape[-2:]
    visible_LM = jnp.ones((length, reach), bool)
    visible_LM = jnp.tril(visible_LM, reach - length) if model.causal else visible_LM
    pattern_BHLM = attention_pattern(scores_BHLM, visible_LM, model.attention, model.attention_mix)
    return jnp.einsum("bhlm,bmhk,hkd->hbld", pattern_BHLM, v, params["w_o"])


def feed_forward(
    model: Transformer, params: Params, x_BLD: Float[Array, "B L D"]
) -> Float[Array, "B L D"]:
    """Return what the MLP of a block adds to the stream, of its normed input.

    Args:
        model: the settings.
        params: one block's ``mlp``.
        x_BLD: the normed stream.
    """
    affine = lambda name, x: _biased(x @ params[name]["kernel"], params[name].get("bias"))
    hidden = ACTIVATIONS[model.activation](affine("gate" if model.gated else "up", x_BLD))
    hidden = hidden * affine("up", x_BLD) if model.gated else hidden
    return affine("down", hidden)


def shared(rows: slice, z_WBLD: Array, stream_BLD: Array, normed: Norm) -> Array:
    """Give every reader the stream, as a plain run does; see :func:`walk`."""
    return jnp.broadcast_to(normed(stream_BLD), (rows.stop - rows.start, *stream_BLD.shape))


def walk(
    model: Transformer,
    params: Params,
    embed_BLD: Float[Array, "B L D"],
    give: Give,
    keep: Callable[[slice, Array], Array] = lambda rows, z_WBLD: z_WBLD,
) -> tuple[Float[Array, "B *L V"], Float[Array, "W B L D"]]:
    """Run a transformer part by part.

    Args:
        model, params: of one member. With ``read="last"`` the last block asks, and writes, at the
            last position alone: what its parts write is 0 at the others.
        embed_BLD: the activation at ``embed``.
        give: what readers get, normed, (count, B, L, D), of their rows in
            :class:`toylab.analysis.circuits.given.parts.Edges`; from what was written so far,
            (W, B, L, D), from the stream (B, L, D), which is its sum and the biases, and the norm.
        keep: what writers of these rows leave in the stream, of what they wrote.

    Returns:
        Logits (B, V) with ``read="last"``, else (B, L, V); and what each writer left.
    """
    written, stream_BLD, row = [embed_BLD], embed_BLD, 0

    def read(count: int, gains: Params | None) -> Array:
        nonlocal row
        rows, normed = slice(row, row + count), functools.partial(norm, model.norm, gains)
        row += count
        return give(rows, jnp.stack(written), stream_BLD, normed)

    def write(z: Array) -> None:
        nonlocal stream_BLD
        left = keep(slice(len(written), len(written) + len(z)), z)
        written.extend(left)
        stream_BLD = stream_BLD + left.sum(0)

    start = 0
    for i in range(model.depth):
        block = params["blocks"][str(i)]
        if model.read == "last" and i == model.depth - 1:
            start = embed_BLD.shape[1] - 1
        q, k, v = jnp.split(read(3 * model.heads, block.get("norm_attn")), 3)
        write(_after(attend(model, block["attn"], q[:, :, start:], k, v), start))
        if model.biases:
            stream_BLD = stream_BLD + block["attn"]["b_o"][None, None]
        if model.hidden:
            x = read(1, block.get("norm_mlp"))[0, :, start:]
            write(_after(feed_forward(model, block["mlp"], x)[None], start))
    final = read(1, params.get("norm"))[0, :, start:]
    logits_BLV = readout(model, params, final)
    return (logits_BLV[:, -1] if model.read == "last" else logits_BLV), jnp.stack(written)


def _after(z_CBLD: Array, start: int) -> Array:
    """Return what parts write from a position on as what they write at all, 0 before it."""
    return jnp.pad(z_CBLD, ((0, 0), (0, 0), (start, 0), (0, 0)))


def _biased(y: Array, bias: Array | None) -> Array:
    return y if bias is None else y + jnp.broadcast_to(bias, y.shape)


def whole(owner: str, model: Transformer) -> Transformer:
    """Return a model with logits at every position, whose parts add up; parameters stay the same.

    Args:
        owner: who asks, for the message.
        model: the settings.

    Raises:
        ToylabError: no transformer, or one whose products are rounded: its parts do not add up.
    """
    if not isinstance(model, Transformer):
        raise ToylabError(f"{owner}: {type(model).__name__} is no Transformer.")
    if model.products != "float32":
        raise ToylabError(
            f"{owner}: the model rounds its products to {model.products}; give "
            "dataclasses.replace(model, products='float32')."
        )
    return dataclasses.replace(model, read="all")


def last_alone(model: Transformer) -> Transformer:
    """Return a model that computes the last position's logits alone; parameters stay the same."""
    return dataclasses.replace(model, read="last")
