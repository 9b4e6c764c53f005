"""A state dict: names and arrays, as layouts read them."""

import re
from collections.abc import Mapping

import numpy as np

from toylab.errors import ToylabError
from toylab.taps import Params


def take(flat: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """Return a weight, or say that it is not there."""
    if name not in flat:
        raise ToylabError(f"from_state_dict: no weight {name!r}.")
    return flat[name]


def norm_of(flat: Mapping[str, np.ndarray], name: str, weight: str, bias: str) -> Params:
    """Return a norm's gain and bias; without a bias it is 0."""
    scale = take(flat, f"{name}.{weight}")
    return {"scale": scale, "bias": flat.get(f"{name}.{bias}", np.zeros_like(scale))}


def depth(flat: Mapping[str, np.ndarray], pattern: str) -> int:
    """Return the number of blocks that names tell of."""
    return 1 + max(int(m[1]) for name in flat if (m := re.match(pattern, name)))


def check_shape(name: str, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    """Refuse a weight of another shape; both are told."""
    if found != wanted:
        raise ToylabError(f"from_state_dict: {name} is {found}, not {wanted}.")
