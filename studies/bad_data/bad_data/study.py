"""Bad data: are rare features more entangled, and is a concept easier to remove with more of it?

    toylab run bad_data

Li et al. argue that a concept with little data has a direction that is entangled with others, so
that taking it away harms what is close to it; with more bad data it stands more alone, and can be
removed with less harm. Two toys ask whether that is so.

*Entanglement.* Twelve features in four dimensions, of which four have a share of the others' data;
a ReLU autoencoder whose loss needs all twelve. (In the paper's Markov chains nothing needs twelve
directions: four next tokens in four dimensions.) Entanglement is the largest cosine with another
feature: absolute as in the paper, or its positive part, since a ReLU separates antipodal ones at no
cost. A feature that is hardly there has a direction of noise, whose entanglement is that of
random directions, exactly 0.842; so features are also judged where they are represented (norm above
0.5), beside the exact mean for as many random directions.

*Steering.* A language with a share of rough texts, half of whose words have a rough form. The
register's direction in the residual stream is taken away from small transformers; what is left of
rough words after rough beginnings stands against what clean texts lose.

What is done otherwise: no language model, no Markov chains; the number of examples is constant, so
that with more of the rare there is a little less of the rest. A short training with share 1 and as
many rare examples tells the share from their number.

Not testable: that entanglement falls with the share, by the paper's measure. It does fall, from
0.87 to 0.76, but from a share at which no rare feature is represented, so that 0.87 is near the
noise of random directions. Did not reproduce: once they are, it rises (0.61 to 0.76), and the
others are the more entangled, in antipodal pairs (1.0) that the rare ones break up; that is due to
these sizes, as eight features make four such pairs in four dimensions, which nothing can exceed. By
the positive part of the cosine the paper's picture appears: rare features lie above the others and
fall (by 0.24, 0.18 to 0.33). Nor is the register more linear, or easier to remove, with more of it,
in networks that have learned it from 2% of rough texts as well (0.46 after rough words, where half
is right; 0.49 from 10%): the probe's AUC is 0.92 and 0.90, and weak steering takes away 0.87 and
0.81 of the rough words. Whether it costs less is open: at an equal cost to clean texts 0.03 more is
gone with 10% (-0.01 to 0.08); with 25% 0.15 more is, which was no claim.

Tried: after 1,000 steps networks gave rough words a chance of 0.31 with 2% of rough texts and 0.45
with 10%. The probe was then better with more of them (0.79, 0.89), and removal at an equal cost
worse by 0.20: half-learned networks were compared with learned ones. They have 3,000 steps since,
and 0.4 is asked for. With 1% of rough texts a pilot's networks had not learned them. With 20 seeds
of the language what weak steering adds was open; the claim is judged with 64.

Source: Li, Chen, Viégas and Wattenberg 2025, When Bad Data Leads to Good Models (arXiv:2505.04741).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from toylab.errors import ToylabError, check_number
from toylab.losses import cross_entropy
from toylab.members import grid, seeds
from toylab.models import Autoencoder, Transformer
from toylab.optim import AdamW, cosine
from toylab.population import Population
from toylab.read.networks import entries, networks
from toylab.read.tables import long_table
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.tasks.bad_data.rare import RareFeatures
from toylab.tasks.bad_data.registers import Registers

from .claims import CLAIMS
from .scores import STRENGTHS, feature_columns, steered, texts


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Settings; ``seeds`` are those of the features, ``text_seeds`` those of the language."""

    seeds: int = 20
    n_features: int = 12
    n_hidden: int = 4
    rare: int = 4  # features whose share is varied
    density: float = 0.05  # of the others
    shares: tuple[float, ...] = (0.01, 0.03, 0.1, 0.2, 0.3, 1.0, 3.0)
    steps: int = 6_000
    batch_size: int = 256
    learning_rate: float = 3e-3
    words: int = 12
    length: int = 8
    width: int = 16
    rough: tuple[float, ...] = (0.02, 0.05, 0.1, 0.25)  # shares of rough texts
    text_seeds: int = 64
    text_steps: int = 3_000
    text_batch: int = 32
    text_rate: float = 5e-3
    judged: int = 256  # texts of each kind

    def __post_init__(self) -> None:
        for name in ("n_hidden", "steps", "batch_size", "width", "text_seeds", "text_steps"):
            check_number("bad_data", name, getattr(self, name), low=1, whole=True)
        check_number("bad_data", "text_batch", self.text_batch, low=1, whole=True)
        check_number("bad_data", "judged", self.judged, low=1, high=100_000, whole=True)
        if self.width % 2:
            raise ToylabError(f"bad_data: width = {self.width} for two heads; give an even number.")
        check_number("bad_data", "n_hidden", self.n_hidden, low=2)
        check_number("bad_data", "length", self.length, low=5, whole=True)
        for name in ("shares", "rough"):
            values = getattr(self, name)
            if len(set(values)) < len(values):
                raise ToylabError(f"bad_data: {name} = {values} names one twice.")
            for value in values:
                check_number("bad_data", name, value, above=0)
        if 1.0 not in self.shares:
            raise ToylabError(f"bad_data: shares = {self.shares}; 1 must be one of them.")

    def transformer(self) -> Transformer:
        """The network of the language."""
        sizes = {"vocab": 2 * self.words + 1, "length": self.length, "width": self.width}
        return Transformer(**sizes, depth=2, heads=2, hidden=4 * self.width, norm="layer")

    def language(self) -> Registers:
        """The language; its share differs per member."""
        return Registers(self.words, self.length)


def populations(config: Config) -> dict[str, Population]:
    """Autoencoders over shares, a short training at share 1, and transformers over shares."""
    own = seeds(config.seeds)

    def trained(shares: tuple[float, ...], steps: int) -> Population:
        return Population(
            model=Autoencoder(config.n_features, config.n_hidden),
            task=RareFeatures(config.n_features, config.rare, config.density),
            members=own * grid(share=shares),
            optimizer=AdamW(config.learning_rate, 0.0, schedule=cosine(steps)),
            steps=steps,
            batch_size=config.batch_size,
            snapshots=(0,),
        )

    language = Population(
        model=config.transformer(),
        task=config.language(),
        members=seeds(config.text_seeds) * grid(share=config.rough),
        optimizer=AdamW(
            config.text_rate, 0.01, schedule=cosine(config.text_steps, config.text_steps // 20)
        ),
        steps=config.text_steps,
        batch_size=config.text_batch,
        loss=cross_entropy,
    )
    short = trained((1.0,), max(1, config.steps // 10))
    return {"shares": trained(config.shares, config.steps), "short": short, "language": language}


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Directions of features, and what steering does to the language's networks."""
    arms = {"trained": ("shares", None), "untrained": ("shares", 0), "short": ("short", None)}
    parts = [_features(config, run, arm, *which) for arm, which in arms.items()]
    return {"features": pl.concat(parts), "steered": _steered(config, run)}


def _features(
    config: Config, run: RunFolder, arm: str, name: str, step: int | None
) -> pl.DataFrame:
    """One row per network and feature."""
    found = feature_columns(run.params(name, step)["W"])
    rows = entries(networks(run, name), "feature", **found)
    rare = pl.col("feature") >= config.n_features - config.rare
    return rows.with_columns(rare=rare, arm=pl.lit(arm))


def _steered(config: Config, run: RunFolder) -> pl.DataFrame:
    """One row per network of the language, direction and strength."""
    task = config.language()
    found: dict[str, Any] = dict(
        steered(config.transformer(), run.params("language"), task, config.judged)
    )
    auc_P = found.pop("auc")
    members = networks(run, "language").select("member", "init_seed", "share", "diverged")
    axes = {"member": members["member"].to_numpy(), "push": ("found", "random")}
    rows = long_table({**axes, "strength": STRENGTHS}, **found)
    about = members.with_columns(auc=pl.Series(auc_P), bayes=_bayes(config, members["share"]))
    return about.join(rows, on="member", maintain_order="left_right")


def _bayes(config: Config, shares: pl.Series) -> pl.Series:
    """Nats per token that the best predictor of each share loses on clean texts."""
    clean = texts(config.language(), config.judged)["clean test"]
    best = lambda share: float(Registers(config.words, config.length, share).losses(clean).mean())
    return pl.Series([best(share) for share in shares])


study = Study(
    name="bad_data",
    title="Bad data: entanglement of rare features, and how well a concept can be removed",
    paper="Li et al. 2025, When Bad Data Leads to Good Models (arXiv:2505.04741)",
    presets={
        "smoke": Config(
            seeds=2,
            shares=(0.1, 0.3, 1.0),
            steps=60,
            batch_size=32,
            words=6,
            length=6,
            width=4,
            rough=(0.1, 0.3),
            text_seeds=2,
            text_steps=20,
            text_batch=16,
            judged=16,
        ),
        "laptop": Config(),
        "paper": Config(
            seeds=40, steps=50_000, words=48, length=32, width=64, text_steps=20_000, judged=2_000
        ),
    },
    costs={
        "smoke": "560 model-steps; compiling takes most of it",
        "laptop": "850,000 model-steps of 12 features, 768,000 of a small transformer: 8 minutes",
        "paper": "14 million model-steps of 12 features, 5 million of a transformer, for one GPU",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
