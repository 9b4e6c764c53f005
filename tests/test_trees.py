"""Leading axes of parameters, and recordings that print their axes."""

import dataclasses
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab import trees
from toylab.errors import ToylabError
from toylab.models import MLP, Autoencoder, TokenMLP, Transformer
from toylab.taps import Edit, identity, run
from toylab.trees import Recording, drawn_shapes, each_member, leading

MODEL = Transformer(vocab=5, length=4, width=8, depth=1, heads=2)
TOKENS = jnp.array([[0, 1, 2, 3], [4, 3, 2, 1]])


def stacked(*lead):
    """Parameters with leading axes."""
    keys = jax.random.split(jax.random.key(0), lead) if lead else jax.random.key(0)
    init = MODEL.init
    for _ in lead:
        init = jax.vmap(init)
    return init(keys)


def test_leading_axes_are_found():
    for lead in ((), (3,), (2, 3)):
        assert leading(MODEL, stacked(*lead)) == lead
    inside = jax.vmap(lambda p: jnp.zeros(len(leading(MODEL, p))))(stacked(3))
    assert inside.shape == (3, 0)  # a mapped member is one member
    grown = Autoencoder(4, 2)
    assert leading(grown, grown.init(jax.random.key(0))) == ()


def test_a_model_is_traced_once_and_one_without_a_hash_each_time():
    found = drawn_shapes(MODEL)
    wanted = jax.eval_shape(MODEL.init, jax.random.key(0))
    assert found == wanted and drawn_shapes(dataclasses.replace(MODEL)) is found

    @dataclasses.dataclass(frozen=True)
    class Held:
        scale: np.ndarray

        def init(self, key):
            return {"w": jnp.asarray(self.scale)}

    assert drawn_shapes(Held(np.ones((2, 3))))["w"].shape == (2, 3)


def test_other_parameters_are_named():
    params = stacked(3)
    with pytest.raises(ToylabError, match="'unembed/kernel'; give this model's own"):
        leading(MODEL, {k: v for k, v in params.items() if k != "unembed"})
    with pytest.raises(ToylabError, match="hold another model's 'extra'"):
        leading(MODEL, params | {"extra": jnp.ones(3)})
    params["unembed"]["kernel"] = params["unembed"]["kernel"][:, :, :3]
    with pytest.raises(ToylabError, match=r"kernel' is \(3, 8, 3\); one member's is \(8, 5"):
        leading(MODEL, params)


def test_a_run_of_a_population_is_that_of_its_members():
    params = stacked(2, 3)
    logits, acts = run(MODEL, params, TOKENS, ("blocks/0/attn/pattern",))
    assert logits.shape == (2, 3, 2, 4, 5)
    one = jax.tree.map(lambda leaf: leaf[1, 2], params)
    alone, pattern = run(MODEL, one, TOKENS, ("blocks/0/attn/pattern",))
    np.testing.assert_allclose(logits[1, 2], alone, rtol=1e-5, atol=1e-6)
    site = "blocks/0/attn/pattern"
    np.testing.assert_allclose(acts[site][1, 2], pattern[site], rtol=1e-5, atol=1e-6)


def test_a_run_of_a_population_is_traced_once():
    traced = []

    @dataclasses.dataclass(frozen=True)
    class Counted(Transformer):
        def apply(self, params, inputs, tap=identity):
            traced.append(1)
            return super().apply(params, inputs, tap)

    model = Counted(vocab=5, length=4, width=8, depth=1, heads=2)
    params = stacked(3)
    for by in (0.0, 1.0):
        run(model, params, TOKENS, ("embed",), [Edit("embed", "add", by)])
    seen = len(traced)
    run(model, params, TOKENS[:, ::-1], ("embed",), [Edit("embed", "add", 2.0)])
    assert len(traced) == seen
    array = Transformer(5, 4, 8, 1, 2, attention_mix=jnp.float32(0.5))  # has no hash
    assert run(array, params, TOKENS)[0].shape == (3, 2, 4, 5)


def test_recordings_print_their_axes_and_pass_through_jit():
    call = jax.jit(lambda p: run(MODEL, p, TOKENS, ("blocks/*/attn/*", "final/logits"))[1])
    acts = call(stacked(3))
    assert isinstance(acts, Recording)
    told = repr(acts).splitlines()
    assert "blocks/0/attn/pattern  (network 3, batch 2, head 2, query 4, key 4)" in told
    assert "blocks/0/attn/z        (network 3, batch 2, position 4, head 2, head dim 4)" in told
    assert "final/logits           (network 3, batch 2, position 4, logit 5)" in told
    _, over = run(MODEL, stacked(2, 3), TOKENS, ("embed",))
    assert repr(over) == "embed  (snapshot 2, network 3, batch 2, position 4, width 8)"
    other = Recording({"other": jnp.ones((2, 1)), "one": jnp.ones(())})
    assert repr(other) == "other  (2, 1)\none    ()"
    assert other.sizes("other") == {"axis 0": 2, "axis 1": 1}
    assert repr(Recording()) == "nothing recorded"


SMALL = {"vocab": 5, "length": 4, "hidden": (6,)}


@pytest.mark.parametrize(
    ("model", "inputs"),
    [
        (Transformer(vocab=5, length=4, width=8, depth=2, heads=2, hidden=6, norm="rms"), TOKENS),
        (MLP((3, 6, 6, 7)), jnp.ones((2, 3))),
        (TokenMLP(**SMALL, embed=8, n_out=7), TOKENS),
        (TokenMLP(**SMALL, n_out=7), TOKENS),
        (Autoencoder(9, 10), jnp.ones((2, 9))),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_site_has_its_axes_named(model, inputs):
    _, acts = run(model, model.init(jax.random.key(0)), inputs, ("*",))
    sizes = {"batch": 2, "position": 4, "query": 4, "key": 4, "head": 2, "head dim": 4}
    sizes |= {"width": 8, "neuron": 6, "token": 5, "feature": 9, "unit": 10}
    sizes |= {"logit": 5 if isinstance(model, Transformer) else 7}
    assert tuple(model.axes) == model.sites
    for site, names in model.axes.items():
        assert tuple(sizes[name] for name in names) == acts[site].shape, site
        assert acts.sizes(site) == {name: sizes[name] for name in names}


def _scaled(factor, own, weight, key):
    """A number of a member's own, of what all share, and of a key."""
    moved = jax.random.uniform(key) * weight
    return {"sum": factor * own.sum() + moved, "rows": own + moved}


@pytest.mark.parametrize("lead", [(), (1,), (4,), (5,), (2, 3), (3, 3)])
def test_members_are_shared_by_the_devices_of_a_cpu(lead):
    assert len(jax.local_devices()) == 2
    own = np.random.default_rng(0).normal(size=(*lead, 7)).astype(np.float32)
    key, weight = jax.random.key(3), jnp.float32(0.5)
    for given in (own, jax.device_put(jnp.asarray(own), jax.devices()[1])):  # one that is bound
        found = each_member("scaled", _scaled, (2.0,), lead, given, weight, key)
        moved = float(jax.random.uniform(key)) / 2
        np.testing.assert_allclose(found["sum"], 2 * own.sum(-1) + moved, rtol=1e-5)
        np.testing.assert_allclose(found["rows"], own + np.float32(moved), rtol=1e-6)
        assert len(found["sum"].devices()) == 1
    inside = jax.jit(lambda x: each_member("scaled", _scaled, (2.0,), lead, x, weight, key))(own)
    np.testing.assert_allclose(inside["sum"], found["sum"], rtol=1e-6)
    closed = jax.jit(lambda: each_member("scaled", _scaled, (2.0,), lead, own, weight, key))()
    np.testing.assert_allclose(closed["sum"], found["sum"], rtol=1e-6)


TALK = re.compile("all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter")


@pytest.mark.parametrize("lead", [(4,), (5,), (2, 3), (3, 3)])
def test_devices_that_share_members_do_not_wait_for_each_other(lead, monkeypatch):
    # Where one waits too long for another, XLA ends the process.
    programs = []
    planned = trees._planned

    def seen(call, static, lead, mesh, given):
        programs.append(trees._each.lower(call, static, lead, mesh, *given).compile().as_text())
        return planned(call, static, lead, mesh, given)

    monkeypatch.setattr(trees, "_planned", seen)
    own = np.ones((*lead, 7), np.float32)
    each_member("scaled", _scaled, (2.0,), lead, own, 0.5, jax.random.key(0))
    assert "num_partitions=2" in programs[0] and TALK.findall(programs[0]) == []
