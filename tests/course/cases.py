"""What every exercise is held to: right answers in several forms, wrong ones and what is said."""

from collections.abc import Mapping, Sequence
from typing import Any

from toylab.teach.exercises import Checks


def tells_right_from_wrong(
    check: Checks,
    name: str,
    given: Mapping[str, Any],
    right: Sequence[Any],
    wrong: Sequence[tuple[Any, str]],
    capsys: Any,
) -> None:
    """Hold an exercise to its answers; at least three of them are plausible and wrong."""
    for answer in right:
        assert check(name, answer, **given), capsys.readouterr().out
    assert len(wrong) >= 3
    for answer, told in wrong:
        capsys.readouterr()
        accepted = check(name, answer, **given)
        said = capsys.readouterr().out
        assert not accepted and told in said, said
    for answer in (..., None, "text", [], {}):
        assert not check(name, answer, **given)
