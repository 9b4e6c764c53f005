"""What neurons read and write, of the exact model of absolute values and of the paper's motif."""

import numpy as np
import pytest

from tests.oracles.neurons import absolute_model, motif_model
from toylab.tasks.superposition.neurons import (
    live,
    log_pairs,
    motifs,
    own_neurons,
    participation,
    second_share,
    shuffled,
)


def test_neurons_of_the_exact_model() -> None:
    params = absolute_model(3)
    assert own_neurons(params["W"]) == 1.0
    assert own_neurons(params["W"][:4]) == pytest.approx(4 / 6)
    assert own_neurons(np.ones((6, 3))) == 0.0
    assert live(params["W"], params["V"]).all()
    assert not live(params["W"], params["V"] * 0.05).any()
    assert (second_share(params["W"]) == 0).all()
    assert participation(params["W"]) == pytest.approx(np.ones(6))
    both = [np.stack([params[name], 0.01 * params[name]]) for name in ("W", "V")]
    assert live(*both).tolist() == [[True] * 6, [False] * 6]
    assert participation(np.ones((2, 5))) == pytest.approx([5, 5])
    assert participation(np.ones((2, 5)), axis=-2) == pytest.approx(np.full(5, 2))


def test_motif_is_found_and_inhibited() -> None:
    W, V, b = motif_model()
    assert motifs(W, V, b) == pytest.approx(np.array([[0, 0, 1, 2 * 2 - 5]]))
    V[1, 1] = -3.0  # interference 4 - 3 stays positive
    assert motifs(W, V, b)[0, 3] == pytest.approx(1)
    scaled = motifs(W * np.array([[3.0], [1], [1]]), V / np.array([3.0, 1, 1]), b)
    assert scaled == pytest.approx(motifs(W, V, b))


def test_no_motif_without_asymmetry_or_opposite_signs() -> None:
    W, V, b = motif_model()
    assert len(motifs(np.abs(W), V, b)) == 0
    even_W, even_V = W.copy(), V.copy()
    even_W[0], even_V[:, 0] = (1, -1, 0), (1, 1, 0)
    assert len(motifs(even_W, even_V, b)) == 0
    swapped = V.copy()
    swapped[:2, 0] = (2, 0.5)  # written as strongly as read
    assert len(motifs(W, swapped, b)) == 0


def test_shuffle_permutes_only_what_a_neuron_reads() -> None:
    W, V, _ = motif_model()
    mixed = [shuffled(W, V, np.random.default_rng(i)) for i in range(20)]
    assert any((m[:2, 0] == (2, 0.5)).all() for m in mixed)
    for m in mixed:
        assert sorted(m[:2, 0]) == [0.5, 2.0]
        assert (m[:, 1:] == V[:, 1:]).all() and m[2, 0] == V[2, 0]


def test_log_pairs_of_the_motif_are_opposed() -> None:
    W, V, _ = motif_model()
    x, y = log_pairs(W, V)
    assert x == pytest.approx([np.log(2), -np.log(2)])
    assert y == pytest.approx(-x)
    assert log_pairs(np.eye(3), np.eye(3)).shape == (2, 0)
