"""Pages that nobody writes: the reference, the command line, run times, the gallery.

They follow from docstrings, the parser and committed results, so they cannot be out of date.
"""

import argparse
import html
import importlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import toylab
from toylab.cli.main import COMMANDS, parser
from toylab.report import pages
from toylab.report.results import read_results
from toylab.show.tracker import duration
from toylab.study import load_study
from toylab.teach.lessons import Lesson, lessons
from toylab.teach.slides import deck

ROOT = Path(__file__).parents[1]
GIVEN = "import jax\nimport jax.numpy as jnp\nimport numpy as np\n\nimport toylab as tl"
UNSHOWN = ("toylab.cli", "toylab.__main__")


def write(folder: Path) -> None:
    """Write every page; a file that is already so stays untouched, for a build to skip it."""
    wanted = {
        "gallery.md": gallery(),
        "how_long.md": how_long(),
        "commands.md": commands(),
        "slides.md": slides(),
        **{f"api/{name}": text for name, text in reference().items()},
        **{f"extra/slides/{_deck(each)}": deck(each.text, each.title) for each in _lessons()},
    }
    for path in folder.rglob("*.*"):
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


def fence(kind: str, text: str) -> str:
    """Return a fenced block."""
    return f"```{kind}\n{text.rstrip()}\n```"


def table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table; a bar in a cell would end it early."""
    lines = [heads, ["---"] * len(heads), *rows]
    clean = ([cell.replace("|", r"\|") for cell in line] for line in lines)
    return "\n".join("| " + " | ".join(line) + " |" for line in clean)


def toctree(names: Iterable[str], depth: int = 1) -> str:
    """Return a hidden menu."""
    return fence("{toctree}", f":hidden:\n:maxdepth: {depth}\n\n" + "\n".join(names))


# The gallery and run times ---------------------------------------------------------------------


def gallery() -> str:
    """A picture of every study, with the way to its page."""
    parts = ["# Gallery", "One figure of each study. A run of a study draws all of them:"]
    parts.append(fence("bash", "toylab run superposition"))
    for family, names in _shown().items():
        cards = []
        for name in names:
            title, link = load_study(name).title, f"../studies/{name}.md"
            picture = f"../../{pages.GALLERY}/{name}.png"
            cards.append(f"[![{title}]({picture})]({link})\n[{title}]({link})")
        title = pages.family_text(family)[0]
        parts += [f"## {title}", "::::{container} gallery\n" + _cards(cards) + "\n::::"]
    return "\n\n".join(parts) + "\n"


def _shown() -> dict[str, list[str]]:
    """Studies by family that have a page and a picture; one that is being written has none."""
    found = {}
    for family, names in pages.families().items():
        paths = {n: (f"docs/studies/{n}.md", f"{pages.GALLERY}/{n}.png") for n in names}
        whole = [n for n in names if all((ROOT / path).is_file() for path in paths[n])]
        found |= {family: whole} if whole else {}
    return found


def _cards(cards: list[str]) -> str:
    return "\n".join(f":::{{container}} card-of-study\n{card}\n:::" for card in cards)


def how_long() -> str:
    """How long the presets of every study took, from committed results."""
    found = {(r["study"], r["preset"]): r for r in read_results(ROOT / "studies" / "results")}
    judged, said = [], []
    for name in (name for names in _shown().values() for name in names):
        study = load_study(name)
        for preset in study.presets:
            result = found.get((name, preset))
            link = f"[{name}](../studies/{name}.md)"
            said.append((link, preset, study.costs.get(preset, "")))
            judged += [(link, preset, pages.took(result))] if result else []
    walls = sorted(float(r["wall_s"]) for r in found.values() if r["preset"] == "laptop")
    middle = walls[len(walls) // 2]
    parts = [
        "# How long does this take?",
        f"The {len(walls)} judged laptop runs took {duration(walls[0])} to {duration(walls[-1])}, "
        f"half of them at most {duration(middle)}, on the machines named below. `smoke` takes "
        "seconds and only checks that the parts fit together. `paper` is the paper's own setting, "
        "for a GPU.",
        "Before you start, ask what training would take on your own machine. The answer is an "
        "estimate: operations counted from shapes, divided by a share of the matmul rate that is "
        "measured at that moment. Compiling comes on top, seconds to a minute.",
        fence("bash", "toylab info superposition --preset laptop"),
        "A run can be stopped at any moment with Ctrl-C and continued with `toylab resume`. "
        "[Sweep a setting](../how_to/sweep.md) shows how to make one smaller.",
        "## Judged runs",
        "Made from `studies/results/` when this site was built.",
        table(("Study", "Preset", "It took"), judged),
        "## What the authors say",
        "Of every preset. Many were written down on an idle machine.",
        table(("Study", "Preset", "Cost"), said),
    ]
    return "\n\n".join(parts) + "\n"


# The course ------------------------------------------------------------------------------------


def slides() -> str:
    """The slides of every lesson, which lie beside the pages."""
    links = [
        f'- <a href="../slides/{_deck(each)}">{each.number} {html.escape(each.title)}</a>'
        for each in _lessons()
    ]
    parts = ["# Slides", "Made from the lessons' own text and code. Arrow keys and space move."]
    parts += ["\n".join(links), "With answers, or with what the code draws, make them yourself:"]
    parts += [fence("bash", "toylab course slides 1 --to slides --solutions --pictures")]
    return "\n\n".join(parts) + "\n"


def _lessons() -> list[Lesson]:
    return list(lessons().values())


def _deck(which: Lesson) -> str:
    return f"{which.number:02d}_{which.name}.html"


# The command line ------------------------------------------------------------------------------


def commands() -> str:
    """Every command with its options, as the parser tells them."""
    own = parser()[1]
    parts = ["# Command line", "`toylab COMMAND --help` says the same in a terminal."]
    parts += [fence("bash", "toylab list\ntoylab info superposition")]
    for name, text in COMMANDS.items():
        told = own[name]
        told.formatter_class = _wide
        parts += [f"## {name}", text[0].upper() + text[1:] + ".", fence("text", told.format_help())]
    return "\n\n".join(parts) + "\n"


def _wide(prog: str) -> argparse.HelpFormatter:
    return argparse.HelpFormatter(prog, width=88)


# The reference ---------------------------------------------------------------------------------


def reference() -> dict[str, str]:
    """The reference: an index of what ``toylab`` offers, and a page for each room."""
    rooms = _rooms()
    found = {f"{room}.md": _room(room, modules) for room, modules in rooms.items()}
    return {"index.md": _facade(list(rooms)), **found}


def _rooms() -> dict[str, list[str]]:
    """Modules by room; the room of those at the root is ``toylab``."""
    found: dict[str, list[str]] = {"toylab": []}
    for top in (ROOT / "toylab", ROOT / "tasks"):
        for path in sorted(top.rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            parts = parts if parts[0] == "toylab" else ("toylab", *parts)
            package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if package else parts)
            if name == "toylab" or name.startswith(UNSHOWN):
                continue
            room = name if package else ".".join(parts[:-1])
            found.setdefault(room, []).append(name)
    return {room: modules for room, modules in found.items() if any(map(_public, modules))}


def _public(module: str) -> list[str]:
    """Names that a module defines for others, and explains."""
    loaded = importlib.import_module(module)
    return [
        name
        for name, value in vars(loaded).items()
        if not name.startswith("_")
        and getattr(value, "__module__", None) == module
        and isinstance(getattr(value, "__name__", None), str)
        and value.__doc__
    ]


def _room(room: str, modules: list[str]) -> str:
    """The page of a room: what it is for, then its modules."""
    if room == "toylab":
        parts = ["# toylab: words at the root"]
    else:
        parts = [f"# {room}", _auto(room)]
    for module in modules:
        names = _public(module)
        if module != room and names:
            parts += [
                f"## {module.removeprefix(room + '.')}",
                fence("python", _import(module, names)),
            ]
            parts += [_auto(module)]
    return "\n\n".join(parts) + "\n"


def _auto(module: str) -> str:
    """The directive that shows a module, with what it defines itself."""
    lines = [f".. automodule:: {module}", "   :ignore-module-all:"]
    if _public(module):
        lines += ["   :members:"]
    return fence("{eval-rst}", "\n".join(lines))


def _import(module: str, names: list[str]) -> str:
    """The import of everything that a module offers."""
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= 72:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"


def _facade(rooms: list[str]) -> str:
    """What ``import toylab as tl`` offers, in the order of its docstring, and the rooms."""
    parts = [
        "# Reference",
        "What a study or a notebook needs is at the root; nothing is loaded before it is used. "
        "Examples in the reference use `jax`, `jnp`, `np` and `tl` without importing them, and a "
        "test runs each of them.",
        fence(
            "python",
            "import jax\nimport jax.numpy as jnp\nimport numpy as np\n\nimport toylab as tl",
        ),
    ]
    for head, rows in _groups():
        parts += [f"## {head}", table(("Name", "What it is"), rows)]
    links = [f"- [{room}]({room}.md): {_first_line(room)}" for room in rooms]
    parts += ["## Rooms", "\n".join(links), toctree(rooms)]
    return "\n\n".join(parts) + "\n"


def _groups() -> Iterable[tuple[str, list[tuple[str, ...]]]]:
    """Headings and rows of the root's docstring."""
    head, rows = "", list[tuple[str, ...]]()
    for line in (toylab.__doc__ or "").splitlines():
        entry = re.fullmatch(r"    (\w+)\s{2,}(.+)", line)
        if entry and entry[1] in toylab.__all__:
            text = entry[2].replace("``", "`")
            rows.append((_link(entry[1]), text))
        elif line and not line.startswith(" "):
            if rows:
                yield head, rows
            head, rows = line, []
    if rows:
        yield head, rows


def _link(name: str) -> str:
    value: Any = getattr(toylab, name)
    home = getattr(value, "__module__", "")
    if not home.startswith("toylab") or not hasattr(value, "__name__"):
        return f"`{name}`"
    return f"{{py:obj}}`{name} <{home}.{value.__name__}>`"


def _first_line(room: str) -> str:
    if room == "toylab":
        return "the words at the root, in full."
    text = (importlib.import_module(room).__doc__ or "").strip().split("\n\n")[0]
    text = " ".join(text.split()).replace("``", "`")
    return re.sub(r":\w+:`~?([^`]*)`", r"`\1`", text) or "its modules."
