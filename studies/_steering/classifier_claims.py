"""Claims of the classifier half of ``steering``."""

from toylab.claims import Claim

CLAIMS: tuple[Claim, ...] = ()
