"""Skill neurons on scenes: neurons that predict a rule's answers, and what noise on them costs.

S seeds, R rules, F neurons of all layers, G groups of neurons, N scenes.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.attribution.skills import add_noise, layer_spreads, predictivity, strongest
from toylab.models.mlp import MLP
from toylab.taps import Params, run
from toylab.tasks.steering.scenes import RULES, cued

from .networks import SceneNets, Split, accuracies, hidden_sites

FRACTION = 0.1  # of the neurons
SPREADS = 2.0  # noise, in mean standard deviations of the layer's neurons
DRAWS = 10  # random groups
NOISE = 107


def activations(model: MLP, params: Params, pictures: Array) -> Array:
    """All neurons on every scene under every rule's cue, (R, N, F)."""

    def one(rule: Array) -> Array:
        asked = cued(pictures, jnp.full(len(pictures), rule))
        acts = run(model, params, asked, record=hidden_sites(model))[1]
        return jnp.concatenate([acts[site] for site in hidden_sites(model)], -1)

    return jax.vmap(one)(jnp.arange(len(RULES), dtype=jnp.int32))


@functools.partial(jax.jit, static_argnums=(0,))
def _measure(
    model: MLP, splits: list[Split], random: tuple[Array, Array], trained: Params, untrained: Params
) -> dict[str, Array]:
    """Per seed: best predictivities (R,), and accuracies (R,) without noise, (G, R) with it.

    ``random`` holds noise (N, F) and numbers (draws, F) that pick random groups.
    """
    (fit, fit_labels), (new, new_labels) = splits
    widths = model.sizes[1:-1]
    yes = lambda labels: labels.T >= 2  # half of a rule's answers against the others

    def score(params: Params) -> tuple[Array, Array, Array]:
        acts, again = (activations(model, params, pictures) for pictures in (fit, new))
        found = predictivity(acts, yes(fit_labels), again, yes(new_labels))
        # Neurons are picked by the scenes that set their thresholds, and judged on others.
        return found, predictivity(acts, yes(fit_labels), acts, yes(fit_labels)), acts

    def one(args: tuple[Params, Params]) -> dict[str, Array]:
        own, first = args
        found, ranking, acts = score(own)
        fresh, fresh_ranking, _ = score(first)
        by_rank = strongest(ranking, FRACTION)
        masks_GF = jnp.concatenate([by_rank, strongest(random[1], FRACTION)])
        scale_F = jnp.float32(SPREADS) * layer_spreads(widths, acts.std(1))

        def noisy(mask_F: Array) -> Array:
            edits = add_noise(hidden_sites(model), widths, (mask_F * scale_F)[None] * random[0])
            return accuracies(model, own, new, new_labels, edits)

        pick = lambda scores, by: jnp.take_along_axis(scores, by.argmax(-1)[:, None], 1)[:, 0]
        return {
            "best": pick(found, ranking),
            "untrained": pick(fresh, fresh_ranking),
            "clean": accuracies(model, own, new, new_labels),
            "noisy": jax.lax.map(noisy, masks_GF.astype(jnp.float32)),
        }

    return jax.lax.map(one, (trained, untrained))


def skill_table(model: MLP, nets: SceneNets, valid: Split, test: Split) -> pl.DataFrame:
    """Table ``toy_skills``: predictivities, and what noise on neurons costs each rule.

    Args:
        model: the perceptron.
        nets: ``mixed`` and ``untrained`` are used.
        valid: scenes that set thresholds and pick neurons.
        test: scenes that are judged.
    """
    rng, width = np.random.default_rng(NOISE), sum(model.sizes[1:-1])
    random = [rng.normal(size=(rows, width)).astype(np.float32) for rows in (len(test[0]), DRAWS)]
    measured = _measure(model, [valid, test], tuple(random), nets.mixed, nets.untrained)
    found = {name: np.asarray(leaf, np.float64) for name, leaf in measured.items()}
    rows: list[dict[str, Any]] = []
    for seed, r in np.ndindex(found["best"].shape):
        cost_GR = found["clean"][seed][None] - found["noisy"][seed]
        scores = {name: found[name][seed, r] for name in ("best", "untrained")}
        groups = {"top": cost_GR[r], "random": cost_GR[len(RULES) :].mean(0)}
        for name, cost_R in groups.items():
            cost = {"own": float(cost_R[r]), "others": float(np.delete(cost_R, r).mean())}
            label = {"init_seed": seed, "rule": RULES[r], "group": name}
            rows.append(label | cost | scores)
    return pl.DataFrame(rows)
