"""Every study's smoke preset, from training to figures, as the command line runs it."""

import dataclasses
import json

import pytest

from toylab.claims import VERDICTS
from toylab.lab import run_study
from toylab.report.results import PRESETS
from toylab.study import load_study, study_names

# One or two of each family, by what they compile; the rest are slow: ``pytest -m slow``. That of
# ``superposition`` is the README's first command, with which ``.ci/run`` begins.
QUICK = ("grokking", "othello_tpr", "qk_features", "graph_tracing")
BY_SPEED = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in study_names()
]


@pytest.mark.parametrize("name", BY_SPEED)
def test_smoke_preset_runs_to_figures(name: str, tmp_path) -> None:
    study = load_study(name)
    run = run_study(study, "smoke", tmp_path / "run")
    verdicts = run.claims()
    assert [v.key for v in verdicts] == [c.key for c in study.claims]
    assert all(v.verdict in VERDICTS for v in verdicts)
    assert run.figures(), "a study draws at least one figure"
    assert set(run.manifest["finished"]) == set(run.populations())
    json.dumps(run.manifest)


@pytest.mark.parametrize("name", study_names())
def test_study_is_complete(name: str) -> None:
    study = load_study(name)
    assert study.name == name
    assert {"smoke", "laptop", "paper"} <= set(study.presets) <= set(PRESETS)
    assert all(dataclasses.is_dataclass(config) for config in study.presets.values())
    assert all(claim.source and claim.text.endswith(".") for claim in study.claims)
    assert study.presets["laptop"].seeds >= 5
    assert set(study.costs) == set(study.presets)
    for preset in ("laptop", "paper"):  # built, not trained: sizes and members are consistent
        study.populations(study.config(preset))
