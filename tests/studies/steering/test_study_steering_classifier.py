"""The classifier half of ``steering``: its measures on planted cases, its claims and figures."""

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.claims import judge
from toylab.figures.steering import steering_classifier as pictures
from toylab.models.mlp import MLP
from toylab.report import figures as fig
from toylab.report.panels import drawing
from toylab.studies.steering.steering.classifier import arithmetic, choice, concepts
from toylab.studies.steering.steering.classifier.claims import CLAIMS
from toylab.studies.steering.steering.classifier.networks import ClassifierConfig, accuracies
from toylab.tasks.steering.scenes import FACTORS, RULES

RNG = np.random.default_rng(0)
CONFIG = ClassifierConfig()


def test_forgetting_goes_as_far_as_the_others_allow():
    base = np.array([0.8, 1.0, 1.0, 1.0])
    found = np.array([[0.8, 1, 1, 1], [0.5, 1, 1, 0.9], [0.3, 1, 1, 0.5], [0.2, 1, 1, 0.86]])
    assert arithmetic.pick_negation(found, base, 0) == 3
    assert arithmetic.pick_negation(found[:3], base, 0) == 1
    assert arithmetic.pick_negation(found * 0.9, base, 0) == 0
    row = arithmetic.negation(np.stack([found, found], 1), np.stack([base, base]), 0)
    assert row["strength"] == pytest.approx(0.3)
    assert row["kept"] == pytest.approx((0.2 - 0.25) / (0.8 - 0.25))


def test_combinations_hold_each_rule_and_pair_once():
    rows = arithmetic.coefficients()
    assert rows.shape == (20, 8)
    np.testing.assert_array_equal(rows[:4, :4], -np.eye(4))
    assert sorted(map(tuple, rows[4:10, :4])) == sorted({tuple(r) for r in rows[4:10, :4]})
    np.testing.assert_array_equal(rows[4:10].sum(1), 2)
    np.testing.assert_array_equal(rows[:10, :4], rows[10:, 4:])
    assert not rows[:10, 4:].any()


def test_image_sets_hold_their_concepts_and_keep_apart():
    counts = list(FACTORS.values())
    factors = np.stack([RNG.integers(c, size=concepts.pool_size(8)) for c in counts], 1)
    chosen, against, names = concepts.image_sets(factors, 8)
    assert chosen.shape == (len(names) + 1, concepts.SETS, 8)
    for name, (_, holds) in concepts.CONCEPTS.items():
        rows = chosen[names.index(name)]
        assert holds(factors[rows[0]]).all()
        assert (rows == rows[0]).all()
    null = chosen[-1]
    assert len(np.unique(null)) == null.size
    assert not np.isin(chosen, against).any()


def test_choice_fits_both_networks_in_one_eigendecomposition():
    # Two side by side wait for each other for ever in XLA's thread pool on two cores.
    model = MLP(sizes=(196, 3, 2, 4))
    params = jax.tree.map(lambda x: x[None], model.init(jax.random.key(0)))
    part = lambda n: (jnp.zeros((n, 192), jnp.float32), jnp.zeros((n, 4), jnp.int32))
    drawn = [jnp.zeros((6, 1), jnp.float32), jnp.zeros((5, 32), jnp.float32)]
    traced = jax.make_jaxpr(choice._rewards, static_argnums=0)
    text = str(traced(model, [part(6), part(5)], drawn, params, params))
    assert text.count("= eigh") == 1


def test_accuracies_ask_for_each_rule_by_its_cue():
    model = MLP(sizes=(196, 4), biases=False)
    kernel = jnp.zeros((196, 4)).at[192:].set(jnp.eye(4))  # answers the number of the rule
    labels = jnp.tile(jnp.arange(4, dtype=jnp.int32), (10, 1)).at[:5, 2].set(0)
    found = accuracies(model, {"layers": {"0": {"kernel": kernel}}}, jnp.zeros((10, 192)), labels)
    np.testing.assert_allclose(found, [1, 1, 0.5, 1])


def tables():
    """Made-up measures of eight seeds, on which every claim holds."""
    seeds = [{"init_seed": s} for s in range(8)]
    cross = lambda rows, *more: [a | b for a in rows for b in more]
    num = {"strength": 0.5, "before": 0.5, "control": 0.88, "tuned": 1.0}
    negate = [num | {"operation": "negate", "rules": r, "worst": np.nan} for r in RULES]
    add = [num | {"operation": "add", "rules": f"{r} + x", "kept": np.nan} for r in RULES]
    arms = [{"vector": "task", "target": 0.3}, {"vector": "random", "target": 0.7}]
    arms = [arm | {"kept": arm["target"] - 0.2} for arm in arms]
    sums = [{"vector": "task", "target": 0.98}, {"vector": "random", "target": 0.5}]
    combined = cross(negate, *arms) + cross(add, *[x | {"worst": x["target"]} for x in sums])
    score = {"in rule": (0.95, 0.01), "absent": (0.5, 0.6), "random": (0.5, 0.6)}
    concept = [{"concept": n, "role": concepts.role(n)} for n in (*concepts.CONCEPTS, "random 1")]
    concept = [c | dict(zip(("score", "p"), score[c["role"]], strict=True)) for c in concept]
    nets = ("trained", "plain", 0.3), ("trained", "smooth", 0.4), ("untrained", "smooth", 0.1)
    maps = [{"network": n, "method": m, "iou": v, "other": 0.1, "random": 0.1}
            for n, m, v in nets]  # fmt: skip
    skill = {"best": 0.95, "untrained": 0.6, "others": 0.1}
    skills = [skill | {"rule": r, "group": g, "own": v}
              for r in RULES for g, v in (("top", 0.3), ("random", 0.1))]  # fmt: skip
    last = {"probe": 0.9, "oracle": 0.95, "untrained features": 0.5, "limit": 0.9}
    picked = [{"chooser": c, "k": k, "reward": v if k > 1 else 0.4}
              for c, v in last.items() for k in choice.KS]  # fmt: skip
    iia = {"true": 0.97, "wrong variable": 0.5, "untrained": 0.5, "random rotation": 0.5}
    search = [{"arm": a, "layer": i, "valid": v - i / 10, "iia": v - i / 10}
              for a, v in iia.items() for i in range(3)]  # fmt: skip
    names = ("mixed", *(f"tuned on {r}" for r in RULES))
    network = [{"network": n, "rule": r, "accuracy": 0.95} for n in names for r in RULES]
    named = {
        "toy_networks": network,
        "toy_equality": [{"accuracy": 1.0}],
        "toy_arithmetic": combined,
        "toy_tcav": concept,
        "toy_saliency": maps,
        "toy_skills": skills,
        "toy_choice": picked,
        "toy_alignment": search,
    }
    found = {name: pl.DataFrame(cross(seeds, *rows)) for name, rows in named.items()}
    found["toy_saliency_pictures"] = RNG.random((5, 8, 8, 3))
    found["toy_saliency_maps"] = RNG.random((5, 5, 8, 8))
    return found


def test_claims_hold_where_they_should_and_figures_are_drawn():
    found = tables()
    verdicts = {claim.key: judge(claim, found).verdict for claim in CLAIMS}
    assert set(verdicts.values()) == {"reproduced"}
    unspecific = found["toy_tcav"].with_columns(score=pl.lit(0.95))
    of = {claim.key: claim for claim in CLAIMS}
    assert judge(of["tcav_in_rule"], found | {"toy_tcav": unspecific}).verdict == "confounded"
    unsolved = found["toy_equality"].with_columns(accuracy=pl.lit(0.9))
    assert judge(of["das_accuracy"], found | {"toy_equality": unsolved}).verdict == "not testable"
    with fig.style():
        drawn = drawing(**pictures.FIGURES)(found, CONFIG)
        for sheet in drawn.values():
            sheet.draw_without_rendering()
    assert set(drawn) == set(pictures.CAPTIONS)
