"""Head scores on hand-made patterns, against loops and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.heads import (
    induction_score,
    prefix_matching_score,
    previous_token_score,
    sink_score,
)
from toylab.errors import ToylabError

RNG = np.random.default_rng(0)
L, T = 8, 4


def attend(keys):
    """A pattern (1, L, L) in which query t attends to key keys[t] only."""
    return jnp.asarray(np.eye(len(keys), dtype=np.float32)[np.asarray(keys)][None])


def causal(*lead, length=L):
    pattern = np.tril(RNG.random((*lead, length, length))).astype(np.float32)
    return pattern / pattern.sum(-1, keepdims=True)


def even(length=L):
    return jnp.asarray((np.tri(length) / np.arange(1, length + 1)[:, None])[None], jnp.float32)


PREVIOUS = attend([0, 0, 1, 2, 3, 4, 5, 6])
INDUCTION = attend([0, 0, 0, 0, 1, 2, 3, 4])  # query 4 repeats token 0 and looks at place 1
SINK = attend([0] * L)
SELF = attend(range(L))


def test_hand_made_heads_score_one_on_their_own_score_only():
    heads = jnp.concatenate([PREVIOUS, INDUCTION, SINK, SELF])
    previous = previous_token_score(heads)
    np.testing.assert_allclose(previous, [1, 1 / 7, 1 / 7, 0], rtol=1e-6)
    np.testing.assert_array_equal(induction_score(heads, T), [0, 1, 0, 0])
    np.testing.assert_allclose(sink_score(heads), [1 / 7, 3 / 7, 1, 0], rtol=1e-6)


def test_even_attention_in_closed_form():
    places = np.arange(1, L + 1)
    assert previous_token_score(even())[0] == pytest.approx(np.mean(1 / places[1:]))
    assert induction_score(even(), T)[0] == pytest.approx(np.mean(1 / places[T:]))
    assert sink_score(even())[0] == pytest.approx(np.mean(1 / places[1:]))
    assert sink_score(even(), sink=3)[0] == pytest.approx(np.mean(1 / places[4:]))


def test_scores_agree_with_loops_and_keep_leading_axes():
    pattern = causal(2, 3, 4)
    for i in np.ndindex(2, 3, 4):
        a = pattern[i]
        assert previous_token_score(pattern)[i] == pytest.approx(
            np.mean([a[t, t - 1] for t in range(1, L)])
        )
        for period, start in ((4, 0), (3, 1), (2, 2)):
            known = np.mean([a[t, t - period + 1] for t in range(start + period, L)])
            assert induction_score(pattern, period, start)[i] == pytest.approx(known)


def test_the_published_setting_looks_31_back():
    pattern = causal(1, length=64)
    known = np.mean([pattern[0, t, t - 31] for t in range(32, 64)])
    assert induction_score(pattern, 32)[0] == pytest.approx(known)


def test_prefix_matching_agrees_with_a_loop():
    tokens = RNG.integers(0, 4, (3, L)).astype(np.int32)
    pattern = causal(2, 3, 5)
    got = prefix_matching_score(pattern, tokens)
    assert got.shape == (2, 5)
    for lead, head in np.ndindex(2, 5):
        found = []
        for b in range(3):
            for t in range(L):
                copies = [j for j in range(t) if tokens[b, j] == tokens[b, t]]
                if copies:
                    found.append(sum(pattern[lead, b, head, t, j + 1] for j in copies))
        assert got[lead, head] == pytest.approx(np.mean(found), rel=1e-5)


def test_prefix_matching_is_the_induction_score_on_a_repeated_sequence():
    tokens = np.tile(np.arange(T, dtype=np.int32), 2)[None]
    pattern = causal(1, 3)
    np.testing.assert_allclose(
        prefix_matching_score(pattern, tokens), induction_score(pattern, T)[0], rtol=1e-5
    )
    assert np.isnan(prefix_matching_score(pattern, np.arange(L, dtype=np.int32)[None])).all()


def test_sink_over_chosen_queries():
    # Active on places 3 and 5, where it looks back; dormant elsewhere.
    head = attend([0, 0, 0, 2, 0, 4, 0, 0])
    triggers = np.isin(np.arange(L), (3, 5))
    assert sink_score(head, queries=triggers)[0] == 0
    assert sink_score(head, queries=~triggers)[0] == 1
    assert np.isnan(sink_score(head, queries=np.arange(L) == 0)[0])
    pattern, mask = causal(2, 3), RNG.random((2, L)) < 0.6
    for b, h in np.ndindex(2, 3):
        known = np.mean([pattern[b, h, t, 1] for t in range(2, L) if mask[b, t]])
        assert sink_score(pattern, 1, mask)[b, h] == pytest.approx(known, rel=1e-5)


def test_scores_can_be_jitted():
    pattern = causal(2, 3)
    got = jax.jit(lambda a: (previous_token_score(a), induction_score(a, T), sink_score(a)))(
        pattern
    )
    known = previous_token_score(pattern), induction_score(pattern, T), sink_score(pattern)
    for a, b in zip(got, known, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: previous_token_score(jnp.ones((4, 4))), r"\(\.\.\., H, L, L\)"),
        (lambda: previous_token_score(jnp.ones((1, 4, 3))), "shape"),
        (lambda: previous_token_score(jnp.ones((1, 1, 1))), "2 at least"),
        (lambda: induction_score(SELF, 8), "9 at least"),
        (lambda: induction_score(SELF, 1), "period = 1"),
        (lambda: sink_score(SELF, 7), "9 at least"),
        (lambda: sink_score(SELF, -1), "sink = -1"),
        (lambda: sink_score(SELF, queries=jnp.ones((L,), jnp.float32)), "booleans"),
        (lambda: sink_score(SELF, queries=jnp.ones((2, L), bool)), "booleans"),
        (lambda: prefix_matching_score(SELF, jnp.zeros((1, L), jnp.int32)), "B, L"),
    ],
)
def test_errors_name_what_is_wrong(call, words):
    with pytest.raises(ToylabError, match=words):
        call()
