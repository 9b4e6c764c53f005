"""The map between roles, from a dictionary's atoms and labels of who is in which role.

Shape suffixes: B vectors, N concepts, K = 2 roles, D width, F atoms.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax import Array

from toylab.analysis.binding.echoes import role_atoms
from toylab.analysis.binding.role_maps import held_out_cosines
from toylab.analysis.recovery.directions import random_atoms, recovery
from toylab.models.dictionaries.sparse import SparseDictionary
from toylab.taps import Params
from toylab.task import Batch
from toylab.tasks.dictionaries.bindings import WAYS, Binding, role_images

NAMES = ("held_out", "shuffled", "same", "drawn", "recovered")
SEED = 7  # of the vectors; training's come from other keys


def map_scores(
    task: Binding,
    model: SparseDictionary,
    params_P: Params,
    rows: Any,
    vectors: int,
) -> list[dict[str, float]]:
    """Scores of the map between two roles, of every dictionary.

    Returns:
        Medians over concepts of the cosine with what a map, fitted to other concepts' atoms, says
        of a concept's second atom: ``held_out``; the same with concepts ``shuffled`` in the second
        role; with no map, ``same``; and with atoms that are ``drawn`` at random. ``recovered``,
        the share of the role images that are found. NaN of a dictionary that diverged.
    """
    found = []
    for p, row in enumerate(rows.iter_rows(named=True)):
        params = jax.tree.map(lambda leaf, p=p: leaf[p], params_P)
        numbers = {name: np.float32(row[name]) for name in ("world", "binding")}
        batch, codes, atoms = _drawn(task, model, vectors, params, numbers)
        found.append(_of_one(task, row, np.asarray(codes), np.asarray(atoms), batch))
    return found


def _of_one(
    task: Binding, row: Mapping[str, Any], codes_BF: np.ndarray, atoms_FD: np.ndarray, batch: Batch
) -> dict[str, float]:
    if not (np.isfinite(codes_BF).all() and np.isfinite(atoms_FD).all()):
        return dict.fromkeys(NAMES, np.nan)
    chosen_BK = np.asarray(batch.latents["concepts"])[:, :2]
    holds_BKN = chosen_BK[..., None] == np.arange(task.concepts)
    both = role_atoms(atoms_FD, codes_BF, holds_BKN.reshape(len(chosen_BK), -1))
    first_ND, second_ND = both.reshape(2, task.concepts, -1)
    order_N = np.random.default_rng(int(row["init_seed"])).permutation(task.concepts)
    drawn_2ND = random_atoms(2, task.concepts, task.width, seed=int(row["init_seed"]))
    size = task.concepts, task.width, task.first_world + int(row["world"])
    image_KND = role_images(*size, WAYS[int(row["binding"])])[:2]
    middle = lambda x, y: float(np.median(held_out_cosines(x, y)))
    return {
        "held_out": middle(first_ND, second_ND),
        "shuffled": middle(first_ND, second_ND[order_N]),
        "same": float(np.median((first_ND * second_ND).sum(1))),
        "drawn": middle(*drawn_2ND),
        "recovered": float(recovery(atoms_FD, image_KND.reshape(-1, task.width)).found),
    }


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _drawn(
    task: Binding, model: SparseDictionary, vectors: int, params: Params, numbers: Any
) -> tuple[Batch, Array, Array]:
    batch = dataclasses.replace(task, **numbers).batch(jax.random.key(SEED), vectors)
    return batch, model.encode(params, batch.inputs), model.atoms(params)
