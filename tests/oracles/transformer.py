"""A transformer in float64 NumPy, one sequence, head and query at a time.

It reads the settings and the parameter dict of ``toylab.models.Transformer`` and shares no code
with it. Every intermediate is kept under its site name.
"""

import math

import numpy as np

ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "gelu_exact": lambda x: 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))),
    "silu": lambda x: x / (1 + np.exp(-x)),
}


def normalise(kind, params, x):
    """Apply a norm to one vector; ``params`` is None where there is none."""
    if kind == "none":
        return x
    if kind == "rms":
        return x / math.sqrt(np.mean(x * x) + 1e-5) * params["scale"]
    centred = x - np.mean(x)
    return centred / math.sqrt(np.mean(centred * centred) + 1e-5) * params["scale"] + params["bias"]


def rotate(x, position):
    """Rotate one head's vector: complex pairs, half a head apart, times ``exp(i angle)``."""
    half = len(x) // 2
    turned = np.empty(len(x))
    for j in range(half):
        angle = position / 10_000 ** (2 * j / len(x))
        pair = complex(x[j], x[j + half]) * complex(math.cos(angle), math.sin(angle))
        turned[j], turned[j + half] = pair.real, pair.imag
    return turned


def weigh(scores, kind, mix):
    """Weights over the visible keys of one query."""
    n = len(scores)
    if kind == "softmax":
        odds = np.exp(scores - np.max(scores))
        weights = odds / np.sum(odds)
    else:
        weights = np.maximum(scores, 0) / n
    return mix * weights + (1 - mix) * np.ones(n) / n


def attend(model, params, x_LD):
    """Attention of one sequence; returns its sites."""
    length, heads, k = len(x_LD), model.heads, model.key_dim
    zero = np.zeros((heads, k))
    sites = {}
    for name in "qkv":
        w, b = params[f"w_{name}"], params.get(f"b_{name}", zero)
        sites[name] = np.array([[x @ w[:, h] + b[h] for h in range(heads)] for x in x_LD])
    sites["scores"] = np.zeros((heads, length, length))
    sites["pattern"] = np.zeros((heads, length, length))
    sites["z"] = np.zeros((length, heads, k))
    sites["out"] = np.zeros(x_LD.shape) + params.get("b_o", 0)
    for h in range(heads):
        for i in range(length):
            for j in range(length):
                q, key = sites["q"][i, h], sites["k"][j, h]
                if model.positions == "rope":
                    q, key = rotate(q, i), rotate(key, j)
                sites["scores"][h, i, j] = q @ key / math.sqrt(k)
            seen = i + 1 if model.causal else length
            weights = weigh(sites["scores"][h, i, :seen], model.attention, model.attention_mix)
            sites["pattern"][h, i, :seen] = weights
            for j in range(seen):
                sites["z"][i, h] += weights[j] * sites["v"][j, h]
            sites["out"][i] += sites["z"][i, h] @ params["w_o"][h]
    return sites


def feed_forward(model, params, x):
    """MLP of one position; returns its sites."""
    affine = lambda name, v: v @ params[name]["kernel"] + params[name].get("bias", 0)
    pre = affine("gate" if model.gated else "up", x)
    post = ACTIVATIONS[model.activation](pre) * (affine("up", x) if model.gated else 1)
    return {"pre": pre, "post": post, "out": affine("down", post)}


def forward_one(model, params, tokens):
    """Run one sequence; returns every site without the batch axis."""
    x = params["embed"]["embedding"][tokens]
    if model.positions == "learned":
        x = x + params["positions"]["embedding"][: len(tokens)]
    sites = {"embed": x}
    for i in range(model.depth):
        block, at = params["blocks"][str(i)], f"blocks/{i}/"
        sites[at + "resid_pre"] = x
        normed = np.array([normalise(model.norm, block.get("norm_attn"), row) for row in x])
        attn = attend(model, block["attn"], normed)
        sites |= {f"{at}attn/{name}": value for name, value in attn.items()}
        x = sites[at + "resid_mid"] = x + attn["out"]
        if model.hidden:
            normed = [normalise(model.norm, block.get("norm_mlp"), row) for row in x]
            rows = [feed_forward(model, block["mlp"], row) for row in normed]
            for name in ("pre", "post", "out"):
                sites[f"{at}mlp/{name}"] = np.array([row[name] for row in rows])
            x = x + sites[f"{at}mlp/out"]
        sites[at + "resid_post"] = x
    x = np.array([normalise(model.norm, params.get("norm"), row) for row in x])
    sites["final/norm"] = x
    embedding = params["embed"]["embedding"]
    unembed = embedding.T if model.tied_unembed else params["unembed"]["kernel"]
    bias = params["unembed"]["bias"] if model.unembed_bias else 0
    sites["final/logits"] = x @ unembed + bias
    return sites


def forward(model, params, tokens):
    """Run a batch; returns every site with the batch axis in front."""
    rows = [forward_one(model, params, row) for row in np.asarray(tokens)]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
