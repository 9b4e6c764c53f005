# %% [markdown]
# # Does it know the world?
#
# *Lesson 7, 70 minutes. You need: lesson 3, inner products. You will train three networks.*
#
# A network sees nothing but moves, and learns which moves may come next. Somewhere behind the moves
# there is a world, which it never sees: here a house with four doors. Does a picture of the house
# arise inside the network? And if so, does the network *use* it?

# %%
import dataclasses

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import toylab as tl
from toylab.analysis.world.edits import top_errors
from toylab.course.lesson_07_world.checks import check
from toylab.teach import slider
from toylab.web.embed import Playground

tl.setup()
DOORS, LENGTH, NETWORKS, WIDTH = 4, 16, 3, 32
SITE = "blocks/0/resid_post"  # between the two layers


@dataclasses.dataclass(frozen=True)
class House(tl.Task):
    """Tokens 0-3 open a door, 4-7 shut one, 8-11 walk through one, which must be open then."""

    def example(self, key):
        def step(is_open, u):
            legal = jnp.concatenate([jnp.ones(2 * DOORS, bool), is_open])
            upto = jnp.cumsum(legal, dtype=jnp.float32)
            move = jnp.argmax(upto > u * upto[-1]).astype(jnp.int32)  # any legal one
            written = (jnp.arange(DOORS) == move % DOORS) & (move < 2 * DOORS)
            is_open = jnp.where(written, move < DOORS, is_open)
            return is_open, (move, is_open)

        u = jax.random.uniform(key, (LENGTH + 1,))
        _, (moves, is_open) = jax.lax.scan(step, jnp.zeros(DOORS, bool), u)
        weights = jnp.ones(LENGTH, jnp.float32)
        return tl.Batch(moves[:-1], moves[1:], weights, {"open": is_open[:-1]})


model = tl.Transformer(
    vocab=3 * DOORS, length=LENGTH, width=WIDTH, depth=2, heads=4, hidden=128, norm="layer"
)
trained = tl.fit(
    tl.Population(
        model=model,
        task=House(),
        members=tl.seeds(NETWORKS),
        optimizer=tl.AdamW(learning_rate=3e-3, weight_decay=0.0),
        steps=700,
        batch_size=64,
        loss=tl.cross_entropy,
        snapshots=(0,),
    )
)
train, test = House().batch(jax.random.key(1), 2000), House().batch(jax.random.key(2), 500)


def truth(batch):  # which doors are open at the end (door, sequence)
    return np.asarray(batch.latents["open"])[:, -1].T


def probabilities(logits):  # of the next move, at the last place
    return np.asarray(jax.nn.softmax(logits[..., -1, :]))


logits, _ = tl.run(model, trained.params, test.inputs)
walk = probabilities(logits)[..., 2 * DOORS :]  # (network, sequence, door)
_, axes = plt.subplots(1, NETWORKS, figsize=(8, 2.4), sharey=True, layout="constrained")
for network, ax in enumerate(axes):
    for state, color in ((False, "C3"), (True, "C0")):
        shown = walk[network][truth(test).T == state]
        ax.hist(shown, bins=np.linspace(0, 0.15, 31), color=color, alpha=0.6)
    ax.set(title=f"network {network}", xlabel="probability of walking through")
axes[0].set_ylabel("doors")
axes[0].legend(["door is shut", "door is open"])
plt.show()

# %% [markdown]
# The three networks know the rule: they walk through doors that are open and hardly ever through
# shut ones. Openness was in no token; `House` shows how a world of your own is written.
#
# They could do that with a picture of the house inside, or with many clever rules about
# tokens. A **probe** looks for a picture: a linear map from the activations to the state of a door,
# fitted on some sequences and judged on others. But a probe can succeed for dull reasons, and that
# is what controls are for.
#
# ## Controls
#
# The first: no network at all, only the **bag of moves**, which says what came but not in which
# order. Write `bag(moves)`: from tokens (n, places) to how often each of the 12 tokens came
# (n, 12).


# %%
def bag(moves):
    # <solution>
    return np.eye(12)[moves].sum(1)
    # </solution>
    # student: return ...


check("bag", bag)

# %% [markdown]
# The second: say the same every time. `is_open` says which doors are open at the end of the test
# sequences (door, sequence). How often is the better constant guess right, for each door?

# %%
is_open = truth(test)
# <solution>
majority = np.maximum(is_open.mean(1), 1 - is_open.mean(1))
# </solution>
# student: majority = ...
check("majority", majority, is_open=is_open)

# %% [markdown]
# The third: the same network before training. Random layers mix tokens and places, and a probe may
# find something in that.


# %%
def probe_of(x):  # one probe per door, of activations (sequence, width)
    x = np.broadcast_to(x, (DOORS, *x.shape))
    return tl.logistic(jnp.asarray(x), jnp.asarray(truth(train).astype(np.int32)), 2, l2=100.0)


def accuracy_of(probe, x):
    told = probe.predict(jnp.asarray(np.broadcast_to(x, (DOORS, *x.shape))))
    return (np.asarray(told) == is_open).mean(1)


def activations(params, batch):  # at the last place (network, sequence, width)
    _, acts = tl.run(model, params, batch.inputs, record=(SITE,))
    return np.asarray(acts[SITE])[:, :, -1]


def counts(batch):
    each = np.asarray(batch.inputs)[..., None] == np.arange(3 * DOORS)
    return each.sum(1).astype(np.float32)


x, x_test = activations(trained.params, train), activations(trained.params, test)
probes = [probe_of(each) for each in x]
before = zip(*(activations(trained.snapshots[0], b) for b in (train, test)), strict=True)
accuracy = {
    "network": np.array([accuracy_of(*pair) for pair in zip(probes, x_test, strict=True)]),
    "untrained": np.array([accuracy_of(probe_of(a), b) for a, b in before]),
    "bag": accuracy_of(probe_of(counts(train)), counts(test)),
}
plt.figure(figsize=(5, 2.2), layout="constrained")
for place, value in enumerate(accuracy.values()):
    plt.plot(np.full(value.size, place), value.ravel(), "o", alpha=0.5)
plt.xticks(range(3), list(accuracy))
plt.xlim(-0.5, 2.5)
plt.ylabel("accuracy")
plt.title("Probes of four doors")
plt.show()

# %% [markdown]
# `accuracy["network"]` and `accuracy["untrained"]` have axes (network, door), `accuracy["bag"]` has
# one number per door. Average all of them over the doors first. By how much is each network's probe
# then better than the *better* of its two controls (untrained and bag)?

# %%
# <solution>
best = np.maximum(accuracy["untrained"].mean(1), accuracy["bag"].mean())
gain = accuracy["network"].mean(1) - best
# </solution>
# student: gain = ...
check("gain", gain, **accuracy)

# %% [markdown]
# ## Is it used?
#
# A probe may read what the network never looks at. So take the state that the probe reads, change
# it inside the network, and see whether the *moves* follow. The probe says "open" where
# $u \cdot x + k > 0$. The smallest edit that reverses its answer, and leaves it as sure as before,
# is the mirror image of $x$ in the plane $u \cdot x + k = 0$.
#
# Write `mirror(x, u, k)`, the mirror images (n, width) of activations x (n, width), for a direction
# u (width,) of any length but 0, and a number k.


# %%
def mirror(x, u, k):
    # <solution>
    return x - 2 * ((x @ u + k) / (u @ u))[:, None] * u
    # </solution>
    # student: return ...


check("mirror", mirror)

# %% [markdown]
# Errors are counted as Li et al. do it. In the house *after* the edit N moves are legal. Take the N
# moves that the network finds most probable. Errors are the illegal ones among them, plus the legal
# ones that are missing. Write `errors(p, legal)` from the probabilities and from which moves are
# legal (True or False), both (n, 12), which gives a number per row; N differs from row to row.


# %%
def errors(p, legal):
    # <solution>
    rank = (-p).argsort(1).argsort(1)
    return ((rank < legal.sum(1, keepdims=True)) != legal).sum(1)
    # </solution>
    # student: return ...


check("errors", errors)


# %%
@jax.jit
def edited(params, step):  # add a step (sequence, width) at SITE, at the last place
    everywhere = jnp.zeros((len(test.inputs), LENGTH, WIDTH)).at[:, -1].set(step)
    return tl.run(model, params, test.inputs, edits=[tl.Edit(SITE, "add", everywhere)])[0]


def errors_after(strength, random=False):  # (network, door x sequence)
    found = np.zeros((NETWORKS, DOORS, len(test.inputs)))
    for network in range(NETWORKS):
        params = jax.tree.map(lambda leaf, n=network: jnp.asarray(leaf[n]), trained.params)
        weight, bias = (np.asarray(part) for part in (probes[network].weight, probes[network].bias))
        for door in range(DOORS):
            u, k = weight[door] @ np.array([-1, 1]), bias[door] @ np.array([-1, 1])
            size = -2 * strength * (x_test[network] @ u + k) / np.linalg.norm(u)
            v = np.random.default_rng(door).normal(size=WIDTH) if random else u
            step = size[:, None] * v / np.linalg.norm(v)
            p = probabilities(edited(params, step.astype(np.float32)))
            legal = np.concatenate([np.ones((2 * DOORS, is_open.shape[1]), bool), is_open]).T
            legal[:, 2 * DOORS + door] ^= True  # the house that the edit should make
            found[network, door] = top_errors(p, legal)
    return found.reshape(NETWORKS, -1)


def picture(strength):
    plt.figure(figsize=(5, 2), layout="constrained")
    for place, random in enumerate((False, True)):
        plt.plot(np.full(NETWORKS, place), errors_after(strength, random).mean(1), "o", alpha=0.6)
    plt.xticks([0, 1], ["along the probe", "random direction"])
    plt.xlim(-0.5, 1.5)
    plt.ylim(0, 2)
    plt.ylabel("errors per house")
    plt.title(f"Strength {strength}")
    plt.show()


slider(picture, (0.0, 0.5, 1.0, 2.0, 4.0), "strength")

# %% [markdown]
# Strength 1 is your mirror; more goes beyond. The control is a step of the same length in a random
# direction. `none` and `mirrored` are the errors (network, case) without an edit and with that of
# strength 1, both against the house that the edit should make. Which share of each network's errors
# does the edit remove?

# %%
none, mirrored = errors_after(0.0), errors_after(1.0)
# <solution>
repaired = 1 - mirrored.mean(1) / none.mean(1)
# </solution>
# student: repaired = ...
check("repaired", repaired, none=none, edited=mirrored)

# %% [markdown]
# "It has a world model" is three sentences, and each can fail by itself: the state can be read, no
# control reads it as well, and behaviour follows when it is changed. They are not one: fit the
# probes with `l2=1.0` in place of 100. Do they read as well, and how far do edits along them get?
# The direction that tells best need not be the one that the network acts on.

# %% [markdown]
# ## With your hands
#
# This network was trained on moves of Othello alone. Flip a disc in its mind and see which moves it
# then expects; then push as far *in a random direction*. Which of your controls is that?

# %%
Playground("othello")

# %% [markdown]
# ## Further
#
# *Stretch.* Put `Othello(4)` (toylab.tasks.othello.othello) in place of the house: a board of 16
# squares on which every move turns discs over. Is the gain as large, and do the moves follow as
# well? In the study `world_model` a 6x6 network meets some tests and misses others. Which of its
# tests has this lesson left out?
#
# *Reading.* Li et al. 2022, Emergent World Representations; Nanda, Lee and Wattenberg 2023,
# Emergent Linear Representations in World Models; Hewitt and Liang 2019, Designing and Interpreting
# Probes with Control Tasks.
