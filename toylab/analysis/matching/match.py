"""Which hidden unit of one network is which of another: by weights, by activations, of many.

Each layer's assignment is solved exactly by ``scipy.optimize.linear_sum_assignment``. With one
hidden layer that is the best permutation; with more the layers depend on each other, coordinate
descent ends in a local optimum, and several orders are tried. Duplicated or dead units leave the
permutation open, not the function. Units of a ReLU may also be scaled, ``(c w, v / c)``, which no
permutation undoes.

Source: Ainsworth, Hayase and Srinivasa 2023 (Git Re-Basin, arXiv:2209.04836): matching
activations, matching weights and MergeMany, with their code.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float
from scipy.optimize import linear_sum_assignment

from toylab.analysis.matching.layers import (
    Layer,
    Orders,
    Params,
    pair_of,
    permute,
    reordered,
)
from toylab.errors import ToylabError, check_number
from toylab.models.mlp import MLP
from toylab.taps import run

LEAST = 1e-12  # a gain below this, relative to the overlap, is rounding


class Matching(NamedTuple):
    """An order of the hidden units of network b that fits network a.

    Attributes:
        orders: a permutation for each hidden layer, for :func:`.layers.permute`.
        overlap: what was maximised.
        rounds: passes over the layers until none gained.
    """

    orders: Orders
    overlap: float
    rounds: int


def match_weights(a: Params, b: Params, tries: int = 5, seed: int = 0) -> Matching:
    """Return the order of b's units whose weights have the largest inner product with those of a.

    ``max_P sum_l <A_l, P_{l-1} B_l P_l^T> + <bias>``, which is the least Euclidean distance.
    Coordinate descent: for a layer between fixed neighbours the unit of b for each unit of a is an
    assignment problem with the gains ``A_l^T B_l + a_l b_l^T + A_{l+1} B_{l+1}^T``.

    Args:
        a: parameters of one MLP.
        b: of another of the same shape.
        tries: random orders of the layers; the best end counts. One will do for one hidden layer.
        seed: of these orders.

    Raises:
        ToylabError: networks of different shapes, other models, or parameters that are not finite.

    Example:
        >>> from toylab.analysis.matching.layers import random_orders
        >>> params = MLP((4, 16, 2)).init(jax.random.key(0))
        >>> orders = random_orders(params, seed=1)
        >>> found = match_weights(params, permute(params, orders))
        >>> (orders[0][found.orders[0]] == np.arange(16)).all().item()
        True
    """
    check_number("match_weights", "tries", tries, 1, whole=True)
    left, right = pair_of("match_weights", a, b)
    rng = np.random.default_rng(seed)
    tries = tries if len(left) > 2 else 1
    return max((_descend(left, right, rng) for _ in range(tries)), key=lambda m: m.overlap)


def _descend(a: list[Layer], b: list[Layer], rng: np.random.Generator) -> Matching:
    orders = [np.arange(layer.bias_O.size) for layer in a[:-1]]
    least = LEAST * max(1.0, sum(float((layer.kernel_IO**2).sum()) for layer in a))
    rounds, moved = 0, bool(orders)
    while moved:
        rounds, moved = rounds + 1, False
        for i in rng.permutation(len(orders)):
            gains_OO = _gains(a, b, orders, i)
            found_O = best_assignment(gains_OO)
            rows = np.arange(len(found_O))
            gain = gains_OO[rows, found_O].sum() - gains_OO[rows, orders[i]].sum()
            if gain > least:
                orders[i], moved = found_O, True
    return Matching(tuple(orders), _overlap(a, reordered(b, tuple(orders))), rounds)


def _overlap(a: list[Layer], b: list[Layer]) -> float:
    both = zip(a, b, strict=True)
    return float(sum((x * y).sum() for own in both for x, y in zip(*own, strict=True)))


def _gains(a: list[Layer], b: list[Layer], orders: list[np.ndarray], i: int) -> np.ndarray:
    """Inner products of layer i's units of a (rows) with those of b, neighbours in order."""
    before, after = b[i].kernel_IO, b[i + 1].kernel_IO
    before = before[orders[i - 1]] if i else before
    after = after[:, orders[i + 1]] if i + 1 < len(orders) else after
    biases = np.outer(a[i].bias_O, b[i].bias_O)
    return a[i].kernel_IO.T @ before + biases + a[i + 1].kernel_IO @ after.T


def best_assignment(gains_OO: Float[np.ndarray, "O O"]) -> np.ndarray:
    """Return for each row the column of the assignment with the largest sum.

    Raises:
        ToylabError: gains that are not finite, as those of a network that has diverged.
    """
    if not np.isfinite(gains_OO).all():
        raise ToylabError(
            "best_assignment: gains that are not finite; leave out diverged networks."
        )
    return linear_sum_assignment(gains_OO, maximize=True)[1]


def match_activations(model: MLP, a: Params, b: Params, inputs: Any) -> Matching:
    """Return the order of b's units whose activations are nearest to those of a.

    ``min_P |Z_a - Z_b P^T|^2`` over a batch, layer by layer: no layer depends on another.

    Args:
        model: of both.
        a: parameters of one network.
        b: of another.
        inputs: (B, n).

    Raises:
        ToylabError: networks of different shapes, or activations that are not finite.
    """
    pair_of("match_activations", a, b)
    sites = tuple(f"layers/{i}/post" for i in range(model.depth - 1))
    acts = [run(model, own, inputs, record=sites)[1] for own in (a, b)]
    orders, overlap = [], 0.0
    for site in sites:
        z_BO, other_BO = (np.asarray(own[site], np.float64) for own in acts)
        gains_OO = z_BO.T @ other_BO
        orders.append(best_assignment(gains_OO))
        overlap += float(gains_OO[np.arange(len(gains_OO)), orders[-1]].sum())
    return Matching(tuple(orders), overlap, 1)


def align_many(networks: Sequence[Params], seed: int = 0, rounds: int = 20) -> list[Params]:
    """Return several networks in one order of units: each matched to the mean of the others.

    Args:
        networks: two or more of one shape.
        seed: of the order in which they are matched.
        rounds: passes over them at most; it stops when none moves.

    Raises:
        ToylabError: fewer than two networks, or what :func:`match_weights` refuses.
    """
    if len(networks) < 2:
        raise ToylabError(f"align_many: {len(networks)} network; give two or more.")
    rng, aligned = np.random.default_rng(seed), list(networks)
    for _ in range(rounds):
        moved = False
        for i in rng.permutation(len(aligned)):
            others = mean_network([own for j, own in enumerate(aligned) if j != i])
            orders = match_weights(others, aligned[i], seed=seed).orders
            if any((order != np.arange(order.size)).any() for order in orders):
                aligned[i], moved = permute(aligned[i], orders), True
        if not moved:
            break
    return aligned


def mean_network(networks: Sequence[Params]) -> Params:
    """Return the mean of several networks' parameters.

    Raises:
        ToylabError: networks of different shapes, or parameters that are not finite.
    """
    for own in networks:
        pair_of("mean_network", networks[0], own)
    return jax.tree.map(lambda *leaves: sum(leaves[1:], leaves[0]) / len(leaves), *networks)


def distance(a: Params, b: Params) -> float:
    """Return the Euclidean distance of two networks' parameters.

    Raises:
        ToylabError: networks of different shapes, or parameters that are not finite.
    """
    both = zip(*pair_of("distance", a, b), strict=True)
    squares = (((x - y) ** 2).sum() for own, other in both for x, y in zip(own, other, strict=True))
    return float(np.sqrt(sum(squares)))
