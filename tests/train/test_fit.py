"""``fit``: interrupted, resumed, shown, and compiled in haste."""

import dataclasses
import os
import signal

import jax
import numpy as np
import pytest

import toylab as tl
from toylab.tasks.superposition.superposition import Sparse


def population(steps: int = 60, n: int = 3) -> tl.Population:
    return tl.Population(
        model=tl.Autoencoder(5, 2),
        task=Sparse(5, density=0.3),
        members=tl.seeds(n),
        optimizer=tl.AdamW(1e-2, 0.0),
        steps=steps,
        batch_size=32,
        snapshots=(0, 20) if steps > 20 else (),
    )


def twice(model, params, batch):
    """Another loss."""
    return 2.0 * tl.squared_error(model, params, batch)


def interrupt(progress) -> None:
    """What Ctrl-C, or a notebook's stop button, sends."""
    if progress.step > 1:
        os.kill(os.getpid(), signal.SIGINT)


def equal(a, b) -> bool:
    return jax.tree.all(jax.tree.map(np.array_equal, a, b))


def test_an_interrupted_fit_keeps_what_is_trained_and_goes_on_to_the_same_bits(capsys):
    before = signal.getsignal(signal.SIGINT)
    whole = tl.fit(population())
    part = tl.fit(population(), show=interrupt)
    assert part.stopped is not None
    step = part.stopped[0]
    assert 0 < step < 60 and max(part.snapshots) == step
    assert f"stopped at step {step} of 60" in capsys.readouterr().err
    assert len(part.records["step"]) and part.records["step"][-1] == step
    assert not equal(part.params, whole.params)
    kept = dict(part.snapshots)
    rest = tl.fit(population(), resume=part)
    assert rest.stopped is None and part.snapshots == kept
    assert rest.snapshots.keys() == whole.snapshots.keys()
    assert equal(rest.snapshots, whole.snapshots) and equal(rest.records, whole.records)
    np.testing.assert_array_equal(rest.dead_at, whole.dead_at)
    assert signal.getsignal(signal.SIGINT) == before


def test_what_cannot_be_resumed_is_told():
    whole = tl.fit(population())
    with pytest.raises(tl.ToylabError, match="was not interrupted"):
        tl.fit(population(), resume=whole)
    part = tl.fit(population(), show=interrupt)
    with pytest.raises(tl.ToylabError, match="other members"):
        tl.fit(population(n=4), resume=part)
    other = dataclasses.replace(population(), model=tl.Autoencoder(5, 3))
    told = r"resume= is of another model, Autoencoder\(n_features=5, n_hidden=2.*to train anew"
    with pytest.raises(tl.ToylabError, match=told):
        tl.fit(other, resume=part)
    for change in (
        {"task": Sparse(5, density=0.2)},
        {"optimizer": tl.AdamW(1e-3, 0.0)},
        {"loss": twice},
        {"batch_size": 16},
        {"first_seed": 7},
    ):
        other = dataclasses.replace(population(), **change)
        with pytest.raises(tl.ToylabError, match=f"resume= is of another {next(iter(change))}, "):
            tl.fit(other, resume=part)
    with pytest.raises(tl.ToylabError, match="its own start"):
        tl.fit(population(), start=part.params, resume=part)
    with pytest.raises(tl.ToylabError, match="beyond 1"):
        tl.fit(population(1), resume=part)


def test_whoever_watches_hears_of_every_chunk():
    heard = []
    tl.fit(population(), show=heard.append)
    assert heard[-1].step == heard[-1].steps == 60 and heard[-1].loss_P.shape == (3,)
    assert sum(progress.done for progress in heard) == 60 * 3


def test_a_hasty_compile_trains_the_same_networks():
    hasty, usual = tl.fit(population(), hastily=True), tl.fit(population())
    np.testing.assert_allclose(hasty.params["W"], usual.params["W"], atol=1e-4)
    assert not jax.config.read("jax_disable_most_optimizations")
