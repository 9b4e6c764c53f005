"""Small transformers of every kind, with weights large enough that every part matters."""

import jax
import jax.numpy as jnp
import pytest

from toylab.models import Transformer

KINDS = {
    "plain": {},
    "layer norm, biases, MLP": {"norm": "layer", "biases": True, "hidden": 12},
    "rms, gated, rope": {"norm": "rms", "gated": True, "hidden": 12, "positions": "rope"},
    "relu attention, tied": {
        "attention": "relu",
        "tied_unembed": True,
        "unembed_bias": True,
        "norm": "rms",
    },
}
TOKENS = jax.random.randint(jax.random.key(5), (3, 6), 0, 7)
CORRUPT = TOKENS.at[:, 2].set((TOKENS[:, 2] + 3) % 7)


def build(**settings):
    """A transformer of two blocks with two heads, and the parameters of one member."""
    model = Transformer(vocab=7, length=6, width=8, depth=2, heads=2, **settings)
    params = model.init(jax.random.key(1))
    leaves, tree = jax.tree.flatten(params)
    keys = jax.random.split(jax.random.key(2), len(leaves))
    noise = lambda k, leaf: leaf + 0.3 * jax.random.normal(k, leaf.shape)
    return model, tree.unflatten(map(noise, keys, leaves))


@pytest.fixture(params=KINDS, ids=list(KINDS))
def network(request):
    """One transformer of each kind."""
    return build(**KINDS[request.param])


@pytest.fixture
def normed():
    """The transformer with the most parts."""
    return build(**KINDS["layer norm, biases, MLP"])


def logits(model, params, tokens=TOKENS):
    """What the model itself answers."""
    return jax.jit(model.apply)(params, jnp.asarray(tokens))
