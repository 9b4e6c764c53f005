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

from toylab.analysis.binding.echoes import NEAR, in_plane, multiplicity, order_kept
from toylab.analysis.recovery.directions import cosines, random_atoms, recovery
from toylab.models.dictionaries.sparse import SparseDictionary
from toylab.taps import Params
from toylab.tasks.dictionaries.bindings import WAYS, Binding, Pairs, true_directions, world

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
    params, numbers, how = given
    x_BD = dataclasses.replace(task, **numbers).vectors(chosen_B3, amplitude_B3)
    sized = dataclasses.replace(model, **how)
    codes_BF = sized.encode(params, x_BD)
    return x_BD, codes_BF, sized.decode(params, codes_BF)


def scores(
    task: Binding, row: Mapping[str, Any], atoms: np.ndarray, found: Coded, pairs: Pairs
) -> dict[str, float]:
    """All scores of one dictionary: a number for each of NAMES and ORDERS.

    NaN of one that diverged, and of order where not two concepts are bound.

    Args:
        task: its world.
        row: its member.
        atoms: in use (F, D).
        found: vectors and codes of all pairs.
        pairs: which they are.
    """
    lost: dict[str, float] = dict.fromkeys((*NAMES, *ORDERS), np.nan)
    if not (np.isfinite(atoms).all() and np.isfinite(found.codes).all()):
        return lost
    size = task.concepts, task.width, task.first_world + int(row["world"])
    name, parts = WAYS[int(row["binding"])], int(row["parts"])
    image_KND, truth_MD = true_directions(*size, name, parts, row["angle"])
    concept_ND = world(*size).concepts
    axes = np.asarray(PCA().fit(found.x.reshape(-1, task.width)).components_)
    drawn = random_atoms(1, len(atoms), task.width, seed=int(row["init_seed"]))[0]
    looks = {"recovered": atoms, "random": drawn, "pca": np.concatenate([axes, -axes])}
    told = {what: float(recovery(rows, truth_MD, NEAR).found) for what, rows in looks.items()}
    told["concepts"] = float(recovery(atoms, concept_ND, NEAR).found)
    told["multiplicity"] = multiplicity(atoms, image_KND)
    spread = ((found.x - found.x.mean((0, 1))) ** 2).sum()
    told["explained"] = 1 - ((found.x - found.decoded) ** 2).sum() / spread
    if parts == 2:
        atom_N = cosines(atoms, concept_ND).argmax(0)
        told |= order_kept(found.x, found.codes, pairs.concepts[:, :2], pairs.swapped, atom_N)
    return lost | told


def plane(task: Binding, row: Mapping[str, Any], atoms: np.ndarray) -> dict[str, np.ndarray]:
    """Atoms and true directions in the plane of one concept's two images, by kind (M, 2).

    Where the second image is the first, as in a bag, the axis up is another concept, and of
    products the vector of both.
    """
    size = task.concepts, task.width, task.first_world + int(row["world"])
    image_KND, truth_MD = true_directions(*size, WAYS[int(row["binding"])])
    first, second = image_KND[0, 0], image_KND[-1, 0]
    other = image_KND[0, 1] if len(image_KND) > 1 else truth_MD[0]
    alone = float(cosines(first[None], second[None]).item()) > 1 - 1e-9
    points = {"atom": atoms, "first": first[None], "second": second[None], "other": other[None]}
    up = other if alone else second
    return {kind: in_plane(rows, first, up) for kind, rows in points.items()}
