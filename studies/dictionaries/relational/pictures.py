"""Atoms in the plane of one concept's two images."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.tasks.dictionaries.bindings import SUMS, Binding, pair_vectors, role_images

CONCEPT, OTHER = 0, 1


def plane(task: Binding, row: Mapping[str, Any], atoms: np.ndarray, name: str) -> pl.DataFrame:
    """Cosines of atoms and of true directions with the axes of a plane.

    The first axis is the concept's image in the first role, the second what its image in the
    second role has beside; where that has nothing, as in a bag, another concept's image, and of
    products the vector of both concepts.

    Args:
        task: the world.
        row: the dictionary's member.
        atoms: its directions (F, D).
        name: of the binding.

    Returns:
        Columns: name, parts, angle, kind (atom, first, second or other), x, y.
    """
    size = task.concepts, task.width, task.first_world + int(row["world"])
    if name in SUMS:
        image_KND = role_images(*size, name, row["angle"])
        first, second = image_KND[0, CONCEPT], image_KND[1, CONCEPT]
        other = image_KND[0, OTHER]
    else:
        first = second = role_images(*size, "bag")[0, CONCEPT]
        other = pair_vectors(*size, name)[CONCEPT, OTHER]
    axis = _unit(first)
    beside = second - (second @ axis) * axis
    lone = np.linalg.norm(beside) < 1e-9
    beside = other - (other @ axis) * axis if lone else beside
    basis_2D = np.stack([axis, _unit(beside)])
    points = {"atom": atoms, "first": first[None], "second": second[None], "other": other[None]}
    tables = []
    for kind, rows in points.items():
        norm = np.linalg.norm(rows, axis=1, keepdims=True)
        x, y = (rows / np.maximum(norm, 1e-12) @ basis_2D.T).T
        tables.append(pl.DataFrame({"kind": [kind] * len(x), "x": x, "y": y}))
    label = {"name": name, "parts": int(row["parts"]), "angle": float(row["angle"])}
    return pl.concat(tables).with_columns(**{n: pl.lit(value) for n, value in label.items()})


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.maximum(np.linalg.norm(vector), 1e-12)
