"""The sides of the sampling benchmark draw from the same network; no test asserts a speed."""

import jax
import numpy as np
import pytest

from tests.models.test_transformer import draw
from toylab.benchmarks.countdown import Case, rows
from toylab.benchmarks.countdown_sides import Ours, model
from toylab.errors import ToylabError
from toylab.models.sampling import generate

SMALL = Case(context=20, batch=3, width=8, depth=2, heads=2, hidden=12, vocab=11)


def test_pytorch_draws_what_ours_draws():
    pytest.importorskip("torch")
    import torch

    from toylab.benchmarks.countdown_torch import Cached

    net = model(SMALL)
    params = draw(net)
    prompts = np.random.default_rng(0).integers(11, size=(3, SMALL.prompt))
    side = Cached()
    side.prepare(SMALL, params)
    theirs, their_logp = side.sample(torch.tensor(prompts.tolist()), greedy=True)
    ours = generate(net, params, prompts.astype(np.int32), SMALL.drawn, jax.random.key(0), 0)
    np.testing.assert_array_equal(ours[0], theirs.tolist())
    np.testing.assert_allclose(ours[1], their_logp.tolist(), rtol=0, atol=1e-4)
    side.run(1)
    assert side.made[0].shape == (3, SMALL.drawn)


def test_ours_makes_the_tokens_that_are_counted():
    side = Ours()
    side.prepare(("sampler", (SMALL,)))
    assert side.made[0].shape == (SMALL.batch, SMALL.drawn)
    side.prepare(("whole", (SMALL, 9)))
    assert side.made.shape == (SMALL.batch,)


@pytest.mark.slow
def test_updates_and_their_rollouts():
    side = Ours()
    side.prepare(("updates", (2, 2, True, 1, 8)))
    assert side.made[2].shape == (2, 2)
    side.prepare(("updates", (2, 2, False, 1, 8)))
    side.run(2)
    assert np.isfinite(side.made["loss"]).all()


@pytest.mark.parametrize(
    "wrong", [{"seconds": 0}, {"rounds": 0}, {"prompts": 0}, {"group": 1}, {"context": 4}]
)
def test_wrong_settings(wrong):
    with pytest.raises(ToylabError):
        rows(**wrong)
