"""GPT-2's names: Hugging Face's with (in, out) weights, nanoGPT's and minGPT's with (out, in)."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from toylab.errors import ToylabError
from toylab.models.layouts.state import check_shape, depth, norm_of, take
from toylab.models.transformer import Transformer
from toylab.taps import Params

NORMS = (("norm_attn", "ln_1"), ("norm_mlp", "ln_2"))


def read(flat: Mapping[str, np.ndarray], heads: int, layout: str) -> dict[str, Any]:
    """Return the parts of a network; ``layout`` is gpt2 or nanogpt."""
    width = take(flat, "wte.weight").shape[1]
    if width % heads:
        raise ToylabError(f"from_state_dict: heads = {heads} do not divide the width {width}.")
    split = (heads, width // heads)

    def linear(name: str) -> tuple[np.ndarray, np.ndarray]:
        kernel = take(flat, f"{name}.weight")
        kernel = kernel if layout == "gpt2" else kernel.T
        return kernel, flat.get(f"{name}.bias", np.zeros(kernel.shape[1], np.float32))

    def block(i: int) -> Params:
        (qkv, b_qkv), (out, b_out) = (linear(f"h.{i}.attn.{n}") for n in ("c_attn", "c_proj"))
        check_shape(f"h.{i}.attn.c_attn.weight", qkv.shape, (width, 3 * width))
        w = [part.reshape(width, *split) for part in np.split(qkv, 3, 1)]
        b = [part.reshape(split) for part in np.split(b_qkv, 3)]
        attn = {f"w_{n}": part for n, part in zip("qkv", w, strict=True)}
        attn |= {f"b_{n}": part for n, part in zip("qkv", b, strict=True)}
        attn |= {"w_o": out.reshape(*split, width), "b_o": b_out}
        mlp = {}
        for ours, theirs in (("up", "c_fc"), ("down", "c_proj")):
            kernel, bias = linear(f"h.{i}.mlp.{theirs}")
            mlp[ours] = {"kernel": kernel, "bias": bias}
        norms = {n: norm_of(flat, f"h.{i}.{t}", "weight", "bias") for n, t in NORMS}
        return {"attn": attn, "mlp": mlp, **norms}

    head = flat.get("lm_head.weight")
    tied = head is None or np.array_equal(head, flat["wte.weight"])
    return {
        "embed": take(flat, "wte.weight"),
        "positions": take(flat, "wpe.weight"),
        "unembed": None if tied or head is None else head.T,
        "blocks": {str(i): block(i) for i in range(depth(flat, r"h\.(\d+)\."))},
        "norm": norm_of(flat, "ln_f", "weight", "bias"),
    }


def write(model: Transformer, params: Params, layout: str) -> dict[str, Any]:
    """Return the state dict of a network."""
    turn = lambda kernel: kernel if layout == "gpt2" else np.asarray(kernel).T
    state: dict[str, Any] = {"wte.weight": params["embed"]["embedding"]}
    state["wpe.weight"] = params["positions"]["embedding"]
    state |= {"ln_f.weight": params["norm"]["scale"], "ln_f.bias": params["norm"]["bias"]}
    for i, block in params["blocks"].items():
        state |= {f"h.{i}.{name}": value for name, value in _block(block, turn).items()}
    tied = model.tied_unembed
    head = params["embed"]["embedding"] if tied else np.asarray(params["unembed"]["kernel"]).T
    state = {f"transformer.{name}": value for name, value in state.items()}
    return state | {"lm_head.weight": head}


def _block(block: Params, turn: Callable[[Any], Any]) -> dict[str, Any]:
    """One block's weights by name; ``turn`` brings kernels (in, out) into the layout's order."""
    attn = block["attn"]
    width = attn["w_o"].shape[-1]
    flat = lambda kind, n: np.asarray(attn[f"{kind}_{n}"])
    state = {
        "attn.c_attn.weight": turn(
            np.concatenate([flat("w", n).reshape(width, -1) for n in "qkv"], 1)
        ),
        "attn.c_attn.bias": np.concatenate([flat("b", n).ravel() for n in "qkv"]),
        "attn.c_proj.weight": turn(flat("w", "o").reshape(-1, width)),
        "attn.c_proj.bias": attn["b_o"],
    }
    for ours, theirs in (("up", "c_fc"), ("down", "c_proj")):
        state[f"mlp.{theirs}.weight"] = turn(block["mlp"][ours]["kernel"])
        state[f"mlp.{theirs}.bias"] = block["mlp"][ours]["bias"]
    for ours, theirs in NORMS:
        state[f"{theirs}.weight"], state[f"{theirs}.bias"] = (
            block[ours]["scale"],
            block[ours]["bias"],
        )
    return state
