"""Two look-up tables that compete for one output: the simulation of Varma et al. 2023, section 3.

A generalising circuit C_gen gives the right answer y on every input. A memorising circuit C_mem
gives it on training inputs, and a confidently wrong one on test inputs. Only their weights are
learned:

    logits = w_g e(C_gen's answer) + w_m e(C_mem's answer),    w_i = w_i1 w_i2,
    loss   = cross-entropy on the training set + decay (P_g^2 w_g^(2/kappa) + P_m^2 w_m^(2/kappa)).

P_i is the parameter norm at which circuit i has weight 1: the smaller, the more efficient. The
product of two weights, one of them 0 at first, makes a circuit whose other weight starts small slow
to learn. On the training set the two tables are one and the same.

Source: Varma et al. 2023 (arXiv:2309.02390), section 3 and appendix C; the products of two weights
are those of Jermyn and Shlegeris 2022.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab import random
from toylab.errors import check_number
from toylab.taps import Model, Params, Tap, identity
from toylab.task import Batch, Number, Task


@dataclasses.dataclass(frozen=True)
class Tables(Task):
    """Inputs are what the two tables say, (answer of C_gen, answer of C_mem); C_gen is right.

    An input is a training example exactly where the two agree.

    Args:
        n_labels: q, number of labels.

    Raises:
        ToylabError: fewer than 3 labels.

    Example:
        >>> Tables(113).split()["test"].inputs.shape
        (12656, 2)
    """

    n_labels: int = 113

    def __post_init__(self) -> None:
        check_number("Tables", "n_labels", self.n_labels, low=3, whole=True)

    def example(self, key: Array) -> Batch:
        """Draw one training example: a label, on which both tables agree."""
        label = random.uniform(key, ()) * self.n_labels
        label = jnp.minimum(label.astype(jnp.int32), self.n_labels - 1)
        return self._rows(jnp.stack([label, label]))

    def batch(self, key: Array, size: int) -> Batch:
        """Return the first ``size`` training examples, in turn, whatever the key.

        All have one loss, as all right labels are alike: one example is the full batch.
        """
        label = jnp.arange(size, dtype=jnp.int32) % self.n_labels
        return self._rows(jnp.stack([label, label], -1))

    def enumerate(self) -> Batch:
        """Return all q^2 pairs of answers; the latent ``train`` says where they agree."""
        labels = jnp.arange(self.n_labels, dtype=jnp.int32)
        pairs = jnp.stack(jnp.meshgrid(labels, labels, indexing="ij"), -1)
        return self._rows(pairs.reshape(-1, 2))

    def split(self) -> dict[str, Batch]:
        """Return the q training examples and the q (q - 1) test examples."""
        whole = np.asarray(self.enumerate().inputs)
        train = whole[:, 0] == whole[:, 1]
        return {"train": self._rows(whole[train]), "test": self._rows(whole[~train])}

    def consistent(self, batch: Batch) -> np.ndarray:
        """Return whether target and latent agree with the two answers."""
        general, memorised = np.moveaxis(np.asarray(batch.inputs), -1, 0)
        same = (general == memorised) == np.asarray(batch.latents["train"])
        return same & (general == np.asarray(batch.targets))

    def bayes_loss(self) -> float:
        """C_gen knows every answer: 0."""
        return 0.0

    def uniform_loss(self) -> float:
        """ln q."""
        return float(np.log(self.n_labels))

    def _rows(self, pairs: Array | np.ndarray) -> Batch:
        pairs = jnp.asarray(pairs, jnp.int32)
        train = pairs[..., 0] == pairs[..., 1]
        weights = jnp.ones(pairs.shape[:-1], jnp.float32)
        return Batch(pairs, pairs[..., 0], weights, {"train": train})


@dataclasses.dataclass(frozen=True)
class Circuits:
    """Four scalars: ``w_g = w_g1 w_g2`` and ``w_m = w_m1 w_m2``, each the weight of a table.

    At first ``w_g1 = w_m1 = 0``, ``w_m2 = start_m e^(jitter z)`` and
    ``w_g2 = start_g e^(jitter z + jitter_g z')``, with z and z' standard normal. Training is
    deterministic: these draws are all that tells one seed from another.

    Args:
        n_labels: q, number of labels.
        start_g: initial second sub-weight of C_gen: the smaller, the slower.
        start_m: initial second sub-weight of C_mem.
        jitter: spread of both together, log-normal.
        jitter_g: further spread of C_gen's alone, that is, of the ratio of the two.

    Raises:
        ToylabError: a number out of range; two sub-weights of 0 would never be learned.

    Source:
        Varma et al. 2023, appendix C: 0.005 and 1, without jitter.
    """

    n_labels: int = 113
    start_g: Number = 0.005
    start_m: Number = 1.0
    jitter: Number = 0.0
    jitter_g: Number = 0.0

    def __post_init__(self) -> None:
        check_number("Circuits", "n_labels", self.n_labels, low=3, whole=True)
        check_number("Circuits", "start_g", self.start_g, above=0)
        check_number("Circuits", "start_m", self.start_m, above=0)
        check_number("Circuits", "jitter", self.jitter, low=0)
        check_number("Circuits", "jitter_g", self.jitter_g, low=0)

    @property
    def sites(self) -> tuple[str, ...]:
        """``w_g`` and ``w_m``, (B,): one number for all inputs; ``logits`` (B, q)."""
        return ("w_g", "w_m", "logits")

    def init(self, key: Array) -> Params:
        """Draw the initial sub-weights, four scalars."""
        both, general = jnp.unstack(random.normal(key, (2,)))
        both = jnp.float32(self.jitter) * both
        general = both + jnp.float32(self.jitter_g) * general
        zero = jnp.zeros((), jnp.float32)
        g2, m2 = (
            jnp.float32(self.start_g) * jnp.exp(general),
            jnp.float32(self.start_m) * jnp.exp(both),
        )
        return {"g1": zero, "g2": g2, "m1": zero, "m2": m2}

    def apply(self, params: Params, inputs: Array, tap: Tap = identity) -> Array:
        """Map pairs of answers (B, 2) to logits (B, q)."""
        rows = inputs.shape[:-1]
        w_g, w_m = (jnp.broadcast_to(w, rows) for w in circuit_weights(params))
        w_g, w_m = tap("w_g", w_g), tap("w_m", w_m)
        says = jax.nn.one_hot(inputs, self.n_labels, dtype=jnp.float32)
        return tap("logits", w_g[..., None] * says[..., 0, :] + w_m[..., None] * says[..., 1, :])


@dataclasses.dataclass(frozen=True)
class CircuitLoss:
    """``CE + decay (P_g^2 |w_g|^(2/kappa) + P_m^2 |w_m|^(2/kappa))`` of each example.

    The sum is the squared parameter norm; a circuit of kappa homogeneous layers needs norm
    ``P w^(1/kappa)`` for weight w. The cross-entropy is exact for losses of any size.

    Args:
        P_g: norm of C_gen at weight 1.
        P_m: norm of C_mem at weight 1.
        kappa: depth of the circuits, below 2, where the least loss uses both of them.
        decay: strength of the decay. The paper writes alpha for it in appendix C and alpha / 2 in
            appendix D.

    Raises:
        ToylabError: a number out of range.
    """

    P_g: Number = 1.0
    P_m: Number = 2.0
    kappa: Number = 1.2
    decay: Number = 0.005

    def __post_init__(self) -> None:
        for name in ("P_g", "P_m", "kappa"):
            check_number("CircuitLoss", name, getattr(self, name), above=0)
        check_number("CircuitLoss", "kappa", self.kappa, high=1.999)
        check_number("CircuitLoss", "decay", self.decay, low=0)

    def __call__(self, model: Model, params: Params, batch: Batch) -> Array:
        """Return the loss of each example, (B,)."""
        assert isinstance(model, Circuits)
        w_g, w_m = circuit_weights(params)
        train = loss_on_train(w_g, w_m, model.n_labels)
        test = loss_on_test(w_g, w_m, model.n_labels)
        nats = jnp.where(batch.inputs[..., 0] == batch.inputs[..., 1], train, test)
        exponent = 2 / jnp.float32(self.kappa)
        norm_g = jnp.float32(self.P_g) ** 2 * power(w_g, exponent)
        norm_m = jnp.float32(self.P_m) ** 2 * power(w_m, exponent)
        return nats + jnp.float32(self.decay) * (norm_g + norm_m)


def circuit_weights(params: Params) -> tuple[Array, Array]:
    """Return ``w_g`` and ``w_m``."""
    return params["g1"] * params["g2"], params["m1"] * params["m2"]


def circuit_metrics(model: Model, params: Params, task: Task) -> dict[str, Array]:
    """Both circuits' weights, from which losses and norms follow."""
    w_g, w_m = circuit_weights(params)
    return {"w_g": w_g, "w_m": w_m}


def loss_on_train(w_g: Array, w_m: Array, n_labels: int) -> Array:
    """``log(1 + (q - 1) e^-(w_g + w_m))``: both tables give the right answer."""
    return softplus(np.float32(np.log(n_labels - 1)) - (w_g + w_m))


def loss_on_test(w_g: Array, w_m: Array, n_labels: int) -> Array:
    """``log(1 + e^(w_m - w_g) + (q - 2) e^-w_g)``: C_mem's answer is wrong."""
    others = jnp.logaddexp(w_m, jnp.full_like(w_m, np.log(n_labels - 2)))
    return softplus(others - w_g)


def softplus(x: Array) -> Array:
    """``log(1 + e^x)``, exact where it is tiny."""
    return jnp.maximum(x, 0) + jnp.log1p(jnp.exp(-jnp.abs(x)))


def power(w: Array, exponent: Array) -> Array:
    """``|w|^exponent`` for an exponent above 1; value and slope at w = 0 are 0, not NaN."""
    size = jnp.abs(w)
    inside = jnp.where(size > 0, size, jnp.ones_like(size))
    # exp and log are vectorised on a CPU where pow is not.
    return jnp.where(size > 0, jnp.exp(exponent * jnp.log(inside)), jnp.zeros_like(size))


def examples() -> tuple[Task, ...]:
    """One small task, for the conformance suite."""
    return (Tables(5),)
