"""Attention knock-out: which layers move what, by closing an edge in a window of layers at a time.

One head that gives share a of its attention to a key, and reads o in all, reads
``(o - a v W_O) / (1 - a)`` once that key is closed: the shares of the others rise, as they are
closed before the softmax. With ``attention="relu"`` the share becomes 0 and no other rises.

Source: Geva, Bastings, Filippova and Globerson 2023, "Dissecting Recall of Factual Associations in
Auto-Regressive Language Models" (2304.14767).
"""

import numpy as np

from toylab.change import NOTHING, Change, knock_out
from toylab.change.targets import Indices
from toylab.errors import ToylabError, check_number
from toylab.models.transformer import Transformer


def window_knock_outs(
    model: Transformer, queries: Indices, keys: Indices, width: int = 1
) -> list[Change]:
    """Return for each layer the knock-out of edges, in all heads, in a window around that layer.

    The window of layer i is of layers ``i - (width - 1) // 2`` to ``i + width // 2``, as far as
    they exist. Information may also go over positions between, by edges that stay open: compare
    windows with single layers, and with a key of as much attention.

    Args:
        model: the transformer.
        queries, keys: positions, -1 for the last; every query loses every key.
        width: layers in a window.

    Returns:
        One change per layer, for :func:`toylab.change.run_changes`.

    Raises:
        ToylabError: a query that would be left without a key, which a softmax would spread evenly
            over all of them; a position that does not exist.

    Example:
        >>> model = Transformer(vocab=5, length=3, width=8, depth=4, heads=2)
        >>> [len(change.parts) for change in window_knock_outs(model, -1, 0, width=3)]
        [2, 3, 3, 2]
    """
    check_number("window_knock_outs", "width", width, 1, whole=True)
    closed = set(_places(model, keys))
    for query in _places(model, queries):
        if set(range(query + 1 if model.causal else model.length)) <= closed:
            raise ToylabError(
                f"window_knock_outs: position {query} would lose every key that it sees, and a "
                "softmax would then spread evenly over all; leave it one."
            )
    found = []
    for centre in range(model.depth):
        change, first = NOTHING, centre - (width - 1) // 2
        for layer in range(max(first, 0), min(first + width, model.depth)):
            change += knock_out(layer, queries=queries, keys=keys)
        found.append(change)
    return found


def _places(model: Transformer, given: Indices) -> tuple[int, ...]:
    places = (given,) if isinstance(given, int | np.integer) else tuple(given)
    for place in places:
        check_number("window_knock_outs", "a position", place, -model.length, model.length - 1)
    return tuple(place % model.length for place in places)
