"""Progress measures against NumPy's own Fourier transform and networks built by hand."""

import jax.numpy as jnp
import numpy as np
import pytest

from toylab.tasks.grokking.modular import ModularArithmetic
from toylab.tasks.grokking.theory.fourier import (
    answer_share,
    cosine_logits,
    cosine_shares,
    excluded,
    gini,
    key_frequencies,
    loss_on,
    neuron_shares,
    other_frequencies,
    restricted,
    spectrum,
    wave_parts,
    waves,
)

P = 11
TASK = ModularArithmetic(p=P, fraction=0.5)
PAIRS, ANSWERS = TASK.table()
X, Y = PAIRS.T


def clock(amplitudes):
    """Logits of the circuit itself: sum of a_k cos(w_k (r - c))."""
    gap = ANSWERS[:, None] - np.arange(P)
    parts = [a * np.cos(2 * np.pi * k * gap / P) for k, a in amplitudes.items()]
    return jnp.asarray(sum(parts), jnp.float32)


def mask(*keys):
    return jnp.asarray(np.isin(np.arange(1, (P - 1) // 2 + 1), keys))


def test_spectrum_agrees_with_the_fft():
    table = np.random.default_rng(0).standard_normal((P, 3))
    power = np.abs(np.fft.rfft(table, axis=0)[1:]) ** 2 * 2 / P
    np.testing.assert_allclose(
        spectrum(jnp.asarray(table, jnp.float32)), np.sqrt(power.sum(1)), rtol=1e-5
    )


def test_waves_are_orthonormal():
    flat = np.asarray(waves(np.arange(P), P)).reshape(-1, P)
    np.testing.assert_allclose(flat @ flat.T, np.eye(len(flat)), atol=1e-6)


@pytest.mark.parametrize("values", [[1.0, 1.0, 1.0], [0.0, 0.0, 6.0], [1.0, 2.0, 4.0]])
def test_gini_agrees_with_the_area_under_the_lorenz_curve(values):
    ordered = np.sort(values)
    lorenz = np.concatenate([[0], np.cumsum(ordered) / np.sum(ordered)])
    area = np.sum((lorenz[1:] + lorenz[:-1]) / 2) / len(values)
    np.testing.assert_allclose(gini(jnp.asarray(values, jnp.float32)), 1 - 2 * area, atol=1e-6)


def test_the_logits_of_a_circuit_are_all_explained():
    logits = clock({2: 3.0, 4: 1.0}) + jnp.asarray(
        np.random.default_rng(0).random((P * P, 1)), "f4"
    )
    np.testing.assert_allclose(cosine_shares(logits, ANSWERS), [0, 0.9, 0, 0.1, 0], atol=1e-5)


def test_restricted_and_excluded_take_a_circuit_apart():
    noise = jnp.asarray(np.random.default_rng(1).standard_normal(P) * 0.3, jnp.float32)
    logits = clock({1: 2.0, 3: 5.0}) + noise[None]
    np.testing.assert_allclose(
        restricted(logits, ANSWERS, mask(3)), clock({3: 5.0}) + noise[None], atol=1e-4
    )
    np.testing.assert_allclose(
        excluded(logits, ANSWERS, mask(3)), clock({1: 2.0}) + noise[None], atol=1e-4
    )
    np.testing.assert_allclose(
        jnp.sum(wave_parts(logits, ANSWERS), 0) + noise[None], logits, atol=1e-4
    )


def test_neurons_of_one_frequency_are_told_from_mixtures():
    one = np.cos(2 * np.pi * 2 * X / P) * np.cos(2 * np.pi * 2 * Y / P + 0.3) + 1
    mixed = np.cos(2 * np.pi * X / P) + np.cos(2 * np.pi * 3 * Y / P)
    crossed = np.cos(2 * np.pi * X / P) * np.cos(2 * np.pi * 3 * Y / P)  # in no single block
    shares = neuron_shares(jnp.asarray(np.stack([one, mixed, crossed], 1), jnp.float32), X, Y, P)
    expected = [[0, 1, 0, 0, 0], [0.5, 0, 0.5, 0, 0], [0, 0, 0, 0, 0]]
    np.testing.assert_allclose(shares, expected, atol=1e-5)
    np.testing.assert_array_equal(key_frequencies(shares, 0.3), [False, True, False, False, False])


def test_loss_on_some_rows():
    rows = jnp.asarray(np.arange(P * P) < 10)
    found = loss_on(jnp.zeros((P * P, P), jnp.float32), jnp.asarray(ANSWERS), rows)
    np.testing.assert_allclose(found, np.log(P), rtol=1e-6)


def test_memorised_answers_are_no_circuit():
    rng = np.random.default_rng(4)
    train = rng.random(len(ANSWERS)) < 0.5
    said = np.where(train, ANSWERS, (ANSWERS + rng.integers(1, P, len(ANSWERS))) % P)
    memorised, every = jnp.asarray(40 * np.eye(P)[said], jnp.float32), np.ones(len(train), bool)
    half, key = np.log(P) / 2, mask(1, 2, 3, 4, 5)
    assert loss_on(restricted(memorised, ANSWERS, key), ANSWERS, every) < half
    held_out = cosine_logits(memorised, ANSWERS, key, jnp.asarray(~train))
    assert loss_on(held_out, ANSWERS, every) > np.log(P)


def test_a_circuit_is_found_on_any_rows():
    logits, key = clock({2: 3.0, 5: 1.0}), mask(2)
    some = jnp.asarray(np.arange(len(ANSWERS)) % 3 == 0)
    found = cosine_logits(logits + 7, ANSWERS, key, some)
    np.testing.assert_allclose(found, clock({2: 3.0}), atol=1e-4)


def test_answer_share_is_one_for_logits_of_the_distance_to_the_answer():
    rng = np.random.default_rng(0)
    answers = rng.integers(0, 7, 40)
    shape = rng.normal(size=7)
    shape -= shape.mean()
    logits = np.stack([np.roll(shape, a) for a in answers]).astype(np.float32)
    share = answer_share(jnp.asarray(logits), jnp.asarray(answers, jnp.int32))
    np.testing.assert_allclose(share, 1, rtol=1e-5)
    noise = rng.normal(size=(40, 7)).astype(np.float32)
    projected = np.mean([np.roll(noise[i], -a) for i, a in enumerate(answers)], 0)
    expected = 40 * (projected**2).sum() / (noise**2).sum()
    share = answer_share(jnp.asarray(noise), jnp.asarray(answers, jnp.int32))
    np.testing.assert_allclose(share, expected, rtol=1e-5)


def test_the_control_frequencies_are_others_and_as_many():
    key = np.zeros((3, 10), bool)
    key[0, [1, 2]] = key[1, :7] = True
    chosen = other_frequencies(key)
    assert not (chosen & key).any()
    np.testing.assert_array_equal(chosen.sum(1), [2, 3, 0])  # of ten, seven are key: three are left
