"""The arms of the study: which dictionaries are trained in which worlds.

An arm has one or two runs in every world; stability needs two. Numbers of an arm are fields of the
task, of the model, or of both, as the population's members have them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from toylab.members import Members, zipped

SPARSE, HULL, BATCH, TIME = "sparse", "archetypal", "batch", "temporal"
LONE = "archetypal, single"
KINDS = ("jumprelu", "gated")
HALF = {"active": 2, "together": 0.5}  # children bring their parents half of the time: about 2.5
TIMES = {
    "sae": {"context": 0.0},
    "tfa": {},
    "shuffled": {"shuffled": 1.0},
    "causal": {"causal": 1.0},
    "causal shuffled": {"causal": 1.0, "shuffled": 1.0},
}


class Arm(NamedTuple):
    """One way to train: its name, its runs in every world, what differs from the population."""

    name: str
    runs: int
    numbers: Mapping[str, float]


def sparse_arms(features: int, sizes: Sequence[int], ks: Sequence[int]) -> tuple[Arm, ...]:
    """TopK of every size, from centroids, in a world of parents at every k, and of other counts."""
    found = [Arm("size", 2, {"size": size}) for size in sizes]
    found += [Arm("central", 2, {"size": features, "central": 1.0})]
    found += [Arm("k", 1, {"size": features, "k": k} | HALF) for k in ks]
    return (*found, Arm("counts", 1, {"size": features, "independent": 1.0}))


HULLS = (
    Arm("relaxed", 2, {}),
    Arm("hull", 2, {"delta": 0.0}),
    Arm("alike", 2, {"shared": 1.0}),
)
SINGLE = {"single": 0.3}  # of the inputs, of which candidates are made too
LONES = (
    Arm("relaxed, single", 1, SINGLE),
    Arm("hull, single", 1, {"delta": 0.0} | SINGLE),
)
FEW = {"k": 2}  # fewer latents than active features, so that a child's latent absorbs its parent
BATCHES = (
    Arm("batchtopk", 2, {}),
    Arm("batch counts", 1, {"independent": 1.0}),
    Arm("flat", 1, HALF | FEW),
    Arm("matryoshka", 1, HALF | FEW | {"nested": 1.0}),
)


def time_arms(ks: Sequence[int]) -> tuple[Arm, ...]:
    """Temporal dictionaries with their controls, and autoencoders of every k."""
    (name, least), *rest = TIMES.items()
    found = [Arm(name, 1, least | {"k": k}) for k in ks]
    return (*found, *(Arm(name, 1, numbers) for name, numbers in rest))


def members(arms: Sequence[Arm], worlds: int, first_world: int, rest: dict[str, Any]) -> Members:
    """Every run of every arm in every world; a run's first weights are the same in all arms.

    ``first_world`` is added to a world's number, ``rest`` has the numbers that arms do not name.
    """
    rows = [(w, i, arm) for arm in arms for w in range(worlds) for i in range(arm.runs)]
    names = sorted({name for arm in arms for name in arm.numbers})
    columns: dict[str, Any] = {
        name: [arm.numbers.get(name, rest[name]) for _, _, arm in rows] for name in names
    }
    world, run = (np.array([row[i] for row in rows]) for i in range(2))
    seed = 2 * world + run
    return zipped(init_seed=seed, data_seed=seed, world=world + first_world, **columns)
