"""Tables of pairs against rules written out once more, and the split against its promises."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.errors import ToylabError
from toylab.members import grid
from toylab.models import TokenMLP
from toylab.optim import AdamW
from toylab.population import Population
from toylab.taps import identity
from toylab.tasks.grokking.groups import group
from toylab.tasks.grokking.modular import (
    OPERATIONS,
    PRODUCTS,
    GroupComposition,
    ModularArithmetic,
    scores,
)

P = 7
BY_HAND = {  # a second writing of each rule, one pair at a time, without vectors
    "x+y": lambda x, y: (x + y) % P,
    "x-y": lambda x, y: (x - y) % P,
    "x*y": lambda x, y: (x * y) % P,
    "(x+y)^2": lambda x, y: ((x + y) * (x + y)) % P,
    "x^2+y^2": lambda x, y: (x * x + y * y) % P,
    "x^2+xy+y^2": lambda x, y: (x * x + x * y + y * y) % P,
    "x^2+xy+y^2+x": lambda x, y: (x * x + x * y + y * y + x) % P,
    "x^3+xy": lambda x, y: (x * x * x + x * y) % P,
    "x^3+xy^2+y": lambda x, y: (x * x * x + x * y * y + y) % P,
    "x/y": lambda x, y: next(c for c in range(P) if c * y % P == x),
    "x/y if y odd else x-y": lambda x, y: (
        next(c for c in range(P) if c * y % P == x) if y % 2 else (x - y) % P
    ),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_operations_agree_with_the_rule_by_hand(operation):
    pairs, answers = ModularArithmetic(p=P, operation=operation, fraction=0.5).table()
    expected = {(x, y) for x in range(P) for y in range(P) if y or operation != "x/y"}
    assert {tuple(pair) for pair in pairs.tolist()} == expected and len(pairs) == len(expected)
    assert answers.tolist() == [BY_HAND[operation](int(x), int(y)) for x, y in pairs]


def test_the_twelve_operations_of_the_paper_are_there():
    assert {"x+y", "x-y", "x/y", "x/y if y odd else x-y", "x^2+y^2"} < set(OPERATIONS)
    assert {"x^2+xy+y^2", "x^2+xy+y^2+x", "x^3+xy", "x^3+xy^2+y"} < set(OPERATIONS)
    assert PRODUCTS == ("x.y", "x.y.x^-1", "x.y.x")


@pytest.mark.parametrize("operation", PRODUCTS)
def test_group_products_agree_with_permutation_matrices(operation):
    known = group("S4")
    matrix = lambda i: np.eye(4)[:, known.permutations_NT[i]].T  # column t has its 1 at row p(t)
    pairs, answers = GroupComposition(group="S4", operation=operation, fraction=0.5).table()
    last = {"x.y": lambda a: np.eye(4), "x.y.x^-1": lambda a: a.T, "x.y.x": lambda a: a}
    for (x, y), answer in zip(pairs.tolist()[::37], answers[::37], strict=True):
        a, b = matrix(x).T, matrix(y).T
        np.testing.assert_array_equal(a @ b @ last[operation](a), matrix(int(answer)).T)


@pytest.mark.parametrize("fraction", [0.3, 0.5, 0.9])
def test_the_training_set_is_the_split_and_its_weights_make_a_mean(fraction):
    task = ModularArithmetic(p=11, fraction=fraction, split_seed=4)
    train = np.asarray(task.enumerate().latents["train"])
    assert train.sum() == task.n_train == int(fraction * 121)
    batch = task.batch(jax.random.key(0), 115)
    held = np.asarray(batch.weights) > 0
    rows = {tuple(r) for r in np.asarray(batch.inputs)[held].tolist()}
    assert rows == {tuple(r) for r in np.asarray(task.enumerate().inputs)[train].tolist()}
    assert held.sum() == task.n_train
    np.testing.assert_allclose(np.mean(batch.weights), 1.0, rtol=1e-6)


def test_fractions_of_one_seed_are_nested_and_seeds_differ():
    sets = lambda **k: np.asarray(ModularArithmetic(p=11, **k).in_training())
    few, many = sets(fraction=0.2), sets(fraction=0.6)
    assert (many | ~few).all() and many.sum() > few.sum()
    assert (sets(fraction=0.2, split_seed=1) != few).any()


def test_a_small_batch_draws_training_examples_only():
    task = ModularArithmetic(p=11, fraction=0.5)
    train = np.asarray(task.in_training()).reshape(11, 11)
    batch = task.batch(jax.random.key(1), 40)
    assert train[batch.latents["x"], batch.latents["y"]].all()
    np.testing.assert_array_equal(batch.weights, 1.0)
    again = task.batch(jax.random.key(2), 40)
    assert (np.asarray(batch.inputs) != np.asarray(again.inputs)).any()


def test_random_labels_are_fixed_by_the_seed_and_say_nothing_of_the_rule():
    task = ModularArithmetic(p=53, fraction=0.5, labels="random")
    labels, rule = np.asarray(task.answers()), task.table()[1]
    np.testing.assert_array_equal(labels, dataclasses.replace(task).answers())
    assert labels.min() == 0 and labels.max() == 52
    agree = np.mean(labels == rule)  # 1/53 by chance, standard error 0.0026
    assert abs(agree - 1 / 53) < 0.012
    other = np.asarray(dataclasses.replace(task, split_seed=1).answers())
    assert np.mean(labels == other) < 0.05


@dataclasses.dataclass(frozen=True)
class Lookup:
    """A model that knows the answers of x + y mod p but for a set of pairs."""

    p: int
    sites: tuple[str, ...] = ()

    def init(self, key):
        return {"wrong": jnp.zeros((self.p, self.p), jnp.float32)}

    def apply(self, params, inputs, tap=identity):
        x, y = inputs[:, 0], inputs[:, 1]
        shift = params["wrong"][x, y].astype(jnp.int32)
        return 3.0 * jax.nn.one_hot((x + y + shift) % self.p, self.p, dtype=jnp.float32)


def test_scores_are_exact_over_both_sets():
    task = ModularArithmetic(p=11, fraction=0.4)
    train = np.asarray(task.in_training()).reshape(11, 11)
    wrong = np.zeros((11, 11), np.float32)
    wrong[tuple(np.argwhere(~train)[:10].T)] = 1
    wrong[tuple(np.argwhere(train)[:3].T)] = 1
    found = scores(Lookup(11), {"wrong": jnp.asarray(wrong)}, task)
    n_train, n_test = train.sum(), (~train).sum()
    right, miss = np.log1p(10 * np.exp(-3.0)), np.log(np.exp(3.0) + 10)
    expected = {
        "train_accuracy": 1 - 3 / n_train,
        "test_accuracy": 1 - 10 / n_test,
        "train_loss": (3 * miss + (n_train - 3) * right) / n_train,
        "test_loss": (10 * miss + (n_test - 10) * right) / n_test,
    }
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-5, err_msg=name)


def population(**columns):
    return Population(
        model=TokenMLP(vocab=8, hidden=(4,), n_out=7),
        task=ModularArithmetic(p=7, fraction=0.5),
        members=grid(init_seed=(0,), **columns),
        optimizer=AdamW(1e-3, 0.0),
        steps=1,
        batch_size=24,
    )


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: ModularArithmetic(p=12, operation="x/y"), "needs a prime p, not 12; try 13"),
        (lambda: ModularArithmetic(p=15, operation="x/y if y odd else x-y"), "needs a prime p"),
        (lambda: ModularArithmetic(p=1), "p = 1 is out of range"),
        (lambda: ModularArithmetic(operation="x+z"), r"did you mean 'x\+y'"),
        (lambda: ModularArithmetic(p=7, fraction=1.0), "leaves no test example; lower it"),
        (lambda: ModularArithmetic(p=7, fraction=0.001), "leaves no training example; raise it"),
        (lambda: ModularArithmetic(fraction=1.5), "fraction = 1.5 is out of range"),
        (lambda: ModularArithmetic(labels="shuffled"), "labels = 'shuffled'"),
        (lambda: GroupComposition(group="Q8"), "Unknown group 'Q8'"),
        (lambda: GroupComposition(group="S7"), "takes a number from 2 to 6"),
        (lambda: GroupComposition(operation="x.y.z"), "did you mean 'x.y"),
        (lambda: population(fraction=(0.5, 1.0)), "leaves no test example"),
        (lambda: population(p=(7, 11)), "'p' is a setting of the task that all members share"),
    ],
)
def test_bad_settings_are_one_clear_error(make, match):
    with pytest.raises(ToylabError, match=match):
        make()


def test_the_whole_table_may_be_trained_on_when_said():
    task = ModularArithmetic(p=7, fraction=1.0, held_out=False)
    assert task.n_train == 49 and np.asarray(task.in_training()).all()
    assert set(task.split()) == {"train"}
