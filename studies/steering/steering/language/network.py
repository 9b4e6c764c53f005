"""Settings of the study, the decoder, and the phrases that it is judged on."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from toylab.errors import check_number
from toylab.losses import cross_entropy
from toylab.members import seeds
from toylab.models.transformer import Transformer
from toylab.optim import AdamW, cosine
from toylab.population import Population
from toylab.taps import Params
from toylab.task import Batch
from toylab.tasks.steering.phrases import KINDS, Phrases
from toylab.tasks.steering.phrases_truth import oracle

from ..classifier.networks import ClassifierConfig

JUDGED = 91  # seed of everything that is judged
TEST, LENS_BATCH = 256, 32  # phrases that judge, and those of one update of a lens


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(ClassifierConfig):
    """Settings of both halves; those of the language begin with ``lm_``."""

    lm_items: int = 10
    lm_subjects: int = 40
    lm_triples: int = 6
    lm_width: int = 64
    lm_depth: int = 4
    lm_heads: int = 4
    lm_hidden: int = 128
    lm_steps: int = 2_000
    lm_batch: int = 32
    lm_learning_rate: float = 4e-3
    lm_stories: int = 128  # that heads and reading vectors are found on, and as many held out
    lm_prompts: int = 24  # that steering is judged on; as many choose the dose and the layer
    lm_top_heads: int = 4
    lm_doses: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
    lm_random: int = 2  # draws of each random control
    lm_demo_sets: int = 16
    lm_lens_batches: int = 16
    lm_lens_epochs: int = 12
    lm_train_subjects: int = 8
    lm_neurons: int = 20
    lm_facts: int = 40

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("lm_steps", "lm_batch", "lm_prompts", "lm_top_heads", "lm_random"):
            check_number("steering", name, getattr(self, name), low=1, whole=True)
        most = self.lm_depth * self.lm_heads // 2
        check_number("steering", "lm_top_heads", self.lm_top_heads, low=1, high=most, whole=True)

    def world(self) -> Phrases:
        """The three languages."""
        return Phrases(self.lm_items, self.lm_subjects, triples=self.lm_triples)

    def model(self) -> Transformer:
        """A small decoder; with rotary positions an activation holds no position of its own."""
        world = self.world()
        return Transformer(
            vocab=world.vocab,
            length=world.length,
            width=self.lm_width,
            depth=self.lm_depth,
            heads=self.lm_heads,
            hidden=self.lm_hidden,
            activation="gelu",
            positions="rope",
            norm="rms",
        )


def populations(config: Config) -> dict[str, Population]:
    """One network per seed, all on the same world."""
    rate = cosine(config.lm_steps, warmup=min(50, config.lm_steps), floor=0.02)
    return {
        "language": Population(
            model=config.model(),
            task=config.world(),
            members=seeds(config.seeds),
            optimizer=AdamW(config.lm_learning_rate, 1e-2, b2=0.98, schedule=rate),
            steps=config.lm_steps,
            batch_size=config.lm_batch,
            loss=cross_entropy,
        )
    }


def layers(config: Config) -> tuple[str, ...]:
    """The residual stream after the embedding and after each block."""
    return ("embed", *(f"blocks/{i}/resid_post" for i in range(config.lm_depth)))


@functools.lru_cache(maxsize=2)
def phrases(config: Config) -> tuple[Batch, Batch]:
    """New phrases of all kinds: those that judge, and those that lenses learn from."""
    n = TEST + config.lm_lens_batches * LENS_BATCH
    sampled = jax.jit(config.world().batch, static_argnums=1)(jax.random.key(JUDGED), n)
    part = lambda keep: jax.tree.map(lambda leaf: np.asarray(leaf)[keep], sampled)
    return part(slice(TEST)), part(slice(TEST, None))


def learned_table(config: Config, params_P: Params) -> pl.DataFrame:
    """Table ``learned``: loss of each kind of phrase, the best predictor's, and accuracy."""
    task, model, batch = config.world(), config.model(), phrases(config)[0]
    tokens = jnp.asarray(batch.inputs)
    read = jax.jit(jax.vmap(lambda p: jax.nn.log_softmax(model.apply(p, tokens), -1)))
    logp_PBLV = np.asarray(read(params_P))
    target = np.asarray(batch.targets)[..., None]
    with np.errstate(divide="ignore"):
        best_BL = -np.log(np.take_along_axis(oracle(task, batch), target, -1)[..., 0])
    rows = []
    for p, logp in enumerate(logp_PBLV):
        nats = -np.take_along_axis(logp, target, -1)[..., 0]
        correct = logp.argmax(-1) == target[..., 0]
        for k, name in enumerate(KINDS):
            used = (np.asarray(batch.latents["kind"]) == k)[:, None] & (batch.weights > 0)
            mean = lambda x, used=used: float(x[used].mean())
            scores = {"loss": mean(nats), "best": mean(best_BL), "accuracy": mean(correct)}
            rows.append({"init_seed": p, "kind": name} | scores)
    return pl.DataFrame(rows)
