"""What a transformer's first block writes for a token, by its weights alone."""

import numpy as np

from toylab.taps import Params


def written(params: Params, tokens: np.ndarray) -> np.ndarray:
    """What each head of the first block adds for tokens that it attends to, (H, T, D).

    ``(E[t] - mean(E[t])) g V_h O_h`` for token t, g the gain of the norm before attention; the
    norm's division changes its length alone, which a cosine does not see.
    """
    part = lambda tree, *path: np.asarray(part(tree[path[0]], *path[1:]) if path else tree)
    embedded = part(params, "embed", "embedding")[tokens]
    gain = part(params, "blocks", "0", "norm_attn", "scale")
    value, out = (part(params, "blocks", "0", "attn", name) for name in ("w_v", "w_o"))
    read = (embedded - embedded.mean(-1, keepdims=True)) * gain
    return np.einsum("td,dhk,hke->hte", read, value, out)
