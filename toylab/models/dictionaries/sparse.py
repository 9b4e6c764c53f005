"""Sparse autoencoders of several kinds, as models that a population trains.

An input ``x`` (..., D) is explained as ``x_hat = c + sum_f a_f d_f`` with ``||d_f|| = 1``. With
``z = (x - c) E + b`` the code a is

    topk        the k largest positive entries of z
    batchtopk   the k N largest positive entries of the z of N inputs
    jumprelu    z [z > theta], theta learned, with a price on how many fire beside k
    gated       [z > 0] relu(r z' + b'), z' without b, with a price on sum relu(z)

and ``prefixes`` make any of them Matryoshka: the first m features alone must explain x too, for
each m. How many atoms there are, where they begin and how much prefixes weigh may differ per
member, so that one program trains dictionaries of many sizes. Trained by :func:`reconstruction`.
The analysis room's :func:`toylab.analysis.dictionary.autoencoder.fit_dictionary` fits the TopK and
L1 kinds to activations that are at hand.

Sources: Gao et al. 2024 (arXiv:2406.04093) for TopK; Bussmann et al. 2024 (arXiv:2412.06410) for
BatchTopK; Rajamanoharan et al. 2024 for gates (arXiv:2404.16014) and jumps (arXiv:2407.14435);
Bussmann et al. 2025 (arXiv:2503.17547) for Matryoshka.
"""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jaxtyping import Float

from toylab import random
from toylab.errors import ToylabError, check_number, nearest
from toylab.models.dictionaries.codes import batch_sparse, jump, sparse
from toylab.models.dictionaries.starts import Centroids
from toylab.show.cards import ModelCard
from toylab.taps import Model, Params, Tap, identity
from toylab.task import Batch, Number

KINDS = ("topk", "batchtopk", "jumprelu", "gated")
THRESHOLD = 0.3  # first theta of the jumps
NEVER = -1e9  # pre-activation of an atom that a member has not; finite, as are its gradients


def unit(rows: Array) -> Array:
    """Return vectors (..., D) at length 1; those of length 0 stay."""
    square = jnp.sum(rows**2, -1, keepdims=True)
    return rows * jax.lax.rsqrt(jnp.maximum(square, np.float32(1e-24)))


def along(vector: Array, rows: Array, sign: int = 1) -> Array:
    """Return ``rows + sign vector`` with the vector (D,) at every row (..., D)."""
    return rows + sign * jnp.broadcast_to(vector, rows.shape)


@dataclasses.dataclass(frozen=True)
class SparseDictionary(ModelCard):
    """A sparse autoencoder; see the module's text.

    Args:
        width: D.
        features: F, the number of atoms.
        size: how many of these a member has, the first ones; 0 for all. May differ per member.
        kind: "topk", "batchtopk", "jumprelu" or "gated".
        k: entries that a code keeps (of jumps, that it shall have); may differ per member. Gates
            have no limit.
        most: the largest k of all members, which decides shapes; 0 takes ``features``.
        price: of gates, the price of the code; of jumps, of ``(L0 / k - 1)^2``.
        window: width of the kernel of the jumps.
        prefixes: Matryoshka's sizes, each below F.
        nested: weight of each prefix beside the whole; may differ per member.
        start: centroids at which the atoms begin; None begins at random directions.
        central: 1 to begin there, 0 to begin at random all the same; may differ per member.
        shared: 1 if all members of a world begin at the same ones; may differ per member.
        world: of the data whose centroids these are; may differ per member.
        centred: 1 learns the centre c, 0 leaves it where it is; may differ per member. Where inputs
            are sums of a fixed number of atoms, a centre that is learned leaves the atoms open: all
            may move by one vector, which the centre takes back.

    Raises:
        ToylabError: an unknown kind, k above the number of features, more atoms than centroids.

    Example:
        >>> model = SparseDictionary(width=4, features=8, k=2)
        >>> params = model.init(jax.random.key(0))
        >>> codes = model.encode(params, jnp.ones((3, 4)))
        >>> codes.shape, int((codes > 0).sum(-1).max())
        ((3, 8), 2)
    """

    width: int
    features: int
    size: Number = 0
    kind: Literal["topk", "batchtopk", "jumprelu", "gated"] = "topk"
    k: Number = 4
    most: int = 0
    price: Number = 0.0
    window: Number = 0.2
    prefixes: tuple[int, ...] = ()
    nested: Number = 1.0
    start: Centroids | None = None
    central: Number = 1.0
    shared: Number = 0.0
    world: Number = 0
    centred: Number = 1

    def __post_init__(self) -> None:
        owner = type(self).__name__
        check_number(owner, "width", self.width, low=1, whole=True)
        check_number(owner, "features", self.features, low=1, whole=True)
        check_number(owner, "size", self.size, low=0, high=self.features, whole=True)
        check_number(owner, "nested", self.nested, low=0)
        for name in ("central", "shared", "centred"):
            check_number(owner, name, getattr(self, name), low=0, high=1)
        check_number(owner, "most", self.most, low=0, high=self.features, whole=True)
        check_number(owner, "k", self.k, low=1, high=self.largest, whole=True)
        check_number(owner, "price", self.price, low=0)
        check_number(owner, "window", self.window, above=0)
        for size in self.prefixes:
            check_number(owner, "prefixes", size, low=1, high=self.features - 1, whole=True)
        if self.kind not in KINDS:
            raise ToylabError(f"{owner}: kind {self.kind!r}; {nearest(str(self.kind), KINDS)}")
        if self.start is not None and self.start.count < self.features:
            raise ToylabError(
                f"{owner}: {self.features} atoms cannot begin at {self.start.count} centroids; "
                "those without one would be 0 for ever."
            )

    @property
    def largest(self) -> int:
        """The bound of k."""
        return self.most or self.features

    @property
    def sites(self) -> tuple[str, ...]:
        """``pre`` and ``codes`` (..., F); ``out`` (..., D)."""
        return ("pre", "codes", "out")

    def init(self, key: Array) -> Params:
        """Draw the atoms, or begin at centroids; the encoder is their transpose, the rest 0."""
        atoms_FD = random.normal(random.fold_in(key, 0), (self.features, self.width))
        if self.start is not None:
            central_CD = self.start(key, self.world, self.shared)
            atoms_FD = jnp.where(self.central > 0, central_CD[: self.features], atoms_FD)
        return self._beside(unit(atoms_FD)) | {"decoder": unit(atoms_FD)}

    def _beside(self, atoms_FD: Array) -> Params:
        zeros = lambda n: jnp.zeros(n, jnp.float32)
        params = {"encoder": atoms_FD.T, "bias": zeros(self.features), "centre": zeros(self.width)}
        if self.kind == "jumprelu":
            params["threshold"] = jnp.full(self.features, np.log(THRESHOLD), jnp.float32)
        if self.kind == "gated":
            params |= {"scale": zeros(self.features), "offset": zeros(self.features)}
        return params

    def atoms(self, params: Params) -> Float[Array, "F D"]:
        """Return the directions that codes are decoded by, at length 1."""
        return unit(params["decoder"])

    def decoder(self, params: Params) -> Float[Array, "F D"]:
        """Return what codes are multiplied with: here the atoms."""
        return self.atoms(params)

    def pre(self, params: Params, x: Float[Array, "*n D"]) -> Float[Array, "*n F"]:
        """Return z, the codes before anything is left out."""
        pre = along(params["centre"], x, -1) @ params["encoder"]
        pre = along(params["bias"], pre)
        if not isinstance(self.size, Tracer) and not np.any(self.size):
            return pre
        size = jnp.asarray(self.size, jnp.int32)
        has_F = (jnp.arange(self.features) < size) | (size == 0)
        return jnp.where(jnp.broadcast_to(has_F, pre.shape), pre, jnp.full_like(pre, NEVER))

    def _codes(self, params: Params, pre: Array) -> tuple[Array, Array]:
        """Codes of pre-activations, and what a price is paid for, (...)."""
        nothing = jnp.zeros(pre.shape[:-1], jnp.float32)
        k = jnp.asarray(self.k, jnp.int32)
        if self.kind == "topk":
            return sparse(pre, k, self.largest, "topk"), nothing
        if self.kind == "batchtopk":
            return batch_sparse(pre, k), nothing
        if self.kind == "jumprelu":
            window = jnp.asarray(self.window, jnp.float32)
            code, on = jump(pre, jnp.exp(params["threshold"]), window)
            over = jnp.mean(jnp.sum(on, -1)) / k.astype(jnp.float32) - 1
            return jax.nn.relu(code), nothing + over**2
        size = along(params["bias"], pre, -1) * along(jnp.exp(params["scale"]), jnp.zeros_like(pre))
        size = along(params["offset"], size)
        code = jnp.where(pre > 0, jax.nn.relu(size), jnp.zeros_like(size))
        return code, jnp.sum(jax.nn.relu(pre), -1)

    def encode(self, params: Params, x: Float[Array, "*n D"]) -> Float[Array, "*n F"]:
        """Return the codes; of BatchTopK, those of these inputs together."""
        return self._codes(params, self.pre(params, x))[0]

    def decode(self, params: Params, codes: Float[Array, "*n F"]) -> Float[Array, "*n D"]:
        """Return the inputs that codes stand for."""
        return along(params["centre"], codes @ self.decoder(params))

    def apply(self, params: Params, inputs: Array, tap: Tap = identity) -> Array:
        """Reconstruct inputs (..., D)."""
        pre = tap("pre", self.pre(params, inputs))
        codes = tap("codes", self._codes(params, pre)[0])
        return tap("out", self.decode(params, codes))

    def objective(self, params: Params, x: Float[Array, "B *n D"]) -> Float[Array, " B"]:
        """Return what is minimised: squared error, with the prefixes' and the price of the code."""
        if isinstance(self.centred, Tracer) or not np.all(self.centred):
            held_D = jax.lax.stop_gradient(params["centre"])
            moved_D = jnp.asarray(self.centred, jnp.float32) * (params["centre"] - held_D)
            params = params | {"centre": held_D + moved_D}
        pre = self.pre(params, x)
        codes, paid = self._codes(params, pre)
        decoder_FD, left = self.decoder(params), along(params["centre"], x, -1)
        error = jnp.sum((left - codes @ decoder_FD) ** 2, -1)
        nested = jnp.asarray(self.nested, jnp.float32)
        for m in self.prefixes:
            part = jnp.sum((left - codes[..., :m] @ decoder_FD[:m]) ** 2, -1)
            error = error + nested * part
        share = 1 / (1 + len(self.prefixes) * nested)
        total = share * error + jnp.asarray(self.price, jnp.float32) * paid
        if self.kind == "gated":  # the gates alone must explain x too, by a decoder held fixed
            held, centre = jax.lax.stop_gradient((decoder_FD, params["centre"]))
            total = total + jnp.sum((along(centre, x, -1) - jax.nn.relu(pre) @ held) ** 2, -1)
        return jnp.mean(total, tuple(range(1, total.ndim)))


def reconstruction(model: Model, params: Params, batch: Batch) -> Float[Array, " B"]:
    """Return a dictionary's own objective on the inputs, as a loss that a population takes.

    Args:
        model: one with ``objective(params, inputs)``.
        params: its parameters.
        batch: whose inputs are to be explained.
    """
    return model.objective(params, batch.inputs)  # type: ignore[attr-defined]
