"""The study ``mode_connectivity``: lines against NumPy, a diverged pair, forks, bad settings."""

import dataclasses

import jax
import numpy as np
import polars as pl
import pytest
from scipy.special import log_softmax

from toylab.analysis.matching.pairs import pairs_of
from toylab.errors import ToylabError
from toylab.figures.mode_connectivity import mode_connectivity as pictures
from toylab.report import figures as fig
from toylab.studies.mode_connectivity.mode_connectivity import claims, readings
from toylab.studies.mode_connectivity.mode_connectivity.arms import Config, arms, populations
from toylab.studies.mode_connectivity.mode_connectivity.lines import (
    SOME,
    bends,
    layers,
    lines,
)
from toylab.studies.mode_connectivity.mode_connectivity.study import measure, study
from toylab.tasks.mode_connectivity.exam import draw_exam

SMOKE = study.config("smoke")


def drawn(model, count: int = 4, scale: float = 2.0):
    """Parameters of untrained networks, with large weights, so that there is something to see."""
    params = jax.vmap(model.init)(jax.random.split(jax.random.key(1), count))
    return jax.tree.map(lambda w: scale * w, params)


def loss_by_hand(layers, points) -> float:
    x = np.asarray(points.inputs, np.float64)
    for i, (kernel, bias) in enumerate(layers):
        x = x @ kernel + bias
        x = np.maximum(x, 0) if i + 1 < len(layers) else x
    return -log_softmax(x, axis=1)[np.arange(len(x)), points.targets].mean()


def as_list(params):
    own = params["layers"]
    return [tuple(np.asarray(own[i][k], np.float64) for k in ("kernel", "bias")) for i in own]


def mixed(a, b, shares):
    mix = lambda m, n, t: tuple((1 - t) * x + t * y for x, y in zip(m, n, strict=True))
    return [mix(m, n, t) for m, n, t in zip(a, b, shares, strict=True)]


def test_lines_and_layers_are_those_of_numpy():
    model, exam = SMOKE.model(8, 2), draw_exam(SMOKE.world(), SMOKE.tests)
    (pair,) = pairs_of(model, drawn(model, 2), np.zeros(2, bool), exam.train.inputs, SOME)
    table, line_NMT = lines(model, [pair], exam)
    a, b = as_list(pair.a), as_list(pair.others["weights"])
    t = np.linspace(0, 1, 25)
    by_hand = [loss_by_hand(mixed(a, b, [at] * 3), exam.test) for at in t]
    np.testing.assert_allclose(line_NMT["test_loss"][0, 1], by_hand, rtol=1e-10)
    found = table.filter(matching="weights").row(0, named=True)
    above = np.array(by_hand) - (1 - t) * by_hand[0] - t * by_hand[-1]
    assert found["test_loss"] == pytest.approx(above.max())
    pairs = [both for own in zip(a, b, strict=True) for both in zip(*own, strict=True)]
    squares = [((x - y) ** 2).sum() for x, y in pairs]
    assert found["distance"] == pytest.approx(np.sqrt(sum(squares)))
    row = layers(model, [pair], exam).filter(matching="weights", layer=1).row(0, named=True)
    ends = (by_hand[0] + by_hand[-1]) / 2
    rests = [[0, 0.5, 0], [1, 0.5, 1]]
    each = [loss_by_hand(mixed(a, b, shares), exam.test) - ends for shares in rests]
    assert row["barrier"] == pytest.approx(np.mean(each))
    assert row["whole"] == pytest.approx(by_hand[12] - ends)


def test_curvature_of_smooth_networks_gives_their_barrier():
    model, exam = SMOKE.model(8, activation="gelu"), draw_exam(SMOKE.world(), SMOKE.tests)
    pairs = pairs_of(model, drawn(model, 2), np.zeros(2, bool), exam.train.inputs, SOME)
    rows, (_, line_NMT) = bends(model, pairs, exam), lines(model, pairs, exam)
    for name, loss_T in zip(SOME, line_NMT["train_loss"][0], strict=True):
        own = rows.filter(matching=name)
        middle = loss_T[12] - (loss_T[0] + loss_T[-1]) / 2
        np.testing.assert_allclose(own["middle"], middle)
        assert -(own["weight"] * own["total"]).sum() == pytest.approx(middle, rel=1e-4)
        assert own.filter(pl.col("t").is_in([0.0, 1.0]))["weight"].to_list() == [0, 0]


class Untrained:
    """A run of untrained networks at two steps; the first pair of each population has diverged."""

    def __init__(self, config: Config):
        self.populations = populations(config)

    def steps(self, name):
        return [0, self.populations[name].steps]

    def dead_at(self, name):
        return np.where(np.arange(self.populations[name].size) == 1, 3, -1)

    def params(self, name, step):
        return drawn(self.populations[name].model, self.populations[name].size, 1 + step / 10)


@pytest.mark.slow
def test_claims_and_figures_of_pairs_one_of_which_diverged():
    config = dataclasses.replace(SMOKE, seeds=3)
    measures = measure(config, Untrained(config))
    for claim in claims.CLAIMS:
        found = claim.reading(measures)
        lost = 0 if claim.key == "ridge" else 1
        assert found.count("diverged") == lost, claim.key
        assert len(found.values) + found.count("undefined") == 3 - lost, claim.key
    assert (readings.most_left("random")(measures).values > 0).all()
    with fig.style():
        assert set(pictures.draw(measures, config)) == set(pictures.CAPTIONS)


def test_twins_share_their_start_and_the_steps_before_their_fork():
    found = populations(Config(seeds=2, forks=(0, 15, 75)))
    assert [name for name in found if "trunk" in name] == ["trunk 15", "trunk 75"]
    assert [found[f"trunk {k}"].steps for k in (15, 75)] == [15, 60]
    assert found["trunk 75"].start == "trunk 15" == found["fork 15"].start
    assert found["fork 0"].start == "" and found["fork 75"].steps == 1_425
    twins = found["fork 15"].members
    assert twins["init_seed"].tolist() == [0, 0, 1, 1] and len({*twins["data_seed"]}) == 4
    assert {arm.name for arm in arms(Config())} < set(populations(Config()))


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"widths": (64, 16)}, r"widths = \(64, 16\); give rising numbers from 1 on"),
        ({"forks": ()}, r"forks = \(\); give rising numbers from 0 on"),
        ({"forks": (0, 1_500)}, "end before step 1500"),
        ({"forks": (15, 75)}, "begin with 0"),
        ({"shared": (0, 300)}, "at most the 200 steps with noise"),
        ({"runs": 10**9}, "runs = 1000000000"),
        ({"width": 48}, "width = 48 is none of widths"),
        ({"depths": (2, 3)}, "begin with 1"),
        ({"tests": 9_000}, "tests = 9000"),
        ({"noise": 2.0}, "noise = 2"),
    ],
)
def test_bad_settings_are_refused(wrong: dict, text: str):
    with pytest.raises(ToylabError, match=text):
        Config(**wrong)
