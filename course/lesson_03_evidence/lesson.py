# %% [markdown]
# # What five seeds can say
#
# *Lesson 3, 60 minutes. You need: means and standard deviations. You will train 64 networks.*
#
# A paper shows a network that found a pentagon. Would yours? Train one network 64 times, with
# nothing different but the seed, which draws the initial weights and the training examples.

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

import toylab as tl
from toylab.course.lesson_03_evidence.checks import check
from toylab.tasks.superposition.superposition import Sparse
from toylab.teach import slider

tl.setup()
trained = tl.fit(
    tl.Population(
        model=tl.Autoencoder(n_features=6, n_hidden=2),
        task=Sparse(6, density=0.02),
        members=tl.seeds(64),
        optimizer=tl.AdamW(learning_rate=3e-3, weight_decay=0.0),
        steps=3000,
        batch_size=512,
        record_every=3000,
    )
)
W, b = (np.asarray(trained.params[name]) for name in "Wb")  # (network, 2, 6), (network, 6)
values = (np.arange(50) + 0.5) / 50
x = values[:, None, None] * np.eye(6)  # one feature on: (value, which, feature)
seen = np.einsum("vwf,pmf->pvwm", x, W)
out = np.maximum(np.einsum("pvwm,pmf->pvwf", seen, W) + b[:, None, None], 0)
loss = ((out - x) ** 2).sum(-1).mean((1, 2))  # of each network, exact for one feature at a time
order = loss.argsort()

_, axes = plt.subplots(2, 8, figsize=(9, 2.4))
for ax, network in zip(axes.flat, order[:: len(order) // 16], strict=False):
    for tip in W[network].T:
        ax.plot([0, tip[0]], [0, tip[1]], color="C0", lw=1)
    ax.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), xticks=[], yticks=[], aspect="equal")
    ax.set_title(f"{loss[network]:.3f}", fontsize=8)
plt.show()

# %% [markdown]
# Sixteen of the 64 networks, the best first, each with its loss. They had the same task, the same
# learning rate, the same number of steps. Nothing crashed; they ended in different places. Whoever
# had trained *one* would have drawn one of these pictures and believed it.
#
# What share of the networks comes within 5% of the best loss?

# %%
# <solution>
share = (loss <= 1.05 * loss.min()).mean()
# </solution>
# student: share = ...
check("share", share, loss=loss)

# %% [markdown]
# ## An interval
#
# With a few seeds we estimate a mean over all seeds there could be. Student's interval reaches
# equally far to both sides of the mean of $n$ values: some number of standard errors, which the t
# distribution with $n - 1$ degrees of freedom gives (`stats.t`). Write `interval(values)`: the two
# ends of the 95% interval for the mean, as an array.


# %%
def interval(values):
    # <solution>
    n = len(values)
    half = stats.t.ppf(0.975, n - 1) * np.std(values, ddof=1) / np.sqrt(n)
    return np.array([np.mean(values) - half, np.mean(values) + half])
    # </solution>
    # student: return ...


check("interval", interval)


def show(n):
    rng = np.random.default_rng(n)
    plt.figure(figsize=(5, 1.8))
    plt.axhline(loss.mean(), color="k", lw=0.8)
    for place in range(30):
        drawn = rng.choice(loss, n)
        middle, half = drawn.mean(), stats.sem(drawn) * stats.t.ppf(0.975, n - 1)
        hit = abs(middle - loss.mean()) <= half
        plt.errorbar(place, middle, half, fmt=".", color="C0" if hit else "C3")
    plt.title(f"30 studies of {n} seeds; red: the interval misses the mean of all")
    plt.show()


slider(show, (5, 8, 16, 32), "seeds")

# %% [markdown]
# ## What five successes leave open
#
# Suppose that a method fails on one seed in five. How likely is it that five seeds all succeed?

# %%
# <solution>
lucky = 0.8**5
# </solution>
# student: lucky = ...
check("lucky", lucky)

# %% [markdown]
# The other way around: five of five succeeded. Which success rates are compatible with that? Give
# the lower end of the exact 95% interval, the rate that would show five of five in only 2.5% of
# studies.

# %%
# <solution>
all_five = 0.025 ** (1 / 5)
# </solution>
# student: all_five = ...
check("all_five", all_five)

# %% [markdown]
# How many seeds does it take until a failure rate of one in five goes unseen in less than 5% of
# studies?

# %%
# <solution>
enough = int(np.ceil(np.log(0.05) / np.log(0.8)))
# </solution>
# student: enough = ...
check("enough", enough)

# %% [markdown]
# ## A verdict, not a picture
#
# A claim says where a number must lie *before* the run: "the mean is at least `bar`". Write
# `verdict(low, high, bar)` for an interval from `low` to `high`. Its three answers are
# `"reproduced"`, `"not reproduced"` and `"inconclusive"`.


# %%
def verdict(low, high, bar):
    # <solution>
    if low >= bar:
        return "reproduced"
    return "not reproduced" if high < bar else "inconclusive"
    # </solution>
    # student: return ...


check("verdict", verdict)

# %% [markdown]
# ## No interval sees what the sample does not hold
#
# Each seed scores 0.99 with probability 0.8, and 0.1 with probability 0.2. Simulate: how often does
# *your* interval of 5, 8 and 16 seeds hold the true mean? Three shares, each from 2,000 samples or
# more.

# %%
# <solution>
rng = np.random.default_rng(1)
mean = 0.8 * 0.99 + 0.2 * 0.1


def holds(n):
    drawn = np.where(rng.random((4000, n)) < 0.2, 0.1, 0.99)
    half = stats.t.ppf(0.975, n - 1) * drawn.std(1, ddof=1) / np.sqrt(n)
    return (abs(drawn.mean(1) - mean) <= half).mean()


coverage = [holds(n) for n in (5, 8, 16)]
# </solution>
# student: coverage = ...
check("coverage", coverage)

# %% [markdown]
# This is why the laboratory says "reproduced, few seeds" for five to seven of them, wants eight for
# "reproduced" and sixteen where seeds can fail. Its own interval is the widest of three, and never
# of width zero; `docs/verdicts.md` says how often that one holds the mean, for eight distributions.
#
# ## Further
#
# *Stretch.* Change `density` to 0.3 and train again. Is a *control* possible here: a network that
# must not find the polygon? Write it down as a claim of your own (lesson 10).
#
# *Reading.* Hesterberg 2015, What Teachers Should Know about the Bootstrap; Henderson et al. 2018,
# Deep Reinforcement Learning that Matters.
