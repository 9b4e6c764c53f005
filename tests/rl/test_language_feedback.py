"""Laws of selection against every tuple of samples; a round of feedback by hand; the loss."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.oracles.word_removal import best_of
from toylab.errors import ToylabError
from toylab.losses import cross_entropy_from_logits
from toylab.models import Transformer
from toylab.rl.feedback_law import feedback_round
from toylab.rl.language_feedback import CORRECTED, OWN, REFINED, LanguageFeedback
from toylab.rl.likelihood import comparison_nats, sequence_nats
from toylab.rl.selection import chosen, selection_law, votes_law
from toylab.task import Batch
from toylab.tasks.language_feedback.taste import ANOTHERS, GUESSED, TRUE, Comparisons, Taste

RNG = np.random.default_rng(0)
WORLD = Taste(8, 2, 1, 4, 2, unwanted=4, world_seed=1)
MODEL = Transformer(
    WORLD.vocab, WORLD.request_length + WORLD.length, 8, 1, 2, hidden=8, positions="rope"
)
PARAMS = MODEL.init(jax.random.key(1))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_law_of_the_best_is_that_of_all_tuples(k):
    p, score = RNG.dirichlet(np.ones(3)), RNG.dirichlet(np.ones(3), 3)
    found = selection_law(p, score, k)
    np.testing.assert_allclose(found, best_of(p, score, k), rtol=0, atol=1e-15)
    p, order = RNG.dirichlet(np.ones(4)), np.eye(4)
    upto = np.cumsum(p)
    np.testing.assert_allclose(
        selection_law(p, order, k), upto**k - (upto - p) ** k, rtol=0, atol=1e-15
    )
    np.testing.assert_allclose(selection_law(p, order, 1), p, rtol=0, atol=1e-15)


def test_votes_choose_by_their_law():
    right, p = np.array([True, False, False]), np.array([0.2, 0.3, 0.5])
    keys = jax.random.split(jax.random.key(0), 40_000)
    drawn = RNG.choice(3, p=p, size=(len(keys), 3))
    for error in (0.0, 0.2, 0.5):
        pick = jax.jit(jax.vmap(lambda r, key, e=error: chosen(r, key, e, 3)))
        place = np.asarray(pick(jnp.asarray(right[drawn]), keys))
        seen = np.bincount(drawn[np.arange(len(keys)), place], minlength=3) / len(keys)
        np.testing.assert_allclose(seen, selection_law(p, votes_law(right, error, 3), 3), atol=0.01)
    np.testing.assert_allclose(selection_law(p, votes_law(right, 0.5, 3), 3), p, atol=1e-15)


def test_a_round_is_the_sum_over_all_that_can_happen():
    x, f = 4, 3
    policy, told = RNG.dirichlet(np.ones(x)), RNG.dirichlet(np.ones(f), x)
    refine, accept = RNG.dirichlet(np.ones(x), (x, f)), RNG.uniform(size=x)
    kept = np.zeros(x)
    for a, b, c in itertools.product(range(x), range(f), range(x)):
        kept[c] += policy[a] * told[a, b] * refine[a, b, c] * accept[c]
    found = feedback_round(policy, told, refine, accept)
    np.testing.assert_allclose(found, kept / kept.sum(), rtol=0, atol=1e-15)
    # Without use of feedback: rejection sampling; with all accepted, nothing changes.
    blind = np.broadcast_to(policy, (x, f, x))
    np.testing.assert_allclose(feedback_round(policy, told, blind, np.ones(x)), policy, atol=1e-15)
    now = policy
    for _ in range(3):
        now = feedback_round(now, told, np.broadcast_to(now, (x, f, x)), accept)
    power = policy * accept**3
    np.testing.assert_allclose(now, power / power.sum(), rtol=0, atol=1e-14)
    # Of all laws the kept one loses least on what is kept: the fixed point of finetuning.
    nats = lambda q: -(found * np.log(q)).sum()
    others = [q for q in RNG.dirichlet(np.ones(x), 200)]
    assert nats(found) < min(map(nats, others))


BATCH = jax.jit(lambda key: WORLD.batch(key, 32))(jax.random.key(3))


def loss(**changes):
    rules = {"samples": 3, "length": WORLD.length, "stop": WORLD.end, "pad": WORLD.pad}
    return LanguageFeedback(WORLD, **rules, reference=PARAMS, behaviour=PARAMS, **changes)


@jax.jit
def drawn(numbers, behaviour):
    """A round by other numbers and another policy, compiled once; and its loss under ``PARAMS``."""
    own = dataclasses.replace(loss(), **numbers, behaviour=behaviour)
    ready = own.prepare(MODEL, BATCH)
    return own.draw(MODEL, BATCH), ready, own(MODEL, PARAMS, ready)


def draw(behaviour=PARAMS, **changes):
    numbers = {"source": REFINED, "feedback": TRUE, "error": 0.0, "once": 0} | changes
    return drawn({name: jnp.float32(value) for name, value in numbers.items()}, behaviour)


def test_each_source_imitates_what_it_says():
    told = draw()[0]
    own, said, refined = (np.asarray(told[name]) for name in ("own", "said", "refined"))
    truth = WORLD.feedback(told["own"][:, 0], BATCH, jax.random.split(jax.random.key(0), 32))
    np.testing.assert_array_equal(said, truth[TRUE])
    silent = np.asarray(told["silent"])
    assert (refined[silent] == own[silent][:, :1]).all() and silent.any() and not silent.all()
    heeds = np.stack([WORLD.incorporates(told["refined"][:, k], told["said"]) for k in range(3)], 1)
    among = (refined == np.asarray(told["imitated"])[:, None]).all(2)
    assert among.any(1).all()
    assert ((among & heeds).any(1) | ~heeds.any(1)).all()  # a judge without error
    mine = np.asarray(draw(source=OWN)[0]["imitated"])
    fine = np.stack([WORLD.pleases(told["own"][:, k], BATCH) for k in range(3)], 1)
    among = (own == mine[:, None]).all(2)
    assert among.any(1).all() and ((among & fine).any(1) | ~fine.any(1)).all()
    gold = draw(source=CORRECTED)[0]["imitated"]
    np.testing.assert_array_equal(gold, WORLD.corrected(told["own"][:, 0], told["said"]))
    for kind in (GUESSED, ANOTHERS):
        other = draw(feedback=kind)[0]
        np.testing.assert_array_equal(other["own"], own)
        assert (np.asarray(other["said"]) != said).any()


def test_the_loss_is_the_likelihood_of_what_is_imitated():
    told, ready, found = draw(error=0.5)
    right = np.asarray(told["imitated"])
    np.testing.assert_array_equal(ready.targets, right)
    logits = MODEL.apply(PARAMS, jnp.concatenate([BATCH.inputs, told["imitated"]], 1)[:, :-1])
    nats = np.asarray(cross_entropy_from_logits(logits, told["imitated"]))
    for i, row in enumerate(right.tolist()):
        last = row.index(WORLD.end) if WORLD.end in row else len(row) - 1
        assert float(found[i]) == pytest.approx(nats[i, : last + 1].sum(), rel=1e-5)


def test_one_round_draws_from_the_first_policy():
    later = jax.tree.map(lambda leaf: leaf + 1.0, PARAMS)
    first, moved = draw()[0]["own"], draw(later)[0]["own"]
    assert (np.asarray(moved) != np.asarray(first)).any()
    np.testing.assert_array_equal(draw(later, once=1)[0]["own"], first)
    assert loss(refresh=7).lagged == {"reference": 0, "behaviour": 7}


def test_a_reward_model_learns_from_pairs_that_differ():
    task = Comparisons(8, 2, 1, 4, 2, unwanted=4)
    judge = Transformer(task.vocab, task.room + 1, 8, 1, 2, n_out=1, read="last")
    params = judge.init(jax.random.key(0))
    batch = jax.jit(lambda key: task.batch(key, 16))(jax.random.key(1))
    rewards = jax.jit(lambda i: judge.apply(params, batch.inputs[:, i])[:, 0])
    reward = np.stack([rewards(i) for i in (0, 1)], 1)
    nats = np.log1p(np.exp(reward[:, 1] - reward[:, 0])) * np.asarray(batch.weights)[:, 0]
    found = jax.jit(lambda: comparison_nats(judge, params, batch))()
    np.testing.assert_allclose(found, nats, rtol=1e-5, atol=1e-6)


def test_long_sequences_count_in_full():
    tokens = jnp.asarray(RNG.integers(0, 8, (4, 6)), jnp.int32)
    weights = jnp.asarray(RNG.integers(0, 2, (4, 6)), jnp.float32)
    found = sequence_nats(MODEL, PARAMS, Batch(tokens, tokens, weights, {}))
    nats = cross_entropy_from_logits(MODEL.apply(PARAMS, tokens), tokens)
    np.testing.assert_allclose(found, (np.asarray(nats) * np.asarray(weights)).sum(1), rtol=1e-5)


def test_bad_settings_are_refused():
    half, law = np.full(2, 0.5), np.full((2, 1), 1.0)
    refine = np.full((2, 1, 2), 0.5)
    for call, text in (
        (lambda: loss(error=0.6), "error = 0.6"),
        (lambda: dataclasses.replace(loss(), samples=0), "samples = 0"),
        (lambda: dataclasses.replace(loss(), behaviour=None)(MODEL, PARAMS, BATCH), "bind"),
        (lambda: loss().draw(MODEL, BATCH._replace(latents={})), "random bits"),
        (lambda: selection_law(half, np.eye(2), 0), "k = 0"),
        (lambda: selection_law(half * 2, np.eye(2), 1), "p_X is no law"),
        (lambda: votes_law(np.array([True]), 0.7, 3), "error = 0.7"),
        (lambda: feedback_round(half * 2, law, refine, half), "policy_X is no law"),
        (lambda: feedback_round(half, law, refine, np.zeros(2)), "ever kept"),
        (lambda: feedback_round(half, law, refine, half * 4), "no chances"),
        (lambda: feedback_round(half, law, refine, half[:1]), r"give \(X,\)"),
    ):
        with pytest.raises(ToylabError, match=text):
            call()
