"""Othello games that people have played: read from a file, checked move by move.

One game per line, its moves as usual square names (``f5d6c3`` or ``f5 d6 c3``; letters are columns,
a1 is the upper left corner), or a file of PGN, GGF or WTHOR (:mod:`.othello_files`); passes are
left out. Empty lines and lines that begin with ``#`` do not count. A game may stop before its end.
"""

import dataclasses
import errno
import functools
import hashlib
import logging
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab import random
from toylab.check.data_files import data_file
from toylab.errors import ToylabError
from toylab.task import Batch

from . import othello_rules as rules
from .othello import Othello
from .othello_files import read_games

LISTED = 20  # bad lines that are named one by one
log = logging.getLogger("toylab")


class Transcripts(NamedTuple):
    """Games read from a file.

    Attributes:
        tokens: one row per sound game, (G, T), filled up with 0.
        bad: what is wrong with each line left out.
    """

    tokens: np.ndarray
    bad: tuple[str, ...]


def square_name(square: int, size: int) -> str:
    """Return a square's usual name.

    Example:
        >>> square_name(19, 8)
        'd3'
    """
    row, column = divmod(int(square), size)
    return f"{chr(ord('a') + column)}{row + 1}"


def read_transcripts(path: str | Path, size: int) -> Transcripts:
    """Read a file of games; a bad line is left out and told, and costs no other game.

    Args:
        path: a file of games, with the line ends of any system.
        size: side of the board.

    Raises:
        ToylabError: no such file, not text, or no game in it.

    Example:
        >>> read_transcripts("games.txt", 8).tokens.shape   # doctest: +SKIP
        (1000, 60)
    """
    try:
        if Path(path).exists() and not Path(path).is_file():  # a pipe would be read for ever
            raise OSError(errno.EINVAL, "not a plain file")
        found = read_games(Path(path), size)
    except ToylabError:
        raise
    except (OSError, ValueError) as error:
        told = getattr(error, "strerror", None) or str(error)
        name = str(path)[:200]
        raise ToylabError(f"{name} cannot be read as a text file of games: {told}.") from None
    games: list[tuple[int, list[int]]] = []
    bad: dict[int, str] = {}
    for number, game in enumerate(found):
        squares, wrong = _squares(game.moves, size)
        if wrong:
            bad[number] = f"{game.place}, {wrong}"
        else:
            games.append((number, squares))
    if not games and not bad:
        raise ToylabError(f"{path} holds no game; give one per line, as in 'f5d6c3'.")
    task = Othello(size)
    squares_GT = np.full((len(games), task.plies), -1, np.int32)
    for row, (_, squares) in enumerate(games):
        squares_GT[row, : len(squares)] = squares
    sound = np.ones(len(games), bool)
    for row, wrong in _illegal(task, squares_GT).items():
        sound[row], number = False, games[row][0]
        bad[number] = f"{found[number].place}, {wrong}"
    tokens = np.where(squares_GT >= 0, task.tokens[squares_GT], 0).astype(np.int32)
    return Transcripts(tokens[sound], tuple(bad[number] for number in sorted(bad)))


def _squares(words: list[str], size: int) -> tuple[list[int], str]:
    """Return the squares of a game's moves, and what is wrong with it."""
    squares = []
    for ply, word in enumerate(words, 1):
        place = re.fullmatch(r"([a-z])(\d+)", word)
        column, row = (ord(place[1]) - ord("a"), int(place[2]) - 1) if place else (-1, -1)
        if not (0 <= column < size and 0 <= row < size):
            return [], f"move {ply}: {word!r} is no square of a board of {size}x{size}"
        squares.append(size * row + column)
    most = size**2 - 4
    if len(squares) > most:
        return [], f"{len(squares)} moves; a game of {size}x{size} has at most {most}"
    return squares, ""


def _illegal(task: Othello, squares_GT: np.ndarray, chunk: int = 4096) -> dict[int, str]:
    """Return, per game with an illegal move, which is the first and what would have been legal."""
    first = rules.squares(rules.moves(*rules.opening(task.size), task.size), task.size)
    follow = jax.jit(lambda tokens_GT: task.replay(tokens_GT)["legal"])
    found = {}
    for start in range(0, len(squares_GT), chunk):
        part = squares_GT[start : start + chunk]
        room = chunk if len(squares_GT) > chunk else len(part)
        padded = np.zeros((room, task.plies), np.int32)
        padded[: len(part)] = np.where(part >= 0, task.tokens[part], 0)
        after = np.asarray(follow(jnp.asarray(padded)))[: len(part)]
        before = np.broadcast_to(np.asarray(first), (len(part), 1, task.size**2))
        legal_GTN = np.concatenate([before, after[:, :-1]], 1)
        allowed = np.take_along_axis(legal_GTN, np.maximum(part, 0)[..., None], -1)[..., 0]
        wrong = (part >= 0) & ~allowed
        for row in np.flatnonzero(wrong.any(1)):
            ply = int(wrong[row].argmax())
            could = [square_name(int(s), task.size) for s in np.flatnonzero(legal_GTN[row, ply])]
            name = square_name(part[row, ply], task.size)
            rest = f"legal: {', '.join(could)}" if could else "the game is over"
            found[start + int(row)] = f"move {ply + 1}: {name} is not legal here ({rest})"
    return found


@functools.lru_cache(maxsize=8)
def _table(path: str, size: int, skip_bad: bool, changed: float) -> np.ndarray:
    """A file's games; ``changed`` makes a file that was written anew be read anew."""
    del changed
    tokens_GT, bad = read_transcripts(path, size)
    total = len(tokens_GT) + len(bad)
    if bad and not skip_bad:
        raise ToylabError(
            f"{path}: {len(bad)} of {total} games are bad, first {bad[0]}. Mend the file, or leave "
            "them out with --skip-bad (skip_bad=true)."
        )
    if bad:
        more = [f"and {len(bad) - LISTED} more"] if len(bad) > LISTED else []
        log.warning("\n  ".join([f"{path}: left out {len(bad)} of {total}:", *bad[:LISTED], *more]))
    if len(tokens_GT) == 0:
        raise ToylabError(f"{path}: all {total} games are bad, first {bad[0]}.")
    return tokens_GT


@dataclasses.dataclass(frozen=True)
class Recorded(Othello):
    """Games drawn at random from a file.

    Args:
        path: the file.
        skip_bad: leave bad lines out and list them, in place of stopping there.

    Raises:
        ToylabError: a file that cannot be read, that holds no game, or a bad line, with its number
            and the move; also what :class:`toylab.tasks.othello.othello.Othello` refuses.
    """

    path: str = data_file()
    skip_bad: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.recorded()

    def recorded(self) -> np.ndarray:
        """Tokens of every game, (G, T)."""
        changed = os.path.getmtime(self.path) if os.path.isfile(self.path) else 0.0
        return _table(self.path, self.size, self.skip_bad, changed)

    def fingerprint(self) -> str:
        """Digest of the games: a run that reuses networks knows by it whether the file changed."""
        return hashlib.sha256(self.recorded().tobytes()).hexdigest()[:16]

    def example(self, key: Array) -> Batch:
        """Draw one of the games."""
        games_GT = self.recorded()
        index = jax.lax.rem(random.bits(key, (1,))[0], np.uint32(len(games_GT)))
        return self._of(jnp.asarray(games_GT)[index])

    def enumerate(self) -> Batch:
        """Return every game of the file."""
        return jax.jit(jax.vmap(self._of))(jnp.asarray(self.recorded()))

    def consistent(self, batch: Batch) -> Any:
        """As in :class:`toylab.tasks.othello.othello.Othello`, but a game may stop before its
        end."""
        same, legal, _ = self._compared(batch)
        return same & legal

    def _of(self, tokens_T: Array) -> Batch:
        return self._batch(self._follow(jnp.asarray(self.squares)[tokens_T], self.rule))

    def chances(self, batch: Batch) -> Array:
        """Refused: people do not play at random."""
        raise ToylabError(
            f"Recorded: nobody knows the chances of the moves in {self.path}; learn from the moves "
            "played."
        )

    def bayes_loss(self) -> None:
        """Not known: people do not play at random."""
        return None


def examples() -> tuple[Othello, ...]:
    """The games that come with the laboratory, for the conformance suite."""
    return (Recorded(4, path=str(Path(__file__).with_name("othello_games.txt"))),)
