"""Preference collapse: what direct preference optimisation does to probabilities and to weights.

    toylab run preference_collapse

Part 1 is the toy of Yan et al.: a network maps 4 prompts to 10 responses, learns a reference, then
makes 4,000 updates of DPO on two fixed pairs per prompt. Chosen and rejected responses are taken
from the reference's likely responses (on-policy) or from its unlikely ones. Regularisers are a
smaller beta for the rejected response (Flex-DPO) and a term of the chosen response's likelihood.

Part 2 is DPO's bypass (Lee et al.): a transformer learns a small language with bad words, then DPO
on pairs of continuations. Measured are what DPO changes, whether the neurons that write bad words
are bypassed, whether scaling their keys brings the words back, and how much of DPO's effect their
activations carry (a later paper's correction: a small part).

What is done otherwise. The reference's distribution, the width and the learning rate of the toy are
this laboratory's, as the paper's were not found. A batch of the toy is all pairs; updates are as
many as the paper's 500 epochs have if its eight pairs come one at a time. For a response of one
token the two log-normalisers cancel: DPO's derivatives by the chosen and the rejected logit are
equal in size, whatever those by probabilities. A table of free logits is thus the control of part
1: its chosen logits can only rise, so that their fall needs parameters that responses share. The
bad direction is read off the unembedding, in place of a probe trained on labelled text. Clean loss
is measured among clean words, since DPO's own aim lowers the loss of clean text as a whole.

Source: Yan et al. 2024 (arXiv:2406.07327); Lee et al. 2024 (arXiv:2401.01967); arXiv:2411.06424.

Did not reproduce: dispersion, and what the scenarios should differ in. The rejected responses
vanish, and off-policy chosen ones fall by three tenths of their peak in the mean (0.30, 0.25 to
0.35), those of free logits not at all; but on-policy ones fall by 0.44. With the chosen alone
off-policy the unseen, which lose at first, end where they began (-0.02), with both on-policy 0.23
above. A smaller beta for the rejected keeps 0.82 of the peak, below 0.9; a likelihood term keeps
all. The derivative by an on-policy chosen probability grows by nine orders of size (mean of log10),
as on some seeds that probability vanishes too; that by a rejected one grows, by algebra, as the
probability vanishes. In the language DPO all but ends bad words by small steps in all weights, as
does fine-tuning on the chosen texts, less far; but scaling the keys of the seven most aligned
neurons brings back a tenth of the bad rate, not all of it, and their activations carry 0.2% of
DPO's effect, below the 2.5% to 24% of the correction. That these activations fall by half is open
(0.55, 0.38 to 0.72).

Tried: on five seeds of the toy outside the laboratory's engine, learning rates of 1e-3, 3e-3 and
1e-2, and one pair per prompt in place of two. Everywhere the rejected vanish and the chosen fall
from their peak by a tenth to a half, much more on some seeds than on others; nowhere do unseen
responses end far above their share of the start, and no scenario stands out. A first judged run
made 500 updates, one for all pairs in each epoch: the fall of off-policy chosen responses was 0.21
(0.19 to 0.24), at its bar of 0.2, and 200 seeds could not decide it. On 40 other seeds it went on
to 0.29 by 4,000 updates. The plan's 1e-3 stays, but for the table: its logits move by the rate a
step; 0.1 takes them about half as far as a network's. Subtracting the bad direction before the last
norm cut the bad rate by 97%, nearly by construction, as the direction is the unembedding's own; it
is not judged any more.
"""

import dataclasses
import itertools
from collections.abc import Mapping

import numpy as np
import polars as pl

from toylab.errors import check_number
from toylab.losses import cross_entropy
from toylab.members import Members, seeds, zipped
from toylab.models import Transformer
from toylab.models.toys.policy import Policy
from toylab.optim import AdamW, cosine
from toylab.population import Population
from toylab.read.networks import as_trained
from toylab.rl.preference import DPO
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.countdown.bad_words import BadWordPairs, BadWords
from toylab.tasks.countdown.preferences import Answers, Preferences

from .bypass_tables import language_tables
from .claims import CLAIMS
from .toy import BETA, TABLES, probabilities, toy_tables

ARMS: dict[str, dict[str, float]] = {
    "dpo": {},
    "flex 0.08": {"beta_rejected": 0.08},
    "flex 0.05": {"beta_rejected": 0.05},
    "flex 0.02": {"beta_rejected": 0.02},
    "sft 0.01": {"sft": 0.01},
    "sft 0.1": {"sft": 0.1},
    "table": {"free": 1.0, "learning_rate": 0.1},  # a logit of its own moves by the rate a step
}
COUNTS = (7, 32, 128)  # of neurons whose activations are put back; then all of them


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Settings; ``toy_seeds`` are of part 1, ``seeds`` of part 2."""

    seeds: int = 16
    toy_seeds: int = 64  # they differ
    reference_steps: int = 500
    updates: int = 4_000  # as many as 500 epochs of eight pairs, one at a time
    toy_rate: float = 1e-3
    width: int = 64
    depth: int = 3
    length: int = 24
    prompt: int = 8
    steps: int = 1_000
    batch_size: int = 32
    learning_rate: float = 3e-3
    tune_steps: int = 150
    tune_batch: int = 16
    tune_rate: float = 1e-4
    texts: int = 128
    bad_neurons: int = 7

    def __post_init__(self) -> None:
        for name in ("seeds", "toy_seeds", "updates", "steps", "tune_steps", "texts"):
            check_number("preference_collapse", name, getattr(self, name), low=1, whole=True)

    def model(self) -> Transformer:
        """The language model, built as GPT-2 is."""
        return Transformer(
            vocab=self.world().vocab,
            length=self.length,
            width=self.width,
            depth=self.depth,
            heads=4,
            hidden=4 * self.width,
            activation="gelu",
            norm="layer",
            biases=True,
        )

    def world(self, seed: int = 0) -> BadWords:
        """A seed's language."""
        return BadWords(length=self.length, world_seed=seed)

    @property
    def kept(self) -> tuple[int, ...]:
        """Steps of tuning that are kept."""
        shares = (0, 0.1, 0.2, 0.4, 0.7, 1)
        return tuple(sorted({round(s * self.tune_steps) for s in shares}))


def populations(config: Config) -> dict[str, Population]:
    """References and policies of the toy; the language, and what is tuned on pairs."""
    toys = zipped(
        init_seed=[s + t for t in (0, TABLES) for s in range(config.toy_seeds)],
        world_seed=[s for _ in (0, 1) for s in range(config.toy_seeds)],
        free=[t for t in (0, 1) for _ in range(config.toy_seeds)],
    )
    toy = {"model": Policy(), "metrics": probabilities, "batch_size": 1}
    reference = Population(
        task=Answers(),
        members=toys,
        optimizer=AdamW(1e-2, 0.0, schedule=cosine(config.reference_steps)),
        steps=config.reference_steps,
        record_every=config.reference_steps,
        loss=cross_entropy,
        **toy,
    )
    policy = Population(
        task=Preferences(),
        members=policies(config)[0],
        optimizer=AdamW(config.toy_rate, 0.0),
        steps=config.updates,
        record_every=max(1, config.updates // 200),
        loss=DPO(BETA, BETA),
        start="reference",
        snapshots=(0,),
        **toy,
    )
    return {"reference": reference, "policy": policy} | languages(config)


def policies(config: Config) -> tuple[Members, list[str]]:
    """Members of the toy and their arms: every arm in four scenarios, for every seed."""
    rows, arms = [], []
    for arm, seed, on in itertools.product(
        ARMS, range(config.toy_seeds), itertools.product((0, 1), (0, 1))
    ):
        row = {"free": 0.0, "beta_rejected": BETA, "sft": 0.0, "learning_rate": config.toy_rate}
        row |= ARMS[arm]
        start = seed + TABLES * int(row["free"])
        row |= {"init_seed": start, "world_seed": seed}
        rows.append(row | dict(zip(("chosen_likely", "rejected_likely"), on, strict=True)))
        arms.append(arm)
    return zipped(**{name: [row[name] for row in rows] for name in rows[0]}), arms


def languages(config: Config) -> dict[str, Population]:
    """Language models, and each tuned by DPO and by fine-tuning on the chosen texts alone."""
    base = seeds(config.seeds)
    base = Members(dict(base.columns) | {"world_seed": base["init_seed"].astype(np.float64)})
    language = Population(
        model=config.model(),
        task=config.world(),
        members=base,
        optimizer=AdamW(
            config.learning_rate, 1e-2, schedule=cosine(config.steps, warmup=config.steps // 20)
        ),
        steps=config.steps,
        batch_size=config.batch_size,
        loss=cross_entropy,
    )
    losses = zipped(beta_chosen=(BETA, 0.0), beta_rejected=(BETA, 0.0), sft=(0.0, 1.0))
    tuned = Population(
        model=config.model(),
        task=BadWordPairs(length=config.length, prompt=config.prompt),
        members=base * losses,
        optimizer=AdamW(
            config.tune_rate,
            0.0,
            schedule=cosine(config.tune_steps, warmup=config.tune_steps // 10, floor=0.1),
        ),
        steps=config.tune_steps,
        batch_size=config.tune_batch,
        loss=DPO(BETA, BETA),
        start="language",
        snapshots=config.kept,
    )
    return {"language": language, "tuned": tuned}


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Ends and curves of the toy; the language models under every edit."""
    policy = as_trained(run, "policy", populations(config)["policy"])
    neurons = config.depth * 4 * config.width
    counts = (*tuple(c for c in COUNTS if c < neurons), neurons)
    return toy_tables(run, policy, policies(config)[1]) | language_tables(
        run, config, config.bad_neurons, counts
    )


study = Study(
    name="preference_collapse",
    title="Preference collapse: DPO's drop, degradation and dispersion, and its bypass",
    paper="Yan et al. 2024 (arXiv:2406.07327); Lee et al. 2024 (arXiv:2401.01967)",
    presets={
        "smoke": Config(
            seeds=2,
            toy_seeds=2,
            reference_steps=20,
            updates=20,
            width=16,
            depth=1,
            length=12,
            prompt=4,
            steps=10,
            batch_size=4,
            tune_steps=10,
            tune_batch=2,
            texts=8,
        ),
        "laptop": Config(),
        "paper": Config(
            seeds=10, width=256, depth=8, length=64, prompt=24, steps=20_000,
            batch_size=128, learning_rate=1e-3, tune_steps=1_000, tune_batch=64, tune_rate=2e-5,
            texts=512,
        ),
    },
    costs={
        "smoke": "compiling takes most of it",
        "laptop": "16,000 model-steps of the language, 4,800 of tuning, 7.2 million of the toy; 10 "
        "minutes",
        "paper": "200,000 model-steps of a model of 6 million parameters",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)  # fmt: skip
