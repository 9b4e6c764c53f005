"""Weights of a layout into a transformer, and back."""

import sys
from collections.abc import Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from toylab.errors import ToylabError, check_number
from toylab.models.layouts import gpt, lens
from toylab.models.layouts.state import State
from toylab.models.transformer import Transformer
from toylab.taps import Params
from toylab.trees import leading

Layout = Literal["gpt2", "nanogpt", "mingpt", "mingpt_2020", "lens"]
Activation = Literal["relu", "gelu", "gelu_exact", "silu"]
Norm = Literal["none", "layer", "rms"]
# What a layout's own code computes; TransformerLens's is a setting, and gelu what GPT-2 has there.
ACTIVATIONS: dict[str, Activation] = {
    "gpt2": "gelu",
    "nanogpt": "gelu_exact",
    "mingpt": "gelu",
    "mingpt_2020": "gelu_exact",
    "lens": "gelu",
}


def from_state_dict(
    state: Mapping[str, Any],
    heads: int,
    layout: Layout | None = None,
    activation: Activation | None = None,
    norm: Norm | None = None,
) -> tuple[Transformer, Params]:
    """Read a GPT-2-like network.

    What weights do not tell is taken to be GPT-2's: positions added to tokens, causal softmax
    attention with scores divided by ``sqrt(K)``, blocks of attention and then an MLP, 1e-5 in the
    norms. Hazard: TransformerLens's ALiBi and shortformer cannot be told from it.

    Args:
        state: names and arrays.
        heads: attention heads; the arrays of GPT-2 and nanoGPT do not tell.
        layout: which layout it is; told from names and shapes by default. Those of nanoGPT and
            minGPT are the same, so that one of ``layout`` and ``activation`` is needed there.
        activation: ``gelu`` (tanh form), ``gelu_exact``, ``relu`` or ``silu``; the layout's own by
            default, ``gelu`` for TransformerLens, whose weights do not tell.
        norm: for TransformerLens without weights of norms, ``layer`` (its LNPre), ``rms``
            (RMSPre) or ``none``.

    Returns:
        The model and its parameters, whose logits are those of the source. It has an
        ``unembed_bias`` where the source has one that is not 0.

    Raises:
        ToylabError: no known layout, or two that look alike; a missing weight, one of another shape
            (both are told) or one that nothing reads; heads that do not divide the width; a
            checkpoint around a state dict.

    Example:
        >>> model = Transformer(5, 4, 8, 1, 2, hidden=16, norm="layer", biases=True)
        >>> params = model.init(jax.random.key(0))
        >>> again, read = from_state_dict(to_state_dict(model, params, "gpt2"), heads=2)
        >>> import dataclasses
        >>> again == dataclasses.replace(model, activation="gelu", n_out=5, head_dim=4)
        True
    """
    check_number("from_state_dict", "heads", heads, 1, whole=True)
    _check_layout("from_state_dict", layout)
    weights = State(state, H=heads)
    layout = layout or _layout(weights, activation)
    if layout != "lens" and norm not in (None, "layer"):
        raise ToylabError(f"from_state_dict: norm = {norm!r}; the layout {layout} has 'layer'.")
    told, params = lens.read(weights, norm) if layout == "lens" else gpt.read(weights, layout)
    weights.check_all_read(layout)
    sizes = weights.sizes
    model = Transformer(
        vocab=sizes["V"],
        length=sizes["L"],
        width=sizes["D"],
        depth=len(params["blocks"]),
        heads=heads,
        head_dim=sizes["K"],
        hidden=sizes.get("F", 0),
        activation=activation or ACTIVATIONS[layout],
        biases=True,
        unembed_bias="bias" in params.get("unembed", {}),
        **told,
    )
    return model, jax.tree.map(jnp.asarray, params)


def to_state_dict(model: Transformer, params: Params, layout: Layout) -> dict[str, np.ndarray]:
    """Write a transformer's weights in a layout; what reads them sets activation and heads.

    Args:
        model: with softmax attention and an MLP without a gate. For the GPT layouts also causal,
            with learned positions, LayerNorm, biases, an MLP and heads that fill the width; for
            ``lens`` with learned or rotary positions.
        params: of one member.
        layout: ``gpt2``, ``nanogpt``, ``mingpt``, ``mingpt_2020`` or ``lens``.

    Raises:
        ToylabError: a model that the layout cannot hold, parameters of several members or of
            another model, or an unknown layout.
    """
    _check_layout("to_state_dict", layout)
    held: dict[str, Any] = {"gated": (False,), "attention": ("softmax",), "attention_mix": (1,)}
    if layout == "lens":
        held |= {"positions": ("learned", "rope")}
    else:
        held |= {"positions": ("learned",), "norm": ("layer",), "biases": (True,)}
        held |= {"causal": (True,), "hidden": range(1, sys.maxsize)}
    for name, values in held.items():
        own = getattr(model, name)
        if own not in values:
            raise ToylabError(f"to_state_dict: {name} = {own!r} has no place there.")
    if layout != "lens" and model.heads * model.key_dim != model.width:
        raise ToylabError(
            f"to_state_dict: {model.heads} heads of {model.key_dim} are not the width "
            f"{model.width}, as {layout} has it; lens can hold them."
        )
    if lead := leading(model, params):
        raise ToylabError(f"to_state_dict: parameters with leading axes {lead}; give one member's.")
    if layout == "lens":
        written = lens.write(model, params)
    else:
        written = gpt.write(model, params, layout)
    return {name: np.asarray(value) for name, value in written.items()}


def _check_layout(owner: str, layout: str | None) -> None:
    if layout is not None and layout not in ACTIVATIONS:
        *most, last = ACTIVATIONS
        raise ToylabError(f"{owner}: layout {layout!r}; give {', '.join(most)} or {last}.")


def _layout(state: State, activation: str | None) -> Layout:
    """The layout that names and shapes tell."""
    if "embed.W_E" in state:
        return "lens"
    if "tok_emb.weight" in state:
        return "mingpt_2020"
    if "h.0.attn.c_attn.weight" not in state:
        raise ToylabError(
            f"from_state_dict: no known layout; names such as {state.told()}. Known are those of "
            "GPT-2, nanoGPT, minGPT and TransformerLens."
        )
    # (D, 3 D) or (3 D, D)
    if state.shape("h.0.attn.c_attn.weight")[:1] == state.shape("wte.weight")[1:]:
        return "gpt2"
    if activation is None:
        raise ToylabError(
            "from_state_dict: nanoGPT's and minGPT's weights look alike, their GELUs differ; give "
            "layout='nanogpt' (exact) or 'mingpt' (tanh form)."
        )
    return "nanogpt"
