"""Files of games as people have them: every kind gives the moves that were written into it."""

import random
import struct
from pathlib import Path

import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.tasks.othello.othello_files import ggf, lines, pgn, read_games
from toylab.tasks.othello.othello_transcripts import Recorded, read_transcripts

# The opening called "Tiger" and a game's beginning; both legal on 8x8.
GAMES = (["f5", "d6", "c3", "d3", "c4"], ["f5", "f6", "e6", "f4", "g5"])


def wthor_bytes(games: list[list[str]], size: int = 8) -> bytes:
    """A WTHOR file, written by the letter of its description."""
    header = struct.pack("<4BIHH4B", 20, 1, 1, 1, len(games), 0, 2001, size, 0, 24, 0)
    body = b""
    for game in games:
        moves = [10 * int(move[1]) + ord(move[0]) - ord("a") + 1 for move in game]
        body += struct.pack("<3HBB", 0, 1, 2, 40, 40) + bytes(moves).ljust(60, b"\0")
    return header + body


def pgn_text(games: list[list[str]]) -> str:
    blocks = []
    for game in games:
        pairs = [game[i : i + 2] for i in range(0, len(game), 2)]
        moves = " ".join(f"{i}. {' '.join(p).upper()}" for i, p in enumerate(pairs, 1))
        blocks.append(f'[Event "x; y"]\n[Black "O\'Neil"]\n[Result "34-30"]\n\n{moves} -- 34-30\n')
    return "\n".join(blocks)


def ggf_text(games: list[list[str]]) -> str:
    side = lambda ply: "BW"[ply % 2]
    return "\n".join(
        "(;GM[Othello]PC[x]PB[a]PW[b]RE[4]BT[5]TY[8]BO[8 -------- *]"
        + "".join(f"{side(i)}[{m.upper()}//1.{i}]" for i, m in enumerate(game))
        + "B[PA];)"
        for game in games
    )


WRITTEN = {
    "a.txt": lambda g: "\n".join("".join(game) for game in g),
    "b.txt": lambda g: "\r\n".join(" ".join(game).upper() + " 34-30" for game in g),
    "c.txt": lambda g: "\n".join("-".join(game) + " +4" for game in g),
    "d.txt": lambda g: "\n".join("; ".join([*game, "pass", "@@"]) for game in g),
    "e.pgn": pgn_text,
    "f.ggf": ggf_text,
}


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_every_kind_of_text_gives_its_moves(name: str, encoding: str, tmp_path: Path):
    remark = "# Järvi\n" if name.endswith("txt") and encoding != "utf-8" else ""
    (tmp_path / name).write_bytes((remark + WRITTEN[name](GAMES)).encode(encoding))
    assert [game.moves for game in read_games(tmp_path / name, 8)] == list(GAMES)


def test_wthor_gives_its_moves(tmp_path: Path):
    rng = random.Random(0)
    squares = [f"{c}{r}" for c in "abcdefgh" for r in range(1, 9)]
    games = [rng.sample(squares, rng.randint(1, 60)) for _ in range(50)]
    (tmp_path / "x.wtb").write_bytes(wthor_bytes(games))
    assert [game.moves for game in read_games(tmp_path / "x.wtb", 8)] == games
    (tmp_path / "zero.WTB").write_bytes(wthor_bytes(games, size=0))  # 0 stands for 8
    assert len(read_games(tmp_path / "zero.WTB", 8)) == 50


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"short", "has 5 bytes, less than its header"),
        (wthor_bytes([["f5"]])[:-1], r"1 games take 84 bytes, it has 83"),
        (wthor_bytes([["f5"]], size=10), "holds games of 10x10; the board has 8x8"),
    ],
)
def test_a_damaged_database_is_refused(data: bytes, told: str, tmp_path: Path):
    (tmp_path / "x.wtb").write_bytes(data)
    with pytest.raises(ToylabError, match=told):
        read_transcripts(tmp_path / "x.wtb", 8)


def test_all_kinds_are_one_world(tmp_path: Path):
    tables = []
    for name, write in WRITTEN.items():
        (tmp_path / name).write_text(write(GAMES))
        tables.append(Recorded(8, path=str(tmp_path / name)).recorded())
    (tmp_path / "x.wtb").write_bytes(wthor_bytes(list(GAMES)))
    tables.append(Recorded(8, path=str(tmp_path / "x.wtb")).recorded())
    for table in tables[1:]:
        np.testing.assert_array_equal(table, tables[0])


def test_a_bad_game_is_named_where_it_stands():
    assert [g.place for g in pgn(pgn_text(GAMES))] == ["the game at line 1", "the game at line 7"]
    assert [g.place for g in ggf(ggf_text(GAMES))] == ["game 1", "game 2"]
    assert lines("f5d6 1/2-1/2")[0].moves == ["f5", "d6"]  # a draw, as PGN writes it
    assert pgn('[Result "1/2-1/2"]\n\n1. F5 D6 1/2-1/2\n')[0].moves == ["f5", "d6"]
    assert lines("f5 z9 {a remark} ?")[0].moves == ["f5", "z9", "?"]


def test_an_illegal_game_of_a_database_is_told(tmp_path: Path):
    (tmp_path / "x.wtb").write_bytes(wthor_bytes([GAMES[0], ["a1"]]))
    found = read_transcripts(tmp_path / "x.wtb", 8)
    assert len(found.tokens) == 1
    assert found.bad[0].startswith("game 2, move 1: a1 is not legal here (legal: d3")
