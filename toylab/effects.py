"""Running edits: their effect on an output, and a whole population at once."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array

from toylab.errors import ToylabError
from toylab.taps import Edit, Model, Params, run


def _check_shapes(model: Model, params: Params, inputs: Array, edits: Sequence[Edit]) -> None:
    """Refuse edits whose value or mask does not broadcast to the site's activation."""
    sites = tuple(dict.fromkeys(e.site for e in edits))
    _, acts = jax.eval_shape(lambda p, x: run(model, p, x, record=sites), params, inputs)
    for edit in edits:
        want = acts[edit.site].shape
        for name, part in (("value", edit.value), ("where", edit.where)):
            have = () if part is None else jnp.shape(part)
            pairs = zip(have[::-1], want[::-1], strict=False)
            if len(have) > len(want) or any(h not in (1, w) for h, w in pairs):
                raise ToylabError(
                    f"Edit at {edit.site}: {name} of shape {have} does not broadcast to the "
                    f"activation's {want}."
                )


def effect(
    model: Model,
    params: Params,
    inputs: Array,
    edits: Sequence[Edit],
    metric: Callable[[Array], Array],
) -> Array:
    """Return ``metric(edited outputs) - metric(clean outputs)`` of one member.

    Args:
        model: the model.
        params: its parameters.
        inputs: a batch (B, ...).
        edits: edits, applied in order.
        metric: from outputs (B, ...) to any array, as a mean loss or a logit per example.

    Raises:
        ToylabError: an unknown site, or an edit that does not broadcast to its activation.

    Example:
        >>> from toylab.interventions import zero_ablate
        >>> from toylab.models import Autoencoder
        >>> model = Autoencoder(n_features=5, n_hidden=2)
        >>> params = model.init(jax.random.key(0))
        >>> x = jnp.ones((3, 5))
        >>> effect(model, params, x, [zero_ablate("hidden")], jnp.mean).shape
        ()
    """
    _check_shapes(model, params, inputs, edits)
    edited, _ = run(model, params, inputs, edits=edits)
    clean, _ = run(model, params, inputs)
    return metric(edited) - metric(clean)


def _per_edit(name: str, flag: bool | Sequence[bool], count: int) -> tuple[int | None, ...]:
    flags = (flag,) * count if isinstance(flag, bool) else tuple(flag)
    if len(flags) != count:
        raise ToylabError(f"vmap_run: {name} has {len(flags)} entries for {count} edits.")
    return tuple(0 if f else None for f in flags)


def vmap_run(
    model: Model,
    params_P: Params,
    inputs: Array,
    record: Sequence[str] = (),
    edits: Sequence[Edit] = (),
    *,
    values_per_member: bool | Sequence[bool] = False,
    where_per_member: bool | Sequence[bool] = False,
    inputs_per_member: bool = False,
) -> tuple[Array, dict[str, Array]]:
    """Run all members of a population, as :func:`toylab.taps.run` runs one.

    Args:
        model: the model, shared by all members.
        params_P: parameters with leading axis P.
        inputs: one batch (B, ...) for all members, or (P, B, ...) with ``inputs_per_member``.
        record: glob patterns of sites to record.
        edits: edits, applied in order.
        values_per_member: whether edit values have the leading axis P; one flag, or one per edit.
        where_per_member: the same for masks.
        inputs_per_member: whether inputs have the leading axis P.

    Returns:
        Outputs (P, B, ...) and ``{site: (P, B, ...)}``.

    Raises:
        ToylabError: a leading axis that is not P; an unknown site; an edit that does not
            broadcast to its activation.
    """
    edits = tuple(edits)
    sizes = {leaf.shape[:1] for leaf in jax.tree.leaves(params_P)}
    if len(sizes) != 1 or () in sizes:
        raise ToylabError(f"vmap_run: parameters' leading axes are {sizes}; stack them along P.")
    ((size,),) = sizes
    value_axes = _per_edit("values_per_member", values_per_member, len(edits))
    where_axes = _per_edit("where_per_member", where_per_member, len(edits))
    values, wheres = [e.value for e in edits], [e.where for e in edits]
    parts = [("inputs", inputs, 0 if inputs_per_member else None)]
    for e, v, w in zip(edits, value_axes, where_axes, strict=True):
        parts += [(f"value at {e.site}", e.value, v), (f"where at {e.site}", e.where, w)]
    for name, part, axis in parts:
        if axis == 0 and part is not None and jnp.shape(part)[:1] != (size,):
            raise ToylabError(
                f"vmap_run: {name} has shape {jnp.shape(part)}; per member it needs the leading "
                f"axis P = {size}."
            )

    def one(params: Params, x: Array, values: list, wheres: list) -> tuple[Array, dict]:
        rows = zip(edits, values, wheres, strict=True)
        own = tuple(Edit(e.site, e.op, v, w) for e, v, w in rows)
        _check_shapes(model, params, x, own)
        return run(model, params, x, record, own)

    axes = (0, 0 if inputs_per_member else None, list(value_axes), list(where_axes))
    return jax.vmap(one, in_axes=axes)(params_P, inputs, values, wheres)
