"""The study of dictionaries and rules in Othello: its measures on constructed inputs."""

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import f1_score

from toylab.analysis.dictionary.board_scores import of_features, of_states, properties
from toylab.analysis.dictionary.choice import VALIDATION, best_setting
from toylab.analysis.dictionary.groups import f1, group_r2, rule_tables
from toylab.analysis.dictionary.rule_trees import grow
from toylab.claims import judge_all
from toylab.errors import ToylabError
from toylab.figures.othello.othello_dictionary import NAMES, draw
from toylab.report import figures as fig
from toylab.studies.othello.othello_dictionary import rules, scores
from toylab.studies.othello.othello_dictionary.claims import CLAIMS
from toylab.studies.othello.othello_dictionary.readings import best, main, small
from toylab.studies.othello.othello_dictionary.study import Config, settings


def test_games_are_split_and_grouped_whole() -> None:
    game = np.repeat(np.arange(40), 3)
    rows = scores.Rows(game, *(np.arange(120)[:, None] for _ in range(5)))
    parts = scores.split(rows, 10, 6)
    assert [sorted(set(p.game_R.tolist())) for p in parts] == [
        list(range(10)),
        list(range(10, 16)),
        list(range(16, 40)),
    ]
    group = scores.group_of(parts.score, 4, 5)
    assert group.tolist() == [VALIDATION] * 12 + [g for g in range(5) for _ in range(12)]


def test_f1_of_groups_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    told, holds, group = rng.random((60, 4)) < 0.4, rng.random((60, 4)) < 0.5, np.arange(60) // 20
    holds[:20, 2] = False  # never true in the first group: not counted there
    pooled, each = (f1(told, holds, group, pooled=p) for p in (True, False))
    for g in range(3):
        here = group == g
        assert pooled[g] == pytest.approx(f1_score(holds[here].ravel(), told[here].ravel()))
        columns = [k for k in range(4) if holds[here, k].any()]
        values = [f1_score(holds[here, k], told[here, k]) for k in columns]
        assert each[g] == pytest.approx(np.mean(values))


def test_features_that_are_the_board_score_one_and_noise_does_not() -> None:
    rng = np.random.default_rng(0)
    board = rng.integers(0, 3, (200, 4)).astype(np.int8)
    perfect = properties(board)[0].astype(np.float32)
    noise = rng.random((200, 12)).astype(np.float32)
    group = np.where(np.arange(100) < 40, VALIDATION, 0)
    for features, good in ((perfect, True), (noise, False)):
        halves = [features[:100], features[100:]], (board[:100], board[100:])
        found = of_features(*halves[0], halves[1], group)
        for name in ("coverage", "coverage_all", "reconstruction", "reconstruction_all"):
            assert (found[name] == 1).all() == good and len(found[name]) == 2
    exact = of_states(properties(board)[0], board, np.zeros(200, int))
    assert exact["coverage"] == exact["reconstruction_all"] == [1.0]


def test_trees_find_a_rule_on_new_games_and_none_in_other_games_boards() -> None:
    rng = np.random.default_rng(0)
    answers, place = rng.random((600, 6)) < 0.5, np.arange(600) % 3
    neurons = np.stack([1.0 * (answers[:, 0] & answers[:, 4]), place, np.ones(600)], 1)
    other = answers.copy()  # of another game at the same place
    for here in (np.flatnonzero(place == p) for p in range(3)):
        other[here] = answers[rng.permutation(here)]
    group = np.repeat([VALIDATION, 0, 1], 200)
    parts = {n: (a, neurons, a, neurons) for n, a in (("real", answers), ("other", other))}
    shares, each = rule_tables(parts, group, 3)
    assert shares.filter(pl.col("name") == "real")["rule_like"].to_list() == [1 / 3, 1 / 3]
    assert shares.filter(pl.col("name") == "other")["rule_like"].to_list() == [0, 0]
    r2 = group_r2(grow(answers, neurons, 3), answers, neurons, group)
    assert r2[:, 0] == pytest.approx(1) and np.isnan(r2[:, 2]).all() and each.height == 6


def test_patterns_and_their_followers() -> None:
    along = np.zeros((10, 4, 8), bool)
    along[:6, 2, 5] = True
    along[:3, 2, 1] = True  # so that direction 5 is the only reason 3 times
    along[4:9, 0, 7] = True
    assert rules.choose_patterns(along, 2).tolist() == [[0, 7], [2, 5]]
    neurons = np.random.default_rng(0).normal(size=(10, 5))
    neurons[:, 3] = along[:, 2, 5] + 0.1 * neurons[:, 0]
    neurons[:, 1] = -neurons[:, 3]
    neurons[:, 2] = 4.0
    neurons[:, 0] += along[:, 2, 5]
    pattern = along[:, 2, 5].astype(float)
    assert rules.followers(neurons, pattern, np.ones(5))[0] == 3
    assert rules.followers(neurons, pattern, np.array([1.0, 9, 9, -1, 0]))[0] == 0


def table() -> pl.DataFrame:
    """Scores of every name; settings 1 and 2 of the dictionaries, 2 better on validation games."""
    rng, rows = np.random.default_rng(0), []
    for network, seeds in (("main", 1), ("small", 8)):
        for seed in range(seeds):
            for name in NAMES:
                several = name in ("topk", "l1", "untrained", "random")
                for setting in (1.0, 2.0) if several else (0.0,):
                    for group in (VALIDATION, *range(6)):
                        value = 0.3 * (group == VALIDATION) * setting + rng.random() / 10
                        numbers = dict.fromkeys(("coverage", "reconstruction"), value)
                        numbers |= {f"{n}_all": value for n in numbers}
                        if several:
                            numbers |= {"l0": 9.0 * setting, "explained": 0.5, "dead": 0.1}
                        labels = {"network": network, "init_seed": seed, "name": name}
                        rows.append(labels | {"setting": setting, "group": group} | numbers)
    return pl.DataFrame(rows, infer_schema_length=None)


def measures() -> dict[str, pl.DataFrame]:
    parts = [
        {"name": n, "group": g, "rule_like": s}
        for n, s in (("trained", 0.5), ("untrained", 0.1))
        for g in range(6)
    ]
    neurons = [{"name": r["name"], "neuron": r["group"], "r2": r["rule_like"]} for r in parts]
    patterns = [
        {
            "pattern": i,
            "square": 2 * i,
            "direction": i,
            "damage": 1.0,
            "elsewhere": 0.1,
            "random": -0.2,
        }
        for i in range(6)
    ]
    legal = [(name, i, 1.0) for name, seeds in (("main", 1), ("small", 8)) for i in range(seeds)]
    return {
        "play": pl.DataFrame(legal, ["population", "init_seed", "legal"], orient="row"),
        "scores": table(),
        "rules": pl.DataFrame(parts),
        "neurons": pl.DataFrame(neurons),
        "patterns": pl.DataFrame(patterns),
    }


def test_claims_take_the_setting_of_the_validation_games() -> None:
    found = measures()
    rows = found["scores"].filter(pl.col("network") == "main")
    assert best_setting(rows.filter(name="topk"), "coverage")["setting"].unique().to_list() == [2.0]
    own = rows.filter(
        (pl.col("name") == "topk") & (pl.col("setting") == 2) & (pl.col("group") >= 0)
    )
    assert main("topk", "coverage")(found).values == pytest.approx(own["coverage"].to_numpy())
    assert len(best("coverage")(found)) == 6 and len(small("topk", "coverage")(found)) == 8
    verdicts = {v.key: v for v in judge_all(CLAIMS, found)}
    assert verdicts["pattern_ablation"].estimate == pytest.approx(10)
    assert verdicts["pattern_ablation_over_random"].estimate == pytest.approx(100)
    assert verdicts["rules_are_learned"].verdict == "reproduced, few seeds"
    assert all(v.n >= 5 for v in verdicts.values())


def test_settings_and_figures() -> None:
    config = Config(features=64, k=(8, 16))
    assert settings(config, 6).features == 64 and settings(config, 4).k == (2, 4)
    for wrong in (dict(groups=1), dict(features=1), dict(patterns=0)):
        with pytest.raises(ToylabError, match="othello_dictionary"):
            Config(**wrong)
    with fig.style():
        assert set(draw(measures(), config)) == {"scores", "sparsity", "rules", "patterns"}
