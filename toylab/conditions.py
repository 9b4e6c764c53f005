"""Claims that share a passage of a paper or a condition, and a condition that one has alone."""

import dataclasses
from collections.abc import Callable
from typing import Any

from toylab.claims import Claim, Condition, Expect
from toylab.read import Reading


def passage(source: str, **fields: Any) -> Callable[..., Claim]:
    """Return a maker of the claims of one passage of a paper.

    It takes a claim's key, text, reading and region, and further fields by name, which go before
    the passage's; ``at`` says where in the passage, as in "figure 2".

    Args:
        source: paper and section.
        **fields: of all its claims, such as ``unit`` and ``bar``, unless a claim says otherwise.

    Example:
        >>> from toylab.read import table
        >>> loss = table("ends").value("loss")
        >>> section = passage("A 2022, section 3", bar="ours: a loss that shows")
        >>> claim = section("fall", "Loss falls.", loss, Expect.below(1), at="figure 2")
        >>> claim.source, claim.bar
        ('A 2022, section 3, figure 2', 'ours: a loss that shows')
    """

    def claim(
        key: str, text: str, reading: Reading, expect: Expect, *, at: str = "", **more: Any
    ) -> Claim:
        place = f"{source}, {at}" if at else source
        return Claim(key, text, place, reading, expect, **{**fields, **more})

    return claim


def given(condition: Condition, *claims: Claim) -> tuple[Claim, ...]:
    """Return claims that also require a condition, such as that networks have learned their task.

    Example:
        >>> from toylab.claims import Expect
        >>> from toylab.read import table
        >>> loss = table("ends").value("loss")
        >>> learned = Condition("loss is below 0.1", loss, Expect.below(0.1))
        >>> bar = "theory: guessing costs 1"
        >>> claim = Claim("fall", "Loss falls.", "none", loss, Expect.below(1), bar)
        >>> [claim] = given(learned, claim)
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
