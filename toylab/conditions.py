"""Conditions that several claims share."""

import dataclasses

from toylab.claims import Claim, Condition


def given(condition: Condition, *claims: Claim) -> tuple[Claim, ...]:
    """Return claims that also require a condition, such as that networks have learned their task.

    Example:
        >>> from toylab.claims import Expect
        >>> from toylab.read import table
        >>> loss = table("ends").value("loss")
        >>> learned = Condition("loss is below 0.1", loss, Expect.below(0.1))
        >>> [claim] = given(learned, Claim("fall", "Loss falls.", "none", loss, Expect.below(1)))
        >>> claim.requires[0].text
        'loss is below 0.1'
    """
    return tuple(dataclasses.replace(c, requires=(condition, *c.requires)) for c in claims)
