"""The study ``graph_tracing_prior``: its own measures on inputs with known answers, figures."""

import dataclasses
import itertools

import jax
import numpy as np
import polars as pl
import polars.selectors as cs
import pytest
from matplotlib.text import Text

from toylab.analysis.geometry.measures import spectral_embedding
from toylab.errors import ToylabError
from toylab.figures.in_context import graph_tracing_prior as pictures
from toylab.report import figures as fig
from toylab.studies.in_context.graph_tracing_prior import readings, rings
from toylab.studies.in_context.graph_tracing_prior.study import study
from toylab.tasks.in_context import ring_walks as walks_of
from toylab.tasks.in_context.graph_calendar import NearDays, SharedCalendar
from toylab.tasks.in_context.graph_tracing import GraphTracing
from toylab.tasks.in_context.graphs import circulant

RNG = np.random.default_rng(0)
SETTINGS = {"n_tokens": 9, "families": ("ring",), "held_out": (), "sizes": (8,), "length": 21}
SETTINGS["walk"] = "non-backtracking"
TASK = GraphTracing(**SETTINGS, calendar=7, calendar_share=0.3)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_walks_go_round_the_ring_of_their_stride(stride):
    token_N = np.arange(9, 16, dtype=np.int32)
    walks = walks_of.draw_walks(TASK, token_N, stride, 28, 0)
    np.testing.assert_array_equal(walks.tokens_BL, token_N[walks.day_BL])
    steps = np.diff(walks.day_BL, axis=1) % 7
    assert set(np.unique(steps)) == {stride, 7 - stride}
    assert (steps == steps[:, :1]).all()
    assert {len(set(row)) for row in walks.day_BL[:, 7:14]} == {7}


def test_rings_fill_six_dimensions():
    planes = [spectral_embedding(circulant(7, s)) for s in (1, 2, 3)]
    whole = np.concatenate(planes, axis=1)
    np.testing.assert_allclose(whole.T @ whole, np.eye(6), atol=1e-12)
    edges = sum(circulant(7, s).astype(int) for s in (1, 2, 3))
    np.testing.assert_array_equal(edges, 1 - np.eye(7))


@pytest.mark.parametrize("stride", walks_of.STRIDES)
def test_planted_planes_are_told_apart(stride):
    turn = np.linalg.qr(RNG.normal(size=(9, 9)))[0]
    vectors = np.zeros((7, 9))
    vectors[:, :2] = 3 * spectral_embedding(circulant(7, 1))
    vectors[:, 2:4] = spectral_embedding(circulant(7, stride))
    found = rings.planes(vectors @ turn + 5.0, stride)
    want = {"share_calendar": 0.9, "share_context": 0.1, "share_other": 0.0,
            "first_calendar": 1.0, "second_context": 1.0, "first_context": 0.0}  # fmt: skip
    assert {name: found[name] for name in want} == pytest.approx(want, abs=1e-9)


def test_masses_count_the_ring_but_for_the_day_just_left():
    walks = walks_of.draw_walks(TASK, np.arange(7, dtype=np.int32), 2, 14, 1)
    p = np.zeros((1, 14, 21, TASK.vocab), np.float32)
    onward = np.sign((walks.day_BL[:, 1] - walks.day_BL[:, 0] + 3) % 7 - 3).astype(int)
    ahead = walks.day_BL + (walks.day_BL[:, 1] - walks.day_BL[:, 0])[:, None]
    assert set(onward) == {-1, 1}
    np.put_along_axis(p[0], (ahead % 7)[..., None], 0.5, -1)
    np.put_along_axis(p[0], ((walks.day_BL + 1) % 7)[..., None], 0.3, -1)
    np.put_along_axis(p[0], ((walks.day_BL + 3) % 7)[..., None], 0.2, -1)
    found = walks_of.masses(walks, p)
    for name, value in (("context", 0.5), ("calendar", 0.3), ("other", 0.2)):
        np.testing.assert_allclose(found[name][0, 1:], value, atol=1e-6)


def test_masses_after_turns_tell_recency_from_the_ring():
    """Against a walk over places and days in words, for one that goes on and one of recency."""
    task, days = dataclasses.replace(TASK, turn=0.3), 7
    walks = walks_of.draw_walks(task, np.arange(days, dtype=np.int32), 2, 14, 3)
    p = RNG.dirichlet(np.ones(task.vocab), size=(2, 14, 21)).astype(np.float32)
    want = {"ahead": [], "oldest": []}
    for b, day in enumerate(walks.day_BL.tolist()):
        for t in range(10, 21):
            turned = any(day[s] == day[s - 2] for s in range(t - 2, t + 1))
            last = {d: s for s, d in enumerate(day[: t + 1])}
            oldest = min(last, key=last.get)
            ahead = (day[t] + 2 if (day[t] - day[t - 1]) % days == 2 else day[t] - 2) % days
            if turned and ahead != oldest:
                want["ahead"].append(p[:, b, t, ahead])
                want["oldest"].append(p[:, b, t, oldest])
    found = walks_of.after_turns(walks, p)
    assert len(want["ahead"]) > 50
    for name, values in want.items():
        np.testing.assert_allclose(found[name], np.mean(values, 0), rtol=1e-5)


def test_day_means_are_of_one_round_each():
    walks = walks_of.draw_walks(TASK, np.arange(7, dtype=np.int32), 3, 14, 2)
    rounds = np.arange(21) // 7
    acts = (10 * rounds[None] + walks.day_BL)[None, None, ..., None].astype(np.float32)
    found = rings.day_means(walks, acts)[0, 0, ..., 0]
    np.testing.assert_allclose(found, 10 * np.arange(3)[:, None] + np.arange(7))


# The task ---------------------------------------------------------------------------------------


def test_days_near_one_day_are_drawn_as_often_as_told():
    settings = SETTINGS | {"calendar": 7, "calendar_share": 1.0, "length": 20}
    task = NearDays(**settings, near_share=0.7, focus=2.0)
    batch = jax.jit(task.batch, static_argnums=1)(jax.random.key(3), 2_000)
    near_B, day_BL = (np.asarray(batch.latents[name]) for name in ("near", "node"))
    assert near_B.mean() == pytest.approx(0.7, abs=0.04)
    assert task.consistent(batch).all()
    weight_C = np.exp(2 * np.cos(2 * np.pi * np.arange(7) / 7))
    p_C = weight_C / weight_C.sum()
    pair_C = np.array([sum(p_C[k] * p_C[(k + lag) % 7] for k in range(7)) for lag in range(7)])
    lag_BL = (day_BL[near_B][:, 1:] - day_BL[near_B][:, :-1]) % 7
    counted_C = np.bincount(lag_BL.ravel(), minlength=7) / lag_BL.size
    np.testing.assert_allclose(counted_C, pair_C, atol=0.01)
    floor_BL = np.asarray(task.floor(batch))
    np.testing.assert_allclose(floor_BL[near_B], -(p_C * np.log(p_C)).sum(), atol=1e-5)
    assert (floor_BL[~near_B][:, 1:] == 0).all()  # a ring goes on round


def test_days_near_one_day_need_a_calendar():
    with pytest.raises(ToylabError, match="calendar"):
        NearDays(**SETTINGS, near_share=0.5)


def test_shared_calendar_is_the_reserved_one_on_low_tokens():
    dated = {"calendar": 7, "calendar_share": 0.5}
    reserved = GraphTracing(**SETTINGS, **dated).batch(jax.random.key(0), 20)
    shared = SharedCalendar(**SETTINGS, **dated).batch(jax.random.key(0), 20)
    x, y = np.asarray(reserved.inputs), np.asarray(shared.inputs)
    np.testing.assert_array_equal(y, np.where(x < 9, x, x - 9))
    is_dated = (x >= 9).any(1)
    assert 3 < is_dated.sum() < 17
    assert set(np.unique(np.diff(y[is_dated], axis=1) % 7)) == {1, 6}
    assert set(np.unique(y[~is_dated])) == set(range(9))


def test_shared_calendar_needs_tokens():
    with pytest.raises(ToylabError, match="n_tokens = 5"):
        SharedCalendar(5, ("ring",), (), sizes=(4,), length=12, calendar=7, calendar_share=0.1)


# Claims' numbers and figures --------------------------------------------------------------------


def fake() -> dict[str, pl.DataFrame]:
    """Tables with two seeds: layer 2 is the best, the context's share grows from 0.1 to 0.4."""
    names = ("reserved", "shared", "no calendar")
    planes = []
    for seed, network, source in itertools.product(
        range(2), names, ("network", "mixing", "untrained")
    ):
        layers, windows = (1, 1) if source == "mixing" else (3, 3)
        for layer, window in itertools.product(range(layers), range(windows)):
            row = {"init_seed": seed, "network": network, "tokens": "calendar", "stride": 2}
            row |= {f"{p}_{r}": 0.3 for p in ("share", "first", "second") for r in pictures.RINGS}
            row["share_context"] = 0.1 + 0.15 * window
            row["second_context"] = 0.2 + 0.1 * layer
            row |= {"source": source, "layer": layer, "window": window, "chosen": layer == 2}
            planes.append(row)
    mass = [
        {"init_seed": s, "network": network, "tokens": tokens, "stride": 2, "walked": walked,
         "place": place, "days": 7, "context": place / 40, "calendar": 0.1, "other": 0.05}
        for s, network, tokens, walked, place in itertools.product(
            range(2), names, ("calendar", "plain"), ("calendar", "context"), range(40)
        )
    ]  # fmt: skip
    points = [
        {"network": network, "tokens": "calendar", "stride": 2, "layer": layer, "window": window,
         "day": day, "explained_first": 0.6, "explained_second": 0.3, "chosen": layer == 2}
        | {f"pc{i}": float(np.cos(day * i)) for i in range(1, 5)}
        for network, layer, window, day in itertools.product(names, range(3), range(3), range(7))
    ]  # fmt: skip
    tables = {"planes": planes, "mass": mass, "points": points}
    return {name: pl.DataFrame(rows) for name, rows in tables.items()}


def is_near(reading, measures, value):
    np.testing.assert_allclose(reading(measures).array(), [value, value], atol=1e-12)


def test_readings():
    m = fake()
    assert readings.best_layer(m, "shared") == 2
    is_near(readings.at_best("second_context", "shared"), m, 0.4)
    is_near(readings.grown("shared"), m, 0.3)
    is_near(readings.preferred("shared"), m, 34.5 / 40 - 0.1)
    is_near(readings.DELAYED, m, 0)
    is_near(readings.embedded("first_calendar", "reserved"), m, 0.3)


def test_delay_is_compared_with_plain_tokens_and_the_undated_network():
    m = fake()
    levels = {("shared", "calendar"): 0.2, ("shared", "plain"): 0.5,
              ("no calendar", "calendar"): 0.6, ("no calendar", "plain"): 0.7}  # fmt: skip
    for (network, tokens), level in levels.items():
        mine = (pl.col("network") == network) & (pl.col("tokens") == tokens)
        level = pl.when(mine).then(level).otherwise(pl.col("context")).alias("context")
        m["mass"] = m["mass"].with_columns(level)
    is_near(readings.DELAYED, m, -0.2)


def test_layer_without_a_calendar_is_of_its_own_overlap():
    m = fake()
    first = pl.when(pl.col("layer") == 1).then(0.9).otherwise(pl.col("first_context"))
    m["planes"] = m["planes"].with_columns(first.alias("first_context"))
    assert [readings.best_layer(m, n) for n in pictures.NETWORKS] == [2, 2, 1]
    is_near(readings.at_best("first_context", "no calendar"), m, 0.9)


def test_diverged_networks_count_as_diverged_and_are_not_drawn():
    m = fake()
    lost = (pl.col("init_seed") == 0) & (pl.col("network") != "no calendar")
    for name in ("planes", "mass"):
        number = pl.when(lost).then(cs.float() * np.nan).otherwise(cs.float())
        m[name] = m[name].with_columns(number, diverged=lost)
    for claim in study.claims:
        found = claim.reading(m)
        assert found.count("diverged") == (claim.key != "no_calendar"), claim.key
        assert len(found.values) == 2 - found.count("diverged")
    assert readings.best_layer(m, "shared") == 2
    with fig.style():
        for sheet in pictures.draw(m, None).values():
            texts = [text.get_text() for text in sheet.findobj(Text)]
            assert not any("nan" in text for text in texts)


def test_every_figure_is_drawn():
    with fig.style():
        drawn = pictures.draw(fake(), None)
        for sheet in drawn.values():
            sheet.draw_without_rendering()
    assert set(drawn) == {"strip", "overlaps", "shares", "mass"} == set(pictures.CAPTIONS)
