"""Command lines, settings and files of data out of a random generator: an answer, or one error."""

import random
import shutil
from pathlib import Path

import pytest

from tests.torture.rig import SEED, STUDY, cases, sizes, tree
from toylab import lab
from toylab.check.populations import checked_populations
from toylab.cli import commands, find
from toylab.cli.main import COMMANDS, main, parser
from toylab.errors import ToylabError
from toylab.runs.run_folder import RunFolder
from toylab.study import load_study, study_names
from toylab.tasks.othello.othello_transcripts import read_transcripts
from toylab.web.server import Server

NUMBERS = (
    "0", "1", "2", "3", "-1", "-0.5", "0.5", "1e-9", "1e400", "-1e400", "nan", "inf", "-inf",
    str(10**400), "9" * 5000, "2147483648", "1000000000", "999999999", "9223372036854775808",
    "1e30", "1_000", "0x10", "1j", "٣", "½", "1.0", "1,2", "(1, 2)", "[]", "()", "0.1,nan", "1,-1",
    "1,1e400", "," * 50, "(" * 500, "1+1", "True", "None", "lambda: 0", "__import__('os')",
)  # fmt: skip
TEXTS = (
    "", " ", "x", "é", "\x1b[31m", "\u202e", "\udcff", "a\nb\nc\nd", "../../x", "/etc/passwd",
    "x" * 5000, "true", "false", "{}", "%s", "{0}", "--", "-", "=", "a=b=c", "[bold]", "\x07",
)  # fmt: skip
SCARCE = {"seeds": 8, "steps": 60}  # what is accepted below this is really run


@pytest.fixture
def field(tmp_path: Path, monkeypatch) -> Path:
    """An empty folder to work in, with the study; nothing outside may change."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    work = tmp_path / "work"
    work.mkdir()
    (work / "mine.py").write_text(STUDY)
    monkeypatch.chdir(work)
    base = tmp_path / "checkout"
    (base / "studies" / "results").mkdir(parents=True)
    monkeypatch.setattr(commands, "root", lambda: base)
    return work


def answers(capsys, words: list[str]) -> int:
    """Run a command line; assert that it answers as it must."""
    capsys.readouterr()
    code = main(words)
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("toylab: ")]
    assert code in (0, 1, 2), (words, code, err)
    assert code == 0 or (1 <= len(err.strip().splitlines()) <= 2 and lines) or "BROKEN" in out, (
        words,
        err,
    )
    assert "Traceback" not in out + err
    assert not any(c in out + err for c in "\x1b\x07\u202e")
    return code


def little(*args, **named) -> RunFolder:
    """In place of training and after: the run folder as it was begun."""
    config = args[0].config
    small = config.seeds <= SCARCE["seeds"] and config.steps <= SCARCE["steps"]
    return STAGES(*args, **named) if small and config.features <= 64 else args[0]


STAGES = lab._stages


@pytest.mark.parametrize("count", sizes(60, 1_500))
def test_settings(count: int, field: Path, capsys, monkeypatch):
    rng, codes = random.Random(SEED), {0: 0, 1: 0, 2: 0}
    begun = []
    monkeypatch.setattr(lab, "_stages", lambda *args: begun.append(1) or args[0])
    monkeypatch.setattr(commands, "_report", lambda done, as_json: 0)
    keys = ("seeds", "steps", "rate", "batch_size", "features", "rungs", "densities", "label",
            "loud", "nonsense", "", "é")  # fmt: skip
    before = tree(field.parent, but=(field / "run", field.parent / "state"))
    for _ in cases(count):
        many = rng.choice((1, 1, 1, 2, 3))
        pairs = [f"{rng.choice(keys)}={rng.choice(NUMBERS + TEXTS)}" for _ in range(many)]
        words = ["run", "mine.py", "--preset", "smoke", "--out", "run", "--set", *pairs]
        if rng.random() < 0.2:
            words += ["--seeds", rng.choice(NUMBERS)]
        if rng.random() < 0.2:
            words += ["--first-seed", rng.choice(NUMBERS)]
        begun.clear()
        code = answers(capsys, words)
        codes[code] += 1
        # Nothing is written before everything is checked.
        assert (code == 0) == bool(begun) and (field / "run").exists() == bool(begun), pairs
        shutil.rmtree(field / "run", ignore_errors=True)
    print(f"seed {SEED}: {count} settings, ended with {codes}")
    assert before == tree(field.parent, but=(field / "run", field.parent / "state"))


@pytest.mark.parametrize("count", sizes(2, 60))
def test_settings_that_are_accepted_run_to_the_end(count: int, field: Path, capsys, monkeypatch):
    rng, codes = random.Random(SEED + 1), {0: 0, 1: 0}
    monkeypatch.setattr(lab, "_stages", little)
    values = {
        "seeds": ("1", "2", "5"), "steps": ("0", "1", "7"), "rate": ("0", "1e30", "1e-30", "0.1"),
        "batch_size": ("1", "3"), "features": ("1", "2", "5"), "densities": ("1", "1e-6", "0.5,1"),
        "rungs": ("0", "3", "1,2,3", "39"), "label": ("é", "[bold]", "x y"), "loud": ("true",),
    }  # fmt: skip
    for _ in cases(count, patience=120):
        keys = rng.sample(list(values), 3)
        pairs = [f"{key}={rng.choice(values[key])}" for key in keys]
        words = ["run", "mine.py", "--preset", "smoke", "--out", "run", "--json", "--set", *pairs]
        codes[answers(capsys, words)] += 1
        shutil.rmtree(field / "run", ignore_errors=True)
    print(f"seed {SEED + 1}: {count} runs with odd settings, ended with {codes}")


def sentence(rng: random.Random, names: dict[str, list[str]]) -> list[str]:
    """Return a command line: a command, options that it may or may not have, odd words."""
    command = rng.choice([*COMMANDS, *COMMANDS, "", "rnu", "é"])
    words = [command] if rng.random() < 0.95 else []
    odd = lambda: rng.choice(NUMBERS + TEXTS)
    things = ["mine.py", "run-1", "nowhere", "mine", ".", "./mine.py", "Sparse(n_features=3)"]
    for _ in range(rng.randint(0, 4)):
        draw = rng.random()
        if draw < 0.4:
            words.append(rng.choice(things) if rng.random() < 0.7 else odd())
        elif draw < 0.8 and names.get(command):
            words.append(rng.choice(names[command]))
            words += [odd()] if rng.random() < 0.5 else []
        else:
            words.append(f"{rng.choice(('--set', '--out', '--preset', '--study', '--x'))}={odd()}")
    return words


@pytest.mark.parametrize("count", sizes(100, 2_000))
def test_command_lines(count: int, field: Path, capsys, monkeypatch):
    rng, codes = random.Random(SEED + 2), {0: 0, 1: 0, 2: 0}
    names = {name: sub.options for name, sub in parser()[1].items()}
    monkeypatch.setattr(lab, "_stages", lambda *args: args[0])
    monkeypatch.setattr(commands, "_report", lambda done, as_json: 0)
    monkeypatch.setattr(commands, "check", lambda task: [])  # these work for minutes
    monkeypatch.setattr(commands, "quick_rate", lambda: 1.0)
    monkeypatch.setattr(find, "benchmarks", lambda name: {})
    monkeypatch.setitem(commands.TABLE, "list", lambda args, stop: 0)
    monkeypatch.setattr(Server, "serve_forever", lambda server: None)
    before = tree(field.parent / "checkout")
    for number in cases(count):
        words = sentence(rng, names)
        codes[answers(capsys, words)] += 1
        if number % 50 == 0:  # what runs and new have made
            shutil.rmtree(field)
            field.mkdir()
            (field / "mine.py").write_text(STUDY)
            monkeypatch.chdir(field)
    print(f"seed {SEED + 2}: {count} command lines, ended with {codes}")
    made = {p.name for p in field.parent.iterdir()}
    assert made <= {"work", "checkout", "state"} and before == tree(field.parent / "checkout")


@pytest.mark.parametrize("count", sizes(20, 600))
def test_every_studys_settings(count: int, tmp_path: Path):
    """Up to what training would begin with: no study takes long, or much, to refuse."""
    rng, refused = random.Random(SEED + 3), 0
    known = study_names()
    for _ in cases(count):
        study = load_study(rng.choice(known))
        config = study.presets["smoke"]
        key = rng.choice(list(vars(config)))
        text = rng.choice(NUMBERS)
        told = f"{study.name}: {key} = {text[:50]}"
        (tmp_path / "now.txt").write_text(told)  # the process itself may end here
        try:
            checked_populations(study, study.config("smoke", {key: text}), 0, tmp_path / "run")
        except ToylabError as error:
            refused += 1
            assert len(str(error).splitlines()) <= 2
        except BaseException as error:
            pytest.fail(f"{told}: {type(error).__name__}: {error}")
    print(f"seed {SEED + 3}: {count} settings of {len(known)} studies, {refused} refused")


@pytest.mark.parametrize("count", sizes(40, 1_000))
def test_transcripts(count: int, tmp_path: Path):
    rng, refused, path = random.Random(SEED + 4), 0, tmp_path / "games.txt"
    squares = [f"{c}{r}" for c in "abcdz" for r in (0, 1, 2, 3, 4, 9, 10**30)]
    for number in cases(count):
        lines = []
        for _ in range(rng.randint(0, 6)):
            kind = rng.random()
            if kind < 0.4:
                lines.append("".join(rng.choice(squares) for _ in range(rng.randint(0, 20))))
            elif kind < 0.8:
                lines.append(rng.choice(TEXTS + NUMBERS))
            else:
                lines.append("".join(chr(rng.randrange(1, 0x3000)) for _ in range(30)))
        text = rng.choice(("\n", "\r\n", "\r", "\0")).join(lines)
        data = text.encode(rng.choice(("utf-8", "utf-8-sig", "utf-16")), "replace")
        if number % 4 == 0:
            data = bytes(rng.randrange(256) for _ in range(rng.randint(0, 300)))
        path.write_bytes(data)
        try:
            found = read_transcripts(path, 4)
            assert all(line.isprintable() for line in found.bad)
        except ToylabError:
            refused += 1
    print(f"seed {SEED + 4}: {count} files of games, {refused} refused")
