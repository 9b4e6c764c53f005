"""The study ``relational``: planted dictionaries, order, maps, copiers by hand, claims, figures."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from toylab.errors import ToylabError
from toylab.figures.dictionaries import relational as pictures
from toylab.report import figures as fig
from toylab.studies.dictionaries.relational import claims, copiers, echoes, maps
from toylab.studies.dictionaries.relational.pictures import plane
from toylab.studies.dictionaries.relational.study import cells, members, populations, study
from toylab.taps import Edit, run
from toylab.tasks.dictionaries.bindings import WAYS, Binding, role_images, way

CONFIG = study.config("smoke")
RNG = np.random.default_rng(0)
TASK = Binding(6, 16, 2)
PAIRS = echoes.ordered_pairs(6, 40)


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


def test_atoms_that_are_near_each_other_count_once():
    f = np.eye(4)[:2]
    near = np.array([[1.0, 0.1, 0, 0], [1.0, -0.1, 0, 0], [0, 0, 1.0, 0]])
    assert echoes.multiplicity(near, f[None]) == 0.5
    apart = np.stack([f, np.roll(f, 2, 1)])
    assert echoes.multiplicity(np.eye(4), apart) == 2


def test_atoms_of_roles_are_those_that_fire_with_them():
    atoms, holds = np.eye(5), RNG.random((200, 4)) < 0.3
    codes = np.concatenate([holds * RNG.uniform(0.7, 1.3, (200, 4)), np.zeros((200, 1))], 1)
    order = np.array([3, 0, 4, 1, 2])
    np.testing.assert_array_equal(maps.role_atoms(atoms[order], codes[:, order], holds), atoms[:4])


MODEL, LISTS = CONFIG.copier("free"), CONFIG.lists()


@pytest.fixture(scope="module")
def params():
    return jax.vmap(MODEL.init)(jax.random.split(jax.random.key(0), 2))


def test_digits_and_places_together_make_the_stream_of_the_list_reversed(params):
    one = jax.tree.map(lambda leaf: leaf[1], params)
    n = CONFIG.digits
    numbers = np.arange(n * n, dtype=np.int32)
    back = numbers.reshape(n, n).T.ravel()
    tokens = LISTS.spell(jnp.asarray(numbers)).inputs
    sites = ("blocks/0/attn/pattern", "blocks/0/resid_post")
    acts = run(MODEL, one, tokens, sites)[1]
    alpha = acts[sites[0]][:, 0, copiers.SEPARATOR, :2]
    moves = copiers._moves(MODEL, one, tokens, alpha, back)
    stream = acts[sites[1]][:, copiers.SEPARATOR]
    np.testing.assert_allclose(stream + moves[0] + moves[1], stream[back], atol=1e-5)
    seen = copiers.looks(MODEL, params, LISTS)[1]
    pattern = acts[sites[0]].at[:, :, copiers.SEPARATOR, :2].set(jnp.array([0.0, 1.0]))
    plain, told = (
        run(MODEL, one, tokens, (), e)[0] for e in ([], [Edit(sites[0], "patch", pattern)])
    )
    np.testing.assert_array_equal(seen.answers[0], plain.argmax(-1))
    np.testing.assert_array_equal(seen.answers[4], told.argmax(-1))
    np.testing.assert_allclose(seen.stream, stream, atol=1e-6)


def test_copiers_are_scored_as_by_hand():
    n = 4
    lists = np.stack(np.divmod(np.arange(n * n), n), 1)
    answers = np.stack([lists, lists[:, ::-1], lists, *[lists] * 3, lists[:, [0, 0]]])
    held_out = np.array([1, 4, 5, 6])  # (0, 1), (1, 0), (1, 1), (1, 2)
    answers[0, 6] = 3, 2
    stream = RNG.normal(size=(n * n, 5))
    seen = copiers.Seen(answers, np.full(n * n, 0.6), np.ones(n * n), stream, True)
    told = copiers.copier_scores(seen, n, held_out)
    assert told["train"] == told["swapped"] == told["second"] == told["held"] == 1
    assert (told["test"], told["first"], told["digits"]) == (0.875, 0.75, 0)
    assert (told["cut"], told["cut_first"], told["alpha"]) == (0, 1, pytest.approx(0.6))
    broken = copiers.copier_scores(seen._replace(sound=False), n, held_out)
    assert np.isnan(list(broken.values())).all()


def test_directions_of_planted_streams():
    u, v = RNG.normal(size=(2, 30, 64))
    flat = lambda first, second: (first[:, None] + second[None]).reshape(900, -1)
    same, other = (copiers.directions(flat(u, w), 30) for w in (0.5 * u, v))
    assert same["additive"] == other["additive"] == pytest.approx(1)
    assert same["same_map"] == same["echo"] == pytest.approx(1)
    assert other["same_map"] < 0.05
    assert abs(other["echo"]) < 0.1
    assert abs(same["shuffled_echo"]) < 0.1
    both = copiers.directions(flat(u, v) + flat(u, u) ** 2, 30)
    assert both["additive"] < 0.95


def test_planes_hold_the_images_and_the_atoms_in_them():
    row, atoms, _ = planted("matrix")
    found = plane(TASK, row, atoms, "matrix")
    at = lambda kind: found.filter(kind=kind).select("x", "y").to_numpy()
    np.testing.assert_allclose(at("first"), [[1, 0]], atol=1e-12)
    images = np.concatenate([at("first"), at("second")])
    np.testing.assert_allclose(at("atom")[[0, 6]], images, atol=1e-12)
    assert np.linalg.norm(at("second")) == pytest.approx(1)


def small_measures():
    """Measures made of noise, the second seed diverged."""
    made = cells(CONFIG)
    rows = members(CONFIG, made).frame().drop("member", "data_seed")
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
        "copiers": filled(kinds, copiers.NAMES),
    }
    row, atoms, _ = planted("bag")
    planes = [plane(TASK, row | {"binding": way(name)}, atoms, name) for name in WAYS]
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
