"""What changed between a run's beginning and its end: adopted, refused, or never published."""

import dataclasses
import functools
import shutil
from pathlib import Path

import numpy as np
import pytest

import toylab as tl
from tests.runs.test_foreign import STUDY, source, started
from tests.runs.test_reuse import Config, Trained, populations, study
from toylab import lab
from toylab.errors import ToylabError
from toylab.lab import resume, run_study
from toylab.population import written
from toylab.report.publishing import check_publishable
from toylab.runs import networks
from toylab.runs.reporter import Interrupted
from toylab.runs.reuse import describe, kept

__all__ = ["source"]
TWO = STUDY.replace(
    '    return {"p": tl.Population(',
    """    members = tl.seeds(config.seeds) * tl.grid(learning_rate=(0.02,))
    q = tl.Population(model=tl.Autoencoder(4, 2), task=Sparse(4, density=0.5), members=members,
        optimizer=tl.AdamW(config.rate, 0.0), steps=9, batch_size=4, tile=1)
    return {"p": tl.Population(""",
).replace("record_every=5)}", 'record_every=5), "q": q}')


def stopped(source: Path, out: Path, text: str = TWO) -> None:
    """Begin a run, and stop it once its first population is trained."""
    source.write_text(text)

    class OneDone(lab.Reporter):
        done = False

        def population(self, name, population, step):
            OneDone.done = name == "q"

    with pytest.raises(Interrupted):
        started(source, out, reporter=OneDone(), stop=lambda: OneDone.done)


def test_adopted_members_are_those_that_the_manifest_tells(source: Path, tmp_path: Path):
    stopped(source, tmp_path / "run")
    source.write_text(TWO.replace("learning_rate=(0.02,)", "learning_rate=(0.5,)"))
    run = resume(tmp_path / "run", source=str(source), adopt=True)
    assert run.members("q")["learning_rate"].to_list() == [0.5, 0.5]
    with pytest.raises(ToylabError, match="went on although the members of 'q' had"):
        check_publishable(run, run.config, dirty=True)


def test_members_that_are_trained_cannot_be_adopted_away(source: Path, tmp_path: Path):
    stopped(source, tmp_path / "run")
    source.write_text(TWO.replace("seeds: int = 2", "seeds: int = 2\n    more: int = 1").replace(
        "members=tl.seeds(config.seeds), optimizer", "members=tl.seeds(3), optimizer"))  # fmt: skip
    with pytest.raises(ToylabError, match="members of 'p' are trained and have changed"):
        resume(tmp_path / "run", source=str(source), adopt=True)


def test_a_population_that_was_not_begun_keeps_its_own_tile(source: Path, tmp_path: Path):
    stopped(source, tmp_path / "run")
    assert resume(tmp_path / "run", source=str(source)).manifest["tiles"]["q"] == 1


def test_code_at_every_resume_is_looked_at_before_publishing(source: Path, tmp_path: Path):
    stopped(source, tmp_path / "run")
    run = resume(tmp_path / "run", source=str(source))
    assert len(run.manifest["resumed_at"]) == 1
    run.manifest |= dict.fromkeys(("commit", "measured_at", "judged_at"), "abc")
    run.manifest |= {"resumed_at": ["abc"], "source": None}
    check_publishable(run, run.config)
    run.manifest["resumed_at"] = ["abc", "def+"]
    with pytest.raises(ToylabError, match=r"was run at def with uncommitted changes"):
        check_publishable(run, run.config)


def test_a_run_goes_on_without_the_one_it_took_from(tmp_path, monkeypatch):
    first = run_study(study(("main",)), "smoke", tmp_path / "first")
    told, both = Trained(), study(("main", "more"))
    with pytest.raises(Interrupted):
        asked = iter([False])
        run_study(both, "smoke", tmp_path / "run", reuse=first.path,
                  stop=lambda: next(asked, True))  # fmt: skip
    shutil.rmtree(first.path)
    monkeypatch.setattr(networks, "study_names", lambda: ["shared"])
    monkeypatch.setattr(networks, "load_study", lambda name: both)
    assert lab.resume(tmp_path / "run", told).steps("more")
    assert told.names == ["more"]


def test_the_folder_of_a_sweeps_programs_is_no_run(tmp_path, monkeypatch):
    run = run_study(study(("main",)), "smoke", tmp_path / "run")
    with run.writing():
        run.note(packs={}, cells=[])
    monkeypatch.setattr(networks, "study_names", lambda: ["shared"])
    monkeypatch.setattr(networks, "load_study", lambda name: study(("main",)))
    with pytest.raises(ToylabError, match="part of a sweep; give the sweep's own command again"):
        lab.resume(run.path)


def rising(step):
    return step


def loss_of(rate):
    def loss(model, params, batch):
        return rate * tl.squared_error(model, params, batch)

    return loss


def test_what_is_written_of_a_part_is_the_same_in_every_process():
    assert " at 0x" not in written(tl.AdamW(1e-2, 0.0, schedule=rising))
    assert " at 0x" not in written(functools.partial(tl.squared_error))
    one, other = np.zeros(5_000), np.zeros(5_000)
    other[2_500] = 1

    @dataclasses.dataclass(frozen=True)
    class Table:
        values: object

    assert written(Table(one)) != written(Table(other))


def test_losses_of_one_factory_are_told_apart():
    assert written(loss_of(0.1)).endswith(" of 0.1")
    assert written(tl.squared_error) == "toylab.losses.squared_error"
    main = populations(Config())["main"]
    texts = [
        describe({"p": dataclasses.replace(main, loss=loss_of(rate))})["p"]["loss"]
        for rate in (0.1, 0.5)
    ]
    assert texts[0] != texts[1]
    assert "shards" not in describe({"p": main})["p"]
    assert describe({"p": dataclasses.replace(main, shards=2)})["p"]["shards"] == "2"


def test_what_is_trained_stays_what_it_was_when_a_change_is_adopted(source: Path, tmp_path: Path):
    run = started(source, tmp_path / "run")
    said, loss = run.manifest["described"]["p"], run.metrics()
    source.write_text(STUDY.replace("rate: float = 0.01", "rate: float = 0.01\n    by: float = 2")
                      .replace("config.rate, 0.0", "config.by * config.rate, 0.0"))  # fmt: skip
    again = resume(run.path, source=str(source), adopt=True)
    assert again.manifest["described"]["p"] == said and again.metrics().equals(loss)
    assert resume(run.path, source=str(source)).manifest["adopted"] == again.manifest["adopted"]
    with pytest.raises(ToylabError, match=r"the optimizer of its 'p' has .*0\.01"):
        started(source, tmp_path / "other", reuse=run.path)


def test_snapshots_that_a_changed_study_does_not_take_go(source: Path, tmp_path: Path):
    run = started(source, tmp_path / "run")
    source.write_text(STUDY.replace("snapshots=(0, 10, 20)", "snapshots=(0, 12)"))
    again = resume(run.path, source=str(source), adopt=True)
    assert again.steps("p") == [0, 12, 40]


def test_a_population_that_is_gone_leaves_a_run_that_can_be_read(source: Path, tmp_path: Path):
    source.write_text(TWO)
    run = started(source, tmp_path / "run")
    source.write_text(TWO.replace(', "q": q}', "}"))
    resume(run.path, source=str(source), adopt=True)
    source.write_text(TWO)
    whole = resume(run.path, source=str(source), adopt=True)
    assert whole.populations() == run.populations() and len(whole.claims()) == 1


def test_what_starts_from_trained_networks_says_so():
    def described(rate):
        first = populations(Config())["main"]
        first = dataclasses.replace(first, optimizer=tl.AdamW(rate, 0.0))
        both = {"first": first, "then": dataclasses.replace(first, start="first", steps=9)}
        return both, describe(both)

    (_, old), (both, new) = described(0.01), described(0.02)
    found = kept(new, {"first": old["first"]}, both)
    assert found["first"] == old["first"]
    assert found["then"] == new["then"] | {"start": repr(old["first"])}
    assert kept(new, {}, both) == new
