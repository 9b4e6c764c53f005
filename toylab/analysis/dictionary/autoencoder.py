"""Sparse autoencoders: an overcomplete dictionary of directions that activations are made of.

An activation ``x`` is explained as ``x_hat = c + sum_f a_f d_f`` by few of F features: the code is

    a = sparse((x - c) E + b),    ||d_f|| = 1,

with ``sparse`` either ``topk``, which keeps the k largest positive entries, or ``l1``, a ReLU whose
code is short because training charges ``l1 * sum_f a_f`` for it.

A dictionary describes activations; that a feature means something, or that the model uses it, is
for :mod:`toylab.analysis.dictionary.scores` and for interventions to show. ``steps=0`` leaves the
random directions that training starts from: a control.

Sources: Bricken et al. 2023 (Towards Monosemanticity) for the L1 kind, decoder vectors of length 1
and resampling; Gao et al. 2024 (arXiv:2406.04093) for the TopK kind.
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab.analysis.dictionary.inputs import (
    check_fit,
    check_inputs,
    each,
    settings,
    standardised,
)
from toylab.analysis.dictionary.training import Rules, initial, train_each
from toylab.errors import ToylabError, check_number
from toylab.models.dictionaries.codes import sparse

__all__ = ["Dictionary", "Quality", "fit_dictionary", "quality"]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Dictionary:
    """Fitted dictionaries, one per leading index (or one alone).

    Activations given to it are of all members alike, (N, D), or have the first of its leading axes.

    Attributes:
        encoder: E, (..., D, F).
        bias: b, (..., F).
        decoder: d, (..., F, D), rows of length 1.
        centre: c, (..., D).
        k: entries a code keeps, (...) int32; F for the L1 kind, which has no limit.
        losses: objective at every training step, (..., S), in units of the data's variance.
        most: the largest k, which decides shapes.
        kind: "topk" or "l1".
    """

    encoder: Array
    bias: Array
    decoder: Array
    centre: Array
    k: Array
    losses: Array
    most: int = dataclasses.field(metadata={"static": True})
    kind: Literal["topk", "l1"] = dataclasses.field(metadata={"static": True})

    def encode(self, x: Float[Array, "*first N D"]) -> Float[Array, "*lead N F"]:
        """Return the codes of activations."""
        lead, width = self.encoder.shape[:-2], self.encoder.shape[-2]
        check_inputs("Dictionary", x, lead, (None, width))
        return _encode(self, jnp.asarray(x, jnp.float32))

    def decode(self, codes: Float[Array, "*lead N F"]) -> Float[Array, "*lead N D"]:
        """Return the activations that codes stand for."""
        product = jnp.einsum("...nf,...fd->...nd", codes, self.decoder)
        return product + jnp.broadcast_to(self.centre[..., None, :], product.shape)

    def member(self, index: int | tuple[int, ...]) -> Self:
        """Return one of several dictionaries, or those of one data set."""
        return jax.tree.map(lambda leaf: leaf[index], self)


@jax.jit
def _encode(dictionary: Dictionary, x: Array) -> Array:
    d = dictionary
    pre = product(x, d.encoder)
    shift = d.bias - jnp.einsum("...d,...df->...f", d.centre, d.encoder)
    pre = pre + jnp.broadcast_to(shift[..., None, :], pre.shape)
    return sparse(pre, d.k[..., None], d.most, d.kind)


def product(x: Float[Array, "*first N D"], maps: Float[Array, "*lead D F"]) -> Array:
    """Return ``x maps`` (..., N, F), where x has the first of the maps' leading axes, or none."""
    axes = "abceghij"[: maps.ndim - 2]
    return jnp.einsum(f"{axes[: x.ndim - 2]}nd,{axes}df->{axes}nf", x, maps)


def fit_dictionary(
    x: Float[np.ndarray, "*lead N D"],
    features: int,
    kind: Literal["topk", "l1"] = "topk",
    *,
    k: int | Sequence[int] = 16,
    l1: float | Sequence[float] = 0.1,
    seeds: Sequence[int] = (0,),
    steps: int = 2000,
    batch_size: int = 1024,
    learning_rate: float = 1e-3,
    resamples: int = 4,
    blocks: int = 1,
) -> Dictionary:
    """Train dictionaries by Adam, all members at once on the same minibatches.

    Minimises, over activations ``z`` shifted and scaled to mean 0 and total variance 1,

        mean_n ||z_n - z_hat_n||^2  [ + l1 * mean_n sum_f a_nf ].

    Decoder vectors are brought back to length 1 after each step, and the gradient's part along
    them is left out. The learning rate rises over the first twentieth of the steps and falls to 0
    over the last fifth. The result is in the units of ``x``.

    Dead features: training is split into ``resamples + 1`` equal stretches. After each but the
    last, every feature that was silent throughout it starts again: its decoder vector becomes
    what the dictionary leaves unexplained of an example (drawn with a chance that grows with the
    square of its loss), its encoder vector points the same way, its bias and Adam moments are 0.
    What is dead at the end stays so: see :func:`quality`.

    Args:
        x: activations (N, D) on the host; they are moved to the device as a whole. With axes
            before, such as a population's members and snapshots, each of these (N, D) has
            dictionaries of its own, and one program trains all of them.
        features: F.
        kind: "topk" or "l1".
        k: entries a TopK code keeps, one number or one per seed.
        l1: price of the code of the L1 kind, one number or one per seed.
        seeds: of initial directions and resampling, one per member.
        steps: Adam steps, rounded up to a whole number per stretch; 0 gives random directions.
        batch_size: activations per step, drawn with replacement.
        learning_rate: Adam's peak.
        resamples: how often silent features start again.
        blocks: of how many pieces of equal width ``x`` is made; the L1 price of ``a_f`` is then
            the sum of the norms of the pieces of ``d_f``, as crosscoders have it.

    Returns:
        Dictionary whose leading axes are those of ``x`` before (N, D), then one of the seeds.

    Raises:
        ToylabError: activations that are not finite (..., N, D) or all alike, an unknown kind,
            numbers out of range, or as many ks or l1s as there are no seeds.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 4))
        >>> codes = fit_dictionary(x, 8, k=2, steps=10).encode(x)
        >>> codes.shape, int((codes > 0).sum(-1).max())
        ((1, 100, 8), 2)
    """
    check_fit("fit_dictionary", x, features, kind, steps, batch_size, learning_rate, resamples)
    check_number("fit_dictionary", "blocks", blocks, 1, x.shape[-1], whole=True)
    if x.shape[-1] % blocks:
        raise ToylabError(f"fit_dictionary: width {x.shape[-1]} is not {blocks} equal blocks.")
    k_P, l1_P, most = settings("fit_dictionary", kind, features, k, l1, seeds)
    z, mean, scale = standardised("fit_dictionary", x)
    rules = Rules(kind, most, steps, batch_size, learning_rate, resamples, blocks=blocks)
    keys_P = jax.vmap(jax.random.key)(jnp.asarray(list(seeds), jnp.uint32))
    params = initial(keys_P, features, z.shape[-1])
    params, losses = train_each(params, z, keys_P, k_P, l1_P, rules)
    scale = np.asarray(scale, np.float32)[..., None, None]
    middle = jnp.asarray(mean, jnp.float32)[..., None, :]
    return Dictionary(
        encoder=params["encoder"],
        bias=scale * params["bias"],
        decoder=params["decoder"],
        centre=scale * params["centre"] + jnp.broadcast_to(middle, params["centre"].shape),
        k=jnp.broadcast_to(k_P, losses.shape[:-1]),
        losses=losses,
        most=most,
        kind=kind,
    )


class Quality(NamedTuple):
    """How well a dictionary codes activations, one number per member.

    Attributes:
        explained: share of the activations' variance in ``x_hat``, ``1 - sum ||x - x_hat||^2 / sum
            ||x - mean||^2``.
        l0: mean number of active features.
        dead: share of the features that no activation makes active.
    """

    explained: Array
    l0: Array
    dead: Array


def quality(dictionary: Dictionary, x: Float[Array, "*first N D"]) -> Quality:
    """Measure dictionaries on held-out activations; memory grows with N times F.

    Args:
        dictionary: one, or several.
        x: (N, D), or with the first of the dictionary's leading axes.
    """
    lead, width = dictionary.encoder.shape[:-2], dictionary.encoder.shape[-2]
    check_inputs("quality", x, lead, (None, width))
    return _quality(dictionary, jnp.asarray(x, jnp.float32))


@jax.jit
def _quality(dictionary: Dictionary, x: Array) -> Quality:
    def one(member: Dictionary, x_ND: Array) -> Quality:
        codes_NF = member.encode(x_ND)
        spread = jnp.sum((x_ND - jnp.mean(x_ND, 0, keepdims=True)) ** 2)
        error = jnp.sum((x_ND - member.decode(codes_NF)) ** 2)
        return Quality(1 - error / spread, *activity(codes_NF))

    return each(one, dictionary.encoder.ndim - 2, x.ndim - 2)(dictionary, x)


def activity(codes_NF: Float[Array, "N F"]) -> tuple[Array, Array]:
    """Return the mean number of active features, and the share that are never active."""
    active = codes_NF > 0
    l0 = jnp.mean(jnp.sum(active, 1, dtype=jnp.float32))
    return l0, jnp.mean((~active.any(0)).astype(jnp.float32))
