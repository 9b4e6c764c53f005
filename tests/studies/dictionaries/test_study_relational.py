"""The study ``relational``: planted dictionaries, order, maps, copiers by hand, claims, figures."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from toylab.analysis.binding import copier_scores
from toylab.errors import ToylabError
from toylab.figures.dictionaries import relational as pictures
from toylab.read.tables import labelled
from toylab.report import figures as fig
from toylab.studies.dictionaries.relational import claims, echoes, maps
from toylab.studies.dictionaries.relational.study import cells, members, numbers, populations, study
from toylab.tasks.dictionaries.bindings import WAYS, Binding, ordered_pairs, role_images, way

CONFIG = study.config("smoke")
RNG = np.random.default_rng(0)
TASK = Binding(6, 16, 2)
PAIRS = ordered_pairs(6, 40)


def planted(name):
    """A dictionary of a binding's own directions, and codes that are the amplitudes."""
    image_KND = role_images(6, 16, 1, name)
    row = {"world": 1, "binding": way(name), "parts": 2, "angle": 0.0, "init_seed": 0}
    chosen_OT2 = np.broadcast_to(PAIRS.concepts[:, None, :2], (30, 40, 2))
    codes = np.zeros((30, 40, 12))
    for k in (0, 1):
        place = chosen_OT2[..., k : k + 1] + (6 * k if name == "matrix" else 0)
        size = PAIRS.amplitudes[..., k : k + 1] * (0.5 if name == "scale" and k else 1)
        np.put_along_axis(codes, place, size, 2)
    atoms = image_KND[:2].reshape(12, 16)
    x = codes @ (atoms if name == "matrix" else np.concatenate([image_KND[0]] * 2))
    return row, atoms, echoes.Coded(x, codes, x)


@pytest.mark.parametrize(
    ("name", "many", "order"), [("matrix", 2, 1), ("scale", 1, 1), ("bag", 1, 0.5)]
)
def test_planted_dictionaries_have_the_echoes_and_the_order_of_their_binding(name, many, order):
    row, atoms, found = planted(name)
    told = echoes.scores(TASK, row, atoms, found, PAIRS)
    assert told["multiplicity"] == many
    assert told["recovered"] == told["explained"] == 1
    assert told["random"] == 0
    for column in ("order_x", "order_codes"):
        assert told[column] == pytest.approx(order, abs=0.05)
    assert told["order_active"] == (1 if name == "matrix" else 0.5)
    assert told["same_active"] == (0 if name == "matrix" else 1)
    if name != "matrix":  # which has no atoms of the concepts themselves
        assert told["order_sign"] == pytest.approx(1 if name == "scale" else 0.5, abs=0.05)
    lost = echoes.scores(TASK, row, atoms * np.nan, found, PAIRS)
    assert np.isnan(list(lost.values())).all()


def test_planes_hold_the_images_and_the_atoms_in_them():
    row, atoms, _ = planted("matrix")
    found = echoes.plane(TASK, row, atoms)
    np.testing.assert_allclose(found["first"], [[1, 0]], atol=1e-12)
    np.testing.assert_allclose(found["atom"][[0]], found["first"], atol=1e-12)
    np.testing.assert_allclose(found["atom"][[6]], found["second"], atol=1e-12)
    assert np.linalg.norm(found["second"]) == pytest.approx(1)
    bag = echoes.plane(TASK, row | {"binding": way("bag")}, atoms)
    np.testing.assert_allclose(bag["first"], bag["second"], atol=1e-12)


def small_measures():
    """Measures made of noise, the second seed diverged."""
    made = cells(CONFIG)
    rows = members(CONFIG, [numbers(CONFIG, cell) for cell in made]).frame()
    rows = rows.drop("member", "data_seed")
    columns = (*echoes.NAMES, *echoes.ORDERS)
    column = lambda name: pl.Series(name, np.repeat([cell[name] for cell in made], CONFIG.seeds))
    rows = rows.with_columns(column("name"), column("room"))
    kinds = pl.DataFrame({"kind": ["fixed", "free", "deep"] * 2, "init_seed": [0] * 3 + [1] * 3})
    names = pl.DataFrame({"name": ["matrix", "unitary"] * 2, "init_seed": [0, 0, 1, 1]})
    filled = lambda table, names: table.with_columns(
        pl.Series(n, RNG.uniform(0.9, 1, len(table))) for n in names
    )
    tables = {
        "dictionaries": filled(rows, columns),
        "maps": filled(names, maps.NAMES),
        "copiers": filled(kinds, copier_scores.NAMES),
    }
    row, atoms, _ = planted("bag")
    planes = [
        labelled(pl.DataFrame(points, ["x", "y"]), kind=kind, name=name)
        for name in WAYS
        for kind, points in echoes.plane(TASK, row | {"binding": way(name)}, atoms).items()
    ]
    lost = {n: t.with_columns(diverged=pl.col("init_seed") == 1) for n, t in tables.items()}
    return lost | {"planes": pl.concat(planes), "attention": RNG.random((2, 5, 5))}


def test_claims_and_figures_of_networks_one_of_which_diverged():
    measures = small_measures()
    for claim in claims.CLAIMS:
        found = claim.reading(measures)
        assert (found.count("diverged"), len(found.values)) == (1, 1), claim.key
    with fig.style():
        assert set(pictures.draw(measures, CONFIG)) == set(pictures.CAPTIONS)


def test_populations_hold_every_cell_with_as_many_codes_as_parts():
    found = populations(study.config("laptop"))
    rows = found["bindings"].members.frame()
    assert len(rows) == 8 * 42
    assert (
        rows.filter(pl.col("binding") < 7)["k"] == rows.filter(pl.col("binding") < 7)["parts"]
    ).all()
    assert (rows.filter(pl.col("binding") > 6)["k"] == 1).all()
    assert rows["size"].unique().sort().to_list() == [16, 32, 48, 72]


def test_settings_that_make_no_study_are_refused_before_training():
    change = lambda **settings: dataclasses.replace(CONFIG, **settings)
    with pytest.raises(ToylabError, match=r"rooms = .* give 1 and 2"):
        change(rooms=(1.0, 3.0))
    with pytest.raises(ToylabError, match="no room for 12 concepts"):
        change(map_atoms=23)
    with pytest.raises(ToylabError, match=r"angles = .* give 30 and 60"):
        change(angles=(30.0,))
    with pytest.raises(ToylabError, match="width = 9 is odd"):
        change(width=9)
    with pytest.raises(ToylabError, match="concepts = 2"):
        change(concepts=2)
