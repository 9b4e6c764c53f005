"""Pages: what README and ``docs/studies/`` say of the studies, made from results and docstrings.

No number is typed by hand: a page takes its prose from the study's docstring, its table from the
committed verdicts, its captions from the figures. A test fails where a committed page differs.
"""

import importlib
import io
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from toylab.claims import BARS, FEW, REPRODUCED, VERDICTS, Claim
from toylab.report.results import number, units
from toylab.show.tracker import duration
from toylab.study import Study, catalogue, load_study, study_names

UNTESTED = ("not testable", "confounded", "inconclusive")
GALLERY = "figures/gallery"
Result = Mapping[str, Any]


def families() -> dict[str, list[str]]:
    """Return the studies of each family, in the order of the folders."""
    found: dict[str, list[str]] = {}
    for name, module in catalogue("studies", "*/*/study.py").items():
        found.setdefault(module.split(".")[2], []).append(name)
    return dict(sorted(found.items()))


def family_text(family: str) -> tuple[str, str]:
    """Return a family's title and what it draws on, from its package's docstring."""
    text = importlib.import_module(f"toylab.studies.{family}").__doc__ or family
    head, _, rest = text.strip().partition("\n\n")
    return head.rstrip("."), " ".join(rest.split())


def score(result: Result, scope: str = "population") -> tuple[int, int]:
    """Return how many claims of a scope were reproduced, and how many were tested.

    A claim is tested where its preconditions and controls hold and the interval decides it.
    """
    verdicts = [c["verdict"] for c in result["claims"] if c["scope"] == scope]
    tested = [v for v in verdicts if v not in UNTESTED]
    return sum(v in (REPRODUCED, FEW) for v in verdicts), len(tested)


def readme_table(results: Iterable[Result]) -> str:
    """Return the README's table: a row per family, of its studies' longest judged presets."""
    best = _newest(results)
    lines = [_row(("Family", "Studies", "Papers", "reproduced / tested", "of one network"))]
    lines += [_row(["---"] * 5)]
    for family, names in families().items():
        title = family_text(family)[0].split(":")[0]
        links = ", ".join(f"[{name}](docs/studies/{name}.md)" for name in names)
        papers = dict.fromkeys(short_source(load_study(name).paper) for name in names)
        counts = _counts([best[name] for name in names if name in best])
        lines.append(_row((title, links, "; ".join(papers), *counts)))
    return "\n".join(lines) + "\n"


def short_source(paper: str) -> str:
    """Return the first author and year of a paper, as in "Lee et al. 2025"."""
    found = re.match(r"(.+?) (\d{4})", paper)
    if not found:
        return paper
    authors = re.split(r", | and ", found[1].removesuffix(" et al."))
    several = len(authors) > 1 or found[1].endswith("et al.")
    return f"{authors[0]}{' et al.' if several else ''} {found[2]}"


def index(results: Iterable[Result]) -> str:
    """Return the index of studies: each with its title and its headline claim."""
    best = _newest(results)
    lines = [
        "# Studies",
        "",
        "Made by `toylab table --write` from `studies/results/`.",
        "",
        bars(),
        "",
    ]
    for family, names in families().items():
        title, sources = family_text(family)
        lines += [f"## {title}", "", sources, ""]
        lines += [_row(("Study", "What it asks", "Headline claim", "Measured", "Verdict"))]
        lines += [_row(["---"] * 5)]
        for name in names:
            study = load_study(name)
            cells = _headline(study, best.get(name))
            lines.append(_row((f"[{name}]({name}.md)", study.title, *cells)))
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def bars() -> str:
    """Return how many claims of all studies have their bar from where."""
    claims = [claim for name in study_names() for claim in load_study(name).claims]
    paper, theory, control, ours = (sum(c.bar.startswith(b) for c in claims) for b in BARS)
    return (
        f"Of {len(claims)} claims {paper} have their bar from the paper, {theory} from theory and "
        f"{control} from a control; {ours} bars are this laboratory's."
    )


def page(study: Study, results: Iterable[Result]) -> str:
    """Return the page of one study.

    Args:
        study: the study.
        results: its committed results, one per preset.
    """
    results = list(results)
    about, tail = _prose(study)
    parts = [f"# {study.name}", f"{study.title}. {study.paper}.", _picture(study), about]
    parts += ["## Run", _commands(study, results)]
    for result in results:
        parts += [f"## Claims ({result['preset']})", _ran(result), _claims(study, result)]
    parts += ["## Figures", _figures(study), "## What did not reproduce", _failed(results), tail]
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def all_pages(results: Iterable[Result]) -> dict[str, str]:
    """Return every file of ``docs/studies/`` by name."""
    results = list(results)
    found = {"index.md": index(results)}
    for name in study_names():
        own = [r for r in results if r["study"] == name]
        found[f"{name}.md"] = page(load_study(name), own)
    return found


def shown_figure(study: Study, paths: Iterable[Path]) -> Path | None:
    """Return the figure that stands for a study: the first that its captions name, else the first.

    Args:
        study: the study.
        paths: PNGs of a run.
    """
    known = {path.stem: path for path in paths}
    named = [known[name] for name in captions(study) if name in known]
    return next(iter([*named, *known.values()]), None)


def thumbnail(path: Path, width: int = 900) -> bytes:
    """Return a PNG made small enough for a repository, in at most 128 colours."""
    from PIL import Image

    with Image.open(path) as picture:
        flat = picture.convert("RGB")
    flat.thumbnail((width, width))
    buffer = io.BytesIO()
    flat.quantize(128).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def captions(study: Study) -> Mapping[str, str]:
    """Return what each figure of a study shows, in the order of its module."""
    name = catalogue("figures", f"*/{study.name}.py").get(study.name)
    return getattr(importlib.import_module(name), "CAPTIONS", {}) if name else {}


def _newest(results: Iterable[Result]) -> dict[str, Result]:
    """The result that speaks for each study: of the longest preset that was judged."""
    rank = {"smoke": 0, "laptop": 1, "night": 2, "paper": 3}
    return {r["study"]: r for r in sorted(results, key=lambda r: rank.get(r["preset"], 0))}


def _counts(results: list[Result]) -> tuple[str, str]:
    """Claims reproduced of those tested, over a family: of populations, and of one network."""
    told = []
    for scope in ("population", "network"):
        scores = [score(result, scope) for result in results]
        tested = sum(n for _, n in scores)
        told.append(f"{sum(k for k, _ in scores)} / {tested}" if tested else "")
    few = any(c["verdict"] == FEW for result in results for c in result["claims"])
    marks = ("*" if few else "") + ("†" if any(map(_earlier, results)) else "")
    return f"{told[0] or '–'}{marks}", told[1]


def _earlier(result: Result) -> bool:
    """Whether a result is from before claims had conditions: it holds no value per unit."""
    return any(claim["n"] and not claim["values"] for claim in result["claims"])


def _headline(study: Study, result: Result | None) -> tuple[str, str, str]:
    claim = next((c for c in study.claims if c.headline), None)
    if claim is None:
        return "", "", ""
    found = [c for c in (result or {"claims": []})["claims"] if c["key"] == claim.key]
    if not found:
        return claim.text, "", "not judged yet"
    return claim.text, _measured(found[0]), found[0]["verdict"]


def _prose(study: Study) -> tuple[str, str]:
    """The study's docstring as Markdown: what comes before and from what did not come out on."""
    text = sys.modules[study.measure.__module__].__doc__ or ""
    text = re.sub(r":\w+:`~?([^`]*)`", r"``\1``", text).replace("``", "`")
    head, *rest = [block.rstrip() for block in text.strip("\n").split("\n\n")]
    blocks = [block for block in rest if not block.startswith("    toylab run")]
    tails = tuple(f"{n}:" for n in ("Did not reproduce", "Left open", "Not testable", "Confounded"))
    tails = (*tails, "Tried:")
    first = next((i for i, b in enumerate(blocks) if b.startswith(tails)), len(blocks))
    return "\n\n".join((head, *blocks[:first])), "\n\n".join(blocks[first:])


def _picture(study: Study) -> str:
    return f"![{study.title}](../../{GALLERY}/{study.name}.png)"


def _commands(study: Study, results: list[Result]) -> str:
    rows = [_row(("Preset", "Cost", "Measured")), _row(["---"] * 3)]
    found = {r["preset"]: r for r in results}
    for preset in study.presets:
        rows.append(_row((preset, study.costs.get(preset, ""), took(found.get(preset)))))
    return f"```bash\ntoylab run {study.name}\n```\n\n" + "\n".join(rows)


def took(result: Result | None) -> str:
    """Return how long a judged run took in all, training of reused networks included."""
    if result is None:
        return "not run"
    text = f"{duration(float(result['wall_s']))} on {result['device']}"
    names = ", ".join(result.get("reused", ()))
    if names and result.get("reused_s"):
        whole = duration(float(result["wall_s"] + result["reused_s"]))
        return f"{whole} on {result['device']}, with the training of {names} by other runs"
    return f"{text}, without training {names}" if names else text


def _ran(result: Result) -> str:
    text = f"Run at commit {result['commit']}"
    if result.get("judged"):
        text += f", judged at {result['judged']}"
    text += f", seeds from {result['first_seed']}."
    if _earlier(result):
        text += (
            " That was before claims had preconditions and controls, and some measure something "
            "else by now: these verdicts do not know of it."
        )
    return text


def _claims(study: Study, result: Result) -> str:
    known = {claim.key: claim for claim in study.claims}
    heads = ("Verdict", "Claim", "Bar", "Measured [95%]", "Paper", "Beyond the bar", "Units")
    rows = [_row(heads), _row(["---"] * len(heads))]
    for record in result["claims"]:
        why = f" ({record['why']})" if record.get("why") else ""
        claim = _unmoved(known.get(record["key"]), record)
        rows.append(
            _row(
                (
                    record["verdict"] + why,
                    f"{record['text']} *{claim.source if claim else record['source']}*",
                    f"{record['expected']} *{claim.bar}*" if claim else record["expected"],
                    _measured(record),
                    number(record["paper"]),
                    _beyond(claim, record),
                    units(record),
                )
            )
        )
    judged = {record["key"] for record in result["claims"]}
    waiting = [claim.text for key, claim in known.items() if key not in judged]
    note = "\n\nNot judged yet:\n\n" + "\n".join(f"- {t}" for t in waiting) if waiting else ""
    return "\n".join(rows) + note


def _unmoved(claim: Claim | None, record: Mapping[str, Any]) -> Claim | None:
    """Return a result's claim as it is now, if it has the region that it was judged by."""
    return claim if claim and record["expected"] == claim.expect.describe() else None


def _beyond(claim: Claim | None, record: Mapping[str, Any]) -> str:
    if not record["values"] or not claim:
        return ""
    inside = sum(claim.expect.contains(v) for v in record["values"])
    return f"{inside} of {len(record['values'])}"


def _measured(record: Mapping[str, Any]) -> str:
    text = number(record["estimate"])
    if record["low"] is not None and record["high"] is not None:
        text += f" [{number(record['low'])}, {number(record['high'])}]"
    return text


def _figures(study: Study) -> str:
    lines = [f"- **{figure}**: {caption}" for figure, caption in captions(study).items()]
    return "A run draws these; `toylab draw RUN` draws them again.\n\n" + "\n".join(lines)


def _failed(results: list[Result]) -> str:
    lines = [
        f"- {record['text']} Measured {_measured(record)}, expected {record['expected']}: "
        f"{record['verdict']}."
        for result in results
        for record in result["claims"]
        if record["verdict"] not in (REPRODUCED, FEW)
    ]
    return "\n".join(lines) or "Every claim that was judged was reproduced."


def _row(cells: Iterable[Any]) -> str:
    """Join cells; a bar or a line break inside a cell would end it early."""
    clean = [str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells]
    return "| " + " | ".join(clean) + " |"


def summary(results: Iterable[Result]) -> dict[str, int]:
    """Return how many claims have each verdict, over the results that speak for the studies."""
    verdicts = [c["verdict"] for r in _newest(results).values() for c in r["claims"]]
    return {verdict: verdicts.count(verdict) for verdict in VERDICTS}
