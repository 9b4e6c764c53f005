"""Edge attribution with integrated gradients, against differences in NumPy float64."""

import jax
import numpy as np

from tests.analysis.circuits.conftest import CORRUPT, TOKENS, build
from toylab.analysis.circuits import Edges, edge_attribution, logit_difference
from toylab.train.fast_compile import compiling

ANSWER, OTHER = np.asarray(TOKENS[:, 0]), np.asarray((TOKENS[:, 0] + 1) % 7)
STEP = 1e-4


def rms(x, params):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5) * params["scale"]


def head(q, k, v, attn, h):
    """What one head writes of its three normed inputs."""
    q, k, v = (x @ attn[f"w_{name}"][:, h] for name, x in zip("qkv", (q, k, v), strict=True))
    scores = np.einsum("blk,bmk->blm", q, k) / np.sqrt(q.shape[-1])
    scores[:, np.triu(np.ones(scores.shape[1:], bool), 1)] = -np.inf
    pattern = np.exp(scores - scores.max(-1, keepdims=True))
    return pattern / pattern.sum(-1, keepdims=True) @ v @ attn["w_o"][h]


def measured(params, embed, moves):
    """The metric of a run whose readers' inputs are moved, and what each part wrote."""
    wrote = {"embed": embed}

    def read(name, gains):  # before its norm
        return rms(sum(wrote.values()) + moves.get(name, 0), gains)

    for i, block in params["blocks"].items():
        own = {f"a{i}.h{h}": [f"a{i}.h{h}<{kind}>" for kind in "qkv"] for h in range(2)}
        new = {
            name: head(*(read(reader, block["norm_attn"]) for reader in readers), block["attn"], h)
            for h, (name, readers) in enumerate(own.items())
        }
        wrote |= new
        pre = read(f"m{i}", block["norm_mlp"]) @ block["mlp"]["up"]["kernel"]
        wrote[f"m{i}"] = pre / (1 + np.exp(-pre)) @ block["mlp"]["down"]["kernel"]
    last = (read("logits", params["norm"]) @ params["unembed"]["kernel"])[:, -1]
    rows = np.arange(len(last))
    return (last[rows, ANSWER] - last[rows, OTHER]).mean(), wrote


def test_scores_are_slopes_of_what_edges_carry():
    model, params = build(norm="rms", hidden=4, activation="silu")
    metric, edges = logit_difference(ANSWER, OTHER), Edges.of(model)
    with compiling(hastily=True):
        found = edge_attribution(model, params, TOKENS, CORRUPT, metric, steps=2)
    exact = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    embed = lambda x: exact["embed"]["embedding"][x] + exact["positions"]["embedding"]
    here, there = embed(np.asarray(TOKENS)), embed(np.asarray(CORRUPT))
    (_, clean), (_, corrupt) = (measured(exact, start, {}) for start in (here, there))
    shares = (0.25, 0.75)  # the midpoints of two steps
    wanted = np.zeros(edges.possible.shape)
    for r, w in np.argwhere(edges.possible):
        shift = STEP * (corrupt[edges.writers[w]] - clean[edges.writers[w]])
        for share in shares:
            start, reader = there + share * (here - there), edges.readers[r]
            up, down = (measured(exact, start, {reader: s * shift})[0] for s in (1, -1))
            wanted[r, w] += (up - down) / (2 * STEP) / len(shares)
    assert np.abs(wanted).max() > 0.1
    np.testing.assert_allclose(found, wanted, rtol=2e-3, atol=2e-5)
