"""Pairs of a population's networks, each with the second network in several orders of its units."""

from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool

from toylab.analysis.matching.layers import Params, permute, random_orders
from toylab.analysis.matching.match import match_activations, match_weights
from toylab.errors import ToylabError, nearest
from toylab.models.mlp import MLP

ORDERS = ("none", "weights", "activations", "random")


class Pair(NamedTuple):
    """Two networks, the second in several orders of its units.

    Attributes:
        a: the first.
        names: of the orders.
        others: the second in each; nothing where one of the two diverged.
    """

    a: Params
    names: tuple[str, ...]
    others: dict[str, Params]


def pairs_of(
    model: MLP,
    params_P: Params,
    lost_P: Bool[np.ndarray, " P"],
    inputs: Any,
    names: tuple[str, ...] = ORDERS,
) -> list[Pair]:
    """Return members 0 and 1, 2 and 3, ... of a population, which share no network.

    Args:
        model: of all.
        params_P: their parameters, with a leading axis.
        lost_P: which of them diverged.
        inputs: what activations are compared on.
        names: orders of the second network: "none", as it is; "weights" and "activations", as fits
            the first; "random", to compare with.

    Raises:
        ToylabError: an odd number of members, or an unknown order.
    """
    if len(lost_P) % 2:
        raise ToylabError(f"pairs_of: {len(lost_P)} members; give an even number.")
    unknown = [name for name in names if name not in ORDERS]
    if unknown:
        raise ToylabError(f"pairs_of: no order {unknown[0]!r}; {nearest(unknown[0], ORDERS)}")
    member = lambda i: jax.tree.map(lambda leaf: leaf[i], params_P)
    found = []
    for i in range(0, len(lost_P), 2):
        a, b = member(i), member(i + 1)
        lost = bool(lost_P[i : i + 2].any())
        others = {} if lost else {name: _ordered(model, a, b, inputs, name, i) for name in names}
        found.append(Pair(a, tuple(names), others))
    return found


def _ordered(model: MLP, a: Params, b: Params, inputs: Any, name: str, seed: int) -> Params:
    if name == "weights":
        return permute(b, match_weights(a, b).orders)
    if name == "activations":
        return permute(b, match_activations(model, a, b, inputs).orders)
    return permute(b, random_orders(b, seed)) if name == "random" else b
