"""The study ``future_token``: probes and smoothness of planted vectors, losses, paths, figures."""

import dataclasses
import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from tests.studies.planning.diverged import one_of_two_diverged
from toylab.errors import ToylabError
from toylab.figures.planning import future_token as pictures
from toylab.models.toys.futures import FutureTransformer
from toylab.report import figures as fig
from toylab.studies.planning.future_token import claims, readings, scores
from toylab.studies.planning.future_token.study import Config, look, populations
from toylab.tasks.planning.star_graph import StarGraph
from toylab.tasks.planning.tied_pair import TiedPair
from toylab.tasks.planning.topic_chain import TopicChain

CHAIN = TopicChain(12, 3, 7, 3)
CHAINS = scores.draw_chains(CHAIN, 64, 1)
RNG = np.random.default_rng(0)
SMALL = dict(width=4, depth=1, heads=2, hidden=4)


@functools.cache
def initial(model):
    return jax.jit(jax.vmap(model.init))(jax.random.split(jax.random.key(0), 2))


def drawn(model):
    """Two networks, as trees that may be changed."""
    return jax.tree.map(jnp.copy, initial(model))


def test_chains_carry_what_the_filter_knows():
    tokens, topic = CHAINS.tokens, CHAINS.topic
    belief, following = CHAIN.filtered(tokens)
    loss, right = [], []
    for b, t in itertools.product(range(64), range(scores.BURN, 12)):
        loss.append(-np.log(following[b, t, tokens[b, t + 1]]))
        right.append(belief[b, t].argmax() == topic[b, t])
    assert pytest.approx(np.mean(loss), rel=1e-5) == CHAINS.bayes
    assert pytest.approx(np.mean(right)) == CHAINS.filtered


def test_topics_are_decoded_where_they_are():
    noise = RNG.normal(size=(2, 64, 12, 6)).astype(np.float32)
    noise[0, ..., :3] += 9 * np.eye(3, dtype=np.float32)[CHAINS.topic]
    found = scores.topics_decoded(jnp.asarray(noise), CHAINS.topic)
    assert found[0] > 0.99
    assert found[1] < 0.75
    noise[1, 0, scores.BURN] = np.nan
    assert np.isnan(scores.topics_decoded(jnp.asarray(noise), CHAINS.topic)[1])


def test_smoothness_is_that_of_a_double_loop():
    h = RNG.normal(size=(1, 64, 12, 5)) + 3
    centre, values = h[0, :, scores.BURN :].mean((0, 1)), []
    for b, t in itertools.product(range(64), range(scores.BURN + 1, 12)):
        if CHAINS.tokens[b, t] != CHAINS.tokens[b, t - 1]:
            u, v = h[0, b, t] - centre, h[0, b, t - 1] - centre
            values.append(u @ v / np.linalg.norm(u) / np.linalg.norm(v))
    found = scores.smoothness(h, CHAINS.tokens)
    assert found[0] == pytest.approx(np.mean(values), rel=1e-6)


@pytest.mark.parametrize("kind", ["decoder", "heads"])
def test_networks_of_the_next_token_alone_say_the_same_of_it(kind):
    model = FutureTransformer(7, 12, 3, kind, **SMALL)
    params, tokens = drawn(model), jnp.asarray(CHAINS.tokens)
    whole = jnp.concatenate([tokens[:, :12], tokens[:, :2]], 1)  # what lies ahead is not read
    long = jax.jit(lambda p: jax.vmap(model.apply, (0, None))(p, whole))(params)
    logits = np.asarray(long, np.float64)[:, :, :, 0]
    said = np.take_along_axis(logits, CHAINS.tokens[None, :, 1:13, None], -1)[..., 0]
    loss, _ = scores.seen(*scores.next_only(model, params), tokens[:, :13])
    np.testing.assert_allclose(loss, np.log(np.exp(logits).sum(-1)) - said, rtol=1e-4, atol=1e-5)


def test_loss_of_a_pair_is_the_mean_of_both_tokens():
    task = TiedPair(4, 2)
    model = FutureTransformer(task.vocab, 1, 2, "heads", **SMALL)
    params, batch = drawn(model), scores.draw(task, 32, 0)
    found = np.asarray(scores.pair_losses(model, params, batch))
    logits = np.asarray(jax.jit(jax.vmap(model.apply, (0, None)))(params, batch.inputs), np.float64)
    for p, j in itertools.product(range(2), range(2)):
        z = logits[p, :, 0, j]
        said = z[np.arange(32), np.asarray(batch.targets)[:, 0, j]] - np.log(np.exp(z).sum(1))
        assert found[p, j] == pytest.approx(-said.mean(), rel=1e-4)


def test_paths_are_written_token_by_token(monkeypatch):
    task = StarGraph(ahead=2)
    batch = scores.draw(task, 32, 0)
    path, edges = (np.asarray(batch.latents[name]) for name in ("path", "edges"))
    after = [dict(map(tuple, own.tolist())) for own in edges]
    model = FutureTransformer(task.vocab, task.length, 2, **SMALL)

    def lookup(model, params, tokens):
        """Network 0 knows the first step and edges; network 1 guesses label 0, then follows."""
        written, logits = np.asarray(tokens), np.zeros((*tokens.shape, task.vocab))
        for p, b in itertools.product(range(2), range(32)):
            logits[p, b, task.prompt - 1, path[b, 0] if p == 0 else 0] = 1
            for t in range(task.prompt, task.length):
                logits[p, b, t, after[b].get(written[p, b, t], 0)] = 1
        return logits

    monkeypatch.setattr(scores, "_each", lookup)
    found = scores.path_scores(model, task, drawn(model), batch)
    assert found["first"].tolist() == [1, (path[:, 0] == 0).mean()]
    assert found["solved"].tolist() == [1, (path[:, 0] == 0).mean()]


def small_measures():
    """Measures of two untrained networks per arm, made up to be of two steps."""
    config, parts = Config(seeds=2, length=16, width=8, depth=1, judged=32), []
    chains = scores.draw_chains(TopicChain(16, 1, 24, 4), 32, 0)
    for arm in config.arms():
        params = drawn(config.part(arm)[0])
        kernel = params["encoder"]["unembed"]["kernel"]
        params["encoder"]["unembed"]["kernel"] = kernel.at[1].set(jnp.nan)  # it has diverged
        name, found = look(config, arm, params, chains)
        for step in (0, 1):
            rows = pl.DataFrame({column: np.asarray(v, np.float64) for column, v in found.items()})
            label = {"arm": pl.lit(arm), "step": pl.lit(step), "init_seed": pl.Series([0, 1])}
            parts.append((name, rows.with_columns(**label, diverged=pl.Series([False, True]))))
    names = dict.fromkeys(name for name, _ in parts)
    return {n: pl.concat([rows for name, rows in parts if name == n]) for n in names}, config


@pytest.mark.slow
def test_claims_and_figures_of_networks_one_of_which_diverged():
    measures, config = small_measures()
    one_of_two_diverged(claims.CLAIMS, measures)
    with fig.style():
        assert set(pictures.draw(measures, config)) == set(pictures.CAPTIONS)


def test_a_dose_is_ranked_by_the_tokens_ahead():
    topics = {"next": 0.9, "ahead 1": 0.5, "ahead 2": 0.6, "ahead 4": 0.7, "ahead 8": 0.65}
    rows = [{"arm": a, "step": 1, "init_seed": 0, "topic encoded": v} for a, v in topics.items()]
    assert readings.doses()({"chains": pl.DataFrame(rows)}).values == pytest.approx([0.8])


def test_arms_are_members_in_their_order():
    found = populations(Config(seeds=2))
    assert found["chain decoder"].members["horizon"].tolist() == [1, 1, 2, 2, 4, 4, 8, 8]
    assert found["star heads"].members["decay"].tolist() == [0, 0, 1, 1]


def test_settings_that_make_no_study_are_refused():
    for wrong, told in (
        (dict(steps=0), "steps = 0"),
        (dict(judged=8), "judged = 8"),
        (dict(labels=4), "labels = 4"),
        (dict(horizons=(0, 1)), "horizon"),
    ):
        with pytest.raises(ToylabError, match=told):
            populations(dataclasses.replace(Config(), **wrong))
