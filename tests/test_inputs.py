"""Inputs that other programs take without a word are refused, with what to do."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from toylab.check.inputs import check_batch
from toylab.errors import ToylabError
from toylab.losses import cross_entropy
from toylab.members import seeds
from toylab.models import Transformer
from toylab.models.sampling import generate
from toylab.optim import AdamW
from toylab.population import Population
from toylab.stats.survival import log_rank
from toylab.taps import run
from toylab.task import Batch, Task

MODEL = Transformer(vocab=7, length=4, width=8, depth=1, heads=2)
PARAMS = MODEL.init(jax.random.key(0))


@dataclasses.dataclass(frozen=True)
class Given(Task):
    """A world of one example."""

    tokens: tuple[int, ...] = (1, 2, 3, 4)
    targets: tuple[int, ...] = (2, 3, 4, 5)
    weights: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)

    def example(self, key):
        arrays = jnp.array(self.tokens, jnp.int32), jnp.array(self.targets, jnp.int32)
        return Batch(*arrays, jnp.array(self.weights, jnp.float32), {})


def population(**world) -> Population:
    return Population(
        model=MODEL,
        task=Given(**world),
        members=seeds(2),
        optimizer=AdamW(1e-3, 0.0),
        steps=2,
        batch_size=2,
        loss=cross_entropy,
    )


def test_a_sound_batch_passes():
    check_batch(population())
    check_batch(population(targets=(-100, 3, 4, 5), weights=(0.0, 1.0, 1.0, 1.0)))


@pytest.mark.parametrize(
    ("world", "words"),
    [
        ({"tokens": (1, 2, 3, 9)}, "inputs hold 9; there are 7"),
        ({"tokens": (1, -1, 3, 4)}, "inputs hold -1"),
        ({"targets": (1, 2, 3, 7)}, "targets hold 7; the model has 7 logits"),
        ({"targets": (-100, 2, 3, 4)}, "targets hold -100.*give it weight 0"),
        ({"weights": (1.0, -1.0, 1.0, 1.0)}, "weight is negative"),
        ({"weights": (1.0, float("nan"), 1.0, 1.0)}, "weights of a batch are not finite"),
    ],
)
def test_what_is_silently_wrong_is_refused(world, words: str):
    with pytest.raises(ToylabError, match=words):
        check_batch(population(**world))


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (np.array([[0, 9]]), "tokens hold 9"),
        (np.array([[0, -1]]), "tokens hold -1"),
        (np.array([[0.0, 1.0]], np.float32), "tokens are float32"),
    ],
)
def test_run_and_generate_refuse_what_is_no_token(tokens, words: str):
    with pytest.raises(ToylabError, match=words):
        run(MODEL, PARAMS, tokens)
    with pytest.raises(ToylabError, match=words.replace("tokens", "prompts")):
        generate(MODEL, PARAMS, tokens, 1, jax.random.key(0))


def test_log_rank_refuses_times_as_events():
    times = np.array([3.0, 5.0, 8.0])
    with pytest.raises(ToylabError, match=r"events hold 3\.0"):
        log_rank(times, times, times, np.ones(3, bool))
