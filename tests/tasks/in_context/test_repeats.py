"""Repeated segments: settings; the conformance suite checks the rest."""

import pytest

from toylab.errors import ToylabError
from toylab.tasks.in_context.repeats import Repeats


def test_a_period_longer_than_the_sequence_allows_is_refused():
    with pytest.raises(ToylabError, match="periods from 8 to 40"):
        Repeats(n_tokens=32, longest=40)
