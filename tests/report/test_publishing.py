"""What may be published, and the result that is made of it."""

import dataclasses
import json
from types import SimpleNamespace
from typing import Any

import pytest

from tests.report.test_results import verdict
from toylab.check.populations import check_seeds
from toylab.errors import ToylabError
from toylab.report import pages
from toylab.report.publishing import check_publishable, is_replication, result_of
from toylab.report.results import read_result, write_result

MANIFEST = dict(study="toy", preset="laptop", device="2 cores", commit="abc", wall_s=12.34)
MANIFEST |= dict(measured_at="abc", judged_at="abc", config={"seeds": 8, "rates": [0.1, 0.2]})


@dataclasses.dataclass(frozen=True)
class Config:
    seeds: int = 8
    rates: tuple[float, ...] = (0.1, 0.2)


CONFIG = Config()


def run(**entries) -> Any:
    """A finished run with entries of its manifest changed."""
    return SimpleNamespace(
        path="runs/toy",
        manifest=MANIFEST | entries,
        files=lambda: ["claims.json"],
        claims=lambda: [verdict("a")],
    )


def test_a_result_is_of_its_run(tmp_path):
    check_publishable(run(), CONFIG)
    result = result_of(run())
    assert (result["commit"], result["wall_s"], result["first_seed"]) == ("abc", 12.3, 0)
    assert result["settings"] == MANIFEST["config"]
    assert "judged" not in result and "reused" not in result
    assert result_of(run(judged_at="def"))["judged"] == "def"
    path = write_result(tmp_path / "toy.laptop.json", result)
    assert read_result(path) == json.loads(json.dumps(result))


def test_the_whole_time_counts_what_another_study_trained():
    taken = {
        "reused": {"small": {}, "main": {}},
        "trained_s": {"main": 100.0, "small": 8.0, "b": 3.0},
    }
    result = result_of(run(**taken))
    assert (result["reused"], result["reused_s"]) == (["main", "small"], 108.0)
    assert pages.took(result).startswith("2 min 0 s on 2 cores, with the training of main, small")
    unknown = result_of(run(reused={"main": {}}))
    assert pages.took(unknown) == "12 s on 2 cores, without training main"


def test_fresh_seeds_are_a_replication_and_pilots_are_not_published():
    check_publishable(run(first_seed=1_000), CONFIG)
    assert is_replication(result_of(run(first_seed=1_000)))
    assert not is_replication(result_of(run()))
    with pytest.raises(ToylabError, match="from 10,000, as a pilot does"):
        check_publishable(run(first_seed=10_000), CONFIG)


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"first_seed": 4}, "from 4; judged runs count them from 0, replications from 1,000"),
        ({"config": {"seeds": 9}}, "has seeds = 9, its preset has 8"),
        ({"sweep": {"rate": 1}}, "is a cell of a sweep"),
        ({"adopted": ["the loss changed"]}, "went on although the loss changed"),
        ({"source": "mine/toy.py"}, "is of mine/toy.py; publish a run of the study by its name"),
    ],
)
def test_what_outsiders_could_not_repeat_is_not_published(entries, told):
    with pytest.raises(ToylabError, match=told):
        check_publishable(run(**entries), CONFIG)


def test_seeds_must_not_reach_into_those_of_pilots():
    for first, seeds in ((0, 10_000), (1_000, 16), (10_000, 4), (9_992, 8)):
        check_seeds("toy", first, seeds)
    with pytest.raises(ToylabError, match="seeds 9,995 to 10,002 overlap the pilots'"):
        check_seeds("toy", 9_995, 8)


def test_networks_of_uncommitted_code_are_not_published_by_way_of_another_run():
    check_publishable(run(reused={"main": {"commit": "abc"}}), CONFIG)
    with pytest.raises(ToylabError, match="was trained at def with uncommitted changes"):
        check_publishable(run(reused={"main": {"commit": "def+"}}), CONFIG)
    check_publishable(run(reused={"main": {"commit": "def+"}}), CONFIG, dirty=True)
