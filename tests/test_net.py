"""Every claim's values in a smoke run, against the committed table, on any processor."""

import json
from pathlib import Path

import numpy as np
import pytest

from toylab.lab import run_study
from toylab.study import load_study, study_names

TABLE = json.loads((Path(__file__).parent / "golden" / "claims.json").read_text())
QUICK = ("superposition_polygons",)


def test_the_table_knows_every_claim():
    claims = {name: {claim.key for claim in load_study(name).claims} for name in study_names()}
    assert {name: set(values) for name, values in TABLE.items()} == claims, (
        "run: python tests/net.py run . FOLDER && python tests/net.py update FOLDER"
    )


@pytest.mark.parametrize(
    "name",
    [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in study_names()],
)
def test_smoke_runs_give_the_committed_values(name: str, tmp_path: Path):
    run = run_study(load_study(name), "smoke", tmp_path / "run")
    for verdict in run.claims():
        wanted = TABLE[name][verdict.key]
        assert len(verdict.values) == len(wanted), verdict.key
        np.testing.assert_allclose(verdict.values, wanted, rtol=1e-3, atol=1e-4)
