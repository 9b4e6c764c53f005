"""The form of quadratic networks, on analytic weights."""

import jax.numpy as jnp
import numpy as np
import pytest

from toylab.tasks.grokking.modular import POLYNOMIALS
from toylab.tasks.grokking.quadratic import (
    additive_form,
    analytic_weights,
    concentration,
    coordinates,
)
from toylab.tasks.grokking.theory.quadratic_form import (
    answers_in_order,
    cut_accuracy,
    network_form,
    ordered_rows,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def params_of(weights):
    """A network's parameters, as the trained model holds them."""
    first = np.concatenate([weights.U, weights.V])
    return {
        "layers": {"0": {"kernel": jnp.asarray(first)}, "1": {"kernel": jnp.asarray(weights.W)}}
    }


@pytest.mark.parametrize("operation", ["x+y", "x-y", "x*y"])
def test_analytic_networks_have_the_form_in_its_coordinates(operation):
    weights = analytic_weights(additive_form(23, operation), 60, seed=5)
    rows = np.stack(ordered_rows(params_of(weights), 23, operation))
    facts, phi_3N, _ = network_form(rows, seed=0)
    assert facts["participation"] == pytest.approx(1, abs=1e-4)
    assert facts["concentration"] == pytest.approx(1, abs=1e-5)
    assert facts["shuffled"] < 0.25 and facts["live"] == 1
    assert concentration(phi_3N[0]) < 0.4


@pytest.mark.parametrize("operation", ["x+y", "x-y", "x*y", "x^3+xy"])
def test_places_of_answers_are_those_of_the_table(operation):
    x, y, q = coordinates(11, operation)
    places = answers_in_order(11, operation)
    for s in range(len(x)):
        for t in range(len(y)):
            assert q[places[s, t]] == POLYNOMIALS[operation](x[s], y[t]) % 11
            if operation != "x^3+xy":
                assert places[s, t] == (s + t) % len(q)


def test_cutting_keeps_cosines_and_drops_the_rest(rng):
    weights = analytic_weights(additive_form(23, "x-y"), 300, seed=5)
    rows = np.stack(ordered_rows(params_of(weights), 23, "x-y"))
    answers = answers_in_order(23, "x-y")
    noisy = rows + 0.05 * rng.normal(size=rows.shape)
    found = cut_accuracy(noisy, answers)
    assert found["one_cosine"] == 1 and found["rest"] < 0.2
    assert cut_accuracy(rng.normal(size=rows.shape), answers)["one_cosine"] < 0.2


def test_neurons_of_no_weight_do_not_count():
    weights = analytic_weights(additive_form(23, "x+y"), 20, seed=5)
    rows = np.stack(ordered_rows(params_of(weights), 23, "x+y"))
    noise = np.random.default_rng(1).normal(size=(3, 20, 23)) * 1e-2
    facts, _, _ = network_form(np.concatenate([rows, noise], 1), seed=0)
    assert facts["live"] == 0.5
    assert facts["participation"] == pytest.approx(1, abs=1e-4)


def test_a_network_that_decayed_to_nothing_has_no_form():
    facts, phi_3N, top_N = network_form(np.full((3, 4, 23), 1e-9), seed=0)
    assert facts["live"] == 0 and phi_3N.shape == (3, 0) and top_N.shape == (0,)
    assert np.isnan([facts["participation"], facts["concentration"], facts["shuffled"]]).all()
