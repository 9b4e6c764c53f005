"""A report: a run as one HTML file, with nothing to load and no script.

Claims with their evidence, the study's figures, the curves of training, and what the run was made
with. Lines and dots say what they are when pointed at; claims are chosen by their verdict.
"""

import base64
import html
from collections.abc import Mapping
from importlib import resources
from typing import Any

import polars as pl

from toylab.claims import FEW, REPRODUCED, Expect, Verdict
from toylab.errors import ToylabError
from toylab.report.html.drawings import MOST, curves, strip
from toylab.report.pages import captions
from toylab.report.results import number
from toylab.runs.run_folder import RunFolder
from toylab.study import Study

PNG = b"\x89PNG\r\n\x1a\n"
KINDS = {
    "held": (REPRODUCED, FEW),
    "failed": ("not reproduced", "confounded"),
    "open": ("inconclusive", "not testable"),
}
TOLD = {"held": "reproduced", "failed": "not reproduced or confounded", "open": "undecided"}


def report(run: RunFolder, study: Study) -> str:
    """Return a finished run's report.

    Args:
        run: a judged run.
        study: its study, for the words.

    Raises:
        ToylabError: a run that is not finished.
    """
    if "claims.json" not in run.files():
        raise ToylabError(f"{run.path} has no verdicts yet; 'toylab resume {run.path}' first.")
    verdicts = run.claims()
    style = resources.files("toylab.report.html").joinpath("style.css").read_text("utf-8")
    about = run.manifest
    title = f"{study.name} ({about['preset']})"
    body = [
        f"<h1>{_text(study.title)}</h1>",
        f'<p class="muted">{_text(study.paper)} · {_text(title)} · {_text(about["device"])}</p>',
        _counts(verdicts),
        "<h2>Claims</h2>",
        _filter(),
        *(_claim(study, verdict) for verdict in verdicts),
        *_figures(run, study),
        *_training(run),
        "<h2>What it was made with</h2>",
        _manifest(about),
    ]
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_text(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{style}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _text(value: Any) -> str:
    return html.escape(str(value))


def _kind(verdict: str) -> str:
    return next(kind for kind, members in KINDS.items() if verdict in members)


def _counts(verdicts: list[Verdict]) -> str:
    kinds = [_kind(verdict.verdict) for verdict in verdicts]
    counted = [(kinds.count(kind), told) for kind, told in TOLD.items()]
    return (
        "<p>" + "".join(f'<span class="count"><b>{n}</b> {t}</span>' for n, t in counted) + "</p>"
    )


def _filter() -> str:
    choices = {"all": "all", **{f"only-{kind}": told for kind, told in TOLD.items()}}
    inputs = [
        f'<label><input type="radio" name="shown" id="{key}"{" checked" if key == "all" else ""}> '
        f"{told}</label>"
        for key, told in choices.items()
    ]
    return f"<fieldset><legend>Show</legend>{''.join(inputs)}</fieldset>"


def _claim(study: Study, verdict: Verdict) -> str:
    claim = next((c for c in study.claims if c.key == verdict.key), None)
    same = claim if claim and claim.expect.describe() == verdict.expected else None
    expect: Expect | None = same.expect if same else None
    lost = verdict.diverged + verdict.undefined + verdict.excluded
    units = f"{verdict.n} {verdict.unit}s" + (f", {lost} without a value" if lost else "")
    measured = f"{number(verdict.estimate)} [{number(verdict.low)}, {number(verdict.high)}]"
    head = '<span class="head">headline</span>' if claim and claim.headline else ""
    paper = f" · the paper has {_text(number(verdict.paper))}" if verdict.paper is not None else ""
    why = f"<p>Failed: {_text(verdict.why)}.</p>" if verdict.why else ""
    bar = f" ({_text(same.bar)})" if same else ""
    return (
        f'<article class="{_kind(verdict.verdict)}" id="{_text(verdict.key)}">'
        f'<p class="verdict">{_text(verdict.verdict)}{head}</p><p>{_text(verdict.text)}</p>'
        f"{strip(verdict, expect)}{why}"
        f'<p class="bar">Measured {measured} over {units}; expected {_text(verdict.expected)}{bar}'
        f"{paper} · {_text(verdict.source)}</p></article>"
    )


def _figures(run: RunFolder, study: Study) -> list[str]:
    told, found = captions(study), []
    for path in run.figures():
        data = run.inside(f"figures/{path.name}").read_bytes()
        if not data.startswith(PNG):
            continue
        caption = _text(told.get(path.stem, path.stem))
        found.append(
            f'<figure><img alt="{caption}" src="data:image/png;base64,'
            f'{base64.b64encode(data).decode()}"><figcaption>{caption}</figcaption></figure>'
        )
    return ["<h2>Figures</h2>", *found] if found else []


def _training(run: RunFolder) -> list[str]:
    """The loss of every population over its training."""
    if "metrics.parquet" not in run.files():
        return []
    loss, found = run.metrics().filter(pl.col("name") == "loss"), []
    for name in run.populations():
        members = run.members(name)
        about = [
            ", ".join(f"{k} {number(v)}" for k, v in row.items())
            for row in members.head(MOST).iter_rows(named=True)
        ]
        drawn = curves(loss.filter(pl.col("population") == name), about)
        more = f", the first {MOST} drawn" if members.height > MOST else ""
        if drawn:
            told = f"{_text(name)}: loss of {members.height} members{more}"
            found.append(f"<figure><figcaption>{told}</figcaption>{drawn}</figure>")
    if not found:
        return []
    first = "".join(found[:1])
    rest = "".join(found[1:])
    more = f"<details><summary>{len(found) - 1} more populations</summary>{rest}</details>"
    return ["<h2>Training</h2>", first, more if rest else ""]


def _manifest(about: Mapping[str, Any]) -> str:
    rows = [(name, about.get(name)) for name in ("study", "preset", "created", "commit", "run_id")]
    rows.append(("time", f"{about.get('wall_s', 0.0):,.0f} s"))
    rows.append(("seeds", f"from {about.get('first_seed', 0)} on"))
    rows += [(f"setting {name}", value) for name, value in about["config"].items()]
    rows += [(f"version of {name}", value) for name, value in about.get("versions", {}).items()]
    rows += [(name, value) for name, value in about.get("numerics", {}).items() if value]
    cells = [f"<tr><th>{_text(name)}</th><td>{_text(value)}</td></tr>" for name, value in rows]
    return f"<table>{''.join(cells)}</table>"
