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
from jaxtyping import Float
from scipy.sparse.csgraph import connected_components
from sklearn.decomposition import PCA

from toylab.analysis.recovery.directions import cosines, random_atoms, recovery
from toylab.models.dictionaries.sized import SizedDictionary
from toylab.taps import Params
from toylab.tasks.dictionaries.bindings import (
    AMPLITUDES,
    SUMS,
    WAYS,
    Binding,
    pair_vectors,
    role_images,
)

NEAR = 0.9  # cosine from which on an atom is a direction
NAMES = ("recovered", "multiplicity", "random", "pca", "concepts", "explained")
ORDERS = ("order_x", "order_codes", "order_active", "same_active", "order_sign")


class Pairs(NamedTuple):
    """All ordered pairs with a third concept beside, and amplitudes.

    Attributes:
        concepts: all different (O, 3).
        amplitudes: (O, T, 3).
        swapped: number of the pair the other way round (O,).
    """

    concepts: np.ndarray
    amplitudes: np.ndarray
    swapped: np.ndarray


def ordered_pairs(concepts: int, times: int, seed: int = 0) -> Pairs:
    """Every ordered pair of different concepts, each several times."""
    i_O, j_O = np.nonzero(~np.eye(concepts, dtype=bool))
    third_O = np.array([min({0, 1, 2} - {i, j}) for i, j in zip(i_O, j_O, strict=True)])
    place = {pair: o for o, pair in enumerate(zip(i_O, j_O, strict=True))}
    swapped_O = np.array([place[j, i] for i, j in zip(i_O, j_O, strict=True)])
    drawn = np.random.default_rng(seed).uniform(*AMPLITUDES, (len(i_O), times, 3))
    return Pairs(np.stack([i_O, j_O, third_O], 1), drawn.astype(np.float32), swapped_O)


class Coded(NamedTuple):
    """Vectors of all pairs (O, T, D), their codes (O, T, F), and what these decode to."""

    x: np.ndarray
    codes: np.ndarray
    decoded: np.ndarray


def coded(
    task: Binding, model: SizedDictionary, params_P: Params, rows: Any, pairs: Mapping[int, Pairs]
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
    task: Binding, model: SizedDictionary, given: Any, chosen_B3: Array, amplitude_B3: Array
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
    lost = dict.fromkeys((*NAMES, *ORDERS), np.nan)
    if not (np.isfinite(atoms).all() and np.isfinite(found.codes).all()):
        return lost
    told = _directions(task, row, atoms, found.x.reshape(-1, task.width))
    spread = ((found.x - found.x.mean((0, 1))) ** 2).sum()
    told["explained"] = 1 - ((found.x - found.decoded) ** 2).sum() / spread
    return lost | told | (_order(task, row, atoms, found, pairs) if row["parts"] == 2 else {})


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
    axes = PCA().fit(x_BD).components_
    drawn = random_atoms(1, len(atoms), task.width, seed=int(row["init_seed"]))[0]
    return {
        "recovered": float(recovery(atoms, truth, NEAR).found),
        "multiplicity": multiplicity(atoms, image_KND),
        "random": float(recovery(drawn, truth, NEAR).found),
        "pca": float(recovery(np.concatenate([axes, -axes]), truth, NEAR).found),
        "concepts": float(recovery(atoms, concept_ND, NEAR).found),
    }


def multiplicity(atoms: Float[np.ndarray, "F D"], image_KND: Float[np.ndarray, "K N D"]) -> float:
    """Mean number of distinct atoms of a concept, those near one of its images.

    Atoms that are nearer to each other than NEAR, or joined by such, count as one.
    """
    near_KFN = np.stack([cosines(atoms, image_ND) > NEAR for image_ND in image_KND])
    joined_FF = cosines(atoms, atoms) > NEAR
    groups = [
        connected_components(joined_FF[np.ix_(own, own)], directed=False)[0] if own.any() else 0
        for own in near_KFN.any(0).T
    ]
    return float(np.mean(groups))


def told_apart(codes_OTF: Float[np.ndarray, "O T F"], swapped_O: np.ndarray) -> float:
    """Accuracy of which way round a pair is, by the nearer of the mean codes of both ways.

    Means are of every other time, and judged on the rest; a tie is right by half.
    """
    mean_OF, left_OTF = codes_OTF[:, ::2].mean(1), codes_OTF[:, 1::2]
    own_OT, other_OT = (
        ((left_OTF - mean[:, None]) ** 2).sum(-1) for mean in (mean_OF, mean_OF[swapped_O])
    )
    return float((own_OT < other_OT).mean() + (own_OT == other_OT).mean() / 2)


def _order(
    task: Binding, row: Mapping[str, Any], atoms: np.ndarray, found: Coded, pairs: Pairs
) -> dict[str, float]:
    """Order in the vectors, in the codes, in which codes are active, and in which is greater."""
    active_OTF = found.codes > 0
    size = task.concepts, task.width, task.first_world + int(row["world"])
    latent_N = cosines(atoms, role_images(*size, "bag")[0]).argmax(0)
    both_OT2 = np.take_along_axis(found.codes, latent_N[pairs.concepts[:, None, :2]], 2)
    first_OT, second_OT = np.moveaxis(both_OT2, 2, 0)
    sign = (first_OT > second_OT).mean() + (first_OT == second_OT).mean() / 2
    same_OT = (active_OTF == active_OTF[pairs.swapped]).all(-1)
    return {
        "order_x": told_apart(found.x, pairs.swapped),
        "order_codes": told_apart(found.codes, pairs.swapped),
        "order_active": told_apart(active_OTF.astype(np.float64), pairs.swapped),
        "same_active": float(same_OT.mean()),
        "order_sign": float(sign),
    }
