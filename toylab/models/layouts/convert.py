"""Weights of a layout into a transformer, and back."""

import re
from collections.abc import Mapping
from typing import Any, Literal, cast

import jax
import jax.numpy as jnp
import numpy as np

from toylab.errors import ToylabError, check_number
from toylab.models.layouts import gpt, lens
from toylab.models.layouts.state import check_shape
from toylab.models.transformer import Transformer
from toylab.taps import Params
from toylab.trees import flatten

Layout = Literal["gpt2", "nanogpt", "lens"]
State = Mapping[str, Any]
# Buffers that hold masks, not weights.
BUFFERS = re.compile(r"\.attn\.(bias|masked_bias|mask|IGNORE)$")


def from_state_dict(
    state: State, heads: int, layout: Layout | None = None, activation: str | None = None
) -> tuple[Transformer, Params]:
    """Read a GPT-2-like network.

    Args:
        state: names and arrays.
        heads: attention heads; the arrays of GPT-2 and nanoGPT do not tell.
        layout: which layout it is; told from names and shapes by default.
        activation: ``gelu`` (tanh form) or ``gelu_exact``; the layout's own by default.

    Returns:
        The model and its parameters, whose logits are those of the source.

    Raises:
        ToylabError: no known layout, a missing weight, a weight of another shape (both are told),
            heads that do not divide the width, or an unembedding with a bias that is not 0.

    Example:
        >>> model = Transformer(5, 4, 8, 1, 2, hidden=16, norm="layer", biases=True)
        >>> params = model.init(jax.random.key(0))
        >>> again, read = from_state_dict(to_state_dict(model, params, "gpt2"), heads=2)
        >>> import dataclasses
        >>> again == dataclasses.replace(model, activation="gelu", n_out=5, head_dim=4)
        True
    """
    check_number("from_state_dict", "heads", heads, 1, whole=True)
    flat = {
        name.removeprefix("_orig_mod.").removeprefix("transformer."): _array(value)
        for name, value in state.items()
        if not BUFFERS.search(name)
    }
    layout = layout or _layout(flat)
    read = lens.read if layout == "lens" else gpt.read
    parts = read(flat, heads, layout)
    depth = len(parts["blocks"])
    w_E, w_P, w_U = parts["embed"], parts["positions"], parts["unembed"]
    tied = w_U is None
    model = Transformer(
        vocab=len(w_E),
        length=len(w_P),
        width=w_E.shape[1],
        depth=depth,
        heads=heads,
        head_dim=parts["blocks"]["0"]["attn"]["w_q"].shape[-1],
        hidden=parts["blocks"]["0"]["mlp"]["up"]["kernel"].shape[-1],
        n_out=None if tied else w_U.shape[1],
        activation=cast(Any, activation or ("gelu_exact" if layout == "nanogpt" else "gelu")),
        norm="layer",
        biases=True,
        tied_unembed=tied,
    )
    params: Params = {
        "embed": {"embedding": w_E},
        "positions": {"embedding": w_P},
        "blocks": parts["blocks"],
        "norm": parts["norm"],
    }
    if not tied:
        params["unembed"] = {"kernel": w_U}
    return model, _checked(model, params)


def to_state_dict(model: Transformer, params: Params, layout: Layout) -> dict[str, np.ndarray]:
    """Write a transformer's weights in a layout.

    Args:
        model: with learned positions, LayerNorm, biases and an MLP without a gate.
        params: of one member.
        layout: ``gpt2``, ``nanogpt`` or ``lens``.

    Raises:
        ToylabError: a model that the layout cannot hold, or an unknown layout.
    """
    if layout not in ("gpt2", "nanogpt", "lens"):
        raise ToylabError(f"to_state_dict: layout {layout!r}; give gpt2, nanogpt or lens.")
    wanted = {"positions": "learned", "norm": "layer", "biases": True, "gated": False}
    wrong = [name for name, value in wanted.items() if getattr(model, name) != value]
    if wrong or not model.hidden:
        name = wrong[0] if wrong else "hidden"
        raise ToylabError(f"to_state_dict: {name} = {getattr(model, name)!r} has no place there.")
    write = lens.write if layout == "lens" else gpt.write
    return {name: np.asarray(value) for name, value in write(model, params, layout).items()}


def _array(value: Any) -> np.ndarray:
    """A tensor or an array, in float32 on the host."""
    value = value.detach().cpu().float().numpy() if hasattr(value, "detach") else value
    return np.asarray(value, np.float32)


def _layout(flat: Mapping[str, np.ndarray]) -> Layout:
    if "embed.W_E" in flat:
        return "lens"
    weight = flat.get("h.0.mlp.c_fc.weight")
    if weight is None:
        some = ", ".join(sorted(flat)[:3]) or "none"
        raise ToylabError(
            f"from_state_dict: no known layout; names such as {some}. Known are GPT-2's, nanoGPT's "
            "and TransformerLens's."
        )
    if weight.shape[0] == weight.shape[1]:
        raise ToylabError("from_state_dict: square weights tell no layout; give layout=.")
    width = flat["wte.weight"].shape[1] if "wte.weight" in flat else weight.shape[0]
    return "gpt2" if weight.shape[0] == width else "nanogpt"


def _checked(model: Transformer, params: Params) -> Params:
    """Parameters as JAX arrays, of the shapes that the model asks for."""
    shapes = jax.eval_shape(model.init, jax.eval_shape(lambda: jax.random.key(0)))
    want = {name: leaf.shape for name, leaf in flatten(shapes).items()}
    for name, leaf in flatten(params).items():
        check_shape(name, leaf.shape, want[name])
    return jax.tree.map(jnp.asarray, params)
