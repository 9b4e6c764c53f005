"""Targets: which entries of an activation a change is about.

A target names a site and, along some of its axes, the indices it means; along the others it means
all. Positions are counted on axis 1 and may be negative, as -1 for the last.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np

from toylab.errors import ToylabError
from toylab.models.transformer import Transformer

Indices = int | Iterable[int]
POSITION, HEAD, NEURON = 1, -2, -1  # axes of (B, L, H, K) and (B, L, F)
PAIRED = ("attn/scores", "attn/pattern")  # sites (B, H, L, M)


@dataclasses.dataclass(frozen=True, eq=False)
class Target:
    """Some entries of the activation at a site.

    Args:
        site: name of the site.
        axes: pairs of an axis and the indices meant along it.
        where: boolean mask besides, which broadcasts to the activation; with the leading axes of
            the parameters before, one mask per member.
    """

    site: str
    axes: tuple[tuple[int, tuple[int, ...]], ...] = ()
    where: np.ndarray | None = None

    def mask(self, shape: tuple[int, ...]) -> np.ndarray | None:
        """Return the target in an activation of a shape, True where it is meant, or None for all.

        Raises:
            ToylabError: an axis or an index that the activation lacks.
        """
        found = None if self.where is None else np.asarray(self.where)
        if found is not None and found.dtype != bool:
            raise ToylabError(
                f"Target at {self.site}: where is {found.dtype}, not a boolean mask; "
                "give one, as in np.arange(L)[:, None] == position."
            )
        for axis, indices in self.axes:
            if not -len(shape) <= axis < len(shape):
                raise ToylabError(f"Target at {self.site}: shape {shape} has no axis {axis}.")
            size = shape[axis]
            wrong = [i for i in indices if not -size <= i < size]
            if wrong:
                raise ToylabError(
                    f"Target at {self.site}: index {wrong[0]} of axis {axis}, which has {size}."
                )
            row = np.zeros(size, bool)
            row[list(indices)] = True
            row = row.reshape([size if a == axis % len(shape) else 1 for a in range(len(shape))])
            found = row if found is None else found & row
        return found


def _many(indices: Indices) -> tuple[int, ...]:
    return (int(indices),) if isinstance(indices, int | np.integer) else tuple(map(int, indices))


def at(target: "str | Target", positions: Indices) -> Target:
    """Return a site, or another target, at some positions only.

    Args:
        target: name of a site, or a target.
        positions: one position or several, negative ones counted from the end.

    Raises:
        ToylabError: scores or a pattern, which have queries and keys in place of positions.
    """
    target = Target(target) if isinstance(target, str) else target
    if target.site.endswith(PAIRED):
        raise ToylabError(
            f"at: {target.site} has queries and keys, not positions; give edge(layer, heads, "
            "queries, keys)."
        )
    return dataclasses.replace(target, axes=(*target.axes, (POSITION, _many(positions))))


def where(target: "str | Target", mask: np.ndarray) -> Target:
    """Return a site, or another target, where a boolean mask is true; of several, all of them.

    Args:
        target: name of a site, or a target.
        mask: broadcasts to the activation; with leading axes, it holds a mask per member.
    """
    target = Target(target) if isinstance(target, str) else target
    mask = mask if target.where is None else target.where & np.asarray(mask)
    return dataclasses.replace(target, where=mask)


def head(layer: int, heads: Indices) -> Target:
    """Return the output ``z`` of one head of a layer or several, before the output projection."""
    return Target(f"blocks/{layer}/attn/z", ((HEAD, _many(heads)),))


def neuron(layer: int, neurons: Indices) -> Target:
    """Return the activation of one neuron of a layer's MLP or several."""
    return Target(f"blocks/{layer}/mlp/post", ((NEURON, _many(neurons)),))


def edge(
    layer: int,
    heads: Indices | None = None,
    queries: Indices | None = None,
    keys: Indices | None = None,
) -> Target:
    """Return attention scores (B, H, L, M) from some queries to some keys; None means all."""
    given = ((1, heads), (2, queries), (3, keys))
    axes = tuple((axis, _many(indices)) for axis, indices in given if indices is not None)
    return Target(f"blocks/{layer}/attn/scores", axes)


def stream(model: Transformer) -> tuple[str, ...]:
    """Return the sites of the residual stream: before the first block, then after each.

    Example:
        >>> stream(Transformer(vocab=5, length=4, width=8, depth=2, heads=2))
        ('blocks/0/resid_pre', 'blocks/0/resid_post', 'blocks/1/resid_post')
    """
    return ("blocks/0/resid_pre", *(f"blocks/{i}/resid_post" for i in range(model.depth)))
