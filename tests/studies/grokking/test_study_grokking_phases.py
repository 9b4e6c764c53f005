"""The grokking phases' measures on inputs with known answers."""

import numpy as np
import polars as pl
import pytest

from toylab.claims import judge
from toylab.errors import ToylabError
from toylab.figures.grokking import grokking_phases as pictures
from toylab.report.figures import style
from toylab.studies.grokking.grokking_phases.claims import CLAIMS
from toylab.studies.grokking.grokking_phases.delays import laws, map_facts
from toylab.studies.grokking.grokking_phases.study import Config, study
from toylab.tasks.grokking.theory.learning_phases import phase_of, touches


def phase_rows(**changes):
    columns = {
        "train_time": [100, 100, 100, 900],
        "train_event": [True, True, True, False],
        "test_time": [1100, 1101, 9000, 9000],
        "test_event": [True, True, False, False],
    }
    return pl.DataFrame(columns | changes)


def test_phases_are_those_of_the_papers_table():
    found = phase_rows().with_columns(phase_of())["phase"].to_list()
    assert found == ["comprehension", "grokking", "memorisation", "confusion"]


def test_touching_counts_corners_and_not_the_far_side():
    cells = np.array([["g", ".", "."], [".", "c", "."], ["m", ".", "."]])
    assert touches(cells, "g", "c")
    assert not touches(cells, "g", "m")


def ideal(config=None) -> dict[str, pl.DataFrame]:
    """Measures of networks that obey every claim, seed by seed."""
    config = config or Config()
    rng = np.random.default_rng(0)
    rows, maps, sizes = [], [], []
    for seed in range(config.seeds):
        for part, cells in config.cells().items():
            for rate, decay, fraction, scale, hold in cells:
                pull = max(rate * decay, 1e-9)
                time = (1.6 * (0.6 / fraction) ** 7 + np.log(scale)) / pull
                time = 40.0 if hold else time * np.exp(0.02 * rng.normal())
                seen = bool(time < config.steps and (decay > 0 or hold > 0))
                row = (
                    part,
                    seed,
                    rate,
                    decay,
                    fraction,
                    scale,
                    hold,
                    float(min(time, config.steps)),
                )
                rows.append((*row, seen, 20.0, True))
        names = ["comprehension", "grokking", "memorisation", "confusion"]
        grid = [(r, d) for r in (1e-4, 1e-3) for d in (0.0, 1.0)]
        maps += [(seed, r, d, names[i]) for i, (r, d) in enumerate(grid)]
        for share in np.linspace(0.1, 0.9, 9):
            known = min(1.0, 1.4 * share)
            sizes.append((seed, share, known, known - 0.01))
    times = ("test_time", "test_event", "train_time", "train_event")
    cells = ("learning_rate", "weight_decay", "fraction", "init_scale", "hold")
    table = pl.DataFrame(rows, ("part", "init_seed", *cells, *times), orient="row")
    table = table.with_columns(diverged=pl.lit(False))
    phases = pl.DataFrame(
        maps, ("init_seed", "learning_rate", "weight_decay", "phase"), orient="row"
    )
    phases = phases.with_columns(diverged=pl.lit(False))
    columns = ("init_seed", "fraction", "predicted_accuracy", "accuracy")
    law = table.filter(pl.col("part") == "law")
    steps = {"step": np.array([10, 100, 1000])}
    curve = {"train": np.array([0.2, 1, 1]), "test": np.array([0.1, 0.4, 1.0])}
    curves = [
        pl.DataFrame(steps | curve).select(
            pl.lit(part).alias("part"), pl.lit(seed).alias("init_seed"), "*"
        )
        for part in ("baseline", "held")
        for seed in range(config.seeds)
    ]
    return {
        "law": law,
        "laws": laws(law),
        "sides": table.filter(pl.col("part") != "law"),
        "late": table.filter(pl.col("part") == "baseline"),
        "random": pl.DataFrame({"init_seed": range(config.seeds), "over_chance": 1.0}),
        "curves": pl.concat(curves),
        "phases": phases,
        "maps": map_facts(phases),
        "sizes": pl.DataFrame(sizes, columns, orient="row"),
    }


@pytest.fixture(scope="module")
def measures():
    return ideal()


def test_ideal_networks_are_judged_so(measures):
    assert not measures["law"]["test_event"].all()
    verdicts = {claim.key: judge(claim, measures) for claim in CLAIMS}
    assert [c.key for c in CLAIMS if not c.expect.contains(verdicts[c.key].estimate)] == []
    for key in ("inverse_in_decay", "inverse_in_rate", "inverse_in_product"):
        assert verdicts[key].estimate == pytest.approx(-1, abs=0.03)
    assert verdicts["scale_delays"].estimate == pytest.approx(1, abs=0.25)


def test_networks_blind_to_decay_are_not_reproduced(measures):
    same = measures["law"].with_columns(
        test_time=300.0 + pl.col("init_seed"), test_event=pl.lit(True)
    )
    blind = measures | {"law": same, "laws": laws(same)}
    verdicts = {claim.key: judge(claim, blind).verdict for claim in CLAIMS}
    for key in ("inverse_in_decay", "inverse_in_product", "no_decay_no_grokking"):
        assert verdicts[key] == "not reproduced", key


def test_figures_are_drawn(measures):
    with style():
        figures = pictures.draw(measures, Config())
    assert set(figures) == {"survival", "law", "held", "phases"}


@pytest.mark.parametrize(
    "fault", [{"toy_sizes": "55"}, {"fraction": "1.0"}, {"steps": "0"}, {"operation": "x++y"}]
)
def test_bad_settings_stop_before_training(fault):
    with pytest.raises(ToylabError):
        study.config("laptop", fault)
