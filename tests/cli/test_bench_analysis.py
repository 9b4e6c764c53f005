"""The sides of the analysis benchmark find the same; no test asserts a speed."""

import re

import jax
import numpy as np
import pytest

from tests.models.test_transformer import draw
from toylab.benchmarks.analysis import JOBS, Case, inputs, rows
from toylab.benchmarks.analysis_sides import Ours
from toylab.errors import ToylabError
from toylab.models.layouts import to_state_dict

SIZES = {"members": 1, "snapshots": 1, "batch": 3, "length": 6, "width": 8, "heads": 2}


@pytest.mark.parametrize("job", JOBS)
def test_a_loop_of_transformer_lens_finds_what_ours_finds(job: str):
    pytest.importorskip("transformer_lens")
    from toylab.benchmarks.analysis_lens import Loop

    case = Case(job=job, **SIZES)
    ours, loop = Ours(), Loop()
    ours.prepare(case)
    params = draw(ours.model)
    lead = jax.tree.map(lambda leaf: leaf[None, None], params)
    ours.prepare(case, lead)
    import torch

    state = {
        n: torch.tensor(np.asarray(a)) for n, a in to_state_dict(ours.model, params, "lens").items()
    }
    loop.prepare(case, state)
    found = ours.found[0, 0] if job != "heads" else ours.found[:, 0, 0]
    theirs = loop.found.numpy()
    if job == "edges":  # theirs has entries where there is no edge
        theirs = np.where(found != 0, theirs, 0)
    np.testing.assert_allclose(found, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("job", JOBS)
def test_ours_looks_into_every_network(job: str):
    case = Case(job=job, **SIZES | {"members": 2, "snapshots": 3})
    side = Ours()
    told = side.prepare(case)
    assert re.fullmatch(r"one call, \d+ MiB planned", told)
    lead = (3, 2) if job != "heads" else (3, 3, 2)
    assert side.found.shape[: len(lead)] == lead and np.isfinite(side.found).all()


def test_corruption_reaches_what_the_metric_asks_for():
    data = inputs(Case(job="grid", **SIZES))
    assert (data["clean"] != data["corrupt"]).sum() == 3 and (data["answer"] != data["other"]).all()
    np.testing.assert_array_equal(data["repeats"][:, :3], data["repeats"][:, 3:])


@pytest.mark.parametrize("wrong", [{"seconds": 0}, {"rounds": 0}, {"batches": (0,)}])
def test_wrong_settings(wrong):
    with pytest.raises(ToylabError):
        rows(**wrong)
