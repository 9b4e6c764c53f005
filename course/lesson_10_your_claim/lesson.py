# %% [markdown]
# # Your own claim
#
# *Lesson 10, 90 minutes. You need: the lessons before, above all the third. You will train 32
# networks, and then 32 more.*
#
# A network sees ten bits and must say whether an odd number of the first three are -1. A model
# without a hidden layer cannot do that, people say. Can you make that a sentence which an
# outsider could prove wrong?

# %%
import dataclasses

import jax
import matplotlib.pyplot as plt
import numpy as np
import polars as pl

import toylab as tl
from toylab.course.lesson_10_your_claim.checks import check
from toylab.teach import slider

tl.setup()


@dataclasses.dataclass(frozen=True)
class Parity(tl.Task):
    """Bits of +1 and -1; the label is 1 where the first ``k`` of them multiply to -1."""

    bits: int = 10
    k: int = 3

    def example(self, key):
        bits_N = jax.random.rademacher(key, (self.bits,), "float32")
        odd = (bits_N[: self.k].prod() < 0).astype("int32")
        return tl.Batch(bits_N, odd, jax.numpy.float32(1), {"odd": odd})


def train(first_seed=0):
    """Losses on fresh examples of 16 networks with a hidden layer and 16 without."""
    ends, curves = [], {}
    for name, sizes in (("hidden", (10, 64, 2)), ("linear", (10, 2))):
        population = tl.Population(
            model=tl.MLP(sizes),
            task=Parity(),
            members=tl.seeds(16),
            loss=tl.cross_entropy,
            optimizer=tl.AdamW(3e-3, 0.1),
            steps=2000,
            batch_size=128,
            first_seed=first_seed,
        )
        trained = tl.fit(population)
        fresh = Parity().batch(jax.random.key(77), 4096)
        loss = jax.vmap(tl.cross_entropy, (None, 0, None))(population.model, trained.params, fresh)
        rows = {"population": name, "init_seed": np.arange(16), "loss": np.asarray(loss.mean(1))}
        ends.append(pl.DataFrame(rows))
        curves[name] = trained.records
    return {"ends": pl.concat(ends)}, curves


measures, curves = train()


def show(network):
    plt.figure(figsize=(4, 2.2))
    for name, records in curves.items():
        plt.plot(records["step"], records["loss"][:, network], label=name)
    plt.xlabel("step")
    plt.ylabel("loss (nats)")
    plt.legend()
    plt.show()


slider(show, range(16), "seed")

# %% [markdown]
# ## A world has a truth of its own
#
# The task's label is made with a product. A world of the laboratory also says what is true *by
# another way*, so that a mistake in one of them shows. Write `odd(bits, k)` for bits (B, N) of +1
# and -1: 1 where an odd number of the first k are -1, else 0, without a product.


# %%
def odd(bits, k):
    # <solution>
    return (np.asarray(bits)[:, :k] < 0).sum(1) % 2
    # </solution>
    # student: return ...


check("odd", odd)

# %% [markdown]
# ## A reading: one number per seed
#
# `measures["ends"]` is a table with columns population, init_seed and loss. With `.value(column)` a
# filtered table becomes a *reading*, one number per seed, and one can calculate with readings. Make
# one of how much lower the loss is with a hidden layer than without: positive where the hidden
# layer is better.

# %%
hidden, linear = (tl.table("ends").filter(population=name) for name in ("hidden", "linear"))
# <solution>
gain = linear.value("loss") - hidden.value("loss")
# </solution>
# student: gain = ...
check("reading", gain)

# %% [markdown]
# ## The claim
#
# Write it before you look at the numbers, as a `tl.Claim` (`help(tl.Claim)` says what it takes). It
# needs a region that a network which learned nothing would miss, a phrase on where that region
# comes from (its *bar*, which begins with "paper: ", "theory: ", "control: " or "ours: "), and a
# *control*: the linear model must not do as well, or the bits were easy and the hidden layer has
# nothing to do with it.
#
# The check tries your claim on three made-up runs: one in which the network learns, one in which
# it learns nothing, one in which the linear model learns too.

# %%
# <solution>
claim = tl.Claim(
    "hidden_layer",
    "With a hidden layer the loss on fresh examples is at least 0.6 nats lower.",
    "this course",
    gain,
    tl.Expect.above(0.6),
    bar="theory: a guess costs ln 2 = 0.69 nats more than knowing; 0.6 is most of it",
    control=(tl.Condition("no linear model", linear.value("loss"), tl.Expect.above(0.6)),),
)
# </solution>
# student: claim = ...
check("claim", claim)

# %% [markdown]
# ## The verdict
#
# Judge your claim on the `measures` of the sixteen seeds with `tl.judge_all`, and take its verdict.

# %%
# <solution>
verdict = tl.judge_all([claim], measures)[0]
print(verdict.verdict, verdict.estimate, (verdict.low, verdict.high))
# </solution>
# student: verdict = ...
check("verdict", verdict, claim=claim, measures=measures)

# %% [markdown]
# ## A peer with other seeds
#
# A stranger repeats your run with seeds from 1,000 on; `again` has the measures. Judge your claim
# on them too: `fresh` is that verdict. Does the fresh estimate lie inside the interval that you
# published? `holds` is True or False.

# %%
again, _ = train(first_seed=1000)
# <solution>
fresh = tl.judge_all([claim], again)[0]
holds = verdict.low <= fresh.estimate <= verdict.high
# </solution>
# student: fresh = ...
# student: holds = ...
check("holds", holds, published=verdict, fresh=fresh)

# %% [markdown]
# ## Make it a study
#
# In a terminal, `toylab new my_parity` writes all of this into one file that runs as it stands:
# world, populations, measures, claims, a figure. `toylab run my_parity.py` gives the table of
# verdicts, and `toylab run my_parity.py --first-seed 1000` is what your peer types.
#
# ## Further
#
# *Stretch.* Take k = 4 and find out whether 2,000 steps are enough. A claim about networks that
# have not learned their task says nothing: add what must hold first with `requires=`, and see
# what the verdict becomes.
#
# *Reading.* Barak et al. 2022, Hidden Progress in Deep Learning; Open Science Collaboration 2015,
# Estimating the Reproducibility of Psychological Science.
