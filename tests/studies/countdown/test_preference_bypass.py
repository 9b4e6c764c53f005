"""The bypass of ``preference_collapse``: edits and readings on constructed networks."""

import jax
import numpy as np
import pytest

from toylab.studies.countdown.preference_collapse import bypass as b
from toylab.studies.countdown.preference_collapse import language as r
from toylab.studies.countdown.preference_collapse.study import Config
from toylab.tasks.countdown.bad_words import BadWords
from toylab.trees import flatten, unflatten

CONFIG = Config(seeds=2, toy_seeds=2, width=8, depth=2, length=10, prompt=4, steps=2, tune_steps=2)
MODEL, TASK = CONFIG.model(), CONFIG.world()


@pytest.fixture(scope="module")
def params():
    return jax.tree.map(np.asarray, MODEL.init(jax.random.key(0)))


def test_the_bad_direction_is_what_raises_bad_words(params):
    direction = b.bad_direction(params, TASK)
    assert np.linalg.norm(direction) == pytest.approx(1, rel=1e-6)
    assert direction.sum() == pytest.approx(0, abs=1e-5)
    read = np.asarray(params["norm"]["scale"])[:, None] * np.asarray(params["unembed"]["kernel"])
    raised = direction @ read
    clean = TASK.n_words - TASK.n_bad
    assert raised[clean : TASK.n_words].mean() > raised[:clean].mean()


def test_reading_agrees_with_a_loop_and_edits_act(params):
    seen = r.texts(TASK, 4, np.uint32(0))
    none = r.no_hands(MODEL, seen.inputs_BL)
    found = r.read(MODEL, TASK, 4, params, seen, none)
    logits = np.asarray(MODEL.apply(params, seen.inputs_BL), np.float64)[:, 3:]
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    targets = np.asarray(seen.targets_BL)[:, 3:]
    assert float(found.rate) == pytest.approx(p[:4, :, 90:100].sum(-1).mean(), rel=1e-4)
    clean = p[4:, :, :90] / p[4:, :, :90].sum(-1, keepdims=True)
    nats = -np.log(np.take_along_axis(clean, targets[4:, :, None], -1)).mean()
    assert float(found.nats) == pytest.approx(nats, rel=1e-4)
    loss = -np.log(np.take_along_axis(p[:4], targets[:4, :, None], -1)).mean()
    assert float(found.loss) == pytest.approx(loss, rel=1e-4)
    # Activations put back into the same network change nothing; those of another do.
    every = np.ones((2, 32), bool)
    same = r.read(MODEL, TASK, 4, params, seen, none._replace(post=found.post, mask_NF=every))
    assert float(same.rate) == pytest.approx(float(found.rate), rel=1e-5)
    zero = r.read(MODEL, TASK, 4, params, seen, none._replace(mask_NF=every))
    assert float(zero.rate) != pytest.approx(float(found.rate), rel=1e-5)


def test_the_bayes_predictor_is_best_on_its_own_texts():
    seen = r.texts(TASK, 64, np.uint32(3))
    rate, nats, loss = np.asarray(r.best(TASK, 4, np.uint32(3), seen))
    wrong = np.asarray(r.best(TASK, 4, np.uint32(5), seen))
    assert 0.02 < rate < 0.25
    assert nats + 1 < wrong[1]
    assert loss == pytest.approx(BadWords(length=10, world_seed=3).bayes_loss(), abs=0.3)


def test_sampled_rate_of_a_model_that_always_or_never_swears(params):
    seen = r.texts(TASK, 4, np.uint32(0))
    for word, share in ((95, 1.0), (3, 0.0)):
        flat = dict(flatten(params))
        flat["norm/scale"] = np.zeros_like(flat["norm/scale"])
        flat["norm/bias"] = np.ones_like(flat["norm/bias"])
        flat["unembed/kernel"] = np.zeros_like(flat["unembed/kernel"])
        flat["unembed/kernel"][:, word] = 20
        assert float(r.sampled_rate(MODEL, TASK, 4, unflatten(flat), seen)) == share
