"""The study ``karel``: what networks write, probes of planted states, edits, claims, figures."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.errors import ToylabError
from toylab.figures.karel import karel as pictures
from toylab.report import figures as fig
from toylab.studies.karel.karel import claims, readings
from toylab.studies.karel.karel.edits import effects
from toylab.studies.karel.karel.probes import CONTENT, MEAN, MLP, scores, state_exam, streams
from toylab.studies.karel.karel.study import Config, losses, measure, populations, study, write
from toylab.taps import Edit, run
from toylab.tasks.karel.exams import Exam
from toylab.tasks.karel.goals import draw_cases
from toylab.tasks.karel.texts import FEATURES, TARGETS, classes, halves, inner, labels

CONFIG = Config(seeds=2, size=3, longest=4, width=16, depth=2, heads=2, prompts=120, steps=4)
TASK, MODEL = CONFIG.world(), CONFIG.model()


@pytest.fixture(scope="module")
def bench():
    return Exam(TASK, CONFIG.prompts, 31)


@pytest.fixture(scope="module")
def params_P():
    return jax.vmap(MODEL.init)(jax.random.split(jax.random.key(0), 2))


def member(params_P, p):
    return jax.tree.map(lambda leaf: leaf[p], params_P)


def test_programs_are_the_likeliest_symbols_that_the_grammar_allows(bench, params_P):
    written = np.asarray(write(MODEL, TASK, params_P, jnp.asarray(bench.prompts[:20])))
    apply = jax.jit(MODEL.apply)
    for p, b in itertools.product(range(2), range(20)):
        tokens, ended = list(bench.prompts[b]), False
        for t in range(TASK.longest + 1):
            padded = np.array([tokens + [0] * (TASK.length - len(tokens))])[:, : TASK.length]
            logits = np.asarray(apply(member(params_P, p), jnp.asarray(padded)))[0]
            symbol = logits[len(tokens) - 1, TASK.code + 1 :].argmax() + TASK.code + 1
            symbol = TASK.vocab - 1 if ended else symbol
            assert written[p, b, t] == symbol
            ended |= symbol == TASK.vocab - 1
            tokens.append(int(symbol))


def test_streams_are_those_behind_each_action_then_their_mean(bench, params_P):
    found = streams(MODEL, TASK, member(params_P, 1), bench.given)
    sites = [f"blocks/{i}/resid_post" for i in range(2)]
    _, acts = run(MODEL, member(params_P, 1), jnp.asarray(bench.given.tokens), record=sites)
    own = np.stack([np.asarray(acts[site])[:, TASK.prompt - 1 :] for site in sites])
    np.testing.assert_allclose(found[1:3], own, atol=1e-6)
    np.testing.assert_allclose(found[3], own.mean(0), atol=1e-6)
    assert found.shape == (4, 120, TASK.longest + 1, 16)


@pytest.mark.parametrize("hidden", [{}, MLP], ids=["linear", "mlp"])
def test_probes_of_planted_states_are_right_and_of_noise_at_the_majority(bench, hidden):
    y = labels(TASK, bench.given)
    exam = state_exam(TASK, bench.given, y)
    hot = np.eye(classes(TASK))[y].reshape(*y.shape[:2], -1).astype(np.float32)
    rows = scores(exam, exam.fitted(hot[None], hidden), hot[None]).to_dicts()
    assert {row["feature"] for row in rows} == {*FEATURES, "content"}
    planted = {row["feature"]: row for row in rows}
    assert planted["to_turn"]["accuracy"] == planted["to_turn"]["skill"] == 1
    assert min(row["accuracy"] for row in rows) > 0.95  # some classes were hardly seen
    noise = np.zeros((1, *y.shape[:2], 3), np.float32)
    fitted, judged = inner(bench.given) & halves(bench.given)[:, None], inner(bench.given)
    judged = judged & ~fitted
    own = y[..., TARGETS.index("to_turn")]
    rows = scores(exam, exam.fitted(noise, hidden), noise).to_dicts()
    found = {row["feature"]: row for row in rows}
    constant = np.bincount(own[fitted]).argmax()
    assert found["to_turn"]["accuracy"] == pytest.approx((own[judged] == constant).mean())
    right = 0
    for t in range(1, TASK.longest):
        guess = np.bincount(own[:, t][fitted[:, t]]).argmax() if fitted[:, t].any() else -1
        right += (own[:, t][judged[:, t]] == guess).sum()
    assert found["to_turn"]["majority"] == pytest.approx(right / judged.sum())
    parts = [found[name]["accuracy"] for name in CONTENT]
    assert found["content"]["accuracy"] == pytest.approx(np.prod(parts) ** (1 / 3))


def test_rows_that_look_ahead_ask_for_the_state_after_more_actions(bench):
    y = labels(TASK, bench.given)
    exam = state_exam(TASK, bench.given, y, ahead=2)
    t = np.arange(TASK.longest - 1)
    counts = (t >= 1) & (t + 2 <= bench.given.lengths[:, None])
    np.testing.assert_array_equal((exam.fit | exam.judged).reshape(counts.shape), counts)
    np.testing.assert_array_equal(exam.labels.reshape(*counts.shape, -1), y[:, 2:])


def test_edits_are_those_of_single_runs(bench, params_P):
    turns = bench.batch.latents["to_turn"]
    cases = draw_cases(TASK, bench.given, turns, 0)
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2, 2, 3, 4, 16))
    scale = np.array([[1.0, 2.0, 3.0], [2.0, 1.0, 3.0]])
    found = effects(MODEL, params_P, cases, vectors, scale, (3.0,))
    every = np.arange(len(cases.place))
    for p, (kind, op) in itertools.product(range(2), [("none", 0.0), ("probe", 3.0)]):
        way = vectors[0, p, 1][cases.then] - vectors[0, p, 1][cases.now]
        push = op * scale[p, 1] * way / np.linalg.norm(way, axis=-1, keepdims=True)
        whole = np.zeros((len(every), TASK.length, 16), np.float32)
        whole[every, cases.place] = push
        edit = Edit("blocks/0/resid_post", "add", whole)
        logits, _ = run(MODEL, member(params_P, p), jnp.asarray(cases.tokens), edits=(edit,))
        hit = np.asarray(logits)[every, cases.place, -4:].argmax(-1) == cases.wanted
        wanted = found.filter(kind=kind, member=p)["wanted"].item()
        assert wanted == pytest.approx(hit[~cases.tune].mean())


class Untrained:
    """A run of two untrained networks, the second diverged, made up to be of two steps."""

    def __init__(self, params_P):
        self.params_P = jax.tree.map(lambda leaf: leaf.at[1].set(jnp.nan), params_P)

    def members(self, name):
        return pl.DataFrame({"member": [0, 1], "init_seed": [0, 1]})

    def dead_at(self, name):
        return np.array([-1, 3])

    def steps(self, name):
        return [0, 4]

    def params(self, name, step):
        return self.params_P


@pytest.mark.slow
@pytest.mark.slow
def test_claims_and_figures_of_networks_one_of_which_diverged(params_P):
    measures = measure(CONFIG, Untrained(params_P))
    for claim in claims.CLAIMS:
        found = claim.reading(measures)
        assert found.count("diverged") == 1, claim.key
        assert len(found.values) + found.count("undefined") == 1, claim.key
    with fig.style():
        assert set(pictures.draw(measures, CONFIG)) == set(pictures.CAPTIONS)


def test_losses_are_the_means_of_the_batch(bench, params_P):
    found = np.asarray(losses(MODEL, params_P, bench.batch))
    logits = np.asarray(jax.jit(MODEL.apply)(member(params_P, 1), jnp.asarray(bench.batch.inputs)))
    logp = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    picked = np.take_along_axis(logp, bench.batch.targets[..., None], -1)[:, TASK.prompt - 1 :, 0]
    assert found[1] == pytest.approx(-picked.mean(), rel=1e-5)


def test_correlations_over_training_of_values_and_of_changes():
    content, solved = np.array([0.1, 0.2, 0.6, 0.7]), np.array([0.0, 0.3, 0.4, 0.9])
    about = {"init_seed": [0] * 4, "step": range(4), "diverged": [False] * 4}
    probe = {"feature": "content", "layer": MEAN, "meaning": 0, "ahead": 0, "text": "own"}
    made = {
        "probes": pl.DataFrame(about | {"accuracy": content}).with_columns(
            source=pl.lit("network"), **{k: pl.lit(v) for k, v in probe.items()}
        ),
        "ends": pl.DataFrame(about | {"solved": solved}),
    }
    values = readings.together(changes=False)(made).values
    assert values == pytest.approx(np.corrcoef(content, solved)[0, 1])
    values = readings.together(changes=True)(made).values
    assert values == pytest.approx(np.corrcoef(np.diff(content), np.diff(solved))[0, 1])
    assert readings.squared(readings.together(changes=True))(made).values >= 0


def test_content_beside_what_the_other_networks_solve():
    content = np.array([[0.1, 0.2, 0.6, 0.7], [0.3, 0.1, 0.4, 0.9], [0.2, 0.5, 0.1, 0.6]])
    solved = np.array([[0.0, 0.3, 0.4, 0.9], [0.1, 0.2, 0.7, 0.5], [0.3, 0.4, 0.9, 0.8]])
    about = {"init_seed": np.repeat(range(3), 4), "step": [*range(4)] * 3, "diverged": [False] * 12}
    probe = {"feature": "content", "layer": MEAN, "meaning": 0, "ahead": 0, "text": "own"}
    made = {
        "probes": pl.DataFrame(about | {"accuracy": content.ravel()}).with_columns(
            source=pl.lit("network"), **{k: pl.lit(v) for k, v in probe.items()}
        ),
        "ends": pl.DataFrame(about | {"solved": solved.ravel()}),
    }
    over = np.array([[np.corrcoef(a, b)[0, 1] for b in solved] for a in content])
    others = (over.sum(1) - over.diagonal()) / 2
    assert readings.together(False, others=True)(made).values == pytest.approx(others)
    assert readings.together(False)(made).values == pytest.approx(over.diagonal())


def test_the_population_starts_and_ends_where_the_study_looks():
    found = populations(CONFIG)["main"]
    assert found.size == 2
    assert found.boundaries()[1] == (0, 1, 2, 3, 4)
    assert study.presets["paper"].world().length == 21


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"prompts": 0}, "prompts = 0"),
        ({"size": 1}, "size = 1"),
    ],
)
def test_bad_settings(settings, words):
    with pytest.raises(ToylabError, match=words):
        dataclasses.replace(CONFIG, **settings)
