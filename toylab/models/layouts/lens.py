"""TransformerLens's names, with nothing folded."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from toylab.errors import ToylabError
from toylab.models.layouts.state import check_shape, depth, norm_of, take
from toylab.models.transformer import Transformer
from toylab.taps import Params

NORMS = (("norm_attn", "ln1"), ("norm_mlp", "ln2"))


def read(flat: Mapping[str, np.ndarray], heads: int, layout: str) -> dict[str, Any]:
    """Return the parts of a network."""

    def block(i: int) -> Params:
        at = f"blocks.{i}."
        attn = {f"{k.lower()}_{n.lower()}": take(flat, f"{at}attn.{k}_{n}")
                for k in "Wb" for n in "QKVO"}  # fmt: skip
        check_shape(f"{at}attn.W_Q", attn["w_q"].shape[:1], (heads,))
        attn |= {name: np.moveaxis(attn[name], 0, 1) for name in ("w_q", "w_k", "w_v")}
        mlp = {
            ours: {"kernel": take(flat, f"{at}mlp.W_{n}"), "bias": take(flat, f"{at}mlp.b_{n}")}
            for ours, n in (("up", "in"), ("down", "out"))
        }
        return {"attn": attn, "mlp": mlp} | {n: norm_of(flat, at + t, "w", "b") for n, t in NORMS}

    bias = flat.get("unembed.b_U", np.zeros(1))
    if np.abs(bias).max() > 0:
        raise ToylabError(
            "from_state_dict: unembed.b_U is not 0, and a Transformer has no such bias; add it to "
            "the logits yourself, or load the source without folding its norms."
        )
    return {
        "embed": take(flat, "embed.W_E"),
        "positions": take(flat, "pos_embed.W_pos"),
        "unembed": take(flat, "unembed.W_U"),
        "blocks": {str(i): block(i) for i in range(depth(flat, r"blocks\.(\d+)\."))},
        "norm": norm_of(flat, "ln_final", "w", "b"),
    }


def write(model: Transformer, params: Params, layout: str) -> dict[str, Any]:
    """Return the state dict of a network."""
    embed = params["embed"]["embedding"]
    kernel = np.asarray(embed).T if model.tied_unembed else params["unembed"]["kernel"]
    state = {
        "embed.W_E": embed,
        "pos_embed.W_pos": params["positions"]["embedding"],
        "unembed.W_U": kernel,
        "unembed.b_U": np.zeros(kernel.shape[1], np.float32),
        "ln_final.w": params["norm"]["scale"],
        "ln_final.b": params["norm"]["bias"],
    }
    for i, block in params["blocks"].items():
        state |= {f"blocks.{i}.{name}": value for name, value in _block(block).items()}
    return state


def _block(block: Params) -> dict[str, Any]:
    """One block's weights by name."""
    attn, state = block["attn"], {}
    for n in "qkvo":
        weight = attn[f"w_{n}"]
        heads_first = weight if n == "o" else np.moveaxis(np.asarray(weight), 1, 0)
        state[f"attn.W_{n.upper()}"], state[f"attn.b_{n.upper()}"] = heads_first, attn[f"b_{n}"]
    for ours, theirs in (("up", "in"), ("down", "out")):
        layer = block["mlp"][ours]
        state[f"mlp.W_{theirs}"], state[f"mlp.b_{theirs}"] = layer["kernel"], layer["bias"]
    for ours, theirs in NORMS:
        state[f"{theirs}.w"], state[f"{theirs}.b"] = block[ours]["scale"], block[ours]["bias"]
    return state
