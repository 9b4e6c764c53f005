"""Grokking modular addition: a circuit grows under the memorised answers, then takes over.

    toylab run grokking
    toylab run grokking --set p=59 --set operation=x-y --set fraction=0.4 --set weight_decay=2

A one-layer transformer learns a table of pairs from a part of it. It first memorises; much later
the test accuracy rises within a short time. Nanda et al. show that nothing sudden happens inside: a
trigonometric circuit grows from early on (the *restricted* loss, of its key frequencies alone,
falls), the network comes to depend on it (the *excluded* loss, without them, rises), and last the
memorised answers are cleaned away.

Source: Nanda et al. 2023 (arXiv:2301.05217). The paper preset is its setting: p = 113, width 128, 4
heads, 512 neurons, 30% of the table, AdamW with rate 1e-3, decay 1 and betas (0.9, 0.98).

Key frequencies are those of the final network, as in the paper; before them the measures say how
much of the *later* circuit is there. The control for that is a set of as many frequencies drawn at
random from the others, and the untrained network.

The laptop preset is the smallest setting tried in which every measure behaves, with p = 53, 40% of
the table, a rate of 3e-3 and a decay of 1. Width 32 with 128 neurons did for two seeds, but of the
eight of a first judged run two had not generalised after 5,000 steps, and few of their neurons had
one frequency; at width 16 one of two had not. Width 64 with 256 neurons did for two seeds, and is
judged on eight. At that width p = 37 had not generalised after 4,000 steps (the paper finds that a
smaller p needs more decay).

After a first look at two seeds the start of clean-up moved from a tenth below the peak of the test
loss to half of it: at this size the loss has a short first peak, just after memorising. No
threshold moved.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
from jax import Array

from toylab.claims import Claim, Expect
from toylab.errors import ToylabError, check_number
from toylab.losses import cross_entropy
from toylab.members import grid, zipped
from toylab.models import Transformer
from toylab.optim import AdamW
from toylab.population import Population, ladder
from toylab.runs.run_folder import RunFolder
from toylab.stats.survival import crossing_times
from toylab.study import Study
from toylab.taps import run as run_model
from toylab.tasks.grokking.fourier import (
    cosine_shares,
    excluded,
    gini,
    key_frequencies,
    loss_on,
    neuron_shares,
    restricted,
    spectrum,
)
from toylab.tasks.grokking.modular import ModularArithmetic, scores
from toylab.units import per_unit

REACHED = 0.99  # accuracy at which a set counts as learned
EXPLAINED = 0.85  # share of a neuron's variance that its best frequency explains
TABLE = "blocks/0/mlp/post"


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings. The laptop's are the smallest that were found to behave (see the docstring)."""

    seeds: int = 8
    p: int = 53
    operation: str = "x+y"
    fraction: float = 0.4
    weight_decay: float = 1.0
    learning_rate: float = 3e-3
    width: int = 64
    heads: int = 4
    hidden: int = 256
    steps: int = 6_000
    rungs: int = 40  # snapshots, half of them evenly spaced and half on a log scale

    def __post_init__(self) -> None:
        check_number("grokking", "steps", self.steps, low=2, whole=True)
        check_number("grokking", "rungs", self.rungs, low=2, whole=True)
        if self.weight_decay <= 0:
            raise ToylabError(
                f"grokking: weight_decay = {self.weight_decay}; give a positive number, as the "
                "same networks without decay are the control."
            )
        if self.p < 5:
            raise ToylabError(f"grokking: p = {self.p} has too few frequencies; give at least 5.")


def populations(config: Config) -> dict[str, Population]:
    """One population: every seed (of weights and of split) with and without weight decay."""
    task = ModularArithmetic(p=config.p, operation=config.operation, fraction=config.fraction)
    even = {round(s) for s in np.linspace(0, config.steps, config.rungs // 2 + 1)}
    seeds = zipped(init_seed=range(config.seeds), split_seed=range(config.seeds))
    model = Transformer(
        vocab=task.vocab,
        length=task.length,
        width=config.width,
        depth=1,
        heads=config.heads,
        hidden=config.hidden,
        n_out=task.n,
        read="last",
    )
    networks = Population(
        model=model,
        task=task,
        members=seeds * grid(weight_decay=dict.fromkeys((config.weight_decay, 0.0))),
        optimizer=AdamW(config.learning_rate, config.weight_decay, b2=0.98),
        steps=config.steps,
        batch_size=task.n_train,
        loss=cross_entropy,
        metrics=scores,
        record_every=max(1, config.steps // 200),
        snapshots=tuple(sorted(even | set(ladder(config.steps, config.rungs // 2)))),
    )
    return {"networks": networks}


def measure(config: Config, run: RunFolder) -> dict[str, pl.DataFrame | np.ndarray]:
    """Tabulate curves, progress measures at every snapshot, the final networks, and spectra."""
    pop = populations(config)["networks"]
    look = jax.jit(jax.vmap(lambda params, seed: inside(pop, params, seed)))
    seeds_P = pop.members["split_seed"].astype(np.uint32)
    last = look(run.params("networks"), seeds_P)
    key_PK = jax.vmap(key_frequencies)(last["neurons"])
    other_PK = others(np.asarray(key_PK))
    test = jax.jit(jax.vmap(lambda look, key, other: progress(pop, look, key, other)))
    rows, members = [], run.members("networks")
    dead = run.dead_at("networks") >= 0
    for step in run.steps("networks"):
        found = test(look(run.params("networks", step), seeds_P), key_PK, other_PK)
        columns = {n: np.where(dead, np.nan, np.asarray(v, np.float64)) for n, v in found.items()}
        rows.append(members.with_columns(pl.lit(step).alias("step"), **_series(columns)))
    table = curves(run)
    return {
        "curves": table,
        "progress": pl.concat(rows),
        "times": times(table),
        "key": np.asarray(key_PK),
        "cosines": np.asarray(last["cosines"]),
        "embedding": np.asarray(last["embedding"]),
        "embedding_untrained": np.asarray(look(run.params("networks", 0), seeds_P)["embedding"]),
        "neurons": np.asarray(last["neurons"]),
    }


def _series(columns: dict[str, np.ndarray]) -> dict[str, pl.Series]:
    return {name: pl.Series(values) for name, values in columns.items()}


def inside(pop: Population, params: Any, split_seed: Array) -> dict[str, Array]:
    """Run one member over the whole table: logits, and what frequencies hold of each part."""
    task = dataclasses.replace(pop.task, split_seed=split_seed)  # pyright: ignore
    whole = task.enumerate()
    x, y = whole.latents["x"], whole.latents["y"]
    logits, acts = run_model(pop.model, params, whole.inputs, record=(TABLE,))
    output_CF = (params["blocks"]["0"]["mlp"]["down"]["kernel"] @ params["unembed"]["kernel"]).T
    return {
        "logits": logits,
        "train": whole.latents["train"],
        "neurons": neuron_shares(acts[TABLE][:, 0], x, y, task.p),
        "cosines": cosine_shares(logits, whole.targets),
        "embedding": spectrum(params["embed"]["embedding"][: task.p]),
        "output": spectrum(output_CF),
        "squares": sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params)),
    }


def progress(
    pop: Population, look: dict[str, Array], key_K: Array, other_K: Array
) -> dict[str, Array]:
    """The progress measures of one member, and what they give for other frequencies."""
    answers = np.asarray(pop.task.table()[1])  # pyright: ignore
    logits, train = look["logits"], look["train"]
    every = jnp.ones(len(answers), bool)
    only, without = restricted(logits, answers, key_K), excluded(logits, answers, key_K)
    without_others = excluded(logits, answers, other_K)
    return {
        "train_loss": loss_on(logits, answers, train),
        "test_loss": loss_on(logits, answers, ~train),
        "restricted": loss_on(only, answers, every),
        "restricted_others": loss_on(restricted(logits, answers, other_K), answers, every),
        "excluded": loss_on(without, answers, train),
        "excluded_others": loss_on(without_others, answers, train),
        "test_only": loss_on(only, answers, ~train),
        "test_without": loss_on(without, answers, ~train),
        "test_without_others": loss_on(without_others, answers, ~train),
        "cosine_share": jnp.sum(jnp.where(key_K, look["cosines"], 0.0)),
        "neuron_share": jnp.mean((jnp.max(look["neurons"], -1) > EXPLAINED).astype(jnp.float32)),
        "gini_embedding": gini(look["embedding"]),
        "gini_output": gini(look["output"]),
        "squares": look["squares"],
        "n_key": jnp.sum(key_K.astype(jnp.float32)),
        "uniform": jnp.float32(pop.task.uniform_loss()),
    }


def others(key_PK: np.ndarray) -> np.ndarray:
    """As many frequencies per member as are key, drawn from those that are not (the control)."""
    rng = np.random.default_rng(0)
    chosen = np.zeros_like(key_PK)
    for row, keys in zip(chosen, key_PK, strict=True):
        rest = np.flatnonzero(~keys)
        row[rng.choice(rest, min(int(keys.sum()), len(rest)), replace=False)] = True
    return chosen


def curves(run: RunFolder) -> pl.DataFrame:
    """Losses and accuracies at every record: members' columns, step, and one column per score."""
    wide = run.metrics().pivot("name", index=["member", "step"], values="value")
    return run.members("networks").join(wide, on="member").sort("member", "step")


def times(table: pl.DataFrame) -> pl.DataFrame:
    """When each member memorised, began to clean up and generalised; the last seen if it did not.

    Memorised and generalised: accuracy of 99% on training and test set. Clean-up begins when the
    test loss has fallen to half of its peak.

    Args:
        table: as :func:`curves` gives it.
    """
    rows = []
    for (member,), one in table.group_by("member", maintain_order=True):
        step = one["step"].to_numpy()
        found: dict[str, Any] = {n: one[n][0] for n in ("init_seed", "weight_decay")}
        found |= {"member": member}
        for name, column in (("memorised", "train_accuracy"), ("generalised", "test_accuracy")):
            time, event = crossing_times(step, one[column].to_numpy()[None], REACHED)
            found |= {name: float(time[0]), f"has_{name}": bool(event[0])}
        loss = one["test_loss"].to_numpy()
        peak = int(np.nanargmax(loss))
        fallen = np.flatnonzero(loss[peak:] < 0.5 * loss[peak])
        found["cleanup"] = float(step[peak + fallen[0]]) if len(fallen) else float(step[-1])
        rows.append(found)
    return pl.DataFrame(rows)


def decayed(table: pl.DataFrame) -> pl.DataFrame:
    """Rows of the members with weight decay."""
    return table.filter(pl.col("weight_decay") > 0)


def final(m: Any) -> pl.DataFrame:
    """The networks with decay at the last snapshot."""
    return decayed(m["progress"]).filter(pl.col("step") == pl.col("step").max())


def first(m: Any) -> pl.DataFrame:
    """The same networks, untrained."""
    return decayed(m["progress"]).filter(pl.col("step") == 0)


def last_value(m: Any, value: pl.Expr) -> np.ndarray:
    """One final value per seed."""
    return per_unit(final(m), value.first())


def share_of_delay(m: Any, when: pl.Expr) -> np.ndarray:
    """Step of a snapshot, as a share of the step at which the seed generalised."""
    steps = per_unit(decayed(m["progress"]).sort("step"), when.first().cast(pl.Float64))
    return steps / per_unit(decayed(m["times"]), pl.col("generalised").first())


def below(column: str, level: pl.Expr) -> pl.Expr:
    """First step at which a column is below a level; the last step if it never is."""
    fallen = pl.col("step").filter(pl.col(column) < level)
    return pl.coalesce(fallen.first(), pl.col("step").max())


def faster_cleanup(m: Any) -> np.ndarray:
    """Fall of the log of the sum of squares per 1000 steps: in clean-up less before it."""
    out = []
    times = decayed(m["times"]).sort("init_seed")
    for row in times.iter_rows(named=True):
        table = m["progress"].filter(pl.col("member") == row["member"]).sort("step")
        log = np.log(table["squares"].to_numpy())
        at = lambda step, table=table, log=log: np.interp(step, table["step"].to_numpy(), log)
        stages = (row["memorised"], row["cleanup"], row["generalised"])
        spans = np.diff(stages)
        rates = -np.diff([at(s) for s in stages]) / np.where(spans > 0, spans, np.nan) * 1000
        out.append(rates[1] - rates[0])
    return np.array(out)


CURVES, FINAL, FIGURE7 = "sections 3 and 5.1", "section 4", "section 5.2, figure 7"

CLAIMS = (
    Claim(
        key="memorises_first",
        text="The training set is learned long before the test set: ratio of the steps at which "
        "each is 99% right (a seed that never generalises counts with the run's length).",
        source=CURVES,
        paper=10.0,
        measure=lambda m: per_unit(
            decayed(m["times"]), (pl.col("generalised") / pl.col("memorised")).first()
        ),
        expect=Expect.above(5),
    ),
    Claim(
        key="all_generalise",
        text="Every seed generalises within the run: test accuracy at its end.",
        source=CURVES,
        paper=1.0,
        measure=lambda m: per_unit(
            decayed(m["curves"]).sort("step"), pl.col("test_accuracy").last()
        ),
        expect=Expect.above(REACHED),
    ),
    Claim(
        key="decay_is_needed",
        text="Without weight decay the same seeds do not generalise: test accuracy at the end.",
        source="appendix D.1",
        measure=lambda m: per_unit(
            m["curves"].filter(pl.col("weight_decay") == 0).sort("step"),
            pl.col("test_accuracy").last(),
        ),
        expect=Expect.below(0.95),
    ),
    Claim(
        key="restricted_loss_leads",
        text="The circuit grows before it shows: the restricted loss is below half that of a "
        "uniform guess at less than 0.9 of the steps to generalisation.",
        source=FIGURE7,
        measure=lambda m: share_of_delay(m, below("restricted", pl.col("uniform") / 2)),
        expect=Expect.below(0.9),
    ),
    Claim(
        key="excluded_loss_rises",
        text="In the end the network needs the key frequencies for the training set too: excluded "
        "loss, in nats.",
        source=FIGURE7,
        measure=lambda m: last_value(m, pl.col("excluded")),
        expect=Expect.above(1.0),
    ),
    Claim(
        key="excluded_loss_turns_early",
        text="The excluded loss is lowest before half of the steps to generalisation.",
        source=FIGURE7,
        measure=lambda m: share_of_delay(m, pl.col("step").get(pl.col("excluded").arg_min())),
        expect=Expect.below(0.5),
    ),
    Claim(
        key="weights_fall_in_cleanup",
        text="The sum of squared weights falls faster in clean-up than before it (difference of "
        "the rates of its logarithm, per 1,000 steps).",
        source=FIGURE7,
        measure=faster_cleanup,
        expect=Expect.above(0),
    ),
    Claim(
        key="gini_rises",
        text="The embedding becomes sparse over frequencies: Gini coefficient, final less initial.",
        source=FIGURE7,
        measure=lambda m: (
            last_value(m, pl.col("gini_embedding"))
            - per_unit(first(m), pl.col("gini_embedding").first())
        ),
        expect=Expect.above(0.2),
    ),
    Claim(
        key="few_frequencies",
        text="The final network has 2 to 7 key frequencies.",
        source=FINAL,
        paper=5.0,
        measure=lambda m: last_value(m, pl.col("n_key")),
        expect=Expect.between(2, 7),
    ),
    Claim(
        key="neurons_have_one_frequency",
        text="Share of neurons of whose variance one frequency explains 85%, less that share in "
        "the untrained network.",
        source=FINAL,
        paper=0.846,
        measure=lambda m: (
            last_value(m, pl.col("neuron_share"))
            - per_unit(first(m), pl.col("neuron_share").first())
        ),
        expect=Expect.above(0.8),
    ),
    Claim(
        key="logits_are_cosines",
        text="Share of the logits' variance that cos(w(r - c)) of the key frequencies explains, "
        "with r the right answer and c the class.",
        source=FINAL,
        paper=0.95,
        measure=lambda m: last_value(m, pl.col("cosine_share")),
        expect=Expect.above(0.9),
    ),
    Claim(
        key="key_frequencies_needed",
        text="Without the key frequencies the test loss is near that of a uniform guess or above "
        "it (ratio).",
        source=FINAL,
        measure=lambda m: last_value(m, pl.col("test_without") / pl.col("uniform")),
        expect=Expect.above(0.9),
    ),
    Claim(
        key="key_frequencies_suffice",
        text="With only the key frequencies the test loss is no greater than the network's own "
        "(ratio).",
        source=FINAL,
        paper=0.3,
        measure=lambda m: last_value(m, pl.col("test_only") / pl.col("test_loss")),
        expect=Expect.below(1.05),
    ),
    Claim(
        key="other_frequencies_idle",
        text="Removing as many other frequencies moves the test loss less than a hundredth as far "
        "as removing the key ones (ratio of the changes).",
        source=FINAL,
        measure=lambda m: last_value(
            m,
            (pl.col("test_without_others") - pl.col("test_loss")).abs()
            / (pl.col("test_without") - pl.col("test_loss")).abs(),
        ),
        expect=Expect.below(0.01),
    ),
)

study = Study(
    name="grokking",
    title="Grokking: a circuit grows under the memorised answers, then takes over",
    paper="Nanda et al. 2023, Progress measures for grokking (arXiv:2301.05217)",
    presets={
        "smoke": Config(
            seeds=2, p=13, fraction=0.5, width=16, heads=2, hidden=32, steps=200, rungs=6
        ),
        "laptop": Config(),
        "paper": Config(
            seeds=16,
            p=113,
            fraction=0.3,
            learning_rate=1e-3,
            width=128,
            hidden=512,
            steps=40_000,
            rungs=60,
        ),
    },
    costs={
        "smoke": "800 model-steps; compiling takes most of it",
        "laptop": "96,000 model-steps of 0.5 GFLOP, 48 TFLOP",
        "paper": "1.3 million model-steps of 7 GFLOP, 9 PFLOP; not run yet",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
