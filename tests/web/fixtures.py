"""Numbers that the browser's playgrounds must agree with: ``python -m tests.web.fixtures``.

Each fixture is a small population, trained by the library for a few steps on given batches: its
parameters before and after, its losses, and what a picture shows of it. The tests of ``web/``
repeat the same steps in jax-js, and ``tests/web/test_fixtures.py`` that the library still gives
these numbers.
"""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from tests.web import countdown_trace, example_run
from tests.web.tracing import graph_tracing
from toylab import random
from toylab.analysis.heads import induction_score, previous_token_score
from toylab.analysis.steering.at_place import add
from toylab.change import head, run_changes, zero
from toylab.losses import cross_entropy, cross_entropy_from_logits, squared_error
from toylab.models import Autoencoder, TokenMLP, Transformer
from toylab.optim import AdamW
from toylab.studies.othello.network import network
from toylab.taps import run
from toylab.task import Batch
from toylab.tasks.grokking.modular import ModularArithmetic, scores
from toylab.tasks.grokking.theory.fourier import spectrum, waves
from toylab.tasks.in_context.repeats import Repeats
from toylab.tasks.othello.othello import Othello
from toylab.tasks.superposition.sparse import Sparse
from toylab.tasks.superposition.superposition_exact import sparse_losses
from toylab.tasks.superposition.superposition_geometry import (
    dimensions_per_feature,
    feature_dimensionality,
    interference,
)
from toylab.tasks.superposition.superposition_phase import (
    classify,
    phase_argmin,
    superposition_boundary,
)
from toylab.train.setup import setup
from toylab.trees import flatten, unflatten
from toylab.web.exhibit import packed, unpacked

FOLDER = Path(__file__).parents[2] / "web" / "test" / "fixtures"
STEPS = 20


def trained(
    params: Any, losses: Callable[..., Array], optimizer: AdamW, batches: list[Any]
) -> tuple[Any, list[Any]]:
    """Train one network on given batches; return its parameters and its losses before each step."""
    transform = optimizer.transform()
    state, seen = transform.init(params), []

    @jax.jit
    def step(params: Any, state: Any, batch: Any) -> Any:
        value, grads = jax.value_and_grad(lambda p: jnp.mean(losses(p, batch)))(params)
        with jax.numpy_dtype_promotion("standard"):  # Optax counts in whole numbers
            updates, state = transform.update(grads, state, params)
        return optax.apply_updates(params, updates), state, value

    for batch in batches:
        params, state, value = step(params, state, batch)
        seen.append(value)
    return params, seen


def stack(members: list[Any]) -> dict[str, Any]:
    """Arrays of several members by name, leading axis P."""
    return {name: table(np.stack([m[name] for m in members])) for name in members[0]}


def table(values: Any) -> dict[str, Any]:
    """Shape and numbers of an array, in seven digits, which decide a float32 of this size."""
    array = np.asarray(values)
    return {"shape": list(array.shape), "values": [float(f"{v:.8g}") for v in array.ravel()]}


def superposition(activation: str) -> dict[str, Any]:
    """Three members of different densities on the same draws."""
    n, m, size, importance = 5, 2, 32, 0.9
    model = Autoencoder(n, m, activation=activation)  # pyright: ignore[reportArgumentType]
    keys = [random.stream(step, "web") for step in range(STEPS)]
    init, draw = jax.jit(model.init), jax.jit(Sparse.batch, static_argnums=(0, 2))
    before, after, losses, looks = [], [], [], []
    densities = (1.0, 0.3, 0.1)
    for seed, density in enumerate(densities):
        task = Sparse(n, density=density, importance=importance)
        params = init(jax.random.key(seed))
        batches = [draw(task, key, size) for key in keys]
        loss = lambda p, batch: squared_error(model, p, batch)
        final, seen = trained(params, loss, AdamW(1e-2, 0.01), batches)
        W = final["W"]
        shown = (feature_dimensionality(W), interference(W), dimensions_per_feature(W), classify(W))
        before.append(flatten(params))
        after.append(flatten(final))
        losses.append(seen)
        looks.append([np.asarray(x) for x in shown])
    names = ("dimensionality", "interference", "d_star", "phase")
    return {
        "activation": activation,
        "importance": importance,
        "density": list(densities),
        "draws": [table(random.uniform(key, (n, size))) for key in keys],
        "before": stack(before),
        "after": stack(after),
        "losses": table(losses),
        "look": {name: table([look[i] for look in looks]) for i, name in enumerate(names)},
    }


def phases() -> dict[str, Any]:
    """Theory of the phase diagram on a grid, and exact losses of some networks."""
    density, ratio = (a.ravel() for a in np.meshgrid([0.02, 0.2, 0.9], [0.1, 1.0, 9.0]))
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(9, 1, 2)).astype("f"), rng.normal(size=(9, 2)).astype("f") / 4
    losses = sparse_losses(W, b, density.astype("f"), ratio.astype("f"))
    return {
        "density": density.tolist(),
        "ratio": ratio.tolist(),
        "phase": {str(n): phase_argmin(density, ratio, n).tolist() for n in (2, 3)},
        "boundary": {str(n): superposition_boundary(ratio, n).tolist() for n in (2, 3)},
        "W": table(W),
        "b": table(b),
        "losses": table(losses),
    }


def grokking() -> dict[str, Any]:
    """Two members of different weight decay on the same split."""
    task = ModularArithmetic(p=7, fraction=0.5, equals=False, split_seed=3)
    model = TokenMLP(vocab=7, hidden=(16,), embed=8, combine="sum", activation="relu")
    batch = jax.jit(lambda: task.batch(jax.random.key(0), task.n_train))()
    init, watch = jax.jit(model.init), jax.jit(lambda p: scores(model, p, task))
    before, after, looks, spectra, losses, without = [], [], [], [], [], []
    decays = (0.0, 1.0)
    for seed, decay in enumerate(decays):
        params = init(jax.random.key(seed))
        loss = lambda p, batch: cross_entropy(model, p, batch)
        final, seen = trained(params, loss, AdamW(1e-2, decay, b2=0.98), [batch] * STEPS)
        before.append(flatten(params))
        after.append(flatten(final))
        losses.append(seen)
        looks.append({name: float(v) for name, v in watch(final).items()})
        spectra.append(jax.jit(spectrum)(final["embed"][0]))
        cut = final | {"embed": final["embed"] - along(final["embed"], k=2, p=7)}
        without.append({name: float(v) for name, v in watch(cut).items()})
    return {
        "p": 7,
        "decay": list(decays),
        "training": [bool(v) for v in task.in_training()],
        "before": stack(before),
        "after": stack(after),
        "losses": table(losses),
        "look": looks,
        "without_2": without,
        "spectrum": table(spectra),
    }


def along(embed_2pE: Array, k: int, p: int) -> Array:
    """The part of both embeddings along the cosine and the sine of a frequency."""
    wave_2p = waves(np.arange(p), p)[k - 1]
    return jnp.einsum("tp,tq,iqe->ipe", wave_2p, wave_2p, embed_2pE)


def attention() -> dict[str, Any]:
    """One attention-only network of two layers on repeats."""
    task = Repeats(n_tokens=6, length=12, shortest=3, longest=5)
    model = Transformer(vocab=6, length=12, width=8, depth=2, heads=2, positions="rope", norm="rms")
    draw = jax.jit(lambda step: task.batch(random.stream(step, "web"), 8))
    batches = [draw(jnp.uint32(step)) for step in range(STEPS)]
    params = jax.jit(model.init)(jax.random.key(0))
    loss = lambda p, batch: cross_entropy(model, p, batch)
    final, seen = trained(params, loss, AdamW(1e-2, 0.01, b2=0.98), batches)
    repeats = Repeats(n_tokens=6, length=12, shortest=5, longest=5)
    fixed = jax.jit(lambda: repeats.batch(jax.random.key(1), 4))()
    look = jax.jit(lambda p: looked(model, p, fixed))(final)
    cuts = [zero(head(layer, which)) for layer in (0, 1) for which in (0, 1)]
    population = jax.tree.map(lambda leaf: leaf[None], final)
    cut = run_changes(model, population, fixed.inputs, cuts)[:, 0]  # (change, B, L, V)
    return {
        "before": stack([flatten(params)]),
        "after": stack([flatten(final)]),
        "losses": table(seen),
        "inputs": [table(batch.inputs) for batch in batches],
        "targets": [table(batch.targets) for batch in batches],
        "weights": [table(batch.weights) for batch in batches],
        "fixed": {"inputs": table(fixed.inputs), "targets": table(fixed.targets), "period": 5},
        **{name: table(value) for name, value in look.items()},
        "without_head": table([copied(logits, fixed)["copy_loss"] for logits in cut]),
    }


def looked(model: Transformer, params: Any, batch: Batch) -> dict[str, Array]:
    """Patterns of all heads, their scores, and how well tokens are copied."""
    logits, acts = run(model, params, batch.inputs, record=("blocks/*/attn/pattern",))
    pattern = jnp.concatenate(list(acts.values()), 1)
    return {
        "pattern": pattern,
        "induction": induction_score(pattern, 5).mean(0),
        "previous": previous_token_score(pattern).mean(0),
        **copied(logits, batch),
    }


def copied(logits: Array, batch: Batch) -> dict[str, Array]:
    """Loss and accuracy on tokens that the context decides."""
    nats = cross_entropy_from_logits(logits, batch.targets)
    right = (logits.argmax(-1) == batch.targets).astype(jnp.float32)
    mean = lambda values: jnp.sum(values * batch.weights) / jnp.sum(batch.weights)
    return {"copy_loss": mean(nats), "accuracy": mean(right)}


def othello() -> dict[str, Any]:
    """A game of 6x6, a small network on 4x4 as the page reads it, and what an edit does to it."""
    draw = jax.jit(lambda: Othello(6).batch(jax.random.key(2), 4))
    games = draw()
    task = Othello(4)
    model = network(4, depth=2, width=32, heads=4)
    rng = np.random.default_rng(0)  # whole numbers: the same file on every processor
    drawn = lambda leaf: (rng.integers(-127, 128, leaf.shape) / 400).astype("f")
    start = jax.tree.map(drawn, jax.eval_shape(model.init, jax.random.key(0)))
    file = packed({f"params/{name}": leaf for name, leaf in flatten(start).items()}, {"size": "4"})
    flat = {name.removeprefix("params/"): leaf for name, leaf in unpacked(file).items()}
    params, tokens = unflatten(flat), jnp.asarray([[3, 1, 7, 12]], jnp.int32)
    logits, acts = run(model, params, tokens, record=("blocks/*/resid_mid",))
    delta = np.linspace(-1, 1, 2 * 32, dtype="f").reshape(2, 1, 32)
    edited = add(model, params, tokens, jnp.asarray([3]), jnp.asarray(delta))
    return {
        "tokens": table(games.inputs),
        "squares": table(Othello(6).squares),
        "colour": table(games.latents["colour"]),
        "mover": table(games.latents["mover"]),
        "legal": table(games.latents["legal"]),
        "weights": table(games.weights),
        "small_squares": table(task.squares),
        "small_tokens": table(tokens[0]),
        "file": base64.b64encode(file).decode(),
        "logits": table(logits[0]),
        "mid": table(np.stack([acts[f"blocks/{i}/resid_mid"][0] for i in range(2)])),
        "delta": table(delta[:, 0]),
        "edited": table(edited[0]),
    }


FIXTURES: dict[str, Callable[[], dict[str, Any]]] = {  # by the name of its file
    "countdown": countdown_trace.fixture,
    "example": example_run.fixture,
    "graph_tracing": lambda: graph_tracing(table),
    "othello": othello,
    "superposition_relu": lambda: superposition("relu"),
    "superposition_linear": lambda: superposition("linear"),
    "phases": phases,
    "grokking": grokking,
    "attention": attention,
}


if __name__ == "__main__":
    setup()
    for name, make in FIXTURES.items():
        (FOLDER / f"{name}.json").write_text(json.dumps(make(), separators=(",", ":")) + "\n")
