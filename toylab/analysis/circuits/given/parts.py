"""A transformer's parts by name: who writes to the stream, who reads it, and who can read whom."""

import dataclasses
from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Float

from toylab.errors import ToylabError, check_number, nearest
from toylab.models.transformer import Transformer

Edge = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Edges:
    """Who writes to the stream, who reads it, and who can read whom.

    Attributes:
        writers: ``embed``, ``a0.h1`` (a head), ``m0`` (an MLP), in the order in which they write.
        readers: ``a0.h1<q>``, ``<k>``, ``<v>``, ``m0`` and ``logits``.
        possible: (R, W), True where the reader comes after the writer.
    """

    writers: tuple[str, ...]
    readers: tuple[str, ...]
    possible: Bool[np.ndarray, "R W"]

    @classmethod
    def of(cls, model: Transformer) -> "Edges":
        """Return the edges of a model.

        Example:
            >>> edges = Edges.of(Transformer(vocab=5, length=4, width=8, depth=2, heads=2))
            >>> len(edges.writers), len(edges.readers), int(edges.possible.sum())
            (5, 13, 29)
        """
        writers, readers, seen = ["embed"], [], []
        for i in range(model.depth):
            heads = [f"a{i}.h{h}" for h in range(model.heads)]
            for kind in "qkv":
                readers += [f"{head}<{kind}>" for head in heads]
            seen += [len(writers)] * 3 * model.heads
            writers += heads
            if model.hidden:
                readers.append(f"m{i}")
                seen.append(len(writers))
                writers.append(f"m{i}")
        readers.append("logits")
        possible = np.arange(len(writers)) < np.array([*seen, len(writers)])[:, None]
        return cls(tuple(writers), tuple(readers), possible)

    def mask(self, edges: Iterable[Edge]) -> Bool[np.ndarray, "R W"]:
        """Return the mask of some edges, each ``(writer, reader)``.

        Raises:
            ToylabError: an edge that the model does not have.
        """
        found = np.zeros_like(self.possible)
        for writer, reader in edges:
            for name, known in ((writer, self.writers), (reader, self.readers)):
                if name not in known:
                    raise ToylabError(f"Unknown part {name!r}: {nearest(name, known)}")
            place = self.readers.index(reader), self.writers.index(writer)
            if not self.possible[place]:
                raise ToylabError(f"No edge from {writer!r} to {reader!r}: the reader is earlier.")
            found[place] = True
        return found

    def drawn(self, size: int, count: int, seed: int = 0) -> Bool[np.ndarray, "C R W"]:
        """Draw random circuits: what chance gives a circuit of as many edges.

        Args:
            size: edges of each.
            count: C, how many circuits.
            seed: of the draw.

        Example:
            >>> edges = Edges.of(Transformer(vocab=5, length=4, width=8, depth=2, heads=2))
            >>> edges.drawn(size=3, count=10).sum((1, 2)).tolist()
            [3, 3, 3, 3, 3, 3, 3, 3, 3, 3]
        """
        check_number("Edges.drawn", "size", size, 0, int(self.possible.sum()), whole=True)
        check_number("Edges.drawn", "count", count, 1, whole=True)
        rng, places = np.random.default_rng(seed), np.argwhere(self.possible)
        found = np.zeros((count, *self.possible.shape), bool)
        for mask in found:
            mask[tuple(rng.permutation(places)[:size].T)] = True
        return found

    def top(self, scores: Float[np.ndarray, "R W"], k: int) -> list[tuple[str, str, float]]:
        """Return the k edges with the largest absolute scores, the largest first."""
        check_number("Edges.top", "k", k, 1, int(self.possible.sum()), whole=True)
        size = np.where(self.possible, np.abs(np.asarray(scores)), -np.inf).ravel()
        order = np.argsort(-size, kind="stable")[:k]
        places = zip(*np.unravel_index(order, self.possible.shape), strict=True)
        return [(self.writers[w], self.readers[r], float(scores[r, w])) for r, w in places]
