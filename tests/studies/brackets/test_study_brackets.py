"""The study ``brackets``: its measures against loops and hand-made heads, and its figures."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import Ridge

from tests.oracles.brackets import depth, parses
from toylab.errors import ToylabError
from toylab.figures.brackets import brackets as pictures
from toylab.models import Transformer
from toylab.report import figures as fig
from toylab.studies.brackets.brackets import ablations, answers, claims, heads, readings
from toylab.studies.brackets.brackets.study import Config, study
from toylab.studies.brackets.within_cells import concordance, held_out
from toylab.taps import run
from toylab.task import Task
from toylab.tasks.brackets.exams import draw_exams, outcomes
from toylab.tasks.brackets.strings import EOS, decode, encode, sizes

RNG = np.random.default_rng(0)
PAIRS = 4
MODEL = Transformer(vocab=5, length=10, width=8, depth=2, heads=2, hidden=8, n_out=2, norm="layer")
EXAMS = draw_exams(PAIRS, 40)


@pytest.fixture(scope="module")
def params():
    return jax.vmap(MODEL.init)(jax.random.split(jax.random.key(0), 3))


def test_exams_hold_what_they_are_named_for():
    for text in decode(EXAMS["unseen"]) + decode(EXAMS["hard"]):
        assert text.count("(") == text.count(")")
        assert not parses(text)
    assert all(t[0] == "(" and t[-1] == ")" for t in decode(EXAMS["hard"]))
    for text in decode(EXAMS["deep"]):
        assert parses(text)
        assert max(depth(text)) >= 0.75 * len(text) / 2
    assert len(EXAMS["seen"]) == 40
    assert len(EXAMS["hard"]) > 20


def test_odds_are_the_networks_at_eos(params):
    found = np.asarray(answers.odds(MODEL, params, EXAMS["seen"]))
    for member in range(3):
        one = jax.tree.map(lambda leaf, i=member: leaf[i], params)
        logits = np.asarray(jax.jit(MODEL.apply)(one, jnp.asarray(EXAMS["seen"])))
        for i, row in enumerate(EXAMS["seen"]):
            at = list(row).index(EOS)
            assert found[member, i] == pytest.approx(logits[i, at, 1] - logits[i, at, 0], abs=1e-4)


def test_a_network_that_says_no_is_right_on_all_unseen_and_half_of_the_seen_strings():
    odds = {kind: -np.ones((2, len(x))) for kind, x in EXAMS.items()}
    odds["seen"][1, 0] = np.nan
    found = outcomes(odds, EXAMS)
    yes = np.mean([parses(t) for t in decode(EXAMS["seen"])])
    assert found["seen"][0] == pytest.approx(1 - yes)
    assert np.isnan(found["seen"][1])
    assert (found["unseen"] == 1).all()
    assert (found["hard"] == 1).all()
    assert (found["deep"] == 0).all()


def attending(texts, weigh):
    """Attention (N, 1, L) from EOS that gives a symbol of depth d the weight ``weigh(d)``."""
    rows = np.zeros((len(texts), 1, 10))
    for row, text in zip(rows, texts, strict=True):
        row[0, 1 : len(text) + 1] = [weigh(d) for d in depth(text)]
    return rows / rows.sum(-1, keepdims=True)


TEXTS = ["))((", "())(", "((", ")))(", ")(((", "()))"]


def test_heads_of_known_kinds():
    tokens = encode(TEXTS, PAIRS)
    below = heads.head_scores(attending(TEXTS, lambda d: 0.1 + (d < 0)), tokens)
    assert below["violation"] == below["hierarchical"] == below["violation rank"] == 1
    assert below["sign"] == below["sign rank"] == 0.25  # one of the four ends below depth 0
    even = heads.head_scores(attending(TEXTS, lambda d: 1.0), tokens)
    assert all(even[name] == 0 for name in ("sign", "violation", "hierarchical"))
    assert even["violation rank"] == even["sign rank"] == 0.5


def test_head_scores_agree_with_loops():
    tokens, a = encode(TEXTS, PAIRS), RNG.random((len(TEXTS), 3, 10))
    found, known = heads.head_scores(a, tokens), []
    for text, a_HL in zip(TEXTS, a, strict=True):
        d = np.array(depth(text))
        if (d < 0).any() and (d >= 0).any():
            s = a_HL[:, 1 : len(text) + 1]
            low, high = s[:, d < 0], s[:, d >= 0]
            p = (low[:, :, None] > high[:, None]).mean((1, 2))
            separate = low.min(1) > high.max(1), high.min(1) > low.max(1)
            sign = (separate[0], p) if d[-1] < 0 else (separate[1], 1 - p)
            known.append((separate[0] | separate[1], sign[0], sign[1], separate[0], p))
    wanted = np.array(known, float).mean(0)
    names = ("hierarchical", "sign", "sign rank", "violation", "violation rank")
    for name, value in zip(names, wanted, strict=True):
        np.testing.assert_allclose(found[name], value, err_msg=name)


def test_scores_without_strings_of_both_kinds_are_undefined():
    found = heads.head_scores(RNG.random((1, 2, 10)), encode(["(())"], PAIRS))
    assert all(np.isnan(value).all() for value in found.values())


def test_attention_of_a_diverged_network_has_no_score():
    found = heads.head_scores(np.full((6, 2, 10), np.nan), encode(TEXTS, PAIRS))
    assert all(np.isnan(value).all() for value in found.values())


def changed(params, exams):
    """Rows of the first member by method, layer and head."""
    one = jax.tree.map(lambda leaf: leaf[0], params)
    rows = ablations.effects(MODEL, one, exams)
    return one, {(row["method"], row["layer"], row["head"]): row for row in rows.to_dicts()}


def answer(params, tokens):
    lead = jax.tree.map(lambda leaf: leaf[None], params)
    return np.asarray(answers.odds(MODEL, lead, tokens))[0] <= 0


def without(params, name, layers, head=slice(None)):
    """Weights of some layers set to 0, of one head or of all."""
    params = jax.tree.map(np.array, params)
    for layer in layers:
        weight = params["blocks"][str(layer)]["attn"][name]
        weight[(slice(None), head) if name == "w_q" else (head,)] = 0
    return params


@pytest.mark.parametrize(("method", "weight"), [("uniform", "w_q"), ("zero", "w_o")])
def test_ablations_are_those_of_weights_set_to_zero(params, method, weight):
    exams = {kind: x[np.isin(sizes(x), sizes(EXAMS["seen"]))] for kind, x in EXAMS.items()}
    one, rows = changed(params, EXAMS)
    before = answer(one, exams["unseen"]).mean()
    for place, cut in (
        ((ablations.ALL, ablations.ALL), without(one, weight, (0, 1))),
        ((1, 0), without(one, weight, (1,), 0)),
    ):
        after = answer(cut, exams["unseen"]).mean()
        found = rows[(method, *place)]["unseen change"]
        assert found == pytest.approx(after - before, abs=1e-9)


def test_mean_patterns_are_means_over_strings_of_a_length(params):
    one = jax.tree.map(lambda leaf: leaf[0], params)
    seen, tokens = EXAMS["seen"], EXAMS["seen"][:5]
    means = ablations.mean_patterns(MODEL, one, seen, tokens)
    record = ("blocks/1/attn/pattern",)
    pattern = np.asarray(run(MODEL, one, jnp.asarray(seen), record)[1][record[0]])
    for i in range(5):
        same = sizes(seen) == sizes(tokens)[i]
        np.testing.assert_allclose(means[1][i], pattern[same].mean(0), rtol=1e-4, atol=1e-6)


def test_concordance_and_its_pseudo_values_agree_with_loops():
    group, cell = np.repeat(np.arange(5), 4), np.tile([0, 0, 1, 1], 5)
    x, y = RNG.integers(4, size=20).astype(float), RNG.random(20)
    pairs = cell[:, None] == cell

    def slow(kept):
        won = [
            0.5 if x[i] == x[j] else float(x[i] > x[j])
            for i in kept
            for j in kept
            if y[i] - y[j] > 0.1 and cell[i] == cell[j] and group[i] != group[j]
        ]
        return np.mean(won)

    whole, pseudo = concordance(x, y, group, pairs, gap=0.1)
    assert whole == pytest.approx(slow(range(20)))
    for g in range(5):
        rest = slow([i for i in range(20) if group[i] != g])
        assert pseudo[g] == pytest.approx(5 * whole - 4 * rest)


def test_concordance_of_nothing_is_undefined():
    none = np.zeros(0)
    assert np.isnan(concordance(none, none, none.astype(int), np.zeros((0, 0), bool))[0])


def test_held_out_predictions_are_ridges_of_other_groups():
    group, cell = np.repeat(np.arange(6), 3), np.tile([4, 7, 9], 6)
    x = RNG.normal(size=(18, 2)) + cell[:, None]
    y = x @ [0.5, -1.0] + cell + 0.1 * RNG.normal(size=18)
    alone, more = held_out(x, y, group, cell)
    for g in range(6):
        train = group != g
        dx, dy = x.copy(), y.copy()
        for c in (4, 7, 9):
            dx[cell == c] -= x[train & (cell == c)].mean(0)
            dy[cell == c] -= y[train & (cell == c)].mean()
        scale = dx[train].std(0)
        ridge = Ridge(1.0, fit_intercept=False).fit(dx[train] / scale, dy[train])
        for k in np.flatnonzero(~train):
            mean = y[train & (cell == cell[k])].mean()
            assert alone[k] == pytest.approx(mean)
            assert more[k] == pytest.approx(mean + ridge.predict(dx[k : k + 1] / scale)[0])
    assert np.mean((more - y) ** 2) < 0.2 * np.mean((alone - y) ** 2)


CONFIG = Config(seeds=6, layers=(1, 2, 3), decays=(0.0, 0.01))


@pytest.fixture(scope="module")
def measures():
    """Made-up tables: a network rejects as many hard strings as its head scores, from 2 layers."""
    rows, scores, cut = [], [], []
    for seed in range(6):
        for layers in CONFIG.layers:
            for decay in CONFIG.decays:
                score = (seed + 1) / 6 if layers > 1 else 0.0
                about = {"init_seed": seed, "layers": layers, "heads": 2, "decay": decay}
                blind = {
                    f"{e} {n}": RNG.random() for n in readings.BLIND for e in ("least", "most")
                }
                told = {"seen": 0.9 if seed == 5 else 1.0, "hard": score, "easy": 0.9}
                told |= {"unseen": 0.8 * 0.9 + 0.2 * score, "deep": 1.0, "ends reject": 0.8}
                kinds = dict.fromkeys(heads.SCORES, score)
                rows.append(about | told | kinds | blind)
                for head in range(2):
                    own = {"violation": score * head, "violation rank": score * head}
                    scores.append(about | {"layer": layers - 1, "head": head} | own)
                    change = {"hard change": -0.2 * head, "unseen change": -0.1, "seen after": 1.0}
                    for method in ablations.METHODS:
                        cut.append(
                            about | {"method": method, "layer": layers - 1, "head": head} | change
                        )
                        if head:
                            cut.append(about | {"method": method, "layer": -1, "head": -1} | change)
    return {
        "networks": pl.DataFrame(rows),
        "scores": pl.DataFrame(scores),
        "cut": pl.DataFrame(cut),
    }


def test_claims_read_what_was_made_up(measures):
    read = {claim.key: claim.reading(measures) for claim in claims.CLAIMS}
    np.testing.assert_allclose(read["predicts_hard"].values, 1)
    assert len(read["predicts_hard"].values) == 5  # the sixth seed has not learned
    np.testing.assert_allclose(read["one_layer_hard"].values, 0)
    np.testing.assert_allclose(read["two_layers_nest"].values, [0, 0, 1, 1, 1])
    np.testing.assert_allclose(read["top_head_nests"].values, -0.2)
    np.testing.assert_allclose(read["mean_is_uniform"].values, 0)
    np.testing.assert_allclose(read["violation_heads_nest"].values, -0.1)
    np.testing.assert_allclose(read["decay_by_depth"].values, 0)
    np.testing.assert_allclose(read["seeds_differ"].values, 0.2 * np.abs(np.arange(1, 6) - 3) / 6)
    assert read["adds_to_settings"].values.mean() > 0.99  # no error is left


def test_figures_are_drawn(measures):
    with fig.style():
        drawn = pictures.draw(measures, CONFIG)
    assert set(drawn) == set(pictures.CAPTIONS)


def test_the_population_is_depth_by_decay_by_seed():
    found = study.populations(CONFIG)
    assert list(found) == ["1 x 2", "2 x 2", "3 x 2"]
    assert all(p.size == 12 and isinstance(p.task, Task) for p in found.values())
    paper = study.populations(study.presets["paper"])
    assert sum(p.size for p in paper.values()) == 270


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"judged": 0}, "judged = 0"),
        ({"ablated": 2_000}, "ablated = 2000"),
        ({"steps": (10, 20)}, "give as many"),
    ],
)
def test_bad_settings(settings, words):
    with pytest.raises(ToylabError, match=words):
        dataclasses.replace(CONFIG, **settings)
