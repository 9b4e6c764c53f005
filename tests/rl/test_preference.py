"""The DPO loss against closed forms, finite differences in float64, and a plain loop."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array

from toylab.errors import ToylabError
from toylab.members import zipped
from toylab.models import Transformer
from toylab.optim import SGD
from toylab.population import Population
from toylab.rl.preference import DPO, logistic_preference, pair_log_probs
from toylab.task import Batch
from toylab.tasks.countdown.preferences import Preferences
from toylab.train.engine import Program
from toylab.train.fit import fit

BETA = 0.3
RNG = np.random.default_rng(0)


@dataclasses.dataclass(frozen=True)
class Table:
    """Logits of a prompt, looked up: inputs (B,) integers; ``logits`` (P, R) are the parameters."""

    sites = ("logits",)

    def init(self, key: Array):
        return {"logits": jnp.zeros((3, 4), jnp.float32)}

    def apply(self, params, inputs, tap=lambda name, x: x):
        return tap("logits", params["logits"][inputs])


@pytest.fixture
def double():
    with jax.enable_x64(True):
        yield


def one_token(dtype=np.float32):
    """Three prompts, a pair each; a table and another as its reference."""
    tables = [{"logits": jnp.asarray(RNG.normal(size=(3, 4)), dtype)} for _ in range(2)]
    prompt = np.repeat(np.arange(3, dtype=np.int32)[:, None], 2, 1)
    targets = np.array([[0, 1], [2, 3], [3, 0]], np.int32)
    weights = jnp.ones((), dtype)
    batch = Batch(jnp.asarray(prompt), jnp.asarray(targets), weights, {})
    return Table(), *tables, batch


def log_softmax(z):
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def test_log_probs_of_one_token_and_of_many():
    table, params, _, batch = one_token()
    known = log_softmax(np.asarray(params["logits"], np.float64))
    rows = [[known[p, y] for y in pair] for p, pair in enumerate(np.asarray(batch.targets))]
    np.testing.assert_allclose(pair_log_probs(table, params, batch), rows, rtol=1e-5)
    model = Transformer(vocab=5, length=6, width=8, depth=1, heads=2, hidden=8)
    weights = model.init(jax.random.key(1))
    tokens, targets = (jnp.asarray(RNG.integers(5, size=(4, 2, 6)), jnp.int32) for _ in range(2))
    mask = jnp.asarray(RNG.integers(2, size=(4, 2, 6)), jnp.float32)
    found = pair_log_probs(model, weights, Batch(tokens, targets, mask, {}))
    for b, k in np.ndindex(4, 2):
        logp = log_softmax(np.asarray(model.apply(weights, tokens[b, k][None])[0], np.float64))
        told = logp[np.arange(6), np.asarray(targets)[b, k]]
        assert found[b, k] == pytest.approx((told * np.asarray(mask)[b, k]).sum(), rel=1e-4)


def test_at_the_reference_the_loss_is_log_two():
    table, params, _, batch = one_token()
    for loss in (DPO(0.1, 0.1, reference=params), DPO(0.7, 0.2, reference=params)):
        np.testing.assert_allclose(loss(table, params, batch), np.log(2), rtol=1e-6)
    logp = pair_log_probs(table, params, batch)[:, 0]
    with_sft = DPO(0.1, 0.1, sft=0.5, reference=params)(table, params, batch)
    np.testing.assert_allclose(with_sft, np.log(2) - 0.5 * logp, rtol=1e-6)


@pytest.mark.usefixtures("double")
def test_loss_is_a_reward_models_on_the_implicit_reward():
    table, params, reference, batch = one_token(np.float64)
    loss = DPO(BETA, 0.2, reference=reference)
    p, q = (log_softmax(np.asarray(w["logits"])) for w in (params, reference))
    for i, (chosen, rejected) in enumerate(np.asarray(batch.targets)):
        r = BETA * (p - q)[i, chosen], 0.2 * (p - q)[i, rejected]
        expected = -np.log(1 / (1 + np.exp(-(r[0] - r[1]))))
        assert float(loss(table, params, batch)[i]) == pytest.approx(expected, rel=1e-12)
        np.testing.assert_allclose(loss.rewards(table, params, batch)[i], r, rtol=1e-12)
    reward = jnp.asarray([[2.0, -1.0]])
    assert float(logistic_preference(reward)[0]) == pytest.approx(np.log1p(np.exp(-3)), rel=1e-12)


@pytest.mark.usefixtures("double")
def test_gradients_by_probabilities_are_in_their_inverse_ratio():
    """|dl/dp-| / |dl/dp+| = p+ / p-, by finite differences in the probabilities themselves."""
    _, params, reference, batch = one_token(np.float64)

    @dataclasses.dataclass(frozen=True)
    class Probabilities(Table):
        """Its parameters are probabilities, free of each other: no softmax makes them sum to 1."""

        def apply(self, params, inputs, tap=lambda name, x: x):
            return tap("logits", jnp.log(params["logits"][inputs]))

    # One more response takes what the two leave, so that logits that are logs stay logs.
    p = np.exp(log_softmax(np.asarray(params["logits"])))
    q = np.exp(log_softmax(np.asarray(reference["logits"])))
    for i, (chosen, rejected) in enumerate(np.asarray(batch.targets)):
        rest = [k for k in range(4) if k not in (chosen, rejected)]
        row = jax.tree.map(lambda leaf, i=i: leaf[i : i + 1], batch._replace(weights=None))
        row = row._replace(weights=batch.weights)

        def loss(at, row=row):
            known = {"logits": jnp.asarray(q)}
            values = DPO(BETA, BETA, reference=known)(
                Probabilities(), {"logits": jnp.asarray(at)}, row
            )
            return float(values[0])

        slopes = []
        for k in (chosen, rejected):
            step, moved = 1e-6, []
            for sign in (1, -1):
                at = p.copy()
                at[i, k] += sign * step
                at[i, rest[0]] -= sign * step
                moved.append(loss(at))
            slopes.append((moved[0] - moved[1]) / (2 * step))
        assert slopes[0] < 0 < slopes[1]
        ratio = slopes[1] / -slopes[0]
        assert ratio == pytest.approx(p[i, chosen] / p[i, rejected], rel=1e-3)


@pytest.mark.usefixtures("double")
def test_gradients_by_logits_are_even_and_spare_the_unseen():
    table, params, reference, batch = one_token(np.float64)
    loss = lambda w: DPO(BETA, BETA, reference=reference)(table, w, batch).sum()
    grads = np.asarray(jax.grad(loss)(params)["logits"])
    for i, (chosen, rejected) in enumerate(np.asarray(batch.targets)):
        assert grads[i, chosen] == pytest.approx(-grads[i, rejected], rel=1e-9)
        others = [k for k in range(4) if k not in (chosen, rejected)]
        np.testing.assert_allclose(grads[i, others], 0, atol=1e-15)
    # A smaller beta of the rejected presses the unseen down, in proportion to their probability.
    loss = lambda w: DPO(BETA, 0.1, reference=reference)(table, w, batch).sum()
    grads = np.asarray(jax.grad(loss)(params)["logits"])
    assert (grads[1, :2] > 0).all()


def test_the_engine_binds_each_members_first_parameters():
    """Three steps of descent by hand, on a table of free logits, with each member's numbers."""
    columns = {"init_seed": (0, 1), "beta_rejected": (0.1, 0.05), "sft": (0.0, 0.2)}

    @dataclasses.dataclass(frozen=True)
    class Linear(Table):
        """A table whose prompts are one-hot."""

        def init(self, key):
            return {"logits": jax.random.normal(key, (2, 10), jnp.float32)}

        def apply(self, params, inputs, tap=lambda name, x: x):
            return tap("logits", inputs @ params["logits"])

    task = Preferences(prompts=2)
    population = Population(
        model=Linear(),
        task=task,
        members=zipped(**columns),
        optimizer=SGD(2.0),
        steps=3,
        batch_size=1,
        loss=DPO(0.1, 0.1),
        snapshots=(0, 3),
        devices=1,
    )
    assert Program(population).lagged == {"reference": 0}
    done = fit(population)
    pairs = task.enumerate()
    for i in range(2):
        first = {"logits": done.snapshots[0]["logits"][i]}
        loss = DPO(0.1, columns["beta_rejected"][i], columns["sft"][i], first)
        now = first
        for _ in range(3):
            mean = lambda w, loss=loss: loss(Linear(), w, pairs).mean()
            now = jax.tree.map(lambda w, g: w - 2.0 * g, now, jax.grad(mean)(now))
        np.testing.assert_allclose(done.params["logits"][i], now["logits"], rtol=1e-4, atol=1e-5)
        assert not np.allclose(first["logits"], now["logits"], atol=1e-3)


def test_errors_say_what_to_give():
    table, params, _, batch = one_token()
    with pytest.raises(ToylabError, match="no reference"):
        DPO()(table, params, batch)
    with pytest.raises(ToylabError, match="beta_rejected = -1"):
        DPO(beta_rejected=-1.0)
    with pytest.raises(ToylabError, match="chosen response first"):
        pair_log_probs(table, params, batch._replace(targets=batch.targets[:, 0]))
