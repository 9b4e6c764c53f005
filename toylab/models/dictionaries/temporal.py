"""Temporal dictionaries: what attention to the past explains of a code, and what is new.

For a sequence x_t of T inputs, with ``y_t = x_t - c``, atoms D of length 1 and
``z_t = relu(D y_t)``:

    pred_t  = relu(sum_{s<t} attention_ts W_v z_s),  asked by z_t,
    scale_t = <D pred_t, y_t> / |D pred_t|^2,
    novel_t = TopK_k(D (y_t - scale_t D pred_t)),
    x_hat_t = c + scale_t D pred_t + D novel_t.

Position 0 sees zeros. The paper's predictable part asks and is scaled by the input that it is to
predict, so that it is no forecast. ``causal = 1`` asks by ``z_{t-1}``, sets the scale to 1 and
asks, with a price, that the predictable part be near the input by itself: a forecast from the past
alone. ``context = 0`` leaves the predictable part out: a TopK autoencoder with a tied encoder.

Done otherwise than there: atoms are of length 1, and codes are not divided by the width.

Source: Lubana, Rager, Hindupur et al. 2025, Priors in Time (arXiv:2511.01836), and its
public code for the scale.

Shape suffixes: B sequences, T time, F atoms, D width, K width of keys.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.models.dictionaries.codes import sparse
from toylab.models.dictionaries.sparse import along, unit
from toylab.show.cards import ModelCard
from toylab.taps import Params, Tap, identity
from toylab.task import Number


@dataclasses.dataclass(frozen=True)
class TemporalDictionary(ModelCard):
    """A dictionary with a predictable and a novel code; see the module's text.

    Args:
        width: D.
        features: F.
        keys: K.
        most: the largest k of all members, which decides shapes; 0 takes ``features``.
        k: entries of the novel code.
        context: 1 with a predictable part, 0 without.
        causal: 1 for a forecast from the past alone, 0 for the paper's.
        positions: weight of sinusoidal positions in queries and keys.
        price: of the error of the predictable part by itself, for members that are causal.

    All numbers may differ per member.

    Raises:
        ToylabError: k above the number of features, or sequences of length 1, which have no past.

    Example:
        >>> model = TemporalDictionary(width=4, features=6, k=2)
        >>> params = model.init(jax.random.key(0))
        >>> model.apply(params, jnp.ones((3, 5, 4))).shape
        (3, 5, 4)
    """

    width: int
    features: int
    keys: int = 16
    most: int = 0
    k: Number = 4
    context: Number = 1.0
    causal: Number = 0.0
    positions: Number = 0.0
    price: Number = 1.0

    def __post_init__(self) -> None:
        for name in ("width", "features", "keys"):
            check_number("TemporalDictionary", name, getattr(self, name), low=1, whole=True)
        check_number("TemporalDictionary", "most", self.most, 0, self.features, whole=True)
        most = self.most or self.features
        check_number("TemporalDictionary", "k", self.k, low=1, high=most, whole=True)
        for name in ("context", "causal"):
            check_number("TemporalDictionary", name, getattr(self, name), low=0, high=1)
        for name in ("positions", "price"):
            check_number("TemporalDictionary", name, getattr(self, name), low=0)

    @property
    def sites(self) -> tuple[str, ...]:
        """``attention`` (B, T, T); ``pred``, ``novel`` (B, T, F); ``predicted``, ``out``."""
        return ("attention", "pred", "predicted", "novel", "out")

    def init(self, key: Array) -> Params:
        """Draw atoms, queries and keys; values start as the identity, the centre at 0."""
        f, spread = self.features, np.float32(self.features**-0.5)
        drawn = lambda i, *shape: random.normal(random.fold_in(key, i), shape)
        return {
            "decoder": unit(drawn(0, f, self.width)),
            "query": spread * drawn(1, f, self.keys),
            "key": spread * drawn(2, f, self.keys),
            "value": jnp.eye(f, dtype=jnp.float32),
            "centre": jnp.zeros(self.width, jnp.float32),
        }

    def atoms(self, params: Params) -> Float[Array, "F D"]:
        """Return the directions that codes are decoded by, at length 1."""
        return unit(params["decoder"])

    def _predicted(
        self, params: Params, y_BTD: Array, tap: Tap = identity
    ) -> tuple[Array, Array, Array]:
        """Predictable code, its scale (B, T, 1), and what both stand for (B, T, D)."""
        atoms_FD = self.atoms(params)
        z_BTF = jax.nn.relu(y_BTD @ atoms_FD.T)
        past_BTF = jnp.pad(z_BTF[:, :-1], ((0, 0), (1, 0), (0, 0)))
        causal = jnp.asarray(self.causal, jnp.float32)
        place_TK = jnp.asarray(self.positions, jnp.float32) * _sinusoids(y_BTD.shape[1], self.keys)
        place_BTK = jnp.broadcast_to(place_TK, (len(y_BTD), *place_TK.shape))
        q_BTK = (causal * past_BTF + (1 - causal) * z_BTF) @ params["query"] + place_BTK
        k_BSK = past_BTF @ params["key"] + place_BTK
        score_BTS = jnp.einsum("btk,bsk->bts", q_BTK, k_BSK) * np.float32(self.keys**-0.5)
        seen_TS = np.tril(np.ones(score_BTS.shape[1:], bool))
        score_BTS = jnp.where(jnp.broadcast_to(seen_TS, score_BTS.shape), score_BTS, -jnp.inf)
        pattern_BTS = tap("attention", jax.nn.softmax(score_BTS, -1))
        pred_BTF = tap("pred", jax.nn.relu(pattern_BTS @ (past_BTF @ params["value"])))
        raw_BTD = pred_BTF @ atoms_FD
        size_BT1 = jnp.sum(raw_BTD**2, -1, keepdims=True)
        fit_BT1 = jnp.sum(raw_BTD * y_BTD, -1, keepdims=True) / jnp.maximum(size_BT1, 1e-6)
        scale_BT1 = jnp.asarray(self.context, jnp.float32) * (causal + (1 - causal) * fit_BT1)
        return pred_BTF, scale_BT1, tap("predicted", scale_BT1 * raw_BTD)

    def _parts(
        self, params: Params, inputs: Array, tap: Tap = identity
    ) -> tuple[Array, Array, Array]:
        """Reconstruction, predictable part with the centre, and novel code."""
        if inputs.ndim != 3 or inputs.shape[1] < 2:
            raise ToylabError(
                f"TemporalDictionary: inputs of shape {inputs.shape}; give sequences (B, T, D) of "
                "two or more: one has no past."
            )
        y_BTD = along(params["centre"], inputs, -1)
        _, _, told_BTD = self._predicted(params, y_BTD, tap)
        pre_BTF = (y_BTD - told_BTD) @ self.atoms(params).T
        k = jnp.asarray(self.k, jnp.int32)
        novel_BTF = tap("novel", sparse(pre_BTF, k, self.most or self.features, "topk"))
        told_BTD = along(params["centre"], told_BTD)
        return told_BTD + novel_BTF @ self.atoms(params), told_BTD, novel_BTF

    def apply(self, params: Params, inputs: Array, tap: Tap = identity) -> Array:
        """Reconstruct sequences (B, T, D)."""
        return tap("out", self._parts(params, inputs, tap)[0])

    def objective(self, params: Params, x: Float[Array, "B T D"]) -> Float[Array, " B"]:
        """Return the squared error of each sequence's mean input, with a forecast's own."""
        out_BTD, told_BTD, _ = self._parts(params, x)
        error = lambda guess: jnp.mean(jnp.sum((x - guess) ** 2, -1), -1)
        weight = jnp.asarray(self.context, jnp.float32) * self.causal * self.price
        return error(out_BTD) + weight * error(told_BTD)


def _sinusoids(length: int, width: int) -> Array:
    """Sines and cosines of places, (length, width), with periods of 2 pi to 2 pi times 100."""
    rate = 100.0 ** -(np.arange((width + 1) // 2) / max(width // 2, 1))
    angle = np.arange(length)[:, None] * rate
    return jnp.asarray(np.concatenate([np.sin(angle), np.cos(angle)], 1)[:, :width], jnp.float32)
