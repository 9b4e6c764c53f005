"""Changes: interventions as data, a whole grid of them in one compiled program.

A change is made for a target, and changes add up:

    quiet = zero(head(0, 1)) + zero(head(0, 3))            # two heads of layer 0 ablated
    moved = steer(at("blocks/1/resid_post", -1), direction, 4.0)   # at the last position
    cut = knock_out(1, heads=2, keys=0)                    # layer 1, head 2 may not see position 0
    found = run_changes(model, params_P, tokens, [NOTHING, quiet, moved, cut], read=last_logits)

``found`` has the leading axes change and member. Every change has a neutral element, the same edit
at no place, so that changes of one grid may differ in anything: sites, kinds, targets.

An ablation says what a model does without an activation's information. Zero may lie far from
anything the model has seen; the mean of a reference batch is nearer, and resampling keeps the whole
marginal distribution and breaks only the tie to the input. Compare at least two.
"""

from toylab.change.grid import run_changes
from toylab.change.kinds import (
    NOTHING,
    Change,
    knock_out,
    mean,
    patch,
    project_out,
    resample,
    scale,
    steer,
    zero,
)
from toylab.change.targets import Target, at, edge, head, neuron, stream, where

__all__ = [
    "NOTHING",
    "Change",
    "Target",
    "at",
    "edge",
    "head",
    "knock_out",
    "mean",
    "neuron",
    "patch",
    "project_out",
    "resample",
    "run_changes",
    "scale",
    "steer",
    "stream",
    "where",
    "zero",
]
