"""The map between roles, from a dictionary's atoms and labels of who is in which role.

Shape suffixes: B vectors, N concepts, K = 2 roles, D width, F atoms.
"""

import dataclasses
import functools
from typing import Any

import jax
import numpy as np
from jax import Array

from toylab.analysis.binding.echoes import role_atoms
from toylab.analysis.binding.role_maps import map_cosines
from toylab.analysis.recovery.directions import recovery
from toylab.models.dictionaries.sparse import SparseDictionary
from toylab.taps import Params
from toylab.tasks.dictionaries.bindings import WAYS, Binding, true_directions

NAMES = ("held_out", "shuffled", "same", "drawn", "recovered")
SEED, VECTORS = 7, 2_000  # of the vectors; training's come from other keys


def map_scores(
    task: Binding, model: SparseDictionary, params_P: Params, rows: Any
) -> list[dict[str, float]]:
    """Scores of the map between two roles, of every dictionary; NaN of one that diverged.

    They are :func:`~toylab.analysis.binding.role_maps.map_cosines` of the atoms of concepts in both
    roles, and ``recovered``, the share of the role images that are found.
    """
    found = []
    for p, row in enumerate(rows.iter_rows(named=True)):
        params = jax.tree.map(lambda leaf, p=p: leaf[p], params_P)
        numbers = {name: np.float32(row[name]) for name in ("world", "binding")}
        chosen_BK, codes_BF, atoms_FD = map(np.asarray, _drawn(task, model, params, numbers))
        if not (np.isfinite(codes_BF).all() and np.isfinite(atoms_FD).all()):
            found.append(dict.fromkeys(NAMES, np.nan))
            continue
        holds_BKN = chosen_BK[:, :2, None] == np.arange(task.concepts)
        both = role_atoms(atoms_FD, codes_BF, holds_BKN.reshape(len(chosen_BK), -1))
        told = map_cosines(*both.reshape(2, task.concepts, -1), seed=int(row["init_seed"]))
        size = task.concepts, task.width, task.first_world + int(row["world"])
        _, truth_MD = true_directions(*size, WAYS[int(row["binding"])])
        found.append(told | {"recovered": float(recovery(atoms_FD, truth_MD).found)})
    return found


@functools.partial(jax.jit, static_argnums=(0, 1))
def _drawn(
    task: Binding, model: SparseDictionary, params: Params, numbers: Any
) -> tuple[Array, Array, Array]:
    batch = dataclasses.replace(task, **numbers).batch(jax.random.key(SEED), VECTORS)
    return batch.latents["concepts"], model.encode(params, batch.inputs), model.atoms(params)
