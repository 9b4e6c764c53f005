"""What the studies of superposition share: how networks are trained."""

import numpy as np
import pytest

from toylab.studies.superposition.training import annealed, sweep


def test_annealed_adam_ends_at_a_rate_of_zero():
    found = annealed(3e-3, 100, warmup=10)
    schedule = found["optimizer"].schedule
    rate = [float(schedule(np.int32(step))) for step in (0, 5, 10, 55, 100)]
    assert rate == pytest.approx([0, 0.5, 1, 0.5, 0], abs=1e-6)
    assert (found["steps"], found["optimizer"].weight_decay) == (100, 0.01)


def test_the_sweep_is_even_in_log_density():
    assert sweep(3) == pytest.approx([1, 1 / np.sqrt(20), 1 / 20])
