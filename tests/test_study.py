"""Study files, presets and settings: what is read, and what is refused and how."""

import dataclasses
import sys
from pathlib import Path

import pytest

from toylab.claims import Claim, Expect
from toylab.errors import ToylabError
from toylab.load import load_module, room
from toylab.population import numeric_fields
from toylab.read import table
from toylab.study import Study, load_study, parse, study_names
from toylab.train.fit import fit


@dataclasses.dataclass(frozen=True)
class Config:
    seeds: int = 5
    rate: float = 0.5
    name: str = "x"
    fast: bool = False
    densities: tuple[float, ...] = (0.1, 0.2)


def claim(key: str) -> Claim:
    loss = table("ends").value("loss")
    return Claim(key, "text", "here", loss, Expect.above(0.0), "theory: no loss is below 0")


def make(**changes) -> Study:
    settings = {
        "name": "mine",
        "title": "t",
        "paper": "p",
        "presets": {"smoke": Config(), "paper": Config(seeds=20)},
        "costs": {},
        "populations": lambda config: {},
        "measure": lambda config, run: {},
        "claims": [claim("a"), claim("b")],
    }
    return Study(**(settings | changes))


@pytest.mark.parametrize(
    ("text", "like", "expected"),
    [
        ("7", 5, 7),
        ("-7", 5, -7),
        ("1e-3", 0.5, 1e-3),
        ("2", 0.5, 2.0),
        ("true", False, True),
        ("False", True, False),
        ("1e-3", "text", "1e-3"),
        ("0.1,0.2", (1.0,), (0.1, 0.2)),
        ("(0.1, 2)", (1.0,), (0.1, 2.0)),
        ("[3]", (1, 2), (3,)),
        ("3,", (1, 2), (3,)),
    ],
)
def test_settings_are_read_by_the_type_they_replace(text: str, like, expected) -> None:
    value = parse("key", text, like)
    assert value == expected
    assert type(value) is type(expected)
    if isinstance(value, tuple):
        assert [type(v) for v in value] == [type(v) for v in expected]


@pytest.mark.parametrize(
    ("text", "like", "said"),
    [
        ("1.5", 5, "not a whole number, as in key=5"),
        ("True", 5, "not a whole number"),
        ("1", False, "not true or false"),
        ("fast", 0.5, "not a number"),
        ("", 0.5, "not a number"),
        ("{[]: 1}", 5, "not a whole number"),
        ("__import__('os')", 5, "not a whole number"),
        ("(" * 500, 5, "not a whole number"),
        ("9" * 5000, 0.5, "not a number"),
        ("", (0.1,), r"list of numbers separated by commas .* as in key=0\.1"),
        ("0.1,x", (0.1,), "not a number"),
    ],
)
def test_settings_of_the_wrong_type_are_refused(text: str, like, said: str) -> None:
    with pytest.raises(ToylabError, match=said):
        parse("key", text, like)


def test_overrides_change_only_what_they_name() -> None:
    config = make().config("smoke", {"rate": "0.25", "densities": "0.3"})
    assert config == Config(rate=0.25, densities=(0.3,))
    assert make().config("paper").seeds == 20


@pytest.mark.parametrize(
    ("preset", "overrides", "said"),
    [
        ("smok", {}, "Unknown preset 'smok': did you mean 'smoke'"),
        ("smoke", {"rat": "1"}, "Unknown setting 'rat' of mine: did you mean 'rate'"),
        ("smoke", {"seeds": "0"}, "seeds = 0"),
        ("smoke", {"seeds": "many"}, "not a whole number"),
    ],
)
def test_wrong_presets_and_settings_are_refused(preset: str, overrides: dict, said: str) -> None:
    with pytest.raises(ToylabError, match=said):
        make().config(preset, overrides)


def test_a_study_is_checked_when_made() -> None:
    with pytest.raises(ToylabError, match="two claims have the key 'a'"):
        make(claims=[claim("a"), claim("a")])
    with pytest.raises(ToylabError, match="preset 'smoke' must be a dataclass"):
        make(presets={"smoke": {"seeds": 3}})


def test_a_study_draws_with_its_own_function_or_with_none() -> None:
    assert make(draw=lambda measures, config: {"f": measures}).figures(1, None) == {"f": 1}
    assert make(name="no_such_figure").figures({}, None) == {}


def test_a_misspelt_study_gets_the_near_names() -> None:
    names = study_names()
    assert "superposition" in names and not [n for n in names if n.startswith("_")]
    with pytest.raises(ToylabError, match="did you mean 'superposition'"):
        load_study("superpositon")


HEAD = """
import dataclasses
from toylab.study import Study

@dataclasses.dataclass(frozen=True)
class Config:
    seeds: int = 1

study = Study(name="own", title="t", paper="p", presets={"smoke": Config()}, costs={},
    populations=lambda c: {}, measure=lambda c, r: {}, claims=[])
"""


def test_a_study_file_of_the_users_loads(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "own.py").write_text(HEAD)
    assert load_study(str(tmp_path / "own.py")).name == "own"
    monkeypatch.chdir(tmp_path)
    assert load_study("own.py").config("smoke").seeds == 1
    assert load_study("./own.py").name == "own"
    (tmp_path / "later.py").write_text("from __future__ import annotations" + HEAD)
    assert load_study("later.py").name == "own"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "defines no study; end it with"),
        ("study = 3", "defines no study"),
        ("x = 1\ny = (", "broken.py, line 2"),
        ("x = 1\n\ny = 1 / 0\n", "broken.py, line 3: ZeroDivisionError"),
        ("import toylab_no_such_module", "broken.py, line 1: ModuleNotFoundError"),
        (HEAD + "study.config('smok')", "broken.py: Unknown preset"),
        ("import sys\nsys.exit(3)", r"broken.py, line 2: it ends the process \(sys.exit\)"),
        ("import beside", r"broken.py, line 1: ZeroDivisionError"),
    ],
)
def test_a_broken_study_file_is_told_by_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(text)
    (tmp_path / "beside.py").write_text("1 / 0")
    with pytest.raises(ToylabError, match=said):
        load_study(str(path))


def test_a_line_is_named_whatever_the_path(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "slip.py").write_text("\nraise KeyError('gone')\n")
    monkeypatch.chdir(tmp_path / "sub")
    with pytest.raises(ToylabError, match=r"slip\.py, line 2: KeyError"):
        load_module(Path("../slip.py"))
    with pytest.raises(ToylabError, match=r"No file nowhere\.py"):
        load_study("nowhere.py")


def test_a_file_imports_what_lies_beside_it(tmp_path: Path) -> None:
    """Its own files, and not those of the same name that another study has."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "parts.py").write_text(f"title = {name!r}")
        text = "from parts import title\n" + HEAD.replace('"t"', "title")
        (tmp_path / name / "own.py").write_text(text)
    before = list(sys.path)
    assert [load_study(str(tmp_path / n / "own.py")).title for n in ("one", "two")] == [
        "one",
        "two",
    ]
    (tmp_path / "two" / "parts.py").write_text("title = 'edited'")
    assert load_study(str(tmp_path / "two" / "own.py")).title == "edited"
    assert sys.path == before


def test_a_file_may_bear_the_name_of_a_module(tmp_path: Path) -> None:
    (tmp_path / "polars.py").write_text("from __future__ import annotations\n" + HEAD)
    known = sys.modules["polars"]
    assert load_study(str(tmp_path / "polars.py")).name == "own"
    assert sys.modules["polars"] is known


def test_a_file_inside_a_package_imports_relatively(tmp_path: Path) -> None:
    folder = tmp_path / "my_family" / "own"
    folder.mkdir(parents=True)
    for path in (folder / "__init__.py", folder.parent / "__init__.py"):
        path.write_text("")
    (folder / "claims.py").write_text("TITLE = 'a family'")
    (folder / "study.py").write_text("from .claims import TITLE\n" + HEAD.replace('"t"', "TITLE"))
    assert load_study(str(folder / "study.py")).title == "a family"
    (tmp_path / "polars").mkdir()
    for name in ("__init__.py", "study.py"):
        (tmp_path / "polars" / name).write_text(HEAD)
    with pytest.raises(ToylabError, match="another package is called 'polars'; rename its folder"):
        load_study(str(tmp_path / "polars" / "study.py"))


def test_a_file_of_the_laboratory_is_its_module() -> None:
    path = room("studies") / "in_context" / "attention_sinks" / "study.py"
    assert load_study(str(path)) is load_study("attention_sinks")


WORLD = """from __future__ import annotations
import dataclasses
from typing import TYPE_CHECKING
import jax
import toylab as tl
if TYPE_CHECKING:
    from nowhere import Unknown

@dataclasses.dataclass(frozen=True)
class Noisy(tl.Task):
    noise: tl.Number = 1.0
    mean: float = 0.0
    size: int = 3
    other: Unknown | None = None

    def example(self, key):
        x = self.mean + self.noise * jax.random.normal(key, (self.size,))
        return tl.Batch(x, x, jax.numpy.ones(3), {})

def population(**columns):
    return tl.Population(
        model=tl.MLP((3, 3)), task=Noisy(), members=tl.grid(init_seed=range(2), **columns),
        optimizer=tl.SGD(0.1), steps=1, batch_size=2)
"""


def test_types_written_as_text_say_which_fields_differ_per_member(tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(WORLD)
    module = load_module(tmp_path / "noisy.py")
    population = module.population(noise=(0.5, 1.0), mean=(0.0, 2.0))
    assert numeric_fields(population.task) == ("noise", "mean")
    assert fit(population).params["layers"]["0"]["bias"].shape == (8, 3)
    with pytest.raises(ToylabError, match="'size' is a setting of the task that all members share"):
        module.population(size=(3, 4))


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("othello_interventions", "hidden penalties"),
        ("preference_collapse", "bad_neurons"),
        ("othello_dictionary", "tree_depth dictionary_rate l1 pattern_games"),
        ("induction", "vector_init"),
    ],
)
def test_numbers_below_zero_are_refused_before_training(name: str, keys: str) -> None:
    study = load_study(name)
    for key in keys.split():
        with pytest.raises(ToylabError, match="out of range"):
            study.config("smoke", {key: "-1"})


@pytest.mark.parametrize(
    "saved",
    [
        {"seeds": "two"},
        {"seeds": 1.5},
        {"seeds": True},
        {"seeds": 10**12},
        {"vector_rate": float("inf")},
        {"vector_rate": -1.0},
        {"vector_rate": None},
        {"copies": 3},
        {"copies": ["a"]},
        {"nonsense": 1},
    ],
)
def test_settings_of_a_manifest_are_held_to_the_bounds_of_the_command_line(saved: dict) -> None:
    study = load_study("induction")
    own = dataclasses.asdict(study.presets["smoke"])
    assert study.restored("smoke", {k: list(v) if type(v) is tuple else v for k, v in own.items()})
    with pytest.raises(ToylabError):
        study.restored("smoke", saved)
    with pytest.raises(ToylabError):
        study.restored("nowhere", {"seeds": 2})


def test_a_text_with_control_characters_is_refused() -> None:
    assert parse("path", "é x", "") == "é x"
    for text in ("a\0b", "\x1b[31m", "a\nb", "\u202e"):
        with pytest.raises(ToylabError, match="cannot be printed"):
            parse("path", text, "")
