"""The newest packages that pip resolves, without ``constraints.txt``: does the laboratory work?

    python tests/newest.py                    # every interpreter of WANTED that is found
    python tests/newest.py 3.12 --all         # one of them, the smoke presets of all studies
    python tests/newest.py --keep FOLDER      # leave the environments there, and use them again

For each interpreter: a fresh environment, ``pip install`` of this checkout (its wheel, not a link),
every module imported, a smoke run of a study of each family, in an empty folder. Printed are the
versions that pip chose. Exit status 1 where anything failed, 2 where no interpreter was found.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
WANTED = ("3.11", "3.12", "3.13")
FAMILIES = ("superposition", "grokking", "induction", "othello", "countdown", "steering")
IMPORT = """
import importlib, pkgutil, toylab
for found in pkgutil.walk_packages(toylab.__path__, "toylab."):
    if not found.name.endswith("__main__"):
        importlib.import_module(found.name)
"""
VERSIONS = """
import json, platform, re
from importlib.metadata import requires, version
names = [re.match(r"[\\w-]+", line)[0] for line in requires("toylab") if "extra ==" not in line]
chosen = {name: version(name) for name in dict.fromkeys([*names, "jaxlib"])}
print(json.dumps({"python": platform.python_version(), **chosen}))
"""
STUDIES = "from toylab.study import study_names; print(*study_names())"


def interpreters(wanted: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each version of Python that is found, with its interpreter."""
    for number in wanted:
        name = f"python{number}"
        homes = sorted(Path.home().glob(f".pyenv/versions/{number}.*/bin/{name}"))
        homes += sorted(Path.home().glob(f".local/share/uv/python/*-{number}.*/bin/{name}"))
        for path in (shutil.which(name), *map(str, homes)):
            code = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2])"
            if path and told([path, "-c", code]).stdout.strip() == number:
                yield number, path
                break
        else:
            print(f"{number}: no interpreter found", flush=True)


def told(words: list[str], **named: object) -> subprocess.CompletedProcess[str]:
    """Run a program, and return what it said; no settings of this process reach it."""
    hidden = ("PYTHONPATH", "PYTHONHOME", "PIP_CONSTRAINT", "VIRTUAL_ENV", "XLA_FLAGS")
    env = {name: value for name, value in os.environ.items() if name not in hidden}
    return subprocess.run(words, capture_output=True, text=True, env=env, **named)  # pyright: ignore


def last(text: str, lines: int = 12) -> str:
    """Return the end of what a program said."""
    return "\n".join(text.strip().splitlines()[-lines:])


def environment(python: str, folder: Path) -> tuple[str, str]:
    """Make an environment with toylab in it; return its interpreter, and what went wrong."""
    own = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    if not Path(own).exists():
        made = told([python, "-m", "venv", str(folder)])
        if made.returncode:
            return own, made.stderr
    # Built anew each time: what pip had built of an earlier checkout must not be taken.
    call = [own, "-m", "pip", "install", "-q", "--no-cache-dir", "--force-reinstall", "--no-deps"]
    for words in ([*call[:5], "--upgrade", str(ROOT)], [*call, str(ROOT)]):
        done = told(words)
        if done.returncode:
            return own, done.stderr
    return own, ""


def tried(python: str, work: Path, studies: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what was tried in an environment, with what it said where it failed."""
    call = lambda words: told([python, *words], cwd=work)
    done = call(["-W", "error", "-c", IMPORT])
    yield "imports, with warnings as errors", done.stderr if done.returncode else ""
    if done.returncode:
        return
    for study in studies or call(["-c", STUDIES]).stdout.split():
        done = call(["-m", "toylab", "run", study, "--preset", "smoke", "--out", study, "--json"])
        yield f"smoke run of {study}", done.stderr if done.returncode else ""


def main() -> int:
    """Try every interpreter that is found; print what was chosen and what failed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("versions", nargs="*", default=WANTED)
    parser.add_argument("--all", action="store_true", help="the smoke runs of all studies")
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    args = parser.parse_args()
    failed = found = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, python in interpreters(list(args.versions)):
            found += 1
            own, wrong = environment(python, (args.keep or Path(folder)) / f"python{number}")
            if wrong:
                failed += 1
                print(f"{number}: cannot be installed: {last(wrong)}", flush=True)
                continue
            chosen = json.loads(told([own, "-c", VERSIONS], cwd=folder).stdout)
            print(", ".join(f"{name} {chosen[name]}" for name in chosen), flush=True)
            work = Path(folder) / f"work{number}"
            work.mkdir()
            for what, wrong in tried(own, work, [] if args.all else list(FAMILIES)):
                failed += bool(wrong)
                print(f"  {what}: {f'FAILED: {last(wrong)}' if wrong else 'ok'}", flush=True)
    return 2 if not found else min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
