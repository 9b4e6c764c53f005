"""All that is measured on one network."""

from typing import Any, NamedTuple

import numpy as np

from toylab.analysis.head_choice import Head, head_mask, highest, random_others
from toylab.models import Transformer
from toylab.probes.linear import Probe
from toylab.read.tables import long_table
from toylab.stats.ranks import rank_correlation
from toylab.taps import Params
from toylab.tasks.countdown.countdown_pairs import Rows, Signs, is_right
from toylab.tasks.countdown.countdown_rules import Rules

from . import ablations as ab
from . import probing as p
from . import scores as sc
from . import vectors as v
from . import writing as w
from .passes import Seen, look

Tables = dict[str, list[dict[str, Any]]]
WRITTEN = 5  # draws of random heads without which the network writes on


class Plan(NamedTuple):
    """What is asked of every network."""

    model: Transformer
    rules: Rules
    signs: Signs
    rows: p.Parts  # attempts
    bench: int  # rows at the start of the test part, where parts are ablated; as many at its
    # end, of other hands, are patched
    vectors: int  # per block and sign
    draws: int
    further: int  # attempts that the network may still write


class Before(NamedTuple):
    """What a network after reward is compared with."""

    probe: Probe
    chosen: list[Head]


class Found(NamedTuple):
    """A network's tables, and what others of the seed are compared with."""

    tables: Tables
    fitted: p.Fitted
    heads: sc.Heads | None = None
    bench: ab.Bench | None = None


def acts_of(plan: Plan, params: Params) -> tuple[p.Parts, np.ndarray]:
    """Residual streams (S, R, T, D) of each part, and verdicts at "(" of the test part."""
    found, top_R = [], np.zeros(0)
    for rows in plan.rows:
        count = len(rows.tokens_RL)
        seen = [_padded_look(plan, params, rows, i) for i in range(0, count, plan.bench)]
        found.append(np.concatenate([np.asarray(s.acts_SRTD) for s in seen], 1)[:, :count])
        top_RL = np.concatenate([np.asarray(s.top_RL) for s in seen])[:count]
        top_R = ab.at_bracket(rows, top_RL)
    return p.Parts(*found), top_R


def _padded_look(plan: Plan, params: Params, rows: Rows, start: int) -> Seen:
    """Look at a chunk of rows; every chunk has one size, so that one program serves."""
    last = len(rows.tokens_RL) - 1
    return look(
        plan.model,
        params,
        rows.take(np.minimum(np.arange(start, start + plan.bench), last)),
        plan.signs,
    )


def probe_network(plan: Plan, params: Params, seed: int, before: Before | None = None) -> Found:
    """Probes alone, and the network's own verdicts."""
    acts, top_R = acts_of(plan, params)
    fitted = p.fit_probes(acts, plan.rows, seed)
    label_R = is_right(plan.rows.test)
    own_R = np.where(label_R == 1, plan.signs.ok, plan.signs.no)
    verdicts = float((top_R == own_R).mean())
    rows = list(fitted.rows)
    if before is not None:
        rows += [r | {"kind": "transfer"} for r in p.score(before.probe, acts, plan.rows)]
    tables = {"probes": rows, "networks": [{"verdicts": verdicts, "layer": fitted.layer}]}
    return Found(tables, fitted)


def bench_rows(plan: Plan) -> tuple[Rows, Rows]:
    """Attempts on which parts are ablated, and as many, of other hands, for the patches."""
    start = np.arange(plan.bench)
    return plan.rows.test.take(start), plan.rows.test.take(start - plan.bench)


def measure_network(plan: Plan, params: Params, seed: int, before: Before | None = None) -> Found:
    """Probes, vectors, heads, ablations, patches and continuations of one network."""
    found = probe_network(plan, params, seed, before)
    rng = np.random.default_rng(seed)
    tried, others = bench_rows(plan)
    bench = ab.open_bench(plan.model, params, tried, plan.rules)
    vectors = v.find(plan.model, params, p.directions(found.fitted.probe), plan.vectors)
    heads = sc.score_heads(params, vectors.pool, bench.base)
    effect_UH = ab.single_ablations(bench)
    patch_UH = ab.patch_map(ab.open_bench(plan.model, params, others, plan.rules))
    before_chosen = before.chosen if before else None
    patched = highest(patch_UH, sc.CHOSEN)
    tables = found.tables | {
        "vectors": v.vector_rows(plan.model, params, vectors, bench.base, tried, plan.signs),
        "heads": head_rows(heads, effect_UH, patch_UH),
        "conditions": [
            *ab.head_conditions(bench, heads, patched, before_chosen, plan.draws, rng),
            *ab.vector_conditions(bench, vectors, plan.draws, rng),
        ],
        "patches": patch_rows(bench, heads, plan.draws, rng),
        "generated": generated_rows(plan, params, heads, vectors, rng),
    }
    tables["networks"][0] |= {
        "results": ab.results_right(bench, bench.base),
        "looking": len(heads.looking) / effect_UH.size,
        "chosen": len(heads.chosen),
        "rank_score": rank_correlation(heads.diagonal_UH, effect_UH),
        "rank_attention": rank_correlation(heads.look_UH, effect_UH),
        "rank_patch": rank_correlation(patch_UH, effect_UH),
    }
    return Found(tables, found.fitted, heads, bench)


def head_rows(heads: sc.Heads, effect_UH: np.ndarray, patch_UH: np.ndarray) -> list[dict[str, Any]]:
    """A row per head."""
    table = long_table(
        {"block": None, "head": None},
        from_result=heads.look_U2H[:, 0],
        from_bracket=heads.look_U2H[:, 1],
        previous=heads.previous_UH,
        diagonal=heads.diagonal_UH,
        looking=head_mask(heads.looking, effect_UH.shape),
        chosen=head_mask(heads.chosen, effect_UH.shape),
        effect=effect_UH,
        patch=patch_UH,
    )
    return table.to_dicts()


def patch_rows(
    bench: ab.Bench, heads: sc.Heads, draws: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Restored shares of the chosen heads and of random ones, at the result and "("."""
    shape = heads.diagonal_UH.shape
    groups = [("chosen", heads.chosen)]
    groups += [("random heads", random_others(heads.chosen, shape, rng)) for _ in range(draws)]
    shares = ab.patch_heads(bench, [group for _, group in groups])
    return [{"what": n, "restored": x} for (n, _), x in zip(groups, shares, strict=True)]


def generated_rows(
    plan: Plan, params: Params, heads: sc.Heads, vectors: v.Vectors, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """How the network goes on from right attempts, with parts ablated at every place."""
    shape, model, test = heads.diagonal_UH.shape, plan.model, plan.rows.test
    both_UF, none_UH = vectors.valid_UF | vectors.invalid_UF, np.zeros(shape)
    heads_off = lambda group: w.gates(model, head_mask(group, shape))
    off = [
        ("nothing", heads_off([])),
        ("chosen", heads_off(heads.chosen)),
        ("valid + invalid", w.gates(model, none_UH, both_UF)),
    ]
    for name, same_layers in (("random heads", True), ("random heads of any layer", False)):
        for _ in range(min(plan.draws, WRITTEN)):
            drawn = random_others(heads.chosen, shape, rng, same_layers)
            off.append((name, heads_off(drawn)))
    start_BL = w.starts(test, is_right(test))
    length = 1 + plan.further * plan.rules.attempt_length
    wrote = [(n, w.go_on(model, params, start_BL, length, plan.signs, edits)) for n, edits in off]
    accepted_B = wrote[0][1][:, 0] == plan.signs.ok
    return [{"condition": n} | w.outcomes(out, accepted_B, plan.signs) for n, out in wrote]
