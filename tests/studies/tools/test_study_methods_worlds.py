"""Measures of the study ``methods_worlds``, against NumPy by hand."""

import jax
import numpy as np

from toylab.studies.tools.methods_worlds import illusion, maps, pruning

RNG = np.random.default_rng(0)
KEYS = jax.random.split(jax.random.key(0), 2)


def test_a_network_with_coordinates_in_it_is_read_as_one():
    y = maps.WORLD.map()
    turn = np.linalg.qr(RNG.normal(size=(maps.WIDTH, maps.WIDTH)))[0]
    e = np.hstack([y, 0.01 * RNG.normal(size=(len(y), maps.WIDTH - 2))])
    found = maps.space(e, RNG.normal(size=e.shape), 0)
    assert found["r2"] > 0.99 > 0.5 > found["r2_untrained"]
    same = maps.likeness(e, 3 * e @ turn, 0)
    np.testing.assert_allclose([same["local"], same["cosines"]], 1, atol=1e-6)
    assert abs(same["local_shuffled"]) < 0.1
    far = 2 * RNG.normal(size=(maps.WORLD.vocab, maps.WIDTH))
    far[-maps.WORLD.unseen :] *= 0.01
    assert maps.unseen(far, far)["unseen"] == 1


def test_answers_move_by_what_is_added():
    params = jax.vmap(maps.NET.init)(KEYS)
    vectors = RNG.normal(size=(2, 3, maps.WIDTH)).astype(np.float32)
    went = maps.shifted(params, vectors)
    one = jax.tree.map(lambda leaf: np.asarray(leaf[1], np.float64), params)

    def place(shift: np.ndarray, i: int) -> np.ndarray:
        x = np.concatenate([one["embed"][i] + shift, one["embed"][maps.WORLD.size]])
        first, last = (one["layers"][n] for n in "01")
        z = np.maximum(x @ first["kernel"] + first["bias"], 0) @ last["kernel"] + last["bias"]
        return np.exp(z) / np.exp(z).sum() @ maps.WORLD.map()

    for s, i in ((0, 4), (2, 77)):
        slow = place(vectors[1, s], i) - place(np.zeros(maps.WIDTH), i)
        np.testing.assert_allclose(went[1, s, i], slow, atol=1e-4)


def test_stories_are_told_of_each_corpus():
    there = [RNG.random((400, 5)) < 0.2 for _ in range(2)]
    columns = ((0, 0), (1, 2))  # one pattern in both; another one in each
    values = [[has[:, [pair[c] for pair in columns]] * 1.0] for c, has in enumerate(there)]
    pure, differ = illusion.told(values, there)
    assert pure.tolist() == [[True, True]] and differ.tolist() == [[False, True]]


def test_pruned_weights_are_zero_and_no_others():
    params = jax.vmap(pruning.NET.init)(KEYS)
    w_PW = pruning.flat(params)
    mask_PW = RNG.random(w_PW.shape) < 0.1
    after = pruning.without(params, mask_PW)
    np.testing.assert_array_equal(pruning.flat(after), np.where(mask_PW, 0, w_PW))
    np.testing.assert_array_equal(after["embed"], params["embed"])
    bad_SP, _ = pruning.judged(params, np.zeros((1, *w_PW.shape), bool))
    inputs, _ = pruning.questions(pruning.PROVOKING, True)
    logits_PBV = jax.vmap(lambda own: pruning.NET.apply(own, inputs))(params)
    odds = np.exp(np.asarray(logits_PBV, float))
    slow = (odds[..., pruning.WORLD.bad_words()].sum(-1) / odds.sum(-1)).mean(-1)
    np.testing.assert_allclose(bad_SP[0], slow, rtol=1e-5)
