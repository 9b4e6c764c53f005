"""Multiplication: what standard training misses, with a running sum or a chain to learn it by.

    toylab run multiplication

Digits of a product, least significant first, hinge on digits far away. Bai et al. find that
standard training of transformers learns the outer digits and never the middle ones, that an
auxiliary loss which asks heads for the running sum gets nearly all right, and so does implicit
chain of thought, where the steps of long multiplication are removed one by one. Here are the three
arms, and two arms more whose heads are asked for something else.

The smallest setting with a plateau that lasts has three digits in base 3, 729 pairs, of which 580
are trained on. But the plateau is another one than the paper's. Standard training knows all
training pairs by 1,300 steps, when nothing is left to learn from, and less than half of the unseen
ones (46% at the end): what it misses is the rule of the middle digits, not their fit. The auxiliary
loss makes the rule the easier way.

What is done otherwise: the paper has four digits in base 10. Pairs may begin with zeros, the chain
has no plus signs and brackets, a stage removes four tokens of it, sums are scaled to [-1, 1], and
all arms have the same model. Bases 2 and 3 have one frequency at most, so that waves are judged on
two digits of base 8, by standard training. The law of guessing is that of the whole set of pairs.

Left open: middle digits at the level of a guess (0.09 above it, 0.06 to 0.14, where 0.1 is allowed;
0.20 where products count that copy a factor, a quarter of these short ones), and 90% by the
auxiliary loss (87% to 92% in the mean). Did not reproduce: a plateau of training pairs, and
implicit chain of thought, which ends at 58%: right are 97% with the whole chain of 20 tokens, 99%
with 16, 98% with 12, 65% with 8, 55% with 4, and training pairs are memorised again. Embeddings
have no frequency that stands out of its null (0.34, 0.33). First-layer heads do not keep to the
digits that matter (52%), nor to one pair (68%). The second layer needs the factors (0.56 of
accuracy) more than lower steps (0.31), though these matter in successful networks alone (0.02 by
standard training). Reliance on digits agrees with theory at 0.79, but at 0.72 by standard training
too, which confounds it.

Tried: on pilots of one or two seeds at 64 to 128 examples and a rate of 3e-3, exact match on unseen
pairs. Two digits: base 10 (8,000 pairs) is at 0.46 after 1,500 steps and rises, with an auxiliary
loss of weight 100 at 0.29; base 8 (3,000) at 0.75 after 2,500 steps, with one at 0.48; base 6
(1,000) stays at 0.4, with weight 30 one seed gets to 0.8, another stays. Three digits of base 4
(3,276): 0.31 after 2,000 steps and rising, with weight 100 0.53. Six digits of base 2 (3,276): 0.40
after 1,500 steps and rising. In base 3 weights of 3, 10, 30 and 100 end at 0.61, 0.73, 0.86 and
0.94 (widths of 32 and 48). With a weight decay of 1 in place of 0.1 there is no plateau: standard
training is at 0.68 after 2,000 steps and rises. Stages of 200 steps that remove three tokens are
too short; with 429 steps for four, judged first, 94.97% were right with the whole chain, where 95%
are asked for, and 47% without: the stages were then made twice as long.

Source: Bai et al. 2025 (arXiv:2510.00184), with their code; the chain's removal is that of Deng et
al. 2024 (arXiv:2405.14838).
"""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jax
import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from toylab.analysis.geometry.frequencies import strongest_frequency
from toylab.errors import check_counts, check_number
from toylab.losses import cross_entropy
from toylab.members import Members, seeds, zipped
from toylab.models.toys.regressing import Regressing
from toylab.optim import AdamW, cosine
from toylab.population import Population
from toylab.read.tables import Axes, labelled, long_table, stacked
from toylab.runs.run_folder import RunFolder
from toylab.stats.ranks import rank_correlation
from toylab.study import Study
from toylab.task import Batch
from toylab.tasks.multiplication.auxiliary import KINDS, Auxiliary
from toylab.tasks.multiplication.digits import chain_length
from toylab.tasks.multiplication.exams import copied, needed
from toylab.tasks.multiplication.multiplication import Multiplication
from toylab.train.fast_compile import compute

from . import looks
from .claims import CLAIMS

JUDGED = 31  # seed of the pairs that are judged, and of what is put in a digit's place
SEVERAL = 4_000  # pairs of an exam, at most
FEW = 500  # pairs that networks are looked into with
STRIDE = 100_000  # between the data seeds of stages


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Settings; arms without a chain are one population, every stage of the chain is another."""

    seeds: int = 8
    digits: int = 3
    base: int = 3
    train_pairs: int = 580  # of 729
    leading_zeros: bool = True
    width: int = 48
    hidden: int = 192
    heads: int = 4
    steps: int = 1_600
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 0.1
    auxiliary: float = 100.0  # weight of the heads' squared error
    chain_steps: int = 6_000  # of all stages together
    removed: int = 4  # tokens of the chain that a stage removes
    smoothing: float = 4.0
    snapshots: int = 16  # evenly spaced
    wide_base: int = 8  # of a second world, of two digits, for the frequencies
    wide_pairs: int = 3_000  # of 4,096
    wide_width: int = 48
    wide_steps: int = 2_000

    def __post_init__(self) -> None:
        check_counts("multiplication", self, "seeds", "steps", "chain_steps", "snapshots")
        check_counts("multiplication", self, "digits", low=2)
        check_counts("multiplication", self, "removed", high=chain_length(self.digits))
        check_number("multiplication", "auxiliary", self.auxiliary, low=0)

    def task(self, kept: int = 0) -> Multiplication:
        """The world, with so many tokens of the chain."""
        how = {"leading_zeros": self.leading_zeros, "smoothing": self.smoothing}
        return Multiplication(self.digits, self.base, self.train_pairs, kept=kept, **how)

    def wide(self) -> Multiplication:
        """The second world."""
        return Multiplication(2, self.wide_base, self.wide_pairs)

    def model(self, arm: str = "standard") -> Regressing:
        """Two layers; with positions for the whole chain in the arm that has one."""
        task = self.wide() if arm == "wide" else self.task()
        width = self.wide_width if arm == "wide" else self.width
        length = task.length + (chain_length(self.digits) if arm == "chain" else 0)
        hidden = self.hidden * width // self.width
        sizes = (task.vocab, length, width, 2, self.heads)
        return Regressing(*sizes, hidden=hidden, norm="layer", biases=True)

    def stages(self) -> list[tuple[str, int, int]]:
        """Name, tokens kept and steps of each stage; the last, without chain, is twice as long."""
        kept = [*range(chain_length(self.digits), 0, -self.removed), 0]
        ends = np.linspace(0, self.chain_steps, len(kept) + 2).round().astype(int)
        ends = np.append(ends[:-2], self.chain_steps)
        return [(f"chain {k}", k, int(n)) for k, n in zip(kept, np.diff(ends), strict=True)]


ARMS = ("standard", "auxiliary", "shuffled", "digits", "chain")


def populations(config: Config) -> dict[str, Population]:
    """Networks without a chain, by what their heads are asked; then the stages of the chain."""
    own, seed = functools.partial(_population, config), list(range(config.seeds))
    weights = np.repeat([0.0, *[config.auxiliary] * len(KINDS)], config.seeds)
    kinds = np.repeat([0, *range(len(KINDS))], config.seeds)
    bare = zipped(init_seed=seed * 4, data_seed=seed * 4, weight=weights, kind=kinds)
    task, loss, every = config.task(), Auxiliary(config.task()), config.steps // config.snapshots
    kept = tuple(range(0, config.steps + 1, max(1, every)))
    found = {"bare": own("bare", task, bare, config.steps, loss=loss, snapshots=kept)}
    before = ""
    for name, kept, steps in config.stages():
        # A stage draws batches by its steps, which begin at 0, so each has seeds of its own.
        members = zipped(init_seed=seed, data_seed=[s + STRIDE * kept for s in seed])
        more = {"snapshots": (steps // 2, steps), "start": before, "floor": 1.0 if kept else 0.1}
        found[name] = own("chain", config.task(kept), members, steps, **more)
        before = name
    found["wide"] = own("wide", config.wide(), seeds(config.seeds), config.wide_steps)
    return found


def _population(
    config: Config, arm: str, task: Multiplication, members: Members, steps: int, **more: Any
) -> Population:
    """A rate that warms up over a twentieth of the steps and falls to ``floor``."""
    shape = cosine(steps, warmup=steps // 20, floor=more.pop("floor", 0.1))
    optimizer = AdamW(config.learning_rate, config.weight_decay, b2=0.98, schedule=shape)
    common = {"model": config.model(arm), "loss": cross_entropy, "batch_size": config.batch_size}
    how = {"task": task, "members": members, "optimizer": optimizer, "steps": steps}
    return Population(**common | how | more)


@dataclasses.dataclass(frozen=True)
class Look:
    """Networks of an arm at a step, where steps of the chain's stages add up.

    ``task`` has as much of the chain as they were trained on; ``lost_P`` have diverged by the end.
    """

    arm: str
    step: int
    task: Multiplication
    params_P: Any
    lost_P: np.ndarray
    last: bool

    def table(self, axes: Axes, /, **columns: ArrayLike) -> pl.DataFrame:
        """A row per network, and per entry along further axes."""
        shape = np.shape(next(iter(columns.values())))
        lost = np.broadcast_to(self.lost_P.reshape(-1, *[1] * len(axes)), shape)
        found = long_table({"init_seed": None, **axes}, diverged=lost)
        found = found.with_columns(**{name: np.ravel(own) for name, own in columns.items()})
        return labelled(found, arm=self.arm, step=self.step, kept=self.task.kept)


def arms(config: Config, run: RunFolder) -> Iterator[Look]:
    """Yield the networks of every arm, step by step."""
    lost_P = run.dead_at("bare") >= 0
    for step in run.steps("bare"):
        params = run.params("bare", step)
        for i, arm in enumerate(ARMS[:-1]):
            own = slice(i * config.seeds, (i + 1) * config.seeds)
            chosen = jax.tree.map(lambda leaf, own=own: leaf[own], params)
            yield Look(arm, step, config.task(), chosen, lost_P[own], step == config.steps)
    lost_P = np.any([run.dead_at(name) >= 0 for name, _, _ in config.stages()], 0)
    before = 0
    for name, kept, steps in config.stages():
        for step in run.steps(name):
            about = before + step, config.task(kept), run.params(name, step), lost_P
            yield Look("chain", *about, not kept and step == steps)
        before += steps
    lost_P = run.dead_at("wide") >= 0
    yield Look("wide", config.wide_steps, config.wide(), run.params("wide"), lost_P, True)


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Answers over training; probes, attention, frequencies and reliance at the end."""
    return tabled(config, arms(config, run))


def tabled(config: Config, networks: Iterable[Look]) -> dict[str, pl.DataFrame | np.ndarray]:
    """Tables of all that is measured of networks."""
    parts = []
    for look in networks:
        parts.append(answers(config, look))
        if look.last:
            parts.append({"frequencies": frequencies(look)})
        if look.arm != "wide" and (look.last or look.step == 0):
            parts.append({"probes": probes(config, look)})
        if look.arm != "wide" and look.last:
            parts.append(inside(config, look))
    laws = {"guessable": needed(config.task()), "guessed": needed(config.task(), copies=False)[-1]}
    return stacked(parts) | laws


@functools.lru_cache(maxsize=16)
def exam(task: Multiplication) -> tuple[Batch, int]:
    """Pairs that training does not show, and how many they are; then pairs that it does."""
    unseen, seen = task.unseen(SEVERAL, JUDGED), [x[:SEVERAL] for x in task.pairs()]
    both = [np.concatenate(own) for own in zip(unseen, seen, strict=True)]
    return jax.device_get(compute(task.spelled, *both)), len(unseen[0])


def answers(config: Config, look: Look) -> dict[str, pl.DataFrame]:
    """Exact matches, and each digit's accuracy, with the chain that a stage has left."""
    batch, unseen = exam(look.task)
    right_PBK = np.asarray(looks.right(config.model(look.arm), look.task, look.params_P, batch))
    parts = {"unseen": right_PBK[:, :unseen], "seen": right_PBK[:, unseen:]}
    whole = {name: own_PBK.min(-1).mean(1) for name, own_PBK in parts.items()}
    by_digit = {name: own_PBK.mean(1) for name, own_PBK in parts.items()}
    a_B, b_B = look.task.unseen(SEVERAL, JUDGED)
    by_digit["reckoned"] = right_PBK[:, :unseen][:, ~copied(a_B, b_B, look.task.base)].mean(1)
    return {"exact": look.table({}, **whole), "digits": look.table({"digit": None}, **by_digit)}


def probes(config: Config, look: Look) -> pl.DataFrame:
    """Errors of probes of the running sum, of the networks as they start and as they end."""
    model, (batch, unseen) = config.model(look.arm), exam(look.task)
    error_PK = looks.probe_errors(model, look.task, look.params_P, batch, unseen)
    return look.table({"digit": None}, error=error_PK)


def frequencies(look: Look) -> pl.DataFrame:
    """The strongest frequency of digits' embeddings, and its null."""
    embed_PVD = np.asarray(look.params_P["embed"]["embedding"])[:, : look.task.base]
    share, null = np.array([strongest_frequency(own, JUDGED) for own in embed_PVD]).T
    return look.table({}, share=share, null=null)


def inside(config: Config, look: Look) -> dict[str, pl.DataFrame]:
    """Attention, closed attention and reliance of trained networks."""
    task, (batch, unseen) = look.task, exam(look.task)
    few = jax.tree.map(lambda leaf: leaf[: min(FEW, unseen)], batch)
    args = config.model(look.arm), task, look.params_P, few
    reliance_PIK = looks.reliance(*args, JUDGED)
    agreement_P = [rank_correlation(own, 1 - needed(task)[:-1]) for own in reliance_PIK]
    places = {"layer": None, "what": tuple(looks.CLOSED), "digit": looks.middle(task)}
    return {
        "attention": look.table({"layer": None, "digit": None}, **looks.attention(*args)),
        "closed": look.table(places, lost=looks.closed(*args)),
        "ends": look.table({}, agreement=agreement_P),
        "reliance": look.table({"operand": None, "digit": None}, drop=reliance_PIK),
    }


SMALL: Mapping[str, Any] = {"width": 8, "hidden": 8, "wide_width": 8, "batch_size": 8}
BRIEF: Mapping[str, Any] = {"steps": 20, "chain_steps": 15, "wide_steps": 5, "snapshots": 2}
PAPER: Mapping[str, Any] = {"digits": 4, "base": 10, "train_pairs": 808_000, "leading_zeros": False}
WIDE: Mapping[str, Any] = {"width": 768, "hidden": 3_072, "wide_width": 768, "batch_size": 2_048}
LONG: Mapping[str, Any] = {"steps": 60_000, "chain_steps": 60_000, "learning_rate": 3e-4}

study = Study(
    name="multiplication",
    title="Multiplication: digits that standard training misses, and two ways to learn them",
    paper="Bai et al. 2025, Why Can't Transformers Learn Multiplication? (arXiv:2510.00184)",
    presets={
        "smoke": Config(seeds=2, removed=20, **SMALL, **BRIEF),
        "laptop": Config(),
        # The weight of the auxiliary loss is less than that of sums that are not scaled.
        "paper": Config(removed=1, auxiliary=1_000.0, wide_base=10, **PAPER, **WIDE, **LONG),
    },
    costs={
        "smoke": "200 model-steps; compiling takes most of it",
        "laptop": "115,000 model-steps of 0.15 to 0.4 GFLOP: 7 minutes; measures: 1",
        "paper": "2,400,000 model-steps of 3,000 to 8,000 GFLOP, for GPUs",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
