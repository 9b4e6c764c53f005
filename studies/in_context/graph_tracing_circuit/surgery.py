"""A population run over walks on grids, perhaps with heads ablated."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.change import NOTHING, Change, mean, run_changes, stream, where, zero
from toylab.models import Transformer
from toylab.taps import Params
from toylab.tasks.in_context.given_walks import Grids


class Seen(NamedTuple):
    """What a pass shows.

    Layers S are the embedding (0) and the residual stream after each block.
    """

    rule_P: np.ndarray  # mass on neighbours other than the token before, mean over the window
    excess_P: np.ndarray  # loss above the undirected counter's, mean over the window
    acts_PSXWD: np.ndarray
    last_PXV: np.ndarray  # probabilities at the last place
    z_PULHK: Array  # heads' outputs, mean over walks, U blocks


def look(model: Transformer, params_P: Params, grids: Grids, change: Change = NOTHING) -> Seen:
    """Run all members over all walks, with a change."""
    sites = (*stream(model), "blocks/*/attn/z")
    found = run_changes(model, params_P, grids.tokens_XL, [change], _late, sites)
    p_PXWV, acts_PSXWD, z_PULHK = (leaf[0] for leaf in found)
    rule_P = (p_PXWV * grids.rule_XWV[None]).sum(-1).mean((1, 2))
    p_PXW = jnp.take_along_axis(p_PXWV, grids.target_XW[None, ..., None], -1)[..., 0]
    excess_P = np.asarray(-jnp.log(p_PXW).mean((1, 2))) - grids.counter
    last_PXV = np.asarray(p_PXWV[:, :, -1])
    return Seen(np.asarray(rule_P), excess_P, np.asarray(acts_PSXWD), last_PXV, z_PULHK)


def _late(logits_XLV: Array, acts: dict[str, Array]) -> tuple[Array, Array, Array]:
    """Probabilities and the residual stream in the last quarter, and heads' mean outputs."""
    width = logits_XLV.shape[1] // 4
    layers = [a[:, -width:] for site, a in acts.items() if "resid" in site]
    heads = [a.mean(0) for site, a in acts.items() if site.endswith("/z")]
    return jax.nn.softmax(logits_XLV[:, -width:]), jnp.stack(layers), jnp.stack(heads)


def ablate(gone_PUH: np.ndarray, fill_PULHK: Array | None = None) -> Change:
    """Set the heads of a mask to zero, or to given outputs."""
    change = NOTHING
    for block in range(gone_PUH.shape[1]):
        heads = where(f"blocks/{block}/attn/z", gone_PUH[:, block, None, None, :, None])
        fill = None if fill_PULHK is None else fill_PULHK[:, block, None]
        change += zero(heads) if fill is None else mean(heads, fill, batch_axis=1)
    return change
