"""Transcripts: games that a file holds, and files with mistakes in them."""

import os

import jax
import numpy as np
import pytest

from toylab.cli.main import main
from toylab.errors import ToylabError
from toylab.members import seeds
from toylab.models import Autoencoder
from toylab.optim import SGD
from toylab.population import Population
from toylab.runs.reuse import describe
from toylab.tasks.othello.othello import Othello
from toylab.tasks.othello.othello_transcripts import Recorded, read_transcripts, square_name

# Black f5, white d6 (flips d5), black c3 (flips d4): worked out on a real board.
OPENING = "f5d6c3"


@pytest.fixture(scope="module")
def drawn():
    """Games drawn by the generator, and the same as text."""
    task = Othello(4)
    games = np.asarray(jax.jit(task.games, static_argnums=1)(jax.random.key(0), 12))
    text = ["".join(square_name(task.squares[t], 4) for t in row if t) for row in games]
    return games, text


def written(path, lines, end="\n"):
    path.write_bytes(end.join(lines).encode())
    return str(path)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_games_come_back(drawn, tmp_path, end):
    games, text = drawn
    lines = ["# a comment", text[0].upper(), "", *[" ".join(_pairs(t)) for t in text[1:]]]
    found = read_transcripts(written(tmp_path / "games.txt", lines, end), 4)
    assert found.bad == () and (found.tokens == games).all()


def _pairs(text):
    return [text[i : i + 2] for i in range(0, len(text), 2)]


def test_a_game_known_by_heart(tmp_path):
    task = Recorded(8, path=written(tmp_path / "g.txt", [OPENING]))
    batch = task.enumerate()
    colour = np.asarray(batch.latents["colour"])[0, 2].reshape(8, 8)
    black = {square_name(s, 8) for s in np.flatnonzero(colour.ravel() == 1)}
    assert black == {"c3", "d4", "e4", "e5", "f5"}
    assert {square_name(s, 8) for s in np.flatnonzero(colour.ravel() == 2)} == {"d5", "d6"}


def test_draws_are_games_of_the_file(drawn, tmp_path):
    games, text = drawn
    unfinished = text[0][:10]
    task = Recorded(4, path=written(tmp_path / "g.txt", [*text, unfinished]))
    batch = jax.jit(task.batch, static_argnums=1)(jax.random.key(0), 200)
    known = {tuple(row[:-1]) for row in games}
    stopped = (*games[0][:5], *[0] * 6)
    assert {tuple(row) for row in np.asarray(batch.inputs)} == known | {stopped}
    assert task.consistent(batch).all()
    row = next(i for i, r in enumerate(np.asarray(batch.inputs)) if tuple(r) == stopped)
    assert np.asarray(batch.weights)[row].sum() == 4


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("f5d6a1", "line 2, move 3: a1 is not legal here \\(legal: .*c3"),
        ("f5d6d4", "line 2, move 3: d4 is not legal here"),
        ("f5d9", "line 2, move 2: 'd9' is no square of a board of 8x8"),
        ("f5 passe", "line 2, move 2: 'passe' is no square"),
        ("f5d6" * 31, "line 2, 62 moves; a game of 8x8 has at most 60"),
    ],
)
def test_a_bad_line_is_named_and_costs_no_other_game(line, message, tmp_path, caplog):
    path = written(tmp_path / "games.txt", [OPENING, line, OPENING])
    with pytest.raises(ToylabError, match=f"1 of 3 games are bad, first {message}"):
        Recorded(8, path=path)
    task = Recorded(8, path=path, skip_bad=True)
    assert len(task.recorded()) == 2
    assert "left out 1 of 3" in caplog.text and "line 2" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"), [("", "holds no game"), ("\r\n \r\n# none", "holds no game")]
)
def test_files_without_games(text, message, tmp_path):
    with pytest.raises(ToylabError, match=message):
        read_transcripts(written(tmp_path / "games.txt", [text]), 8)


def test_no_file(tmp_path):
    with pytest.raises(ToylabError, match="cannot be read"):
        read_transcripts(tmp_path / "none.txt", 8)


def test_the_command_line_refuses_before_training(tmp_path, capsys):
    path = written(tmp_path / "games.txt", ["f5d6a1"])
    words = ["run", "othello", "--preset", "smoke", "--out", str(tmp_path / "run")]
    words += ["--set", "size=8", "targets=played", f"transcripts={path}"]
    assert main(words) == 1 and "--skip-bad" in capsys.readouterr().err
    assert main([*words, "--skip-bad"]) == 1 and "all 1 games" in capsys.readouterr().err
    good = written(tmp_path / "good.txt", ["f5d6"])
    assert main([*words[:-2], f"transcripts={good}"]) == 1
    assert "targets=played" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_nobody_knows_the_chances_of_recorded_moves(tmp_path):
    task = Recorded(8, path=str(written(tmp_path / "games.txt", ["f5d6"])))
    with pytest.raises(ToylabError, match="chances"):
        task.chances(task.enumerate())


def test_a_population_is_described_by_the_games_too(tmp_path):
    file, texts = tmp_path / "games.txt", []
    for when, games in enumerate((OPENING, "f5d6", "f5d6")):
        file.write_text(games + "\n")
        os.utime(file, (when, when))  # the clocks of some file systems are coarse
        population = Population(
            model=Autoencoder(5, 2),
            task=Recorded(8, path=str(file)),
            members=seeds(1),
            optimizer=SGD(0.1),
            steps=1,
            batch_size=1,
        )
        texts.append(describe({"main": population})["main"]["task"])
    assert texts[0] != texts[1] == texts[2]


@pytest.mark.parametrize("path", ["x" * 5000, "a\0b", "."])
def test_a_path_that_no_system_takes_is_told_in_a_line(path: str):
    with pytest.raises(ToylabError, match="cannot be read") as caught:
        Recorded(4, path=path)
    assert len(str(caught.value)) < 400
