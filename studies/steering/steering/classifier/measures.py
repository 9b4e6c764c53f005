"""The tables of the classifier half."""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
import polars as pl

from toylab.runs.run_folder import RunFolder

from .alignment import alignment_tables
from .arithmetic import arithmetic_table
from .choice import choice_table
from .concepts import concept_table, pool_size
from .networks import ClassifierConfig, Split, sample_scenes, scene_nets
from .saliency import saliency_tables
from .skills import skill_table


def measure(config: ClassifierConfig, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Tables of every method."""
    model, nets = config.scene_model(), scene_nets(config, run)
    n, images = config.toy_scenes, config.toy_images
    # Sampled once, for compiling takes longer than sampling; parts do not overlap.
    scenes = sample_scenes(7 * n + pool_size(images))
    part = lambda start, stop: {name: leaf[start:stop] for name, leaf in scenes.items()}
    valid, test, fit = (_split(scenes, *ends) for ends in ((0, n), (n, 2 * n), (2 * n, 6 * n)))
    accuracy, arithmetic = arithmetic_table(model, nets, valid, test)
    solved, aligned = alignment_tables(
        config.equality_model(),
        (run.params("toy_equality", 0), run.params("toy_equality")),
        config.toy_align_pairs,
        config.toy_align_steps,
    )
    return {
        "toy_networks": accuracy,
        "toy_equality": solved,
        "toy_arithmetic": arithmetic,
        "toy_tcav": concept_table(model, nets.mixed, part(7 * n, None), images),
        **saliency_tables(model, nets, part(6 * n, 7 * n)),
        "toy_skills": skill_table(model, nets, valid, test),
        "toy_choice": choice_table(model, nets, fit, test),
        "toy_alignment": aligned,
    }


def _split(scenes: Mapping[str, np.ndarray], start: int, stop: int) -> Split:
    return jnp.asarray(scenes["pictures"][start:stop]), jnp.asarray(scenes["labels"][start:stop])
