# %% [markdown]
# # Circuits that compete
#
# *Lesson 5, 60 minutes. You need: softmax and cross-entropy, lesson 4 helps. You will train 128
# networks of four weights.*
#
# A network fits its training data in forty steps, gets every other input wrong for a thousand, and
# then, with nothing changed, becomes right. This lesson shows that in a model so small that you
# can compute what it will do: two circuits, four weights.

# %%
import matplotlib.pyplot as plt
import numpy as np

import toylab as tl
from toylab.course.lesson_05_circuits_compete.checks import check
from toylab.members import zipped
from toylab.optim import SGD
from toylab.tasks.grokking.circuits import CircuitLoss, Circuits, Tables, circuit_metrics
from toylab.tasks.grokking.theory.circuits_theory import nats_on_test, nats_on_train
from toylab.teach import slider

tl.setup()
Q = 113  # answers to choose from
SEEDS = 8
CASES = {  # name: norms P_g and P_m, initial weight of the generalising circuit
    "slow and efficient": (1.0, 2.0, 0.005),
    "slow, not efficient": (2.0, 1.0, 0.005),
    "fast and efficient": (1.0, 2.0, 1.0),
}


def train(members, steps, start=None):
    """Train circuits; return what ``tl.fit`` does."""
    population = tl.Population(
        model=Circuits(Q, jitter=0.2, jitter_g=0.2),
        task=Tables(Q),
        members=members,
        loss=CircuitLoss(kappa=1.2, decay=0.005),
        optimizer=SGD(0.05),
        steps=steps,
        batch_size=1,
        metrics=circuit_metrics,
        record_every=10,
    )
    return tl.fit(population, start)


P_g, P_m, start_g = zip(*CASES.values(), strict=True)
trained = train(tl.seeds(SEEDS) * zipped(P_g=P_g, P_m=P_m, start_g=start_g), 4000)
step = trained.records["step"]
w_g, w_m = (trained.records[name].reshape(-1, SEEDS, 3) for name in ("w_g", "w_m"))
train_nats = nats_on_train(w_g, w_m, Q)  # record, network, case
test_nats = nats_on_test(w_g, w_m, Q)


def picture(case):
    place = list(CASES).index(case)
    plt.figure(figsize=(5, 2.6))
    plt.semilogx(step, train_nats[:, :, place], color="C0", lw=0.8)
    plt.semilogx(step, test_nats[:, :, place], color="C3", lw=0.8)
    plt.axhline(np.log(Q), color="0.6", lw=0.8)
    plt.xlabel("step")
    plt.ylabel("loss in nats")
    plt.title(f"{case}: training loss (blue), test loss (red)")
    plt.show()


slider(picture, list(CASES), "case")

# %% [markdown]
# What did you see? One circuit, G, *generalises*: its answer is always right. The other, M,
# *memorises*: right on the training data, wrong on everything else. Each adds a one-hot vote to the
# logits,
#
# $$z = w_G\,e_{G\text{'s answer}} + w_M\,e_{M\text{'s answer}}, \qquad
# L = \text{cross-entropy on the training data}
# + \lambda\,(P_G^2\,w_G^{2/\kappa} + P_M^2\,w_M^{2/\kappa}) .$$
#
# $P$ is the parameter norm that a circuit needs for a vote of 1: the smaller, the more
# *efficient*. For a vote of $w$ a circuit of depth $\kappa$ (here 1.2) needs the norm
# $P w^{1/\kappa}$, and $\lambda = 0.005$ is the weight decay. Only $w_G$ and $w_M$ are learned,
# each as a product of two weights; a small initial weight makes a circuit slow. The grey line is
# the loss of guessing.
#
# `train_nats` and `test_nats` have axes (record, network, case); `step` says when the records were
# taken. For every network and case: the first step with a test loss below 1 nat, divided by the
# first step with a training loss below 0.5. Where the test loss never gets there, the answer is
# `np.inf`.

# %%
# <solution>
fits, knows = train_nats < 0.5, test_nats < 1
first = lambda true: np.where(true.any(0), step[true.argmax(0)], np.inf)
delay = first(knows) / first(fits)
# </solution>
# student: delay = ...
check("delay", delay, train_nats=train_nats, test_nats=test_nats, step=step)

# %% [markdown]
# Three ingredients: both circuits fit the data, G is more efficient, and G is slower. Take one away
# and there is no grokking: G never wins, or wins at once.
#
# ## Confidently wrong
#
# On a test input G votes for the right answer and M for one wrong answer; $q - 2$ answers get no
# vote. Write `test_loss(w_g, w_m, q)`, the cross-entropy there, in nats.


# %%
def test_loss(w_g, w_m, q):
    # <solution>
    return np.log(1 + np.exp(w_m - w_g) + (q - 2) * np.exp(-w_g))
    # </solution>
    # student: return ...


check("test_loss", test_loss)

# %% [markdown]
# (That is why the test loss first *rises*, above the loss of guessing: memorising is worse than
# not knowing.)
#
# ## How the vote is split
#
# The cross-entropy on training data sees $w_G + w_M$ only. So weight decay alone decides how the
# sum is shared: it takes the split of least norm. Write `split(P_g, P_m, kappa)`: the ratio
# $w_G / w_M$ at the minimum.


# %%
def split(P_g, P_m, kappa):
    # <solution>
    return (P_m / P_g) ** (2 * kappa / (2 - kappa))
    # </solution>
    # student: return ...


check("split", split)

# %% [markdown]
# With $P_M = 2 P_G$ and $\kappa = 1.2$ that is a factor of 8. The networks did not know your
# formula; look at the last `w_g / w_m` of the first case: `(w_g / w_m)[-1, :, 0]`.
#
# The minimum has a *share* for both circuits. At which depth $\kappa$ does this end, so that the
# winner takes all? (Look at the exponent in the loss: up to which depth is it strictly convex?)

# %%
# <solution>
depth = 2
# </solution>
# student: depth = ...
check("depth", depth)

# %% [markdown]
# ## Less data
#
# M must store every training example; G need not. If facts are stored independently, squared norms
# add up: $P_M = c \sqrt{D}$ for $D$ examples, and $P_G$ does not depend on $D$. Write
# `critical(c, P_g)`: the number of examples at which both are equally efficient.


# %%
def critical(c, P_g):
    # <solution>
    return (P_g / c) ** 2
    # </solution>
    # student: return ...


check("critical", critical)

# %% [markdown]
# Now take a network that has grokked and let it go on with *fewer* examples. Does it keep what it
# knows? Others learn from scratch with the same $D$ ($c = 0.05$, $P_G = 1$).

# %%
SIZES = np.geomspace(40, 4000, 13)
members = tl.seeds(4) * tl.grid(P_m=(0.05 * np.sqrt(SIZES)).tolist())
grokked = {
    name: np.full(len(members), np.reshape(leaf, (SEEDS, 3))[0, 0], np.float32)
    for name, leaf in trained.params.items()
}
went_on, scratch = train(members, 8000, grokked), train(members, 8000)
ends = {  # start: w_g and w_m in the end, (network, size)
    name: [found.records[w][-1].reshape(4, -1) for w in ("w_g", "w_m")]
    for name, found in (("went on", went_on), ("from scratch", scratch))
}
share = {name: (g / (g + m)).mean(0) for name, (g, m) in ends.items()}

plt.figure(figsize=(5, 2.6))
for name, color in (("went on", "C0"), ("from scratch", "C3")):
    plt.semilogx(SIZES, share[name], "o-", ms=4, color=color, label=name)
plt.xlabel("training examples D")
plt.ylabel("share of G in the vote")
plt.title("a grokked circuit is lost where there is too little data")
plt.legend(fontsize=7)
plt.show()

# %% [markdown]
# This is **ungrokking**. `share["went on"]` says for each of `SIZES` how much of the vote G has in
# the end. At which size is it 1/2? Read it off by interpolating, with $D$ on a log scale, and
# compare with your `critical(0.05, 1)`.

# %%
# <solution>
half = np.exp(np.interp(0.5, share["went on"], np.log(SIZES)))
# </solution>
# student: half = ...
check("half", half, share=share["went on"], sizes=SIZES)

# %% [markdown]
# Near that size both curves agree: where a network began does not matter in the end. Compare with
# lesson 2, where it did: there two minima stood side by side, here the loss is convex in the votes
# $(w_G, w_M)$ and has one.
# (Far below it, networks from scratch still have less of G: 8,000 steps are too few to learn what
# is hardly worth learning.)
#
# ## Further
#
# *Stretch.* In the study `ungrokking` transformers without weight decay should forget nothing, but
# on the smallest sets some did; the claim is inconclusive. Set `decay=0` here and begin from
# `grokked`. What is left to move the weights? What would you measure in a transformer to tell that
# cause from another?
#
# *Reading.* Varma et al. 2023, Explaining grokking through circuit efficiency, sections 3 to 5.
