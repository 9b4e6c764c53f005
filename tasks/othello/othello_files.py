"""Files of Othello games as they are found: plain lines, PGN, GGF, and the WTHOR database.

Each kind becomes a list of games, a game's moves as square names with where it stands in the file;
passes are left out. Whether moves are legal is not asked here.

WTHOR (``.wtb``, the French federation's): 16 bytes of header, the number of games in bytes 4 to 7,
the size in byte 12 (0 is 8); then 68 bytes a game, of which the last 60 are its moves, each
``10 row + column`` from 1 on, 0 for none. Source: Format de la base WTHOR (FFO).
GGF (of servers): ``(;GM[Othello]...B[F5//2.1]W[d6]...;)``, ``PA`` for a pass.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from toylab.check.data_files import decoded
from toylab.errors import ToylabError

PASSES = {"--", "-", "pa", "pass", "ps", "@@"}
SCORE = r"1/2-1/2|\d+\s*-\s*\d+"  # in this order: "2-1" stands in "1/2-1/2"
RESULTS = re.compile(rf"{SCORE}|\*|[+-]\d+")
HEADER, GAME, MOVES = 16, 68, 60  # bytes


class Game(NamedTuple):
    """A game of a file.

    Attributes:
        place: where it stands there, in words.
        moves: what it has as moves, in lower case.
    """

    place: str
    moves: list[str]


def read_games(path: Path, size: int) -> list[Game]:
    """Return a file's games, of whatever kind it is.

    Args:
        path: an existing file.
        size: side of the board.

    Raises:
        ToylabError: a damaged WTHOR file, or one of another board.
        ValueError: a file that is no text.
    """
    if path.suffix.lower() == ".wtb":
        return wthor(path, size)
    text = decoded(path.read_bytes())
    return kind_of(text)(text)


def kind_of(text: str) -> Callable[[str], list[Game]]:
    """Return the reader of a text: GGF has ``(;``, PGN has headers in brackets."""
    if "(;" in text and re.search(r"GM\s*\[\s*othello", text, re.IGNORECASE):
        return ggf
    if re.search(r"^\s*\[\s*\w+\s+\"", text, re.MULTILINE):
        return pgn
    return lines


def lines(text: str) -> list[Game]:
    """Read a game per line: ``f5d6c3`` or ``1. f5 d6 2. c3``; ``#`` begins a remark.

    Example:
        >>> lines("# two games\\nF5D6C3\\n1. f5 d6 33-31")
        [Game(place='line 2', moves=['f5', 'd6', 'c3']), Game(place='line 3', moves=['f5', 'd6'])]
    """
    rows = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    return [Game(f"line {n}", _moves(row)) for n, row in rows if row and not row.startswith("#")]


def pgn(text: str) -> list[Game]:
    """Read games whose headers stand in brackets before them.

    Example:
        >>> pgn('[Event "Open"]\\n[Black "A"]\\n\\n1. F5 D6 2. C3 -- 40-24\\n')
        [Game(place='the game at line 1', moves=['f5', 'd6', 'c3'])]
    """
    games: list[Game] = []
    begun, body, headers = 1, "", False
    for number, line in enumerate([*text.splitlines(), '[End "of file"]'], 1):
        if line.strip().startswith("[") and not headers:
            if body.strip():
                games.append(Game(f"the game at line {begun}", _moves(body)))
            begun, body = number, ""
        headers = line.strip().startswith("[") or (headers and not line.strip())
        body += "" if headers else f" {line}"
    return games


def ggf(text: str) -> list[Game]:
    """Read games as servers keep them.

    Example:
        >>> ggf("(;GM[Othello]PB[a]TY[8]B[F5//1]W[d6]B[pa];)")
        [Game(place='game 1', moves=['f5', 'd6'])]
    """
    games = []
    for number, whole in enumerate(re.findall(r"\(;(.*?);\)", text, re.DOTALL), 1):
        played = re.findall(r"(?<![A-Z])[BW]\[([^\]/]*)[^\]]*\]", whole)
        games.append(Game(f"game {number}", [m for m in map(_plain, played) if m not in PASSES]))
    return games


def wthor(path: Path, size: int) -> list[Game]:
    """Read a file of the WTHOR database; see the top of this module."""
    data = path.read_bytes()
    wrong = lambda why: ToylabError(f"{path} is no WTHOR file: {why}.")
    if len(data) < HEADER:
        raise wrong(f"it has {len(data)} bytes, less than its header")
    count = int.from_bytes(data[4:8], "little")
    side = data[12] or 8
    if side != size:
        raise ToylabError(f"{path} holds games of {side}x{side}; the board has {size}x{size}.")
    if len(data) != HEADER + GAME * count:
        raise wrong(f"{count:,} games take {HEADER + GAME * count:,} bytes, it has {len(data):,}")
    games = []
    for number in range(count):
        end = HEADER + GAME * (number + 1)
        bytes_ = data[end - MOVES : end].split(b"\0", 1)[0]
        played = [divmod(byte, 10) for byte in bytes_]
        names = [f"{chr(ord('a') + column - 1)}{row}" for row, column in played]
        games.append(Game(f"game {number + 1}", names))
    return games


def _moves(text: str) -> list[str]:
    """The moves of a text, without their numbers, remarks, passes and the result."""
    text = re.sub(r"\{[^}]*\}|\$\d+|(?<![a-zA-Z])\d+\s*\.+", " ", text)
    words = re.findall(rf"[a-z]\d+|{SCORE}|--|[^\s,;a-z-][^\s,;-]*|[a-z]+|-", text.lower())
    return [word for word in words if word not in PASSES and not RESULTS.fullmatch(word)]


def _plain(move: str) -> str:
    return move.strip().lower()
