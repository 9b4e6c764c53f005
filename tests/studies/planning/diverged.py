"""What every claim must make of two networks of which one has diverged."""

from collections.abc import Iterable

from toylab.claims import Claim
from toylab.read import Measures


def one_of_two_diverged(claims: Iterable[Claim], measures: Measures) -> None:
    """Each claim counts the diverged network, and reads the other or says it cannot."""
    for claim in claims:
        found = claim.reading(measures)
        assert found.count("diverged") == 1, claim.key
        assert len(found.values) + found.count("undefined") == 1, claim.key
        assert claim.bar, claim.key
