"""Transcoders: a part of a network, such as an MLP, as few of many features of its input.

A sparse autoencoder explains activations by themselves; a transcoder reads the input x of a part
and explains its output y:

    a = sparse(x E + b),    y_hat = a D + c + x S,    ||d_f|| = 1,

with ``sparse`` as in :mod:`toylab.analysis.dictionary.autoencoder` and S, the linear skip, left out
unless asked for. What a feature reads and what it writes are both weights, so that circuits through
the part do not depend on the input. A ReLU MLP of F neurons is one itself: :func:`of_mlp`.

Sources: Dunefsky, Chlenski and Nanda 2024 (arXiv:2406.11944); skip: Paulo, Shabalin and Belrose
2025 (arXiv:2501.18823).
"""

import dataclasses
from collections.abc import Sequence
from typing import Literal, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab.analysis.dictionary.autoencoder import Quality, activity, product
from toylab.analysis.dictionary.inputs import (
    check_fit,
    check_inputs,
    each,
    settings,
    standardised,
)
from toylab.analysis.dictionary.training import Rules, train_each, unit
from toylab.errors import ToylabError, check_number
from toylab.models.dictionaries.codes import sparse


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Transcoder:
    """Fitted transcoders, one per leading index (or one alone).

    Inputs given to it are of all members alike, (N, D), or have the first of its leading axes.

    Attributes:
        encoder: E, (..., D, F).
        bias: b, (..., F).
        decoder: d, (..., F, O), rows of length 1.
        offset: c, (..., O).
        skip: S, (..., D, O); 0 without a skip.
        k: entries a code keeps, (...) int32; F for the L1 kind, which has no limit.
        losses: objective at every training step, (..., S), in units of the output's variance.
        most: the largest k, which decides shapes.
        kind: "topk" or "l1".
    """

    encoder: Array
    bias: Array
    decoder: Array
    offset: Array
    skip: Array
    k: Array
    losses: Array
    most: int = dataclasses.field(metadata={"static": True})
    kind: Literal["topk", "l1"] = dataclasses.field(metadata={"static": True})

    def encode(self, x: Float[Array, "*first N D"]) -> Float[Array, "*lead N F"]:
        """Return the codes of inputs."""
        pre = product(self._checked(x), self.encoder)
        pre = pre + jnp.broadcast_to(self.bias[..., None, :], pre.shape)
        return sparse(pre, self.k[..., None], self.most, self.kind)

    def decode(
        self, codes: Float[Array, "*lead N F"], x: Float[Array, "*first N D"]
    ) -> Float[Array, "*lead N O"]:
        """Return the outputs that codes, and the inputs by the skip, stand for."""
        told = jnp.einsum("...nf,...fo->...no", codes, self.decoder)
        told = told + product(self._checked(x), self.skip)
        return told + jnp.broadcast_to(self.offset[..., None, :], told.shape)

    def member(self, index: int | tuple[int, ...]) -> Self:
        """Return one of several transcoders, or those of one network."""
        return jax.tree.map(lambda leaf: leaf[index], self)

    def _checked(self, x: Array) -> Array:
        lead, width = self.encoder.shape[:-2], self.encoder.shape[-2]
        check_inputs("Transcoder", x, lead, (None, width))
        return jnp.asarray(x, jnp.float32)


def fit_transcoder(
    x: Float[np.ndarray, "*lead N D"],
    y: Float[np.ndarray, "*lead N O"],
    features: int,
    kind: Literal["topk", "l1"] = "topk",
    *,
    skip: bool = False,
    k: int | Sequence[int] = 16,
    l1: float | Sequence[float] = 0.1,
    seeds: Sequence[int] = (0,),
    steps: int = 2000,
    batch_size: int = 1024,
    learning_rate: float = 1e-3,
    resamples: int = 4,
) -> Transcoder:
    """Train transcoders by Adam, all members at once on the same minibatches.

    Minimises, with inputs and outputs both shifted and scaled to mean 0 and total variance 1,

        mean_n ||y_n - y_hat_n||^2  [ + l1 * mean_n sum_f a_nf ].

    All else is as in :func:`toylab.analysis.dictionary.autoencoder.fit_dictionary`; a silent
    feature starts again reading an input whose output is badly explained, and writing what it
    lacks. The result is in the units of ``x`` and ``y``.

    Args:
        x: inputs (N, D) of the part, on the host. With axes before, such as a population's members
            and snapshots, each network has transcoders of its own, and one program trains all.
        y: its outputs (N, O) on them, with the same axes before.
        features: F.
        kind: "topk" or "l1".
        skip: whether a linear map of the input is learned beside the features.
        k: entries a TopK code keeps, one number or one per seed.
        l1: price of the code of the L1 kind, one number or one per seed.
        seeds: of initial directions and resampling, one per member.
        steps: Adam steps, rounded up to a whole number per stretch; 0 gives random directions.
        batch_size: rows per step, drawn with replacement.
        learning_rate: Adam's peak.
        resamples: how often silent features start again.

    Returns:
        Transcoder whose leading axes are those of ``x`` before (N, D), then one of the seeds.

    Raises:
        ToylabError: inputs or outputs that are not finite (..., N, D), that do not fit, or are all
            alike, an unknown kind, numbers out of range.

    Source: Dunefsky et al. 2024.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(100, 4))
        >>> found = fit_transcoder(x, np.maximum(x, 0), 8, k=2, steps=10)
        >>> found.decode(found.encode(x), x).shape
        (1, 100, 4)
    """
    owner = "fit_transcoder"
    for rows in (x, y):
        check_fit(owner, rows, features, kind, steps, batch_size, learning_rate, resamples)
    if x.shape[:-1] != y.shape[:-1]:
        raise ToylabError(
            f"{owner}: inputs {x.shape[:-1]} and outputs {y.shape[:-1]}; give one for each."
        )
    k_P, l1_P, most = settings(owner, kind, features, k, l1, seeds)
    (read, mean_x, scale_x), (target, mean_y, scale_y) = (
        standardised(owner, rows) for rows in (x, y)
    )
    keys_P = jax.vmap(jax.random.key)(jnp.asarray(list(seeds), jnp.uint32))
    width, out = x.shape[-1], y.shape[-1]
    params = _initial(keys_P, features, width, out, skip)
    rules = Rules(kind, most, steps, batch_size, learning_rate, resamples, reads=width)
    rows = jnp.concatenate([read, target], -1)
    params, losses = train_each(params, rows, keys_P, k_P, l1_P, rules)
    # A code in the units of y: the encoder gives a scale_y, of x / scale_x.
    ratio = np.asarray(scale_y / scale_x, np.float32)[..., None, None, None]
    scale_y = np.asarray(scale_y, np.float32)[..., None, None]
    encoder = ratio * params["encoder"]
    nothing = jnp.zeros((*losses.shape[:-1], width, out), jnp.float32)
    straight = ratio * params.get("skip", nothing)
    mean_x, mean_y = (jnp.asarray(mean, jnp.float32) for mean in (mean_x, mean_y))
    offset = scale_y * params["centre"] - jnp.einsum("...d,...pdo->...po", mean_x, straight)
    return Transcoder(
        encoder=encoder,
        bias=scale_y * params["bias"] - jnp.einsum("...d,...pdf->...pf", mean_x, encoder),
        decoder=params["decoder"],
        offset=offset + jnp.broadcast_to(mean_y[..., None, :], offset.shape),
        skip=straight,
        k=jnp.broadcast_to(k_P, losses.shape[:-1]),
        losses=losses,
        most=most,
        kind=kind,
    )


def _initial(keys_P: Array, features: int, width: int, out: int, skip: bool) -> dict[str, Array]:
    """Random directions of length 1 to read and to write, the rest 0."""

    def one(key: Array) -> dict[str, Array]:
        read, write = jax.random.split(key)
        params = {
            "encoder": unit(jax.random.normal(read, (features, width), jnp.float32)).T,
            "bias": jnp.zeros(features, jnp.float32),
            "decoder": unit(jax.random.normal(write, (features, out), jnp.float32)),
            "centre": jnp.zeros(out, jnp.float32),
        }
        return params | ({"skip": jnp.zeros((width, out), jnp.float32)} if skip else {})

    return jax.vmap(one)(keys_P)


def of_mlp(
    w_in: Float[Array, "D F"],
    b_in: Float[Array, " F"],
    w_out: Float[Array, "F O"],
    b_out: Float[Array, " O"],
) -> Transcoder:
    """Return a ReLU MLP's own neurons as a transcoder, which reproduces it exactly.

    A neuron that writes with length r reads r times as much, so that its decoder has length 1; one
    that writes nothing stays as it is, and writes nothing.

    Args:
        w_in: weights into the neurons (D, F).
        b_in: their biases (F,).
        w_out: weights out of them (F, O).
        b_out: bias of the output (O,).

    Raises:
        ToylabError: shapes that do not fit.

    Example:
        >>> own = of_mlp(jnp.eye(2), jnp.zeros(2), 3 * jnp.eye(2), jnp.ones(2))
        >>> x = jnp.array([[1.0, -1.0]])
        >>> own.decode(own.encode(x), x).tolist()
        [[4.0, 1.0]]
    """
    shapes = [w_in.shape, b_in.shape, w_out.shape, b_out.shape]
    if [len(s) for s in shapes] != [2, 1, 2, 1] or (*w_in.shape[1:], *b_out.shape) != w_out.shape:
        raise ToylabError(f"of_mlp: shapes {shapes}; give (D, F), (F,), (F, O), (O,).")
    check_number("of_mlp", "biases", b_in.shape[0], w_in.shape[1], w_in.shape[1], whole=True)
    length_F = jnp.linalg.norm(w_out, axis=1)
    length_F = jnp.where(length_F > 0, length_F, 1.0)
    return Transcoder(
        encoder=w_in * length_F[None],
        bias=b_in * length_F,
        decoder=w_out / length_F[:, None],
        offset=b_out,
        skip=jnp.zeros((w_in.shape[0], w_out.shape[1]), w_in.dtype),
        k=jnp.asarray(w_in.shape[1], jnp.int32),
        losses=jnp.zeros(0, jnp.float32),
        most=w_in.shape[1],
        kind="l1",
    )


def transcoder_quality(
    transcoder: Transcoder, x: Float[Array, "*first N D"], y: Float[Array, "*first N O"]
) -> Quality:
    """Measure transcoders on held-out inputs and outputs; the share is of the outputs' variance.

    Args:
        transcoder: one, or several.
        x: inputs (N, D), or with the first of the transcoder's leading axes.
        y: outputs (N, O), with the same axes before.

    Example:
        >>> own = of_mlp(jnp.eye(2), jnp.zeros(2), jnp.eye(2), jnp.zeros(2))
        >>> x = jnp.array([[1.0, -1.0], [2.0, 3.0]])
        >>> transcoder_quality(own, x, jnp.maximum(x, 0)).explained.item()
        1.0
    """
    owner, t = "transcoder_quality", transcoder
    count = check_inputs(owner, x, t.encoder.shape[:-2], (None, t.encoder.shape[-2]))
    check_inputs(owner, y, x.shape[:count], (x.shape[-2], t.decoder.shape[-1]))
    return _quality(t, jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32))


@jax.jit
def _quality(transcoder: Transcoder, x: Array, y: Array) -> Quality:
    def one(member: Transcoder, x_ND: Array, y_NO: Array) -> Quality:
        codes_NF = member.encode(x_ND)
        spread = jnp.sum((y_NO - jnp.mean(y_NO, 0, keepdims=True)) ** 2)
        error = jnp.sum((y_NO - member.decode(codes_NF, x_ND)) ** 2)
        return Quality(1 - error / spread, *activity(codes_NF))

    lead, rows = transcoder.encoder.ndim - 2, (x.ndim - 2, y.ndim - 2)
    return each(one, lead, *rows)(transcoder, x, y)
