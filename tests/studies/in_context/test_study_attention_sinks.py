"""The study ``attention_sinks``: its measures on inputs with known answers, and its figures."""

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.change import run_changes
from toylab.figures.in_context import attention_sinks as pictures
from toylab.models.wide_transformer import WideTransformer
from toylab.report import figures as fig
from toylab.studies.in_context.attention_sinks import claims, readings
from toylab.studies.in_context.attention_sinks import scores as s
from toylab.studies.in_context.attention_sinks.study import ARMS, Config
from toylab.task import Batch
from toylab.tasks.in_context.backcopy import BigramBackcopy

L, D = 8, 4
RNG = np.random.default_rng(0)
TASK = BigramBackcopy(6, length=L, n_triggers=2)
MODEL = WideTransformer(vocab=7, length=L, width=D, depth=1, heads=1, hidden=4, norm="layer")


def test_queries_leave_out_early_places():
    tokens = jnp.array([[6, 0, 0, 5, 1, 2, 0, 3]], jnp.int32)
    batch = Batch(tokens, tokens, jnp.ones(8), {})
    on, off = (np.flatnonzero(mask[0]).tolist() for mask in s.queries(batch, 2))
    assert on == [2, 4, 6]
    assert off == [3, 5, 7]


def test_the_oracle_has_the_least_risk():
    batch = TASK.batch(jax.random.key(0), 50)
    oracle, masks = TASK.oracle(batch), s.queries(batch, 2)
    best = s.risks(jnp.log(jnp.maximum(oracle, 1e-12)), oracle, masks)
    even = s.risks(jnp.zeros_like(oracle), oracle, masks)
    assert float(best["bigram_risk"]) == pytest.approx(float(best["bigram_floor"]), abs=1e-4)
    assert float(best["backcopy_risk"]) == pytest.approx(0, abs=1e-4)
    for kind in ("bigram", "backcopy"):
        assert float(even[f"{kind}_risk"]) == pytest.approx(np.log(7), rel=1e-5)


def test_conditions_do_what_they_say():
    exam = s.draw_exam(TASK, 2, 20, np.float32(2), jax.random.key(0))
    params = jax.vmap(MODEL.init)(jax.random.split(jax.random.key(1), 2))
    whole, pattern = s.scores(MODEL, params, exam)
    np.testing.assert_allclose(np.asarray(pattern).sum(-1), 1, rtol=1e-5)
    found = s.risks_under(MODEL, params, exam, rarest=5)
    without = jax.tree.map(lambda leaf: leaf, params)
    without["blocks"]["0"]["attn"]["w_o"] = jnp.zeros_like(without["blocks"]["0"]["attn"]["w_o"])
    silent, _ = s.scores(MODEL, without, exam)
    for kind in ("bigram_risk", "backcopy_risk"):
        np.testing.assert_allclose(found["whole"][kind], whole[kind], rtol=1e-5)
        np.testing.assert_allclose(found["no attention"][kind], silent[kind], rtol=1e-5)
        for condition in ("no MLP", "sink closed", "no value of <s>", "symbol in first place"):
            assert (found[condition][kind] != found["whole"][kind]).all(), condition
    record = ("blocks/0/attn/pattern",)
    closed = [s.changes(L)["sink closed"]]
    read = lambda logits, acts: acts[record[0]]
    seen = run_changes(MODEL, params, exam.batch.inputs, closed, read, record)
    assert np.asarray(seen)[..., 1:, 0].max() < 1e-6


def curves():
    """Made-up curves: the gap grows by 2 per e-fold, the residual by 0.01 a step."""
    steps = np.array([0, 1, 10, 40, 100, 200, 400, 1000])
    return pl.DataFrame(
        [
            {
                "arm": arm,
                "init_seed": seed,
                "diverged": False,
                "step": step,
                "sink_off": 0.8,
                "sink_on": 0.05,
                "share_off": 0.8,
                "share_on": 0.05,
                "second_off": 0.01,
                "even": 0.05,
                "logit_gap": 2 * np.log(max(step, 1)) + seed,
                "value_start": 1.0,
                "value_other": 5.0,
                "resid_start": 10 + (0.001 if arm == "sgd" else 0.01) * step,
                "resid_other": 9.0 + seed,
                "bigram_risk": 2.3,
                "bigram_floor": 2.2,
                "backcopy_risk": 0.02,
                "backcopy_floor": 0.0,
            }
            for arm in ARMS
            for seed in range(2)
            for step in steps
        ]
    )


def test_laws_of_growth_are_recovered():
    def values(law, part):
        return readings.growth("adam", "logit_gap", law, part)({"curves": curves()}).values

    np.testing.assert_allclose(values("log", "slope"), 2)
    np.testing.assert_allclose(values("log", "r2"), 1)
    assert (values("linear", "r2") < 0.95).all()


def measures():
    """Everything the study stores."""
    table = curves()
    last = table.filter(pl.col("step") == 1000).drop("step")
    cut = pl.concat([last.with_columns(condition=pl.lit(c)) for c in pictures.CONDITIONS])
    return {
        "curves": table,
        "conditions": cut,
        "maps": np.tril(RNG.random((len(ARMS), 64, 64))),
        "tokens": RNG.integers(32, size=(len(ARMS), 64)),
    }


def test_claims_read_one_value_per_seed():
    found = measures()
    by_key = {claim.key: claim.reading(found).array() for claim in claims.CLAIMS}
    assert all(values.shape == (2,) for values in by_key.values())
    np.testing.assert_allclose(by_key["logit_grows_as_log"], 1)
    np.testing.assert_allclose(by_key["plain_residual"], 1)
    # Both arms are 0.1 nats from the oracle.
    for key in ("sgd_residual", "sgd_sink", "relu_residual", "relu_no_sink", "relu_no_drain"):
        assert np.isnan(by_key[key]).all(), key
    np.testing.assert_allclose(readings.excess("adam")(found).values, 0.1)
    np.testing.assert_allclose(by_key["sink_needs_triggers"], 0)
    np.testing.assert_allclose(by_key["sink_is_of_use"], 0)


def grow(slope):
    """Curves of two seeds, Adam's and SGD's, that grow by these numbers a step."""
    rows = [
        {"arm": arm, "init_seed": seed, "step": step, "resid_start": 1.0 + rate * step}
        for arm, rates in slope.items()
        for seed, rate in enumerate(rates)
        for step in (10, 20, 50, 100)
    ]
    return {"curves": pl.DataFrame(rows)}


def test_a_falling_curve_does_not_count_as_growth():
    found = readings.rising("adam", "resid_start", "linear")(grow({"adam": (-1.0, 1.0)}))
    np.testing.assert_allclose(found.array(), [-1, 1])


def test_a_rate_counts_only_where_adam_grows():
    found = readings.against_adam("sgd")(grow({"adam": (2.0, -2.0), "sgd": (0.2, 0.2)}))
    np.testing.assert_allclose(found.array(), [0.1, np.nan])


def test_symptoms_count_only_where_learned():
    risk = {"bigram_risk": [2.2, 2.2], "bigram_floor": 2.2, "backcopy_floor": 0.0}
    rows = {"arm": "relu", "init_seed": [0, 1], "step": 1, "share_off": 0.01}
    table = pl.DataFrame(rows | risk | {"backcopy_risk": [0.04, 0.06]})
    found = readings.where_learned("relu", readings.at("relu", "share_off"))({"curves": table})
    np.testing.assert_allclose(found.array(), [0.01, np.nan])


def test_figures_are_drawn():
    with fig.style():
        drawn = pictures.draw(measures(), Config())
    assert set(drawn) == {"growth", "drain", "heads", "ablations"}
