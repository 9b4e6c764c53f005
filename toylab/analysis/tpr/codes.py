"""Random tensor-product codes, the baseline of learned ones, and flat maps of vectors."""

from typing import NamedTuple

import numpy as np

from toylab.analysis.tpr.analysis import distances


class RandomCode(NamedTuple):
    """A random tensor-product code of states: ``x = sum_s (role_s (x) filler_{b_s}) A``."""

    roles: np.ndarray
    fillers: np.ndarray
    into: np.ndarray

    @classmethod
    def draw(
        cls, entities: int, states: int, roles: int, fillers: int, width: int, seed: int
    ) -> "RandomCode":
        """Draw roles, fillers and the map into activations, all normal."""
        rng = np.random.default_rng(seed)
        return cls(
            rng.normal(size=(entities, roles)).astype(np.float32),
            rng.normal(size=(states, fillers)).astype(np.float32),
            rng.normal(size=(roles * fillers, width)).astype(np.float32),
        )

    def __call__(self, states_RN: np.ndarray) -> np.ndarray:
        """Encode states as activations (R, D)."""
        table_NCD = np.einsum("nr,cf->ncrf", self.roles, self.fillers)
        table_NCD = table_NCD.reshape(len(self.roles), len(self.fillers), -1) @ self.into
        total = np.zeros((len(states_RN), table_NCD.shape[-1]), np.float32)
        for state in range(len(self.fillers)):
            total += (states_RN == state).astype(np.float32) @ table_NCD[:, state]
        return total


def flat_map(vectors_SR: np.ndarray, dimensions: int = 3) -> np.ndarray:
    """Lay vectors out by classical scaling of their cosine distances, (S, dimensions).

    Source: Torgerson 1952; Lee et al. use Isomap, which smooths more.
    """
    squared = distances(vectors_SR)
    middle = np.eye(len(squared)) - 1 / len(squared)
    values, vectors = np.linalg.eigh(-middle @ squared @ middle / 2)
    order = np.argsort(values)[::-1][:dimensions]
    place = vectors[:, order] * np.sqrt(np.maximum(values[order], 0))
    return place * np.where(place[0] < 0, -1, 1)
