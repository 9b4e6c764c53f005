"""The net under refactoring: every claim's values from smoke runs, at two commits, bit for bit.

    python tests/net.py run 80cafee /tmp/before     # a commit, in a worktree of its own
    python tests/net.py run . /tmp/after            # the files as they are here
    python tests/net.py compare /tmp/before /tmp/after
    python tests/net.py judge /tmp/before           # today's claims on stored measures
    python tests/net.py update /tmp/after           # into tests/golden/claims.json

Smoke runs take two devices and the tile that those give, so that the bits depend on the code alone.
They do depend on the processor: the committed table is compared with a tolerance. ``judge`` trains
nothing: it is the quick check while claims are rewritten.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent.parent
TABLE = HERE / "tests" / "golden" / "claims.json"
DUMP = """
import json, sys
import numpy as np
from toylab.study import load_study
try:
    from toylab.runs.run_folder import RunFolder
except ImportError:
    from toylab.store import RunFolder
study, run = load_study(sys.argv[1]), RunFolder(sys.argv[2])
measures = run.measures()
def values(claim):
    if hasattr(claim, "measure"):
        return np.asarray(claim.measure(measures), float)
    return claim.reading(measures).array()
print(json.dumps({c.key: [float(v).hex() for v in values(c)] for c in study.claims}))
"""


def dump(code: Path, study: str, run: Path) -> dict[str, list[str]]:
    """Values of every claim of a stored run, as hexadecimal floats, by the code of a checkout."""
    call = [sys.executable, "-c", DUMP, study, str(run)]
    done = subprocess.run(call, cwd=code, env=environment(code), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{study}: {done.stderr.strip()[-1500:]}")
    return json.loads(done.stdout.splitlines()[-1])


def environment(code: Path) -> dict[str, str]:
    """The environment in which a checkout's own code is imported."""
    return {**os.environ, "PYTHONPATH": str(code), "JAX_NUM_CPU_DEVICES": "2"}


def names(code: Path) -> list[str]:
    """Studies of a checkout."""
    call = [sys.executable, "-c", "from toylab.study import study_names; print(*study_names())"]
    done = subprocess.run(call, cwd=code, env=environment(code), capture_output=True, check=True)
    return done.stdout.decode().split()


def run(commit: str, out: Path, only: list[str]) -> None:
    """Run the smoke presets of a commit, or of the files here, and store the claims' values."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        code = HERE
        if commit != ".":
            code = Path(folder) / "code"
            git = ["git", "-C", str(HERE), "worktree"]
            subprocess.run([*git, "add", "-q", "--detach", str(code), commit], check=True)
        for study in only or names(code):
            target = out / study
            call = [sys.executable, "-m", "toylab", "run", study, "--preset", "smoke"]
            call += ["--out", str(target)]
            subprocess.run(call, cwd=code, env=environment(code), check=True, capture_output=True)
            store(out, study, dump(code, study, target))
            print(study, flush=True)
        if commit != ".":
            subprocess.run([*git, "remove", "--force", str(code)], check=True)


def store(out: Path, study: str, values: dict[str, list[str]]) -> None:
    """Keep a study's values beside its run folder."""
    (out / f"{study}.json").write_text(json.dumps(values))


def load(out: Path) -> dict[str, dict[str, list[str]]]:
    """Values of all studies of a folder."""
    return {p.stem: json.loads(p.read_text()) for p in sorted(out.glob("*.json"))}


def judge(out: Path, only: list[str]) -> int:
    """Compare today's claims, on stored measures, with the values that were stored beside them."""
    before = load(out)
    after = {study: dump(HERE, study, out / study) for study in only or before}
    return report({study: before[study] for study in after}, after)


def finite(values: list[str]) -> list[str]:
    """Values of the units that have one."""
    return [v for v in values if not math.isnan(float.fromhex(v))]


def report(before: dict, after: dict) -> int:
    """Print where two sets of values differ; the number of claims that do."""
    wrong = 0
    for study in sorted({*before, *after}):
        one, two = before.get(study, {}), after.get(study, {})
        for key in sorted({*one, *two}):
            left, right = finite(one.get(key, [])), finite(two.get(key, []))
            if key in one and key in two and left == right:
                continue
            wrong += 1
            show = [" ".join(f"{float.fromhex(v):.9g}" for v in side) for side in (left, right)]
            print(f"{study}.{key}: {show[0] or 'none'} -> {show[1] or 'none'}")
    print(f"{sum(map(len, after.values()))} claims, {wrong} differ")
    return wrong


def update(out: Path) -> None:
    """Put a folder's studies into the committed table: values of units that have one, 8 digits."""
    short = lambda values: [float(f"{float.fromhex(v):.8g}") for v in finite(values)]
    fresh = {s: {k: short(v) for k, v in claims.items()} for s, claims in load(out).items()}
    table = json.loads(TABLE.read_text()) | fresh
    TABLE.write_text(json.dumps(dict(sorted(table.items())), indent=0) + "\n")


def main(argv: list[str]) -> int:
    """Do what the command line asks; exit status 1 where values differ."""
    match argv:
        case ["run", commit, out, *only]:
            run(commit, Path(out), only)
        case ["compare", before, after]:
            return min(report(load(Path(before)), load(Path(after))), 1)
        case ["judge", out, *only]:
            return min(judge(Path(out), only), 1)
        case ["update", out]:
            update(Path(out))
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
