"""Signs of the edge of stability against NumPy, loops, and gradient descent."""

import numpy as np
import pytest

from toylab.analysis.landscape.edge import edge, rise, swing, together, top_share

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("momentum", [0.0, 0.3, 0.9])
@pytest.mark.parametrize(("factor", "stable"), [(0.98, True), (1.02, False)])
def test_descent_on_a_quadratic_is_stable_up_to_the_edge(momentum, factor, stable):
    curvature, w, v = 4.0, 1.0, 0.0
    rate = factor * edge(1.0, momentum) / curvature
    for _ in range(3_000):
        v = momentum * v + curvature * w
        w -= rate * v
        if abs(w) > 1e6:
            break
    assert (abs(w) < 1e-3) == stable


def test_descent_from_a_sharp_start_ends_in_a_flatter_minimum():
    # L = (x y - 1)^2 / 2, whose minima have sharpness x^2 + y^2.
    rate, (x, y) = 0.2, (3.6, 0.2)
    assert x**2 + y**2 > edge(rate)
    for _ in range(2_000):
        gap = x * y - 1
        x, y = x - rate * gap * y, y - rate * gap * x
    assert x * y == pytest.approx(1, abs=1e-6)
    assert x**2 + y**2 <= edge(rate) * (1 + 1e-6)


def test_correlations_are_numpys_over_the_steps_asked_for():
    first, second = RNG.normal(size=(2, 30)).cumsum(1)
    steps = np.arange(30) >= 11
    expected = np.corrcoef(np.diff(first)[11:], np.diff(second)[11:])[0, 1]
    assert together(first, second, steps) == pytest.approx(expected)
    assert np.isnan(together(first, second, np.arange(30) >= 28))
    assert np.isnan(together(first, np.ones(30), steps))
    assert np.isnan(together(first, np.full(30, np.nan), steps))


def test_a_swing_is_the_correlation_with_the_next_change():
    value = RNG.normal(size=20).cumsum()
    change = np.diff(value)[4:]
    expected = np.corrcoef(change[:-1], change[1:])[0, 1]
    assert swing(value, np.arange(20) >= 4) == pytest.approx(expected)
    assert swing(np.arange(9.0) ** 2, np.ones(9, bool)) == pytest.approx(1)


def test_a_rise_is_found_by_a_loop():
    loss = RNG.uniform(1, 2, size=40)
    expected = max(loss[t] - loss[s] for t in range(40) for s in range(t + 1)) / loss[0]
    assert rise(loss) == pytest.approx(expected)
    assert rise(np.linspace(3, 1, 9)) == 0
    assert np.isnan(rise(np.array([1.0, np.nan])))


def test_the_top_share_counts_the_largest_changes():
    each = np.zeros((11, 20))
    each[5:, 3] = 100.0
    each[7:, 12] = -50.0
    assert top_share(each, np.arange(20) == 3, np.ones(11, bool)) == 0.5
    assert np.isnan(top_share(each, np.arange(20) == 3, np.zeros(11, bool)))
    assert np.isnan(top_share(each * np.nan, np.arange(20) == 3, np.ones(11, bool)))


def test_a_swing_pairs_neighbours_alone():
    steps = np.resize([True, True, False], 30)
    assert swing(np.arange(30.0) % 2, steps) == pytest.approx(-1)
    value = RNG.normal(size=30).cumsum()
    pairs = [(value[t + 1] - value[t], value[t + 2] - value[t + 1]) for t in range(0, 28, 3)]
    assert swing(value, steps) == pytest.approx(np.corrcoef(np.array(pairs).T)[0, 1])
