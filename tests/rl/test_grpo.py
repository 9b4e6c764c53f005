"""GRPO against REINFORCE by hand, closed forms and a bandit that has one right answer."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import Array
from scipy.special import log_softmax

from tests.models.test_transformer import as_float64, draw
from tests.oracles.transformer import forward
from toylab.errors import ToylabError
from toylab.members import zipped
from toylab.models import Transformer
from toylab.optim import AdamW
from toylab.population import Population
from toylab.rl.grpo import GRPO
from toylab.rl.policy_gradient import clipped_surrogate, group_advantages, k3, until_stop
from toylab.rl.used_length import lengths
from toylab.task import Batch, Number, Task
from toylab.train.fast_compile import compiling
from toylab.train.fit import fit
from toylab.train.gradients import Shards, in_shards, loss_and_gradient

MODEL = Transformer(vocab=5, length=5, width=8, depth=1, heads=2, hidden=8, norm="rms")
STOP, PAD = 3, 4


@dataclasses.dataclass(frozen=True)
class Bandit(Task):
    """A prompt of one token; the arm named by the next number pays. Poison makes it pay NaN."""

    arms: int = 4
    poison: Number = 0.0

    def example(self, key: Array) -> Batch:
        bits = jax.random.bits(key, (3,))
        prompt = (bits[2:] % self.arms).astype(jnp.int32)
        latents = {"key": bits[:2], "poison": jnp.asarray(self.poison, jnp.float32)}
        return Batch(prompt, prompt, jnp.ones(1, jnp.float32), latents)


def pays(tokens_BL: Array, batch: Batch) -> Array:
    """1 for the arm after the prompt's number."""
    right = (tokens_BL[:, 1] == (tokens_BL[:, 0] + 1) % 4).astype(jnp.float32)
    return jnp.where(batch.latents["poison"] > 0, jnp.nan, right)


def sums(tokens_BL: Array, batch: Batch) -> Array:
    return jnp.sum(tokens_BL, 1).astype(jnp.float32)


def flat(tokens_BL: Array, batch: Batch) -> Array:
    return jnp.full(len(tokens_BL), 0.1)


def batch(size=3, length=2):
    rng = np.random.default_rng(3)
    prompts = jnp.asarray(rng.integers(5, size=(size, length)), jnp.int32)
    bits = jnp.asarray(rng.integers(2**32, size=(size, 2)), jnp.uint32)
    return Batch(prompts, prompts, jnp.ones(prompts.shape, jnp.float32), {"key": bits})


def loss(reward=sums, **changes):
    params = draw(MODEL)
    settings = dict(group=4, length=3, stop=STOP, pad=PAD, reference=params, behaviour=params)
    return GRPO(reward, **(settings | changes)), params


def gradient(objective, params):
    return jax.jit(jax.grad(lambda p: jnp.mean(objective(MODEL, p, batch()))))(params)


def test_advantages_are_those_of_numpy_and_sum_to_zero():
    rewards = np.random.default_rng(0).standard_normal((5, 8)).astype(np.float32)
    centred = rewards - rewards.mean(1, keepdims=True)
    expected = centred / (rewards.std(1, ddof=1, keepdims=True) + 1e-6)
    found = group_advantages(jnp.asarray(rewards))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    np.testing.assert_allclose(np.sum(found, 1), 0, atol=1e-5)
    unscaled = group_advantages(jnp.asarray(rewards), scale=False)
    np.testing.assert_allclose(unscaled, centred, rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", [True, False])
def test_equal_rewards_give_advantages_of_exactly_zero(scale):
    rewards = np.repeat(np.array([[0.1], [1 / 3], [1e4], [-7.7]], np.float32), 7, axis=1)
    assert not np.any(group_advantages(jnp.asarray(rewards), scale))


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_reward_that_is_not_finite_makes_its_group_nan(wrong):
    rewards = np.array([[0, 1, wrong], [0, 1, 0]], np.float32)
    found = np.asarray(group_advantages(jnp.asarray(rewards)))
    assert np.isnan(found[0]).all() and np.isfinite(found[1]).all()


def test_k3_is_never_negative_and_its_mean_is_the_divergence():
    rng = np.random.default_rng(1)
    p, q = (log_softmax(rng.standard_normal(9)) for _ in "pq")
    found = np.asarray(k3(jnp.asarray(p, jnp.float32), jnp.asarray(q, jnp.float32)))
    np.testing.assert_allclose(np.sum(np.exp(p) * found), np.sum(np.exp(p) * (p - q)), rtol=1e-5)
    near = jnp.asarray(p, jnp.float32)
    shifts = np.concatenate([np.geomspace(1e-8, 80, 60), -np.geomspace(1e-8, 80, 60)])
    for shift in shifts:
        assert np.all(k3(near, near + np.float32(shift)) >= 0)
    assert not np.any(k3(near, near))
    slope = jax.vmap(jax.grad(lambda d: k3(d, jnp.zeros(()))))(jnp.asarray(shifts, jnp.float32))
    assert np.all(np.isfinite(slope))


@pytest.mark.parametrize(
    ("ratio", "advantage", "value", "moves"),
    [
        (1.5, 2.0, 2.4, False),  # past the upper bound, already favoured
        (1.5, -2.0, -3.0, True),  # past it, but bad: pushed back
        (0.5, 2.0, 1.0, True),
        (0.5, -2.0, -1.6, False),
        (1.1, 2.0, 2.2, True),
        (1.0, -2.0, -2.0, True),
    ],
)
def test_the_surrogate_stops_where_the_ratio_is_far_enough(ratio, advantage, value, moves):
    gain = lambda logp: clipped_surrogate(logp, jnp.float32(-1.0), jnp.float32(advantage), 0.2)
    found, slope = jax.value_and_grad(gain)(jnp.float32(np.log(ratio) - 1))
    np.testing.assert_allclose(found, value, rtol=1e-5)
    np.testing.assert_allclose(slope, ratio * advantage if moves else 0, rtol=1e-5, atol=0)


def test_tokens_up_to_the_first_stop_count():
    rows = np.random.default_rng(0).integers(4, size=(50, 6))
    expected = [[3 not in row[:i] for i in range(6)] for row in rows.tolist()]
    np.testing.assert_array_equal(until_stop(jnp.asarray(rows, jnp.int32), 3), expected)
    assert np.all(until_stop(jnp.asarray(rows, jnp.int32), None))


def test_on_policy_the_gradient_is_that_of_reinforce_with_the_groups_mean_as_baseline():
    objective, params = loss(temperature=0.8)
    tokens, old, rewards = jax.jit(lambda: objective.roll_out(MODEL, batch()))()
    rewards = np.asarray(rewards, np.float64)
    assert np.all(rewards.std(1) > 0)
    centred = rewards - rewards.mean(1, keepdims=True)
    advantage = (centred / rewards.std(1, ddof=1, keepdims=True)).reshape(-1)
    weight = np.zeros((12, 3), np.float32)
    for row, drawn in enumerate(np.asarray(tokens)[:, 2:].tolist()):
        end = drawn.index(STOP) + 1 if STOP in drawn else 3
        weight[row, :end] = advantage[row] / end / 12
    rows, columns = np.arange(12)[:, None], np.arange(3)[None]

    def reinforce(params):
        logits = MODEL.apply(params, tokens[:, :-1])[:, 1:] / 0.8
        nats = jax.nn.log_softmax(logits, -1)[rows, columns, tokens[:, 2:]]
        return -jnp.sum(weight * nats), nats

    expected, nats = jax.jit(jax.grad(reinforce, has_aux=True))(params)
    live = weight != 0
    np.testing.assert_allclose(np.asarray(old)[live], np.asarray(nats)[live], rtol=0, atol=1e-5)
    found = gradient(objective, params)
    for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)
    assert max(np.abs(leaf).max() for leaf in jax.tree.leaves(expected)) > 1e-2


def test_a_group_of_equal_rewards_moves_nothing():
    objective, params = loss(reward=flat)
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(gradient(objective, params)))


def test_only_the_divergence_is_left_where_rewards_are_equal():
    """The reference differs from the policy; the mean over tokens is taken in float64."""
    other = draw(MODEL, seed=1)
    objective, params = loss(reward=flat, kl=0.5, reference=other)
    per_prompt = jax.jit(lambda p: objective(MODEL, p, batch()))(params)
    tokens = np.asarray(jax.jit(lambda: objective.roll_out(MODEL, batch()))()[0])

    def nats(params):
        logits = forward(MODEL, as_float64(params), tokens[:, :-1])["final/logits"][:, 1:]
        return np.take_along_axis(log_softmax(logits, -1), tokens[:, 2:, None], -1)[..., 0]

    past = nats(other) - nats(params)
    each = np.minimum(np.exp(past) - past - 1, 10)
    ends = [row.index(STOP) + 1 if STOP in row else 3 for row in tokens[:, 2:].tolist()]
    means = [row[:end].mean() for row, end in zip(each, ends, strict=True)]
    expected = 0.5 * np.reshape(means, (3, 4)).mean(1)
    np.testing.assert_allclose(per_prompt, expected, rtol=1e-4, atol=1e-5)


def test_rollouts_are_new_for_each_completion_and_the_same_in_any_batch():
    objective, _ = loss()
    whole, _, rewards = jax.jit(lambda b: objective.roll_out(MODEL, b))(batch())
    part = jax.tree.map(lambda leaf: leaf[1:2], batch())
    alone, _, _ = jax.jit(lambda b: objective.roll_out(MODEL, b))(part)
    np.testing.assert_array_equal(alone, whole[4:8])
    assert len(np.unique(np.asarray(whole[:4]), axis=0)) > 1
    np.testing.assert_array_equal(np.asarray(whole).sum(1), np.asarray(rewards).reshape(-1))


def test_spurious_rewards_are_exchanged_within_their_group():
    objective, _ = loss(group=8)
    other = dataclasses.replace(objective, spurious=1.0)
    (tokens, _, true), (same, _, false) = (
        jax.jit(lambda b, o=o: o.roll_out(MODEL, b))(batch()) for o in (objective, other)
    )
    np.testing.assert_array_equal(tokens, same)
    np.testing.assert_array_equal(np.sort(true, 1), np.sort(false, 1))
    assert np.any(np.asarray(true) != np.asarray(false))


def test_a_bandit_is_solved_in_the_engine_and_a_poisoned_member_dies():
    """Members differ in a number of the loss and one of the task; the third is paid NaN."""
    model = Transformer(vocab=4, length=2, width=8, depth=1, heads=2, positions="none")
    result = fit(
        Population(
            model=model,
            task=Bandit(),
            members=zipped(init_seed=(0, 1, 2), kl=(0.0, 0.01, 0.0), poison=(0, 0, 1)),
            optimizer=AdamW(3e-2, 0.0),
            loss=GRPO(pays, group=8, length=1),
            steps=60,
            batch_size=8,
            devices=1,
        )
    )
    np.testing.assert_array_equal(result.dead_at, [-1, -1, 0])
    arms = np.arange(4)[:, None]
    for member, solved in enumerate((True, True, False)):
        own = jax.tree.map(lambda leaf, i=member: np.asarray(leaf[i], np.float64), result.params)
        nats = log_softmax(forward(model, own, arms)["final/logits"][:, 0], -1)
        right = np.exp(nats[np.arange(4), (np.arange(4) + 1) % 4])
        assert np.all(right > 0.9) == solved, right


def test_an_update_of_sorted_shortened_or_sharded_completions_is_that_of_whole_ones():
    """Four pieces of four completions each take the length that they need."""
    model = dataclasses.replace(MODEL, length=44)
    params, other = draw(model), draw(model, seed=1)
    # The stop is to be rare.
    params["unembed"]["kernel"] *= jnp.where(jnp.arange(5) == STOP, 0.0, 5.0)[None]
    own = GRPO(sums, group=4, length=42, stop=STOP, pad=PAD, kl=0.3)
    lagged = {"reference": other, "behaviour": params}

    def sorted_update():
        objective, ready = own.bind(model, batch(size=4), lagged)
        return ready.weights.sum(-1), update(objective, ready, 1)

    def whole_update():
        objective = dataclasses.replace(own, **lagged)
        ready = objective.prepare(model, batch(size=4))
        return ready.weights.sum(-1), update(objective, ready, 0)

    def sharded_update():
        of_shard = lambda batch: update(*own.bind(model, batch, lagged), 1)
        own_two = (jnp.int32(0), jnp.int32(2))
        return in_shards(of_shard, batch(size=4), Shards(2, own_two))

    update = lambda f, ready, piece: loss_and_gradient(
        lambda p, b: f(model, p, b), params, ready, piece
    )
    with compiling(hastily=True):
        (used, found), (given, expected) = jax.jit(sorted_update)(), jax.jit(whole_update)()
        apart = jax.jit(sharded_update)()
    for ours, theirs in zip(jax.tree.leaves(apart), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)
    np.testing.assert_array_equal(np.reshape(used, -1), np.sort(np.reshape(given, -1)))
    assert lengths(42) == (21, 42) and used[0, -1] <= 21 < used[-1, -1]
    for ours, theirs in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)


WRONG = dict(group=1, length=0, refresh=0, temperature=0.0, clip=1.5, kl=-0.1, spurious=2.0)


@pytest.mark.parametrize("name", WRONG)
def test_wrong_settings_are_named(name):
    with pytest.raises(ToylabError, match=f"{name} = {WRONG[name]}"):
        GRPO(sums, **(dict(group=2, length=2) | {name: WRONG[name]}))


def test_what_the_loss_lacks_is_named():
    objective, params = loss()
    with pytest.raises(ToylabError, match="bind reference and behaviour"):
        GRPO(sums, group=2, length=2)(MODEL, params, batch())
    with pytest.raises(ToylabError, match=r"latents\['key'\]"):
        objective(MODEL, params, batch()._replace(latents={}))
    wrong = dataclasses.replace(objective, reward=lambda tokens, batch: jnp.zeros(()))
    with pytest.raises(ToylabError, match="one number for each of 12"):
        wrong(MODEL, params, batch())
    assert objective.lagged == {"reference": 0, "behaviour": 1}
