"""The sampler against whole passes, exact distributions and the NumPy oracle."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import chisquare

from tests.models.test_transformer import BASE, VARIANTS, as_float64, draw, tokens, variant
from tests.oracles.transformer import forward
from toylab.errors import ToylabError
from toylab.models import Transformer
from toylab.models.sampling import generate, portion, stages
from toylab.taps import Edit, run

CAUSAL = [name for name in VARIANTS if variant(name).causal]
TINY = Transformer(vocab=4, length=4, width=8, depth=1, heads=2, hidden=8, positions="rope")
LONG = dataclasses.replace(TINY, vocab=7, length=130, depth=2, norm="rms", gated=True)
ALONG_KEYS = ("scores", "pattern")


def recorded(model, traced=()):
    """A jitted ``extend`` that returns every site too."""

    def extend(params, cache, inputs, first):
        acts = {}
        tap = lambda site, value: acts.setdefault(site, value)
        logits, cache = model.extend(params, cache, inputs, first, tap)
        return logits, cache, acts

    return jax.jit(extend, static_argnums=() if traced else (3,))


def near(found, expected, site=""):
    scale = max(1.0, np.abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * scale, err_msg=site)


@pytest.mark.parametrize("name", CAUSAL)
def test_every_site_of_a_cached_pass_equals_the_whole_pass(name):
    """A prompt of 3 at once, then token by token at a traced position, in a cache with room."""
    model = variant(name)
    params, inputs = draw(model), tokens(model, length=5)
    whole, acts = jax.jit(lambda p, x: run(model, p, x, record=("*",)))(params, inputs)
    cache = model.cache(3)
    step = recorded(model, traced=True)
    spans = [(0, 3), (3, 4), (4, 5)]
    for start, end in spans:
        part = inputs[:, start:end]
        if start:
            logits, cache, found = step(params, cache, part, jnp.int32(start))
        else:
            logits, cache, found = recorded(model)(params, cache, part, 0)
        near(logits, whole[:, start:end])
        assert set(found) == set(acts)
        for site, value in found.items():
            if site.endswith(ALONG_KEYS):
                near(value[..., :end], acts[site][:, :, start:end, :end], site)
                if site.endswith("pattern"):
                    assert not np.any(value[..., end:])
            else:
                near(value, acts[site][:, start:end], site)


def test_read_last_gives_the_last_of_the_new_positions():
    model = variant("rope_rms_gated_silu")
    short = dataclasses.replace(model, read="last")
    params, inputs = draw(model), tokens(model)
    first, cache, _ = recorded(short)(params, short.cache(3), inputs[:, :4], 0)
    then, _, _ = recorded(short)(params, cache, inputs[:, 4:], 4)
    whole = jax.jit(model.apply)(params, inputs)
    near(first, whole[:, 3])
    near(then, whole[:, 5])


@pytest.mark.parametrize("name", ["layer_biases_gelu", "mixed_causal", "relu_attention"])
def test_greedy_takes_the_likeliest_token_of_whole_passes(name):
    model = dataclasses.replace(variant(name), n_out=None)
    params, prompts = draw(model), tokens(model, length=2)
    found, logp = generate(model, params, prompts, 4, jax.random.key(0), temperature=0)
    apply, rows, sequence = jax.jit(model.apply), np.arange(3), np.asarray(prompts)
    for t in range(4):
        padded = np.zeros((3, 6), np.int32)
        padded[:, : sequence.shape[1]] = sequence
        nats = log_softmax(np.asarray(apply(params, padded))[:, sequence.shape[1] - 1], -1)
        token = nats.argmax(-1)
        np.testing.assert_array_equal(found[:, t], token)
        near(logp[:, t], nats[rows, token])
        sequence = np.concatenate([sequence, token[:, None].astype(np.int32)], 1)


def test_a_long_sample_agrees_with_one_whole_pass_across_stages():
    params, prompts = draw(LONG), tokens(LONG, length=3)
    assert len(stages(3, 3 + 127)) > 1
    found, logp = generate(LONG, params, prompts, 128, jax.random.key(3), temperature=1.3)
    assert found.shape == logp.shape == (3, 128)
    whole = np.concatenate([prompts, found], 1)[:, :-1]
    logits = forward(LONG, as_float64(params), whole)["final/logits"][:, 2:]
    nats = np.take_along_axis(log_softmax(logits / 1.3, -1), np.asarray(found)[..., None], -1)
    np.testing.assert_allclose(logp, nats[..., 0], rtol=0, atol=1e-4)


@pytest.mark.parametrize(("prompt", "context"), [(1, 1), (8, 60), (8, 440), (3, 130), (40, 448)])
def test_stages_grow_to_the_whole_context(prompt, context):
    rooms = stages(prompt, context)
    assert rooms[-1] == context and rooms[0] >= prompt
    assert all(a < b for a, b in itertools.pairwise(rooms))


def outcomes(model, params, prompt, temperature, stop, pad):
    """Exact probabilities of two tokens after a prompt, in float64: a matrix (V, V)."""
    sequences = np.array([[*prompt, first] for first in range(model.vocab)])
    logits = forward(model, as_float64(params), sequences)["final/logits"] / temperature
    first = log_softmax(logits[0, len(prompt) - 1])
    joint = first[:, None] + log_softmax(logits[:, len(prompt)], -1)
    joint[stop] = -np.inf
    joint[stop, pad] = first[stop]
    return joint


def test_frequencies_and_log_probabilities_are_those_of_the_exact_distribution():
    params, prompt = draw(TINY, seed=2), [1, 3]
    exact = outcomes(TINY, params, prompt, 0.7, stop=2, pad=0)
    prompts = jnp.broadcast_to(jnp.asarray(prompt, jnp.int32), (20_000, 2))
    found, logp = generate(
        TINY, params, prompts, 2, jax.random.key(5), temperature=0.7, stop=2, pad=0
    )
    pair = np.asarray(found)
    counts = np.zeros((4, 4))
    np.add.at(counts, (pair[:, 0], pair[:, 1]), 1)
    likely = np.exp(exact) * len(pair) > 5
    assert likely.sum() > 6 and counts[np.isneginf(exact)].sum() == 0
    expected = np.append(np.exp(exact)[likely], np.exp(exact)[~likely].sum() + 1e-12)
    seen = np.append(counts[likely], counts[~likely].sum())
    assert chisquare(seen, expected / expected.sum() * seen.sum()).pvalue > 1e-3
    np.testing.assert_allclose(logp.sum(1), exact[pair[:, 0], pair[:, 1]], rtol=0, atol=1e-5)


def test_after_the_stop_only_padding():
    params, prompts = draw(LONG, seed=1), tokens(LONG, batch=64, length=2)
    found, logp = generate(LONG, params, prompts, 20, jax.random.key(0), stop=3, pad=6)
    free, _ = generate(LONG, params, prompts, 20, jax.random.key(0))
    ended = 0
    for row, nats, other in zip(np.asarray(found), np.asarray(logp), np.asarray(free), strict=True):
        end = int(np.argmax(row == 3)) + 1 if 3 in row else 20
        np.testing.assert_array_equal(row[:end], other[:end])
        assert np.all(row[end:] == 6) and np.all(nats[end:] == 0) and np.all(nats[:end] < 0)
        ended += end < 20
    assert ended > 5


def test_edits_act_as_on_whole_sequences():
    params, prompts = draw(LONG), tokens(LONG, length=3)
    head = Edit("blocks/1/attn/z", "set", 0.0, np.array([True, False])[None, None, :, None])
    push = Edit("blocks/0/resid_post", "add", np.linspace(-1, 1, 8, dtype=np.float32))
    edits = (head, push)
    key = jax.random.key(4)
    found, logp = generate(LONG, params, prompts, 12, key, temperature=0, edits=edits)
    plain, _ = generate(LONG, params, prompts, 12, key, temperature=0)
    whole = jnp.concatenate([prompts, found], 1)[:, :-1]
    logits, _ = jax.jit(lambda p, x: run(LONG, p, x, edits=edits))(params, whole)
    nats = log_softmax(np.asarray(logits)[:, 2:], -1)
    np.testing.assert_array_equal(found, nats.argmax(-1))
    near(logp, nats.max(-1))
    assert np.any(np.asarray(found) != np.asarray(plain))


def test_an_example_draws_the_same_in_any_batch():
    params, prompts = draw(LONG), tokens(LONG, batch=6, length=2)
    keys = jax.random.split(jax.random.key(1), 6)
    whole, _ = generate(LONG, params, prompts, 10, keys)
    halves = [generate(LONG, params, prompts[s], 10, keys[s])[0] for s in (slice(3), slice(3, 6))]
    np.testing.assert_array_equal(whole, np.concatenate(halves))
    alike = jnp.broadcast_to(prompts[:1], prompts.shape)
    same, _ = generate(LONG, params, alike, 10, jax.random.key(1))
    assert len(np.unique(np.asarray(same), axis=0)) > 3


def test_portions_and_devices_draw_what_a_batch_drawn_at_once_does():
    """29 sequences are 4 portions of 8, the last filled up; devices share them outside jit."""
    params, prompts = draw(LONG), tokens(LONG, batch=29, length=2)
    assert len(jax.devices()) > 1 and portion(LONG, 29, 11) == 8
    shared = generate(LONG, params, prompts, 10, jax.random.key(1), stop=3)
    inside = jax.jit(lambda: generate(LONG, params, prompts, 10, jax.random.key(1), stop=3))()
    for ours, theirs in zip(shared, inside, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert shared[0].devices() == {jax.devices()[0]}
    # A push of its own for each sequence keeps a batch together; this one does nothing.
    edit = Edit("blocks/0/resid_post", "add", np.zeros((29, 1, 8), np.float32))
    whole = generate(LONG, params, prompts, 10, jax.random.key(1), stop=3, edits=(edit,))
    np.testing.assert_array_equal(shared[0], whole[0])
    near(shared[1], whole[1])


def test_members_under_vmap_draw_what_each_draws_alone():
    """Parameters, temperature and a field of the model are traced and differ."""
    model = dataclasses.replace(TINY, length=16)
    params = jax.tree.map(lambda *leaf: jnp.stack(leaf), *(draw(model, s) for s in range(3)))
    prompts, keys = tokens(model, batch=5, length=2), jax.random.split(jax.random.key(1), 5)

    def member(params, temperature, mix):
        own = dataclasses.replace(model, attention_mix=mix)
        return generate(own, params, prompts, 8, keys, temperature, 3, 0)

    numbers = jnp.asarray([0.5, 1.0, 2.0]), jnp.asarray([1.0, 0.5, 0.0])
    together = jax.jit(jax.vmap(member))(params, *numbers)
    for i in range(3):
        alone = member(jax.tree.map(lambda leaf, i=i: leaf[i], params), *(n[i] for n in numbers))
        np.testing.assert_array_equal(together[0][i], alone[0])
        np.testing.assert_allclose(together[1][i], alone[1], rtol=0, atol=1e-5)


PROMPTS = np.zeros((2, 2), np.int32)
ENCODER = dataclasses.replace(TINY, causal=False)


@pytest.mark.parametrize(
    ("model", "change", "message"),
    [
        (TINY, dict(length=4), "context of 5, but the model's length is 4"),
        (TINY, dict(length=0), "length = 0"),
        (TINY, dict(prompts=PROMPTS[0]), r"tokens \(B, L\)"),
        (TINY, dict(key=jax.random.split(jax.random.key(0), 3)), "keys of shape"),
        (TINY, dict(temperature=-1.0), "temperature = -1.0"),
        (TINY, dict(stop=4), "stop = 4"),
        (TINY, dict(pad=-1), "pad = -1"),
        (TINY, dict(edits=[Edit("blocks/0/attn/zz", "set", 0.0)]), "blocks/0/attn/z"),
        (dataclasses.replace(TINY, n_out=3), {}, "3 logits for 4 tokens"),
        (ENCODER, {}, "only a causal model"),
    ],
)
def test_what_cannot_be_sampled_is_named(model, change, message):
    settings = dict(prompts=PROMPTS, length=2, key=jax.random.key(0)) | change
    prompts, length, key = (settings.pop(name) for name in ("prompts", "length", "key"))
    with pytest.raises(ToylabError, match=message):
        generate(model, draw(model), jnp.asarray(prompts), length, key, **settings)


def test_a_context_without_room_is_refused():
    params, inputs = draw(BASE), tokens(BASE)
    for cache, part, first in [
        (BASE.cache(3, 4), inputs, 0),
        (BASE.cache(3), inputs[:, :2], 5),
        (BASE.cache(2), inputs, 0),
        (BASE.cache(3), inputs[0], 0),
    ]:
        with pytest.raises(ToylabError, match="has room for"):
            BASE.extend(params, cache, part, first)
