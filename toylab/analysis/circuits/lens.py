"""The logit lens at every layer, with what one wants to know of it.

Source: nostalgebraist 2020. The norm is computed anew at each layer: dividing by the last layer's
scale instead is right for an attribution (:mod:`toylab.analysis.circuits.direct`), not for a lens.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from toylab.analysis.attribution.lenses import logit_lens
from toylab.analysis.circuits.given.pairs import checked_inputs
from toylab.change import stream
from toylab.models.functional import whole
from toylab.models.transformer import Transformer
from toylab.taps import Params, run
from toylab.trees import each_member, leading


class Lens(NamedTuple):
    """What each layer would answer; I layers (before the first block, then after each).

    Attributes:
        sites: the I sites of the residual stream.
        logits: (..., I, B, L, V).
        entropy: of the layer's distribution in nats, (..., I, B, L).
        kl: ``KL(model || layer)`` in nats, (..., I, B, L); 0 at the last layer.
        rank: place of the model's own first choice, 0 for the first, (..., I, B, L).
        agrees: whether the layer's first choice is the model's, (..., I, B, L).
    """

    sites: tuple[str, ...]
    logits: Float[Array, "*lead I B L V"]
    entropy: Float[Array, "*lead I B L"]
    kl: Float[Array, "*lead I B L"]
    rank: Int[Array, "*lead I B L"]
    agrees: Array


def logit_lens_by_layer(model: Transformer, params: Params, tokens: Int[Array, "B L"]) -> Lens:
    """Read every layer of the residual stream through the final norm and the unembedding.

    Args:
        model: a transformer.
        params: of one member, a population, or a population at several snapshots.
        tokens: a batch.

    Raises:
        ToylabError: tokens outside of the vocabulary, or more logits than the memory holds.

    Example:
        >>> model = Transformer(vocab=5, length=4, width=8, depth=2, heads=2)
        >>> params = jax.vmap(model.init)(jax.random.split(jax.random.key(0), 3))
        >>> logit_lens_by_layer(model, params, jnp.zeros((2, 4), "int32")).kl.shape
        (3, 3, 2, 4)
    """
    owner = "logit_lens_by_layer"
    model = whole(owner, model)
    sites = stream(model)
    lead, tokens = leading(model, params), checked_inputs(owner, model, tokens)
    return Lens(sites, *each_member(owner, _read, (model, sites), lead, params, tokens))


def _read(
    model: Transformer, sites: tuple[str, ...], params: Params, tokens: Array
) -> tuple[Array, ...]:
    final, acts = run(model, params, tokens, sites)
    logits = jnp.stack([logit_lens(model, params, acts[site]) for site in sites])
    final = jax.nn.log_softmax(final, -1)[None]
    q = jax.nn.log_softmax(logits, -1)
    entropy = -jnp.sum(jnp.exp(q) * q, -1)
    kl = jnp.sum(jnp.exp(final) * (final - q), -1)
    first = jnp.argmax(final, -1)
    chosen = jnp.take_along_axis(q, jnp.broadcast_to(first, q.shape[:-1])[..., None], -1)
    # argmax of NaN is a token, and nothing is greater: a diverged network must not agree.
    sound = jnp.isfinite(q).all(-1) & jnp.isfinite(final).all(-1)
    rank = jnp.where(sound, jnp.sum(q > chosen, -1), q.shape[-1])
    return logits, entropy, kl, rank, (jnp.argmax(q, -1) == first) & sound
