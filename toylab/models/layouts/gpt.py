"""GPT-2's names, Hugging Face's and those of nanoGPT and minGPT."""

from typing import Any, NamedTuple

import numpy as np

from toylab.errors import ToylabError
from toylab.models.layouts.state import State
from toylab.models.transformer import Transformer
from toylab.taps import Params


class Names(NamedTuple):
    """How a layout names its weights, and how it keeps them.

    Attributes:
        prefix: of all names but the unembedding's.
        embed, positions: the tables.
        places: axes of the positions' table.
        blocks: what stands before a block's number.
        norms: a block's norms, before attention and before the MLP.
        qkv: queries, keys and values, in one weight or in three.
        out: the output projection.
        mlp: up and down.
        unembed: the unembedding.
        inward: whether kernels are (in, out); ``nn.Linear``'s are (out, in).
        may_tie: whether the unembedding is left out where it is the embedding.
    """

    prefix: str = "transformer."
    embed: str = "wte.weight"
    positions: str = "wpe.weight"
    places: str = "L D"
    blocks: str = "h"
    norms: tuple[str, str] = ("ln_1", "ln_2")
    qkv: tuple[str, ...] = ("attn.c_attn",)
    out: str = "attn.c_proj"
    mlp: tuple[str, str] = ("mlp.c_fc", "mlp.c_proj")
    unembed: str = "lm_head"
    inward: bool = False
    may_tie: bool = False


LAYOUTS = {
    "gpt2": Names(inward=True, may_tie=True),
    "nanogpt": Names(may_tie=True),
    "mingpt": Names(),
    "mingpt_2020": Names(
        prefix="",
        embed="tok_emb.weight",
        positions="pos_emb",
        places="1 L D",
        blocks="blocks",
        norms=("ln1", "ln2"),
        qkv=("attn.query", "attn.key", "attn.value"),
        out="attn.proj",
        mlp=("mlp.0", "mlp.2"),
        unembed="head",
    ),
}
NORMS = ("norm_attn", "norm_mlp")


class Reader:
    """Reads a network of one layout.

    Args:
        state: the weights.
        layout: its name.
    """

    def __init__(self, state: State, layout: str) -> None:
        self.state, self.names = state, LAYOUTS[layout]
        self.embed = state.take(self.names.embed, "V D")
        heads, width = state.sizes["H"], state.sizes["D"]
        if width % heads:
            raise ToylabError(f"from_state_dict: heads = {heads} do not divide the width {width}.")
        state.sizes["K"] = width // heads
        # nanoGPT can do without any bias.
        self.biases = state.has(rf"{self.names.blocks}\.\d+\..*bias$")

    def bias(self, name: str, axis: str) -> np.ndarray:
        """Return a bias; 0 in a network without."""
        if self.biases:
            return self.state.take(f"{name}.bias", axis)
        return np.zeros(self.state.size(axis) or 0, np.float32)

    def linear(self, name: str, n_in: str, n_out: str) -> tuple[np.ndarray, np.ndarray]:
        """Return a linear map's kernel (in, out) and its bias."""
        axes = f"{n_in} {n_out}" if self.names.inward else f"{n_out} {n_in}"
        kernel = self.state.take(f"{name}.weight", axes)
        return kernel if self.names.inward else kernel.T, self.bias(name, n_out)

    def norm(self, name: str) -> Params:
        """Return a norm's gain and bias."""
        return {"scale": self.state.take(f"{name}.weight", "D"), "bias": self.bias(name, "D")}

    def attention(self, at: str) -> Params:
        """Return a block's attention, its heads apart."""
        count = len(self.names.qkv)
        maps = [self.linear(f"{at}.{name}", "D", f"{3 // count}D") for name in self.names.qkv]
        kernel, bias = (np.concatenate(parts, -1) for parts in zip(*maps, strict=True))
        split = self.state.sizes["H"], self.state.sizes["K"]
        attn: Params = {}
        for n, w, b in zip("qkv", np.split(kernel, 3, 1), np.split(bias, 3), strict=True):
            attn |= {f"w_{n}": w.reshape(-1, *split), f"b_{n}": b.reshape(split)}
        out, b_o = self.linear(f"{at}.{self.names.out}", "D", "D")
        return attn | {"w_o": out.reshape(*split, -1), "b_o": b_o}

    def block(self, i: int) -> Params:
        """Return a block."""
        at = f"{self.names.blocks}.{i}"
        block = {"attn": self.attention(at), "mlp": {}}
        ends = zip(("up", "down"), self.names.mlp, ("DF", "FD"), strict=True)
        for ours, theirs, axes in ends:
            kernel, bias = self.linear(f"{at}.{theirs}", *axes)
            block["mlp"][ours] = {"kernel": kernel, "bias": bias}
        named = zip(NORMS, self.names.norms, strict=True)
        return block | {ours: self.norm(f"{at}.{theirs}") for ours, theirs in named}

    def unembed(self) -> tuple[Params, bool]:
        """Return the unembedding without its bias, and whether it is the embedding."""
        name = f"{self.names.unembed}.weight"
        if self.names.may_tie and name not in self.state:
            return {}, True
        head = self.state.take(name, "O D")
        tied = np.array_equal(head, self.embed)
        return ({} if tied else {"kernel": head.T}), tied


def read(state: State, layout: str) -> tuple[dict[str, Any], Params]:
    """Return a network's settings, without its activation, and its parameters."""
    reader, names = Reader(state, layout), LAYOUTS[layout]
    positions = state.take(names.positions, names.places)
    blocks = {str(i): reader.block(i) for i in range(state.depth(names.blocks))}
    unembed, tied = reader.unembed()
    state.sizes.setdefault("O", state.sizes["V"])
    if f"{names.unembed}.bias" in state:
        bias = state.take(f"{names.unembed}.bias", "O")
        unembed |= {"bias": bias} if bias.any() else {}
    params: Params = {"embed": {"embedding": reader.embed}, "blocks": blocks}
    params |= {"positions": {"embedding": positions.reshape(-1, state.sizes["D"])}}
    params |= {"norm": reader.norm("ln_f")} | ({"unembed": unembed} if unembed else {})
    n_out = None if tied else state.sizes["O"]
    return {"norm": "layer", "tied_unembed": tied, "n_out": n_out}, params


def write(model: Transformer, params: Params, layout: str) -> dict[str, Any]:
    """Return the state dict of a network."""
    names = LAYOUTS[layout]
    positions = params["positions"]["embedding"]
    state = {
        names.embed: params["embed"]["embedding"],
        names.positions: positions[None] if names.places[0] == "1" else positions,
        **_norm("ln_f", params["norm"]),
    }
    for i, block in params["blocks"].items():
        inner = _block(block, names).items()
        state |= {f"{names.blocks}.{i}.{name}": value for name, value in inner}
    state = {names.prefix + name: value for name, value in state.items()}
    embed, own = params["embed"]["embedding"], params.get("unembed", {})
    state[f"{names.unembed}.weight"] = own["kernel"].T if "kernel" in own else embed
    return state | ({f"{names.unembed}.bias": own["bias"]} if "bias" in own else {})


def _norm(name: str, norm: Params) -> dict[str, Any]:
    return {f"{name}.weight": norm["scale"], f"{name}.bias": norm["bias"]}


def _block(block: Params, names: Names) -> dict[str, Any]:
    """One block's weights by name."""
    attn = {name: np.asarray(value) for name, value in block["attn"].items()}
    width, count = attn["w_o"].shape[-1], len(names.qkv)
    kernel = np.concatenate([attn[f"w_{n}"].reshape(width, -1) for n in "qkv"], 1)
    bias = np.concatenate([attn[f"b_{n}"].ravel() for n in "qkv"])
    parts = zip(np.split(kernel, count, 1), np.split(bias, count), strict=True)
    maps = dict(zip(names.qkv, parts, strict=True))
    maps[names.out] = attn["w_o"].reshape(-1, width), attn["b_o"]
    for ours, theirs in zip(("up", "down"), names.mlp, strict=True):
        maps[theirs] = block["mlp"][ours]["kernel"], block["mlp"][ours]["bias"]
    state: dict[str, Any] = {}
    for name, (kernel, bias) in maps.items():
        state |= {f"{name}.weight": kernel if names.inward else kernel.T, f"{name}.bias": bias}
    for ours, theirs in zip(NORMS, names.norms, strict=True):
        state |= _norm(theirs, block[ours])
    return state
