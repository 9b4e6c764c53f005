"""How copiers of lists hold order: in what the separator gives the first digit, or in directions.

With values fixed at the identity, the separator's stream after the first block is

    S + alpha_1 E_1 + alpha_2 E_2  +  alpha_1 P_1 + alpha_2 P_2,

with alpha its attention to either digit, E what these are and P where. Order may be in the size of
the digits' vectors, or in that of the places' beside them.

Shape suffixes: B lists, N digits, L places, D width, V tokens.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab.models.wired.list_copier import ListCopier
from toylab.stats.means import mean_or_nan
from toylab.taps import Edit, Params, run
from toylab.tasks.dictionaries.list_copying import ListCopying

SEPARATOR, FIRST, SECOND = 2, 3, 4  # places of the separator and of the masks
CHANGES = ("plain", "swapped", "digits", "places", "only_second", "held", "cut")
NAMES = ("train", "test", "first", "second", *CHANGES[1:], "cut_first", "alpha")
NAMES += ("additive", "same_map", "echo", "shuffled_echo")


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


def looks(model: ListCopier, params_P: Params, task: ListCopying) -> list[Seen]:
    """What every network does with every list, as it is and changed.

    ``swapped`` exchanges the two alphas. ``digits`` gives the digits' vectors at the separator the
    alphas that they have in the list the other way round, and ``places`` those of the places; both
    at once make the stream of that list. ``only_second`` makes alpha 0 and 1; ``held`` holds the
    second mask's attention in the last block at its mean over lists; ``cut`` takes away what it
    reads from the first mask there.
    """
    number_B = np.arange(task.digits**2, dtype=np.int32)
    tokens_B5 = task.spell(jnp.asarray(number_B)).inputs
    back_B = number_B.reshape(task.digits, -1).T.ravel()
    found_P = jax.tree.map(np.asarray, _looks(model, params_P, tokens_B5, back_B))
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


def copier_scores(seen: Seen, digits: int, held_out: np.ndarray) -> dict[str, float]:
    """All scores of one network.

    Args:
        seen: of all lists, numbered ``d1 * digits + d2``.
        digits: N.
        held_out: numbers of the lists that it was not trained on.

    Returns:
        A number for each of NAMES, of lists held out but for ``train``; NaN of a network that
        diverged. ``first`` and ``second`` are accuracies at either mask. Of lists of two different
        digits that are copied right both ways round: ``swapped``, ``digits`` and ``places``, how
        often these exchange the answers. Of all lists of different digits: ``only_second``,
        ``held`` and ``cut``, accuracy at the second mask under each change; ``cut_first``, how much
        of what is then wrong is the first digit; ``alpha``, the first digit's mean. For the rest
        see :func:`directions`.
    """
    if not (seen.sound and np.isfinite(seen.stream).all()):
        return dict.fromkeys(NAMES, np.nan)
    lists_B2 = np.stack(np.divmod(np.arange(digits**2), digits), 1)
    right_CB2 = seen.answers == lists_B2
    test_B = np.isin(np.arange(digits**2), held_out)
    apart_B = test_B & (lists_B2[:, 0] != lists_B2[:, 1])
    right_B = right_CB2[0].all(1)
    sure_B = apart_B & right_B & right_B.reshape(digits, digits).T.ravel()
    turned_CB = (seen.answers == lists_B2[:, ::-1]).all(-1)
    wrong_B = apart_B & ~right_CB2[-1, :, 1]
    found = {
        "train": right_CB2[0][~test_B].mean(),
        "test": right_CB2[0][test_B].mean(),
        "first": right_CB2[0][test_B, 0].mean(),
        "second": right_CB2[0][test_B, 1].mean(),
        "cut_first": mean_or_nan((seen.answers[-1, :, 1] == lists_B2[:, 0])[wrong_B]),
        "alpha": seen.alpha[apart_B].mean(),
    }
    found |= {n: mean_or_nan(turned_CB[c, sure_B]) for c, n in enumerate(CHANGES) if c in (1, 2, 3)}
    found |= {n: right_CB2[c, apart_B, 1].mean() for c, n in enumerate(CHANGES) if c > 3}
    return {n: float(value) for n, value in (found | directions(seen.stream, digits)).items()}


def directions(stream_BD: Float[np.ndarray, "B D"], digits: int) -> dict[str, float]:
    """Whether a digit has one direction in both places, or one of its own in each.

    ``additive`` is the share of the stream's variance in ``u(d1) + v(d2)``, the best sum of a
    vector for each digit and place; ``same_map`` the share of the variance of v that is in
    ``c u``, c a number; ``echo`` the mean cosine of ``u(d)`` and ``v(d)``, and ``shuffled_echo`` of
    different digits. All of vectors less their mean.
    """
    table_NND = stream_BD.reshape(digits, digits, -1).astype(np.float64)
    table_NND = table_NND - table_NND.mean((0, 1))
    u_ND, v_ND = table_NND.mean(1), table_NND.mean(0)
    left = table_NND - u_ND[:, None] - v_ND[None]
    square = lambda a: float((a**2).sum())
    overlap = float((u_ND * v_ND).sum())
    unit = lambda rows: rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    cosine = lambda other: float((unit(u_ND) * unit(other)).sum(1).mean())
    return {
        "additive": 1 - square(left) / max(square(table_NND), 1e-12),
        "same_map": overlap**2 / max(square(u_ND) * square(v_ND), 1e-12),
        "echo": cosine(v_ND),
        "shuffled_echo": cosine(np.roll(v_ND, 1, 0)),
    }
