"""What no bench can work on is refused alike by every call, before anything is computed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import toylab as tl
from toylab.analysis import circuits
from toylab.analysis.circuits.given.pairs import checked_gap
from toylab.change import NOTHING
from toylab.check import memory
from toylab.errors import ToylabError
from toylab.train.fast_compile import compiling

MODEL = tl.Transformer(vocab=7, length=5, width=4, depth=1, heads=1, n_out=6)
PARAMS = MODEL.init(jax.random.key(0))
CLEAN = np.random.default_rng(0).integers(0, 6, (4, 5)).astype(np.int32)
CORRUPT = np.where(np.arange(5) == 2, (CLEAN + 3) % 6, CLEAN).astype(np.int32)
METRIC = circuits.logit_difference(CLEAN[:, 0])
GRID = circuits.layer_by_position(MODEL, 5)
SITE = "blocks/0/resid_post"
KEEP = [circuits.Edges.of(MODEL).possible]
KEY = jax.random.key(1)

PAIRS = {  # of a clean batch, a corrupt one and a metric
    "patch_effects": lambda p, x, y, m: circuits.patch_effects(MODEL, p, x, y, m, GRID),
    "attribution_patching": lambda p, x, y, m: circuits.attribution_patching(
        MODEL, p, x, y, m, (SITE,)
    ),
    "edge_attribution": lambda p, x, y, m: circuits.edge_attribution(MODEL, p, x, y, m),
    "edge_effects": lambda p, x, y, m: circuits.edge_effects(MODEL, p, x, y, m),
    "keep_edges": lambda p, x, y, m: circuits.keep_edges(MODEL, p, x, y, m, KEEP),
    "path_effects": lambda p, x, y, m: circuits.path_effects(
        MODEL, p, x, y, m, [("a0.h0", "logits")]
    ),
}
SINGLE = {  # of one batch
    "run": lambda p, x: tl.run(MODEL, p, x),
    "run_changes": lambda p, x: tl.run_changes(MODEL, p, x, [NOTHING]),
    "causal_tracing": lambda p, x: circuits.causal_tracing(MODEL, p, x, 1, 1.0, METRIC, GRID, KEY),
    "direct_logit_attribution": lambda p, x: circuits.direct_logit_attribution(
        MODEL, p, x, CLEAN[:, 0]
    ),
    "logit_lens_by_layer": lambda p, x: circuits.logit_lens_by_layer(MODEL, p, x),
    "tuned_lens": lambda p, x: circuits.tuned_lens(MODEL, p, x, CLEAN, batches=2),
    "tuned_lens, held out": lambda p, x: circuits.tuned_lens(MODEL, p, CLEAN, x, batches=2),
    "alignment_search": lambda p, x: circuits.alignment_search(
        MODEL, p, SITE, CLEAN, x, CLEAN[:, 0], 2, KEY, position=-1
    ),
}


@pytest.mark.parametrize("wrong", [7, -1])
def test_tokens_outside_of_the_vocabulary_are_refused(wrong: int):
    bad = CLEAN.copy()
    bad[0, 0] = wrong
    told = f"tokens hold {wrong}; there are 7, from 0 to 6"
    for name, call in SINGLE.items():
        with pytest.raises(ToylabError, match=f"^{name.split(',')[0]}.*{told}"):
            call(PARAMS, bad)
    for name, call in PAIRS.items():
        for pair in ((bad, CORRUPT), (CORRUPT, bad)):
            with pytest.raises(ToylabError, match=f"^{name}: {told}"):
                call(PARAMS, *pair, METRIC)


@pytest.fixture
def hastily():
    """Programs this small compile for longer than they compute."""
    with compiling(hastily=True):
        yield


def scalar(logits):
    return logits.mean()


@pytest.mark.parametrize(
    ("clean", "corrupt", "metric", "told"),
    [
        (CLEAN, CORRUPT[:, :4], METRIC, "patching needs pairs of one shape"),
        (CLEAN, CLEAN.copy(), METRIC, "clean and corrupt inputs are the same"),
        (CLEAN[:0], CORRUPT[:0], METRIC, r"inputs of shape \(0, 5\) are empty"),
        (CLEAN, CORRUPT, scalar, r"the metric gives \(\) for 4 examples; .* \(4,\)"),
        (CLEAN, CORRUPT, lambda logits: (logits, 1), "the metric gives tuple for 4 examples"),
        (CLEAN, CORRUPT, circuits.logit_difference(CLEAN[:3, 0]), "3 answers for 4 examples"),
        (CLEAN, CORRUPT, circuits.log_probability(CLEAN[:, 0] - 6), "logits hold -6; there are 6"),
        (CLEAN, CORRUPT, circuits.logit_difference(CLEAN[:, 0], np.full(4, 6)), "logits hold 6;"),
        (CLEAN, CORRUPT, circuits.logit_difference(CLEAN[:, 0], position=5), "position = 5 is out"),
    ],
)
def test_pairs_and_metrics_that_are_none_are_refused(clean, corrupt, metric, told: str):
    for call in PAIRS.values():
        with pytest.raises(ToylabError, match=told):
            call(PARAMS, clean, corrupt, metric)


def test_one_rule_where_the_metric_has_no_gap(hastily):
    flat = jax.tree.map(jnp.zeros_like, PARAMS)
    both = jax.tree.map(lambda *leaves: jnp.stack(leaves), PARAMS, flat)
    for name, call in list(PAIRS.items())[1:]:  # grids: in test_patching.py
        found = jax.tree.leaves(call(both, CLEAN, CORRUPT, METRIC))[0]
        assert np.isfinite(found[0]).all()
        assert np.isnan(found[1]).all() if name == "keep_edges" else not np.asarray(found[1]).any()
    for name in ("keep_edges", "edge_attribution"):
        with pytest.raises(ToylabError, match=f"^{name}: the metric is the same in the clean and"):
            PAIRS[name](
                jax.tree.map(lambda leaf: leaf[1:].repeat(2, 0), both), CLEAN, CORRUPT, METRIC
            )
    np.testing.assert_array_equal(checked_gap("it", jnp.array([2.0, 1e-7])), [2, np.nan])


def test_answers_paths_and_grids_that_are_none_are_refused():
    pair = CLEAN, CORRUPT, METRIC
    cases = {
        "5 answers for 4 examples": lambda: circuits.direct_logit_attribution(
            MODEL, PARAMS, CLEAN, np.zeros(5, int)
        ),
        "hold 6; there are 6": lambda: circuits.direct_logit_attribution(
            MODEL, PARAMS, CLEAN, CLEAN[:, 0], np.full(4, 6)
        ),
        "no paths; give pairs": lambda: circuits.path_effects(MODEL, PARAMS, *pair, []),
        "a grid of 0 rows": lambda: circuits.patch_effects(MODEL, PARAMS, *pair, []),
        r"of \[0\] targets": lambda: circuits.patch_effects(MODEL, PARAMS, *pair, [[]]),
        r"of \[1, 2\] targets": lambda: circuits.patch_effects(
            MODEL, PARAMS, *pair, [GRID[0][:1], GRID[0][:2]]
        ),
        "Unknown site 'nowhere'": lambda: circuits.patch_effects(
            MODEL, PARAMS, *pair, [[tl.change.Target("nowhere")]]
        ),
        "no sites; name some": lambda: circuits.attribution_patching(MODEL, PARAMS, *pair, ()),
        "keep_edges: masks of shape": lambda: circuits.keep_edges(MODEL, PARAMS, *pair, []),
        "noise = 0 is out of range": lambda: circuits.causal_tracing(
            MODEL, PARAMS, CLEAN, 1, 0, METRIC, GRID, KEY
        ),
        "n_tokens = 8 is out of range": lambda: circuits.score_heads(MODEL, PARAMS, 2, n_tokens=8),
    }
    for told, call in cases.items():
        with pytest.raises(ToylabError, match=told):
            call()


def test_what_exceeds_the_memory_is_told_before_it_is_computed(monkeypatch, hastily):
    params = jax.tree.map(lambda leaf: np.broadcast_to(leaf, (4, *leaf.shape)), PARAMS)
    logits = 4 * 4 * 5 * 6 * 4.0  # bytes: networks, examples, positions, logits, float32
    with memory.memory_plans() as plans:
        lens = circuits.logit_lens_by_layer(MODEL, params, CLEAN)
    results = sum(leaf.nbytes for leaf in lens[1:])
    assert results < plans[0] < 10 * results
    for module in ("check.memory", "trees"):
        monkeypatch.setattr(f"toylab.{module}.memory", lambda: logits - 1)
    calls = {name: SINGLE[name] for name in ("run", "logit_lens_by_layer", "run_changes")}
    for name, call in calls.items():
        with pytest.raises(ToylabError, match=f"^{name}.*: 4 networks take .* GiB .*at a time"):
            call(params, CLEAN)
    with pytest.raises(ToylabError, match=r"one network takes .* give fewer inputs\.$"):
        SINGLE["run"](PARAMS, CLEAN.repeat(4, 0))
    monkeypatch.setattr("toylab.check.memory.memory", lambda: logits)
    assert SINGLE["run"](PARAMS, CLEAN.repeat(4, 0))[0].nbytes == logits
