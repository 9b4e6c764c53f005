"""One forward pass over attempts, with everything that is looked at.

Shapes: R rows, L length, U blocks, H heads, K head dim, F neurons, D width, S layers of the
residual stream (before the first block, then after each).
"""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from toylab.change import stream
from toylab.models import Transformer
from toylab.taps import Params, run
from toylab.tasks.countdown.countdown_pairs import Rows, Signs


class Seen(NamedTuple):
    """What a pass shows."""

    top_RL: Array  # argmax of the next token
    gap_RL: Array  # logit of ok minus that of no
    acts_SRTD: Array  # residual stream at the attempt's T tokens, the last of them "("
    look_UR2H: Array  # attention from these places to the target
    previous_UH: Array  # to the token before, mean over the trace
    z_URLHK: Array
    acts_SRLD: Array
    post_URF: Array  # neurons at "("


@dataclasses.dataclass(frozen=True)
class Read:
    """Reads an output: the argmax of the next token, and the logit of ok minus that of no."""

    ok: int
    no: int

    def __call__(self, logits_RLV: Array, acts: dict[str, Array]) -> tuple[Array, Array]:
        """Both at every place, (R, L)."""
        return logits_RLV.argmax(-1), logits_RLV[..., self.ok] - logits_RLV[..., self.no]


def look(model: Transformer, params: Params, rows: Rows, signs: Signs) -> Seen:
    """Run one network over attempts."""
    return _look(model, signs, params, rows.tokens_RL, rows.place_R3)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _look(
    model: Transformer,
    signs: Signs,
    params: Params,
    tokens_RL: Array,
    place_R3: Array,
) -> Seen:
    sites = [*stream(model), "blocks/*/attn/pattern", "blocks/*/attn/z", "blocks/*/mlp/post"]
    logits_RLV, acts = run(model, params, tokens_RL, sites)
    top_RL, gap_RL = Read(signs.ok, signs.no)(logits_RLV, acts)
    stack = lambda name: jnp.stack([acts[f"blocks/{u}/{name}"] for u in range(model.depth)])
    row = jnp.arange(len(tokens_RL))
    target, bracket = place_R3[:, 0], place_R3[:, 2]
    back_T = jnp.arange(signs.span - 1, -1, -1)
    pattern_URHLL = stack("attn/pattern")
    acts_SRLD = jnp.stack([acts[site] for site in stream(model)])
    real_RL = jnp.arange(1, tokens_RL.shape[1])[None] <= bracket[:, None]
    real_RL = real_RL.astype(jnp.float32)
    before = jnp.diagonal(pattern_URHLL, -1, -2, -1) * real_RL[None, :, None]
    return Seen(
        top_RL=top_RL,
        gap_RL=gap_RL,
        acts_SRTD=acts_SRLD[:, row[:, None], bracket[:, None] - back_T[None]],
        look_UR2H=pattern_URHLL[:, row[:, None], :, place_R3[:, 1:], target[:, None]].transpose(
            2, 0, 1, 3
        ),
        previous_UH=before.sum((1, 3)) / real_RL.sum(),
        z_URLHK=stack("attn/z"),
        acts_SRLD=acts_SRLD,
        post_URF=stack("mlp/post")[:, row, bracket],
    )
