"""Layers of a multilayer perceptron, and their hidden units in another order.

A permutation of hidden layer l is an array of its units: unit j of the permuted network is unit
``order[j]`` of the given one. The function stays the same, whatever the activation.

Shape suffixes: I units of the layer before, O of the layer, B batch.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float, Int

from toylab.errors import ToylabError

Params = Any  # a tree {"layers": {"0": {"kernel", "bias"}, ...}}
Orders = tuple[Int[np.ndarray, " O"], ...]


class Layer(NamedTuple):
    """One layer in float64; a bias of zeros where the network has none."""

    kernel_IO: Float[np.ndarray, "I O"]
    bias_O: Float[np.ndarray, " O"]


def layers_of(owner: str, params: Params) -> list[Layer]:
    """Return the layers of a network, in order.

    Args:
        owner: who asks, for the message.
        params: of one network of :class:`toylab.models.mlp.MLP`.

    Raises:
        ToylabError: parameters of another model or of several networks, or that are not finite.
    """
    if not isinstance(params, dict) or set(params) != {"layers"}:
        found = ", ".join(map(str, params)) if isinstance(params, dict) else type(params).__name__
        raise ToylabError(
            f"{owner}: parameters of {found}; give those of an MLP. Norms, tied weights and "
            "attention have symmetries of their own, which a permutation of units would break."
        )
    found = []
    for i in range(len(params["layers"])):
        own = params["layers"][str(i)]
        kernel_IO = np.asarray(own["kernel"], np.float64)
        if kernel_IO.ndim != 2:
            raise ToylabError(
                f"{owner}: a kernel of shape {kernel_IO.shape}; give one network, as in "
                "jax.tree.map(lambda leaf: leaf[0], params)."
            )
        bias_O = own.get("bias", np.zeros(kernel_IO.shape[1]))
        found.append(Layer(kernel_IO, np.asarray(bias_O, np.float64)))
        if not all(np.isfinite(leaf).all() for leaf in found[-1]):
            raise ToylabError(
                f"{owner}: layer {i} is not finite; leave out networks that have diverged."
            )
    return found


def pair_of(owner: str, a: Params, b: Params) -> tuple[list[Layer], list[Layer]]:
    """Return the layers of two networks of one shape.

    Raises:
        ToylabError: networks of different widths or depths; the shapes are told.
    """
    both = layers_of(owner, a), layers_of(owner, b)
    left, right = ([layer.kernel_IO.shape for layer in own] for own in both)
    if left != right:
        raise ToylabError(f"{owner}: kernels {left} and {right}; give networks of one shape.")
    return both


def reordered(layers: Sequence[Layer], orders: Orders) -> list[Layer]:
    """Return layers with the hidden units of each in another order."""
    found = []
    for i, (kernel_IO, bias_O) in enumerate(layers):
        kernel_IO = kernel_IO[orders[i - 1]] if i else kernel_IO
        if i < len(orders):
            kernel_IO, bias_O = kernel_IO[:, orders[i]], bias_O[orders[i]]
        found.append(Layer(kernel_IO, bias_O))
    return found


def permute(params: Params, orders: Orders) -> Params:
    """Return a network with its hidden units in another order: the same function.

    Args:
        params: of one MLP.
        orders: a permutation for each hidden layer.

    Raises:
        ToylabError: another number of orders than of hidden layers, or one that is none.

    Example:
        >>> import jax
        >>> from toylab.models.mlp import MLP
        >>> params = MLP((2, 3, 1)).init(jax.random.key(0))
        >>> turned = permute(params, (np.array([2, 0, 1]),))
        >>> bool((turned["layers"]["1"]["kernel"][0] == params["layers"]["1"]["kernel"][2]).all())
        True
    """
    sizes = [layer.bias_O.size for layer in layers_of("permute", params)][:-1]
    if [sorted(order) for order in orders] != [list(range(size)) for size in sizes]:
        raise ToylabError(f"permute: give a permutation for each hidden layer, of sizes {sizes}.")
    found = {}
    for name, own in params["layers"].items():
        i, own = int(name), dict(own)
        if i:
            own["kernel"] = own["kernel"][orders[i - 1]]
        if i < len(orders):
            own = {leaf: value[..., orders[i]] for leaf, value in own.items()}
        found[name] = own
    return {"layers": found}


def averaged_layers(a: Params, b: Params) -> list[Params]:
    """Return networks with one layer averaged and the rest of a, then of b; layer by layer.

    Two networks with a barrier between them may have none where a single layer is averaged.

    Raises:
        ToylabError: networks of different shapes, or parameters that are not finite.

    Source: layer-wise connectivity of Adilova et al. 2024 (arXiv:2307.06966).
    """
    pair_of("averaged_layers", a, b)
    mean = lambda name: jax.tree.map(lambda x, y: (x + y) / 2, a["layers"][name], b["layers"][name])
    cut = lambda rest, name: {"layers": rest["layers"] | {name: mean(name)}}
    return [cut(rest, str(i)) for i in range(len(a["layers"])) for rest in (a, b)]


def random_orders(params: Params, seed: int) -> Orders:
    """Return a random permutation for each hidden layer, to compare a matching with."""
    rng = np.random.default_rng(seed)
    hidden = layers_of("random_orders", params)[:-1]
    return tuple(rng.permutation(layer.bias_O.size) for layer in hidden)
