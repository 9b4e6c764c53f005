"""Errors for people: what was wrong, where, and the mend, in one or two lines."""

import difflib
from collections.abc import Iterable
from typing import Any

import jax.core


class ToylabError(ValueError):
    """A mistake in the user's input. The command line prints it without a traceback."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"did you mean 'x' or 'y'?"``, or the whole list when nothing is near."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return "did you mean " + " or ".join(repr(n) for n in near) + "?"
    return "known: " + (", ".join(known) if known else "none")


def check_number(
    owner: str,
    field: str,
    value: Any,
    low: float | None = None,
    high: float | None = None,
    *,
    above: float | None = None,
    whole: bool = False,
) -> None:
    """Refuse a number outside ``[low, high]`` (or not strictly above ``above``).

    Traced values pass: inside jit a number has no value yet, and the engine checks every
    member's numbers on the host before it traces.

    Args:
        owner: what the field belongs to, for the message.
        field: the field's name.
        value: the number.
        low: least allowed value.
        high: greatest allowed value.
        above: a bound the value must strictly exceed.
        whole: the value must be an integer.

    Raises:
        ToylabError: names the owner, the field, the value and the allowed range.
    """
    if isinstance(value, jax.core.Tracer):
        return
    span = f"{'an integer' if whole else 'a number'}"
    if above is not None:
        span += f" > {above}"
    elif low is not None:
        span += f" >= {low}"
    if high is not None:
        span += f" and <= {high}" if (low is not None or above is not None) else f" <= {high}"
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        told = repr(value)[:40]
        raise ToylabError(f"{owner}: {field} = {told} is not {span}.") from None
    value = value.item() if hasattr(value, "item") else value
    wrong = number != number
    wrong |= whole and not number.is_integer()
    wrong |= low is not None and number < low
    wrong |= high is not None and number > high
    wrong |= above is not None and number <= above
    if wrong:
        raise ToylabError(f"{owner}: {field} = {value!r} is out of range; give {span}.")


def check_counts(
    owner: str, settings: Any, *fields: str, low: int = 1, high: float | None = None
) -> None:
    """Refuse settings that are no whole numbers from ``low`` on; see :func:`check_number`.

    Args:
        owner: what the fields belong to, for the message.
        settings: the object that has them.
        *fields: their names.
        low: least allowed value.
        high: greatest allowed value.
    """
    for field in fields:
        check_number(owner, field, getattr(settings, field), low, high, whole=True)


def check_rising(owner: str, settings: Any, *fields: str, low: int = 0) -> None:
    """Refuse settings that are no rising numbers from ``low`` on, at least one; as check_counts."""
    for field in fields:
        own = getattr(settings, field)
        if not own or list(own) != sorted({*own}) or own[0] < low:
            raise ToylabError(f"{owner}: {field} = {own}; give rising numbers from {low} on.")
