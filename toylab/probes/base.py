"""What all probes share: the fitted readout, and data checked, aligned and mapped over."""

import dataclasses
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer

from toylab.errors import ToylabError, check_number
from toylab.show.cards import Card, Rows
from toylab.task import Number


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Probe(Card):
    """Fitted readouts, ``s = h W + b`` with ``h = x`` or ``h = relu(x U + c)``.

    Attributes:
        weight: W, (..., D, T) of a linear probe, (..., F, T) of an MLP; T targets or classes.
        bias: b, (..., T).
        grad_norm: (...), norm of the objective's gradient where the fit ended, in the
            scale-free coordinates the fit worked in; each fit says what to expect of it.
        hidden: ``(U, c)`` of shapes (..., D, F) and (..., F), or None for a linear probe.
        kind: "regression" or "classes".
        dropped: (...), number of directions without variance or penalty that a linear fit left
            out; their weights are 0. None for an MLP.
    """

    weight: Array
    bias: Array
    grad_norm: Array
    hidden: tuple[Array, Array] | None = None
    kind: Literal["regression", "classes"] = dataclasses.field(
        default="regression", metadata={"static": True}
    )
    dropped: Array | None = None

    def scores(self, x: Array) -> Array:
        """Return regressed values or class logits (..., N, T) of ``x`` (..., N, D)."""
        width = (self.weight if self.hidden is None else self.hidden[0]).shape[-2]
        if x.ndim < 2 or x.shape[-1] != width:
            raise ToylabError(f"Probe: x has shape {x.shape}; give (..., N, {width}).")
        return _scores(self, x)

    def _card(self) -> tuple[str, Rows]:
        first = self.weight if self.hidden is None else self.hidden[0]
        *lead, width = first.shape[:-1]
        rows = [("fits", tuple(lead)), ("input width", width), (self.kind, self.weight.shape[-1])]
        if self.hidden is not None:
            rows.append(("hidden neurons", first.shape[-1]))
        if self.dropped is not None:
            rows.append(("directions dropped, at most", int(jnp.max(self.dropped))))
        return "Probe", rows

    def predict(self, x: Array) -> Array:
        """Return regressed values (..., N, T), or the class of highest score (..., N) as int32."""
        scores = self.scores(x)
        return scores if self.kind == "regression" else jnp.argmax(scores, -1).astype(jnp.int32)


@jax.jit
def _scores(probe: Probe, x: Array) -> Array:
    h = x.astype(jnp.float32)
    if probe.hidden is not None:
        h = jax.nn.relu(_affine(h, *probe.hidden))
    return _affine(h, probe.weight, probe.bias)


def _affine(x: Array, weight: Array, bias: Array) -> Array:
    product = jnp.einsum("...nd,...dt->...nt", x, weight)
    return product + jnp.broadcast_to(bias[..., None, :], product.shape)


def over(fn: Any, lead: tuple[int, ...], args: tuple[Array, ...]) -> Any:
    """Map ``fn`` over leading axes; an argument with 1 there is shared without a copy."""
    if not lead:
        return fn(*args)
    shared = [a.shape[0] == 1 and lead[0] != 1 for a in args]
    args = tuple(a[0] if s else a for a, s in zip(args, shared, strict=True))
    inner = lambda *a: over(fn, lead[1:], a)
    return jax.vmap(inner, in_axes=tuple(None if s else 0 for s in shared))(*args)


def varies(a: Array, weights: Array) -> Array:
    """Whether each column of (..., N, T) has two values where its weight (..., N) is above 0."""
    counts = (weights > 0)[..., None]
    high = jnp.max(jnp.where(counts, a, -jnp.inf), -2)
    return high > jnp.min(jnp.where(counts, a, jnp.inf), -2)


def _aligned(owner: str, name: str, a: Array, core: tuple[int | None, ...], lead: tuple) -> Array:
    """Check an argument's shape against ``lead + core`` and pad its leading axes with 1."""
    extra = a.ndim - len(core)
    fits = 0 <= extra <= len(lead)
    fits = fits and all(c in (None, n) for c, n in zip(core, a.shape[extra:], strict=True))
    fits = fits and all(
        n in (1, m) for n, m in zip(a.shape[:extra], lead[len(lead) - extra :], strict=True)
    )
    if not fits:
        want = ", ".join("T" if c is None else str(c) for c in core)
        raise ToylabError(
            f"{owner}: {name} has shape {a.shape}; give ({want}), or before it leading axes "
            f"{lead}, each of that size or 1."
        )
    return a.reshape((1,) * (len(lead) - extra) + a.shape)


def prepare(
    owner: str, x: Array, y: Array, weights: Array | None, l2: Number, n_classes: int | None
) -> tuple[Array, Array, Array, Array]:
    """Validate the arguments of a fit; return float32 (or int32) arrays with aligned axes."""
    x, y = jnp.asarray(x), jnp.asarray(y)
    if x.ndim < 2 or x.shape[-2] < 2 or not jnp.issubdtype(x.dtype, jnp.floating):
        raise ToylabError(
            f"{owner}: x is {x.dtype} of shape {x.shape}; give floats (..., N, D) with N >= 2."
        )
    lead, n = x.shape[:-2], x.shape[-2]
    whole = jnp.issubdtype(y.dtype, jnp.integer)
    if whole != (n_classes is not None):
        want = "float targets (..., N, T)" if n_classes is None else "integer labels (..., N)"
        raise ToylabError(f"{owner}: y is {y.dtype} of shape {y.shape}; give {want}.")
    y = _aligned(owner, "y", y, (n,) if whole else (n, None), lead)
    w = jnp.ones((n,), jnp.float32) if weights is None else jnp.asarray(weights)
    w = _aligned(owner, "weights", w.astype(jnp.float32), (n,), lead)
    if not isinstance(l2, Tracer):
        check_number(owner, "l2", np.min(l2), low=0)
    penalty = _aligned(owner, "l2", jnp.asarray(l2, jnp.float32), (), lead)
    if not isinstance(w, Tracer) and (np.asarray(w) < 0).any():
        raise ToylabError(f"{owner}: weights hold a negative number; give weights >= 0.")
    if n_classes is not None:
        _check_labels(owner, y, w, n_classes)
    return x.astype(jnp.float32), y.astype(jnp.int32 if whole else jnp.float32), w, penalty


def _check_labels(owner: str, y: Array, w: Array, n_classes: int) -> None:
    """Refuse labels outside the classes, and problems that hold a single class."""
    check_number(owner, "n_classes", n_classes, low=2, whole=True)
    if isinstance(y, Tracer) or isinstance(w, Tracer):
        return
    labels, used = np.broadcast_arrays(np.asarray(y), np.asarray(w) > 0)
    low, high = np.where(used, labels, n_classes).min(-1), np.where(used, labels, -1).max(-1)
    if (low < 0).any() or (high >= n_classes).any():
        raise ToylabError(
            f"{owner}: labels run from {low.min()} to {high.max()}; give 0 to n_classes - 1 = "
            f"{n_classes - 1}."
        )
    single = low >= high
    if single.any():
        raise ToylabError(
            f"{owner}: {single.sum()} of {single.size} label sets hold one class only, the first "
            f"at {tuple(int(i) for i in np.argwhere(single)[0])}; leave those out."
        )
