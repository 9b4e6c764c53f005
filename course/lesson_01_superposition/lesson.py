# %% [markdown]
# # A network small enough to understand
#
# *Lesson 1, 60 minutes. You need: vectors, a little NumPy. You will train thirty networks.*
#
# A network has two hidden units and must carry five features through them. Is it stuck with the
# two most useful ones? Run the first cells and look at the picture before you read on.

# %%
import matplotlib.pyplot as plt
import numpy as np

import toylab as tl
from toylab.course.lesson_01_superposition.checks import check
from toylab.tasks.superposition.superposition import Sparse
from toylab.teach import slider
from toylab.web.embed import Playground

tl.setup()
DENSITIES = (1.0, 0.3, 0.1, 0.03, 0.01)
population = tl.Population(
    model=tl.Autoencoder(n_features=5, n_hidden=2),
    task=Sparse(5, density=1.0, importance=0.9),
    members=tl.seeds(6) * tl.grid(density=DENSITIES),
    optimizer=tl.AdamW(learning_rate=3e-3, weight_decay=0.0),
    steps=4000,
    batch_size=512,
)
trained = tl.fit(population)
W = np.asarray(trained.params["W"]).reshape(6, len(DENSITIES), 2, 5)  # network, density, 2, feature


def picture(density, network=0):
    _, ax = plt.subplots(figsize=(3, 3))
    for x, y in W[network, DENSITIES.index(density)].T:
        ax.plot([0, x], [0, y], marker="o", markevery=[1])
    ax.set(xlim=(-1.5, 1.5), ylim=(-1.5, 1.5), aspect="equal")
    ax.set_title(f"density {density}")
    plt.show()


slider(picture, DENSITIES, "density")

# %% [markdown]
# Each line is a feature: a column of W, the direction in which the network writes it. The
# *density* is the chance that a feature is on at all; its value is then uniform in $[0, 1]$. Every
# network was trained on
#
# $$x' = \mathrm{ReLU}(W^\top W x + b), \qquad L = \sum_i I_i\,(x_i - x'_i)^2,$$
#
# with importances $I_i = 0.9^i$, $i$ from 0. Move the slider (or look at the three pictures). Dense
# features: two lines at a right angle, three features gone. Sparse ones: all five. That is
# **superposition**, more features than dimensions.
#
# ## Which features are there?
#
# Write `lengths(W)`: from one matrix (dimension, feature) to the length of each feature's column.


# %%
def lengths(W):
    # <solution>
    return np.linalg.norm(W, axis=0)
    # </solution>
    # student: return ...


check("lengths", lengths)

# %% [markdown]
# Thirty networks are in `W`, six for each density, with axes (network, density, dimension,
# feature). How many features are kept (length above 1/2) at each density, as a mean over the six
# networks? Your answer has five numbers.

# %%
# <solution>
kept = (np.linalg.norm(W, axis=2) > 0.5).sum(-1).mean(0)
# </solution>
# student: kept = ...
check("kept", kept, W=W)

# %% [markdown]
# ## The price
#
# Two features that share a direction disturb each other. Write `crowding(W)`: for each feature
# the sum of its squared cosines with all *other* features. 0 means that it is orthogonal to all of
# them.


# %%
def crowding(W):
    # <solution>
    size = np.linalg.norm(W, axis=0)
    unit = W / np.where(size > 0, size, 1)
    return ((unit.T @ unit) ** 2).sum(1) - (size > 0)
    # </solution>
    # student: return ...


check("crowding", crowding)

# %% [markdown]
# At the lowest density the five features usually form a regular pentagon. What is the cosine
# between two neighbours in it?

# %%
# <solution>
angle = np.cos(2 * np.pi / 5)
# </solution>
# student: angle = ...
check("angle", angle)

# %% [markdown]
# ## Be the optimiser
#
# Why did the dense networks not do that? Where a feature is off, the ReLU removes a *negative*
# disturbance for nothing. A positive one can be cut off by a negative bias, at the price of a
# little of every signal. Neither helps where features are on together: dense ones usually are,
# sparse ones rarely.
#
# Set the weights by hand: `W_mine` (2, 5) and `b_mine` (5,), for five equally important features
# of which exactly one is on, with a value uniform in $[0, 1]$. Keeping two features and giving 0
# for the other three has a loss of 0.2. Do far better: below 0.02.

# %%
# <solution>
turns = 2 * np.pi * np.arange(5) / 5
W_mine = 1.18 * np.stack([np.cos(turns), np.sin(turns)])
b_mine = np.full(5, -0.3)
# </solution>
# student: W_mine = ...
# student: b_mine = ...
check("by_hand", (W_mine, b_mine))

# %% [markdown]
# ## With your hands
#
# The same model trains in the frame below, sixteen times over if you like. Drag the density down
# slowly: in which order do features arrive, and which pair up? *Sweep* trains a network at each
# density at once.

# %%
Playground("superposition", density=0.3, features=5)

# %% [markdown]
# ## Further
#
# *Stretch.* Train with `n_hidden=3` and eight features. Which polyhedra appear, and do all seeds
# agree? The study `superposition_polygons` asks the same in two dimensions; read its page, then say
# what claim you would write for three.
#
# *Reading.* Elhage et al. 2022, Toy Models of Superposition, up to the end of "Demonstrating
# Superposition".
