"""Worlds whose tokens ahead are predicted, against sums over paths, tables and networkx."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

from tests.oracles.topic_chain import by_paths
from toylab.check.suite import check
from toylab.errors import ToylabError
from toylab.tasks.planning import star_graph, tied_pair, topic_chain
from toylab.tasks.planning.star_graph import StarGraph
from toylab.tasks.planning.tied_pair import TiedPair
from toylab.tasks.planning.topic_chain import TopicChain
from toylab.tasks.planning.windows import weights_ahead, windows

TASKS = [t for m in (topic_chain, tied_pair, star_graph) for t in m.examples()]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_tasks_keep_the_rules(task):
    assert all(r.ok for r in check(task)), [r for r in check(task) if not r.ok]


def draw(task, count, seed=0):
    return jax.jit(lambda key: task.batch(key, count))(jax.random.key(seed))


def test_windows_and_weights():
    tokens = np.arange(10) * 3
    found = np.asarray(windows(jnp.asarray(tokens), 4))
    assert found.shape == (6, 4)
    for t, j in itertools.product(range(6), range(4)):
        assert found[t, j] == tokens[t + 1 + j]
    np.testing.assert_allclose(weights_ahead(4, 0.8, 3), [1, 0.8, 0.64, 0], rtol=1e-6)
    assert weights_ahead(3, 0, 9).tolist() == [1, 0, 0]  # decay 0 leaves the next token
    assert weights_ahead(3, 1, jnp.float32(1)).tolist() == [1, 0, 0]  # a member's number


def test_filter_is_the_sum_over_topic_paths():
    task = TopicChain(4, 1, 5, 3, switch=0.3, local=0.4)
    tokens = np.asarray(draw(task, 6).latents["tokens"])
    topic, following = task.filtered(tokens)
    for b, t in itertools.product(range(6), (0, 2, 4)):
        belief, ahead = by_paths(tokens[b, : t + 1].tolist(), *task.rules, 0.3, 0.4)
        np.testing.assert_allclose(topic[b, t], belief, atol=1e-5)
        np.testing.assert_allclose(following[b, t], ahead, atol=1e-5)


def test_chains_are_drawn_as_stated():
    task = TopicChain(40, 1, 6, 3, switch=0.2, local=0.3)
    batch = draw(task, 3_000)
    topic, token = (np.asarray(batch.latents[name]) for name in ("topic", "tokens"))
    emit, follow = task.rules
    assert (topic[:, 1:] != topic[:, :-1]).mean() == pytest.approx(0.2 * 2 / 3, abs=0.005)
    np.testing.assert_allclose(np.bincount(topic[:, 0]) / 3_000, 1 / 3, atol=0.03)
    for c, x in itertools.product(range(3), range(6)):
        rows = (topic[:, 1:] == c) & (token[:, :-1] == x)
        if rows.sum() > 1_000:
            found = np.bincount(token[:, 1:][rows], minlength=6) / rows.sum()
            expected = 0.7 * emit[c] + 0.3 * np.eye(6)[follow[x]]
            np.testing.assert_allclose(found, expected, atol=0.05)


def test_information_of_a_pair_is_that_of_its_table():
    for task in (TiedPair(), TiedPair(5, 2, 0.4), TiedPair(3, 1, 1.0), TiedPair(4, 4, 0.0)):
        n = task.symbols
        joint = np.full((n, n), task.noise / n / n)
        joint[np.arange(n), (np.arange(n) + 1) % n] += (1 - task.noise) / n
        entropy = lambda p: -(p[p > 0] * np.log(p[p > 0])).sum()
        both, first, second = entropy(joint), entropy(joint.sum(1)), entropy(joint.sum(0))
        assert task.information() == pytest.approx(first + second - both, abs=1e-12)
        assert 2 * task.bayes_loss() == pytest.approx(both, abs=1e-12)
    batch = draw(TiedPair(noise=0.2), 20_000)
    pair, context = np.asarray(batch.targets)[:, 0], np.asarray(batch.latents["context"])
    tied = (pair[:, 0] + context + 1) % 8 == pair[:, 1]
    assert tied.mean() == pytest.approx(0.8 + 0.2 / 8, abs=0.01)


def test_paths_are_the_shortest_ones_of_the_graph():
    task = StarGraph(3, 3, 12, ahead=2)
    batch = draw(task, 30)
    edges, path = (np.asarray(batch.latents[name]) for name in ("edges", "path"))
    goal, centre = np.asarray(batch.inputs)[:, task.prompt - 2 : task.prompt].T
    for b in range(30):
        graph = nx.DiGraph([tuple(map(int, edge)) for edge in edges[b]])
        assert graph.out_degree(int(centre[b])) == 3
        assert nx.shortest_path(graph, int(centre[b]), int(goal[b]))[1:] == path[b].tolist()
    assert task.solves(path, edges, batch).all()
    wrong = path.copy()
    wrong[:, 0] = (wrong[:, 0] + 1) % 12
    assert not task.solves(wrong, edges, batch).any()
    weights = np.asarray(batch.weights)[0]
    assert weights[: task.prompt - 1].sum() == 0
    assert weights[task.prompt - 1 :].tolist() == [[1, 1], [1, 1], [1, 0]]


def test_arms_are_asked_for_alike():
    batch = draw(StarGraph(), 4_000)
    edges, path = (np.asarray(batch.latents[name]) for name in ("edges", "path"))
    centre = np.asarray(batch.inputs)[:, StarGraph().prompt - 1]
    first = edges[:, :, 0] == centre[:, None]
    earlier = edges[np.arange(4_000), first.argmax(1), 1]
    assert (earlier == path[:, 0]).mean() == pytest.approx(0.5, abs=0.03)


def test_a_wrong_batch_is_found():
    chain, star, pair = draw(TopicChain(5, 2), 3), draw(StarGraph(), 3), draw(TiedPair(noise=0), 3)
    spoiled = lambda batch: batch._replace(targets=(batch.targets + 1) % 5)
    assert not TopicChain(5, 2).consistent(spoiled(chain)).any()
    assert not StarGraph().consistent(star._replace(inputs=star.inputs[::-1])).all()
    assert not TiedPair(noise=0).consistent(spoiled(pair)).any()


def test_settings_that_make_no_world_are_refused():
    for make, told in (
        (lambda: TopicChain(ahead=0), "ahead = 0"),
        (lambda: TopicChain(decay=-0.1), r"decay = -0\.1"),
        (lambda: TopicChain(horizon=0), "horizon = 0"),
        (lambda: TopicChain(switch=1.5), r"switch = 1\.5"),
        (lambda: TopicChain(topics=1), "topics = 1"),
        (lambda: TiedPair(contexts=9), "contexts = 9"),
        (lambda: TiedPair(noise=2), "noise = 2"),
        (lambda: StarGraph(labels=6), "labels = 6"),
        (lambda: StarGraph(arms=1), "arms = 1"),
        (lambda: dataclasses.replace(StarGraph(), reach=0), "reach = 0"),
    ):
        with pytest.raises(ToylabError, match=told):
            make()
