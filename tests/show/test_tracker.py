"""How long a run still takes."""

import dataclasses

import jax
import numpy as np
import pytest

import toylab as tl
from toylab.rl.grpo import GRPO
from toylab.show.tracker import SLOW, Row, Tracker, duration, work
from toylab.tasks.in_context.repeats import Repeats
from toylab.tasks.superposition.superposition import Sparse
from toylab.train.loop import Progress


def test_progress_estimates_the_whole_run():
    """Time left: the present population at its rate, the next by its work."""
    tracker = Tracker()
    tracker.rows = {
        "small": Row(members=2, steps=100, weight=SLOW),
        "large": Row(members=1, steps=50, weight=8.0 * SLOW),
    }
    tracker.current = "small"
    assert np.isnan(tracker.seconds_left())
    losses = np.array([0.5, np.nan], np.float32)
    tracker.progress(Progress(10, 100, 2, losses, seconds=60.0, done=20))  # compiles
    assert np.isnan(tracker.seconds_left())
    tracker.progress(Progress(60, 100, 2, losses, seconds=10.0, done=100))
    row = tracker.rows["small"]
    assert (row.rate, row.diverged, row.loss) == (10.0, 1, 0.5)
    # 80 updates left at 10 per second; 50 updates of eightfold work at 10 units per second.
    assert tracker.seconds_left() == pytest.approx(8.0 + 40.0)
    row.weight = 1e-3 * SLOW  # a toy's rate of work says nothing of what is to come
    assert tracker.seconds_left() == pytest.approx(8.0 + 50 * 8.0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (190, "3 min 10 s"), (900, "15 min"), (4800, "1 h 20 min")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_completions_of_a_prompt_count_as_sequences_do():
    model = tl.Transformer(vocab=5, length=7, width=4, depth=1, heads=2)
    plain = tl.Population(
        model=model, task=Repeats(5, 7, 2, 3), members=tl.seeds(2), optimizer=tl.AdamW(1e-3, 0.0),
        steps=1, batch_size=3, loss=tl.cross_entropy,
    )  # fmt: skip
    size = sum(leaf.size for leaf in jax.tree.leaves(model.init(jax.random.key(0))))
    assert work(plain) == 3 * 7 * size
    reward = dataclasses.replace(plain, loss=GRPO(lambda tokens, batch: tokens, group=4, length=2))
    assert work(reward) == 4 * work(plain)
    toy = dataclasses.replace(
        plain, model=tl.Autoencoder(5, 2), task=Sparse(5, density=0.1), loss=tl.squared_error
    )
    assert work(toy) == 3 * (10 + 5)
