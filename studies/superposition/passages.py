"""Claims of one passage of a paper."""

from collections.abc import Callable
from typing import Any

from toylab.claims import Claim, Condition, Expect
from toylab.read import Reading

OURS = "region: this laboratory"
Conditions = Condition | tuple[Condition, ...]


def passage(source: str, region: str = OURS, **fields: Any) -> Callable[..., Claim]:
    """Return a maker of the claims of one passage.

    It takes a claim's key, text, reading and region, and further fields by name. ``at`` says where
    in the passage, as in "figure 2"; ``region`` who set the region, empty where the passage did. A
    single condition needs no tuple.

    Args:
        source: paper and section.
        region: who set the regions of its claims, unless a claim says otherwise.
        **fields: of all its claims, such as ``unit``.
    """
    whose = region

    def claim(
        key: str,
        text: str,
        reading: Reading,
        expect: Expect,
        *,
        at: str = "",
        region: str = whose,
        requires: Conditions = (),
        control: Conditions = (),
        **more: Any,
    ) -> Claim:
        place = f"{source}, {at}" if at else source
        place = f"{place}; {region}" if region else place
        given = {"requires": _several(requires), "control": _several(control)}
        return Claim(key, text, place, reading, expect, **given, **fields, **more)

    return claim


def _several(conditions: Conditions) -> tuple[Condition, ...]:
    return (conditions,) if isinstance(conditions, Condition) else conditions
