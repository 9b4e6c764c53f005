"""The study ``qk_features``: its model and measures on heads with planted features; its figures."""

import itertools

import numpy as np
import polars as pl
import pytest

from toylab.analysis.contrastive import subspace_overlap
from toylab.errors import ToylabError
from toylab.figures.in_context import qk_features as pictures
from toylab.report import figures as fig
from toylab.studies.in_context.qk_features import claims
from toylab.studies.in_context.qk_features import features as f
from toylab.studies.in_context.qk_features import swaps as s
from toylab.studies.in_context.qk_features.study import ARMS, Config, without_diverged
from toylab.tasks.in_context.payloads import World

K, R, SIZES = 8, 3, (2, 3)
RNG = np.random.default_rng(0)
CONFIG = Config(seeds=2, ranks=(2, 3), head_dim=6, small_dim=4, width=12)


def planted(mix=0.0):
    """A head whose query of latent i is the key of latent i times 8, in orthogonal directions."""
    a, b = (np.linalg.qr(RNG.normal(size=(K, K)))[0][: 2 * R].reshape(2, R, K) for _ in range(2))
    for m in (a, b):
        m[0, 2:] = 0  # r1 = 2
    w_q, w_k = (m.reshape(-1, K).T @ np.eye(2 * R, K) for m in (b, a))
    if mix:
        w_k[:, [0, 3]] = w_k[:, [0, 3]] @ np.array([[1, mix], [mix, 1]])
    return f.Head(8 * w_q, w_k, World(a, b, np.zeros((1, K))), SIZES)


def test_planted_ranks_are_found():
    pairs = f.draw_pairs(20_000, R, False, 0)
    head = planted()
    rows = {row["feature"]: row for row in f.feature_rows(head, f.features(head, pairs))}
    assert [rows[n]["rank"] for n in ("z1", "z2", "both")] == [2, 3, 5]
    assert [rows[n]["true"] for n in ("z1", "z2", "both")] == [2, 3, 5]
    np.testing.assert_allclose(rows["z1"]["values"], [1, 1, 0, 0, 0, 0], atol=0.08)


def test_any_head_has_its_features_in_the_true_subspaces():
    """By algebra, so that no training is needed: keys' and queries' singular vectors."""
    pairs = f.draw_pairs(40_000, R, False, 0)
    head = planted()
    head = head._replace(w_q=RNG.normal(size=(K, K)), w_k=RNG.normal(size=(K, K)))
    found, (b, a) = f.features(head, pairs), f.maps(head)
    for name, kind in (("z1", 0), ("z2", 1)):
        feature = found[name]
        for basis, latents in ((feature.key_KR, a), (feature.query_KR, b)):
            true = np.linalg.qr(latents[kind, : SIZES[kind]].T)[0]
            assert subspace_overlap(basis, true) > 0.95, name


def test_covariance_of_signs_is_the_latents_map():
    head = planted()
    found = f.covariance(head, f.draw_pairs(100_000, R, False, 1), (1,))
    known = np.zeros((K, K))
    known[[3, 4, 5], [3, 4, 5]] = 8
    np.testing.assert_allclose(found, known, atol=0.15)


def test_leak_and_shared_directions():
    pairs = f.draw_pairs(20_000, R, False, 0)
    heads = planted(), planted(0.5)
    clean, mixed = (f.network_row(head, f.features(head, pairs)) for head in heads)
    assert clean["leak"] == pytest.approx(0, abs=1e-6)
    assert clean["shared"] < 0.02
    # Two of the five diagonal entries of G are joined by half as much off the blocks.
    assert mixed["leak"] == pytest.approx(np.sqrt(2 * 0.25 / 5), rel=1e-5)
    assert mixed["shared"] > 0.2
    assert clean["shared_chance"] == 3 / K


def test_targets_differ_in_both_latents():
    z = np.zeros((2, 3, 2, 1))
    z[0, 1, 0], z[0, 2] = 1, 1  # token 1 differs in one kind, token 2 in both
    np.testing.assert_array_equal(s.pick_targets(z, np.array([0, 0]), 0), [2, -1])


def test_joint_swap_moves_what_a_part_does_not():
    head, n = planted(), 500
    used = np.arange(R)[None] < np.array(SIZES)[:, None]
    z = np.sign(RNG.normal(size=(n, 6, 2, R))) * used
    match = RNG.integers(6, size=n)
    b, a = f.maps(head)
    show = lambda x, m: x.reshape(*x.shape[:-2], -1) @ m.reshape(-1, K)
    context = {"q": show(z[np.arange(n), match], b), "k": show(z, a), "z": z, "match": match}
    pairs = f.draw_pairs(20_000, R, False, 0)
    rows = {row["condition"]: row for row in s.swap_rows(head, f.features(head, pairs), context, 0)}
    assert rows["none"]["on_asked"] > 0.8
    assert rows["none"]["on_target"] < 0.01
    assert rows["z1 + z2"]["moved"] == pytest.approx(1, abs=0.02)
    assert max(rows["z1"]["moved"], rows["z2"]["moved"]) < 0.5
    assert set(rows) == set(pictures.CONDITIONS)


def tables():
    """Made-up measures of two seeds, the paper's ranks and all arms."""
    cells = list(itertools.product(range(2), (3, 5, 7), (3, 5, 7)))
    labels = [
        {"arm": arm, "init_seed": seed, "r1": a, "r2": b, "diverged": False}
        for arm in ARMS
        for seed, a, b in cells
    ]
    rank = {"z1": lambda x: x["r1"], "z2": lambda x: x["r2"], "both": lambda x: x["r1"] + x["r2"]}
    swapped = [x for x in labels if x["arm"] in ("main", "untrained")]
    values = {"values": [1.0, 0.9, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0]}
    lost = lambda x: int(x["arm"] == "small" and x["r1"] == 7)
    feature = [
        x | {"feature": n, "true": r(x), "rank": float(r(x) - lost(x))} | values
        for x in labels
        for n, r in rank.items()
    ]
    scored = {"accuracy": 0.9, "ceiling": 1.0, "leak": 0.1, "shared": 0.2, "shared_chance": 0.1}
    moved = {"on_asked": 0.2, "on_target": 0.7, "moved": 0.8}
    swap = [x | {"condition": c} | moved for x in swapped for c in pictures.CONDITIONS]
    return {
        "features": pl.DataFrame(feature),
        "networks": pl.DataFrame([x | scored for x in labels]),
        "swaps": pl.DataFrame(swap),
        "blocks": RNG.normal(size=(3, 14, 14)),
    }


def test_claims_read_one_value_per_seed():
    found = tables()
    by_key = {claim.key: claim.reading(found).array() for claim in claims.CLAIMS}
    assert all(len(values) == 2 for values in by_key.values())
    np.testing.assert_allclose(by_key["ranks_exact"], 18)
    np.testing.assert_allclose(by_key["single_swap"], 0.8)
    # Of the six pairs that do not fit, three have r1 = 7, whose heads miss one of each kind.
    np.testing.assert_allclose(by_key["missing_ranks"], 1)


def test_a_diverged_head_costs_its_seed():
    found = tables()
    lost = (pl.col("arm") == "main") & (pl.col("init_seed") == 1) & (pl.col("r1") == 3)
    for name in ("features", "networks", "swaps"):
        found[name] = without_diverged(found[name].with_columns(diverged=lost))
    assert found["features"]["values"].null_count() == 9
    by_key = {claim.key: claim.reading(found) for claim in claims.CLAIMS}
    for key in ("ranks_exact", "blocks", "single_swap", "superposed"):
        assert by_key[key].frame["state"].to_list() == ["value", "diverged"], key


def test_figures_are_drawn():
    with fig.style():
        assert set(pictures.draw(tables(), Config())) == {"ranks", "swaps", "blocks"}


def test_ranks_must_fit_the_world():
    with pytest.raises(ToylabError, match="r_max = 0"):
        Config(ranks=(0,))
