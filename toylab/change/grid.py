"""A grid of changes as one program: change x member x batch.

Edits of one site and kind share a slot; a change that has none there holds the slot's neutral
element, the same edit at no place. So one compilation serves every change of a grid, and every
later grid of the same slots and shapes.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.change.kinds import Change
from toylab.check.tokens import check_inputs
from toylab.errors import ToylabError
from toylab.taps import Edit, Model, Params, run, site_hint
from toylab.trees import drawn_shapes, each_member, leading

Read = Callable[[Array, dict[str, Array]], Any]


def outputs_only(outputs: Array, acts: dict[str, Array]) -> Array:
    """Read the model's outputs."""
    return outputs


@dataclasses.dataclass(frozen=True)
class Slot:
    """Edits of one site and kind, one per change.

    Attributes:
        site, op: as in an edit.
        value: one value for all changes, or one per change along a leading axis C.
        where: mask, with leading axis C; None where every change edits the whole activation, so
            that what it replaces need not be computed.
        value_C: whether the value has the axis C.
        value_P, where_P: whether value and mask have an axis P, after C.
    """

    site: str
    op: str
    value: Any
    where: Any
    value_C: bool
    value_P: bool
    where_P: bool

    def edit(self, value: Any, where: Any) -> Edit:
        """Return the edit of one change and member."""
        op: Any = self.op
        return Edit(self.site, op, value, where)


def run_changes(
    model: Model,
    params: Params,
    inputs: Array,
    changes: Sequence[Change],
    read: Read = outputs_only,
    record: Sequence[str] = (),
    *,
    inputs_per_member: bool = False,
) -> Any:
    """Run one member, a population, or its snapshots under every change of a grid.

    Args:
        model: the model, shared by all members.
        params: of one member, a population, or a population at several snapshots.
        inputs: one batch (B, ...) for all members, or one per member.
        changes: the grid, C of them.
        read: ``read(outputs, activations)``, what is kept of a run: any arrays. A named function,
            so that the program is compiled once.
        record: glob patterns of sites that ``read`` is given.
        inputs_per_member: whether inputs have the leading axes of the parameters.

    Returns:
        What ``read`` returned, with the axis C before the leading axes of the parameters.

    Raises:
        ToylabError: tokens outside of the vocabulary, a site the model lacks, a target or a value
            that does not fit its activation, two changes whose order of edits at one site
            disagrees, or more kept than the memory holds: then a ``read`` that keeps less helps.

    Example:
        >>> from toylab.change import NOTHING, zero
        >>> from toylab.models import Autoencoder
        >>> model = Autoencoder(n_features=5, n_hidden=2)
        >>> params = model.init(jax.random.key(0))
        >>> run_changes(model, params, jnp.ones((3, 5)), [NOTHING, zero("hidden")]).shape
        (2, 3, 5)
    """
    owner, lead = "run_changes", leading(model, params)
    size, dealt = math.prod(lead), lead if inputs_per_member else ()
    if jnp.shape(inputs)[: len(dealt)] != dealt:
        raise ToylabError(
            f"{owner}: inputs of each member are {jnp.shape(inputs)}; begin with the parameters' "
            f"leading axes {lead}."
        )
    check_inputs(owner, model, inputs)
    inputs = jnp.asarray(inputs)
    params = jax.tree.map(lambda leaf: _one_axis(leaf, lead), params)
    inputs = _one_axis(inputs, lead) if inputs_per_member else inputs
    example = inputs[0] if inputs_per_member else inputs
    slots = stack(changes, shapes_of(model, example, changes), lead)
    static = tuple(dataclasses.replace(slot, value=None, where=None) for slot in slots)
    about = (model, static, read, tuple(record), len(changes))
    own, shared = _dealt(slots, inputs, inputs_per_member, size)
    found = each_member(owner, _every_change, about, (size,), (params, *own), *shared)
    first = lambda leaf: jnp.moveaxis(leaf, 1, 0).reshape(len(changes), *lead, *leaf.shape[2:])
    return jax.tree.map(first, found)


def _one_axis(array: Any, lead: tuple[int, ...]) -> Any:
    """Return an array with its leading axes as one axis; the array itself where they are one."""
    if len(lead) == 1:
        return array
    return array.reshape(math.prod(lead), *array.shape[len(lead) :])


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _of_one(
    model: Model, read: Read, record: tuple[str, ...], params: Params, inputs: Array
) -> Any:
    """What is kept of one member without a change; jitted, so that it is traced once."""
    return read(*run(model, params, inputs, record))


def shapes_of(model: Model, inputs: Array, changes: Sequence[Change]) -> dict[str, tuple[int, ...]]:
    """Return the shape of the activation at every site that a change touches.

    Raises:
        ToylabError: a site the model lacks.
    """
    sites = list(dict.fromkeys(part.target.site for change in changes for part in change.parts))
    for site in sites:
        if site not in model.sites:
            raise ToylabError(f"Unknown site {site!r}: {site_hint(site, model.sites)}")
    acts = _of_one.eval_shape(model, _activations, tuple(sites), drawn_shapes(model), inputs)
    return {site: acts[site].shape for site in sites}


def _activations(outputs: Array, acts: dict[str, Array]) -> dict[str, Array]:
    return dict(acts)


def stack(
    changes: Sequence[Change], shapes: dict[str, tuple[int, ...]], lead: tuple[int, ...]
) -> list[Slot]:
    """Return the slots of a grid; the edits of change c are entry c of each.

    Args:
        changes: the grid.
        shapes: of the activations that it touches.
        lead: leading axes of the parameters.
    """
    if not changes:
        raise ToylabError("run_changes: no changes; give NOTHING for the unchanged model.")
    rows: list[dict[tuple[str, str, int], Edit]] = []
    flat: dict[int, Any] = {}  # what many changes share is one array, before and after
    for change in changes:
        row: dict[tuple[str, str, int], Edit] = {}
        for part in change.parts:
            edit = part.edit(shapes[part.target.site])
            edit = _flat(edit, shapes[edit.site], lead, flat)
            count = sum(key[:2] == (edit.site, edit.op) for key in row)
            row[edit.site, edit.op, count] = edit
        rows.append(row)
    return [_slot(key, rows, shapes[key[0]]) for key in _ordered(rows)]


def _ordered(rows: Sequence[dict[tuple[str, str, int], Edit]]) -> list[tuple[str, str, int]]:
    """Slots in an order that every change agrees with."""
    order: list[tuple[str, str, int]] = []
    for row in sorted(rows, key=len, reverse=True):
        last = -1
        for key in row:
            if key in order:
                place = order.index(key)
                earlier = [k for k in order[place + 1 : last + 1] if k[0] == key[0]]
                if earlier:
                    raise ToylabError(
                        f"run_changes: one change has {key[1]} after {earlier[-1][1]} at {key[0]}, "
                        "another the reverse; run them in two grids."
                    )
                last = max(last, place)
            else:
                order.insert(last + 1, key)
                last += 1
    return order


def _slot(
    key: tuple[str, str, int], rows: Sequence[dict[tuple[str, str, int], Edit]], shape: tuple
) -> Slot:
    site, op, _ = key
    edits = [row.get(key) for row in rows]
    given = [edit for edit in edits if edit is not None]
    rank = len(shape)
    values = [jnp.asarray(edit.value, jnp.float32) for edit in given]
    value_P = any(value.ndim > rank for value in values)
    masks = [np.ones((1,) * rank, bool) if e.where is None else np.asarray(e.where) for e in given]
    where_P = any(mask.ndim > rank for mask in masks)
    full = lambda arrays, per: [_padded(a, rank + per) for a in arrays]
    values, masks = full(values, value_P), full(masks, where_P)
    value_C = any(edit.value is not given[0].value for edit in given)
    everywhere = len(given) == len(rows) and all(edit.where is None for edit in given)
    value: Any = values[0]
    if value_C:
        common = np.broadcast_shapes(*(v.shape for v in values))
        spread = iter(jnp.broadcast_to(v, common) for v in values)
        # Ones are as good as anything where nothing is edited, and a direction must not be 0.
        neutral = jnp.ones(common, jnp.float32)
        value = jnp.stack([next(spread) if edit is not None else neutral for edit in edits])
    where = None if everywhere else _stacked_masks(masks, [edit is not None for edit in edits])
    return Slot(site, op, value, where, value_C, value_P, where_P)


def _stacked_masks(masks: Sequence[np.ndarray], given: Sequence[bool]) -> np.ndarray:
    """Return the masks of all changes; those that have none are False everywhere."""
    wide = np.broadcast_shapes(*(mask.shape for mask in masks))
    own = iter(masks)
    return np.stack(
        [np.broadcast_to(next(own), wide) if g else np.zeros(wide, bool) for g in given]
    )


def _padded(array: Any, rank: int) -> Any:
    return array.reshape((1,) * (rank - array.ndim) + array.shape)


def _flat(edit: Edit, shape: tuple[int, ...], lead: tuple[int, ...], flat: dict[int, Any]) -> Edit:
    """Return an edit whose value and mask have at most one axis, of all members, in front."""
    _check(edit, shape, lead)
    parts = {}
    for name in ("value", "where"):
        part = parts[name] = getattr(edit, name)
        if jnp.ndim(part if part is not None else 0) > len(shape) and len(lead) > 1:
            # Beside the array stands its owner: a dead one's identity may be another's.
            _, parts[name] = flat.setdefault(id(part), (part, _one_axis(part, lead)))
    return dataclasses.replace(edit, **parts)


def _check(edit: Edit, shape: tuple[int, ...], lead: tuple[int, ...]) -> None:
    """Refuse a value or a mask that does not broadcast to the site's activation."""
    for name, part in (("value", edit.value), ("target", edit.where)):
        if part is None:
            continue
        have = tuple(jnp.shape(part))
        ahead = max(0, len(have) - len(shape))
        own: tuple[int, ...] = have[ahead:]
        if have[:ahead] not in ((), lead):
            raise ToylabError(
                f"Change at {edit.site}: {name} of shape {have} is for networks {have[:ahead]}, "
                f"but the parameters' leading axes are {lead}; give one for all, or one for each."
            )
        pairs = zip(own[::-1], shape[::-1], strict=False)
        if any(h not in (1, w) for h, w in pairs):
            raise ToylabError(
                f"Change at {edit.site}: {name} of shape {have} does not broadcast to the "
                f"activation's {shape}."
            )
        if name == "value" and edit.op == "patch" and own != shape:
            raise ToylabError(
                f"Change at {edit.site}: a patch of shape {have} cannot replace an activation of "
                f"shape {shape}; record it on inputs of the same shape."
            )


def _dealt(
    slots: Sequence[Slot], inputs: Array, inputs_per_member: bool, size: int
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return inputs, values and masks that are each member's own (P leading), and the others."""

    def first(array: Any, after: int) -> Array:
        leaf = jnp.moveaxis(jnp.asarray(array), after, 0)
        return jnp.broadcast_to(leaf, (size, *leaf.shape[1:]))  # of 1, for all members

    own = (
        inputs if inputs_per_member else None,
        [first(s.value, int(s.value_C)) if s.value_P else None for s in slots],
        [first(s.where, 1) if s.where_P else None for s in slots],
    )
    shared = (
        None if inputs_per_member else inputs,
        [None if s.value_P else s.value for s in slots],
        [None if s.where_P else s.where for s in slots],
    )
    return own, shared


def _every_change(
    model: Model,
    slots: tuple[Slot, ...],
    read: Read,
    record: tuple[str, ...],
    count: int,
    own: tuple[Params, Any, list[Any], list[Any]],
    *shared: Any,
) -> Any:
    """One member under every change of the grid, with what is its own and what all share."""
    params, *mine = own
    x, value, mask = jax.tree.map(
        lambda one, other: other if one is None else one, tuple(mine), shared, is_leaf=_is_none
    )
    if not slots:
        spread = lambda leaf: jnp.broadcast_to(leaf, (count, *jnp.shape(leaf)))
        return jax.tree.map(spread, read(*run(model, params, x, record)))

    def change(row: tuple[list[Any], list[Any], Array]) -> Any:
        moving = iter(row[0])
        mixed = [next(moving) if s.value_C else v for s, v in zip(slots, value, strict=True)]
        edits = [s.edit(v, m) for s, v, m in zip(slots, mixed, row[1], strict=True)]
        return read(*run(model, params, x, record, edits))

    turns = [v for s, v in zip(slots, value, strict=True) if s.value_C]
    return jax.lax.map(change, (turns, mask, jnp.arange(count)))


def _is_none(leaf: Any) -> bool:
    return leaf is None
