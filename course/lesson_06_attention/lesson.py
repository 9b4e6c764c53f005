# %% [markdown]
# # What is a head looking at?
#
# *Lesson 6, 75 minutes. You need: matrix products, softmax. You will train six transformers.*
#
# `7 3 9 1 7 3 9 ...` You know what comes next, and you know how: find the 9 before, read on.
# Train a transformer on such sequences. Does it do the same?

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import toylab as tl
from toylab.analysis import circuits
from toylab.course.lesson_06_attention.checks import check
from toylab.tasks.in_context.repeats import Repeats
from toylab.teach import slider
from toylab.web.embed import Playground

tl.setup()
model = tl.Transformer(vocab=12, length=20, width=32, depth=2, heads=2, positions="rope")
trained = tl.fit(
    tl.Population(
        model=model,
        task=Repeats(n_tokens=12, length=20, shortest=4, longest=9),
        members=tl.seeds(6),
        optimizer=tl.AdamW(learning_rate=3e-3, weight_decay=0.01),
        loss=tl.cross_entropy,
        steps=1500,
        batch_size=64,
    )
)
params = trained.params
print("loss of each network:", trained.records["loss"][-1].round(3))
rng = np.random.default_rng(0)
segments = np.stack([rng.permutation(12) for _ in range(32)])
tokens = jnp.asarray(np.tile(segments[:, :6], (1, 3)))  # six tokens, shown three times
_, acts = tl.run(model, params, tokens, record=("blocks/*/attn/pattern",))
print(acts)  # every axis has a name; the first are the six networks


def look(network, sequence=0):
    _, axes = plt.subplots(1, 4, figsize=(10, 2.6))
    for place, ax in enumerate(axes):
        layer, head = divmod(place, 2)
        shown = acts[f"blocks/{layer}/attn/pattern"][network, sequence, head]
        ax.imshow(shown, cmap="Blues", vmin=0, vmax=1)
        ax.set(title=f"layer {layer}, head {head}", xlabel="key")
    axes[0].set_ylabel("query")
    plt.show()


slider(look, range(6), "network")

# %% [markdown]
# Each row is a query, and its shades say which earlier places it looks at. Lines parallel to the
# diagonal are rules: "look one place back", "look five places back". Compare networks: the same
# task, the same loss, and yet not the same heads.
#
# ## Say it in numbers
#
# A head looks at the *previous token* when `pattern[head, t, t - 1]` is large. Write
# `previous(pattern)` for a pattern (head, query, key): the mean over all t from 1 on, for each
# head.


# %%
def previous(pattern):
    # <solution>
    return np.diagonal(pattern, -1, 1, 2).mean(-1)
    # </solution>
    # student: return ...


check("previous", previous)

# %% [markdown]
# The sequence repeats with a `period`. An **induction head** stands at t, finds the earlier copy
# of its token at `t - period`, and looks at the place *after* it. Write `induction(pattern,
# period)`: how much it looks there, as a mean over all t with an earlier copy, for each head.


# %%
def induction(pattern, period):
    # <solution>
    queries = range(period, pattern.shape[1])
    return np.mean([pattern[:, t, t - period + 1] for t in queries], axis=0)
    # </solution>
    # student: return ...


check("induction", induction)

# %% [markdown]
# The library has the same scores for all networks at once. Which head of which network is the
# clearest induction head, the one with the highest score? Give three numbers: network, layer, head.

# %%
scores = circuits.score_heads(model, params)
print(np.asarray(scores.induction).round(2))  # (network, layer, head)
print("attention spread evenly would score", round(scores.even["induction"], 2))
# <solution>
best = np.unravel_index(np.asarray(scores.induction).argmax(), scores.induction.shape)
# </solution>
# student: best = ...
check("best", best, scores=scores.induction)

# %% [markdown]
# ## What it says when it looks
#
# Where a head looks is one half (Q and K). What it *writes* is the other (V and O): a token
# attended to passes through $W_E W_V W_O W_U$ to the logits (straight, past every other part). Here
# are these four matrices of the clearest head; multiply them to `full`, (token, logit).

# %%
network, layer, head = np.unravel_index(
    np.asarray(scores.induction).argmax(), scores.induction.shape
)
one = jax.tree.map(lambda leaf: np.asarray(leaf[network]), params)
attn = one["blocks"][str(layer)]["attn"]
W_E, W_U = one["embed"]["embedding"], one["unembed"]["kernel"]
W_V, W_O = attn["w_v"][:, head], attn["w_o"][head]
# <solution>
full = W_E @ W_V @ W_O @ W_U
# </solution>
# student: full = ...
check("ov", full, W_E=W_E, W_V=W_V, W_O=W_O, W_U=W_U)

# %%
shown = np.asarray(circuits.ov_circuit(model, one, int(layer), full=True))[head]
plt.imshow(shown, cmap="RdBu", vmin=-abs(shown).max(), vmax=abs(shown).max())
plt.xlabel("logit")
plt.ylabel("token attended to")
plt.show()

# %% [markdown]
# A blue diagonal: attending to a token raises the logit of that very token. The head copies. For
# what share of the twelve tokens is the token's own logit the one that is raised most?

# %%
# <solution>
copies = (shown.argmax(1) == np.arange(12)).mean()
# </solution>
# student: copies = ...
check("copies", copies, full=shown)

# %% [markdown]
# ## Is it needed?
#
# A head may look right and not matter. To see, run the network on a *corrupt* sequence, in which
# the earlier copy of the last token is another token, and put one head's corrupt output into the
# *clean* run (noising). The metric is the right token's logit less the mean logit. From its values
# in three runs write `noising(patched, clean, corrupt)`: 0 where the patch changes nothing, 1 where
# it destroys as much as the corruption, and linear in between.


# %%
def noising(patched, clean, corrupt):
    # <solution>
    return (patched - clean) / (corrupt - clean)
    # </solution>
    # student: return ...


check("noising", noising)

# %%
clean = np.concatenate([segments[:, :5], segments[:, :3]], 1)  # the last token stood at place 2
corrupt = clean.copy()
corrupt[:, 2] = segments[:, 5]
metric = circuits.logit_difference(segments[:, 3])
effects = np.asarray(
    circuits.patch_effects(
        model, params, clean, corrupt, metric, circuits.layer_by_head(model), "noising"
    )
)
_, axes = plt.subplots(1, 6, figsize=(10, 2))
for place, ax in enumerate(axes):
    ax.imshow(effects[place], cmap="Reds", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(effects[place]):
        ax.text(column, row, f"{value:.1f}", ha="center", va="center")
    ax.set(title=f"network {place}", xlabel="head", xticks=[0, 1], yticks=[0, 1])
axes[0].set_ylabel("layer")
plt.show()

# %% [markdown]
# In some networks one head of the second layer carries nearly all; in others two share the work,
# and a single patch shows less than both do. That is why a circuit is claimed with a population.

# %% [markdown]
# ## With your hands
#
# The frame trains two networks like yours. Point at a letter to see what each head looks back at,
# and switch off one head at a time: which one cannot be spared?

# %%
Playground("attention", depth=2)

# %% [markdown]
# ## Further
#
# *Stretch.* `circuits.edge_attribution` scores every edge between parts. Which head of layer 0
# does the induction head listen to, and through its keys or its queries? The study `tools` has
# networks in which the answer was planted: which part of it does one gradient miss that the mean of
# twenty finds?
#
# *Reading.* Elhage et al. 2021, A Mathematical Framework for Transformer Circuits; Olsson et al.
# 2022, In-context Learning and Induction Heads.
