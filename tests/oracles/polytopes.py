"""Regular arrangements of feature directions, with the dimensionalities that are known of them."""

import numpy as np

POLYTOPES: dict[str, tuple[tuple[int, float], ...]] = {
    "unlearned": ((1, 0.0),),
    "dedicated": ((1, 1.0),),
    "antipodal pair": ((2, 1 / 2),),
    "triangle": ((3, 2 / 3),),
    "tetrahedron": ((4, 3 / 4),),
    "pentagon": ((5, 2 / 5),),
    "octahedron": ((6, 1 / 2),),
    "square antiprism": ((8, 3 / 8),),
    "triangular bipyramid": ((3, 2 / 3), (2, 1 / 2)),
    "pentagonal bipyramid": ((5, 2 / 5), (2, 1 / 2)),
}
"""Feature dimensionalities of each arrangement, as (number of features, D_i)."""


def polygon(k: int) -> np.ndarray:
    """Unit vectors to the corners of a regular k-gon, (2, k)."""
    angle = 2 * np.pi * np.arange(k) / k
    return np.stack([np.cos(angle), np.sin(angle)])


def simplex(d: int) -> np.ndarray:
    """Unit vectors to the corners of a regular simplex, (d, d + 1)."""
    centred = np.eye(d + 1) - 1 / (d + 1)
    basis = np.linalg.svd(centred)[0][:, :d]
    corners = basis.T @ centred
    return corners / np.linalg.norm(corners, axis=0)


def tegum(*parts: np.ndarray) -> np.ndarray:
    """Put arrangements in orthogonal subspaces; each keeps its own dimensionalities."""
    rows, columns = (sum(p.shape[a] for p in parts) for a in (0, 1))
    whole = np.zeros((rows, columns))
    row = column = 0
    for part in parts:
        whole[row : row + part.shape[0], column : column + part.shape[1]] = part
        row, column = row + part.shape[0], column + part.shape[1]
    return whole


def square_antiprism() -> np.ndarray:
    """Unit vectors to two squares, one turned by 45 degrees, at the height of a tight frame.

    The eight vectors, (3, 8), have height +-1/sqrt(3): the height at which D_i = 3/8.
    """
    angle = np.pi / 4 * np.arange(8)
    height = np.sqrt(1 / 3) * (-1.0) ** np.arange(8)
    return np.stack([np.sqrt(2 / 3) * np.cos(angle), np.sqrt(2 / 3) * np.sin(angle), height])


def prism(twist: float, height: float = 1 / np.sqrt(3), radius: float = np.sqrt(2 / 3)):
    """Two triangles above each other; ``twist`` degrees from the antiprism."""
    angles = np.radians([0, 120, 240, 180 + twist, 300 + twist, 60 + twist])
    heights = height * np.repeat([1.0, -1.0], 3)
    return np.stack([radius * np.cos(angles), radius * np.sin(angles), heights])


def polytope(name: str) -> np.ndarray:
    """Unit vectors of the arrangement of that name in :data:`POLYTOPES`, in columns."""
    pair = simplex(1)
    makers = {
        "unlearned": lambda: np.zeros((1, 1)),
        "dedicated": lambda: np.ones((1, 1)),
        "antipodal pair": lambda: pair,
        "triangle": lambda: polygon(3),
        "tetrahedron": lambda: simplex(3),
        "pentagon": lambda: polygon(5),
        "octahedron": lambda: tegum(pair, pair, pair),
        "square antiprism": square_antiprism,
        "triangular bipyramid": lambda: tegum(polygon(3), pair),
        "pentagonal bipyramid": lambda: tegum(polygon(5), pair),
    }
    return makers[name]()
