"""Questions about a world of ordinal lists: every query of every word; words to recombine.

B questions, N pairs.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from .ordinals import Ordinals


class Exam(NamedTuple):
    """Every question of a world, each in several contexts.

    Attributes:
        inputs, targets, place: as in the task's batches (B, L), (B,), (B,).
        kinds: ``{name: rows of that kind}``, masks (B,).
    """

    inputs: Array
    targets: Array
    place: Array
    kinds: dict[str, np.ndarray]


def draw_exam(task: Ordinals, contexts: int, seed: int) -> Exam:
    """Ask for every word by every query, ``contexts`` times each.

    Kinds are ``trained`` and ``held`` successions, ``copy``, ``across`` and ``units``. Of those
    held out, ``near`` have a counterpart in another list, which is as long; ``far`` have none, as
    a step from a cycle's last word to its first.
    """
    tables, n = task.tables, len(task.lists)
    query_B, index_B = np.repeat(np.argwhere(tables.answer >= 0), contexts, axis=0).T
    u_BE = np.random.default_rng(seed).random((len(query_B), 2 * n), np.float32)
    whole = (jnp.asarray(x, jnp.int32) for x in (query_B, index_B))
    batch = jax.jit(jax.vmap(task.arrange))(*whole, jnp.asarray(u_BE))
    held_B = tables.held[query_B, index_B]
    pairs = n * (n - 1)
    edges = np.cumsum([n, pairs, pairs])
    kind_B = np.searchsorted(edges, query_B, side="right")
    near_B = index_B + 1 < np.array(reach(task))[tables.asked[query_B]]
    kinds = {"trained": (kind_B == 0) & ~held_B, "held": held_B}
    kinds |= {"near": held_B & near_B, "far": held_B & ~near_B}
    kinds |= {name: kind_B == i for i, name in enumerate(("copy", "across", "units"), 1)}
    return Exam(batch.inputs, batch.targets, batch.latents["place"], kinds)


def reach(task: Ordinals) -> list[int]:
    """Of each list, how many words have an index that another list has too."""
    sizes = [len(own) for own in task.lists]
    return [min(n, max(sizes[:d] + sizes[d + 1 :])) for d, n in enumerate(sizes)]


class Pairs(NamedTuple):
    """Words whose index and whose list are put together, and the word that has both (N,)."""

    index: np.ndarray
    of: np.ndarray
    target: np.ndarray


def pairs_of(task: Ordinals) -> Pairs:
    """Pairs of words of two lists, of different indices, for which there is such a third word.

    Words whose index no other list has are left out.
    """
    own = np.repeat(np.arange(len(task.lists)), [len(x) for x in task.lists])
    start, size = np.array(task.starts[:-1])[own], np.array([len(x) for x in task.lists])[own]
    index = np.arange(task.n_words) - start
    s, t = np.meshgrid(np.arange(task.n_words), np.arange(task.n_words), indexing="ij")
    shared = index < np.array(reach(task))[own]
    fits = (own[s] != own[t]) & (index[s] != index[t]) & (index[s] < size[t])
    fits &= shared[s] & shared[t]
    s, t = s[fits], t[fits]
    return Pairs(s, t, start[t] + index[s])
