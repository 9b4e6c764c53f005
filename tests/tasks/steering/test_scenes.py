"""Scenes, pixel by pixel, and their rules."""

import jax
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.tasks.steering.scenes import BOX, COLOURS, CUE, FACTORS, RULES, SHAPES, SIDE, Scenes


def by_hand(row):
    """Clean picture of one scene, and the object's box, pixel by pixel."""
    v = dict(zip(FACTORS, (int(x) for x in row), strict=True))
    picture = np.zeros((SIDE, SIDE, 3))
    if v["stripes"]:
        picture[:, v["phase"] :: 2] = 0.3
    place = (v["place"] + 1 + v["other_place"]) % 4
    spots = (
        (v["other_shape"], place, v["other_row"], v["other_column"], np.full(3, 0.5)),
        (v["shape"], v["place"], v["row"], v["column"], COLOURS[v["colour"]]),
    )
    box = np.zeros((SIDE, SIDE), bool)
    for shape, quarter, row_, column, colour in spots:
        top, left = 4 * (quarter // 2) + row_, 4 * (quarter % 2) + column
        box[:] = False
        box[top : top + BOX, left : left + BOX] = True
        for y, x in np.argwhere(SHAPES[shape]):
            picture[top + y, left + x] = colour
    return picture, box, v


def test_scenes_are_what_their_factors_say():
    batch = jax.jit(lambda key: Scenes(noise=0.0).batch(key, 300))(jax.random.key(0))
    told = {name: np.asarray(leaf) for name, leaf in batch.latents.items()}
    for i in range(300):
        picture, box, v = by_hand(told["factors"][i])
        np.testing.assert_allclose(batch.inputs[i, :192], picture.ravel(), atol=1e-6)
        np.testing.assert_array_equal(told["mask"][i], box.ravel())
        labels = [v["shape"], v["colour"], v["place"], 2 * v["stripes"] + (v["colour"] in (0, 1))]
        np.testing.assert_array_equal(told["labels"][i], labels)
        assert batch.targets[i] == labels[told["rule"][i]]
        cue = np.zeros(4)
        if v["cue"] < 4:
            assert told["rule"][i] == v["cue"]
            cue[v["cue"]] = CUE
        np.testing.assert_array_equal(batch.inputs[i, 192:], cue)
        assert not (told["mask"][i] & told["other"][i]).any()
    assert set(told["rule"]) == {0, 1, 2, 3}


def test_rules_of_one_key_ask_about_the_same_pictures():
    key = jax.random.key(3)
    ask = jax.jit(lambda rule: Scenes(rule).batch(key, 20))
    shape, kind = (ask(np.float32(rule)) for rule in (0, 3))
    np.testing.assert_array_equal(shape.inputs[:, :192], kind.inputs[:, :192])
    np.testing.assert_array_equal(kind.targets, shape.latents["labels"][:, RULES.index("kind")])
    with pytest.raises(ToylabError, match="rule = 4"):
        Scenes(4)
