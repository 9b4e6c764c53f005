"""Muon against a plain NumPy loop, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from toylab.errors import ToylabError
from toylab.losses import cross_entropy
from toylab.members import grid
from toylab.models import Transformer
from toylab.optim import constant, cosine
from toylab.optim.muon import Muon, orthogonal
from toylab.population import Population
from toylab.tasks.grokking.modular import ModularArithmetic
from toylab.train.engine import Program

STEPS, RATE, ADAM, DECAY, MOMENTUM = 12, 0.02, 0.003, 0.1, 0.9
MODEL = Transformer(vocab=5, length=3, width=8, depth=1, heads=2, hidden=24, biases=True)
COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def gradients(params):
    """Gradients that change from step to step and depend on the weights."""
    wave = lambda w, t: jnp.sin(3 * w + t.astype(jnp.float32)) + 0.1 * w
    return lambda t: jax.tree.map(lambda w: wave(w, t), params)


def descend(transform, start):
    """Return the parameters after STEPS steps."""

    def step(t, carry):
        params, opt = carry
        with jax.numpy_dtype_promotion("standard"):
            updates, opt = transform.update(gradients(params)(t), opt, params)
        return optax.apply_updates(params, updates), opt

    return jax.lax.fori_loop(0, STEPS, step, (start, transform.init(start)))[0]


def part(seed: int):
    """A matrix and an embedding of the model, which compile faster than all of it."""
    params = MODEL.init(jax.random.key(seed))
    w_q = params["blocks"]["0"]["attn"]["w_q"]
    return {"blocks": {"0": {"attn": {"w_q": w_q}}}, "embed": params["embed"]}


def by_hand(w_MN: np.ndarray, schedule) -> np.ndarray:
    """Return a matrix after STEPS steps of Muon."""
    w, v = w_MN.astype(np.float64), np.zeros(w_MN.shape)
    for t in range(STEPS):
        g = np.sin(3 * w + t) + 0.1 * w
        v = MOMENTUM * v + (1 - MOMENTUM) * g
        ahead = MOMENTUM * v / (1 - MOMENTUM ** (t + 2))
        x = ahead + (1 - MOMENTUM) * g / (1 - MOMENTUM ** (t + 1))
        tall = x.shape[0] > x.shape[1]
        x = x.T if tall else x
        row = np.abs(x @ x.T).sum(1) ** -0.5
        x = row[:, None] * x
        for _ in range(4):
            a, b, c = COEFFICIENTS
            gram = x @ x.T
            x = a * x + (b * gram + c * gram @ gram) @ x
        x = x.T if tall else x
        rate = RATE * float(schedule(jnp.int32(t)))
        w = w - rate * (0.2 * np.sqrt(max(w.shape)) * x + DECAY * w)
    return w


@pytest.mark.parametrize("schedule", [constant(), cosine(STEPS, 3)])
def test_matrices_follow_muon_by_hand_and_the_rest_nadamw(schedule) -> None:
    start = MODEL.init(jax.random.key(0))
    ours = Muon(RATE, DECAY, ADAM, momentum=MOMENTUM, b2=0.98, schedule=schedule)
    rate = lambda step: jnp.float32(ADAM) * schedule(step)
    theirs = optax.adamw(rate, b2=0.98, weight_decay=DECAY, nesterov=True)
    found = jax.jit(lambda: descend(ours.transform(), start))()
    adam = jax.jit(lambda: descend(theirs, start))()
    rows = {"w_q": 8, "w_k": 8, "w_v": 8, "w_o": 8, "up": 8, "down": 24}  # of each matrix, by name
    matrices = 0
    leaves = [jax.tree_util.tree_leaves_with_path(tree) for tree in (start, found, adam)]
    for (path, before), (_, after), (_, plain) in zip(*leaves, strict=True):
        names = [key.key for key in path]
        name = next((n for n in names if n in rows), None)
        if name is None or names[-1] == "bias":
            np.testing.assert_allclose(after, plain, rtol=0, atol=1e-6)
            continue
        flat = np.asarray(before).reshape(rows[name], -1)
        expected = by_hand(flat, schedule).reshape(before.shape)
        np.testing.assert_allclose(after, expected, rtol=0, atol=2e-5)
        assert np.abs(np.asarray(after) - np.asarray(plain)).max() > 1e-3
        matrices += 1
    assert matrices == 6


@pytest.mark.parametrize("shape", [(24, 40), (40, 24), (32, 32)])
def test_singular_values_come_near_one_and_vectors_stay(shape) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype(np.float32)
    u, s, vh = np.linalg.svd(x.astype(np.float64), full_matrices=False)
    # In the basis of its singular vectors the result is diagonal, with values near 1.
    turned = u.T @ np.asarray(jax.jit(orthogonal)(x), np.float64) @ vh.T
    values = np.diag(turned)
    assert np.abs(turned - np.diag(values)).max() < 0.2
    wide = s > 0.1 * s[0]
    assert (values[wide] > 0.6).all() and values.max() < 1.3


def test_every_singular_value_of_an_update_is_near_one() -> None:
    start = part(1)
    transform = Muon(1.0, 0.0, 1.0).transform()
    with jax.numpy_dtype_promotion("standard"):
        update = jax.jit(lambda g: transform.update(g, transform.init(start), start)[0])
        updates = update(gradients(start)(jnp.int32(0)))
    update_MN = np.asarray(updates["blocks"]["0"]["attn"]["w_q"]).reshape(8, 8)
    values = np.linalg.svd(update_MN / (0.2 * np.sqrt(8)), compute_uv=False)
    assert values[0] < 1.3 and np.median(values) > 0.6


def test_numbers_per_member_are_those_of_separate_optimisers() -> None:
    start = part(2)
    run = lambda rate: descend(Muon(rate, 0.01, 0.1 * rate).transform(), start)
    rates = np.array([0.01, 0.05], np.float32)
    together = jax.jit(jax.vmap(run))(rates)
    for member, rate in enumerate(rates):
        alone = jax.jit(lambda rate=rate: run(float(rate)))()
        pick = jax.tree.map(lambda leaf, i=member: leaf[i], together)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=2e-5), pick, alone)


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ToylabError, match="learning_rate"):
        Muon(-1.0, 0.0, 0.1)
    with pytest.raises(ToylabError, match="momentum"):
        Muon(1.0, 0.0, 0.1, momentum=1.5)


def test_the_engine_trains_with_it_and_goes_on_from_a_saved_state() -> None:
    population = Population(
        model=Transformer(vocab=6, length=2, width=8, depth=1, heads=2, n_out=5, read="last"),
        task=ModularArithmetic(p=5, fraction=0.6, equals=False),
        members=grid(init_seed=(0, 1)),
        optimizer=Muon(0.02, 0.01, 0.01),
        steps=200,
        batch_size=15,
        loss=cross_entropy,
    )
    program = Program(population)
    _, whole = program.chunk(program.init(), (0, 100, 200))
    half, _ = program.chunk(program.init(), (0, 100))
    _, rest = program.chunk(program.restore(program.export(half)), (100, 200))
    np.testing.assert_array_equal(rest["loss"][0], whole["loss"][1])
    assert (whole["loss"][1] < 0.5 * whole["loss"][0]).all()
