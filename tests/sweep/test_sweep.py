"""Sweeps: cells packed into few programs, each judged as a run of its own."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.cluster.small import written
from tests.cluster.test_cluster import Here
from toylab import lab
from toylab.cli.main import main
from toylab.errors import ToylabError
from toylab.runs.manifest import encode
from toylab.runs.reporter import Interrupted
from toylab.runs.run_folder import RunFolder
from toylab.study import Study, load_study
from toylab.sweep.grid import cells_of, read_grids
from toylab.sweep.pack import packed, packs_of, places
from toylab.sweep.plan import Plan
from toylab.sweep.sweep import plan_sweep, run_sweep

STUDY = """
import dataclasses
import polars as pl
import toylab as tl
from toylab.tasks.superposition.superposition import Sparse

@dataclasses.dataclass(frozen=True)
class Config:
    seeds: int = 3
    steps: int = 20
    rate: float = 0.01
    density: float = 0.5
    hidden: int = 2
    sizes: tuple[int, ...] = (4,)

def populations(config):
    n = config.sizes[0]
    return {"p": tl.Population(model=tl.Autoencoder(n, config.hidden),
        members=tl.seeds(config.seeds), task=Sparse(n, density=config.density),
        optimizer=tl.AdamW(config.rate, 0.0),
        steps=config.steps, record_every=10, snapshots=(0,), batch_size=8, tile=3)}

def measure(config, run):
    norm = (run.params("p")["W"].astype("float64") ** 2).sum((1, 2))
    return {"norm": run.members("p").with_columns(pl.Series("norm", norm))}

study = tl.Study(name="swept", title="Swept", paper="none", presets={"smoke": Config()}, costs={},
    populations=populations, measure=measure, draw=lambda measures, config: {}, claims=[
        tl.Claim("low", "Weights stay.", "none", tl.table("norm").value("norm"),
            tl.Expect.below(100.0), "ours: a hundred", min_units=3, headline=True)])
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("sweep")
    (root / "swept.py").write_text(STUDY)
    return root


@pytest.fixture
def swept(home: Path, monkeypatch) -> Study:
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    return load_study(str(home / "swept.py"))


def planned(study: Study, home: Path, *grids: str) -> Plan:
    return plan_sweep(study, "smoke", grids, source=str(home / "swept.py"))


def test_numbers_become_members_and_shapes_become_programs(swept: Study, home: Path):
    plan = planned(swept, home, "hidden=1,2", "rate=0.001:0.1:log3", "density=0.2,0.8")
    assert [len(pack.cells) for pack in plan.packs] == [6, 6]
    assert {name: p.size for name, p in plan.packed.items()} == {"p.0": 18, "p.6": 18}
    whole = plan.packed["p.6"]
    assert whole.model.n_hidden == 2  # pyright: ignore
    np.testing.assert_allclose(whole.members["learning_rate"][::6], [0.001, 0.01, 0.1])
    np.testing.assert_allclose(whole.members["density"][::3], [0.2, 0.8] * 3)


def test_every_member_of_a_pack_is_bound_to_its_own_cell(swept: Study, home: Path):
    plan = planned(swept, home, "rate=0.001,0.1", "density=0.2,0.8")
    (pack,) = plan.packs
    whole, parts = plan.packed[pack.name], plan.parts(pack)
    for own, part in zip(places(parts), parts, strict=True):
        for member in range(own.start, own.stop):
            row = {name: column[member] for name, column in whole.members.columns.items()}
            bound = whole.bind(row)
            assert (bound.task, bound.optimizer) == (part.task, part.optimizer)
        seeds = whole.members["init_seed"][own]
        np.testing.assert_array_equal(seeds, part.members["init_seed"])


def test_a_cell_has_the_bits_of_its_own_run(swept: Study, home: Path, tmp_path: Path):
    """With the tiles forced alike: a member's bits depend on what shares its tile's shape."""
    plan = planned(swept, home, "rate=0.001,0.1", "steps=10,20")
    out = run_sweep(plan, tmp_path / "sweep")
    for number, settings in enumerate(plan.cells):
        overrides = {name: str(value) for name, value in settings.items()}
        alone = lab.run_study(swept, "smoke", tmp_path / f"alone{number}", overrides)
        cell = RunFolder(out / "cells" / f"{number:04d}")
        for step in alone.steps("p"):
            mine, theirs = cell.params("p", step), alone.params("p", step)
            for name in mine:
                np.testing.assert_allclose(mine[name], theirs[name], rtol=1e-5, atol=1e-6)
        assert [v.verdict for v in cell.claims()] == [v.verdict for v in alone.claims()]
        assert cell.manifest["config"] == alone.manifest["config"]


def test_an_engine_gives_a_sweep_the_same_bits(swept: Study, home: Path, tmp_path: Path):
    plan = planned(swept, home, "rate=0.001,0.1", "hidden=1,2")
    here = run_sweep(plan, tmp_path / "here")
    there = run_sweep(plan, tmp_path / "there", on=Here())
    names = [p.relative_to(here) for p in here.glob("cells/*/snapshots/*")]
    assert len(names) == 8
    for number in range(4):
        mine, theirs = (RunFolder(out / "cells" / f"{number:04d}") for out in (here, there))
        for step in mine.steps("p"):
            for name, leaf in mine.params("p", step).items():
                np.testing.assert_array_equal(leaf, theirs.params("p", step)[name])
    for table in ("claims", "members"):
        assert pl.read_parquet(here / f"{table}.parquet").equals(
            pl.read_parquet(there / f"{table}.parquet")
        )


def test_a_stopped_sweep_finishes_what_is_missing(swept: Study, home: Path, tmp_path: Path):
    plan = planned(swept, home, "rate=0.001,0.01,0.1")
    asked = iter([False] * 4)
    with pytest.raises(Interrupted):
        run_sweep(plan, tmp_path / "out", stop=lambda: next(asked, True))
    judged = sorted((tmp_path / "out").glob("cells/*/claims.json"))
    assert 0 < len(judged) < 3
    before = {path: path.stat().st_mtime_ns for path in judged}
    out = run_sweep(plan, tmp_path / "out")
    assert {path: path.stat().st_mtime_ns for path in judged} == before
    claims = pl.read_parquet(out / "claims.parquet")
    assert claims["rate"].to_list() == [0.001, 0.01, 0.1]
    assert claims["headline"].all()
    assert (out / "figures" / "claims.png").exists()


def test_a_sweep_is_finished_as_it_was_begun(swept: Study, home: Path, tmp_path: Path):
    plan, out = planned(swept, home, "rate=0.1,0.2"), tmp_path / "out"
    with pytest.raises(Interrupted):
        run_sweep(plan, out, stop=lambda: True)
    path = out / "packs" / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_bytes(encode(manifest | {"numerics": manifest["numerics"] | {"jax": "0.0.1"}}))
    with pytest.raises(ToylabError, match=r"begun otherwise: jax was 0\.0\.1 .*--out"):
        run_sweep(plan, out)
    path.write_bytes(encode(manifest | {"data": {str(tmp_path / "rows"): "0" * 64}}))
    with pytest.raises(ToylabError, match=r"begun otherwise: .*rows"):
        run_sweep(plan, out)
    path.write_bytes(encode(manifest))
    assert run_sweep(plan, out) == out


def test_a_stopped_sweep_names_its_own_command(home: Path, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(
        "toylab.sweep.command.run_sweep", lambda plan, out, shown, stop, *rest: asks(shown, out)
    )
    out = tmp_path / "a grid"
    words = ["sweep", str(home / "swept.py"), "--preset", "smoke", "--grid", "rate=0.1,0.2"]
    assert main([*words, "--out", str(out)]) == 130
    assert f"Continue with: toylab sweep {home / 'swept.py'}" in (told := capsys.readouterr().err)
    assert f"--out '{out}'" in told


def asks(shown, out) -> None:
    """What a sweep does that is asked to stop."""
    shown.plan(Path(out) / "packs", {}, ())
    raise Interrupted(str(Path(out) / "packs"))


def test_members_and_their_settings_are_one_table(swept: Study, home: Path, tmp_path: Path):
    out = run_sweep(planned(swept, home, "rate=0.001,0.1"), tmp_path / "out")
    table = pl.read_parquet(out / "members.parquet")
    assert table.height == 2 * 3  # cells, seeds; the loss alone is recorded
    assert set(table["step"]) == {20}
    run = RunFolder(out / "cells" / "0001")
    ends = table.filter(pl.col("rate") == 0.1).sort("member")["value"].to_numpy()
    np.testing.assert_array_equal(ends, lab.final_loss(run, "p"))


def test_populations_with_a_start_stay_apart(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    source = str(written(tmp_path))
    plan = plan_sweep(load_study(source), "smoke", ["rate=0.01,0.02", "steps=40,60"], source=source)
    assert [len(pack.cells) for pack in plan.packs] == [1] * 12
    assert plan.packed["next.2"].start == "first.2"
    out = run_sweep(plan, tmp_path / "out")
    assert len(list(out.glob("cells/*/claims.json"))) == 4


def test_only_what_is_alike_is_packed(swept: Study):
    import dataclasses

    population = swept.populations(swept.config("smoke"))["p"]
    own = lambda k: dataclasses.replace(population, metrics=lambda m, p, t: {"k": k})
    assert len(packs_of([{"p": own(1)}, {"p": own(2)}])) == 2
    assert len(packs_of([{"p": own(1)}, {"p": own(1)}])) == 1
    far = np.zeros((2, 2000))
    far[1, 1000] = 1  # where a long array's text leaves out
    assert len(packs_of([{"p": own(each)} for each in far])) == 2
    same = lambda m, p, t: {}
    shared = [{"p": dataclasses.replace(population, metrics=same)} for _ in range(2)]
    assert len(packs_of(shared)) == 1
    assert packed([each["p"] for each in shared]).size == 2 * population.size


def test_grids():
    import dataclasses

    config = dataclasses.make_dataclass(
        "Config", [("p", int), ("rate", float), ("sizes", tuple), ("kind", str)]
    )(7, 1.0, (4,), "ring")
    read = lambda *texts: read_grids(texts, config)
    assert read("p=31,59") == {"p": (31, 59)}
    assert read("p=10:20:3") == {"p": (10, 15, 20)}
    assert read("rate=0.5:4:log4") == {"rate": (0.5, 1.0, 2.0, 4.0)}
    assert read("sizes=8,10;12,14") == {"sizes": ((8, 10), (12, 14))}
    assert read("kind=ring,star") == {"kind": ("ring", "star")}
    assert cells_of(read("p=1,2", "rate=3,4"))[2] == {"p": 2, "rate": 3.0}


@pytest.mark.parametrize(
    ("grid", "told"),
    [
        ("rat=1,2", "no setting 'rat': did you mean 'rate'"),
        ("rate", "not of the form key=values"),
        ("rate=1:2", "is no span"),
        ("rate=2:1:3", "is no span"),
        ("rate=0:1:log3", "is no span"),
        ("rate=0:1:1000000000", "is no span"),
        ("rate=1,1", "given twice"),
        ("rate=one,two", "is not a number"),
        ("rate=-1,2", "out of range"),
        ("seeds=0,1", "out of range"),
        ("hidden=0,1", "n_hidden = 0 is out of range"),
        ("steps=1:9000:9000", None),
    ],
)
def test_a_grid_that_is_none_is_refused_before_anything_is_written(
    swept: Study, home: Path, tmp_path: Path, grid: str, told: str | None
):
    if told is None:
        with pytest.raises(ToylabError, match="18,000 cells are more than 10,000"):
            planned(swept, home, grid, "hidden=1,2")
        return
    with pytest.raises(ToylabError, match=told):
        planned(swept, home, grid)


def test_another_sweeps_folder_is_refused(swept: Study, home: Path, tmp_path: Path):
    run_sweep(planned(swept, home, "steps=1,2"), tmp_path / "out")
    with pytest.raises(ToylabError, match=r"holds another sweep: its axes is .*'steps': \[1, 2\]"):
        run_sweep(planned(swept, home, "steps=1,3"), tmp_path / "out")
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "notes").write_text("mine")
    with pytest.raises(ToylabError, match="is no sweep's folder"):
        run_sweep(planned(swept, home, "steps=1,2"), tmp_path / "else")
    (tmp_path / "out" / "sweep.json").write_text("{")
    with pytest.raises(ToylabError, match="is damaged"):
        run_sweep(planned(swept, home, "steps=1,2"), tmp_path / "out")


def test_the_command(swept: Study, home: Path, tmp_path: Path, capsys):
    command = ["sweep", str(home / "swept.py"), "--preset", "smoke", "--grid", "rate=0.001,0.1"]
    assert main([*command, "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "2 cells, 6 members in 1 programs" in told
    assert main(command) == 1
    assert "name its folder with --out" in capsys.readouterr().err
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "0.001" in told and "claims.parquet" in told
    assert json.loads((tmp_path / "out" / "sweep.json").read_text())["axes"] == {
        "rate": [0.001, 0.1]
    }


def test_a_setting_named_like_a_column_keeps_its_values(home: Path, tmp_path: Path, capsys):
    path = tmp_path / "named.py"
    text = STUDY.replace("hidden: int = 2", "n: int = 2").replace("config.hidden", "config.n")
    for old, new in (
        ("    n = ", "    m = "),
        ("Autoencoder(n", "Autoencoder(m"),
        ("(n, d", "(m, d"),
    ):
        text = text.replace(old, new)
    path.write_text(text)
    out = tmp_path / "out"
    grid = ["--grid", "n=1,2", "seeds=3,4"]
    assert main(["sweep", str(path), "--preset", "smoke", *grid, "--out", str(out)]) == 0
    claims = pl.read_parquet(out / "claims.parquet")
    assert claims["setting n"].to_list() == [1, 1, 2, 2] and claims["n"].to_list() == [3, 4, 3, 4]
    assert (out / "figures" / "claims.png").exists()


def test_a_start_that_is_none_is_refused_before_training(home: Path, tmp_path: Path):
    path = tmp_path / "started.py"
    path.write_text(STUDY.replace("batch_size=8, tile=3)}", 'batch_size=8, tile=3, start="a")}'))
    with pytest.raises(ToylabError, match="'p' starts from 'a', which is not trained before it"):
        plan_sweep(load_study(str(path)), "smoke", ["rate=0.1,0.2"], source=str(path))


def test_another_claim_than_the_headline_must_be_one(swept: Study, home: Path, tmp_path: Path):
    plan = planned(swept, home, "rate=0.1,0.2")
    with pytest.raises(ToylabError, match="--claim 'lo' is none of swept"):
        run_sweep(plan, tmp_path / "out", claim="lo")
    assert not (tmp_path / "out").exists()
