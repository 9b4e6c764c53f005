"""Communication scores: the null's exact law, shares that add up, and the library's composition."""

import jax
import numpy as np
import pytest

from toylab.analysis.circuits import composition, ov_circuit, qk_circuit
from toylab.analysis.circuits.communication import communication, components, rotation_null
from toylab.errors import ToylabError
from toylab.models import Transformer

RNG = np.random.default_rng(0)
WRITER = RNG.normal(size=(9, 3)) @ RNG.normal(size=(3, 8))
READER = RNG.normal(size=(8, 2)) @ RNG.normal(size=(2, 5))


@pytest.mark.parametrize("rank", [1, 3])
def test_rotations_give_one_over_the_width(rank: int):
    writer = np.linalg.svd(WRITER)[0][:, :rank] @ WRITER[:rank]
    null = rotation_null(writer, READER, 20_000)
    square = null**2
    error = square.std() / len(square) ** 0.5
    assert square.mean() == pytest.approx(1 / 8, abs=4 * error)
    assert null.max() <= 1


def test_a_rotation_is_one_of_the_matrices_themselves():
    turn = np.linalg.qr(RNG.normal(size=(8, 8)))[0]
    _, s, v = np.linalg.svd(WRITER, full_matrices=False)
    a, t, _ = np.linalg.svd(READER, full_matrices=False)
    square = np.einsum("ij,i,j->", (v @ turn @ a) ** 2, s**2, t**2)
    expected = np.sqrt(square / ((s**2).sum() * (t**2).sum()))
    assert communication(WRITER @ turn, READER) == pytest.approx(expected)


def test_shares_add_up_and_cutting_all_leaves_nothing():
    found = components(WRITER, READER)
    assert len(found.shares) == 3 and found.shares.sum() == pytest.approx(1)
    assert (np.diff(found.shares) <= 0).all()
    first = WRITER - WRITER @ np.outer(found.written[0], found.written[0])
    left = np.linalg.norm(first @ READER) ** 2 / np.linalg.norm(WRITER @ READER) ** 2
    assert left == pytest.approx(1 - found.shares[0])
    one = communication(np.outer(np.ones(2), found.written[1]), READER)
    assert found.scores[1] == pytest.approx(one)


def test_whole_heads_are_composition():
    model = Transformer(vocab=5, length=4, width=8, depth=2, heads=2, norm="layer")
    params = model.init(jax.random.key(0))
    wrote, reads = ov_circuit(model, params, 0), qk_circuit(model, params, 1)
    scores = composition(model, params, "k").scores[0, :, 1]
    for pair in np.ndindex(2, 2):
        found = communication(np.asarray(wrote[pair[0]]), np.asarray(reads[pair[1]]).T)
        assert found == pytest.approx(float(scores[pair]), rel=1e-4)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ToylabError, match=r"a writer \(9, 8\) and a reader \(5, 8\)"):
        communication(WRITER, READER.T)
    with pytest.raises(ToylabError, match="neither all zeros"):
        components(0 * WRITER, READER)
