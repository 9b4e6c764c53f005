"""The study ``pre_caching``: errors, probes and moved terms of planted networks, and figures."""

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import Ridge

from tests.studies.planning.diverged import one_of_two_diverged
from toylab.errors import ToylabError
from toylab.figures.planning import pre_caching as pictures
from toylab.report import figures as fig
from toylab.studies.planning.pre_caching import claims, foresight, readings
from toylab.studies.planning.pre_caching.study import ARMS, Config, look, populations
from toylab.tasks.planning.delayed_sums import DelayedSums

TASK = DelayedSums(length=9, terms=2, asked=0.5)
BATCH = foresight.draw(TASK, 64, 3)
RNG = np.random.default_rng(0)


def test_errors_count_sums_and_plain_numbers_apart():
    outputs = RNG.normal(size=(2, 64, 9))
    found = foresight.errors(TASK, jnp.asarray(outputs), BATCH)
    targets, flag = np.asarray(BATCH.targets), np.asarray(BATCH.latents["flag"])
    for p in range(2):
        sums, plain = [], []
        for b in range(64):
            for n in range(2, 9):
                wrong = (outputs[p, b, n] - targets[b, n]) ** 2
                (sums if flag[b, n] else plain).append(wrong)
        assert found["error"][p] == pytest.approx(
            np.mean(sums) / (2 * TASK.term_variance), rel=1e-5
        )
        assert found["plain"][p] == pytest.approx(np.mean(plain), rel=1e-5)
    everywhere = DelayedSums(length=9, terms=2)
    batch = foresight.draw(everywhere, 64, 3)
    assert np.isnan(foresight.errors(everywhere, jnp.asarray(outputs), batch)["plain"]).all()
    none = foresight.errors(everywhere, jnp.zeros((1, 64, 9)), batch)
    assert none["error"][0] == pytest.approx(1, abs=0.2)


def test_probe_is_scikit_learns_on_half_the_sequences():
    acts = RNG.normal(size=(1, 64, 9, 5)).astype(np.float32)
    acts[..., 0] += np.asarray(BATCH.latents["term"])
    found = foresight.decoded(TASK, jnp.asarray(acts), BATCH)
    x, y = acts[0, :, 2:-1], np.asarray(BATCH.latents["term"])[:, 2:-1]
    flat = lambda rows: (x[rows].reshape(-1, 5), y[rows].reshape(-1))
    fitted = Ridge(foresight.L2).fit(*flat(slice(0, 32)))
    assert found[0] == pytest.approx(fitted.score(*flat(slice(32, None))), abs=1e-4)
    perfect = jnp.asarray(np.asarray(BATCH.latents["sum"])[None, ..., None])
    assert foresight.decoded(TASK, perfect, BATCH, "sum")[0] == pytest.approx(1, abs=1e-3)


def planted(config: Config):
    """A network whose term is a coordinate of the stream, which the second block sums up.

    Two coordinates of the embedding are x, unused, and the constant 1; the first MLP writes a bent
    function of x into another; the second block attends evenly and adds that up.
    """
    model = config.model("main")
    params = jax.tree.map(jnp.zeros_like, model.init(jax.random.key(0)))
    params["embed"]["embedding"] = params["embed"]["embedding"].at[0, 0].set(1.0)
    first, second = params["blocks"]["0"], params["blocks"]["1"]
    first["mlp"]["up"]["kernel"] = first["mlp"]["up"]["kernel"].at[0, 0].set(1.0)
    first["mlp"]["down"]["kernel"] = first["mlp"]["down"]["kernel"].at[0, 1].set(1.0)
    second["attn"]["w_v"] = second["attn"]["w_v"].at[1, 0, 0].set(1.0)
    second["attn"]["w_o"] = second["attn"]["w_o"].at[0, 0, 2].set(1.0)
    params["unembed"]["kernel"] = params["unembed"]["kernel"].at[2, 0].set(1.0)
    return model, jax.tree.map(lambda leaf: leaf[None], params)


def test_a_moved_term_moves_what_reads_it():
    config = Config(width=8)
    task = config.world()
    batch = foresight.draw(task, 256, 3)
    model, params = planted(config)
    _, acts = foresight.seen(model, params, batch.inputs, (foresight.FIRST,))
    slope, lags = foresight.moved(model, task, params, acts[foresight.FIRST], batch)
    assert lags.tolist() == list(range(7))
    # The stream follows f as relu(x) does at fixed x; attention divides it by the positions seen.
    place = task.length - 7
    x, f = (np.asarray(batch.latents[n])[:, place] for n in ("x", "term"))
    design = np.stack([np.ones_like(x), x, f], 1)
    along = np.linalg.lstsq(design, np.maximum(x, 0), rcond=None)[0][2]
    np.testing.assert_allclose(slope[0], along / (place + 1 + lags), rtol=1e-3)


def small_measures():
    """Measures of two untrained networks per arm, made up to be of two steps."""
    config, parts = Config(seeds=2, width=8, many=4, judged=32, steps=1), []
    for arm, (population, _) in ARMS.items():
        model = config.model(population)
        params = jax.jit(jax.vmap(model.init))(jax.random.split(jax.random.key(0), 2))
        kernel = params["unembed"]["kernel"]
        params["unembed"]["kernel"] = kernel.at[1].set(jnp.nan)  # the second has diverged
        params["positions"]["embedding"] = params["positions"]["embedding"].at[1].set(jnp.nan)
        for step in (0, 1):
            label = {"arm": pl.lit(arm), "step": pl.lit(step), "init_seed": pl.col("member")}
            found = look(config, arm, params, True)
            parts.append(
                {
                    name: rows.with_columns(**label, diverged=pl.col("member") == 1)
                    for name, rows in found.items()
                }
            )
    return {name: pl.concat([part[name] for part in parts]) for name in parts[0]}, config


@pytest.mark.slow
def test_claims_and_figures_of_networks_one_of_which_diverged():
    measures, config = small_measures()
    one_of_two_diverged(claims.CLAIMS, measures)
    with fig.style():
        assert set(pictures.draw(measures, config)) == set(pictures.CAPTIONS)


def test_slopes_are_read_at_the_lags_of_the_sum_and_at_others():
    rows = [
        {"arm": "vanilla", "step": 5, "init_seed": 0, "lag": lag, "slope": slope}
        for lag, slope in enumerate([0.05, 1.0, 0.8, 1.1, 0.9, -0.2, 0.0])
    ]
    measures = {"slopes": pl.DataFrame(rows)}
    assert readings.furthest("vanilla", within=True)(measures).values == pytest.approx([0.2])
    assert readings.furthest("vanilla", within=False)(measures).values == pytest.approx([0.2])


def test_doses_are_ranked_by_their_error():
    names = ("myopic", *(f"dose {share}" for share in (0.125, 0.25, 0.375, 0.5)))
    errors = dict(zip(names, (1.0, 0.9, 0.5, 0.6, 0.1), strict=True))
    rows = [{"arm": a, "step": 1, "init_seed": 0, "error": e} for a, e in errors.items()]
    assert readings.doses()({"curves": pl.DataFrame(rows)}).values == pytest.approx([-0.9])


def test_arms_are_members_in_their_order():
    found = populations(Config(seeds=2))
    main = found["main"].members
    assert len(main) == 20
    doses = np.repeat([0.125, 0.25, 0.375, 0.5, 0, 1], 2)
    assert main["foresight"].tolist() == [1, 1, *[0] * 6, *doses]
    assert main["reading"].tolist() == [0] * 6 + [1] * 2 + [0] * 12
    assert "reading" not in found["norm"].members.columns  # it needs a model without norms


def test_settings_that_make_no_study_are_refused():
    for wrong, told in (
        (dict(rare=0.0), r"rare = 0\.0"),
        (dict(length=7), "length = 7"),
        (dict(heads=3), "not a multiple of heads = 3"),
    ):
        with pytest.raises(ToylabError, match=told):
            Config(**wrong)
