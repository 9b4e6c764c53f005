"""The study of grokking: its times, rates and controls on curves written down."""

import numpy as np
import polars as pl
import pytest

from toylab.errors import ToylabError
from toylab.lab import run_study
from toylab.studies.grokking.grokking.claims import CLAIMS
from toylab.studies.grokking.grokking.progress import times
from toylab.studies.grokking.grokking.study import populations, study

READINGS = {claim.key: claim.reading for claim in CLAIMS}

STEP = np.arange(0, 110, 10)


def curve(seed, decay, train_at, test_at, loss):
    """One member's curves: accuracies step up to 1, the test loss as given."""
    return pl.DataFrame(
        {
            "member": np.full(len(STEP), 2 * seed + (decay == 0)),
            "init_seed": np.full(len(STEP), seed),
            "weight_decay": np.full(len(STEP), decay),
            "diverged": np.isnan(loss),
            "step": STEP,
            "train_accuracy": (STEP >= train_at).astype(float),
            "test_accuracy": (STEP >= test_at).astype(float),
            "test_loss": np.asarray(loss, float),
        }
    )


LATE = [1, 8, 10, 9, 7, 6, 4, 1, 0, 0, 0]  # peak at 20, below half of it from 60


def test_times_of_a_member_that_generalises_and_of_one_that_does_not():
    table = pl.concat([curve(0, 1.0, 10, 80, LATE), curve(0, 0.0, 10, 999, [5.0] * 11)])
    made, never = times(table).sort("member").iter_rows(named=True)
    assert (made["memorised"], made["cleanup"], made["generalised"]) == (10, 60, 80)
    assert made["has_generalised"] and not never["has_generalised"]
    assert never["generalised"] == 100  # the last step it was seen: the time is at least this
    assert never["cleanup"] == 100


def test_a_network_that_diverged_at_once_has_times_and_no_error():
    gone = curve(0, 1.0, 10, 80, [np.nan] * 11)
    assert times(gone)["cleanup"].to_list() == [100]


def progress(squares, **more):
    columns = {"squares": squares, "restricted": np.ones(len(STEP)), "uniform": np.full(11, 4.0)}
    one = curve(0, 1.0, 10, 80, LATE).select("member", "init_seed", "weight_decay", "step")
    return one.with_columns(**{n: pl.Series(v) for n, v in (columns | more).items()})


def test_rates_of_the_sum_of_squares():
    found = times(curve(0, 1.0, 10, 80, LATE))
    before, after = 0.001, 0.02  # fall of the logarithm per step
    log = -before * np.clip(STEP - 10, 0, 50) - after * np.clip(STEP - 60, 0, 20)
    value = READINGS["weights_fall_in_cleanup"]({"times": found, "progress": progress(np.exp(log))})
    np.testing.assert_allclose(value.array(), [1000 * (after - before)], rtol=1e-6)


def test_a_loss_that_crosses_is_timed_against_the_delay():
    restricted = np.where(STEP >= 40, 1.0, 3.0)
    m = {
        "times": times(curve(0, 1.0, 10, 80, LATE)),
        "progress": progress(STEP + 1.0, restricted=restricted),
    }
    value = READINGS["restricted_loss_leads"](m)
    np.testing.assert_allclose(value.array(), [40 / 80])


def test_every_claim_has_a_key_of_its_own_and_the_control_population_is_there():
    assert len({c.key for c in CLAIMS}) == len(CLAIMS)
    members = populations(study.presets["laptop"])["networks"].members
    assert set(members["weight_decay"]) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"p": "12", "operation": "x/y"}, "needs a prime p"),
        ({"fraction": "1.0"}, "leaves no test example"),
        ({"operation": "x+z"}, "did you mean"),
        ({"weight_decay": "0.0"}, "give a positive number"),
        ({"p": "3"}, "too few frequencies"),
    ],
)
def test_bad_settings_are_refused_before_training(change, match):
    with pytest.raises(ToylabError, match=match):
        populations(study.config("smoke", change))


def test_with_fresh_seeds_splits_are_fresh_and_what_is_measured_has_them(tmp_path):
    run = run_study(study, "smoke", tmp_path / "run", {"steps": "4"}, first_seed=1_000)
    assert run.members("networks")["split_seed"].unique().sort().to_list() == [1_000, 1_001]
    assert run.members("networks")["init_seed"].unique().sort().to_list() == [0, 1]
    last = {}
    for name in ("curves", "progress"):
        table = run.measures()[name].filter(step=4).sort("member")
        last[name] = table["train_loss"].to_numpy()
    np.testing.assert_allclose(last["progress"], last["curves"], rtol=1e-5)
