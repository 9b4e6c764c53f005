# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # From training to a named circuit
#
# Four small transformers learn to continue repeated random tokens. Which parts do it? Scores of
# heads name suspects, patches say what is needed, edges say who speaks to whom; each beside a null.
# Other tokens lead each sequence: without them the next token is the one not seen for longest,
# which needs no circuit.

# %%
import jax
import numpy as np

import toylab as tl
from toylab.analysis import circuits
from toylab.tasks.in_context.repeats import Repeats

tl.setup()
world = Repeats(n_tokens=16, length=24, shortest=4, longest=9, lead=7)
model = tl.Transformer(vocab=16, length=24, width=32, depth=2, heads=2, positions="rope")
population = tl.Population(
    model=model,
    task=world,
    members=tl.seeds(4),
    optimizer=tl.AdamW(learning_rate=1e-2, weight_decay=0.01),
    loss=tl.cross_entropy,
    steps=500,
    batch_size=64,
)
trained = tl.fit(population)
params = trained.params
print("loss of each network:", trained.records["loss"][-1].round(3))

# %% [markdown]
# **Suspects.** Attention of every head on repeated tokens, beside what even attention would give.

# %%
scores = circuits.score_heads(model, params)
for kind in ("previous", "induction"):
    best = np.asarray(getattr(scores, kind)).max((1, 2))
    print(f"{kind}: best head {best.round(2)}, even attention {scores.even[kind]:.2f}")
chosen = int(np.asarray(scores.induction).max((1, 2)).argmax())

# %% [markdown]
# **What is needed.** The sequence repeats every five tokens; the corrupt one has another token
# where the last one stood before. Noising one head at a time: 1 loses all that corruption loses.

# %%
rng = np.random.default_rng(0)
segments = np.stack([rng.permutation(16)[:6] for _ in range(64)])
clean = np.concatenate([segments[:, :5], segments[:, :3]], 1)  # ... and the last token came at 2
corrupt = clean.copy()
corrupt[:, 2] = segments[:, 5]
metric = circuits.logit_difference(segments[:, 3])
heads = circuits.layer_by_head(model)
effects = circuits.patch_effects(model, params, clean, corrupt, metric, heads, "noising")
print("noising each head (network, layer, head):\n", np.asarray(effects).round(2))

# %% [markdown]
# **Who speaks to whom.** Edges by integrated gradients, in the network with the clearest induction
# head; the null is a network before training.

# %%
edges = circuits.Edges.of(model)
find = lambda p: np.asarray(circuits.edge_attribution(model, p, clean, corrupt, metric, steps=10))
one = jax.tree.map(lambda leaf: leaf[chosen], params)
for writer, reader, score in edges.top(find(one), 5):
    print(f"{writer:>6} -> {reader:9} {score:+.2f}")
null = np.abs(find(model.init(jax.random.key(0)))).max()
print(f"largest edge of an untrained network: {null:.2f}")
composition = circuits.composition(model, params, "k")
print("K-composition, highest pair:", np.asarray(composition.scores).max((1, 2, 3, 4)).round(2))
print(f"of unrelated weights: {composition.null:.2f}")
