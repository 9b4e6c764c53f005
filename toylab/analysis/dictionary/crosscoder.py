"""Crosscoders: one code for several snapshots of activations, and what each snapshot has alone.

Snapshots t = 1..T are activations of the same inputs by two models, by one model through training,
or at several layers. All share a code, and each has its decoder:

    a = sparse(sum_t x_t E_t + b),    x_hat_t = a D_t + c_t,

    minimise    sum_t |x_t - x_hat_t|^2  [ + l1 sum_f a_f sum_t |d_tf| ].

The *relative norm* ``|d_bf| / (|d_af| + |d_bf|)`` tells where a feature lives: .5 in both alike, 0
or 1 in one alone. Every snapshot is first scaled to the same total variance; otherwise the larger
would have the longer decoders.

Hazards: an L1 price makes features look private that are not: it shrinks a short decoder all the
way to 0, and one feature of both may become two, one for each. The TopK kind does less of this, but
fills its code with what is small, and lengths blur: a planted private feature came out at .83 to
.91 where the L1 kind gave 1.00. Check with :func:`latent_scaling`, by which both had it, and with
two copies of one model.

Sources: Lindsey et al. 2024 (Sparse Crosscoders for Cross-Layer Features and Model Diffing); Minder
et al. 2025 (arXiv:2504.02922) for the artefacts and latent scaling.
"""

import dataclasses
from typing import Any, Literal, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab.analysis.dictionary.autoencoder import Dictionary, fit_dictionary
from toylab.analysis.dictionary.inputs import check_inputs, each
from toylab.errors import ToylabError, check_number


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Crosscoder:
    """Fitted crosscoders, one per leading index (or one alone), of T snapshots.

    Inputs given to it are of all members alike, (T, N, D), or have the first of its leading axes.

    Attributes:
        dictionary: of the scaled snapshots side by side, (..., T D) wide; a decoder vector of all
            of them has length 1.
        scale: by which each snapshot was divided, (..., T).
        snapshots: T.
    """

    dictionary: Dictionary
    scale: Array
    snapshots: int = dataclasses.field(metadata={"static": True})

    @property
    def decoder(self) -> Float[Array, "*lead F T D"]:
        """Decoder vectors of every snapshot, in scaled units."""
        d = self.dictionary.decoder
        return d.reshape(*d.shape[:-1], self.snapshots, -1)

    @property
    def norms(self) -> Float[Array, "*lead F T"]:
        """Lengths of each feature's decoder vectors, in scaled units."""
        return jnp.linalg.norm(self.decoder, axis=-1)

    def relative_norm(self, one: int = 0, other: int = 1) -> Float[Array, "*lead F"]:
        """Return ``|d_other| / (|d_one| + |d_other|)``: 0 of one alone, 1 of the other alone.

        It says nothing of features that never fire; where several share a direction, add up their
        lengths times their mean codes first.
        """
        for snapshot in (one, other):
            check_number("relative_norm", "snapshot", snapshot, 0, self.snapshots - 1, whole=True)
        norms = self.norms
        return norms[..., other] / (norms[..., one] + norms[..., other])

    def encode(self, x: Float[Array, "*first T N D"]) -> Float[Array, "*lead N F"]:
        """Return the codes of inputs by all their snapshots."""
        width = self.dictionary.encoder.shape[-2] // self.snapshots
        check_inputs("Crosscoder", x, self.scale.shape[:-1], (self.snapshots, None, width))
        return _encode(self, jnp.asarray(x, jnp.float32))

    def decode(self, codes: Float[Array, "*lead N F"]) -> Float[Array, "*lead T N D"]:
        """Return the activations, in their own units, that codes stand for."""
        flat = self.dictionary.decode(codes)
        parts = flat.reshape(*flat.shape[:-1], self.snapshots, -1)
        return jnp.moveaxis(parts, -2, -3) * self.scale[..., None, None]

    def member(self, index: int | tuple[int, ...]) -> Self:
        """Return one of several crosscoders, or those of one network."""
        return jax.tree.map(lambda leaf: leaf[index], self)


@jax.jit
def _encode(crosscoder: Crosscoder, x: Array) -> Array:
    # (x / scale) E is x (E / scale): the data need no copy for every member.
    d = crosscoder.dictionary
    scale = jnp.repeat(crosscoder.scale, d.encoder.shape[-2] // crosscoder.snapshots, axis=-1)
    encoder, centre = d.encoder / scale[..., None], d.centre * scale
    return dataclasses.replace(d, encoder=encoder, centre=centre).encode(_beside(x))


def fit_crosscoder(
    x: Float[np.ndarray, "*lead T N D"],
    features: int,
    kind: Literal["topk", "l1"] = "topk",
    **training: Any,
) -> Crosscoder:
    """Train crosscoders by Adam, all members at once on the same minibatches.

    Args:
        x: snapshots (T, N, D) on the host: row n of each is of the same input. With axes before,
            such as the members of a population, each has crosscoders of its own, and one program
            trains all of them.
        features: F.
        kind: "topk" or "l1"; the L1 price is on ``a_f`` times the sum of its decoders' lengths.
        training: k, l1, seeds, steps, batch_size, learning_rate, resamples, as in
            :func:`toylab.analysis.dictionary.autoencoder.fit_dictionary`.

    Returns:
        Crosscoder whose leading axes are those of ``x`` before (T, N, D), then one of the seeds.

    Raises:
        ToylabError: activations that are not finite (..., T, N, D) with T >= 2, a snapshot that is
            all alike, and what ``fit_dictionary`` refuses.

    Source: Lindsey et al. 2024.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(3, 2, 100, 4))  # 3 networks, 2 snapshots
        >>> found = fit_crosscoder(x, 8, k=2, steps=10)
        >>> found.decoder.shape, found.relative_norm().shape
        ((3, 1, 8, 2, 4), (3, 1, 8))
    """
    x = np.asarray(x)
    if x.ndim < 3 or x.shape[-3] < 2 or not np.issubdtype(x.dtype, np.floating):
        raise ToylabError(
            f"fit_crosscoder: x is {x.dtype} of shape {x.shape}; give floats (..., T, N, D), "
            "T >= 2."
        )
    away = x - x.mean(-2, keepdims=True, dtype=np.float64)
    scale = np.sqrt((away**2).sum(-1).mean(-1))
    bad = ~(np.isfinite(scale) & (scale > 0))
    if bad.any():
        *lead, worst = np.argwhere(bad)[0].tolist()
        where = f" at {tuple(lead)}" if lead else ""
        raise ToylabError(f"fit_crosscoder: snapshot {worst}{where} is all alike, or not finite.")
    beside = _beside((x / scale[..., None, None]).astype(np.float32))
    dictionary = fit_dictionary(beside, features, kind, blocks=x.shape[-3], **training)
    own = np.broadcast_to(scale[..., None, :], (*dictionary.k.shape, x.shape[-3]))
    return Crosscoder(dictionary, jnp.asarray(own, jnp.float32), x.shape[-3])


def latent_scaling(
    crosscoder: Crosscoder, x: Float[Array, "*first T N D"]
) -> Float[Array, "*lead F T"]:
    """Return how much of each feature every snapshot has, whatever its decoder there says.

    ``beta_tf = argmin_beta sum_n |r_tn - beta a_nf d_f|^2``, with d_f the feature's decoder vector
    in the snapshot where it is longest and ``r_t = x_t - x_hat_t + a_f d_tf`` what the other
    features leave of snapshot t. A feature of one snapshot alone has about 1 there and 0 elsewhere;
    one that L1 has shrunk away from a snapshot, or split in two, has more. The snapshots must share
    their axes. Where two features share a direction, only the ratio of their numbers in two
    snapshots says something.

    Args:
        crosscoder: one, or several.
        x: snapshots (T, N, D), better held out; or with the first of the crosscoder's leading axes.

    Returns:
        (..., F, T), in scaled units; NaN for a feature that never fires.

    Source: after Minder et al. 2025, section 3, which scales reconstructions and errors apart.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 4))
        >>> found = fit_crosscoder(np.stack([x, x]), 8, k=2, steps=10)
        >>> latent_scaling(found, np.stack([x, x])).shape
        (1, 8, 2)
    """
    lead, width = crosscoder.scale.shape[:-1], crosscoder.decoder.shape[-1]
    check_inputs("latent_scaling", x, lead, (crosscoder.snapshots, None, width))
    return _scalings(crosscoder, jnp.asarray(x, jnp.float32))


@jax.jit
def _scalings(crosscoder: Crosscoder, x: Array) -> Array:
    return each(_scaling, crosscoder.scale.ndim - 1, x.ndim - 3)(crosscoder, x)


def _scaling(member: Crosscoder, x_TND: Array) -> Array:
    codes_NF = member.encode(x_TND)
    left_TND = (x_TND - member.decode(codes_NF)) / member.scale[:, None, None]
    own_FTD = member.decoder
    longest_F = jnp.argmax(member.norms, -1)
    best_FD = jnp.take_along_axis(own_FTD, longest_F[:, None, None], 1)[:, 0]
    energy_F = jnp.sum(codes_NF**2, 0)
    error_FT = jnp.einsum("nf,fd,tnd->ft", codes_NF, best_FD, left_TND)
    shared_FT = jnp.einsum("fd,ftd->ft", best_FD, own_FTD) * energy_F[:, None]
    size_F = jnp.sum(best_FD**2, 1) * energy_F
    return (error_FT + shared_FT) / jnp.where(size_F > 0, size_F, jnp.nan)[:, None]


def _beside(x: Any) -> Any:
    """Snapshots (..., T, N, D) side by side, (..., N, T D)."""
    *lead, snapshots, count, width = x.shape
    return x.swapaxes(-3, -2).reshape(*lead, count, snapshots * width)
