"""The study ``graph_tracing_circuit``: its own measures on inputs with known answers, figures."""

import itertools

import jax
import numpy as np
import polars as pl
import pytest

from toylab.analysis.geometry.measures import spectral_embedding
from toylab.figures.in_context import graph_tracing_circuit as pictures
from toylab.report import figures as fig
from toylab.studies.in_context.graph_network import network
from toylab.studies.in_context.graph_tracing_circuit import ablations, readings, surgery
from toylab.studies.in_context.graph_tracing_circuit import grids as g
from toylab.studies.in_context.graph_tracing_circuit.study import study
from toylab.taps import Edit, run
from toylab.tasks.in_context.given_walks import draw_grids
from toylab.tasks.in_context.graph_tracing import GraphTracing

RNG = np.random.default_rng(0)
TASK = GraphTracing(
    10, ("ring", "grid"), sides=(3,), sizes=(8,), length=16, walk="non-backtracking"
)


@pytest.fixture(scope="module")
def grids():
    return draw_grids(TASK, 2, 18, 0)


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


# Grids ------------------------------------------------------------------------------------------


def test_planted_embedding_is_found_in_class_means(grids):
    assert grids.adjacency_NN.sum() == 2 * 12 and grids.window == (12, 16)
    plane_N2 = spectral_embedding(grids.adjacency_NN)
    start, stop = grids.window
    acts_XWD = plane_N2[grids.node_MBL[..., start:stop]].reshape(36, 4, 2)
    means = g.means(grids, acts_XWD[None, None])
    np.testing.assert_allclose(means, np.broadcast_to(plane_N2, means.shape), atol=1e-12)
    found = g.geometry(grids, means)
    assert found["correlation"].item() > 0.9


def test_rule_leaves_the_node_just_left_out(grids):
    near = np.asarray(grids.rule_XWV).reshape(2, 18, 4, -1)
    for m, b, w in itertools.product(range(2), range(3), range(4)):
        before, here = grids.node_MBL[m, b, 11 + w], grids.node_MBL[m, b, 12 + w]
        want = set(np.flatnonzero(grids.adjacency_NN[here])) - {before}
        assert set(np.flatnonzero(near[m, b, w])) == {grids.token_MN[m, n] for n in want}


def test_shuffling_keeps_tokens_on_their_nodes(grids):
    mixture = draw_grids(TASK, 2, 18, 0, shuffle=0)
    tokens = np.asarray(mixture.tokens_XL).reshape(grids.node_MBL.shape)
    for m in range(2):
        np.testing.assert_array_equal(tokens[m], grids.token_MN[m][mixture.node_MBL[m]])
    assert (mixture.node_MBL != grids.node_MBL).any()
    np.testing.assert_array_equal(np.sort(mixture.node_MBL), np.sort(grids.node_MBL))


def test_mixing_is_a_mean_of_neighbours(grids):
    embed_PVD = normal(1, TASK.vocab, 5)
    found = g.mixed(grids, embed_PVD)[1, 0, 0]
    own = embed_PVD[0][grids.token_MN[1]]
    for n in range(9):
        near = own[grids.adjacency_NN[n]].mean(0)
        np.testing.assert_allclose(found[n], own[n] + near, atol=1e-6)


# Surgery ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("ablation", ["zero", "mean"])
def test_an_ablation_is_what_edits_of_one_network_do(grids, ablation):
    model = network(TASK, depth=2, width=8, heads=2)
    params = jax.vmap(model.init)(jax.random.split(jax.random.key(0), 2))
    clean = surgery.look(model, params, grids)
    gone = np.zeros((2, 2, 2), bool)
    gone[1, 0, 1] = gone[1, 1, 0] = True
    change = surgery.ablate(gone, clean.z_PULHK if ablation == "mean" else None)
    seen = surgery.look(model, params, grids, change)
    np.testing.assert_allclose(seen.rule_P[0], clean.rule_P[0], rtol=1e-5)
    one = jax.tree.map(lambda leaf: leaf[1], params)
    _, acts = run(model, one, grids.tokens_XL, ("blocks/*/attn/z",))
    edits = []
    for block, head in ((0, 1), (1, 0)):
        site = f"blocks/{block}/attn/z"
        fill = acts[site].mean(0, keepdims=True) if ablation == "mean" else np.float32(0)
        edits.append(Edit(site, "set", fill, np.arange(2)[None, None, :, None] == head))
    logits, kept = run(model, one, grids.tokens_XL, ("blocks/1/resid_post",), edits)
    p_XWV = jax.nn.softmax(logits)[:, 12:]
    assert seen.rule_P[1] == pytest.approx(float((p_XWV * grids.rule_XWV).sum(-1).mean()), rel=1e-4)
    np.testing.assert_allclose(seen.last_PXV[1], p_XWV[:, -1], atol=1e-5)
    last = np.asarray(kept["blocks/1/resid_post"])[:, 12:]
    np.testing.assert_allclose(seen.acts_PSXWD[1, 2], last, atol=1e-4)


# Heads -------------------------------------------------------------------------------


def test_kinds_share_no_head():
    scores = np.zeros((1, 2, 2, 4))
    scores[0, 0].flat[[1, 6]] = 0.9, 0.5
    scores[0, 1].flat[[6, 7, 4]] = 0.9, 0.8, 0.3
    kinds = ablations.Kinds.of(scores)
    assert kinds.previous.tolist() == [[1, 6]] and kinds.induction.tolist() == [[7, 4]]
    assert sorted(kinds.other[0]) == [0, 2, 3, 5]
    assert [heads.tolist() for heads in kinds.all_previous] == [[1, 6]]
    model = network(TASK, depth=2, width=8, heads=4)
    cases = list(ablations.cases(model, kinds))
    listed = [(case.kind, case.beside, len(case.heads[0])) for case in cases]
    assert [case.count for case in cases] == [1] * 14 + [2] * 14 + [0] * 7 + [2]
    for name, count in itertools.product(("previous", "induction"), (1, 2)):
        assert listed.count((name, "", count)) == 1
        assert listed.count(("other", name, count)) == ablations.DRAWS
    gone = ablations.mask(model, kinds.previous)
    assert np.flatnonzero(gone).tolist() == [1, 6]
    assert np.flatnonzero(~ablations.mask(model, kinds.previous, alone=True)).tolist() == [1, 6]


def test_heads_of_half_their_attention_are_none_of_the_others():
    scores = np.zeros((2, 2, 2, 4))
    scores[0, 0].flat[[1, 6, 2]] = 0.9, 0.8, 0.6
    scores[0, 1].flat[[7, 4, 3]] = 0.9, 0.8, 0.55
    scores[1, 0, 0], scores[1, 1, 1] = (0.9, 0.8, 0.7, 0.6), (0.9, 0.85, 0.8, 0.75)
    kinds = ablations.Kinds.of(scores)
    assert kinds.all_previous[0].tolist() == [1, 6, 2] and sorted(kinds.other[0]) == [0, 5]
    assert sorted(kinds.all_previous[1]) == [0, 1, 2, 3]
    assert sorted(kinds.other[1]) == [2, 3]  # where none is of neither kind, the weakest
    model = network(TASK, depth=2, width=8, heads=4)
    gone = ablations.mask(model, kinds.all_previous)
    assert gone.reshape(2, 8).sum(1).tolist() == [3, 4]
    drawn = ablations.beside(model, kinds, kinds.all_previous, 0)
    assert sorted(drawn[0]) == [0, 5] and sorted(drawn[1]) == [2, 3]  # as many as there are


def test_where_a_block_has_no_other_head_an_earlier_one_gives_it():
    model = network(TASK, depth=3, width=8, heads=4)
    best, rest = np.array([[4, 5]]), np.array([[1, 7, 9]])
    kinds = ablations.Kinds(best, np.array([[8, 10]]), best, rest)
    assert {tuple(ablations.beside(model, kinds, best, s)[0]) for s in range(9)} == {(7, 1)}


def test_other_heads_stand_in_the_blocks_of_those_beside_them():
    model = network(TASK, depth=2, width=8, heads=4)
    best, rest = np.array([[1, 6]]), np.array([[0, 2, 3, 5]])
    kinds = ablations.Kinds(best, np.array([[7, 4]]), best, rest)
    drawn = [ablations.beside(model, kinds, kinds.previous, seed)[0] for seed in range(20)]
    assert {tuple(heads) for heads in drawn} == {(0, 5), (2, 5), (3, 5)}
    both = [ablations.beside(model, kinds, kinds.induction, seed)[0] for seed in range(20)]
    assert {heads[0] for heads in both} == {5}  # the block has one other head only
    assert {heads[1] for heads in both} == {0, 2, 3}


# Claims' numbers and figures --------------------------------------------------------------------


def fake() -> dict[str, pl.DataFrame]:
    """Tables with two seeds, in which previous-token heads carry all and induction heads half."""
    value = {"none": 0.8, "previous": 0.1, "induction": 0.4, "other": 0.75, "previous only": 0.2}
    value |= {"all previous": 0.1, "untrained": 0.1, "shuffled": 0.1, "mixing": 0.0}
    ablation = []
    for seed, (kind, rule), layer in itertools.product(range(2), value.items(), range(3)):
        plain = kind in ("none", "untrained", "shuffled", "mixing")
        counts = {"all previous": (0,), "other": (0, 1, 2)}.get(kind, (1, 2))
        cases = [(0, "none")] if plain else itertools.product(counts, ("zero", "mean"))
        sides = ("previous", "induction", "all previous") if kind == "other" else ("",)
        for (count, how), beside in itertools.product(cases, sides):
            share = {"previous": 0.2, "all previous": 0.1, "previous only": 0.2}.get(kind, 1)
            share = {"induction": 0.9, "all previous": 0.7}.get(beside, share)
            correlation = (0.05, 0.5, 0.2)[layer] * share
            ablation.append(
                {"init_seed": seed, "kind": kind, "beside": beside, "ablation": how,
                 "heads": count, "draw": 0, "layer": layer, "rule": rule, "excess": 0.01,
                 "correlation": correlation, "choosing": correlation, "chosen": layer == 1}
            )  # fmt: skip
    heads = [
        {"init_seed": s, "block": b, "head": h, "previous": 0.1, "induction": 0.1, "rank": 0,
         "kind": ("previous", "other", "induction")[min(h, 1) + (b * h > 0)]}
        for s, b, h in itertools.product(range(2), range(2), range(2))
    ]  # fmt: skip
    causal = [
        {"init_seed": s, "kind": kind, "layer": layer, "components": count,
         "mass": 0.1 * layer * count if kind == "class mean" else 0.05}
        for s, kind, layer, count in itertools.product(
            range(2), ("class mean", "random"), (1, 2), (2, 4)
        )
    ]  # fmt: skip
    causal += [{"init_seed": s, "kind": "none", "layer": 0, "components": 0, "mass": 0.1}
               for s in range(2)]  # fmt: skip
    cells = [
        {"depth": d, "width": 16, "step": step, "init_seed": 100 * d + s, "layer": layer,
         "rule": min(1, step / 20 * (d - 1)), "correlation": step / 20 * layer * (step > 5),
         "choosing": step / 20 * layer * (step > 5), "chosen": layer == d}
        for d, step, s in itertools.product((1, 2), (0, 5, 10, 15, 20), range(2))
        for layer in range(d + 1)
    ]  # fmt: skip
    edges = [(n, n + 1) for n in range(3)]
    points = [
        {"kind": kind, "node": n, "x": float(n), "y": float(n % 2)}
        for kind in ("none", "previous", "induction", "mixing")
        for n in range(4)
    ] + [{"kind": "edge", "node": i, "x": float(j), "y": 0.0} for i, j in edges]
    tables = {"ablation": ablation, "heads": heads, "causal": causal, "cells": cells}
    found = {name: pl.DataFrame(table) for name, table in tables.items()}
    return found | {"pictures": pl.DataFrame(points)}


def test_readings():
    m = fake()
    is_near = lambda reading, values: np.testing.assert_allclose(reading(m).array(), values)
    assert readings.best_layer(m) == 1
    is_near(readings.lost("previous"), [0.7, 0.7])
    is_near(readings.lost("other", "induction"), [0.05, 0.05])
    is_near(readings.EXCESS, [0.01, 0.01])
    is_near(1 - readings.kept("previous"), [0.8, 0.8])
    assert readings.kept("induction")(m).count("excluded") == 2  # nothing moved
    is_near(1 - readings.kept(readings.ALL), [0.9, 0.9])
    is_near(1 - readings.kept("other", readings.ALL), [0.3, 0.3])
    is_near(1 - readings.kept("other", "induction"), [0.1, 0.1])
    ignorant = pl.when(pl.col("init_seed") == 1).then(0.2).otherwise(pl.col("excess"))
    m["ablation"] = m["ablation"].with_columns(excess=ignorant)
    claim = next(c for c in study.claims if c.key == "grid_goes")
    assert claim.reading(m).values.tolist() == pytest.approx([0.9])
    assert claim.reading(m).count("excluded") == 1
    assert claim.control[0].reading(m).values.tolist() == pytest.approx([0.3])
    assert claim.requires[0].reading(m).values.tolist() == [1, 0]  # that they have learned
    is_near(readings.moved(2), [0.15, 0.15])  # at layer 1, before the last
    is_near(readings.moved(None), [0.35, 0.35])  # all four components
    is_near(readings.gain("correlation", deep=False), [1, 1])
    is_near(readings.LEAD, [0, 0])


def test_layers_are_marked_in_cells_that_diverged_too():
    cells = fake()["cells"].drop("chosen")
    lost = pl.when(pl.col("depth") == 1).then(np.nan).otherwise(pl.col("choosing"))
    marked = readings.mark_layers(cells.with_columns(choosing=lost))
    assert set(marked.filter(chosen=True, depth=2)["layer"]) == {2}
    assert marked.filter(chosen=True, depth=1)["layer"].n_unique() == 1
    assert 0 not in marked.filter(chosen=True)["layer"]


def test_diverged_networks_count_as_diverged():
    m = fake()
    m["diverged"] = pl.DataFrame({"init_seed": [1, 201], "population": ["main", "depth 2"]})
    for claim in study.claims:
        found = claim.reading(m)
        assert found.count("diverged") == (not claim.key.startswith("one_layer")), claim.key


def test_every_figure_is_drawn():
    with fig.style():
        drawn = pictures.draw(fake(), None)
        for sheet in drawn.values():
            sheet.draw_without_rendering()
    assert set(drawn) == {"heads", "ablation", "grid", "causal", "training"}
