# %% [markdown]
# # Learning without changing a weight
#
# *Lesson 8, 70 minutes. You need: conditional probabilities, attention. You will train eight
# networks.*
#
# Every sequence comes from a world of its own, which the network has never met: a Markov chain with
# three states and fresh transition probabilities. To predict the next state, it must find out in
# the sequence itself what follows what, without a step of training. How does it learn to do that,
# and what does it learn first?

# %%
import jax
import matplotlib.pyplot as plt
import numpy as np

import toylab as tl
from toylab.course.lesson_08_in_context.checks import check
from toylab.tasks.in_context.markov_chains import MarkovChains
from toylab.teach import slider

tl.setup()
LENGTH, STEPS, SEEDS = 48, 1000, 4
steps = np.arange(0, STEPS + 1, 50)
world = MarkovChains(n_states=3, length=LENGTH)
models = {
    depth: tl.Transformer(vocab=3, length=LENGTH, width=16, depth=depth, heads=1, positions="rope")
    for depth in (1, 2)
}
trained = {
    depth: tl.fit(
        tl.Population(
            model=model,
            task=world,
            members=tl.seeds(SEEDS),
            optimizer=tl.AdamW(learning_rate=5e-3, weight_decay=0.0),
            steps=STEPS,
            batch_size=64,
            loss=tl.cross_entropy,
            snapshots=tuple(map(int, steps)),
        )
    )
    for depth, model in models.items()
}
test = world.batch(jax.random.key(99), 256)
targets = np.asarray(test.targets)  # (sequence, place)
counters = {name: np.asarray(getattr(world, name)(test)) for name in ("unigram", "bigram")}


def predictions(depth, step, edits=()):
    params = trained[depth].snapshots[step]
    logits, _ = tl.run(models[depth], params, test.inputs, edits=edits)
    return np.asarray(jax.nn.softmax(logits))  # (network, sequence, place, state)


def distances(depth, name):  # KL divergence from a counter (network, snapshot)
    p = counters[name]
    each = [(p * np.log(p / predictions(depth, int(s)))).sum(-1).mean((1, 2)) for s in steps]
    return np.stack(each, 1)


far = {(depth, name): distances(depth, name) for depth in (1, 2) for name in counters}
_, axes = plt.subplots(1, 2, figsize=(8, 2.8), sharey=True, layout="constrained")
for ax, depth in zip(axes, (1, 2), strict=True):
    for name, color in (("unigram", "C1"), ("bigram", "C0")):
        lines = ax.plot(steps, far[depth, name].T, color=color, lw=1)
        lines[0].set_label(f"from the {name} counter")
    ax.set(xlabel="step", title=f"{depth} layer{'s' * (depth > 1)}", ylim=(0, 0.15))
axes[0].set_ylabel("KL divergence (nats)")
axes[0].legend()
plt.show()

# %% [markdown]
# Two predictors stand beside the networks. The **unigram counter** counts how often each state has
# come up. The **bigram counter** counts what followed the *present* state, and no predictor is
# better in this world, on average. Each line is a network, and shows how far it is from a counter;
# 0 would be the counter itself.
#
# Nobody showed the networks either counter. Both kinds of network first come near the unigram
# counter. One layer stays there; two layers leave it for the other one.
#
# Move the slider to see single predictions: the probability that a network of two layers gives the
# state that came, plotted against the one that each counter gives.


# %%
def picture(step):
    network = predictions(2, step)[0]
    _, axes = plt.subplots(1, 2, figsize=(6, 2.8), sharey=True, layout="constrained")
    for ax, (name, p) in zip(axes, counters.items(), strict=True):
        picked = [np.take_along_axis(q, targets[..., None], -1)[::4, ::3] for q in (p, network)]
        ax.plot(*(q.ravel() for q in picked), ".", ms=2, alpha=0.4)
        ax.plot([0, 1], [0, 1], color="k", lw=0.8)
        ax.set(xlabel=f"{name} counter", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes[0].set_ylabel("network")
    plt.show()


slider(picture, [int(s) for s in steps[::4]], "step")

# %% [markdown]
# ## The best that can be done
#
# Each row of a transition matrix is drawn uniformly from all triples of probabilities. Bayes' rule
# then says: act as if every transition had been seen once already. So far A was followed three
# times by B, once by C and never by A. The present state is A. How likely is B to come next?

# %%
# <solution>
by_hand = (3 + 1) / (4 + 3)
# </solution>
# student: by_hand = ...
check("by_hand", by_hand)

# %% [markdown]
# Write the bigram counter: `bayes(x)` takes the states of one sequence (L,), each 0, 1 or 2. Row t
# of what it returns (L, 3) is the probability of each next state after `x[0]` to `x[t]` were seen.


# %%
def bayes(x):
    # <solution>
    counts, rows = np.ones((3, 3)), []
    for t, state in enumerate(x):
        if t:
            counts[x[t - 1], state] += 1
        rows.append(counts[state] / counts[state].sum())
    return np.array(rows)
    # </solution>
    # student: return ...


check("bayes", bayes)

# %% [markdown]
# What is order worth? `counters["unigram"]` and `counters["bigram"]` hold both counters'
# probabilities (sequence, place, state) on the test sequences, and `targets` what came. How much
# lower is the mean loss (in nats, per place) of the bigram counter?

# %%


# <solution>
def loss_of(p):
    return -np.log(np.take_along_axis(p, targets[..., None], -1)).mean()


worth = loss_of(counters["unigram"]) - loss_of(counters["bigram"])
# </solution>
# student: worth = ...
check("worth", worth, targets=targets, **counters)

# %% [markdown]
# ## When do they change over?
#
# `to_unigram` and `to_bigram` are the lines of the first figure's right panel, for two layers, with
# axes (network, snapshot); `steps` are the steps of the snapshots. At which step is each network
# first nearer to the bigram counter than to the unigram counter? Give `np.inf` for a network that
# never is.

# %%
to_unigram, to_bigram = far[2, "unigram"], far[2, "bigram"]
# <solution>
nearer = to_bigram < to_unigram
crossing = np.where(nearer.any(1), steps[nearer.argmax(1)], np.inf)
# </solution>
# student: crossing = ...
check("crossing", crossing, steps=steps, to_unigram=to_unigram, to_bigram=to_bigram)

# %% [markdown]
# ## Learning, place by place
#
# The weights stand still now. `loss` is that of the trained networks at each place, a mean over
# test sequences (network, place). How much lower is it over the last ten places than over the
# first ten? Give late minus early, for each network.

# %%
final = predictions(2, STEPS)
loss = -np.log(np.take_along_axis(final, targets[None, ..., None], -1))[..., 0].mean(1)
# <solution>
learned = loss[:, -10:].mean(1) - loss[:, :10].mean(1)
# </solution>
# student: learned = ...
check("learned", learned, loss=loss)

# %% [markdown]
# ## How do they do it?
#
# A bigram counter must find the earlier places that held the present state, and see what came one
# place later. One layer of attention can find places by what stands there, but not by what stood
# *before*. Two can: the first writes the state before into each place, the second looks for it.
# That is an **induction head**.
#
# So spoil the first layer: every place attends evenly to all places before it, and itself. `clean`
# and `edited` are the losses of each network without and with that edit, `unigram` that of the
# unigram counter. Which share of the way from `clean` to `unigram` did each network go back? 0: the
# edit did nothing. 1: it predicts as badly as the unigram counter. More: worse than that.

# %%
even = np.tril(np.ones((LENGTH, LENGTH)))
even = (even / even.sum(1, keepdims=True)).astype(np.float32)
spoilt = predictions(2, STEPS, [tl.Edit("blocks/0/attn/pattern", "set", even)])
pick = lambda p: np.take_along_axis(p, np.broadcast_to(targets, p.shape[:-1])[..., None], -1)
clean, edited = (-np.log(pick(p)).mean((1, 2, 3)) for p in (final, spoilt))
unigram = float(-np.log(pick(counters["unigram"])).mean())
# <solution>
needed = (edited - clean) / (unigram - clean)
# </solution>
# student: needed = ...
check("needed", needed, clean=clean, edited=edited, unigram=unigram)

# %% [markdown]
# An edit that breaks a network shows that it needs the part, not yet what the part does. What would
# the same edit of the *second* layer do? Try it: a control should be able to fail.
#
# ## Further
#
# *Stretch.* Is the unigram counter a detour that holds the networks up? Edelman et al. say so.
# Train on `MarkovChains(3, LENGTH, balanced=1.0)`, where all states are equally frequent and
# unigrams tell nothing. The study `induction` found that networks take *longer* there
# (docs/studies/induction.md). What else is different between the two worlds?
#
# *Reading.* Edelman et al. 2024, The Evolution of Statistical Induction Heads; Olsson et al. 2022,
# In-context Learning and Induction Heads.
