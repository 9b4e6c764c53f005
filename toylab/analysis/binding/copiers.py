"""What copiers of lists do, as they are and with the separator or the second mask changed.

With values fixed at the identity, the separator's stream after the first block is

    S + alpha_1 E_1 + alpha_2 E_2  +  alpha_1 P_1 + alpha_2 P_2,

with alpha its attention to either digit, E what these are and P where. Order may be in the size of
the digits' vectors, or in that of the places' beside them.

Source: Farrell, Leask & Al Moubayed 2025 (Order by scale) for the stream, alpha and the cut; the
two parts apart, this laboratory.

Shape suffixes: B lists, L places, D width.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Int

from toylab.errors import ToylabError
from toylab.models.wired.list_copier import ListCopier
from toylab.taps import Edit, Params, run

SEPARATOR, FIRST, SECOND = 2, 3, 4  # places of the separator and of the masks
CHANGES = ("plain", "swapped", "digits", "places", "only_second", "held", "cut")


class Seen(NamedTuple):
    """What every list gives.

    Attributes:
        answers: most probable tokens under each of CHANGES (7, B, 2).
        alpha: the separator's attention to the first digit in the first block (B,).
        gamma: the second mask's attention to the separator in the last (B,).
        stream: of the separator after the first block (B, D).
        sound: whether all logits are finite.
    """

    answers: np.ndarray
    alpha: np.ndarray
    gamma: np.ndarray
    stream: np.ndarray
    sound: bool


def looks(
    model: ListCopier, params_P: Params, tokens: Int[Array, "B 5"], back: Int[np.ndarray, " B"]
) -> list[Seen]:
    """What every network does with every list, as it is and changed.

    ``swapped`` exchanges the two alphas. ``digits`` gives the digits' vectors at the separator the
    alphas that they have in the list the other way round, and ``places`` those of the places; both
    at once make the stream of that list. ``only_second`` makes alpha 0 and 1; ``held`` holds the
    second mask's attention in the last block at its mean over lists; ``cut`` takes away what it
    reads from the first mask there.

    ``back`` is the number of each list the other way round.

    Raises:
        ToylabError: another number of items than two, or one block.
    """
    if model.items != 2 or model.depth < 2:
        raise ToylabError(
            f"looks: {model.items} items and {model.depth} blocks; give a copier of 2 items with 2 "
            "blocks or more."
        )
    found_P = jax.tree.map(np.asarray, _looks(model, params_P, tokens, back))
    return [Seen(*(leaf[p] for leaf in found_P)) for p in range(len(found_P[-1]))]


@functools.partial(jax.jit, static_argnums=0)
def _looks(model: ListCopier, params_P: Params, tokens_B5: Array, back_B: Array) -> Any:
    early, late = (f"blocks/{i}/attn/pattern" for i in (0, model.depth - 1))
    after = "blocks/0/resid_post"

    def one(params: Params) -> tuple[Array, ...]:
        logits, acts = run(model, params, tokens_B5, (early, late, after))
        a, g = acts[early], acts[late]
        alpha = lambda value: Edit(early, "patch", a.at[:, :, SEPARATOR, :2].set(value))
        held = g.at[:, :, SECOND].set(jnp.mean(g[:, :, SECOND], 0, keepdims=True))
        edits = [alpha(a[:, :, SEPARATOR, 1::-1])]
        for moved_BD in _moves(model, params, tokens_B5, a[:, 0, SEPARATOR, :2], back_B):
            whole_BLD = jnp.zeros_like(acts[after]).at[:, SEPARATOR].set(moved_BD)
            edits.append(Edit(after, "add", whole_BLD))
        edits += [alpha(jnp.array([0.0, 1.0])), Edit(late, "patch", held)]
        edits.append(Edit(late, "patch", g.at[:, :, SECOND, FIRST].set(0)))
        changed = [run(model, params, tokens_B5, (), [edit])[0] for edit in edits]
        every = jnp.stack([logits, *changed])
        answers = jnp.argmax(every, -1).astype(jnp.int32)
        alpha_B, gamma_B = a[:, 0, SEPARATOR, 0], g[:, 0, SECOND, SEPARATOR]
        return answers, alpha_B, gamma_B, acts[after][:, SEPARATOR], jnp.isfinite(every).all()

    return jax.lax.map(one, params_P)


def _moves(
    model: ListCopier, params: Params, tokens_B5: Array, alpha_B2: Array, back_B: Array
) -> tuple[Array, Array]:
    """What takes the separator's digits, and its places, to those of the list reversed (B, D)."""
    what_B2D, where_2D = params["embed"][tokens_B5[:, :2]], params["positions"][:2]
    digits_BD = jnp.einsum("bk,bkd->bd", alpha_B2[back_B][:, ::-1] - alpha_B2, what_B2D)
    places_BD = (alpha_B2[back_B] - alpha_B2) @ where_2D
    if model.tied:
        return digits_BD, places_BD
    value_DD = params["blocks"]["0"]["w_v"] @ params["blocks"]["0"]["w_o"]
    return digits_BD @ value_DD, places_BD @ value_DD
