"""Predicting N tokens ahead, against one position at a time in NumPy."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.oracles import transformer as oracle
from toylab.errors import ToylabError
from toylab.models.toys.futures import FutureTransformer
from toylab.taps import run

DECODER = FutureTransformer(5, length=4, ahead=3, width=6, depth=1, hidden=8, slots=2)
HEADS = dataclasses.replace(DECODER, kind="heads")
TOKENS = np.random.default_rng(1).integers(0, 5, (2, 6))


def perturbed(model):
    """Parameters whose gains and biases are not 1 and 0, in float64."""
    rng, params = np.random.default_rng(0), model.init(jax.random.key(0))
    return jax.tree.map(lambda x: np.asarray(x + 0.2 * rng.normal(size=x.shape)), params)


def streams(block, params, rows):
    """A block over vectors: the oracle looks them up as if they were tokens."""
    given = {**params, "embed": {"embedding": np.asarray(rows)}, "unembed": {"kernel": np.eye(6)}}
    return oracle.forward_one(block, given, np.arange(len(rows)))["final/norm"]


def expected(model, params, tokens):
    """Logits of one sequence, position by position, from the tokens each may see alone."""
    found = np.zeros((model.length, model.ahead, model.vocab))
    for t in range(model.length):
        h = oracle.forward_one(model.encoder(), params["encoder"], tokens[: t + 1])["final/norm"]
        if model.kind == "heads":
            own = [jax.tree.map(lambda x, j=j: x[j], params["block"]) for j in range(model.ahead)]
            out = np.stack([streams(model.block(), one, h)[-1] for one in own])
        else:
            slots = (h[-1] @ params["expand"]).reshape(model.slots, model.width)
            table = params["encoder"]["embed"]["embedding"]
            later = [params["start"][0], *table[tokens[t + 1 : t + model.ahead]]]
            out = streams(model.block(), params["block"], [*slots, *later])[model.slots :]
        found[t] = out @ params["encoder"]["unembed"]["kernel"]
    return found


@pytest.mark.parametrize("model", [DECODER, HEADS, dataclasses.replace(DECODER, ahead=1, length=6)])
def test_as_numpy_does_it(model):
    params = perturbed(model)
    single = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), params)
    logits, acts = run(model, single, jnp.asarray(TOKENS), record=("*",))
    assert tuple(acts) == model.sites
    np.testing.assert_allclose(logits, [expected(model, params, row) for row in TOKENS], atol=3e-5)


@pytest.mark.parametrize(("model", "reads"), [(DECODER, True), (HEADS, False)])
def test_which_tokens_a_prediction_depends_on(model, reads):
    params = model.init(jax.random.key(0))
    apply = jax.jit(lambda tokens: model.apply(params, tokens))
    base = np.asarray(apply(jnp.asarray(TOKENS[:1])))[0]
    for s in range(6):
        changed = TOKENS[:1].copy()
        changed[0, s] = (changed[0, s] + 1) % 5
        moved = np.abs(np.asarray(apply(jnp.asarray(changed)))[0] - base).max(-1) > 1e-6
        for t in range(model.length):
            for j in range(model.ahead):
                # Entry j is of token t + 1 + j: the decoder reads those before it.
                assert moved[t, j] == (s <= t or (reads and t < s <= t + j)), (s, t, j)


def test_without_its_slots_the_decoder_knows_nothing_of_the_past():
    params = DECODER.init(jax.random.key(0))
    params["expand"] = jnp.zeros_like(params["expand"])
    first = np.asarray(DECODER.apply(params, jnp.asarray(TOKENS)))[:, :, 0]
    np.testing.assert_allclose(first, np.broadcast_to(first[0, 0], first.shape), atol=1e-6)


def test_settings_and_inputs_that_do_not_fit_are_refused():
    for wrong, told in (
        (dict(ahead=0), "ahead = 0"),
        (dict(slots=0), "slots = 0"),
        (dict(kind="head"), "did you mean 'heads'"),
        (dict(heads=4), "not a multiple of heads"),
    ):
        with pytest.raises(ToylabError, match=told):
            dataclasses.replace(DECODER, **wrong)
    with pytest.raises(ToylabError, match=r"\(B, 6\)"):
        DECODER.apply(DECODER.init(jax.random.key(0)), jnp.zeros((1, 5), jnp.int32))
