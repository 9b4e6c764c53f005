"""The study ``othello_tpr``: its own measures on inputs with known answers, and its figures."""

import numpy as np
import polars as pl
import pytest

from toylab.analysis.tpr.codes import RandomCode, flat_map
from toylab.analysis.tpr.probe import TensorProbe, bilinear, linear
from toylab.figures.othello import othello_tpr as pictures
from toylab.report import figures as fig
from toylab.studies.othello.othello_tpr import edits, readings
from toylab.studies.othello.othello_tpr import geometry as g
from toylab.studies.othello.othello_tpr import probes as p
from toylab.studies.othello.othello_tpr.study import Config, study
from toylab.tasks.othello.othello_edits import Cases

RNG = np.random.default_rng(0)


def normal(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def linear_probe(weight_PDSC):
    """A linear probe of given weights; it keeps classes before entities."""
    seeds, width, n, classes = weight_PDSC.shape
    flat = np.swapaxes(weight_PDSC, -1, -2).reshape(seeds, width, classes * n)
    return TensorProbe({"binding": flat}, np.zeros(seeds, np.float32), linear(n, classes))


def test_sizes_follow_the_paper():
    paper = p.forms(8, 512)
    assert (paper["bilinear"].roles, paper["bilinear, wider"].roles) == ((52,), (56,))
    assert paper["trilinear, compressed"].roles == (6, 8) and paper["low rank"].rank == 80
    small = p.forms(6, 128)
    assert (small["bilinear"].roles, small["trilinear, compressed"].roles) == ((29,), (5, 6))
    parts = [small[n].parameters(128) / small["linear"].parameters(128) for n in paper]
    assert parts[1] == pytest.approx(0.61, abs=0.01)


def test_encoding_is_a_sum_of_bound_pairs():
    code = RandomCode.draw(4, 3, 3, 2, 8, seed=0)
    board = RNG.integers(0, 3, (5, 4))
    for row, x in zip(board, code(board), strict=True):
        bound = sum(np.outer(code.roles[s], code.fillers[c]) for s, c in enumerate(row))
        np.testing.assert_allclose(x, bound.ravel() @ code.into, atol=1e-4)


def test_accuracy_is_by_game():
    rows = p.Rows(normal(1, 3, 2), np.array([[0, 1], [0, 1], [2, 2]]), np.array([0, 0, 1]))
    told = np.array([[0, 1], [0, 2], [0, 2]])
    np.testing.assert_allclose(p.accuracy_per_game(told, rows), [0.75, 0.5])


def test_truncation_curve_takes_the_mean_over_states_off():
    """What softmax ignores is large here: the plain cut spends its ranks on it."""
    n, width = 4, 12
    useful = np.linalg.qr(RNG.normal(size=(width, n)))[0]
    states = np.array([1.0, -1.0])
    weight = useful[:, :, None] * states + 50 * normal(width, n, 1)
    x = normal(200, width)
    board = (x @ useful < 0).astype(np.int8)
    rows = p.Rows(x[None], board, np.arange(200))
    curve = p.truncation_curve(linear_probe(weight[None].astype(np.float32)), x, rows, 8)
    at = lambda centred, rank: curve.filter(
        (pl.col("centred") == centred) & (pl.col("rank") == rank)
    )["accuracy"].item()
    assert at(True, 4) == at(True, 8) == at(False, 8) == 1
    assert at(False, 4) < 0.8
    assert curve["parameters"].max() == 8 * (width + 2 * n)


def test_recovery_is_one_for_a_probe_that_holds_the_linear_one():
    n, width = 4, 6
    full = bilinear(n, 3, n, 2)
    arrays = (normal(2, width, 2 * n), normal(2, n, n), normal(2, 3, 2))
    params = dict(zip(("binding", "roles", "fillers"), arrays, strict=True))
    params["roles"] = [params["roles"]]
    probe = TensorProbe(params, np.zeros(2, np.float32), full)
    shift = normal(2, width, n, 1)
    target = linear_probe(np.asarray(probe.weight) + shift)
    names = dict.fromkeys(("bilinear", "bilinear, wider", "bilinear, full"), probe)
    table = g.recovery(names | {"linear": target})
    own = table.filter(pl.col("probe") == "bilinear")
    np.testing.assert_allclose(own["centred"], 1, atol=1e-5)
    assert own["cosine"].min() < 0.9
    assert table.filter(pl.col("probe") == "linear")["centred"].abs().mean() < 0.7
    assert len(own) == 2 * n * 3


def test_flat_map_keeps_distances_of_a_plane_and_geometry_sees_the_board():
    angle = np.linspace(0, 1, 9)
    arc = np.stack([np.cos(angle), np.sin(angle)], -1)
    place = flat_map(arc, 2)
    apart = np.linalg.norm(place[:, None] - place, axis=-1)
    np.testing.assert_allclose(apart**2, 1 - arc @ arc.T, atol=1e-6)
    spot = np.stack(np.divmod(np.arange(16), 4), -1) / 6
    sheet = np.concatenate([np.cos(spot), np.sin(spot)], -1)
    noise = RNG.normal(size=(2, 16, 12))
    table = g.geometry({"network": sheet[None], "noise": noise}, (4, 4))
    assert table["gap_r2"][0] > 0.9 > 0.5 > table["gap_r2"][1:].max()


def cases():
    board = np.array([[0, 1, 2, 1], [1, 1, 0, 2]])
    pair = lambda *rows: np.array(rows)
    after = np.array([[0, 2, 2, 1], [0, 1, 0, 2]])
    none = np.zeros((2, 4), bool)
    return Cases(
        *(np.zeros((2, 3), int), np.array([1, 2]), pair([1], [0]), pair([1], [1]), pair([2], [0])),
        *(pair([3], [-1]), board, after, none, none, np.zeros(2, bool)),
    )


def test_changes_name_the_states_before_and_after():
    found = edits.changes(cases(), cases().squares)
    assert found[0, 1].tolist() == [0, -1, 1] and found[1, 0].tolist() == [1, -1, 0]
    assert np.abs(found).sum() == 4
    elsewhere = edits.changes(cases(), cases().wrong)
    assert elsewhere[0, 3].tolist() == [0, -1, 1] and not elsewhere[1].any()


def table_of_edits():
    """Two edits of each kind by every method: null error 2, error 0 along probes, 2 at random."""
    rows = []
    for case in range(6):
        for method in edits.METHODS:
            error = 0 if method in edits.EDITORS else 2
            row = {"edit": list(edits.EDITS)[case // 2], "case": case, "null": 2, "floor": 0}
            rows.append(row | {"method": method, "strength": 0.2, "error": error, "best": error})
    return pl.DataFrame(rows)


def test_cuts_are_shares_of_the_null_error():
    measures = {"edits": table_of_edits()}
    assert readings.repaired("bilinear", "flip", "erase")(measures).values.tolist() == [1] * 4
    assert readings.repaired("random", *edits.EDITS)(measures).values.tolist() == [0] * 6
    assert readings.repaired("bilinear", "flip", than="random")(measures).values.tolist() == [1, 1]


def small_measures():
    forms = [*p.forms(4, 8), "untrained, linear", "untrained, bilinear"]
    forms += ["trilinear, squares mixed", "truncated, centred"]
    probes = [
        {"probe": n, "seed": s, "parameters": 100 + i, "accuracy": 0.8 + i / 100 + s / 500}
        for i, n in enumerate(forms)
        for s in range(2)
    ]
    curve = [
        {"centred": c, "rank": r, "parameters": 20 * r, "accuracy": 0.5 + r / 20}
        for c in (False, True)
        for r in (1, 4, 8)
    ]
    sources = ("network", "untrained network", "code of real boards", "code of random boards")
    vectors = {n: normal(2, 16, 5) for n in (*sources, "other coordinates")}
    index = np.arange(16 * 3)
    recovery = [
        pl.DataFrame({"probe": n, "seed": s, "square": index // 3, "state": index % 3})
        for n in (*g.RECOVERED, "linear")
        for s in range(2)
    ]
    recovery = pl.concat(recovery).with_columns(centred=0.9, cosine=0.8, centre=False)
    strengths = [
        {"edit": e, "method": m, "strength": s, "error": 2 - s}
        for e in edits.EDITS
        for m in edits.METHODS
        for s in (0.1, 0.4)
    ]
    return {
        "probes": pl.DataFrame(probes),
        "games": pl.DataFrame({"game": range(6), **{n: normal(6) / 50 + 0.9 for n in forms}}),
        "truncation": pl.DataFrame(curve),
        "recovery": recovery,
        "geometry": g.geometry(vectors, (4, 4)),
        "maps": g.maps(vectors, 4),
        "edits": table_of_edits(),
        "strengths": pl.DataFrame(strengths),
    }


def test_every_claim_can_be_measured_and_every_figure_drawn():
    measures = small_measures()
    for claim in study.claims:
        assert len(claim.reading(measures).values), claim.key
    with fig.style():
        drawn = pictures.draw(measures, Config(size=4))
    assert set(drawn) == {"accuracy", "geometry", "recovery", "edits"}
    titles = [ax.get_title(loc="left") for sheet in drawn.values() for ax in sheet.axes]
    assert any("leave 0.0 of 2.0 errors along the bilinear" in " ".join(t.split()) for t in titles)
