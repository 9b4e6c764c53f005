"""pass@k against every subset of the samples."""

import itertools

import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.rl.pass_at_k import pass_at_k


@pytest.mark.parametrize("k", [1, 2, 3, 6])
def test_it_is_the_mean_over_all_subsets(k):
    samples = 6
    for right in range(samples + 1):
        hits = np.arange(samples) < right
        subsets = [hits[list(s)].any() for s in itertools.combinations(range(samples), k)]
        assert pass_at_k(np.array([right]), samples, k)[0] == pytest.approx(np.mean(subsets))


def test_more_than_the_samples_is_refused():
    with pytest.raises(ToylabError, match="k = 5, but 4 samples were drawn"):
        pass_at_k(np.array([1]), samples=4, k=5)
    with pytest.raises(ToylabError, match="5 of 4 samples"):
        pass_at_k(np.array([5]), samples=4, k=1)
