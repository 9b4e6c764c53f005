"""Text on its way to a terminal: what a stranger's file says must not drive it."""

import contextlib
import sys
import unicodedata

HIDDEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # control, format, surrogates, separators of lines
LONGEST = 2_000


def plain(text: str) -> str:
    r"""Return a text with control and direction characters written out, ``\x1b`` for escape.

    Example:
        >>> plain("\x1b[31mred")
        '\\x1b[31mred'
    """
    return "".join(_shown(character) for character in text)


def message(text: str) -> str:
    """Return an error's text in at most two lines, and not without end."""
    first, *rest = plain(text).strip().split("\n")
    both = "\n".join([first, *([" ".join(rest)] if rest else [])])
    return both if len(both) <= LONGEST else f"{both[:LONGEST]}..."


def any_encoding() -> None:
    """Let the output write out what its encoding cannot show, in place of failing."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # pyright: ignore


def is_utf8() -> bool:
    """Whether standard output shows every character."""
    return (getattr(sys.stdout, "encoding", "") or "").lower().replace("-", "") == "utf8"


def _shown(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in HIDDEN:
        return character
    return character.encode("unicode_escape").decode()
