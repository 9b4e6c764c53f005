"""Repeated segments: settings, and what their lead rules out; the suite checks the rest."""

import jax
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.tasks.in_context.repeats import Repeats


def test_a_period_longer_than_the_sequence_allows_is_refused():
    with pytest.raises(ToylabError, match="periods from 8 to 40"):
        Repeats(n_tokens=32, longest=40)


def oldest(tokens: np.ndarray) -> int:
    """The token not seen for longest, of those seen."""
    last = {token: place for place, token in enumerate(tokens.tolist())}
    return min(last, key=last.__getitem__)


def after_last(tokens: np.ndarray) -> int:
    """What followed the last copy of the token at the end."""
    *before, own = tokens.tolist()
    place = max(i for i, token in enumerate(before) if token == own)
    return tokens[place + 1]


@pytest.mark.parametrize(("lead", "right"), [(0, 1.0), (6, 1 / 7)])
def test_induction_finds_the_next_token_and_with_a_lead_recency_does_not(lead, right):
    task = Repeats(n_tokens=12, length=20, shortest=4, longest=6, lead=lead)
    batch = task.batch(jax.random.key(0), 400)
    x, y, weight = (np.asarray(leaf) for leaf in (batch.inputs, batch.targets, batch.weights))
    places = [(i, t) for i, row in enumerate(weight) for t in np.flatnonzero(row)]
    assert all(after_last(x[i, : t + 1]) == y[i, t] for i, t in places)
    told = [oldest(x[i, : t + 1]) == y[i, t] for i, t in places]
    assert np.mean(told) == pytest.approx(right, abs=0.06)
