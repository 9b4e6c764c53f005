# %% [markdown]
# # It knew before it showed
#
# *Lesson 4, 75 minutes. You need: Fourier series, complex numbers. You will train six networks.*
#
# A network learns $x + y \bmod 31$ from 70% of all pairs. After forty steps it has them by heart,
# and fails on the rest. Hundreds of steps later it is right there too. Did it find the rule in that
# moment? And which rule does a network find?

# %%
import matplotlib.pyplot as plt
import numpy as np

import toylab as tl
from toylab.course.lesson_04_grokking.checks import check, progress
from toylab.losses import cross_entropy
from toylab.members import zipped
from toylab.models.token_mlp import TokenMLP
from toylab.tasks.grokking.modular import ModularArithmetic, scores
from toylab.teach import slider
from toylab.web.embed import Playground

tl.setup()
P, SEEDS = 31, 6
task = ModularArithmetic(p=P, fraction=0.7, equals=False)
trained = tl.fit(
    tl.Population(
        model=TokenMLP(vocab=P, hidden=(96,), activation="quadratic"),
        task=task,
        members=zipped(init_seed=range(SEEDS), split_seed=range(SEEDS)),
        optimizer=tl.AdamW(learning_rate=0.01, weight_decay=0.5),
        steps=1000,
        batch_size=task.n_train,
        loss=cross_entropy,
        metrics=scores,
        record_every=10,
        snapshots=tuple(range(0, 1001, 25)),
    )
)
step = trained.records["step"]
train_accuracy, test_accuracy = (trained.records[f"{n}_accuracy"] for n in ("train", "test"))


def weights(at):
    """Return U and V, (network, number, neuron), and W, (network, neuron, answer), at a step."""
    layers = trained.snapshots[at]["layers"]
    first, last = (np.asarray(layers[i]["kernel"]) for i in "01")
    return first[:, :P], first[:, P:], last


plt.figure(figsize=(5, 2.6))
plt.plot(step, train_accuracy, color="C0", lw=0.8)
plt.plot(step, test_accuracy, color="C3", lw=0.8)
plt.xlabel("step")
plt.ylabel("accuracy")
plt.title("six networks: training pairs (blue), the others (red)")
plt.show()

# %% [markdown]
# That is **grokking**: a network generalises long after it has memorised its training data. Ours is
#
# $$z_c(x, y) = \sum_f W_{fc}\,(U_{xf} + V_{yf})^2,$$
#
# a look-up of $x$, a look-up of $y$, 96 neurons that square their sum, and a score (a logit) for
# each answer $c$. Full batches, AdamW, weight decay.
#
# `train_accuracy` and `test_accuracy` have axes (record, network), and `step` says when the records
# were taken. When is each network first right on at least 90% of the training pairs, when on 90% of
# the others? Give steps, an array (network, 2).

# %%
# <solution>
times = np.stack([step[(a >= 0.9).argmax(0)] for a in (train_accuracy, test_accuracy)], axis=1)
# </solution>
# student: times = ...
check("times", times, train=train_accuracy, test=test_accuracy, step=step)

# %% [markdown]
# ## What a neuron sees
#
# Here is what single neurons of the first network make of each number $x$, a column of $U$, and its
# spectrum. They are ranked by the size of their weights; the strongest is number 0.

# %%
U, V, W = weights(1000)
U_start = weights(0)[0]
strength = (U[0] ** 2).sum(0) * np.linalg.norm(W[0], axis=1)
order = strength.argsort()[::-1]


def neuron(rank):
    f = order[rank]
    _, (left, right) = plt.subplots(1, 2, figsize=(6.5, 2))
    left.plot(U[0, :, f], ".-")
    left.set(xlabel="x", title=f"neuron {rank}, step 1000")
    for values, color, name in ((U_start, "0.7", "step 0"), (U, "C0", "step 1000")):
        right.plot(abs(np.fft.rfft(values[0, :, f])), ".-", color=color, label=name)
    right.set(xlabel="frequency", title="amplitudes")
    right.legend(fontsize=7)
    plt.show()


slider(neuron, range(0, 40, 3), "neuron")

# %% [markdown]
# The strong ones have become waves of one frequency. Nobody told them so: numbers modulo 31 lie on
# a circle, and waves are the functions of which a step along the circle changes nothing but the
# phase. Write `frequency(row)`: from 31 values to the frequency (1 to 15) of the largest amplitude.
# A constant does not count.


# %%
def frequency(row):
    # <solution>
    return 1 + np.abs(np.fft.rfft(row))[1:].argmax()
    # </solution>
    # student: return ...


check("frequency", frequency)

# %% [markdown]
# How pure are the waves? For each neuron take the share of its power (squared amplitudes,
# without the constant) that its largest frequency holds. Average over neurons: one number
# per network, from `U` with axes (network, number, neuron).

# %%
# <solution>
power = np.abs(np.fft.rfft(U, axis=1))[:, 1:] ** 2
purity = (power.max(1) / power.sum(1)).mean(1)
# </solution>
# student: purity = ...
check("purity", purity, U=U)

# %% [markdown]
# (Random rows have about 0.2: do the same with `U_start`.)
#
# ## Be the optimiser
#
# Why waves? A neuron with $U_x = \cos(wx + \alpha)$ and $V_y = \cos(wy + \beta)$, $w = 2\pi k/31$
# with a whole $k$, has in its square the product
#
# $$2\cos(wx + \alpha)\cos(wy + \beta)
#   = \cos(w(x + y) + \alpha + \beta) + \cos(w(x - y) + \alpha - \beta).$$
#
# A multiplication makes an addition, of angles. You must get rid of whatever else is in the square:
# let several neurons with different $\alpha$ and $\beta$ vote.
#
# Write down weights that add modulo 31: `U_mine` and `V_mine` (31, neurons), `W_mine`
# (neurons, 31), up to 1,000 neurons. At least 99% of all pairs must be right.

# %%
# <solution>
angle = 2 * np.pi * np.arange(P) / P
alpha, beta = (2 * np.pi * a.ravel() / 3 for a in np.meshgrid(range(3), range(3)))
U_mine, V_mine = np.cos(angle[:, None] + alpha), np.cos(angle[:, None] + beta)
W_mine = np.cos(angle + (alpha + beta)[:, None])
# </solution>
# student: U_mine, V_mine, W_mine = ..., ..., ...
check("by_hand", (U_mine, V_mine, W_mine))

# %% [markdown]
# ## Progress that accuracy does not show
#
# A network that only knows the rule has scores that depend on the *distance*
# $d = (c - x - y) \bmod 31$ alone, highest at 0. One that memorised has others, pair by pair. So
# average: write `by_distance(z, which)`. From scores `z[x, y, c]` and a table of pairs
# `which[x, y]` (True or False) it makes 31 numbers, for each distance the mean score over those
# pairs.


# %%
def by_distance(z, which):
    # <solution>
    p = len(z)
    x, y, d = np.meshgrid(*[np.arange(p)] * 3, indexing="ij")
    return z[x, y, (x + y + d) % p][which].mean(0)
    # </solution>
    # student: return ...


check("by_distance", by_distance)

# %% [markdown]
# With it we measure two losses at every snapshot. *Restricted*: the loss of the mean scores alone,
# from pairs the network was not trained on, so that nothing memorised is in them. *Excluded*: the
# loss on the training pairs when the mean scores are taken away, so that only what was memorised is
# left. (Nanda et al. separate the two by frequencies, where we take means.)

# %%
moments = np.array(sorted(trained.snapshots))
in_training = [
    np.asarray(ModularArithmetic(p=P, fraction=0.7, equals=False, split_seed=seed).in_training())
    for seed in range(SEEDS)
]
restricted, excluded = progress([weights(at) for at in moments], in_training)  # moment, network
accuracy = np.stack([np.interp(moments, step, test_accuracy[:, n]) for n in range(SEEDS)], 1)

plt.figure(figsize=(5, 2.8))
for values, color, name in (
    (restricted, "C2", "restricted loss"),
    (excluded, "C1", "excluded loss"),
    (np.log(P) * accuracy, "C3", "test accuracy (0 to 1 is 0 to ln 31)"),
):
    plt.plot(moments, values, color=color, lw=0.7, alpha=0.5)
    plt.plot(moments, values.mean(1), color=color, label=name)
plt.xlabel("step")
plt.ylabel("nats")
plt.title("the rule grows long before the test set shows it")
plt.legend(fontsize=7)
plt.show()

# %% [markdown]
# No sudden insight: after step 50 the rule grows steadily, while the test accuracy still looks
# hopeless, as the rule is drowned out by what was memorised, which then decays. How early can you
# tell? For each network: the first of `moments` at which the restricted loss is below
# $\frac{1}{2} \ln 31$, *half* that of guessing, divided by the first at which `accuracy` is 0.9 or
# more. `restricted` and `accuracy` have axes (moment, network).

# %%
# <solution>
first = lambda true: moments[true.argmax(0)]
early = first(restricted < np.log(P) / 2) / first(accuracy >= 0.9)
# </solution>
# student: early = ...
check("early", early, restricted=restricted, accuracy=accuracy, moments=moments)

# %% [markdown]
# ## With your hands
#
# Here networks of another kind grok while you watch. Before you change the weight decay, say
# whether the jump will come sooner or later. Then click a frequency to take it out.

# %%
Playground("grokking", members=2)

# %% [markdown]
# ## Further
#
# *Stretch.* In the study `grokking_phases` the delay falls as the learning rate to the power
# -0.6, where theory says -1, and holding the norm of the weights only halves it. Repeat the first
# with five rates here. Does the time of the *restricted* loss follow the same law? What claim would
# you write?
#
# *Reading.* Nanda et al. 2023, Progress measures for grokking via mechanistic interpretability;
# Gromov 2023, Grokking modular arithmetic.
