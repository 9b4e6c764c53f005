"""The grokking phases' measures on inputs with known answers, and its two optimisers."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import polars as pl
import pytest
from scipy import stats

from toylab.claims import judge
from toylab.errors import ToylabError
from toylab.figures.grokking import grokking_phases as pictures
from toylab.report.figures import style
from toylab.studies.grokking.grokking_phases.claims import CLAIMS
from toylab.studies.grokking.grokking_phases.optim import GroupedAdamW, HeldAdamW
from toylab.studies.grokking.grokking_phases.rows import (
    censored_line,
    laws,
    map_facts,
    phase_of,
    touches,
)
from toylab.studies.grokking.grokking_phases.study import Config, study
from toylab.studies.grokking.grokking_phases.toy import SumDecoder


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_line_without_censoring_is_least_squares(rng):
    x = rng.normal(size=(40, 2))
    log_t = 3 + x @ [1.5, -0.7] + 0.1 * rng.normal(size=40)
    expected = np.linalg.lstsq(np.column_stack([np.ones(40), x]), log_t, rcond=None)[0]
    found = censored_line(x, np.exp(log_t), np.ones(40, bool))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_censored_times_are_used_and_not_dropped(rng):
    x = rng.normal(size=(400, 1))
    log_t = 3 - x[:, 0] + 0.5 * rng.normal(size=400)
    end = 3.3
    event, time = log_t < end, np.exp(np.minimum(log_t, end))
    found = censored_line(x, time, event)
    np.testing.assert_allclose(found, [3, -1], atol=0.1)
    dropped = np.polyfit(x[event, 0], log_t[event], 1)
    assert abs(dropped[0] + 1) > 0.15  # what leaving them out does to the slope

    def likelihood(line, scale):
        z = (np.log(time) - line[0] - line[1] * x[:, 0]) / scale
        return np.where(event, stats.norm.logpdf(z) - np.log(scale), stats.norm.logsf(z)).sum()

    at = max((likelihood(found, s), s) for s in np.linspace(0.3, 0.7, 81))[1]
    for shift in ([0.02, 0], [-0.02, 0], [0, 0.02], [0, -0.02]):
        assert likelihood(found, at) > likelihood(found + shift, at)


def test_line_of_too_few_events_is_unknown():
    x, time = np.arange(4.0)[:, None], np.full(4, 9.0)
    assert np.isnan(censored_line(x, time, [True, True, False, False])).all()


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
    phases = pl.DataFrame(
        maps, ("init_seed", "learning_rate", "weight_decay", "phase"), orient="row"
    )
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
    wrong = {key: v for key, v in verdicts.items() if v.verdict != "reproduced"}
    assert not wrong
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


def tree(rng, names):
    return {n: {"w": jnp.asarray(rng.normal(size=(3, 2)), jnp.float32)} for n in names}


def test_embedding_has_a_rate_of_its_own(rng):
    params, grads = tree(rng, ("embed", "layers")), tree(rng, ("embed", "layers"))
    grouped = GroupedAdamW(learning_rate=0.01, weight_decay=2.0, embed_rate=0.1).transform()
    with jax.numpy_dtype_promotion("standard"):  # as the engine does around Optax
        found, _ = grouped.update(grads, grouped.init(params), params)
        for name, rate, decay in (("embed", 0.1, 0.0), ("layers", 0.01, 2.0)):
            alone = optax.adamw(rate, weight_decay=decay)
            expected, _ = alone.update(grads[name], alone.init(params[name]), params[name])
            np.testing.assert_allclose(found[name]["w"], expected["w"], rtol=1e-5)


def test_held_norm_stays_and_let_go_is_adamw(rng):
    first = tree(rng, ("embed", "layers"))
    free = optax.adamw(0.1, b1=0.9, b2=0.98, weight_decay=0.5)
    make = lambda hold: HeldAdamW(learning_rate=0.1, weight_decay=0.5, hold=hold).transform()
    states = {"held": (make(1.0), first), "loose": (make(0.0), first), "free": (free, first)}
    running = {name: (opt, p, opt.init(p)) for name, (opt, p) in states.items()}
    with jax.numpy_dtype_promotion("standard"):
        for _ in range(5):
            grads = tree(rng, ("embed", "layers"))
            for name, (opt, params, state) in running.items():
                updates, state = opt.update(grads, state, params)
                running[name] = (opt, optax.apply_updates(params, updates), state)
    norm = lambda name: float(optax.tree.norm(running[name][1]))
    assert norm("held") == pytest.approx(float(optax.tree.norm(first)), rel=1e-5)
    assert abs(norm("free") / norm("held") - 1) > 0.01
    for name in ("embed", "layers"):
        np.testing.assert_allclose(
            running["loose"][1][name]["w"], running["free"][1][name]["w"], rtol=1e-4, atol=1e-6
        )


def test_decoder_starts_with_the_spreads_it_names():
    model = SumDecoder(
        vocab=400, n_out=30, hidden=(200, 200), embed=1, shared=True, combine="sum", biases=True
    )
    params = model.init(jax.random.key(0))
    layers = params["layers"]
    assert params["embed"].shape == (400, 1)
    assert float(jnp.std(params["embed"])) == pytest.approx(12**-0.5, rel=0.15)
    for i, (n, m) in enumerate([(1, 200), (200, 200), (200, 30)]):
        assert layers[str(i)]["kernel"].shape == (n, m)
        assert float(jnp.std(layers[str(i)]["bias"])) == pytest.approx(n**-0.5, rel=0.35)
    assert float(jnp.std(layers["1"]["kernel"])) == pytest.approx(200**-0.5, rel=0.05)


@pytest.mark.parametrize(
    "fault", [{"toy_sizes": "55"}, {"fraction": "1.0"}, {"steps": "0"}, {"operation": "x++y"}]
)
def test_bad_settings_stop_before_training(fault):
    with pytest.raises(ToylabError):
        study.config("laptop", fault)
