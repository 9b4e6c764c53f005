"""Parts of speech: the law of words against the sampler, sequences against words, bad settings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chisquare

from tests.oracles.parts_of_speech import draw_word, spell
from toylab.errors import ToylabError
from toylab.tasks.dual_process.parts_of_speech import PartsOfSpeech

TASK = PartsOfSpeech(20, 4, skew=1.2, ambiguous=0.5)


def test_the_law_is_that_of_the_sampler():
    rng = np.random.default_rng(0)
    p, ambiguous = 1 / np.arange(1, 11) ** 1.2, np.asarray(TASK.is_ambiguous())
    p = p / p.sum()
    np.testing.assert_allclose(TASK.frequencies(), p, rtol=1e-5)
    law = np.asarray(TASK.law())
    np.testing.assert_allclose(law.sum(1), 1, rtol=1e-5)
    for kind in (0, 1):
        drawn = [draw_word(rng, p, ambiguous, kind) for _ in range(20_000)]
        counts = np.bincount([k * 10 + rank for k, rank in drawn], minlength=20)
        seen = law[kind] > 0
        assert not counts[~seen].any()
        expected = law[kind][seen].astype(np.float64)
        assert chisquare(counts[seen], expected / expected.sum() * 20_000).pvalue > 1e-4


def test_samples_follow_the_law_and_never_show_held_out_words():
    batch = jax.jit(lambda key: TASK.batch(key, 20_000))(jax.random.key(0))
    for kind, name in enumerate(("noun", "adj")):
        counts = np.bincount(np.asarray(batch.latents[name]), minlength=20)
        law = np.asarray(TASK.law())[kind].astype(np.float64)
        seen = law > 0
        assert chisquare(counts[seen], law[seen] / law.sum() * 20_000).pvalue > 1e-4
    assert not np.isin(np.asarray(batch.inputs), TASK.held).any()
    assert TASK.held.tolist() == [22, 23, 24, 25] and TASK.vocab == 26
    for name in ("noun_first", "asks_noun"):
        assert np.asarray(batch.latents[name]).mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("noun_first", [0, 1])
@pytest.mark.parametrize("asks_noun", [0, 1])
def test_sequences_are_those_of_the_words(noun_first: int, asks_noun: int):
    words = {3: "noun", 14: "adj", TASK.cop: "cop", TASK.mask: "mask"}
    batch = TASK.arrange(*(jnp.int32(x) for x in (3, 14, noun_first, asks_noun)))
    inputs, targets = spell("noun", "adj", noun_first, asks_noun)
    assert [words[t] for t in np.asarray(batch.inputs).tolist()] == inputs
    assert [words[t] for t in np.asarray(batch.targets).tolist()] == targets
    assert np.asarray(batch.weights).tolist() == [0, 0, 0, 0, 1, 1, 1]


@pytest.mark.parametrize(("share", "count"), [(0.01, 1), (0.1, 2), (0.5, 10), (1.0, 20)])
def test_each_fifth_has_its_share_of_ambiguous_words(share: float, count: int):
    task = PartsOfSpeech(200, ambiguous=share)
    marked = np.asarray(task.is_ambiguous())
    for b in range(5):
        assert (marked[:, task.bins() == b].sum(1) == count).all()


def test_bad_settings_are_refused():
    for wrong, text in (
        ({"n_words": 21}, "is odd"),
        ({"held_out": 0}, "held_out = 0"),
        ({"skew": -1.0}, "skew = -1"),
        ({"ambiguous": 0.0}, "ambiguous = 0"),
    ):
        with pytest.raises(ToylabError, match=text):
            PartsOfSpeech(**wrong)
