"""One forward pass with everything that is looked at, and everything that may be changed.

Ablations and patches are numbers given to one compiled program, so that many of them cost one
compilation. Places per row: the target (in the prompt), the result, and "(" after it.

Shapes: R rows, L length, U blocks, H heads, K head dim, F neurons, D width, S layers of the
residual stream (before the first block, then after each).
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.models import Transformer
from toylab.taps import Edit, Params, run

PLACES = ("target", "result", "(")


class Signs(NamedTuple):
    """Tokens that the measures must know."""

    equals: int
    bracket: int
    ok: int
    no: int
    answer: int
    stop: int
    pad: int
    span: int  # tokens of an attempt up to "("


class Rows(NamedTuple):
    """Attempts: traces up to "(" and beyond it nothing but padding.

    Row ``2 i`` is right, row ``2 i + 1`` its wrong partner: they differ in the target alone.
    """

    tokens_RL: np.ndarray
    place_R3: np.ndarray  # of the target, the result and "("
    group_R: np.ndarray  # rows of one group never stand on both sides of a split

    def take(self, index: np.ndarray) -> "Rows":
        """Some of the rows, by number or mask."""
        return Rows(*(part[index] for part in self))


class Change(NamedTuple):
    """What is changed; :func:`nothing` changes nothing."""

    gate_UH: np.ndarray  # 1 keeps a head, 0 replaces its output by ``fill``
    fill_UHK: np.ndarray
    gate_UF: np.ndarray  # the same for neurons, by zero, at "(" alone
    patch_UH: np.ndarray  # heads whose output comes from another pass
    patch_S: np.ndarray  # layers of the residual stream that do
    patch_RL: np.ndarray  # at these places
    from_URLHK: Any
    from_SRLD: Any


class Seen(NamedTuple):
    """What a pass shows."""

    logits_RV: np.ndarray  # at "("
    sums_RL: np.ndarray  # NaN, or at "=" whether the likeliest next token is the trace's
    acts_SRTD: np.ndarray  # residual stream at the attempt's T tokens, the last of them "("
    look_UR2H: np.ndarray  # attention from these places to the target
    previous_UH: np.ndarray  # to the token before, mean over the trace
    z_URLHK: Array
    acts_SRLD: Array
    post_URF: np.ndarray  # neurons at "("


def layers(model: Transformer) -> tuple[str, ...]:
    """Sites of the residual stream: before the first block (layer 0), then after each."""
    return ("blocks/0/resid_pre", *(f"blocks/{i}/resid_post" for i in range(model.depth)))


def nothing(model: Transformer, shape: tuple[int, int]) -> Change:
    """The change that changes nothing, for R rows of length L."""
    u, h, f = model.depth, model.heads, model.hidden
    one, none = (functools.partial(make, dtype=np.float32) for make in (np.ones, np.zeros))
    return Change(
        gate_UH=one((u, h)),
        fill_UHK=none((u, h, model.key_dim)),
        gate_UF=one((u, f)),
        patch_UH=np.zeros((u, h), bool),
        patch_S=np.zeros(u + 1, bool),
        patch_RL=np.zeros(shape, bool),
        from_URLHK=none((u, *shape, h, model.key_dim)),
        from_SRLD=none((u + 1, *shape, model.width)),
    )


def look(
    model: Transformer, params: Params, rows: Rows, signs: Signs, change: Change | None = None
) -> Seen:
    """Run one network over attempts, with a change."""
    change = nothing(model, rows.tokens_RL.shape) if change is None else change
    return _look(model, signs, params, rows.tokens_RL, rows.place_R3, change)


def _edits(model: Transformer, place_R3: Array, change: Change) -> list[Edit]:
    """The change as edits of sites."""
    is_bracket_RL = jnp.arange(change.patch_RL.shape[1])[None] == place_R3[:, 2:]
    found = []
    for u in range(model.depth):
        gate_H1 = jnp.asarray(change.gate_UH[u])[None, None, :, None]
        fill = (1 - gate_H1) * change.fill_UHK[u][None, None]
        swapped = change.patch_UH[u][None, None, :, None] & change.patch_RL[:, :, None, None]
        z, post = f"blocks/{u}/attn/z", f"blocks/{u}/mlp/post"
        found += [
            Edit(z, "patch", change.from_URLHK[u], swapped),
            Edit(z, "scale", gate_H1),
            Edit(z, "add", fill),
            Edit(post, "scale", change.gate_UF[u][None, None], is_bracket_RL[..., None]),
        ]
    for s, site in enumerate(layers(model)):
        swapped = (change.patch_S[s] & change.patch_RL)[..., None]
        found.append(Edit(site, "patch", change.from_SRLD[s], swapped))
    return found


@functools.partial(jax.jit, static_argnums=(0, 1))
def _look(
    model: Transformer,
    signs: Signs,
    params: Params,
    tokens_RL: Array,
    place_R3: Array,
    change: Change,
) -> Seen:
    change = Change(*(jnp.asarray(part) for part in change))
    sites = [*layers(model), "blocks/*/attn/pattern", "blocks/*/attn/z", "blocks/*/mlp/post"]
    logits_RLV, acts = run(model, params, tokens_RL, sites, _edits(model, place_R3, change))
    stack = lambda name: jnp.stack([acts[f"blocks/{u}/{name}"] for u in range(model.depth)])
    row = jnp.arange(len(tokens_RL))
    target, bracket = place_R3[:, 0], place_R3[:, 2]
    back_T = jnp.arange(signs.span - 1, -1, -1)
    pattern_URHLL = stack("attn/pattern")
    acts_SRLD = jnp.stack([acts[site] for site in layers(model)])
    is_sum_RL = tokens_RL[:, :-1] == signs.equals
    right_RL = (logits_RLV[:, :-1].argmax(-1) == tokens_RL[:, 1:]).astype(jnp.float32)
    real_RL = jnp.arange(1, tokens_RL.shape[1])[None] <= bracket[:, None]
    real_RL = real_RL.astype(jnp.float32)
    before = jnp.diagonal(pattern_URHLL, -1, -2, -1) * real_RL[None, :, None]
    return Seen(
        logits_RV=logits_RLV[row, bracket],
        sums_RL=jnp.where(is_sum_RL, right_RL, jnp.nan),
        acts_SRTD=acts_SRLD[:, row[:, None], bracket[:, None] - back_T[None]],
        look_UR2H=pattern_URHLL[:, row[:, None], :, place_R3[:, 1:], target[:, None]].transpose(
            2, 0, 1, 3
        ),
        previous_UH=before.sum((1, 3)) / real_RL.sum(),
        z_URLHK=stack("attn/z"),
        acts_SRLD=acts_SRLD,
        post_URF=stack("mlp/post")[:, row, bracket],
    )
