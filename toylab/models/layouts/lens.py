"""TransformerLens's names, with their norms or with these folded into what follows."""

from typing import Any

import numpy as np

from toylab.errors import ToylabError
from toylab.models.attention import rope_angles
from toylab.models.layouts.state import State
from toylab.models.transformer import Transformer
from toylab.taps import Params

NORMS = (("norm_attn", "ln1"), ("norm_mlp", "ln2"))
MLP = (("up", "in", "D F", "F"), ("down", "out", "F D", "D"))


def read(state: State, norm: str | None) -> tuple[dict[str, Any], Params]:
    """Return a network's settings, without its activation, and its parameters.

    Args:
        state: the weights.
        norm: its norms, where they have no weights to tell them.

    Raises:
        ToylabError: another norm than the weights tell, or norms that nothing tells.
    """
    kind, folded = _norm_kind(state, norm)
    params: Params = {"embed": {"embedding": state.take("embed.W_E", "V D")}}
    _check_heads(state)
    blocks = range(state.depth("blocks"))
    has_mlp = state.has(r"blocks\.\d+\.mlp\.")

    def norms(at: str, pairs: tuple[tuple[str, str], ...]) -> Params:
        found = {ours: _norm(state, at + theirs, kind, folded) for ours, theirs in pairs}
        return {} if kind == "none" else found

    params["blocks"] = {
        str(i): {"attn": _attention(state, f"blocks.{i}.attn.")}
        | ({"mlp": _mlp(state, f"blocks.{i}.mlp.")} if has_mlp else {})
        | norms(f"blocks.{i}.", NORMS[: 1 + has_mlp])
        for i in blocks
    }
    params |= norms("", (("norm", "ln_final"),))
    settings = {"norm": kind, "positions": "rope", "n_out": None}
    if not state.has(r"blocks\.\d+\.attn\.rotary_"):
        params["positions"] = {"embedding": state.take("pos_embed.W_pos", "L D")}
        settings["positions"] = "learned"
    else:
        for i in blocks:
            _check_rotation(state, f"blocks.{i}.attn.")
    params["unembed"] = {"kernel": state.take("unembed.W_U", "D O")}
    bias = state.take("unembed.b_U", "O")
    params["unembed"] |= {"bias": bias} if bias.any() else {}
    return settings | {"n_out": state.sizes["O"]}, params


def _norm_kind(state: State, norm: str | None) -> tuple[str, bool]:
    """The kind of the norms, and whether their gains are folded into what follows."""
    if "ln_final.w" in state:
        told = "layer" if "ln_final.b" in state else "rms"
        if norm not in (None, told):
            raise ToylabError(
                f"from_state_dict: norm = {norm!r}, but the weights are those of {told!r}; leave "
                "norm out."
            )
        return told, False
    if norm is None:
        raise ToylabError(
            "from_state_dict: norms without weights (folded, or none at all) look alike; give "
            "norm='layer' (LNPre), 'rms' (RMSPre) or 'none'."
        )
    return norm, True


def _norm(state: State, name: str, kind: str, folded: bool) -> Params:
    """A norm's gain and bias; 1 and 0 where they are folded."""
    if folded:
        width = state.sizes["D"]
        both = {"scale": np.ones(width, np.float32), "bias": np.zeros(width, np.float32)}
        return both if kind == "layer" else {"scale": both["scale"]}
    names = {"scale": "w", "bias": "b"} if kind == "layer" else {"scale": "w"}
    return {ours: state.take(f"{name}.{theirs}", "D") for ours, theirs in names.items()}


def _check_heads(state: State) -> None:
    shape, heads = state.shape("blocks.0.attn.W_Q"), state.sizes["H"]
    if len(shape) == 3 and shape[0] != heads:
        told = (heads, *shape[1:])
        raise ToylabError(
            f"from_state_dict: blocks.0.attn.W_Q is {shape}, not {told}; give heads={shape[0]}."
        )


def _attention(state: State, at: str) -> Params:
    attn: Params = {}
    for n in "qkv":
        attn[f"w_{n}"] = np.moveaxis(state.take(f"{at}W_{n.upper()}", "H D K"), 0, 1)
        attn[f"b_{n}"] = state.take(f"{at}b_{n.upper()}", "H K")
    return attn | {"w_o": state.take(f"{at}W_O", "H K D"), "b_o": state.take(f"{at}b_O", "D")}


def _mlp(state: State, at: str) -> Params:
    return {
        ours: {"kernel": state.take(f"{at}W_{n}", kernel), "bias": state.take(f"{at}b_{n}", bias)}
        for ours, n, kernel, bias in MLP
    }


def _rotation(length: int, k: int) -> dict[str, np.ndarray]:
    """Tables by which pairs half a head apart are rotated, (length, K)."""
    angles = np.tile(rope_angles(length, k), 2)
    return {"rotary_sin": np.sin(angles), "rotary_cos": np.cos(angles)}


def _check_rotation(state: State, at: str) -> None:
    """Refuse rotary positions other than a transformer's."""
    length = state.shape(f"{at}rotary_cos")[0]
    for name, ours in _rotation(length, state.sizes["K"]).items():
        theirs = state.take(f"{at}{name}", "L R")
        # Their angles are float32, whose error grows with the position.
        if theirs.shape != ours.shape or np.abs(theirs - ours).max() > 1e-5 + 1e-6 * length:
            raise ToylabError(
                f"from_state_dict: {at}{name} is another rotation than a Transformer's, which is "
                "of the whole head, in pairs half a head apart, by the base 10000."
            )


def write(model: Transformer, params: Params) -> dict[str, Any]:
    """Return the state dict of a network."""
    embed = params["embed"]["embedding"]
    kernel = np.asarray(embed).T if model.tied_unembed else params["unembed"]["kernel"]
    none = np.zeros(kernel.shape[1], np.float32)
    state = {"embed.W_E": embed, "unembed.W_U": kernel}
    state["unembed.b_U"] = params["unembed"]["bias"] if model.unembed_bias else none
    if model.positions == "learned":
        state["pos_embed.W_pos"] = params["positions"]["embedding"]
    state |= _written_norms(params, (("norm", "ln_final"),))
    for i, block in params["blocks"].items():
        inner = _block(model, block) | _written_norms(block, NORMS)
        state |= {f"blocks.{i}.{name}": value for name, value in inner.items()}
    return state


def _written_norms(params: Params, pairs: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    names = {"scale": "w", "bias": "b"}
    norms = [(theirs, params[ours]) for ours, theirs in pairs if ours in params]
    return {f"{at}.{names[n]}": leaf for at, norm in norms for n, leaf in norm.items()}


def _block(model: Transformer, block: Params) -> dict[str, Any]:
    """One block's attention and MLP by name; biases are 0 in a network without."""
    attn, state, none = block["attn"], {}, lambda *shape: np.zeros(shape, np.float32)
    for n in "qkv":
        state[f"attn.W_{n.upper()}"] = np.moveaxis(np.asarray(attn[f"w_{n}"]), 1, 0)
        state[f"attn.b_{n.upper()}"] = attn.get(f"b_{n}", none(model.heads, model.key_dim))
    state |= {"attn.W_O": attn["w_o"], "attn.b_O": attn.get("b_o", none(model.width))}
    if model.positions == "rope":
        tables = _rotation(model.length, model.key_dim).items()
        state |= {f"attn.{name}": table.astype(np.float32) for name, table in tables}
    for ours, n, _, _ in MLP if model.hidden else ():
        kernel = block["mlp"][ours]["kernel"]
        state[f"mlp.W_{n}"] = kernel
        state[f"mlp.b_{n}"] = block["mlp"][ours].get("bias", none(kernel.shape[1]))
    return state
