"""Every kind of file of a run folder, flipped, cut short and forged: the same numbers or one error.

Damage is what a disk does: the checksums do not fit. A forgery fits: somebody wrote it.
"""

import hashlib
import io
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import safetensors.numpy

from tests.torture.rig import SEED, STUDY, alike, cases, sizes, tree
from toylab import lab
from toylab.cli.main import main
from toylab.cluster import training
from toylab.errors import ToylabError
from toylab.report.results import read_result
from toylab.runs import manifest as manifests
from toylab.runs.checkpointer import FolderCheckpointer
from toylab.runs.reporter import Interrupted
from toylab.runs.run_folder import RunFolder
from toylab.study import load_study

ODD: tuple[Any, ...] = (
    None, True, -1, 0, 2**31, 2**63, 2**64, 10**400, 1e308, float("nan"), float("inf"), "",
    "\0", "\x1b[31mred", "../../x", "/etc/passwd", "x" * 5000, "\ud800", "é\u202e", [], {}, [[]],
    [None], {"": 0}, {"a": {"b": []}}, [float("nan")], ["x"], [-1, 2.5],
)  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder with a finished run, one that stopped half-way, and a file that must never run."""
    root = tmp_path_factory.mktemp("damage")
    (root / "mine.py").write_text(STUDY)
    (root / "evil.py").write_text(
        "from pathlib import Path\nPath(__file__).with_suffix('.ran').touch()"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(root / "state"))
        study = load_study(str(root / "mine.py"))
        source = str(root / "mine.py")
        lab.run_study(study, "smoke", root / "whole", source=source)
        with pytest.raises(Interrupted):
            lab.run_study(study, "smoke", root / "half", source=source, stop=lambda: True)
        if not list((root / "half").glob("state/*")):  # one chunk was the whole population
            shutil.rmtree(root / "half")
            with pytest.MonkeyPatch.context() as short:
                short.setattr(training, "train", stopped_early(training.train))
                with pytest.raises(Interrupted):
                    lab.run_study(study, "smoke", root / "half", source=source, stop=lambda: True)
    return root


def stopped_early(train: Callable) -> Callable:
    """Training in chunks of one record, so that a stop finds it half-way."""
    return lambda *args, **named: train(*args, **named, chunk_seconds=0.0)


@pytest.fixture
def spot(home: Path, tmp_path: Path, monkeypatch) -> Path:
    """A copy of both runs; the study is one that this user has run."""
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    shutil.copytree(home / "half", tmp_path / "half")
    shutil.copytree(home / "whole", tmp_path / "whole")
    return tmp_path


def read_all(path: Path) -> RunFolder:
    """Read everything that a run folder holds."""
    run = RunFolder(path)
    for name in run.populations():
        run.members(name)
        for step in run.steps(name):
            run.shapes(name, step)
            run.params(name, step)
        if name in run.manifest.get("finished", {}):
            run.dead_at(name)
        FolderCheckpointer(run, name, (0, 40)).load()
    if "metrics.parquet" in run.files():
        run.metrics()
        lab.final_loss(run, "p")
    run.measures()
    run.measured()
    if "claims.json" in run.files():
        run.claims()
    run.losses(), run.lost(), run.diverged(), run.figures()
    return run


def files_of(path: Path) -> list[Path]:
    """Files of a run that hold something; pictures are only ever drawn anew."""
    return [
        p
        for p in sorted(path.rglob("*"))
        if p.is_file() and p.suffix not in (".png", ".lock") and p.stat().st_size
    ]


@pytest.mark.parametrize("count", sizes(150, 2_000))
def test_what_is_damaged_is_named(count: int, home: Path, spot: Path):
    rng, refused, whole = random.Random(SEED), 0, RunFolder(home / "whole")
    for _ in cases(count):
        run = spot / rng.choice(("whole", "whole", "half"))
        path = rng.choice(files_of(run))
        kept = path.read_bytes()
        data = bytearray(kept)
        kind = rng.choice(("flip", "cut", "empty", "longer", "swap"))
        if kind == "flip":
            for _ in range(rng.choice((1, 1, 8))):
                data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        elif kind == "swap":
            data = bytearray(rng.choice(files_of(run)).read_bytes())
        else:
            cut = rng.randrange(len(data))
            data = {"cut": data[:cut], "empty": bytearray(), "longer": data + b"x" * 9}[kind]
        path.write_bytes(data)
        try:
            read = read_all(run)
            if run.name == "whole":
                alike(whole, read)
        except ToylabError:
            refused += 1
        except (AssertionError, KeyError):
            # A file whose checksum is lost does not count: the run lacks it, and resume makes it.
            assert set(read.files()) < set(whole.files()) or data == kept, (path.name, kind)
        finally:
            path.write_bytes(kept)
    print(f"seed {SEED}: {count} damaged files, {refused} refused")
    assert refused > count / 2


# Forgeries ------------------------------------------------------------------------------------


def forged(rng: random.Random, value: Any) -> Any:
    """Return JSON with one place replaced, lost or added."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        if rng.random() < 0.1:
            return value | {str(rng.choice(ODD)).replace("\ud800", "?"): rng.choice(ODD)}
        return value | {key: forged(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.7:
        place = rng.randrange(len(value))
        return [*value[:place], forged(rng, value[place]), *value[place + 1 :]]
    return rng.choice(ODD)


def forge_manifest(rng: random.Random, run: Path, evil: Path) -> None:
    path = run / "manifest.json"
    content = json.loads(path.read_text())
    for _ in range(rng.choice((1, 1, 3))):
        content = forged(rng, content)
        content = content if isinstance(content, dict) else {"study": content}
    if rng.random() < 0.3:
        content |= rng.choice(
            (
                {"source": str(evil)},
                {"study": str(evil), "source": None},
                {"data": {"/dev/zero": "0"}},  # it has no end
                {"data": {str(evil): "0", "\x1b[2J": "0"}},
                {"numerics": {"x64": "\x1b[2J", "jax": "0"}},
            )
        )
    path.write_bytes(manifests.encode(content))


def list_again(run: Path, name: str) -> None:
    """Give a file a checksum that fits."""
    sums = json.loads((run / "checksums.json").read_text())
    sums[name] = hashlib.sha256((run / name).read_bytes()).hexdigest()
    (run / "checksums.json").write_text(json.dumps(sums))


def forge_json(rng: random.Random, run: Path, name: str) -> None:
    path = run / name
    content = forged(rng, json.loads(path.read_text()))
    text = json.dumps(content) if rng.random() < 0.9 else "[" * 100_000
    path.write_text(text.replace("Infinity", rng.choice(("Infinity", "1e999"))))


def forge_tensors(rng: random.Random, run: Path) -> None:
    name = rng.choice([str(p.relative_to(run)) for p in run.rglob("*.safetensors")])
    data = (run / name).read_bytes()
    length = int.from_bytes(data[:8], "little")
    if rng.random() < 0.5:
        header = json.dumps(forged(rng, json.loads(data[8 : 8 + length]))).encode()
        size = rng.choice((len(header), len(header), 0, 2**63, len(header) + 1))
        (run / name).write_bytes(size.to_bytes(8, "little") + header + data[8 + length :])
    else:
        about = json.loads(data[8 : 8 + length])["__metadata__"]
        arrays = dict(safetensors.numpy.load(data))
        key = rng.choice(list(arrays))
        arrays[key] = rng.choice((np.zeros(0), np.float64(3), np.full((3, 2), np.nan), np.int8(-1)))
        if rng.random() < 0.3:
            del arrays[key]
        arrays = {n: np.asarray(a) for n, a in arrays.items()}
        (run / name).write_bytes(safetensors.numpy.save(arrays, about))
    list_again(run, name)


def forge_table(rng: random.Random, run: Path) -> None:
    names = ("metrics.parquet", "measures/norm.parquet", "measures/ends.npy")
    name = rng.choice([n for n in names if (run / n).exists()])
    data = bytearray((run / name).read_bytes())
    if rng.random() < 0.6:
        for _ in range(rng.choice((1, 4, 40))):
            data[rng.randrange(len(data))] = rng.randrange(256)
    elif name.endswith(".npy"):
        buffer = io.BytesIO()
        np.save(buffer, np.array([object()], dtype=object), allow_pickle=True)
        data = bytearray(buffer.getvalue())
    else:
        buffer = io.BytesIO()
        pl.DataFrame({rng.choice(("step", "x")): [rng.choice(("a", "b"))]}).write_parquet(buffer)
        data = bytearray(buffer.getvalue())
    (run / name).write_bytes(data)
    list_again(run, name)


def forge(rng: random.Random, run: Path, evil: Path) -> str:
    """Forge one file of a run; return which kind."""
    kind = rng.choice(("manifest", "manifest", "checksums", "claims", "tensors", "table"))
    if kind == "manifest":
        forge_manifest(rng, run, evil)
    elif kind == "checksums":
        forge_json(rng, run, "checksums.json")
    elif kind == "claims" and (run / "claims.json").exists():
        forge_json(rng, run, "claims.json")
        list_again(run, "claims.json")
    elif kind == "table" and (run / "metrics.parquet").exists():
        forge_table(rng, run)
    else:
        forge_tensors(rng, run)
    return kind


@pytest.mark.parametrize("count", sizes(150, 2_000))
def test_a_forged_file_is_read_or_refused(count: int, home: Path, spot: Path):
    rng, refused = random.Random(SEED + 1), 0
    for _ in cases(count):
        run = spot / rng.choice(("whole", "half"))
        forge(rng, run, home / "evil.py")
        try:
            read_all(run)
        except ToylabError:
            refused += 1
        finally:
            shutil.rmtree(run)
            shutil.copytree(home / run.name, run)
    print(f"seed {SEED + 1}: {count} forged files read, {refused} refused")
    assert not (home / "evil.ran").exists()


@pytest.mark.parametrize("count", sizes(8, 500))
def test_commands_on_forged_runs(count: int, home: Path, spot: Path, capsys, monkeypatch):
    rng, codes = random.Random(SEED + 2), {0: 0, 1: 0, 2: 0}
    base = spot / "checkout"
    (base / "studies" / "results").mkdir(parents=True)
    monkeypatch.setattr("toylab.cli.commands.root", lambda: base)
    before = tree(home), tree(spot, but=(spot / "whole", spot / "half", base))
    for _ in cases(count):
        run = spot / rng.choice(("whole", "whole", "half"))
        kind = forge(rng, run, home / "evil.py")
        words = rng.choice((["judge"], ["judge", "--remeasure"], ["draw"], ["publish"], ["resume"]))
        capsys.readouterr()
        code = main([*words, str(run), *(["--json"] if words != ["publish"] else [])])
        err = capsys.readouterr().err
        lines = [line for line in err.splitlines() if line]
        assert code in codes and (code == 0 or 1 <= len(lines) <= 2), (kind, words, code, err)
        assert err.replace("\n", "").isprintable(), (kind, words, err)
        codes[code] += 1
        shutil.rmtree(run)
        shutil.copytree(home / run.name, run)
    print(f"seed {SEED + 2}: {count} commands on forged runs, ended with {codes}")
    assert before == (tree(home), tree(spot, but=(spot / "whole", spot / "half", base)))


@pytest.mark.parametrize("count", sizes(200, 3_000))
def test_a_forged_result_is_read_or_refused(count: int, home: Path, tmp_path: Path):
    rng, refused = random.Random(SEED + 3), 0
    claims = json.loads((home / "whole" / "claims.json").read_text())
    result = {"study": "mine", "preset": "smoke", "device": "d", "commit": "c", "wall_s": 1.0,
              "first_seed": 0, "claims": claims}  # fmt: skip
    path = tmp_path / "mine.smoke.json"
    for _ in cases(count):
        path.write_text(json.dumps(forged(rng, result)))
        try:
            read_result(path)
        except ToylabError:
            refused += 1
    print(f"seed {SEED + 3}: {count} forged results, {refused} refused")
    assert refused
