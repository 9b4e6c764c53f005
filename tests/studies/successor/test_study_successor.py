"""The study ``successor``: scores of planted maps, geometry of planted words, answers, figures."""

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.analysis.geometry.ordinal_maps import ordinal_scores
from toylab.change import head, run_changes, zero
from toylab.errors import ToylabError
from toylab.figures.successor import successor as pictures
from toylab.models.toys.reading_heads import ReadingHeads
from toylab.report import figures as fig
from toylab.studies.successor.successor import claims, geometry, readings, scores
from toylab.studies.successor.successor.study import ARMS, Config, look
from toylab.taps import run
from toylab.tasks.successor.ordinals import BASE, Ordinals
from toylab.tasks.successor.questions import draw_exam, pairs_of

TASK = Ordinals()
NUMBERS = 4
RNG = np.random.default_rng(0)


def test_index_and_list_come_apart_where_they_add():
    d_model, own = 48, np.repeat(np.arange(5), [len(x) for x in TASK.lists])
    index = np.arange(TASK.n_words) - np.array(TASK.starts[:-1])[own]
    added = RNG.normal(size=(50, d_model))[index] + RNG.normal(size=(5, d_model))[own]
    pairs = pairs_of(TASK)
    assert (own[pairs.target] == own[pairs.of]).all()
    assert (index[pairs.target] == index[pairs.index]).all()
    assert not (pairs.target == pairs.of).any()
    # Lists and indices in directions of their own, so that a projection exists.
    low = np.concatenate([np.eye(50)[index % 20, :20], np.eye(5)[own]], 1)
    assert geometry.recombined(low @ RNG.normal(size=(25, d_model)), pairs, 0) > 0.5
    assert geometry.recombined(RNG.normal(size=added.shape), pairs, 0) < 0.1


def test_units_are_decoded_and_moved_where_they_are_apart():
    e = RNG.normal(size=(TASK.n_words, 48))
    assert geometry.units_decoded(e, TASK) < 0.3
    n = np.arange(50)
    unit, ten = np.eye(BASE)[n % BASE], np.eye(5)[n // BASE]
    e[-50:] = np.concatenate([unit, ten], 1) @ RNG.normal(size=(15, 48))
    assert geometry.units_decoded(e, TASK) == 1
    made, follow = geometry.moved_units(e, TASK)
    nearest = ((made[:, None] - e[None]) ** 2).sum(-1).argmin(1)
    np.testing.assert_array_equal(TASK.tables.answer[NUMBERS, nearest - TASK.starts[-2]], follow)


MODEL = ReadingHeads(TASK.vocab, TASK.n_words, width=8, heads=2, head_dim=4, hidden=8)


def test_answers_attention_and_ablations_agree_with_single_runs():
    params_P = jax.vmap(MODEL.init)(jax.random.split(jax.random.key(0), 2))
    exam = draw_exam(TASK, 1, 0)
    found = scores.answers(MODEL, params_P, exam, ablate=True)
    one = jax.tree.map(lambda leaf: leaf[1], params_P)
    logits, acts = run(MODEL, one, exam.inputs, record=(scores.PATTERN, scores.Z))
    rows = exam.kinds["trained"]
    right = np.asarray(logits.argmax(-1) == exam.targets)
    assert found["trained"][0, 1] == pytest.approx(right[rows].mean())
    pattern = np.asarray(acts[scores.PATTERN])[:, :, 0]
    to_asked = [pattern[b, 1, exam.place[b]] for b in np.flatnonzero(rows)]
    assert found["attention"][1, 1] == pytest.approx(np.mean(to_asked), rel=1e-5)
    # Head 1 at its mean: zero it and add the mean's own output.
    z = np.asarray(acts[scores.Z])[rows, 0, 1].mean(0)
    record, w_o = ("blocks/1/resid_post",), np.asarray(one["blocks"]["1"]["attn"]["w_o"])
    changes = [zero(head(1, 1))]
    cut = run_changes(MODEL, one, exam.inputs, changes, _last_stream, record)[0]
    out = np.asarray(cut)[:, 0] + z @ w_o[1]
    centred = out - out.mean(-1, keepdims=True)
    answer = (centred @ np.asarray(one["unembed"])).argmax(-1)
    right = answer == np.asarray(exam.targets)
    assert found["trained"][2, 1] == pytest.approx(right[rows].mean(), abs=0.02)


def _last_stream(logits, acts):
    return acts["blocks/1/resid_post"]


def small_measures():
    """Measures of two untrained networks per arm, made up to be of two steps."""
    config = Config(seeds=2, width=8, hidden=8, head_dim=4, contexts=1, steps=1)
    exam = draw_exam(config.world(), 1, 0)
    rows = {name: [] for name in ("answers", "heads", "lists", "geometry")}
    for arm, (population, _) in ARMS.items():
        model = config.model(population)
        params_P = jax.vmap(model.init)(jax.random.split(jax.random.key(0), 2))
        params_P["embed"] = params_P["embed"].at[1].set(jnp.nan)  # the second has diverged
        for seed, (network, written) in enumerate(look(config, population, params_P, exam, True)):
            for step in (0, 1):
                label = {"arm": arm, "step": step, "init_seed": seed, "diverged": seed == 1}
                for name, own in network.items():
                    rows[name] += [label | row for row in own]
            if seed == 0:
                first = written[0]
    tables = {name: pl.DataFrame(own) for name, own in rows.items()}
    return tables | {"maps": np.stack([first, first])}, config


def test_scores_of_a_head_stand_in_its_lists():
    """A shift of each list in place of a head's map; another head is noise."""
    shift = np.zeros((TASK.n_words, TASK.n_words))
    for d, own in enumerate(TASK.lists):
        n = own.successions
        shift[TASK.starts[d] + np.arange(n), TASK.tables.answer[d, :n]] = 1
    noise = RNG.normal(size=shift.shape)
    rows = scores.list_scores(np.stack([noise, shift]), TASK, exact=True)
    assert [row["head"] for row in rows if row["score"] == 1] == [1] * 5
    assert max(row["p"] for row in rows if row["head"] == 1) < 0.01
    assert [row["weight"] for row in rows[:5]] == [7, 8, 6, 10, 42]
    both = scores.pooled(rows)
    assert [row["best"] for row in both] == [False, True]
    assert both[1]["everywhere"] == 1
    by_hand = sum(row["score"] * row["weight"] for row in rows[:5]) / 73
    assert both[0]["score"] == pytest.approx(by_hand)


@pytest.mark.slow
def test_claims_and_figures_of_networks_one_of_which_diverged():
    measures, config = small_measures()
    for claim in claims.CLAIMS:
        found = claim.reading(measures)
        assert found.count("diverged") == 1, claim.key
        assert len(found.values) + found.count("undefined") == 1, claim.key
    with fig.style():
        assert set(pictures.draw(measures, config)) == set(pictures.CAPTIONS)


def test_margin_of_a_planted_ring_is_one():
    i, j = np.indices((7, 7))
    ring = np.cos(2 * np.pi * (j - i - 1) / 7)
    row = ordinal_scores(ring, (np.arange(7) + 1) % 7, np.zeros(7, bool))
    label = {"arm": "plain", "step": 0, "init_seed": 0, "best": True, "cyclic": True}
    lists = pl.DataFrame([label | {"list": "days"} | row])
    assert readings.ring_margins("plain")({"lists": lists}).values == pytest.approx([1.0])


def test_a_world_of_few_numbers_is_refused():
    with pytest.raises(ToylabError, match="numbers = 10"):
        Config(numbers=10)
