"""What fine-tuning changed in the weights of a transformer, and weights put back.

Names of parameters are those of the flat tree, such as ``blocks/0/mlp/up/kernel``.
"""

from typing import Any

import numpy as np

from toylab.errors import ToylabError
from toylab.taps import Params
from toylab.trees import flatten, unflatten

GROUPS = ("embed", "attn", "mlp/up", "mlp/down", "unembed", "norm")


def group_of(name: str) -> str:
    """Return the group of a parameter: what it does, whatever its block; a gate goes with "up".

    Raises:
        ToylabError: not the name of a transformer's parameter.

    Example:
        >>> group_of("blocks/1/mlp/up/kernel"), group_of("blocks/0/attn_norm/scale")
        ('mlp/up', 'norm')
    """
    if "norm" in name:
        return "norm"
    if name.startswith(("embed", "positions")):
        return "embed"
    parts = {"attn": "attn", "mlp/up": "mlp/up", "mlp/gate": "mlp/up", "mlp/down": "mlp/down"}
    for part, group in (parts | {"unembed": "unembed"}).items():
        if f"/{part}" in f"/{name}":
            return group
    raise ToylabError(f"group_of: {name!r} is no parameter of a transformer; see flatten(params).")


def put_back(params: Params, first: Params, group: str) -> Params:
    """Give one group of weights, one of ``GROUPS``, its values from before."""
    before = flatten(first)
    return unflatten(
        {n: before[n] if group_of(n) == group else leaf for n, leaf in flatten(params).items()}
    )


def matrix_changes(first: Params, params: Params) -> list[dict[str, Any]]:
    """Return a row per matrix: cosine of its values before and after, and relative change.

    Heads' biases have two axes but are no matrices.

    Args:
        first: parameters before.
        params: parameters after.
    """
    before, rows = flatten(first), []
    for name, leaf in flatten(params).items():
        a, b = (np.asarray(x, np.float64).ravel() for x in (before[name], leaf))
        if leaf.ndim > 1 and "/b_" not in name:
            cos = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
            change = np.linalg.norm(b - a) / np.linalg.norm(a)
            rows.append({"matrix": name, "group": group_of(name), "cos": cos, "change": change})
    return rows
