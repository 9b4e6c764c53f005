"""Heads as matrices: OV and QK circuits, copying, and composition with its null.

Row vectors: ``x W``. A head's ``W_OV = W_V W_O`` (D, D) says what it writes of what it attends to;
``W_QK = W_Q W_K' / sqrt(K)`` what its queries look for in its keys. Norms stand between stream and
head: their gain g is multiplied in, ``diag(g) W``; their scale and bias are not.

Source: Elhage et al. 2021, A Mathematical Framework for Transformer Circuits.

Shape suffixes: H heads, K head dim, D width, V vocabulary; A earlier and B later heads.
"""

import math
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab.errors import ToylabError, check_number
from toylab.models.attention import rotate
from toylab.models.functional import unembedding, whole
from toylab.models.transformer import Transformer
from toylab.taps import Params
from toylab.trees import each_member, leading

KINDS = ("q", "k", "v")


def ov_circuit(
    model: Transformer, params: Params, layer: int, *, full: bool = False
) -> Float[Array, "*lead H X Y"]:
    """Return every head's ``W_OV`` (D, D) of a layer, or ``W_E W_OV W_U`` (vocabulary, logits).

    Args:
        model: a transformer.
        params: of one member, a population, or a population at several snapshots.
        layer: the block.
        full: from tokens to logits: how much attending to a token raises each logit.

    Control: other heads of the layer, and the same head untrained, as snapshot 0.
    """
    model = _layer("ov_circuit", model, layer)

    about, lead = (model, layer, full), leading(model, params)
    return each_member("ov_circuit", _ov_circuit, about, lead, params)


def _ov_circuit(model: Transformer, layer: int, full: bool, params: Params) -> Array:
    ov_HDD = _ov(params, layer)
    if not full:
        return ov_HDD
    embed_VD, out_DU = params["embed"]["embedding"], _outward(model, params)
    return jnp.einsum("vd,hde,eu->hvu", embed_VD, ov_HDD, out_DU)


def qk_circuit(
    model: Transformer, params: Params, layer: int, *, full: bool = False, distance: int = 0
) -> Float[Array, "*lead H X Y"]:
    """Return every head's ``W_QK`` (D, D) of a layer, or ``W_E W_QK W_E'`` (queries, keys).

    Args:
        model, params, layer: as in :func:`ov_circuit`.
        full: between tokens: the score of a query token and a key token.
        distance: how far the key lies before the query; with rope the circuit depends on it.

    Raises:
        ToylabError: a distance that is no whole number from 0 to the model's length - 1.

    Control: other heads of the layer, and the same head untrained, as snapshot 0.
    """
    model = _layer("qk_circuit", model, layer)
    check_number("qk_circuit", "distance", distance, 0, model.length - 1, whole=True)

    about, lead = (model, layer, full, distance), leading(model, params)
    return each_member("qk_circuit", _qk_circuit, about, lead, params)


def _qk_circuit(model: Transformer, layer: int, full: bool, distance: int, params: Params) -> Array:
    q, k = _inward(params, layer, "q"), _inward(params, layer, "k")
    if full:
        q, k = (jnp.einsum("vd,dhk->vhk", params["embed"]["embedding"], w) for w in (q, k))
    if model.positions == "rope":  # each row stands at a position: (rows, 1, H, K)
        q = rotate(q[:, None], distance)[:, 0]
    return jnp.einsum("xhk,yhk->hxy", q, k) / math.sqrt(model.key_dim)


def copying_score(model: Transformer, params: Params, layer: int) -> Float[Array, "*lead H"]:
    """Return ``sum of the eigenvalues / sum of their sizes`` of each head's full OV circuit.

    1: attending to a token raises the logit of that token and of its like; -1: it lowers them; 0 on
    average for weights that know nothing of each other. Of non-zero eigenvalues only: they are
    those of the (K, K) product ``W_O W_U W_E W_V``.

    Args:
        model, params, layer: as in :func:`ov_circuit`; logits must be over the vocabulary.

    Control: the same head untrained, as snapshot 0, which shows how far from 0 chance goes.
    """
    model = _layer("copying_score", model, layer)
    if model.out_dim != model.vocab:
        raise ToylabError(
            f"copying_score: the model answers {model.out_dim} classes for {model.vocab} tokens; "
            "a head can copy where logits are over the vocabulary."
        )

    about, lead = (model, layer), leading(model, params)
    small_HKK = each_member("copying_score", _copying, about, lead, params)
    # Apart: decompositions on two devices at once can wait for each other for ever.
    values = jnp.linalg.eigvals(small_HKK)
    return values.sum(-1).real / jnp.abs(values).sum(-1)


def _copying(model: Transformer, layer: int, params: Params) -> Array:
    """``W_O W_U W_E W_V`` of each head, (H, K, K)."""
    turn_DD = _outward(model, params) @ params["embed"]["embedding"]
    w_v, w_o = _inward(params, layer, "v"), _attn(params, layer)["w_o"]
    return jnp.einsum("hkd,de,ehj->hkj", w_o, turn_DD, w_v)


class Composition(NamedTuple):
    """Composition scores of pairs of heads, and what weights that know nothing of each other give.

    Attributes:
        scores: (..., layers, H, layers, H), earlier head first; 0 where it is not the earlier one.
        null: ``1 / sqrt(D)``, the root mean square under a random rotation.
    """

    scores: Float[Array, "*lead I A J B"]
    null: float


def composition(model: Transformer, params: Params, kind: str) -> Composition:
    """Return how much of what earlier heads write later heads read in queries, keys or values.

    ``|W_OV^A W^B|_F / (|W_OV^A|_F |W^B|_F)`` with ``W^B`` the later head's ``W_QK`` for queries,
    its transpose for keys, and ``W_OV`` for values. Its mean square is exactly 1/D for subspaces
    that are independent; trained heads of one layer share subspaces, so compare with other heads of
    the same two layers besides.

    Args:
        model: a transformer.
        params: of one member, a population, or a population at several snapshots.
        kind: ``q``, ``k`` or ``v``.

    Raises:
        ToylabError: another kind.

    Source: Elhage et al. 2021.

    Example:
        >>> model = Transformer(vocab=5, length=4, width=16, depth=2, heads=2)
        >>> found = composition(model, model.init(jax.random.key(0)), "k")
        >>> found.scores.shape, found.null
        ((2, 2, 2, 2), 0.25)
    """
    model = whole("composition", model)
    if kind not in KINDS:
        raise ToylabError(f"composition: kind {kind!r}; give one of {', '.join(KINDS)}.")

    found = each_member("composition", _scores, (model, kind), leading(model, params), params)
    return Composition(found, 1 / math.sqrt(model.width))


def _scores(model: Transformer, kind: str, params: Params) -> Array:
    rows = [_pair(model, params, layer, kind) for layer in range(model.depth)]
    left, right = (jnp.stack(side) for side in zip(*rows, strict=True))
    wrote_IHDD = jnp.stack([_ov(params, layer) for layer in range(model.depth)])
    # |A C|_F of C = left right' through Gram matrices: nothing of size D x D per pair.
    through = jnp.einsum("iade,jbek->iajbdk", wrote_IHDD, left)
    gram = jnp.einsum("jbek,jbel->jbkl", right, right)
    square = jnp.einsum("iajbdk,iajbdl,jbkl->iajb", through, through, gram)
    own = jnp.einsum("jbek,jbel,jbkl->jb", left, left, gram)
    size = jnp.sqrt(jnp.sum(wrote_IHDD**2, (-2, -1)))[:, :, None, None]
    scores = jnp.sqrt(jnp.maximum(square, 0)) / (size * jnp.sqrt(own)[None, None])
    earlier = jnp.arange(model.depth)[:, None] < jnp.arange(model.depth)[None]
    return jnp.where(earlier[:, None, :, None], scores, 0)


def _pair(model: Transformer, params: Params, layer: int, kind: str) -> tuple[Array, Array]:
    """Factors of a later head's matrix, ``left right'``, each (H, D, K)."""
    heads_first = lambda w_DHK: jnp.moveaxis(w_DHK, 1, 0)
    if kind == "v":
        outward = jnp.swapaxes(_attn(params, layer)["w_o"], -1, -2)
        return heads_first(_inward(params, layer, "v")), outward
    q, k = (heads_first(_inward(params, layer, name)) for name in "qk")
    return (q, k) if kind == "q" else (k, q)


def _outward(model: Transformer, params: Params) -> Float[Array, "D U"]:
    """The unembedding with the last norm's gain multiplied in."""
    out_DU = unembedding(model, params)
    return out_DU if model.norm == "none" else out_DU * params["norm"]["scale"][:, None]


def _ov(params: Params, layer: int) -> Array:
    return jnp.einsum("dhk,hke->hde", _inward(params, layer, "v"), _attn(params, layer)["w_o"])


def _attn(params: Params, layer: int) -> Params:
    return params["blocks"][str(layer)]["attn"]


def _inward(params: Params, layer: int, name: str) -> Float[Array, "D H K"]:
    """``W_Q``, ``W_K`` or ``W_V`` with the gain of the norm before it multiplied in."""
    w_DHK = _attn(params, layer)[f"w_{name}"]
    norm = params["blocks"][str(layer)].get("norm_attn")
    return w_DHK if norm is None else w_DHK * norm["scale"][:, None, None]


def _layer(owner: str, model: Transformer, layer: int) -> Transformer:
    check_number(owner, "layer", layer, 0, model.depth - 1, whole=True)
    return whole(owner, model)
