"""Fitting tensor-product and linear probes alike: AdamW on the cross-entropy of all entities."""

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jaxtyping import Float, Int

from toylab.analysis.tpr.probe import Form, Params, TensorProbe, flat_weight
from toylab.errors import ToylabError, check_number
from toylab.optim import AdamW, cosine
from toylab.task import Number


def fit(
    x: Float[Array, "*lead N D"],
    labels: Int[Array, "*#lead N S"],
    form: Form,
    key: Array,
    *,
    weights: Float[Array, "*#lead N"] | None = None,
    seeds: int | None = None,
    steps: int = 1000,
    batch_size: int = 2048,
    learning_rate: Number = 1e-2,
    weight_decay: Number = 1e-2,
    within: Form | None = None,
) -> TensorProbe:
    """Fit probes of a table of entities by minibatch AdamW.

    Minimises the mean over samples and entities of ``w_n CE(softmax(logit[n, s]), label[n, s])``.
    All forms are fitted alike, so that their accuracies may be compared: batches drawn with
    replacement, betas (0.9, 0.99), and a rate that falls to 0 along a cosine, where Lee et al. stop
    early. Activations are scaled to a root mean square of 1 by one number per leading index, so
    that one rate suits any layer; the result undoes it.

    Args:
        x: activations (..., N, D).
        labels: class of every entity (..., N, S), or (N, S) for all.
        form: what the weights are made of; see :func:`toylab.analysis.tpr.probe.bilinear` and its
        like. key: random key; every leading index and seed draws its own initial weights, and all
            share
            the batches.
        weights: sample weights >= 0, (..., N) or (N,).
        seeds: if given, that many probes are fitted to the same activations, along a new first
            axis.
        steps: updates.
        batch_size: samples per update.
        learning_rate: peak rate, > 0.
        weight_decay: decoupled, of every parameter.
        within: a wider form of the same kind. Parameters are padded with zeros up to it, where
            their gradients are 0 too: the result is the same, and forms that are fitted within
            one share its compiled program.

    Returns:
        Probes with leading axes (...), or (seeds, ...).

    Raises:
        ToylabError: shapes that do not fit, labels outside the classes, a setting out of range.

    Example:
        >>> from toylab.analysis.tpr.probe import bilinear
        >>> x = jax.random.normal(jax.random.key(0), (60, 8))
        >>> labels = (x[:, :4] > 0).astype("int32")
        >>> probe = fit(x, labels, bilinear(4, 2, roles=3, fillers=1), jax.random.key(1), steps=5)
        >>> probe.predict(x).shape
        (60, 4)

    Source:
        Lee et al. 2026 (arXiv:2605.09967) for rate, decay, betas and initial weights.
    """
    for name, value in (("steps", steps), ("batch_size", batch_size), ("seeds", seeds or 1)):
        check_number("fit", name, value, low=1, whole=True)
    check_number("fit", "learning_rate", learning_rate, above=0)
    check_number("fit", "weight_decay", weight_decay, low=0)
    x, labels, w = _checked(x, labels, weights, form)
    lead = x.shape[:-2]
    # The host draws: compiling the generator would take longer than many a fit.
    entropy = np.asarray(jax.random.key_data(key)).ravel()
    rows = np.random.default_rng(entropy).integers(x.shape[-2], size=(steps, batch_size))
    rows = jnp.asarray(rows.astype(np.int32))
    numbers = (jnp.float32(learning_rate), jnp.float32(weight_decay))
    found = []
    for seed in range(seeds or 1):
        start = initial([*entropy, seed], lead, x.shape[-1], form)
        for index in np.ndindex(lead):
            part = (x[index], labels[index] if labels.ndim == x.ndim else labels)
            part += (w[index] if w.ndim == x.ndim - 1 else w,)
            own = jax.tree.map(lambda leaf, index=index: leaf[index], start)
            found.append(_fit_padded(*part, rows, own, *numbers, form, within or form))
    whole = (*(() if seeds is None else (seeds,)), *lead)
    stack = lambda *leaves: np.stack(leaves).reshape((*whole, *leaves[0].shape))
    params = jax.tree.map(stack, *(params for params, _ in found))
    return TensorProbe(params, stack(*(loss for _, loss in found)), form)


def _fit_padded(
    x: Array,
    labels: Array,
    w: Array,
    rows: Array,
    params: Params,
    rate: Array,
    decay: Array,
    form: Form,
    within: Form,
) -> tuple[Params, np.ndarray]:
    """Fit one probe inside a wider one; return its own part of the parameters."""
    program = dataclasses.replace(within, frozen=False)
    held = jnp.asarray(form.frozen)
    wide = resize(params, form, within)
    fitted, loss = _fit(x, labels, w, rows, wide, rate, decay, held, form=program)
    return resize(jax.tree.map(np.asarray, fitted), within, form), np.asarray(loss)


def resize(params: Params, form: Form, to: Form) -> Params:
    """Pad or crop one probe's parameters to the widths of another form of the same kind."""
    same = [dataclasses.replace(f, roles=(), fillers=0, rank=0, frozen=False) for f in (form, to)]
    kinds = [(len(f.roles), f.rank > 0) for f in (form, to)]
    if same[0] != same[1] or kinds[0] != kinds[1]:
        raise ToylabError(f"fit: {form} does not fit within {to}; give a form of the same kind.")

    def cut(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        new = np.zeros(shape, np.float32)
        kept = tuple(slice(min(a, b)) for a, b in zip(array.shape, shape, strict=True))
        new[kept] = array[kept]
        return new

    found, width = dict(params), len(params["binding"])
    if form.rank:
        found["binding"] = cut(params["binding"], (width, to.rank))
        found["readout"] = cut(params["readout"], (to.rank, params["readout"].shape[1]))
    if form.roles:
        bound = params["binding"].reshape(width, *form.roles, form.fillers)
        found["binding"] = cut(bound, (width, *to.roles, to.fillers)).reshape(width, -1)
        pairs = zip(params["roles"], to.roles, strict=True)
        found["roles"] = [cut(side, (len(side), r)) for side, r in pairs]
        found["fillers"] = cut(params["fillers"], (form.classes, to.fillers))
    return found


def _checked(x: Any, labels: Any, weights: Any, form: Form) -> tuple[Array, Array, Array]:
    x, labels = jnp.asarray(x, jnp.float32), jnp.asarray(labels)
    if x.ndim < 2 or x.shape[-2] < 1:
        raise ToylabError(f"fit: x has shape {x.shape}; give activations (..., N, D).")
    lead, n = x.shape[:-2], x.shape[-2]
    whole = jnp.issubdtype(labels.dtype, jnp.integer)
    if not whole or labels.shape not in ((n, form.entities), (*lead, n, form.entities)):
        raise ToylabError(
            f"fit: labels are {labels.dtype} of shape {labels.shape}; give integers "
            f"({n}, {form.entities}), or with the leading axes {lead} before it."
        )
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= form.classes:
        raise ToylabError(
            f"fit: labels run from {low} to {high}; give 0 to classes - 1 = {form.classes - 1}."
        )
    w = jnp.ones((n,), jnp.float32) if weights is None else jnp.asarray(weights, jnp.float32)
    if w.shape not in ((n,), (*lead, n)) or not bool((w >= 0).all()):
        raise ToylabError(f"fit: weights have shape {w.shape}; give numbers >= 0 of shape ({n},).")
    return x, labels, w


@functools.partial(jax.jit, static_argnames=("form",))
def _fit(
    x: Array,
    labels: Array,
    w: Array,
    rows: Array,
    start: Params,
    rate: Array,
    decay: Array,
    held: Array,
    *,
    form: Form,
) -> tuple[Params, Array]:
    steps = len(rows)
    solver = AdamW(rate, decay, b2=0.99, schedule=cosine(steps)).transform()
    scale = jnp.sqrt(jnp.mean(jnp.square(x)))
    scale = jnp.where(scale > 0, scale, 1.0)
    mean_w = jnp.mean(w)

    def step(carry: tuple, drawn: Array) -> tuple[tuple, Array]:
        params, state = carry
        batch = (x[drawn] / scale, labels[drawn], w[drawn] / mean_w)
        loss, grads = jax.value_and_grad(_loss)(params, *batch, form)
        # Optax mixes Python floats with int32 counts, which strict promotion would refuse.
        with jax.numpy_dtype_promotion("standard"):
            moves, state = solver.update(grads, state, params)
        new: Any = optax.apply_updates(params, moves)
        if form.roles:
            pairs = zip(params["roles"], new["roles"], strict=True)
            new = new | {"roles": [jnp.where(held, old, moved) for old, moved in pairs]}
        return (new, state), loss

    (fitted, _), losses = jax.lax.scan(step, (start, solver.init(start)), rows)
    fitted = fitted | {"binding": fitted["binding"] / scale}
    return fitted, jnp.mean(losses[-max(1, steps // 10) :])


def _loss(params: Params, x: Array, labels: Array, w: Array, form: Form) -> Array:
    """Weighted mean over samples and entities of the cross-entropy in nats."""
    logits = x @ flat_weight(params, form, jnp)
    if "bias" in params:
        logits = logits + params["bias"][None]
    table_NCS = logits.reshape(len(x), form.classes, form.entities)
    hot_NCS = labels[:, None] == jnp.arange(form.classes, dtype=labels.dtype)[None, :, None]
    right_NS = jnp.sum(jnp.where(hot_NCS, table_NCS, 0.0), 1)
    return jnp.mean(w[:, None] * (jax.nn.logsumexp(table_NCS, 1) - right_NS))


def initial(entropy: list[int], lead: tuple[int, ...], width: int, form: Form) -> Params:
    """Draw one seed's parameters: each as N(0, 1) over the root of its fan-in."""
    rng = np.random.default_rng(entropy)
    cells = form.classes * form.entities

    def draw(rows: int, columns: int, fan: int) -> np.ndarray:
        return (rng.normal(size=(*lead, rows, columns)) * fan**-0.5).astype(np.float32)

    inner = math.prod(form.roles) * form.fillers or form.rank or cells
    params: Params = {"binding": draw(width, inner, width)}
    if form.bias:
        params["bias"] = np.zeros((*lead, cells), np.float32)
    if form.rank:
        params["readout"] = draw(inner, cells, inner)
    if form.roles:
        sides = zip(form.grid, form.roles, strict=True)
        params["roles"] = [draw(n, r, r) for n, r in sides]
        params["fillers"] = draw(form.classes, form.fillers, form.fillers)
    return params
