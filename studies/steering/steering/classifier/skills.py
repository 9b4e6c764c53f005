"""Skill neurons on scenes: neurons that tell a rule's answers, and what noise on them costs.

S seeds, R rules, F neurons of all layers, G groups of neurons, N scenes.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.analysis.attribution.skills import predictivity, strongest
from toylab.models.mlp import MLP
from toylab.taps import Params, run
from toylab.tasks.steering.scenes import RULES, cued

from .arithmetic import Split, accuracies

SHARE = 0.1  # of the neurons
SPREADS = 2.0  # noise, in mean standard deviations of the layer's neurons
DRAWS = 10  # random groups
NOISE = 107


def sites(model: MLP) -> tuple[str, ...]:
    """Post-activations of every hidden layer."""
    return tuple(site for site in model.sites if site.endswith("/post"))


def activations(model: MLP, params: Params, pictures: Array) -> Array:
    """All neurons on every scene under every rule's cue, (R, N, F)."""

    def one(rule: Array) -> Array:
        asked = cued(pictures, jnp.full(len(pictures), rule))
        acts = run(model, params, asked, record=sites(model))[1]
        return jnp.concatenate([acts[site] for site in sites(model)], -1)

    return jax.vmap(one)(jnp.arange(len(RULES), dtype=jnp.int32))


class Noisy:
    """The model with noise on some neurons of its hidden layers.

    Args:
        model: the perceptron.
        amount: standard deviation of each neuron's noise (F,), 0 for most.
        drawn: standard normal numbers (N, F).
    """

    def __init__(self, model: MLP, amount: Array, drawn: Array):
        self.model, self.noise = model, amount[None] * drawn

    def apply(self, params: Params, inputs: Array) -> Array:
        """Logits of the perturbed model."""
        parts = jnp.split(self.noise, np.cumsum(self.model.sizes[1:-1])[:-1], axis=1)
        noise = dict(zip(sites(self.model), parts, strict=True))
        tap = lambda name, x: x + noise[name] if name in noise else x
        return self.model.apply(params, inputs, tap)


@functools.partial(jax.jit, static_argnums=(0,))
def _measure(
    model: MLP, splits: list[Split], drawn: tuple[Array, Array], trained: Params, untrained: Params
) -> dict[str, Array]:
    """Per seed: best predictivities (R,), and accuracies (R,) without noise, (G, R) with it.

    ``drawn`` holds noise (N, F) and numbers (draws, F) that pick random groups.
    """
    (fit, fit_labels), (new, new_labels) = splits
    told = lambda labels: labels.T >= 2  # half of a rule's answers against the others

    def score(params: Params) -> tuple[Array, Array]:
        acts = activations(model, params, fit)
        again = activations(model, params, new)
        return predictivity(acts, told(fit_labels), again, told(new_labels)), acts

    def ranking(acts: Array) -> Array:
        # Neurons are picked by the scenes that set their thresholds, and judged on others.
        return predictivity(acts, told(fit_labels), acts, told(fit_labels))

    def one(args: tuple[Params, Params]) -> dict[str, Array]:
        own, first = args
        found, acts = score(own)
        fresh, fresh_acts = score(first)
        spread_RF = acts.std(1)
        by_rank = strongest(ranking(acts), SHARE)
        by_spread = strongest(spread_RF, SHARE)
        by_chance = strongest(drawn[1], SHARE)
        masks_GF = jnp.concatenate([by_rank, by_spread, by_chance])
        widths = model.sizes[1:-1]
        starts = np.cumsum((0, *widths))
        scale = jnp.concatenate(
            [
                jnp.full(w, SPREADS, jnp.float32) * spread_RF[:, i : i + w].mean()
                for i, w in zip(starts, widths, strict=False)
            ]
        )
        noisy = lambda mask: accuracies(Noisy(model, mask * scale, drawn[0]), own, new, new_labels)
        pick = lambda scores, by: jnp.take_along_axis(scores, by.argmax(-1)[:, None], 1)[:, 0]
        return {
            "best": pick(found, ranking(acts)),
            "untrained": pick(fresh, ranking(fresh_acts)),
            "mean": jnp.mean(found, -1, where=by_rank),
            "clean": accuracies(model, own, new, new_labels),
            "noisy": jax.lax.map(noisy, masks_GF.astype(jnp.float32)),
        }

    return jax.lax.map(one, (trained, untrained))


def skill_table(model: MLP, nets: Any, valid: Split, test: Split) -> pl.DataFrame:
    """What noise on a group of neurons costs each rule and the others.

    Args:
        model: the perceptron.
        nets: ``mixed`` and ``untrained`` are used.
        valid: scenes that set thresholds and pick neurons.
        test: scenes that are judged.
    """
    rng, width = np.random.default_rng(NOISE), sum(model.sizes[1:-1])
    drawn = [rng.normal(size=(rows, width)).astype(np.float32) for rows in (len(test[0]), DRAWS)]
    measured = _measure(model, [valid, test], tuple(drawn), nets.mixed, nets.untrained)
    found = {name: np.asarray(leaf, np.float64) for name, leaf in measured.items()}
    rows: list[dict[str, Any]] = []
    count = len(RULES)
    for seed, noisy_GR in enumerate(found["noisy"]):
        cost_GR = found["clean"][seed][None] - noisy_GR
        for r, rule in enumerate(RULES):
            others = [i for i in range(count) if i != r]
            groups = {
                "top": cost_GR[r],
                "variance": cost_GR[count + r],
                "random": cost_GR[2 * count :].mean(0),
            }
            best, fresh = found["best"][seed, r], found["untrained"][seed, r]
            rows += [
                {
                    "init_seed": seed,
                    "rule": rule,
                    "group": name,
                    "own": float(cost_R[r]),
                    "others": float(cost_R[others].mean()),
                    "best": best,
                    "best_learned": best - fresh,
                    "best_untrained": fresh,
                    "mean": found["mean"][seed, r],
                }
                for name, cost_R in groups.items()
            ]
    return pl.DataFrame(rows)
