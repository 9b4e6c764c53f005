"""Three vectors that multiply to a tensor, against the tensor itself and a closed form."""

import jax.numpy as jnp
import numpy as np
import pytest

from toylab.models.toys.three_vectors import contraction, descend, tensor_loss

RNG = np.random.default_rng(0)


def test_loss_is_that_of_the_tensor():
    made, answer = RNG.normal(size=(2, 3, 4))
    cube = lambda v: np.einsum("i,j,k->ijk", *v)
    expected = 0.5 * np.mean((cube(made) - cube(answer)) ** 2)
    given = [jnp.asarray(v, jnp.float32) for v in (made, answer)]
    assert float(tensor_loss(*given)) == pytest.approx(expected, rel=1e-4)


def test_one_vector_alone_falls_exponentially():
    answer_3D = jnp.asarray(RNG.normal(size=(3, 8)), jnp.float32)
    start_3D = answer_3D.at[0].set(0.1)
    loss_S = np.asarray(descend(start_3D, answer_3D, jnp.array([1.0, 0.0, 0.0]), 0.5, 60))
    rate = 1 - 0.5 * float(contraction(answer_3D))
    np.testing.assert_allclose(loss_S[1:20] / loss_S[:19], rate**2, rtol=1e-3)


def test_a_vector_that_is_not_trained_does_not_help():
    """Nothing is trained: the loss stays."""
    made, answer = (jnp.asarray(v, jnp.float32) for v in RNG.normal(size=(2, 3, 4)))
    loss_S = np.asarray(descend(made, answer, jnp.zeros(3), 1.0, 5))
    np.testing.assert_array_equal(loss_S, loss_S[0])
