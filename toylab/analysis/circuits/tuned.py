"""The tuned lens over a whole population: what each layer knows, once it is told how to say it.

Source: Belrose et al. 2023 (2303.08112). A translator per layer, ``h + A_l h + b_l``, is fitted so
that the final norm and unembedding give the model's own distribution. It can learn what the model
has yet to compute, so three numbers stand beside it: the logit lens, a bias alone, and, from the
caller, the same fit in networks before training.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import Array
from jaxtyping import Float, Int

from toylab.analysis.attribution.lenses import (
    Translators,
    fit_translators,
    kl_to_final,
    logit_lens,
    translate,
)
from toylab.analysis.circuits.given.pairs import checked_inputs
from toylab.change import stream
from toylab.errors import ToylabError, check_number
from toylab.models.functional import whole
from toylab.models.transformer import Transformer
from toylab.taps import Params, run
from toylab.trees import each_member, leading


class TunedLens(NamedTuple):
    """How far each layer is from the model's answer on held-out texts; I layers.

    Attributes:
        sites: the I sites of the residual stream.
        logit: ``KL(model || logit lens)`` in nats, (..., I).
        bias: the same with a fitted bias alone, (..., I).
        tuned: the same with fitted translators, (..., I).
        translators: ``A`` (..., I, D, D) and ``b`` (..., I, D).
    """

    sites: tuple[str, ...]
    logit: Float[Array, "*lead I"]
    bias: Float[Array, "*lead I"]
    tuned: Float[Array, "*lead I"]
    translators: Translators


def tuned_lens(
    model: Transformer,
    params: Params,
    texts: Int[Array, "B L"],
    held_out: Int[Array, "H L"],
    *,
    batches: int = 8,
    epochs: int = 30,
    learning_rate: float = 3e-3,
) -> TunedLens:
    """Fit a tuned lens to every layer of every network, and judge it on other texts.

    Args:
        model: a transformer.
        params: of one member, a population, or a population at several snapshots.
        texts: the translators are fitted on these.
        held_out: and judged on these, of the same length.
        batches: parts that ``texts`` are cut into, an update each; a divisor of B.
        epochs: passes over them.
        learning_rate: of Adam.

    Raises:
        ToylabError: batches that do not divide the texts, texts of two lengths, tokens outside of
            the vocabulary, or more activations than the memory holds.

    Example:
        >>> model = Transformer(vocab=5, length=4, width=8, depth=2, heads=2)
        >>> texts = jax.random.randint(jax.random.key(1), (16, 4), 0, 5)
        >>> params = model.init(jax.random.key(0))
        >>> tuned_lens(model, params, texts[:8], texts[8:], batches=2, epochs=1).tuned.shape
        (3,)
    """
    owner = "tuned_lens"
    model = whole(owner, model)
    check_number(owner, "batches", batches, 1, whole=True)
    check_number(owner, "epochs", epochs, 1, whole=True)
    check_number(owner, "learning_rate", learning_rate, above=0)
    if len(texts) % batches:
        raise ToylabError(f"tuned_lens: {batches} batches do not divide {len(texts)} texts.")
    arrays = [checked_inputs(owner, model, batch) for batch in (texts, held_out)]
    fitted, judged = (batch.shape[1:] for batch in arrays)
    if fitted != judged:  # translators serve every position, and would be judged at others
        raise ToylabError(
            f"{owner}: texts have {fitted[0]} positions and those held out {judged[0]}; give both "
            "of one length."
        )
    sites, settings = stream(model), (batches, epochs, float(learning_rate))
    about, lead = (model, sites, settings), leading(model, params)
    return TunedLens(sites, *each_member(owner, _fit, about, lead, params, *arrays))


def _fit(
    model: Transformer,
    sites: tuple[str, ...],
    settings: tuple[int, int, float],
    params: Params,
    texts: Array,
    held_out: Array,
) -> tuple[Any, ...]:
    batches, epochs, learning_rate = settings
    optimizers = optax.adam(learning_rate), _bias_alone(learning_rate)
    parts = texts.reshape(batches, -1, texts.shape[-1])
    read = functools.partial(_read, model, sites, params)
    h_TIND, final_TNV = jax.lax.map(read, parts)
    weights = jnp.ones(final_TNV.shape[:2], jnp.float32)
    given = (model, params, h_TIND, final_TNV, weights)
    tuned, bias = (fit_translators(*given, optimizer, epochs) for optimizer in optimizers)
    h_IND, final_NV = read(held_out)
    even = jnp.ones(len(final_NV), jnp.float32)
    far = lambda h: kl_to_final(final_NV, logit_lens(model, params, h), even)
    return far(h_IND), *(far(translate(lens, h_IND)) for lens in (bias, tuned)), tuned


def _read(
    model: Transformer, sites: tuple[str, ...], params: Params, tokens: Array
) -> tuple[Array, Array]:
    """Activations (I, N, D) and final logits (N, V) of all positions of a batch."""
    final, acts = run(model, params, tokens, sites)
    h_IND = jnp.stack([acts[site].reshape(-1, model.width) for site in sites])
    return h_IND, final.reshape(-1, final.shape[-1])


def _bias_alone(learning_rate: float) -> optax.GradientTransformation:
    kinds: dict[Any, Any] = {"free": optax.adam(learning_rate), "fixed": optax.set_to_zero()}
    return optax.partition(kinds, {"A": "fixed", "b": "free"})
