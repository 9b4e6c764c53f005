# %% [markdown]
# # Dictionaries: what they find, and what they hide
#
# *Lesson 9, 60 minutes. You need: lesson 1 and cosines. You will train 48 sparse autoencoders.*
#
# A sparse autoencoder takes a network's activations apart into features. In a real network nobody
# knows whether the parts are the true ones. So plant features, train, and look whether they come
# back. One of them is a trap: a *child* that never comes without its *parent*, as "poodle" never
# comes without "dog".

# %%
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from scipy.optimize import linear_sum_assignment

import toylab as tl
from toylab.analysis.dictionary.autoencoder import fit_dictionary
from toylab.course.lesson_09_dictionaries.checks import check
from toylab.teach import slider

tl.setup()
WIDTH, FEATURES, LATENTS, SEEDS = 16, 12, 16, 6
PARENT, CHILD = 0, 1
PRICES = (0.02, 0.1, 0.3, 0.6)
rng = np.random.default_rng(0)
T = np.linalg.qr(rng.normal(size=(WIDTH, WIDTH)))[0][:FEATURES]  # true directions (12, 16)


def activations(nested, n=6000):
    on = rng.random((n, FEATURES)) < 0.1
    on[:, PARENT] = rng.random(n) < 0.3
    on[:, CHILD] = rng.random(n) < (np.where(on[:, PARENT], 0.5, 0) if nested else 0.15)
    values = on * rng.uniform(0.5, 1, on.shape)
    return on, (values @ T).astype(np.float32)


def dictionaries(x, steps=1500):
    prices = np.repeat(PRICES, SEEDS)
    seeds = list(range(SEEDS)) * len(PRICES)
    return fit_dictionary(
        x, LATENTS, "l1", l1=[*prices], seeds=seeds, steps=steps, batch_size=256, learning_rate=3e-3
    )


worlds = {"nested": activations(True), "independent": activations(False)}
trained = {name: dictionaries(x) for name, (_, x) in worlds.items()}
shape = (len(PRICES), SEEDS, LATENTS, WIDTH)
D = {name: np.asarray(d.decoder).reshape(shape) for name, d in trained.items()}
random = np.asarray(dictionaries(worlds["nested"][1], steps=0).decoder).reshape(shape)


def picture(price):
    place = PRICES.index(price)
    _, axes = plt.subplots(1, 3, figsize=(8, 2.8), layout="constrained")
    shown = {"nested": D["nested"], "independent": D["independent"], "not trained": random}
    for ax, (name, decoders) in zip(axes, shown.items(), strict=True):
        cosine = abs(T @ decoders[place, 0].T)
        order = linear_sum_assignment(-cosine)[1]
        order = [*order, *(set(range(LATENTS)) - set(order))]
        image = ax.imshow(cosine[:, order], vmin=0, vmax=1, cmap="Blues")
        ax.set(xlabel="latent", ylabel="true feature", title=name)
    plt.colorbar(image, ax=axes, label="|cosine|", shrink=0.7)
    plt.show()


slider(picture, PRICES, "price")

# %% [markdown]
# A row is a planted feature, a column a latent of one dictionary, matched so that the diagonal is
# as dark as it can be. An activation is a sum of few features, $x = \sum_i a_i t_i$. A dictionary
# has never seen the $t_i$. It was trained to rebuild $x$ from codes $f \ge 0$ with
#
# $$L = \lVert x - \hat x\rVert^2 + \lambda \sum_j f_j, \qquad \hat x = c + \sum_j f_j d_j,
# \qquad \lVert d_j \rVert = 1,$$
#
# and the slider moves the price $\lambda$ (`PRICES`; the activations are scaled to a total variance
# of 1). The planted features come back: the diagonal is dark. In the left picture, though, column
# 1, the latent of the child, has something of row 0, its parent. In the middle it has not.
#
# ## A score for recovery
#
# Write `mmcs(T, D)`, the *mean maximal cosine similarity*: for every true feature (a row of T) the
# largest absolute cosine with any latent (a row of D), and the mean of these. Rows need not have
# length 1.


# %%
def mmcs(T, D):
    # <solution>
    T = T / np.linalg.norm(T, axis=1, keepdims=True)
    D = D / np.linalg.norm(D, axis=1, keepdims=True)
    return abs(T @ D.T).max(1).mean()
    # </solution>
    # student: return ...


check("mmcs", mmcs)

# %% [markdown]
# ## What would nothing score?
#
# The best of 16 random directions is never at a right angle to a feature. What does `mmcs` give on
# average for `LATENTS` directions drawn uniformly, and our `T`?

# %%
# <solution>
null = np.mean([mmcs(T, rng.normal(size=(LATENTS, WIDTH))) for _ in range(400)])
# </solution>
# student: null = ...
check("null", null, T=T, latents=LATENTS)

# %% [markdown]
# This *null* falls with the width and rises with the number of latents: always give it beside the
# score.
#
# In a real network there is no `T`. What can still be asked is whether dictionaries *agree*. Take
# the six dictionaries of the nested world at the third price, `D["nested"][2]`. What is the mean of
# `mmcs` over all ordered pairs of different ones?

# %%
# <solution>
six = D["nested"][2]
agreement = np.mean([mmcs(six[i], six[j]) for i in range(6) for j in range(6) if i != j])
# </solution>
# student: agreement = ...
check("agreement", agreement, decoders=D["nested"][2])

# %% [markdown]
# ## Absorption
#
# They agree, and the score is high. Are they right? Look at *when* the parent's latent fires, that
# is, has a value above 0. With `index` we ask how much more often it is silent when the child is
# there:
#
# the share of examples on which it fires, of those with the parent but not the child, minus the
# same share of those with both. A faithful latent has 0. One that means "a dog, unless it is a
# poodle" has 1.
#
# Write `index(code, parent, child)`: the latent's values (N,), and two arrays (N,) of True and
# False.


# %%
def index(code, parent, child):
    # <solution>
    fires = code > 0
    return fires[parent & ~child].mean() - fires[parent & child].mean()
    # </solution>
    # student: return ...


check("index", index)

# %%
codes, present = {}, {}
for name, (on, x) in worlds.items():
    every = np.asarray(trained[name].encode(jnp.asarray(x))).reshape(
        len(PRICES), SEEDS, -1, LATENTS
    )
    latent = (D[name] @ T[PARENT]).argmax(-1)  # the parent's latent (price, seed)
    codes[name] = np.take_along_axis(every, latent[..., None, None], -1)[..., 0]
    present[name] = on[:, PARENT], on[:, CHILD]
print(codes["nested"].shape, "price, seed, example")

# %% [markdown]
# `codes["nested"]` holds the values of each dictionary's parent latent, `present["nested"]` when
# parent and child were there. What is the index at each price, as a mean over seeds? Four numbers,
# for the nested world.

# %%
# <solution>
parent, child = present["nested"]
by_price = np.array([[index(c, parent, child) for c in row] for row in codes["nested"]]).mean(1)
# </solution>
# student: by_price = ...
parent, child = present["nested"]
check("by_price", by_price, codes=codes["nested"], parent=parent, child=child)

# %% [markdown]
# Do the same for `"independent"`, where the child comes as often but whether the parent is there or
# not: that is the control. Then compare `mmcs` in the two worlds. A latent that is silent on a
# large part of its feature's examples still *points* the right way, and a score of directions
# hardly sees it.
#
# ## Why it pays
#
# The parent and its child are both on, each with the value 1, along orthogonal directions. Two
# latents cost $2\lambda$. Absorbed, one latent along $(t_P + t_C)/\sqrt 2$ does it alone. Which
# share of the price does that save, if both rebuild $x$ exactly?

# %%
# <solution>
saved = 1 - np.sqrt(2) / 2
# </solution>
# student: saved = ...
check("saved", saved)

# %% [markdown]
# So absorption is no accident of training: where features are nested, the cheapest code *is* a
# wrong one. No seed and no number of steps repairs an objective.
#
# ## Further
#
# *Stretch.* Use `kind="topk"` with `k=2`, which has no price on the code's size. Is there less
# absorption, at the same error? The study `othello_dictionary` asks how much of a board a
# dictionary finds; which control would show that absorption costs it features?
#
# *Reading.* Bricken et al. 2023, Towards Monosemanticity; Chanin et al. 2024, A is for Absorption.
