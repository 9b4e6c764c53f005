"""What heads write for each word, and what networks answer: successor scores, ablations, attention.

P members, H heads, V words, D width, B questions, C changes.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.analysis.geometry.ordinal_maps import ordinal_scores
from toylab.change import NOTHING, head, mean, run_changes
from toylab.losses import cross_entropy_from_logits
from toylab.models.toys.reading_heads import ReadingHeads
from toylab.stats.significance import holm
from toylab.taps import Params, run
from toylab.tasks.successor.ordinals import Ordinals
from toylab.tasks.successor.questions import Exam

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


def _seen(logits: Array, acts: dict[str, Array]) -> tuple[Array, Array]:
    return logits, acts[PATTERN][:, :, 0]


@functools.partial(jax.jit, static_argnums=0)
def _mean_z(model: ReadingHeads, params_P: Params, inputs_BL: Array) -> Array:
    return jax.vmap(lambda params: run(model, params, inputs_BL, record=(Z,))[1][Z])(params_P)


def answers(
    model: ReadingHeads, params_P: Params, exam: Exam, ablate: bool = False
) -> dict[str, np.ndarray]:
    """Accuracy by kind and loss, whole and with each head at its mean (C, P); attention (P, H).

    The first change is none; with ``ablate`` change h + 1 is of head h. The loss, in nats, and the
    attention to the word that is asked for are those on trained successions.
    """
    changes = [NOTHING]
    if ablate:
        z_PBLHK = _mean_z(model, params_P, exam.inputs[exam.kinds["trained"]])
        changes += [mean(head(1, h), z_PBLHK, batch_axis=1) for h in range(model.heads)]
    seen = run_changes(model, params_P, exam.inputs, changes, _seen, (PATTERN,))
    logits_CPBV, pattern_CPBHL = (np.asarray(x) for x in seen)
    right_CPB = logits_CPBV.argmax(-1) == np.asarray(exam.targets)
    right_CPB = np.where(np.isfinite(logits_CPBV).all(-1), right_CPB, np.nan)
    found = {
        name: right_CPB[:, :, rows].mean(-1) if rows.any() else np.full(right_CPB.shape[:2], np.nan)
        for name, rows in exam.kinds.items()
    }
    loss_CPB = cross_entropy_from_logits(seen[0], jnp.broadcast_to(exam.targets, right_CPB.shape))
    found["loss"] = np.asarray(loss_CPB)[:, :, exam.kinds["trained"]].mean(-1)
    place_B = np.asarray(exam.place)
    to_asked_PBH = pattern_CPBHL[0][:, np.arange(len(place_B)), :, place_B].transpose(1, 0, 2)
    return found | {"attention": to_asked_PBH[:, exam.kinds["trained"]].mean(1)}


def list_scores(written_HVV: np.ndarray, task: Ordinals, exact: bool) -> list[dict[str, Any]]:
    """Scores of one network's heads on every list, see :func:`ordinal_scores`.

    ``everywhere`` is the score among the words of all lists. With ``exact``, ``p`` is corrected by
    Holm's method for the number of heads and lists.
    """
    rows = []
    for h, written_VV in enumerate(written_HVV):
        for d, own in enumerate(task.lists):
            start, n = task.starts[d], own.successions
            right, held = task.tables.answer[d, :n], task.tables.held[d, :n]
            span = slice(start, start + len(own))
            first = written_VV[start : start + n].argmax(1) == right
            everywhere = first[~held].mean() if np.isfinite(written_VV).all() else np.nan
            rows.append({"head": h, "list": own.name, "cyclic": own.cyclic})
            rows[-1] |= {"weight": int((~held).sum()), "everywhere": float(everywhere)}
            rows[-1] |= ordinal_scores(written_VV[span, span], right - start, held, exact)
    if exact and all(np.isfinite(row["p"]) for row in rows):
        for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
            row["p"] = float(p)
    return rows


def pooled(lists: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Scores of one network's heads over the words of all lists; ``best`` has the highest."""
    rows = []
    for h in range(1 + max(row["head"] for row in lists)):
        own = [row for row in lists if row["head"] == h]
        weight = [row["weight"] for row in own]
        both = {n: float(np.average([r[n] for r in own], weights=weight)) for n in POOLED}
        rows.append({"head": h} | both)
    best = int(np.argmax([row["score"] for row in rows]))
    return [row | {"best": row["head"] == best} for row in rows]
