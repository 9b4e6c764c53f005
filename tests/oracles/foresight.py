"""A transformer of vectors in float64 NumPy, one position after another, with a dampened past.

Keys and values of earlier positions are ``held + share (own - held)``, where ``held`` are those of
another run: of one with the unmoved parameters, they follow a move of the parameters at that share
alone. So the change of a loss under a small move is the directional derivative that is wanted, and
no gradient is taken. With ``reading`` the weights W_K and W_V of the present run are applied to the
streams that were held.
"""

import math

import numpy as np


def normalised(x, params):
    """LayerNorm, or nothing where there are no gains."""
    if params is None:
        return x
    centred = x - x.mean()
    return centred / math.sqrt((centred**2).mean() + 1e-5) * params["scale"] + params["bias"]


def forward(params, vectors, share=1.0, reading=0.0, held=None):
    """Outputs (T,), and per block and position the stream, keys and values."""
    depth, kept, outputs = len(params["blocks"]), {}, []
    for t, vector in enumerate(vectors):
        x = vector @ params["embed"]["embedding"] + params["positions"]["embedding"][t]
        for i in range(depth):
            block = params["blocks"][str(i)]
            x = one_position(block, x, i, t, kept, held, share, reading)
        outputs.append(normalised(x, params.get("norm")) @ params["unembed"]["kernel"][:, 0])
    return np.array(outputs), kept


def one_position(block, x, i, t, kept, held, share, reading):
    """The stream of position t after block i."""
    attn, normed = block["attn"], normalised(x, block.get("norm_attn"))
    apply = lambda name, y: np.einsum("d,dhk->hk", y, attn[f"w_{name}"]) + attn[f"b_{name}"]
    kept[i, t] = {"x": normed, "k": apply("k", normed), "v": apply("v", normed)}
    q = apply("q", normed)

    def past(name, s):
        own = kept[i, s][name]
        if s == t or held is None:
            return own
        then = held[i, s]
        through_weights = apply(name, then["x"]) - then[name]
        return then[name] + share * (own - then[name]) + (1 - share) * reading * through_weights

    out = np.array(attn["b_o"])
    for h in range(q.shape[0]):
        scores = np.array([q[h] @ past("k", s)[h] for s in range(t + 1)]) / math.sqrt(q.shape[1])
        weights = np.exp(scores - scores.max())
        weights /= weights.sum()
        z = sum(w * past("v", s)[h] for s, w in enumerate(weights))
        out = out + z @ attn["w_o"][h]
    x = x + out
    up, down = block["mlp"]["up"], block["mlp"]["down"]
    hidden = np.maximum(normalised(x, block.get("norm_mlp")) @ up["kernel"] + up["bias"], 0)
    return x + hidden @ down["kernel"] + down["bias"]


def derivative(params, move, vectors, targets, share, reading=0.0, size=1e-5):
    """Derivative of the summed squared error along a move of the parameters, by differences.

    With ``share`` 0 a position's loss counts alone, as it would be differentiated with all earlier
    positions' keys and values for constants.
    """
    _, held = forward(params, vectors)
    along = lambda s: add(params, move, s)
    loss = lambda p: np.sum((targets - forward(p, vectors, share, reading, held)[0]) ** 2)
    return (loss(along(size)) - loss(along(-size))) / (2 * size)


def add(params, move, size):
    """Parameters moved."""
    if isinstance(params, dict):
        return {name: add(leaf, move[name], size) for name, leaf in params.items()}
    return params + size * move
