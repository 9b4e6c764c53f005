"""What a dictionary finds of bound concepts: their echoes, their pairs, their order.

All ordered pairs of concepts are looked at, several times each, with new amplitudes.

Shape suffixes: N concepts, K roles, D width, F atoms, O ordered pairs, T times, B = O T vectors.
"""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array
from sklearn.decomposition import PCA

from toylab.analysis.binding.echoes import NEAR, in_plane, multiplicity, told_apart
from toylab.analysis.recovery.directions import cosines, random_atoms, recovery
from toylab.models.dictionaries.sparse import SparseDictionary
from toylab.taps import Params
from toylab.tasks.dictionaries.bindings import (
    SUMS,
    WAYS,
    Binding,
    Pairs,
    pair_vectors,
    role_images,
)

NAMES = ("recovered", "multiplicity", "random", "pca", "concepts", "explained")
ORDERS = ("order_x", "order_codes", "order_active", "same_active", "order_sign")


class Coded(NamedTuple):
    """Vectors of all pairs (O, T, D), their codes (O, T, F), and what these decode to."""

    x: np.ndarray
    codes: np.ndarray
    decoded: np.ndarray


def coded(
    task: Binding, model: SparseDictionary, params_P: Params, rows: Any, pairs: Mapping[int, Pairs]
) -> Iterator[Coded]:
    """Vectors and codes of every dictionary, one after another.

    Args:
        task: the world, whose numbers the rows replace.
        model: of the dictionaries.
        params_P: theirs.
        rows: a table of members.
        pairs: to be coded, of each seed.
    """
    names = ("world", "binding", "parts", "angle"), ("size", "k")
    numbers = [{n: rows[n].to_numpy().astype(np.float32) for n in own} for own in names]
    for p, seed in enumerate(rows["init_seed"]):
        own = pairs[seed]
        chosen_B3 = np.repeat(own.concepts, own.amplitudes.shape[1], 0)
        given = jax.tree.map(lambda leaf, p=p: leaf[p], (params_P, *numbers))
        found = _coded(task, model, given, chosen_B3, own.amplitudes.reshape(-1, 3))
        yield Coded(*(np.asarray(a).reshape(len(own.concepts), -1, a.shape[-1]) for a in found))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _coded(
    task: Binding, model: SparseDictionary, given: Any, chosen_B3: Array, amplitude_B3: Array
) -> tuple[Array, Array, Array]:
    params, world, how = given
    x_BD = dataclasses.replace(task, **world).vectors(chosen_B3, amplitude_B3)
    sized = dataclasses.replace(model, **how)
    codes_BF = sized.encode(params, x_BD)
    return x_BD, codes_BF, sized.decode(params, codes_BF)


def scores(
    task: Binding, row: Mapping[str, Any], atoms: np.ndarray, found: Coded, pairs: Pairs
) -> dict[str, float]:
    """All scores of one dictionary.

    Args:
        task: its world.
        row: its member.
        atoms: in use (F, D).
        found: vectors and codes of all pairs.
        pairs: which they are.

    Returns:
        A number for each of NAMES and ORDERS; NaN of one that diverged, and of order where not
        two concepts are bound.
    """
    lost: dict[str, float] = dict.fromkeys((*NAMES, *ORDERS), np.nan)
    if not (np.isfinite(atoms).all() and np.isfinite(found.codes).all()):
        return lost
    told = _directions(task, row, atoms, found.x.reshape(-1, task.width))
    spread = ((found.x - found.x.mean((0, 1))) ** 2).sum()
    told["explained"] = 1 - ((found.x - found.decoded) ** 2).sum() / spread
    order = _order(task, row, atoms, found, pairs) if row["parts"] == 2 else {}
    return lost | told | order


def _directions(
    task: Binding, row: Mapping[str, Any], atoms: np.ndarray, x_BD: np.ndarray
) -> dict[str, float]:
    """Directions found of those that there are, and how many a concept has; with their nulls."""
    size = task.concepts, task.width, task.first_world + int(row["world"])
    name, upper = WAYS[int(row["binding"])], np.triu_indices(task.concepts, 1)
    concept_ND = role_images(*size, "bag")[0]
    if name in SUMS:
        image_KND = role_images(*size, name, row["angle"])[: int(row["parts"])]
        truth = image_KND.reshape(-1, task.width)
    else:
        image_KND, truth = concept_ND[None], pair_vectors(*size, name)[upper]
    axes = np.asarray(PCA().fit(x_BD).components_)
    drawn = random_atoms(1, len(atoms), task.width, seed=int(row["init_seed"]))[0]
    return {
        "recovered": float(recovery(atoms, truth, NEAR).found),
        "multiplicity": multiplicity(atoms, image_KND),
        "random": float(recovery(drawn, truth, NEAR).found),
        "pca": float(recovery(np.concatenate([axes, -axes]), truth, NEAR).found),
        "concepts": float(recovery(atoms, concept_ND, NEAR).found),
    }


def _order(
    task: Binding, row: Mapping[str, Any], atoms: np.ndarray, found: Coded, pairs: Pairs
) -> dict[str, float]:
    """Order in the vectors, in the codes, in which codes are active, and in which is greater."""
    active_OTF = found.codes > 0
    size = task.concepts, task.width, task.first_world + int(row["world"])
    latent_N = cosines(atoms, role_images(*size, "bag")[0]).argmax(0)
    both_OT2 = np.take_along_axis(found.codes, latent_N[pairs.concepts[:, None, :2]], 2)
    first_OT, second_OT = np.moveaxis(both_OT2, 2, 0)
    sign = np.mean(first_OT > second_OT) + np.mean(first_OT == second_OT) / 2
    same_OT = np.equal(active_OTF, active_OTF[pairs.swapped]).all(-1)
    return {
        "order_x": told_apart(found.x, pairs.swapped),
        "order_codes": told_apart(found.codes, pairs.swapped),
        "order_active": told_apart(active_OTF.astype(np.float64), pairs.swapped),
        "same_active": float(same_OT.mean()),
        "order_sign": float(sign),
    }


def plane(
    task: Binding, row: Mapping[str, Any], atoms: np.ndarray, name: str
) -> dict[str, np.ndarray]:
    """Atoms and true directions in the plane of one concept's two images, by kind (M, 2).

    Where the second image is the first, as in a bag, the axis up is another concept, and of
    products the vector of both.
    """
    size = task.concepts, task.width, task.first_world + int(row["world"])
    if name in SUMS:
        image_KND = role_images(*size, name, row["angle"])
        first, second, other = image_KND[0, 0], image_KND[1, 0], image_KND[0, 1]
    else:
        first = second = role_images(*size, "bag")[0, 0]
        other = pair_vectors(*size, name)[0, 1]
    alone = float(cosines(first[None], second[None]).item()) > 1 - 1e-9
    points = {"atom": atoms, "first": first[None], "second": second[None], "other": other[None]}
    up = other if alone else second
    return {kind: in_plane(rows, first, up) for kind, rows in points.items()}
