"""Multiplication digit by digit against Python's integers; what is lost of a chain; settings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.oracles import multiplication as oracle
from toylab.errors import ToylabError
from toylab.tasks.multiplication.digits import chain_length, most_running, multiply
from toylab.tasks.multiplication.exams import copied, guessable
from toylab.tasks.multiplication.multiplication import Multiplication


def all_pairs(n: int, base: int):
    a, b = np.divmod(np.arange(base ** (2 * n)), base**n)
    return a, b


@pytest.mark.parametrize(("n", "base"), [(2, 10), (3, 4), (5, 2), (1, 7)])
def test_running_sums_and_digits_of_every_pair(n: int, base: int):
    a, b = all_pairs(n, base)
    task = Multiplication(n, base, 10)
    batch = task.spelled(a, b)
    running = np.asarray(batch.latents["running"])
    rows = np.random.default_rng(0).permutation(len(a))[:500]
    for i in rows:
        assert running[i].tolist() == oracle.running(int(a[i]), int(b[i]), base, n)
    answer = np.asarray(batch.targets)[:, task.answers]
    np.testing.assert_array_equal(answer @ base ** np.arange(2 * n), a * b)
    np.testing.assert_array_equal(running % base, answer)
    np.testing.assert_array_equal(running // base, np.asarray(batch.latents["carry"]))
    assert running.max() == most_running(n, base)
    top = max(multiply([base - 1] * n, [base - 1] * n, base).sums)
    assert top == n * (base - 1) ** 2


@pytest.mark.parametrize(("n", "base"), [(2, 6), (3, 5), (4, 3)])
def test_lines_with_their_chains(n: int, base: int):
    whole = chain_length(n)
    rng = np.random.default_rng(1)
    a, b = rng.integers(base**n, size=(2, 40))
    for kept, lost in ((whole, 0), (whole - 1, 0), (3, 0), (0, 0), (3, 2), (whole, whole)):
        task = Multiplication(n, base, 10, kept=kept)
        batch = task.spelled(a, b, lost)
        assert task.consistent(batch).all()
        for i in range(len(a)):
            line = oracle.line(int(a[i]), int(b[i]), base, n)
            cut = line[: 2 * n] + line[2 * n + whole - kept + lost :]
            found = [*np.asarray(batch.inputs[i]).tolist(), int(batch.targets[i, -1])]
            assert found == cut + [base] * lost
            asked = np.flatnonzero(np.asarray(batch.weights[i]))
            first = 2 * n - (kept > 0)
            assert asked.tolist() == list(range(first, task.length - lost))


def test_how_much_a_chain_loses_follows_its_law():
    task = Multiplication(3, 4, 1_000, kept=20, smoothing=0.5)
    lost = np.asarray(jax.jit(lambda k: task.batch(k, 40_000))(jax.random.key(0)).latents["lost"])
    law = (1 - np.exp(-0.5)) * np.exp(-0.5 * np.arange(20))
    law = np.append(law, 1 - law.sum())  # what would exceed the chain takes all of it
    share = np.bincount(lost, minlength=21) / len(lost)
    np.testing.assert_allclose(share, law, atol=0.01)
    assert law.sum() == pytest.approx(1)


def test_seen_and_unseen_pairs_share_none():
    for task in (Multiplication(2, 5, 300), Multiplication(2, 5, 300, leading_zeros=False)):
        a, b = task.pairs()
        c, d = task.unseen(10_000, 3)
        seen, unseen = set(zip(a, b, strict=True)), set(zip(c, d, strict=True))
        assert len(seen) == 300
        assert not seen & unseen
        assert len(seen | unseen) == task.n_pairs == (625 if task.leading_zeros else 400)
        assert task.leading_zeros or min(map(min, seen | unseen)) == 5
    large = Multiplication(4, 10, 1_000)
    c, d = large.unseen(200, 0)
    assert len(set(zip(c, d, strict=True))) == 200
    assert not set(zip(c, d, strict=True)) & set(zip(*large.pairs(), strict=True))
    again = Multiplication(4, 10, 1_000, world_seed=1)
    assert set(zip(*again.pairs(), strict=True)) != set(zip(*large.pairs(), strict=True))


@pytest.mark.parametrize(("n", "base"), [(2, 3), (2, 4)])
@pytest.mark.parametrize("copies", [True, False])
def test_what_can_be_guessed_without_a_digit(n: int, base: int, copies: bool):
    found = guessable(n, base, copies)
    for hidden in (*range(2 * n), None):
        row = 2 * n if hidden is None else hidden
        np.testing.assert_allclose(found[row], oracle.guessable(base, n, hidden, copies))


def test_products_that_copy_a_factor():
    a, b = np.divmod(np.arange(27**2), 27)
    by_hand = [oracle.is_copy(x, 3) or oracle.is_copy(y, 3) for x, y in zip(a, b, strict=True)]
    np.testing.assert_array_equal(copied(a, b, 3), by_hand)
    assert copied(np.array([10**8, 12]), np.array([12, 10**8 + 1]), 10).tolist() == [True, False]


def test_what_can_be_guessed_agrees_with_a_table_of_another_program():
    found = guessable(3, 4)
    np.testing.assert_allclose(found[0], [0.5, 0.75, 0.94, 0.99, 1, 1], atol=0.006)
    np.testing.assert_allclose(found[6], [0.5, 0.31, 0.27, 0.32, 0.46, 0.75], atol=0.006)


def test_settings_that_make_no_world_are_refused():
    for settings, words in (
        ({"base": 1}, "base = 1"),
        ({"digits": 0}, "digits = 0"),
        ({"digits": 8, "base": 10}, "beyond"),
        ({"train_pairs": 0}, "train_pairs = 0"),
        ({"train_pairs": 4_096}, "leave none unseen"),
        ({"kept": 21}, "kept = 21"),
        ({"smoothing": 0.0}, "smoothing = 0"),
        ({"leading_zeros": 1}, "not true or false"),
    ):
        with pytest.raises(ToylabError, match=words):
            Multiplication(**settings)


def test_drawn_examples_are_pairs_of_the_training_set():
    task = Multiplication(2, 3, 50)
    drawn = jax.jit(lambda k: task.batch(k, 5_000))(jax.random.key(1)).latents["factors"]
    a, b = (jnp.asarray([1, 3]) @ drawn[:, i : i + 2].T for i in (0, 2))
    count = np.zeros((9, 9), int)
    np.add.at(count, (np.asarray(a), np.asarray(b)), 1)
    seen = np.zeros((9, 9), bool)
    seen[task.pairs()] = True
    np.testing.assert_array_equal(count > 0, seen)
    np.testing.assert_allclose(count[seen] / 5_000, 1 / 50, atol=0.01)
