"""The analytic weights against brute force, and the study's measures on known answers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.claims import judge
from toylab.errors import ToylabError
from toylab.figures.grokking import grokking_analytic as pictures
from toylab.models.toys.quadratic import Quadratic
from toylab.report.figures import style
from toylab.studies.grokking.grokking_analytic.analytic import analytic_tables, form_tables
from toylab.studies.grokking.grokking_analytic.claims import CLAIMS, half_width
from toylab.studies.grokking.grokking_analytic.study import (
    Config,
    Progress,
    populations,
)
from toylab.tasks.grokking.modular import POLYNOMIALS, arithmetic_table
from toylab.tasks.grokking.polynomials import Polynomials
from toylab.tasks.grokking.quadratic import (
    SEPARABLE,
    accuracy_by_width,
    additive_form,
    analytic_weights,
    coordinates,
    expected_accuracy,
    gaussian_weights,
    neuron_phases,
    participation,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def params_of(weights):
    """A network's parameters, as the trained model holds them."""
    first = np.concatenate([weights.U, weights.V])
    return {
        "layers": {"0": {"kernel": jnp.asarray(first)}, "1": {"kernel": jnp.asarray(weights.W)}}
    }


@pytest.mark.parametrize("operation", SEPARABLE)
def test_forms_give_every_answer(operation):
    form = additive_form(13, operation)
    for x in range(13):
        for y in range(13):
            if form.f[x] >= 0 and form.g[y] >= 0:
                found = form.answer[(form.f[x] + form.g[y]) % form.modulus]
                assert found == POLYNOMIALS[operation](x, y) % 13
            else:
                assert operation == "x*y" and x * y == 0


def test_logits_are_the_sum_over_neurons():
    weights = analytic_weights(additive_form(7, "x+y"), 5, seed=3)
    pairs, _ = arithmetic_table(7, "x+y")
    slow = np.zeros((49, 7))
    for row, (x, y) in enumerate(pairs):
        for q in range(7):
            for k in range(5):
                slow[row, q] += weights.W[k, q] * (weights.U[x, k] + weights.V[y, k]) ** 2
    answers = slow.argmax(1)
    assert accuracy_by_width(weights, pairs, answers, (2, 5))[1] == 1
    model = Quadratic(vocab=7, hidden=(5,), activation="quadratic")
    logits = model.apply(params_of(weights), jnp.asarray(pairs, jnp.int32))
    np.testing.assert_allclose(logits, slow, atol=1e-5)


def test_every_neuron_adds_the_same_cosine():
    weights = analytic_weights(additive_form(11, "x-y"), 6, seed=0)
    n = np.arange(11)
    # <h_k, wave over x, y and q> picks the term that the phases leave alone.
    h = (weights.U[:, None] + weights.V[None]) ** 2
    cube = np.einsum("xyk,kq->kxyq", h, weights.W)
    gap = (n[:, None, None] - n[None, :, None] - n[None, None]) % 11
    for k in range(6):
        top = neuron_phases(*(w[k : k + 1] for w in (weights.U.T, weights.V.T, weights.W)))[1][0]
        own = np.cos(2 * np.pi * top * gap / 11)
        assert np.mean(cube[k] * own) * 2 == pytest.approx(0.5, abs=1e-5)


def test_analytic_weights_solve_and_free_phases_do_not():
    for p, operation in ((31, "x+y"), (30, "x+y"), (31, "x^2+y^2"), (31, "x-y")):
        pairs, answers = arithmetic_table(p, operation)
        form = additive_form(p, operation)
        assert accuracy_by_width(analytic_weights(form, 400, 1), pairs, answers, (400,)) == 1
    free = analytic_weights(form, 400, 1, phases="free")
    assert accuracy_by_width(free, pairs, answers, (400,)) < 0.2
    assert accuracy_by_width(gaussian_weights(31, 400, 1), pairs, answers, (400,)) < 0.2


def test_products_are_solved_but_for_zero():
    pairs, answers = arithmetic_table(23, "x*y")
    weights = analytic_weights(additive_form(23, "x*y"), 500, 0)
    inside = pairs.all(1)
    assert accuracy_by_width(weights, pairs[inside], answers[inside], (500,)) == 1
    assert not weights.U[0].any() and not weights.V[0].any()


def test_one_root_solves_half_and_both_roots_all():
    pairs, answers = arithmetic_table(31, "(x+y)^2")
    form = additive_form(31, "(x+y)^2")
    one, both = (analytic_weights(form, 800, 2, roots=r) for r in ("one", "all"))
    least = pairs.sum(1) % 31 <= 15
    assert accuracy_by_width(one, pairs[least], answers[least], (800,)) == 1
    assert accuracy_by_width(one, pairs[~least], answers[~least], (800,)) < 0.2
    assert accuracy_by_width(both, pairs, answers, (800,)) == 1


def test_expected_accuracy_is_that_of_signal_in_noise(rng):
    noise = rng.normal(size=(40_000, 23))
    for width in (9, 36):
        noise_and_signal = noise.copy()
        noise_and_signal[:, 0] += np.sqrt(width) / 2 * (1 + 1 / 22)
        right = np.mean(noise_and_signal.argmax(1) == 0)
        assert float(expected_accuracy(width, 23)) == pytest.approx(right, abs=0.01)
    assert float(expected_accuracy(0, 23)) == pytest.approx(1 / 23, rel=1e-6)


def test_participation_counts_frequencies(rng):
    n = np.arange(97)
    wave = lambda k, phase: np.cos(2 * np.pi * k * n / 97 + phase)
    rows = np.stack([wave(5, 1.0), wave(5, 0.3) + wave(9, 2.0), 0 * n])
    np.testing.assert_allclose(
        participation(jnp.asarray(rows, jnp.float32)), [1, 0.5, 0], atol=1e-5
    )
    noise = jnp.asarray(rng.normal(size=(4000, 97)), jnp.float32)
    assert float(participation(noise).mean()) == pytest.approx(2 / 49, rel=0.05)


def test_tokens_keep_their_order_where_no_coordinates_are_one_to_one():
    for operation in ("x^2+y^2", "(x+y)^2", "x^3+xy"):
        for order in coordinates(11, operation):
            np.testing.assert_array_equal(order, np.arange(11))


def test_operations_without_a_form_are_refused():
    with pytest.raises(ToylabError, match="x\\^2\\+xy"):
        additive_form(11, "x^2+xy+y^2")
    with pytest.raises(ToylabError, match="prime"):
        additive_form(12, "x*y")


def test_members_of_one_task_ask_different_polynomials():
    names = tuple(POLYNOMIALS)
    task = Polynomials(p=11, operations=names, fraction=0.5, equals=False)
    ask = lambda which: dataclasses.replace(task, which=which).answers()
    found = jax.jit(jax.vmap(ask))(jnp.arange(len(names), dtype=jnp.float32))
    for name, answers in zip(names, found, strict=True):
        np.testing.assert_array_equal(answers, arithmetic_table(11, name)[1])
    with pytest.raises(ToylabError, match="did you mean"):
        Polynomials(p=11, operations=("x+yy",), fraction=0.5)
    with pytest.raises(ToylabError, match="which"):
        Polynomials(p=11, operations=("x+y",), which=1, fraction=0.5)


def test_settings_are_checked_before_training():
    for wrong in (
        {"operation": "x+z"},
        {"fraction": 0.0},
        {"high_fraction": 1.0},
        {"widths": (8, 4), "analytic_width": 4},
        {"analytic_width": 7},
        {"p": 3},
    ):
        with pytest.raises(ToylabError):
            dataclasses.replace(Config(), **wrong)


def test_weights_start_from_one_gaussian():
    kernels = Quadratic(vocab=59, hidden=(256,), init_scale=0.05).init(jax.random.key(0))["layers"]
    for kernel in (kernels["0"]["kernel"], kernels["1"]["kernel"]):
        assert float(jnp.std(kernel)) == pytest.approx(0.05, rel=0.03)


def test_progress_of_the_analytic_network_is_complete():
    task = Polynomials(p=23, fraction=0.5, equals=False)
    weights = analytic_weights(additive_form(23, "x+y"), 500, 0)
    model = Quadratic(vocab=23, hidden=(500,), activation="quadratic")
    found = jax.jit(lambda tree: Progress(23, "x+y")(model, tree, task))(params_of(weights))
    assert float(found["train_accuracy"]) == float(found["test_accuracy"]) == 1
    assert float(found["participation"]) == pytest.approx(1, abs=1e-4)


SMALL = Config(
    seeds=5, p=23, width=200, analytic_p=31, widths=(16, 64, 200), analytic_width=200, draws=5
)


class AnalyticRun:
    """A run whose main networks end at the analytic weights and start from Gaussian ones."""

    def members(self, name):
        columns = populations(SMALL)[name].members.columns
        return pl.DataFrame({"member": np.arange(len(columns["which"])), **columns})

    def dead_at(self, name):
        return np.full(len(self.members(name)), -1)

    def steps(self, name):
        return [0, SMALL.steps]

    def params(self, name, step):
        form = additive_form(SMALL.p, "x+y")
        make = lambda s: (
            gaussian_weights(23, 200, s) if step == 0 else analytic_weights(form, 200, s)
        )
        trees = [params_of(make(s)) for s in self.members(name)["init_seed"]]
        return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)


@pytest.fixture(scope="module")
def measures():
    accuracy = {"(x+y)^2": (0.9, 0.9), "x^2+xy+y^2": (0.1, 0.9), "x^3+xy^2+y": (0.04, 0.04)}
    rows, curves = [], []
    about = dict(p=23, step=300, name="test_accuracy")
    for seed in range(5):
        for name in SMALL.operations:
            for which, value in zip(("half", "most"), accuracy.get(name, (1.0, 1.0)), strict=True):
                own = dict(operation=name, population=which, weight_decay=5.0, main_decay=True)
                rows.append(about | own | dict(init_seed=seed, value=value))
        own = dict(operation="x+y", population="half", weight_decay=0.0, main_decay=False)
        rows.append(about | own | dict(init_seed=seed, value=1.0))
        for name in ("train_accuracy", "test_accuracy", "participation"):
            for decay in (0.0, 5.0):
                for step in (1, 10, 300):
                    line = dict(init_seed=seed, weight_decay=decay, name=name, step=step)
                    curves.append(line | dict(value=step / 300))
    tables = analytic_tables(SMALL) | form_tables(SMALL, AnalyticRun())
    return tables | {"trained": pl.DataFrame(rows), "curves": pl.DataFrame(curves)}


def test_half_width_is_read_between_widths():
    rows = [(0, 8, 0.0), (0, 32, 1.0), (1, 8, 0.1), (1, 32, 0.2), (2, 8, 0.25), (2, 32, 0.75)]
    table = pl.DataFrame(rows, ["draw", "width", "accuracy"], orient="row")
    found = half_width("tied")({"analytic": table.with_columns(kind=pl.lit("tied"))}).array()
    np.testing.assert_allclose(found, [16, 32, 16], rtol=1e-12)


def test_ideal_networks_are_judged_so(measures):
    verdicts = {claim.key: judge(claim, measures) for claim in CLAIMS}
    assert [c.key for c in CLAIMS if not c.expect.contains(verdicts[c.key].estimate)] == []
    assert verdicts["trained_phases_cancel"].estimate == pytest.approx(1, abs=1e-4)


def test_untrained_networks_are_not_reproduced(measures):
    form = measures["form"].filter(pl.col("stage") == "untrained")
    form = pl.concat([form, form.with_columns(stage=pl.lit("trained"))])
    trained = measures["trained"].with_columns(value=pl.lit(1 / 23))
    verdicts = {c.key: judge(c, measures | {"form": form, "trained": trained}) for c in CLAIMS}
    for key in ("trained_separable", "mixed_term_needs_data"):
        assert verdicts[key].verdict == "not reproduced"
    for key in ("trained_one_frequency", "trained_phases_cancel"):
        assert verdicts[key].verdict == "not testable"


def test_figures_are_drawn(measures):
    with style():
        found = pictures.draw(measures, SMALL)
    assert set(found) == {"width", "spectra", "phases", "training", "polynomials"}
    assert "4 of 6" in found["polynomials"].axes[0].get_title(loc="left")
    assert "100.0%" in found["width"].axes[0].get_title(loc="left")
