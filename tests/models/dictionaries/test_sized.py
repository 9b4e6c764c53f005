"""Dictionaries of a size that is a number: only so many atoms are ever active or trained."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.models.dictionaries.sparse import SparseDictionary

X = jnp.asarray(np.random.default_rng(0).normal(size=(50, 4)), jnp.float32) + 1


def test_the_first_atoms_are_a_smaller_dictionary_and_the_rest_have_no_gradient():
    model = SparseDictionary(width=4, features=8, k=2, size=3)
    params = model.init(jax.random.key(0))
    cut = {name: leaf[..., :3] for name, leaf in params.items() if name in ("encoder", "bias")}
    few = params | cut | {"decoder": params["decoder"][:3]}
    small = SparseDictionary(width=4, features=3, k=2)
    np.testing.assert_allclose(model.apply(params, X), small.apply(few, X), atol=1e-6)
    loss = lambda params: jnp.mean(model.objective(params, X))
    grads = jax.grad(loss)(params)
    assert not grads["decoder"][3:].any()
    assert not grads["encoder"][:, 3:].any()
    assert grads["centre"].any()


def test_a_centre_that_is_not_learned_stays():
    for centred in (0, 1):
        model = SparseDictionary(width=4, features=8, k=2, centred=centred)
        params = model.init(jax.random.key(0)) | {"centre": jnp.ones(4)}
        grads = jax.grad(lambda p, m=model: jnp.mean(m.objective(p, X)))(params)
        assert grads["centre"].any() == bool(centred)
        plain = SparseDictionary(width=4, features=8, k=2)
        np.testing.assert_allclose(model.objective(params, X), plain.objective(params, X))
    with pytest.raises(ToylabError, match="size = 9"):
        SparseDictionary(width=4, features=8, size=9)


def test_a_member_of_size_0_has_all_atoms_beside_smaller_ones():
    model = SparseDictionary(width=4, features=8, k=2)
    params = model.init(jax.random.key(0))
    of_size = lambda size: dataclasses.replace(model, size=size).encode(params, X)
    whole, few = jax.vmap(of_size)(jnp.array([0, 3]))
    np.testing.assert_allclose(whole, model.encode(params, X), atol=1e-6)
    assert not few[:, 3:].any() and whole[:, 3:].any()
