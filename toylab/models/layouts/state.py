"""A state dict: names and arrays, as layouts read them."""

import re
from collections.abc import Mapping
from string import ascii_uppercase, digits
from typing import Any

import numpy as np

from toylab.errors import ToylabError

# Buffers that hold masks, not weights.
BUFFERS = re.compile(r"\.attn\.(bias|masked_bias|mask|IGNORE)$")
PREFIXES = ("_orig_mod.", "transformer.")  # of torch.compile, and of a network within a larger one


class State:
    """Weights that know which of them were read, and the sizes that their shapes told.

    Args:
        arrays: names, in full, and what they stand for.
        sizes: sizes known beforehand, by letter.

    Attributes:
        sizes: by letter, filled in as weights are taken.

    Raises:
        ToylabError: something that is no array; a checkpoint around a state dict is told apart.
    """

    def __init__(self, arrays: Mapping[str, Any], **sizes: int) -> None:
        if not isinstance(arrays, Mapping):
            raise ToylabError(
                f"from_state_dict: {type(arrays).__name__} is no mapping of names to arrays; of a "
                "PyTorch module give module.state_dict()."
            )
        _check_flat(arrays)
        self.sizes = dict(sizes)
        self._full: dict[str, str] = {}
        for name in arrays:
            short = name
            for prefix in PREFIXES:
                short = short.removeprefix(prefix)
            if not BUFFERS.search(name):
                self._full[short] = name
        self._arrays = {short: _array(name, arrays[name]) for short, name in self._full.items()}
        self._read: set[str] = set()

    def __contains__(self, name: str) -> bool:
        return name in self._arrays

    def has(self, pattern: str) -> bool:
        """Return whether any name matches a pattern from its start."""
        return any(re.match(pattern, name) for name in self._arrays)

    def depth(self, blocks: str) -> int:
        """Return the number of blocks that names such as ``blocks.3.`` tell of."""
        found = [re.match(rf"{blocks}\.(\d+)\.", name) for name in self._arrays]
        count = 1 + max((int(match[1]) for match in found if match), default=-1)
        if not count:
            raise ToylabError(f"from_state_dict: no block; no name begins with '{blocks}.0.'.")
        return count

    def told(self) -> str:
        """Return some of the names, for a message."""
        return ", ".join(sorted(self._full.values())[:3]) or "none"

    def shape(self, name: str) -> tuple[int, ...]:
        """Return a weight's shape, without taking it."""
        self._check(name)
        return self._arrays[name].shape

    def take(self, name: str, axes: str) -> np.ndarray:
        """Return a weight, once its shape is checked.

        Args:
            name: without the prefixes of all names.
            axes: such as "D 3D": letters are sizes, which the first shape that has them tells.

        Raises:
            ToylabError: it is not there, or has another shape; both shapes are told.
        """
        found = self.shape(name)
        letters = axes.split()
        alike = found if len(found) == len(letters) else (None,) * len(letters)
        wanted = [self._axis(axis, size) for axis, size in zip(letters, alike, strict=True)]
        if list(found) != wanted:
            told = ", ".join(map(str, wanted)) + "," * (len(wanted) == 1)
            raise ToylabError(f"from_state_dict: {self._full[name]} is {found}, not ({told}).")
        self.sizes |= {a: n for a, n in zip(letters, found, strict=True) if a.isalpha()}
        self._read.add(name)
        return self._arrays[name]

    def check_all_read(self, layout: str) -> None:
        """Refuse weights that nothing took: a network that has them is another one."""
        rest = [full for short, full in self._full.items() if short not in self._read]
        if rest:
            more = f" and {len(rest) - 3} more" if len(rest) > 3 else ""
            raise ToylabError(
                f"from_state_dict: nothing reads {', '.join(map(repr, rest[:3]))}{more} in the "
                f"layout {layout}; leave out what does not change the logits."
            )

    def size(self, axis: str) -> int | None:
        """Return how long an axis such as "3D" is; None where nothing told it yet."""
        factor, letter = int(axis.rstrip(ascii_uppercase) or 1), axis.lstrip(digits)
        known = self.sizes.get(letter, None if letter else 1)
        return None if known is None else factor * known

    def _axis(self, axis: str, found: int | None) -> int | str:
        """What an axis has to be: any size, or its letter, where nothing told it yet."""
        known = self.size(axis)
        return known if known is not None else axis if found is None else found

    def _check(self, name: str) -> None:
        if name not in self._arrays:
            raise ToylabError(f"from_state_dict: no weight {name!r}.")


def _check_flat(arrays: Mapping[str, Any]) -> None:
    """Refuse a checkpoint, and name the state dict that is in it."""
    inner = {name: value for name, value in arrays.items() if isinstance(value, Mapping)}
    if inner:
        holds = lambda value: any(hasattr(leaf, "shape") for leaf in value.values())
        name = next((name for name, value in inner.items() if holds(value)), next(iter(inner)))
        raise ToylabError(
            f"from_state_dict: {name!r} is a dict of its own, so this is a checkpoint around a "
            f"state dict; pass its [{name!r}]."
        )


def _array(name: str, value: Any) -> np.ndarray:
    """A tensor or an array, in float32 on the host."""
    value = value.detach().cpu().float().numpy() if hasattr(value, "detach") else value
    try:
        return np.asarray(value, np.float32)
    except (TypeError, ValueError):
        raise ToylabError(
            f"from_state_dict: {name!r} is no array of numbers but {type(value).__name__}."
        ) from None
