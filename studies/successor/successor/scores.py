"""What heads write for each word, and what networks answer: successor scores, ablations, attention.

P members, H heads, V words, D width, B questions, C changes.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.change import NOTHING, head, mean, run_changes
from toylab.models.toys.reading_heads import ReadingHeads
from toylab.stats.relabelling import hits_p_value
from toylab.stats.significance import holm
from toylab.taps import Params, run
from toylab.tasks.successor.ordinals import Ordinals

POOLED = ("score", "everywhere")
EMBEDDED, Z, PATTERN = "blocks/0/resid_post", "blocks/1/attn/z", "blocks/1/attn/pattern"


@functools.partial(jax.jit, static_argnums=(0, 1))
def effective(model: ReadingHeads, n_words: int, params_P: Params) -> tuple[Array, Array]:
    """Words behind the MLP (P, V, D), and what each head adds to their logits (P, H, V, V).

    No prompt enters: a row of the second is what a head would write if it attended to that word.
    """

    def one(params: Params) -> tuple[Array, Array]:
        words_V1 = jnp.arange(n_words, dtype=jnp.int32)[:, None]
        _, acts = run(model, params, words_V1, record=(EMBEDDED,))
        e_VD = acts[EMBEDDED][:, 0]
        return e_VD, model.written(params, e_VD)

    return jax.vmap(one)(params_P)


@functools.partial(jax.jit, static_argnums=0)
def write(model: ReadingHeads, params: Params, e_ND: Array) -> Array:
    """What each head adds to the logits of words for attending to embeddings (H, N, V)."""
    return model.written(params, jnp.asarray(e_ND, jnp.float32))


class Exam(NamedTuple):
    """Every question of a world, each in several contexts.

    Attributes:
        inputs, targets, place: as in the task's batches (B, L), (B,), (B,).
        kinds: ``{name: rows of that kind}``, masks (B,).
    """

    inputs: Array
    targets: Array
    place: Array
    kinds: dict[str, np.ndarray]


def draw_exam(task: Ordinals, contexts: int, seed: int) -> Exam:
    """Ask for every word by every query, ``contexts`` times each.

    Kinds are ``trained`` and ``held`` successions, ``copy``, ``across`` and ``units``. Of those
    held out, ``near`` have a counterpart in another list, which is as long; ``far`` have none.
    """
    tables, n = task.tables, len(task.lists)
    query_B, index_B = np.repeat(np.argwhere(tables.answer >= 0), contexts, axis=0).T
    u_BE = np.random.default_rng(seed).random((len(query_B), 2 * n), np.float32)
    whole = (jnp.asarray(x, jnp.int32) for x in (query_B, index_B))
    batch = jax.jit(jax.vmap(task.arrange))(*whole, jnp.asarray(u_BE))
    held_B = tables.held[query_B, index_B]
    pairs = n * (n - 1)
    edges = np.cumsum([n, pairs, pairs])
    kind_B = np.searchsorted(edges, query_B, side="right")
    # A word is a target across lists if another list is as long.
    longest = np.array([max(len(o) for o in task.lists if o is not own) for own in task.lists])
    near_B = index_B + 1 < longest[tables.asked[query_B]]
    kinds = {"trained": (kind_B == 0) & ~held_B, "held": held_B}
    kinds |= {"near": held_B & near_B, "far": held_B & ~near_B}
    kinds |= {name: kind_B == i for i, name in enumerate(("copy", "across", "units"), 1)}
    return Exam(batch.inputs, batch.targets, batch.latents["place"], kinds)


def _predictions(logits: Array, acts: dict[str, Array]) -> tuple[Array, Array, Array]:
    return logits.argmax(-1), acts[PATTERN][:, :, 0], jnp.isfinite(logits).all(-1)


@functools.partial(jax.jit, static_argnums=0)
def _mean_z(model: ReadingHeads, params_P: Params, inputs_BL: Array) -> Array:
    return jax.vmap(lambda params: run(model, params, inputs_BL, record=(Z,))[1][Z])(params_P)


def answers(
    model: ReadingHeads, params_P: Params, exam: Exam, ablate: bool = False
) -> dict[str, np.ndarray]:
    """Accuracy by kind, whole and with each head's output at its mean (C, P); attention (P, H).

    The first change is none; with ``ablate`` change h + 1 is of head h. Attention is that to the
    word that a trained succession asks for.
    """
    changes = [NOTHING]
    if ablate:
        z_PBLHK = _mean_z(model, params_P, exam.inputs[exam.kinds["trained"]])
        changes += [mean(head(1, h), z_PBLHK, batch_axis=1) for h in range(model.heads)]
    seen = run_changes(model, params_P, exam.inputs, changes, _predictions, (PATTERN,))
    answer_CPB, pattern_CPBHL, finite_CPB = (np.asarray(x) for x in seen)
    right_CPB = np.where(finite_CPB, answer_CPB == np.asarray(exam.targets), np.nan)
    found = {
        name: right_CPB[:, :, rows].mean(-1) if rows.any() else np.full(right_CPB.shape[:2], np.nan)
        for name, rows in exam.kinds.items()
    }
    place_B = np.asarray(exam.place)
    to_asked_PBH = pattern_CPBHL[0][:, np.arange(len(place_B)), :, place_B].transpose(1, 0, 2)
    return found | {"attention": to_asked_PBH[:, exam.kinds["trained"]].mean(1)}


def list_scores(written_HVV: np.ndarray, task: Ordinals, exact: bool) -> list[dict[str, Any]]:
    """Scores of one network's heads on every list; see :func:`block_scores`.

    With ``exact``, ``p`` is corrected by Holm's method for the number of heads and lists.
    """
    rows = []
    for h, written_VV in enumerate(written_HVV):
        for d, own in enumerate(task.lists):
            rows.append({"head": h, "list": own.name, "cyclic": own.cyclic})
            rows[-1] |= block_scores(written_VV, task, d, exact)
    if exact and all(np.isfinite(row["p"]) for row in rows):
        for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
            row["p"] = float(p)
    return rows


def pooled(lists: list[dict[str, Any]], task: Ordinals) -> list[dict[str, Any]]:
    """Scores of one network's heads over the words of all lists; ``best`` has the highest."""
    n_of = {own.name: i for i, own in enumerate(task.lists)}
    asks = (task.tables.answer >= 0) & ~task.tables.held
    rows = []
    for h in range(1 + max(row["head"] for row in lists)):
        own = [row for row in lists if row["head"] == h]
        weight = [asks[n_of[row["list"]]].sum() for row in own]
        both = {n: float(np.average([r[n] for r in own], weights=weight)) for n in POOLED}
        rows.append({"head": h} | both)
    best = int(np.argmax([row["score"] for row in rows]))
    return [row | {"best": row["head"] == best} for row in rows]


def block_scores(written_VV: np.ndarray, task: Ordinals, d: int, exact: bool) -> dict[str, float]:
    """Scores of one head on one list; NaN where its logits are not finite.

    ======= ====================================================================================
    score   share of trained successions whose right word is the list's largest logit
    everywhere  the same among the words of all lists
    held    the same among the list's words, for successions that are held out
    p       probability of as many hits or more if right answers were dealt out at random
    margin  right logit minus the largest other of the list, in spreads of the list's logits
    beyond  preference for words after the right one over words before it; see :func:`beyond`
    ======= ====================================================================================
    """
    own, start = task.lists[d], task.starts[d]
    n, span = own.successions, slice(start, start + len(own))
    block = written_VV[span, span]
    names = ("score", "everywhere", "held", "p", "margin", "beyond")
    if not np.isfinite(block).all():
        return dict.fromkeys(names, np.nan)
    right, held = task.tables.answer[d, :n], task.tables.held[d, :n]
    given = block[:n].argmax(1) + start
    hits, rows = given == right, np.arange(n)
    others = block[:n].copy()
    others[rows, right - start] = -np.inf
    margin = (block[rows, right - start] - others.max(1)) / block.std()
    everywhere = written_VV[start : start + n].argmax(1) == right
    of = lambda values, mask: float(values[mask].mean()) if mask.any() else np.nan
    found = [of(hits, ~held), of(everywhere, ~held), of(hits, held)]
    found += [hits_p_value(given[~held], right[~held]) if exact else np.nan]
    return dict(zip(names, [*found, of(margin, ~held), beyond(block)], strict=True))


def beyond(block: np.ndarray) -> float:
    """How much more likely words after the right one are than words before it, in spreads.

    Mean over h >= 2 of the entries h places after the superdiagonal minus those h places before it,
    so that a map that falls off evenly on both sides has 0, on a ring exactly. Columns are centred
    first: that some words are likely whatever comes in is no preference for later ones.
    """
    centred, n = block - block.mean(0, keepdims=True), len(block)
    gaps = [
        np.diagonal(centred, 1 + h).mean() - np.diagonal(centred, 1 - h).mean()
        for h in range(2, n - 1)
    ]
    return float(np.mean(gaps) / centred.std()) if gaps else np.nan
