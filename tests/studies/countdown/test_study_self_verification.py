"""The study ``self_verification``: its pairs, passes, scores, claims and figures."""

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.change import NOTHING, patch
from toylab.figures.countdown import self_verification as pictures
from toylab.figures.countdown import self_verification_ablations as bars
from toylab.models import Transformer
from toylab.report import figures as fig
from toylab.stats.ranks import auc
from toylab.studies.countdown.self_verification import ablations as ab
from toylab.studies.countdown.self_verification import claims, networks, readings, study
from toylab.studies.countdown.self_verification import probing as p
from toylab.studies.countdown.self_verification import scores as sc
from toylab.studies.countdown.self_verification import vectors as v
from toylab.studies.countdown.self_verification import writing as w
from toylab.studies.countdown.self_verification.beliefs import trace_rows
from toylab.studies.countdown.self_verification.networks import Found
from toylab.studies.countdown.self_verification.passes import look
from toylab.taps import run
from toylab.tasks.countdown import countdown_pairs as pr
from toylab.tasks.countdown.countdown_rules import Rules

RULES = Rules(largest=6, low=5, high=20, top=36)
SIGNS = pr.signs(RULES)
MODEL = Transformer(
    vocab=RULES.vocab, length=48, width=16, depth=2, heads=2, hidden=12, gated=True,
    activation="silu", positions="rope", norm="rms",
)  # fmt: skip
PARAMS = MODEL.init(jax.random.key(0))
ROWS = pr.draw_pairs(RULES, 4, 1, "numbers", 0)


@pytest.fixture(scope="module")
def bench():
    return ab.open_bench(MODEL, PARAMS, ROWS, RULES)


def test_a_seed_keeps_its_network_where_members_are_in_another_order():
    class Run:
        def members(self, name):
            seeds = [0, 1, 2, 3] if name == "search" else [2, 0, 1, 3]
            return pl.DataFrame({"init_seed": seeds, "member": range(4)})

    assert [study.member_of(Run(), "search", seed) for seed in range(2)] == [0, 1]
    assert [study.member_of(Run(), "reward", seed) for seed in range(2)] == [1, 2]


def test_pass_reads_what_a_plain_run_reads(bench):
    logits, acts = run(MODEL, PARAMS, jnp.asarray(ROWS.tokens_RL), record=MODEL.sites)
    seen, place = bench.base, ROWS.place_R3
    for r in range(8):
        known = logits[r, :, SIGNS.ok] - logits[r, :, SIGNS.no]
        np.testing.assert_allclose(seen.gap_RL[r], known, atol=1e-5)
        for u in range(2):
            pattern = acts[f"blocks/{u}/attn/pattern"][r]
            for c in (1, 2):
                known = pattern[:, place[r, c], 1]
                np.testing.assert_allclose(seen.look_UR2H[u, r, c - 1], known, atol=1e-6)
            post = acts[f"blocks/{u}/mlp/post"][r, place[r, 2]]
            np.testing.assert_allclose(seen.post_URF[u, r], post, atol=1e-5)
            resid = acts[f"blocks/{u}/resid_post"][r, place[r, 2] - 10 : place[r, 2] + 1]
            np.testing.assert_allclose(seen.acts_SRTD[u + 1, r], resid, atol=1e-5)
    weight = total = 0.0
    pattern = np.asarray(acts["blocks/1/attn/pattern"])
    for r in range(8):
        for t in range(1, place[r, 2] + 1):
            weight, total = weight + pattern[r, :, t, t - 1], total + 1
    np.testing.assert_allclose(seen.previous_UH[1], weight / total, rtol=1e-4)
    right = [
        int(logits[r, t].argmax()) == ROWS.tokens_RL[r, t + 1]
        for r, t in np.argwhere(pr.known(RULES, ROWS.tokens_RL))
    ]
    assert ab.results_right(bench, seen) == pytest.approx(np.mean(right))


def test_a_head_off_is_its_rows_of_w_o_at_zero(bench):
    off = jax.tree.map(lambda x: x, PARAMS)
    w_o = off["blocks"]["1"]["attn"]["w_o"]
    off["blocks"]["1"]["attn"]["w_o"] = w_o.at[0].set(0.0)
    known = look(MODEL, off, ROWS, SIGNS)
    changes = [bench.without([(1, 0)], *at) for at in ((), (2,), (1,))]
    whole, at_bracket, at_result = (
        ab.at_bracket(ROWS, output.gap_RL) for output in bench.run(changes)
    )
    known = ab.at_bracket(ROWS, known.gap_RL)
    np.testing.assert_allclose(whole, known, atol=1e-5)
    # In the last block only the place that is read matters.
    np.testing.assert_allclose(at_bracket, known, atol=1e-5)
    assert np.abs(at_result - known).max() > 1e-3


def test_patching_everything_is_the_other_attempt(bench):
    assert ab.restored(bench, bench.base) == 0
    every = [(u, h) for u in range(2) for h in range(2)]
    # Tokens after the target are the same: only attention tells the pair's attempts apart.
    source = [pr.partners(np.asarray(z_RLHK)) for z_RLHK in bench.base.z_URLHK]
    swap = sum((patch(target, source[u]) for u, target in bench.targets(every)), NOTHING)
    [output] = bench.run([swap])
    assert ab.restored(bench, output) == pytest.approx(1, abs=1e-4)
    stream = ab.patch_stream(bench)
    np.testing.assert_allclose(stream[0], [1, 0, 0], atol=1e-4)
    np.testing.assert_allclose(stream[-1], [0, 0, 1], atol=1e-4)


def test_outcomes_count_accepted_attempts(bench):
    ok, no, other = SIGNS.ok, SIGNS.no, 0

    def seen(told):
        top_RL, gap_RL = np.zeros((2, *ROWS.tokens_RL.shape))
        top_RL[np.arange(8), ROWS.place_R3[:, 2]] = told
        gap = {ok: 1, no: -1, other: 0}
        gap_RL[np.arange(8), ROWS.place_R3[:, 2]] = [gap[t] for t in told]
        return bench.base._replace(top_RL=top_RL, gap_RL=gap_RL)

    before = bench._replace(base=seen([ok, no, ok, no, ok, ok, no, no]))
    found = ab.outcome(before, seen([ok, no, no, ok, other, no, no, no]))
    assert found["silenced"] == pytest.approx(2 / 3)
    assert found["says_no"] == pytest.approx(1 / 3)
    assert found["refused"] == pytest.approx(2 / 3)
    # The fall of ok less no in right attempts: 0, 2, 1, 0.
    assert found["gap"] == pytest.approx(3 / 4)


def test_probe_finds_a_planted_verdict_and_its_controls_do_not():
    rng = np.random.default_rng(0)
    rows = p.Parts(
        *(pr.draw_pairs(RULES, 60, 1, s, i) for i, s in enumerate(("train", "train", "numbers")))
    )

    def acts(part):
        x = rng.normal(size=(2, 120, 2, 6)).astype(np.float32)
        x[1, :, 1, 2] += 8 * pr.is_right(part)
        return x

    fitted = p.fit_probes(p.Parts(*(acts(part) for part in rows)), rows, 0)
    assert fitted.layer == 1
    told = {(r["kind"], r["back"], r["layer"]): r["accuracy"] for r in fitted.rows}
    assert told["truth", 0, 1] > 0.97
    assert max(told["truth", 0, 0], told["truth", 1, 1], told["shuffled", 0, 1]) < 0.7
    assert len(told) == 6
    assert np.abs(p.directions(fitted.probe)[1]).argmax() == 2
    assert p.bag_accuracy(rows, RULES.vocab)["accuracy"] < 0.65
    counts = p.bag(ROWS, RULES.vocab)
    assert (counts.sum(1) == ROWS.place_R3[:, 2] + 1).all()


def test_vectors_along_the_probe_are_found():
    params = jax.tree.map(np.array, PARAMS)
    direction = np.zeros((3, 16), np.float32)
    direction[:, 3] = 2
    params["blocks"]["1"]["mlp"]["down"]["kernel"][5] = 7 * np.eye(16)[3]
    params["blocks"]["1"]["mlp"]["down"]["kernel"][6] = -np.eye(16)[3]
    found = v.find(MODEL, params, direction, 1)
    assert found.pool == [(1, 5)]
    assert (np.argwhere(found.valid_UF) == [[1, 5]]).all()
    assert (np.argwhere(found.invalid_UF) == [[1, 6]]).all()
    assert found.cosine_UF[1, 5] == pytest.approx(1)
    kernel = params["unembed"]["kernel"]
    kernel[3] = 0
    kernel[3, SIGNS.ok], kernel[3, SIGNS.no] = 1, -1
    top = v.lens(params, SIGNS)
    assert top[1, 5] == 1
    kernel[3, SIGNS.no], kernel[3, SIGNS.ok] = -2, 1
    assert v.lens(params, SIGNS)[1, 6] == -1


def test_auc_is_that_of_pairs():
    values = np.array([[0.1, 1], [0.4, 1], [0.4, 0], [0.9, 0]])
    areas = [auc(column, np.array([0, 0, 1, 1]) == 1) for column in values.T]
    np.testing.assert_allclose(areas, [3.5 / 4, 0])


def test_scores_follow_a_loop(bench):
    pool = [(0, 3), (1, 4)]
    heads = sc.score_heads(PARAMS, pool, bench.base)
    silu = lambda x: x / (1 + np.exp(-x))
    blocks = jax.tree.map(np.asarray, PARAMS["blocks"])
    for u, h in np.ndindex(2, 2):
        w_v, w_o = blocks[str(u)]["attn"]["w_v"][:, h], blocks[str(u)]["attn"]["w_o"][h]
        diagonal = np.diag(w_v @ w_o)
        gate, up = (
            [blocks[str(m)]["mlp"][n]["kernel"][:, f] for m, f in pool] for n in ("gate", "up")
        )
        known = np.mean(
            [silu(g @ diagonal) * (x @ diagonal) for g, x in zip(gate, up, strict=True)]
        )
        assert heads.diagonal_UH[u, h] == pytest.approx(known, rel=1e-3, abs=1e-7)
    assert set(heads.chosen) <= set(heads.looking)


@pytest.mark.parametrize("preset", ["smoke", "laptop"])
def test_parts_are_switched_off_on_other_hands_than_are_patched(preset):
    config = study.study.presets[preset]
    tried, others = networks.bench_rows(study.plan_of(config))
    assert len(tried.tokens_RL) == len(others.tokens_RL) == 2 * config.bench_pairs
    assert not set(tried.group_R) & set(others.group_R)
    for rows in (tried, others):
        assert (pr.is_right(rows) == [1, 0] * config.bench_pairs).all()


def test_random_heads_are_drawn_again_and_again(bench):
    heads = sc.score_heads(PARAMS, [(0, 3)], bench.base)._replace(chosen=[(1, 0)])
    rng = np.random.default_rng(0)
    rows = ab.head_conditions(bench, heads, [(0, 1), (1, 1)], [(0, 0)], 3, rng)
    told = [row["condition"] for row in rows]
    assert {name: told.count(name) for name in told if told.count(name) > 1} == {
        "random heads": 3,
        "random heads, last two": 3,
        "random for patched, last two": 3,
        "random heads of any layer": 3,
        "any layer for patched, last two": 3,
    }
    shown = {name for name in bars.SHOWN if "neurons" not in name and "valid" not in name}
    assert {*shown, "chosen before reward"} == set(told)
    fall = {name: [r["gap"] for r in rows if r["condition"] == name] for name in told}
    effect_UH = ab.single_ablations(bench)
    known = {h: pytest.approx(effect_UH[h], abs=1e-5) for h in ((0, 0), (0, 1), (1, 1))}
    assert fall["random heads"] == [known[1, 1]] * 3
    assert all(x in known.values() for x in fall["random heads of any layer"])


def test_what_is_written_is_counted():
    attempt = "3 + 4 = 7 5 + 7 = 12 ("
    rest = "3 + 4 = 7 5 + 7 = 12 EOS"
    texts = (f"no {attempt} no", f"no {attempt} no", f"no ANS {rest}", f"ok ANS {rest}")
    written = [np.append(RULES.encode(t), [SIGNS.pad] * 2)[:13] for t in texts]
    found = w.outcomes(np.stack(written), np.array([True] * 4), SIGNS)
    assert found == {"success": 0.5, "partial": 0.25, "fail": 0.25}
    found = w.outcomes(np.stack(written), np.array([True] * 3 + [False]), SIGNS)
    assert found["fail"] == 0


def test_starts_are_right_attempts_of_the_longest_traces():
    begun = w.starts(ROWS, pr.is_right(ROWS))
    assert begun.shape == (2, RULES.prompt_length + 2 * RULES.attempt_length - 1)
    assert (begun[:, -1] == SIGNS.bracket).all()


def tables():
    """Made-up measures of two seeds."""
    rng = np.random.default_rng(0)
    both = [{"arm": arm, "init_seed": s} for arm in ("search", "reward") for s in range(2)]
    after = [x for x in both if x["arm"] == "reward"]
    every = both + [{"arm": "untrained", "init_seed": s} for s in range(2)]
    kinds = ("truth", "shuffled", "transfer", "bag")
    conditions = (*bars.SHOWN, "chosen before reward")
    score = lambda: float(rng.uniform())
    numbers_of = lambda *names: {n: score() for n in names}
    ranks = [f"rank_{n}" for n in ("score", "attention", "patch")]
    rows = {
        "probes": [
            x | {"kind": k, "back": q, "layer": s} | numbers_of("choice", "accuracy")
            for x in every for k in kinds for q in range(3) for s in range(3)
        ],
        "networks": [x | numbers_of("verdicts", "results", "looking", *ranks) for x in both],
        "vectors": [
            x | {"aligned": a} | numbers_of("first", "auc")
            for x in both for a in (True, False) for _ in range(3)
        ],
        "heads": [
            x | {"block": u, "head": h, "looking": h == 0, "chosen": h == u == 0}
            | numbers_of("from_result", "from_bracket", "previous", "diagonal", "effect", "patch")
            for x in both for u in range(2) for h in range(2)
        ],
        "conditions": [
            x | {"condition": c} | numbers_of("silenced", "says_no", "arithmetic")
            for x in both for c in conditions
        ],
        "generated": [
            x | {"condition": c, "success": 0.5, "partial": 0.2, "fail": 0.3}
            for x in both for c in bars.WRITTEN
        ],
        "patches": [
            x | {"what": c} | numbers_of("restored")
            for x in both for c in ("chosen", "random heads")
        ],
        "stream": [
            x | {"layer": s, "place": q} | numbers_of("restored")
            for x in after for s in range(3) for q in ("target", "result", "(")
        ],
        "trace": [
            x | {"right": r, "place": t, "line": (t + 5) // 12, "word": str(t)}
            | numbers_of("belief")
            for x in both for r in (True, False) for t in range(ROWS.place_R3[2, 2] + 1)
        ],
    }  # fmt: skip
    return {name: pl.DataFrame(listed) for name, listed in rows.items()}


def test_claims_read_one_value_per_seed():
    found = tables()
    for claim in claims.CLAIMS:
        readings_of = [claim.reading, *(c.reading for c in (*claim.requires, *claim.control))]
        assert all(len(reading(found).values) == 2 for reading in readings_of), claim.key
    assert len({claim.key for claim in claims.CLAIMS}) == len(claims.CLAIMS)
    assert [claim.key for claim in claims.CLAIMS if claim.headline] == ["silenced"]


def test_best_layer_is_chosen_without_the_test_pairs():
    rows = [
        {"arm": "reward", "init_seed": 0, "kind": "truth", "back": 0, "layer": s,
         "choice": c, "accuracy": a}
        for s, c, a in ((0, 0.5, 1.0), (1, 0.9, 0.7), (2, 0.8, 0.9))
    ]  # fmt: skip
    assert readings.best("truth")({"probes": pl.DataFrame(rows)}).array() == [0.7]


def test_figures_are_drawn():
    with fig.style():
        drawn = pictures.draw(tables(), None)
    assert set(drawn) == set(pictures.CAPTIONS)


def test_no_figure_where_every_network_diverged():
    lost = pl.DataFrame({"population": ["reward"] * 2, "init_seed": [0, 1]})
    assert pictures.draw(tables() | {"diverged": lost}, None) == {}


def test_beliefs_of_a_pair(bench):
    splits = enumerate(("train", "train", "numbers"))
    rows = p.Parts(*(pr.draw_pairs(RULES, 4, 1, s, i) for i, s in splits))
    acts = p.Parts(*(np.asarray(look(MODEL, PARAMS, r, SIGNS).acts_SRTD) for r in rows))
    fitted = p.fit_probes(acts, rows, 0)
    found = trace_rows(Found({}, fitted, None, bench), RULES)["trace"]
    at_bracket = np.asarray(bench.base.acts_SRTD)[fitted.layer, 2, -1]
    weight, bias = (
        np.asarray(x)[-1, fitted.layer] for x in (fitted.probe.weight, fitted.probe.bias)
    )
    known = np.asarray(jax.nn.softmax(jnp.asarray(at_bracket @ weight + bias)))[1]
    longest = [row for row in found if row["right"]]
    np.testing.assert_allclose(longest[-1]["belief"], known, rtol=1e-4)
    assert (longest[-1]["word"], longest[-1]["line"]) == ("(", 2)
    assert len(longest) == ROWS.place_R3[:, 2].max() + 1
    unread = [row["word"] for row in longest if np.isnan(row["belief"])]
    assert " ".join(unread) == RULES.decode(ROWS.tokens_RL[2, : RULES.prompt_length]) + " no"
