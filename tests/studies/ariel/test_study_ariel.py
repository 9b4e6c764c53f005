"""The study of sentences as volumes: what is measured, against slow counting; claims; refusals."""

import dataclasses

import jax
import numpy as np
import polars as pl
import pytest

from toylab.errors import ToylabError
from toylab.figures.ariel import ariel as pictures
from toylab.members import seeds
from toylab.report import figures as fig
from toylab.studies.ariel.ariel import boxes, claims
from toylab.studies.ariel.ariel.lines import PLACES, between, pairs, points, square
from toylab.studies.ariel.ariel.study import (
    ATTENTION,
    LANGUAGE,
    RECURRENT,
    SMALL,
    measure,
    populations,
)
from toylab.tasks.ariel.samples import grammar_of

CONFIG = dataclasses.replace(SMALL, nouns=2, betas=(0.05, 0.5, 1.0))
GRAMMAR = grammar_of(CONFIG.world())
ASKED = CONFIG.asked(GRAMMAR, {"world": 3, "init_seed": 0})
RNG = np.random.default_rng(0)


def spoken(before_Nt):
    """A model of the grammar itself: chances of the next word, by counting all sentences."""
    table, found = GRAMMAR.table, np.zeros((len(before_Nt), GRAMMAR.task.vocab))
    for i, before in enumerate(before_Nt):
        fits = (table.tokens[:, : len(before)] == before).all(1)
        np.add.at(found[i], table.tokens[fits, len(before)], table.chance[fits])
        found[i, 0] += not fits.any()
    return found


def test_boxes_of_the_grammar_itself_are_all_valid_and_kept():
    p_S = GRAMMAR.table.chance
    found = boxes.drawn(ASKED, spoken)
    rows = {row["kind"]: row for row in found.to_dicts()}
    law = boxes.law(ASKED, p_S)
    assert law["excess"] == pytest.approx(0)
    assert rows["ariel"]["valid"] == rows["ancestral"]["valid"] == rows["grammar"]["valid"] == 1
    assert rows["grammar"]["distinct"] == pytest.approx(law["expected"])
    for kind in ("ariel", "ancestral"):
        assert rows[kind]["distinct"] == pytest.approx(law["expected"], abs=4 * law["spread"])
    assert rows["corpus"]["new"] == 0
    assert boxes.given_back(ASKED, spoken) == 1
    p_values = [boxes.frequencies(ASKED._replace(seed=s), spoken, p_S) for s in range(9)]
    assert 0.2 < np.mean(p_values) < 0.8
    other_S = p_S * np.where(np.arange(len(p_S)) % 2, 1.9, 0.1)  # all sentences are as likely
    assert boxes.frequencies(ASKED, spoken, other_S / other_S.sum()) < 1e-6
    lines = boxes.lines(ASKED, spoken)
    assert (lines["valid"] == 1).all()
    assert lines["at"].to_list() == PLACES.tolist()
    cells = square(ASKED, points(40), boxes.reader(ASKED, spoken))["sentence"].to_numpy()
    share = np.bincount(cells, minlength=GRAMMAR.size) / 1_600
    assert np.abs(share - p_S).max() < 0.01
    outlines = boxes.outlines(ASKED, spoken)
    area = (pl.col("right") - pl.col("x")) * (pl.col("top") - pl.col("y"))
    areas = outlines.group_by("words").agg(area.sum())
    np.testing.assert_allclose(areas.sort("words")[:, 1], 1)


def test_lines_are_straight_and_squares_are_even():
    seen, tokens = [], GRAMMAR.table.tokens[pairs(ASKED)[:, 0]]
    ends = RNG.normal(size=(CONFIG.pairs, 2, 3))
    found = between(ASKED, ends, lambda code: (seen.append(code), tokens)[1])
    np.testing.assert_allclose(seen[3], ends.mean(1))
    np.testing.assert_allclose(seen[0], ends[:, 0] * 7 / 8 + ends[:, 1] / 8)
    assert (found["object"] == 1).all()
    assert ASKED.told_S[pairs(ASKED)].all()
    np.testing.assert_array_equal(pairs(ASKED), pairs(ASKED._replace(grammar=GRAMMAR)))
    assert points(4)[1].tolist() == [0.375, 0.125]


class Run:
    """Untrained networks of every population, of which those of the second seed diverged."""

    def __init__(self):
        self.found = populations(CONFIG)

    def members(self, name):
        return self.found[name].members.frame()

    def dead_at(self, name):
        return np.where(self.members(name)["init_seed"] == 1, 3, -1)

    def params(self, name, step=None):
        keys = jax.random.split(jax.random.key(step or 1), self.found[name].size)
        params = jax.tree.map(np.array, jax.vmap(self.found[name].model.init)(keys))
        lost = self.dead_at(name) >= 0
        spoil = lambda leaf: np.where(lost.reshape(-1, *[1] * (leaf.ndim - 1)), np.nan, leaf)
        return jax.tree.map(spoil, params)


def test_claims_and_figures_of_networks_some_of_which_diverged():
    measures = measure(CONFIG, Run())
    assert set(measures["samples"]["kind"]) == {
        *("ariel", "ancestral", "grammar", "corpus", "ae", "vae", "plane", "attention")
    }
    for claim in claims.CLAIMS:
        found = claim.reading(measures)
        lost = int("texts" not in claim.text)  # texts are of no network
        assert found.count("diverged") == lost, claim.key
        assert len(found.values) + found.count("undefined") == 2 - lost, claim.key
    with fig.style():
        assert set(pictures.draw(measures, CONFIG)) == set(pictures.CAPTIONS)


def test_populations_hold_every_arm():
    found = populations(CONFIG)
    assert found[LANGUAGE].size == found[ATTENTION].size == CONFIG.seeds
    assert found[RECURRENT].size == CONFIG.seeds * (2 + len(CONFIG.betas))
    members = found[RECURRENT].members
    assert members["beta"].tolist() == [0, 0, 0.05, 0.05, 0.5, 0.5, 1, 1, 0.05, 0.05]
    assert members["dims"][-2:].tolist() == [2, 2]
    assert (members["bounded"] == (members["beta"] == 0)).all()
    assert len(seeds(CONFIG.seeds)) == CONFIG.seeds
    assert found[ATTENTION].members["world"].tolist() == [0, 1]


def test_settings_that_make_no_study_are_refused_before_training():
    for match, settings in (
        (r"betas = \(1, 0.5\)", {"betas": (1, 0.5)}),
        (r"betas = \(0.5,\)", {"betas": (0.5,)}),
        ("betas = 0.0", {"betas": (0.0, 1.0)}),
        ("told = 0.97 leaves less", {"told": 0.97}),
        ("grid = 10001", {"grid": 10_001}),
        ("axes = 0", {"axes": 0}),
        ("temperatures = 0", {"temperatures": (0.0,)}),
        ("nouns = 9", {"nouns": 9}),
        ("width = 9", {"width": 9}),
    ):
        with pytest.raises(ToylabError, match=match):
            dataclasses.replace(CONFIG, **settings)
