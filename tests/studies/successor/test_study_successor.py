"""The study ``successor``: scores of planted maps, geometry of planted words, answers, figures."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.change import head, run_changes, zero
from toylab.errors import ToylabError
from toylab.figures.successor import successor as pictures
from toylab.models.toys.reading_heads import ReadingHeads
from toylab.report import figures as fig
from toylab.studies.successor.successor import claims, geometry, readings, scores
from toylab.studies.successor.successor.study import ARMS, Config, look
from toylab.taps import run
from toylab.tasks.successor.ordinals import BASE, Ordinals

TASK = Ordinals()
DAYS, NUMBERS = 2, 4
RNG = np.random.default_rng(0)


def planted(of, d):
    """A map (V, V) that is ``of(i, j, n)`` on one list, and noise elsewhere."""
    n, start = len(TASK.lists[d]), TASK.starts[d]
    found = RNG.normal(size=(TASK.n_words, TASK.n_words))
    i, j = np.indices((n, n))
    found[start : start + n, start : start + n] = of(i, j, n)
    return found


ring = lambda i, j, n: np.cos(2 * np.pi * (j - i - 1) / n)
line = lambda i, j, n: -((j - i - 1.0) ** 2)


@pytest.mark.parametrize(("of", "d", "rank"), [(ring, DAYS, 2), (line, NUMBERS, 3)])
def test_maps_of_low_rank_have_score_one(of, d: int, rank: int):
    found, n = planted(of, d), len(TASK.lists[d])
    block = found[TASK.starts[d] :, TASK.starts[d] :][:n, :n]
    assert np.linalg.matrix_rank(block, tol=1e-9) == rank
    own = scores.block_scores(found, TASK, d, exact=True)
    assert own["score"] == own["held"] == 1
    assert own["p"] < 0.01
    assert abs(own["beyond"]) < 0.1
    if d == DAYS:
        known = math.sqrt(2) * (1 - math.cos(2 * math.pi / n))
        assert own["margin"] == pytest.approx(known)
        assert own["beyond"] == pytest.approx(0, abs=1e-9)


def test_identity_and_predecessor_have_score_zero_and_rows_may_be_shifted():
    same, before = (lambda i, j, n, k=k: (j == (i - k) % n) * 1.0 for k in (0, 1))
    for of in (same, before):
        assert scores.block_scores(planted(of, DAYS), TASK, DAYS, exact=False)["score"] == 0
    found = planted(ring, DAYS)
    moved = found + RNG.normal(size=(TASK.n_words, 1)) * 50
    one, other = (scores.block_scores(x, TASK, DAYS, exact=True) for x in (found, moved))
    assert one["score"] == other["score"] and one["p"] == other["p"]


def test_random_maps_score_one_over_n():
    found = [
        scores.block_scores(RNG.normal(size=(TASK.n_words,) * 2), TASK, NUMBERS, exact=False)
        for _ in range(300)
    ]
    rows = (~TASK.tables.held[NUMBERS, :49]).sum()
    mean, sd = 1 / 50, math.sqrt(0.02 * 0.98 / (300 * rows))
    assert np.mean([own["score"] for own in found]) == pytest.approx(mean, abs=4 * sd)


def test_later_words_are_preferred_by_a_map_that_rises():
    rising = planted(lambda i, j, n: 3.0 * (j == i + 1) + (j > i), NUMBERS)
    assert scores.block_scores(rising, TASK, NUMBERS, exact=False)["beyond"] > 0.5
    frequent = planted(lambda i, j, n: 3.0 * (j == i + 1) + j / n, NUMBERS)
    assert abs(scores.block_scores(frequent, TASK, NUMBERS, exact=False)["beyond"]) < 0.1


def test_index_and_list_come_apart_where_they_add():
    d_model, own = 48, np.repeat(np.arange(5), [len(x) for x in TASK.lists])
    index = np.arange(TASK.n_words) - np.array(TASK.starts[:-1])[own]
    added = RNG.normal(size=(50, d_model))[index] + RNG.normal(size=(5, d_model))[own]
    pairs = geometry.draw_pairs(TASK, 3_000, RNG)
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
    exam = scores.draw_exam(TASK, 1, 0)
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
    cut = run_changes(MODEL, one, exam.inputs, changes, _last_stream, record, members=0)[0]
    out = np.asarray(cut)[:, 0] + z @ w_o[1]
    centred = out - out.mean(-1, keepdims=True)
    answer = (centred @ np.asarray(one["unembed"])).argmax(-1)
    right = answer == np.asarray(exam.targets)
    assert found["trained"][2, 1] == pytest.approx(right[rows].mean(), abs=0.02)


def _last_stream(logits, acts):
    return acts["blocks/1/resid_post"]


def test_kinds_of_questions():
    kinds = scores.draw_exam(TASK, 1, 0).kinds
    assert [int(kinds[k].sum()) for k in ("trained", "held", "near", "far")] == [70, 16, 8, 8]
    assert int(kinds["units"].sum()) == 50


def small_measures():
    """Measures of two untrained networks per arm, made up to be of two steps."""
    config = Config(seeds=2, width=8, hidden=8, head_dim=4, contexts=1, pairs=300, steps=1)
    exam = scores.draw_exam(config.world(), 1, 0)
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


def test_claims_and_figures_of_networks_one_of_which_diverged():
    measures, config = small_measures()
    for claim in claims.CLAIMS:
        found = claim.reading(measures)
        assert found.count("diverged") == 1, claim.key
        assert len(found.values) + found.count("undefined") == 1, claim.key
    with fig.style():
        assert set(pictures.draw(measures, config)) == set(pictures.CAPTIONS)


def test_margin_of_a_planted_ring_is_one():
    row = scores.block_scores(planted(ring, DAYS), TASK, DAYS, exact=False)
    label = {"arm": "plain", "step": 0, "init_seed": 0, "best": True, "cyclic": True}
    lists = pl.DataFrame([label | {"list": "days"} | row])
    assert readings.ring_margins("plain")({"lists": lists}).values == pytest.approx([1.0])


def test_a_world_of_few_numbers_is_refused():
    with pytest.raises(ToylabError, match="numbers = 10"):
        Config(numbers=10)
