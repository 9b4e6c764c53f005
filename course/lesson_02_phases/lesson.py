# %% [markdown]
# # Does a network change its mind slowly?
#
# *Lesson 2, 60 minutes. You need: lesson 1, integrals of polynomials. You will train 464
# networks.*
#
# Two features share a single hidden unit. When both are on most of the time, the network keeps the
# important one and drops the other; when both are rare, it keeps both. What happens in between:
# does the second feature fade, or does it go all at once?

# %%
import matplotlib.pyplot as plt
import numpy as np

import toylab as tl
from toylab.course.lesson_02_phases.checks import check
from toylab.tasks.superposition.superposition import Sparse
from toylab.tasks.superposition.superposition_exact import sparse_losses
from toylab.teach import slider

tl.setup()
SEEDS = 8
DENSITIES = np.geomspace(0.05, 0.9, 14)
RATIOS = np.array([0.1, 0.3, 0.6])  # importance of the second feature; that of the first is 1


def train(members, start=None):
    """Train two features in one dimension; return W and b, each (network, 2), and exact losses."""
    trained = tl.fit(
        tl.Population(
            model=tl.Autoencoder(n_features=2, n_hidden=1),
            task=Sparse(2, density=1.0),
            members=members,
            optimizer=tl.AdamW(learning_rate=1e-2, weight_decay=0.0),
            steps=1500,
            batch_size=512,
            record_every=1500,
        ),
        start,
    )
    W, b = np.asarray(trained.params["W"]), np.asarray(trained.params["b"])
    loss = sparse_losses(W, b, members["density"], members["importance"])
    return W[:, 0], b, loss


sweep = tl.seeds(SEEDS) * tl.grid(density=DENSITIES.tolist(), importance=RATIOS.tolist())
W, b, loss = train(sweep)
W = W.reshape(SEEDS, len(DENSITIES), len(RATIOS), 2)  # network, density, importance, feature
loss = loss.reshape(SEEDS, len(DENSITIES), len(RATIOS))


def picture(ratio):
    place = int(np.argmin(abs(RATIOS - ratio)))
    plt.figure(figsize=(5, 2.6))
    for network in range(SEEDS):
        plt.semilogx(DENSITIES, abs(W[network, :, place, 1]), "o", color="C0", alpha=0.4)
    plt.xlabel("density")
    plt.ylabel("length of feature 2")
    plt.title(f"the second feature, {ratio} times as important: {SEEDS} networks per density")
    plt.show()


slider(picture, RATIOS.tolist(), "importance")

# %% [markdown]
# Each dot is a network, $x' = \mathrm{ReLU}(W^\top W x + b)$ with $W$ of two numbers, trained on
#
# $$L = (x_1 - x_1')^2 + r\,(x_2 - x_2')^2 .$$
#
# $s$ is the density, the chance that a feature is on; its value is then uniform in $[0, 1]$.
# $r$ is the second feature's importance. Some dots lie far from the others: with the same $s$ and
# $r$, seeds differ. Which of them found the best solution?
#
# `loss` holds the loss of every network, without sampling noise, with axes (network, density,
# importance); `W` has one axis more, for the two features. Take, for each density and importance,
# the network with the least loss. How long is its second feature? Your answer has 14 x 3 numbers.

# %%
# <solution>
winner = loss.argmin(0)
best = np.take_along_axis(abs(W[..., 1]), winner[None], 0)[0]
# </solution>
# student: best = ...
check("best", best, W=W, loss=loss)

# %% [markdown]
# In physics a quantity that tells phases apart is an *order parameter*. This one, the length of the
# second feature, jumps. Why should it, when the loss depends smoothly on $s$? Compare two
# candidates by hand.
#
# ## Candidate one: drop it
#
# $W = (1, 0)$ copies the first feature without an error. The second gets a constant, its bias.
# Write `dropped(s, r)`: the mean loss with the *best* bias.


# %%
def dropped(s, r):
    # <solution>
    return r * (s / 3 - s**2 / 4)
    # </solution>
    # student: return ...


check("dropped", dropped)

# %% [markdown]
# ## Candidate two: share the dimension
#
# $W = (1, -1)$, $b = 0$: the features point in opposite directions. Write `shared(s, r)`, the mean
# loss. (When one feature is on alone, what does the ReLU do to the other output? And when both are
# on?)


# %%
def shared(s, r):
    # <solution>
    return (1 + r) * s**2 / 6
    # </solution>
    # student: return ...


check("shared", shared)

# %% [markdown]
# ## Where they meet
#
# Write `boundary(r)` for $r \le 1$: the density at which both candidates have the same loss.


# %%
def boundary(r):
    # <solution>
    return 4 * r / (2 + 5 * r)
    # </solution>
    # student: return ...


check("boundary", boundary)


def branches(ratio):
    place = int(np.argmin(abs(RATIOS - ratio)))
    kept = abs(W[:, :, place, 1]) > 0.5
    x = np.broadcast_to(DENSITIES, kept.shape)
    plt.figure(figsize=(5, 2.6))
    for which, color, name in ((~kept, "C3", "drop feature 2"), (kept, "C0", "share")):
        plt.loglog(x[which], (loss[:, :, place] / x)[which], ".", color=color, label=name)
    plt.xlabel("density")
    plt.ylabel("loss / density")
    plt.title(f"importance {ratio}: every network, by what it does")
    plt.legend(fontsize=7)
    plt.show()


for ratio in RATIOS:
    branches(ratio)

# %% [markdown]
# Blue and red are two solutions of the same problem, each with a loss that changes smoothly. They
# *cross*. The best network stands on the lower branch, so at the crossing it must leap from one to
# the other: a phase transition of **first order**, as when water boils. (Trained networks cross at
# a density 10 to 13% higher than your boundary: their lengths and biases are free, your candidates'
# are not.)
#
# With $r > 1$ the features change places: the *first* one is dropped when both are dense. The
# three phases "drop 2", "drop 1" and "share" meet in one point of the diagram. Where? Give
# $(r, s)$, by your candidates.

# %%
# <solution>
triple = (1, boundary(1))
# </solution>
# student: triple = ...
check("triple", triple)

# %% [markdown]
# ## A network remembers
#
# Water can be heated beyond its boiling point if nothing disturbs it. Can a network? Below, half of
# the networks begin as the pair $(1, -1)$, the others with a second feature of length 0.02. All are
# trained at $r = 0.3$, at 16 densities, with four seeds each.

# %%
FINE = np.linspace(0.2, 0.5, 16)
members = tl.seeds(8) * tl.grid(density=FINE.tolist(), importance=[0.3])
from_pair = np.arange(len(members)) < len(members) // 2
W_start = np.where(from_pair[:, None, None], [[1.0, -1.0]], [[1.0, -0.02]])
b_start = np.where(from_pair, 0, members["density"] / 2)[:, None] * [0, 1]
start = {"W": W_start.astype(np.float32), "b": b_start.astype(np.float32)}
# start (pair, dropped), network, density
after = abs(train(members, start)[0][:, 1]).reshape(2, 4, len(FINE))

plt.figure(figsize=(5, 2.6))
for which, (color, name) in enumerate((("C0", "began as a pair"), ("C3", "began dropped"))):
    plt.plot(FINE, after[which].T, ".", color=color)
    plt.plot(FINE, after[which].mean(0), color=color, label=name)
plt.xlabel("density")
plt.ylabel("length of feature 2, after training")
plt.title("where they began decides where they end")
plt.legend(fontsize=7)
plt.show()

# %% [markdown]
# This is **hysteresis**: between two densities a network's past decides, not its loss. `after` has
# the lengths of feature 2 after training, with axes (start, network, density); start 0 is the pair.
# Find the window: the lowest and the highest density of `FINE` at which networks that began as a
# pair still hold feature 2 (length above 1/2, as a mean over the four) and the others do not (at
# most 1/2).

# %%
# <solution>
both = (after[0].mean(0) > 0.5) & (after[1].mean(0) <= 0.5)
window = (FINE[both].min(), FINE[both].max())
# </solution>
# student: window = ...
check("window", window, after=after, densities=FINE)

# %% [markdown]
# So a network that was trained once tells you where training went, not which solution is better. To
# draw a phase diagram, take the best of many seeds.
#
# ## Further
#
# *Stretch.* With three features in two dimensions the study `superposition_phase` found that
# networks begin to share at a density 30% above 4/7, where candidates like yours put it. Give the
# pair free lengths and biases (`scipy.optimize.minimize` on `sparse_losses`): how much of the 30%
# is explained, and what of the rest? Also: below which density is "dropped" no minimum at all?
# Expand its loss in a small $w_2 < 0$, with the best $w_1$, and compare with the lower end of your
# window.
#
# *Reading.* Elhage et al. 2022, Toy Models of Superposition, "Superposition as a Phase Change".
