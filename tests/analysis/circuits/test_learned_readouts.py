"""Tuned lens and alignment search, on networks whose answer is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import toylab as tl
from toylab.analysis import circuits

MODEL = tl.Transformer(vocab=6, length=5, width=8, depth=2, heads=2, hidden=16, norm="none")
TEXTS = jax.random.randint(jax.random.key(0), (64, 5), 0, 6)


def population(n: int):
    return jax.vmap(MODEL.init)(jax.random.split(jax.random.key(1), n))


def silent(params):
    """The network with blocks that write nothing."""
    return {**params, "blocks": jax.tree.map(jnp.zeros_like, params["blocks"])}


def test_where_blocks_write_nothing_every_lens_is_the_answer():
    params = silent(jax.tree.map(lambda leaf: leaf[0], population(1)))
    found = circuits.tuned_lens(MODEL, params, TEXTS[:32], TEXTS[32:], epochs=3)
    np.testing.assert_allclose(found.logit, 0, atol=1e-6)
    for fitted in (found.bias, found.tuned):  # Adam takes whole steps along rounding errors
        np.testing.assert_allclose(fitted, 0, atol=1e-4)


def test_translators_close_the_gap_that_they_can_and_the_last_layer_has_none():
    found = circuits.tuned_lens(MODEL, population(3), TEXTS[:32], TEXTS[32:], epochs=100)
    assert found.tuned.shape == (3, 3) and found.sites[-1] == "blocks/1/resid_post"
    np.testing.assert_allclose(found.logit[:, -1], 0, atol=1e-6)
    assert (found.tuned[:, 0] < found.bias[:, 0]).all()
    assert (found.bias[:, 0] < found.logit[:, 0]).all()
    alone = circuits.tuned_lens(
        MODEL, jax.tree.map(lambda leaf: leaf[1], population(3)), TEXTS[:32], TEXTS[32:], epochs=100
    )
    np.testing.assert_allclose(alone.tuned, found.tuned[1], rtol=1e-3, atol=1e-5)


K = 4
PAIRS = tl.MLP(sizes=(2 * K, 2 * K, K), activation="identity", biases=False)


def two_variables(seed: int):
    """The hidden layer holds two variables, turned at random; the answer is the first."""
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(2 * K, 2 * K)))
    w = {"0": {"kernel": q.astype(np.float32)}, "1": {"kernel": 5 * q.T[:, :K].astype(np.float32)}}
    return {"layers": w}


def drawn(n: int):
    rng = np.random.default_rng(0)
    i, j = rng.integers(0, K, (2, 2, n))
    eye = np.eye(K, dtype=np.float32)
    x = np.concatenate([eye[i], eye[j]], -1)
    return x[0], x[1], i, j


def test_a_planted_variable_is_found_and_a_random_subspace_does_not_carry_it():
    base, source, i, _ = drawn(400)
    params = jax.tree.map(lambda *leaves: jnp.stack(leaves), *(two_variables(s) for s in range(3)))
    found = circuits.alignment_search(
        PAIRS, params, "layers/0/post", base, source, i[1], K, jax.random.key(0), steps=200
    )
    np.testing.assert_allclose(found.fitted, 1)
    np.testing.assert_allclose(found.everything, 1)
    assert (found.random < 0.9).all()
    np.testing.assert_allclose(found.untouched, np.mean(i[0][:200] == i[1][:200]), atol=1e-6)
    square = np.einsum("pij,pkj->pik", found.rotation, found.rotation)
    np.testing.assert_allclose(square, np.broadcast_to(np.eye(2 * K), square.shape), atol=1e-4)
    # Differences of K one-hots have K - 1 directions; of those that the readout reads as many are
    # needed, where K random coordinates have K / 2.
    for member in range(3):
        read = np.asarray(params["layers"]["1"]["kernel"][member]) / 5
        inside = np.asarray(found.rotation[member][:K]) @ read
        assert np.linalg.norm(inside) ** 2 > 0.95 * (K - 1)


def test_a_variable_that_no_answer_depends_on_is_not_carried_over():
    """Slanting coordinates leak some of it into what the readout reads; so a wrong variable, and
    not a guess's quarter, is the null of a search."""
    base, source, _, j = drawn(400)
    found = circuits.alignment_search(
        PAIRS,
        two_variables(0),
        "layers/0/post",
        base,
        source,
        j[1],
        K,
        jax.random.key(0),
        steps=100,
    )
    assert found.fitted < 0.6


def test_one_position_of_a_sequence():
    params = population(2)
    base, source = TEXTS[:32], TEXTS[32:]
    logits, _ = jax.vmap(lambda p: tl.run(MODEL, p, source, ()))(params)
    told = np.asarray(logits[0, :, -1].argmax(-1))
    found = circuits.alignment_search(
        MODEL, params, "blocks/1/resid_post", base, source, told, 2, jax.random.key(0),
        position=-1, steps=5,
    )  # fmt: skip
    # After the last block the last position is all that its own answer depends on.
    assert found.everything[0] == 1 and found.fitted.shape == (2,)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"site": "post_7"}, "Unknown site"),
        ({"source": np.zeros((3, 8), np.float32)}, r"source ones \(3, 8\)"),
        ({"source": drawn(8)[0]}, "base and source inputs are the same"),
        ({"answer": np.full(8, K)}, f"hold {K}; there are {K}"),
        ({"answer": np.zeros(5, int)}, "5 answers for 8 examples"),
        ({"count": 9}, "count"),
        ({"held_out": 1.0}, "leaves no pairs"),
        ({"position": 0}, "name a position where it has one"),
    ],
)
def test_a_search_that_cannot_be_is_told(change, words):
    base, source, i, _ = drawn(8)
    given = {"site": "layers/0/post", "base": base, "source": source, "answer": i[1], "count": 2}
    with pytest.raises(tl.ToylabError, match=words):
        circuits.alignment_search(
            PAIRS, two_variables(0), key=jax.random.key(0), **(given | change)
        )


def test_batches_must_divide_the_texts_and_both_have_one_length():
    with pytest.raises(tl.ToylabError, match="3 batches do not divide 32"):
        circuits.tuned_lens(MODEL, population(1), TEXTS[:32], TEXTS[32:], batches=3)
    with pytest.raises(tl.ToylabError, match="5 positions and those held out 4"):
        circuits.tuned_lens(MODEL, population(1), TEXTS[:32], TEXTS[32:, :4])


def test_a_network_that_answers_at_its_last_place_is_searched():
    model = tl.Transformer(vocab=6, length=5, width=8, depth=1, heads=2, hidden=8, read="last")
    params, key = model.init(jax.random.key(0)), jax.random.key(1)
    pair = (TEXTS, TEXTS[::-1], TEXTS[:, 0])
    found = circuits.alignment_search(
        model, params, "blocks/0/resid_post", *pair, 2, key, position=-1, steps=2
    )
    assert np.isfinite(found.losses).all()
