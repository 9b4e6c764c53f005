"""What a model of tokens may be given: ids of its vocabulary, and targets of its logits."""

from typing import Any

import numpy as np
from jax.core import Tracer

from toylab.errors import ToylabError


def check_ids(owner: str, name: str, ids: Any, size: int) -> None:
    """Refuse token ids that are no whole numbers, or outside of ``0 .. size - 1``.

    An id outside would be clipped to the nearest row of a table, without a word. Traced arrays pass
    by their type alone.

    Args:
        owner: who asks, for the message.
        name: what the ids are.
        ids: any array.
        size: number of tokens.

    Raises:
        ToylabError: see above.
    """
    dtype = np.dtype(ids.dtype if hasattr(ids, "dtype") else np.asarray(ids).dtype)
    if not np.issubdtype(dtype, np.integer):
        raise ToylabError(f"{owner}: {name} are {dtype}; give whole numbers from 0 to {size - 1}.")
    if isinstance(ids, Tracer) or not np.size(ids):
        return
    known = np.asarray(ids)  # on the host: inside a jit, JAX would trace even what is known
    low, high = int(known.min()), int(known.max())
    if low < 0 or high >= size:
        wrong = low if low < 0 else high
        raise ToylabError(f"{owner}: {name} hold {wrong}; there are {size}, from 0 to {size - 1}.")


def check_inputs(owner: str, model: Any, inputs: Any) -> None:
    """Refuse tokens that a model has no row for; a model without a vocabulary is asked nothing.

    Inside a compiled program tokens have no values yet, so who compiles one asks before.

    Args:
        owner: who asks, for the message.
        model: anything; a ``vocab`` says that it reads tokens.
        inputs: a batch.

    Raises:
        ToylabError: see :func:`check_ids`.
    """
    vocab = getattr(model, "vocab", None)
    if vocab is not None:
        check_ids(owner, "tokens", inputs, vocab)


def check_targets(owner: str, targets: Any, weights: Any, size: int) -> None:
    """Refuse class targets outside of the logits wherever their weight is not 0.

    Raises:
        ToylabError: such a target; -100, which other libraries skip, is told what to do instead.
    """
    targets, weights = np.asarray(targets), np.broadcast_to(np.asarray(weights), np.shape(targets))
    wrong = targets[(weights != 0) & ((targets < 0) | (targets >= size))]
    if len(wrong):
        hint = "; to leave a target out give it weight 0" if (wrong < 0).any() else ""
        raise ToylabError(
            f"{owner}: targets hold {int(wrong[0])}; the model has {size} logits, from 0 to "
            f"{size - 1}{hint}."
        )
