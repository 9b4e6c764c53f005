"""The measures of Clock and Pizza on logits and embeddings with known answers."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.claims import judge
from toylab.errors import ToylabError
from toylab.figures.grokking import clock_pizza as pictures
from toylab.report.figures import style
from toylab.studies.grokking.clock_pizza.claims import CLAIMS
from toylab.studies.grokking.clock_pizza.study import Config, transformer
from toylab.studies.grokking.clock_pizza.symmetries import (
    Group,
    example,
    group,
    judged,
    observe,
)
from toylab.taps import identity
from toylab.tasks.grokking.clock_pizza import (
    all_pairs,
    attention_mix,
    circularity,
    clock_logits,
    correct_logits,
    distance_irrelevance,
    explained,
    gradient_cosines,
    isolate,
    main_frequency,
    phase_line,
    pizza_logits,
)

P = 13


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def circle(p: int, k: int, width: int, rng, radius: float = 1.0) -> np.ndarray:
    """Tokens on a circle of frequency k in a random plane."""
    turn = 2 * np.pi * k * np.arange(p) / p
    plane = np.linalg.qr(rng.normal(size=(width, 2)))[0].T
    return radius * np.stack([np.cos(turn), np.sin(turn)], 1) @ plane


def mean_pizza(p: int) -> float:
    """Mean of |cos(pi d / p)| over d: a Dirichlet sum."""
    return 1 / (p * np.sin(np.pi / (2 * p)))


def test_correct_logits_are_those_of_the_sum(rng):
    logits = rng.normal(size=(5, 5, 5))
    L = correct_logits(logits)
    for d in range(5):
        for i in range(5):
            j = (i + d) % 5
            assert L[d, i] == logits[i, j, (i + j) % 5]


@pytest.mark.parametrize("k", [1, 3, 6])
def test_q_of_the_analytic_algorithms(k, rng):
    assert np.isnan(distance_irrelevance(correct_logits(clock_logits(P, k))))
    assert distance_irrelevance(correct_logits(pizza_logits(P, k))) < 1e-9
    by_answer = rng.normal(size=P)  # independent of the distance
    clock = clock_logits(P, k) + by_answer
    assert distance_irrelevance(correct_logits(clock)) == pytest.approx(1)
    pizza = pizza_logits(P, k) + by_answer
    total = by_answer.var() + 0.5 - mean_pizza(P) ** 2
    expected = np.sqrt(by_answer.var() / total)
    assert distance_irrelevance(correct_logits(pizza)) == pytest.approx(expected)


def test_explained_is_the_squared_correlation_of_the_formulas():
    clock, pizza = clock_logits(P, 2), pizza_logits(P, 2)
    assert explained(3 * pizza + 5, pizza) == pytest.approx(1)
    expected = mean_pizza(P) ** 2 / 0.5  # near 8 / pi^2: 0.81
    assert explained(pizza, clock) == pytest.approx(expected)
    assert explained(clock, clock_logits(P, 3)) == pytest.approx(0, abs=1e-12)


def test_circularity_of_circles_and_of_what_is_none(rng):
    two = circle(31, 4, 40, rng, 2.0) + circle(31, 9, 40, rng)
    E = np.linalg.qr(rng.normal(size=(40, 4)))[0]
    turn = 2 * np.pi * np.arange(31)[:, None] / 31 * np.array([4, 4, 9, 9])
    waves = np.where(np.arange(4) % 2, np.sin(turn), np.cos(turn)) * [3, 3, 1, 1]
    assert circularity(waves @ E.T + 7) == pytest.approx(1)
    assert circularity(two) > 0.9
    assert circularity(rng.normal(size=(31, 40))) < 0.6
    v = np.sqrt(0.7) * np.cos(turn[:, 0]) + np.sqrt(0.3) * np.cos(turn[:, 2])
    assert circularity(v[:, None], components=1) == pytest.approx(0.7)
    assert np.isnan(circularity(np.full((31, 4), np.nan)))


def test_isolation_keeps_the_mean_and_one_circle(rng):
    mean, large, small = rng.normal(size=8), circle(P, 3, 8, rng, 2.0), circle(P, 5, 8, rng)
    E = mean + large + small
    assert main_frequency(E) == 3
    np.testing.assert_allclose(isolate(E, 3), mean + large, atol=1e-12)


class Product:
    """Logits ``sum_d a_d E_a,d + b_d E_b,d + E_a,d E_b,d``, weighted by an answer's row of u."""

    sites = ("embed",)

    def __init__(self, E, u, product):
        self.E, self.u, self.product = (jnp.asarray(x, jnp.float32) for x in (E, u, product))

    def init(self, key):
        return {}

    def apply(self, params, inputs, tap=identity):
        x = tap("embed", self.E[inputs])
        a, b = x[:, 0], x[:, 1]
        return (a + b + self.product * a * b) @ self.u.T


def test_gradient_cosines_are_those_by_hand(rng):
    E, u = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    triples = rng.integers(5, size=(20, 3))
    given = jnp.asarray(triples, jnp.int32)
    np.testing.assert_allclose(gradient_cosines(Product(E, u, 0.0), {}, given), 1, rtol=1e-5)
    found = gradient_cosines(Product(E, u, 2.0), {}, given)
    for cosine, (a, b, c) in zip(found, triples, strict=True):
        to_a, to_b = u[c] * (1 + 2 * E[b]), u[c] * (1 + 2 * E[a])
        by_hand = to_a @ to_b / np.linalg.norm(to_a) / np.linalg.norm(to_b)
        np.testing.assert_allclose(cosine, by_hand, rtol=1e-4, atol=1e-5)


def test_gradient_cosines_of_a_transformer_are_those_of_its_table(key):
    model = transformer(dataclasses.replace(Config(), p=7, width=8))
    params = model.init(key)
    triples = jnp.array([[0, 1, 2], [4, 3, 6]], jnp.int32)
    found = jax.jit(lambda p: gradient_cosines(model, p, triples))(params)
    logit = lambda p, abc: model.apply(p, abc[None, :2])[0, abc[2]]
    gradient = jax.jit(jax.grad(logit))
    for cosine, abc in zip(found, triples, strict=True):
        a, b, _ = np.asarray(abc)
        table = np.asarray(gradient(params, abc)["embed"]["embedding"])
        norms = np.linalg.norm(table[a]) * np.linalg.norm(table[b])
        np.testing.assert_allclose(cosine, table[a] @ table[b] / norms, rtol=1e-4)


def test_attention_mix_is_the_papers_up_to_the_sum_of_a_row(rng):
    pattern = rng.dirichlet([1, 1], size=4)
    for rate in (0.0, 0.3, 0.57, 1.0):
        papers = rate * pattern + (1 - rate)
        ours = attention_mix(np.array(rate)) * pattern + (1 - attention_mix(np.array(rate))) / 2
        np.testing.assert_allclose(papers, (2 - rate) * ours)


def test_phase_line_has_the_fewest_errors():
    rate = np.array([0, 0.25, 0.5, 0.75, 1])
    flags = lambda text: np.array([c == "p" for c in text])
    assert phase_line(rate, flags("ppp..")) == pytest.approx(0.625)
    assert phase_line(rate, flags("p.p..")) == pytest.approx((0.125 + 0.625) / 2)
    assert phase_line(rate, flags("ppppp")) == 1
    assert phase_line(rate, flags(".....")) == 0
    assert np.isnan(phase_line(rate[:2], flags("p.")))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rates": (0.0, 0.5)}, "0 and 1"),
        ({"rates": (0.0, 1.0, 2.0)}, "rates"),
        ({"p": 3}, "p"),
        ({"fraction": 1.0}, "no test example"),
        ({"width": 30}, "heads"),
        ({"memorised": 0.9}, "memorised"),
    ],
)
def test_settings_out_of_range_are_refused(wrong, words):
    with pytest.raises(ToylabError, match=words):
        dataclasses.replace(Config(), **wrong)


def fresh(model, seeds: int, share: float) -> Group:
    keys = jax.random.split(jax.random.key(1), seeds)
    params = jax.tree.map(np.asarray, jax.vmap(model.init)(keys))
    columns = {"member": range(seeds), "init_seed": range(seeds)}
    members = pl.DataFrame(columns).with_columns(attention_mix=pl.lit(share))
    return Group(members, params)


def test_groups_measured_together_are_those_measured_alone():
    model = transformer(dataclasses.replace(Config(), p=P, width=8))
    groups = {"one": fresh(model, 2, 0.0), "two": fresh(model, 3, 1.0)}
    tables, drawn = observe(model, groups)
    alone, _ = observe(model, {"two": groups["two"]})
    for a, b in zip(tables["two"].iter_columns(), alone["two"].iter_columns(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert list(tables["two"]["rate"]) == [1, 1, 1]
    assert drawn["circles"].shape == (2, P, 4)
    params = jax.tree.map(lambda leaf: leaf[1], groups["two"].params)
    own = dataclasses.replace(model, attention_mix=1.0)
    logits = np.asarray(jax.jit(own.apply)(params, jnp.asarray(all_pairs(P), jnp.int32)))
    right = logits.argmax(-1) == all_pairs(P).sum(-1) % P
    assert tables["two"]["accuracy"][1] == pytest.approx(right.mean())


def test_a_group_holds_the_members_that_are_marked():
    members = pl.DataFrame({"member": [0, 1, 2], "init_seed": [7, 8, 9]})
    params = {"w": np.array([[0], [1], [2]])}
    kept = group(members, params, np.array([True, False, True]))
    assert kept.members.rows() == [(0, 7), (1, 9)]
    assert kept.params["w"].tolist() == [[0], [2]]


def ideal(blind: bool = False) -> dict:
    """Measures that models after the paper, or models blind to attention, would give."""
    rates, seeds = (0.0, 0.2, 0.5, 0.8, 1.0), 6
    rate = np.tile(rates, seeds)
    clock = np.zeros(len(rate)) if blind else (rate > 0.6).astype(float)
    base = pl.DataFrame(
        {"member": np.arange(len(rate)), "init_seed": np.repeat(np.arange(seeds), 5), "rate": rate}
    ).with_columns(diverged=pl.lit(False))
    models = base.with_columns(
        accuracy=np.where(base["init_seed"] == 5, 0.99, 1.0),
        circularity=pl.lit(0.997),
        frequency=pl.lit(3),
        symmetricity=0.99 - 0.6 * clock,
        q=0.2 + 0.6 * clock,
        pizza_fve=0.99 - 0.3 * clock,
        clock_fve=0.75 + 0.2 * clock,
    )
    untrained = base.with_columns(symmetricity=pl.lit(0.6), q=pl.lit(0.97))
    ends = untrained.filter(pl.col("rate").is_in([0.0, 1.0]))
    models = judged(models)
    rows = [example(models, 0.0), example(models, 1.0)]
    rng = np.random.default_rng(0)
    correct = [correct_logits(f(P, 3) + 0.01 * rng.normal(size=P)) for f in FORMULAS]
    shown = circle(P, 3, 4, rng)
    return {
        "models": models,
        "untrained": untrained,
        "memorising": ends,
        "examples": models[rows],
        "example_circles": np.stack([shown, shown]),
        "example_correct": np.stack(correct),
    }


FORMULAS = (pizza_logits, clock_logits)


def test_models_after_the_paper_are_judged_so():
    verdicts = {claim.key: judge(claim, ideal()) for claim in CLAIMS}
    assert [c.key for c in CLAIMS if not c.expect.contains(verdicts[c.key].estimate)] == []
    assert verdicts["circular_share"].estimate == pytest.approx(5 / 6)  # one seed never qualifies
    assert verdicts["phase_line"].estimate == pytest.approx(0.65)
    assert verdicts["constant_attention_distance"].excluded == 1


def test_models_blind_to_attention_are_not_reproduced():
    table = ideal(blind=True)
    verdicts = {claim.key: judge(claim, table) for claim in CLAIMS}
    for key in ("free_attention_asymmetric", "free_attention_distance"):
        assert verdicts[key].verdict == "not reproduced", key
    assert verdicts["phase_line"].estimate == 1  # every model is a Pizza


def test_a_run_without_circular_models_is_judged_and_drawn():
    table = ideal()
    models = judged(table["models"].with_columns(circularity=pl.lit(0.5)))
    table |= {"models": models}
    verdicts = {claim.key: judge(claim, table) for claim in CLAIMS}
    assert verdicts["circular_share"].estimate == 0
    assert verdicts["circular_constant_distance"].n == 0
    assert verdicts["constant_attention_distance"].n == 5
    models = judged(models.with_columns(accuracy=pl.lit(0.9)))
    table |= {"models": models}
    assert judge(CLAIMS[0], table).excluded == 6
    with style():
        assert set(pictures.draw(table, Config())) == {"circles", "measures", "plane"}


def test_titles_say_what_was_measured():
    with style():
        figures = pictures.draw(ideal(), Config())
    assert "25 of 30 models" in figures["measures"].get_suptitle()
    (ax, _) = figures["plane"].axes
    assert "25 of 25" in ax.get_title(loc="left").replace("\n", " ")
