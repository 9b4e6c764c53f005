"""Conditions that several claims share, or that a claim has alone."""

import dataclasses

from toylab.claims import Claim, Condition, Expect
from toylab.read import Reading


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


def only(text: str, reading: Reading, expect: Expect) -> tuple[Condition]:
    """Return one condition as a claim's ``requires`` or ``control`` takes it.

    Args:
        text: the condition in words.
        reading: one value per unit.
        expect: the region that their mean must lie in.

    Example:
        >>> from toylab.read import table
        >>> only("loss is below 0.1", table("ends").value("loss"), Expect.below(0.1))[0].text
        'loss is below 0.1'
    """
    return (Condition(text, reading, expect),)
