"""What a network answers in either language, and how alike its representations of a fact are.

Shape suffixes: P members, F facts, D width, V logits, 2 languages.
"""

import functools

import jax
import numpy as np
from jax import Array

from toylab.analysis.similarity.unified import form_share, retrieval, unification
from toylab.models import Transformer
from toylab.stats.means import mean_or_nan
from toylab.stats.relabelling import matches_by_chance
from toylab.taps import Edit, Params, run
from toylab.tasks.rosetta.bilingual import Bilingual, Facts

KINDS = ("single", "parallel")
BEHIND, BEFORE = "resid_post", "resid_mid"  # of the last MLP, at the last token
Seen = tuple[np.ndarray, np.ndarray, np.ndarray]


def looks(model: Transformer, params_P: Params, facts_P: Facts) -> Seen:
    """Logits of every question (P, 2, F, V), and the last token's stream behind and before the MLP.

    Both (P, 2, F, D).
    """
    return jax.tree.map(np.asarray, _looks(model, params_P, facts_P.inputs))


def _site(model: Transformer, name: str) -> str:
    return f"blocks/{model.depth - 1}/{name}"


@functools.partial(jax.jit, static_argnums=0)
def _looks(model: Transformer, params_P: Params, inputs_P2F3: Array) -> tuple[Array, Array, Array]:
    sites = [_site(model, name) for name in (BEHIND, BEFORE)]

    def one(row: tuple[Params, Array]) -> tuple[Array, Array, Array]:
        params, inputs_2F3 = row
        flat = inputs_2F3.reshape(-1, 3)
        logits, acts = run(model, params, flat, record=sites)
        split = lambda leaf: leaf.reshape(2, inputs_2F3.shape[1], -1)
        return split(logits), *(split(acts[site]) for site in sites)

    return jax.lax.map(one, (params_P, inputs_P2F3))


def answers(task: Bilingual, facts: Facts, logits_2FV: np.ndarray) -> dict[str, float]:
    """How one network answers what it was told, and what it is asked for in the other language.

    Returns:
        ``recall``, share that is right of what was told. Of what is asked for: ``cross``, share
        that is right; ``in_half``, right among the values of the right half; ``by_language``, share
        of the wrong answers that are from the half of the question's language; ``chance`` and
        ``spread``, mean and standard deviation of ``cross`` if the right answers to each attribute
        were dealt out anew. ``asked`` and ``left_out``, how many questions there are and how many
        are not asked since the language never uses a token of theirs.
    """
    v, half, right = task.values, task.values // 2, facts.targets
    told, asked = facts.told, facts.asked
    counts = {"asked": int(asked.sum()), "left_out": int((~told & ~asked).sum())}
    names = ("recall", "cross", "in_half", "by_language", "chance", "spread")
    if not (np.isfinite(logits_2FV).all() and asked.any()):
        return dict.fromkeys(names, np.nan) | counts
    given, language = logits_2FV.argmax(-1), np.indices(right.shape)[0]
    group = language * task.attributes + np.arange(task.size) % task.attributes
    among = (right - right % half)[..., None] + np.arange(half)
    in_half = np.take_along_axis(logits_2FV, among, -1).argmax(-1) == right % half
    from_own = given % v // half == language
    found = (
        (given == right)[told].mean(),
        (given == right)[asked].mean(),
        in_half[asked].mean(),
        mean_or_nan(from_own[asked & (given != right)]),
        *matches_by_chance(given[asked], right[asked], group[asked]),
    )
    return dict(zip(names, map(float, found), strict=True)) | counts


def unified(facts: Facts, stream_2FD: np.ndarray) -> dict[str, float]:
    """How unified one network's facts are across the languages, centred by one mean of both.

    Returns:
        For facts told in one language that can be asked for in the other, and for parallel ones:
        ``score_...``, ``retrieval_...``. ``language``, the share of variance between languages.
    """
    centred = np.asarray(stream_2FD, np.float64)
    centred = centred - centred.mean((0, 1), keepdims=True)
    kept = {"single": facts.asked.any(0), "parallel": facts.parallel}
    found = {"language": form_share(*centred)}
    for kind in KINDS:
        sides, enough = centred[:, kept[kind]], kept[kind].sum() > 1
        found[f"score_{kind}"] = unification(*sides).score if enough else np.nan
        found[f"retrieval_{kind}"] = retrieval(*sides) if enough else np.nan
    return found


def translated(
    task: Bilingual, model: Transformer, params_P: Params, facts_P: Facts, before_P2FD: np.ndarray
) -> dict[str, np.ndarray]:
    """How many facts are right when asked for as if in the language that they are told in.

    The stream before the MLP is moved by the difference of the languages' means, over the facts of
    all other attributes: ``toward`` the language that the fact is told in, or as far ``away``.

    Returns:
        Shares (P,) of the facts asked for; NaN of broken networks.
    """
    p, d = len(before_P2FD), before_P2FD.shape[-1]
    by_P2EAD = before_P2FD.reshape(p, 2, task.entities, task.attributes, d)
    gap_PAD = np.subtract(*by_P2EAD.mean(2).swapaxes(0, 1))
    others_PAD = (gap_PAD.sum(1, keepdims=True) - gap_PAD) / (task.attributes - 1)
    gap_PFD = np.tile(others_PAD, (1, task.entities, 1))
    found = {}
    for name, way in (("toward", 1), ("away", -1)):
        moved_P2FD = before_P2FD + way * np.stack([-gap_PFD, gap_PFD], 1)
        logits_P2FV = np.asarray(_from_stream(model, params_P, facts_P.inputs, moved_P2FD))
        right_P2F = logits_P2FV.argmax(-1) == facts_P.targets
        sound_P = np.isfinite(logits_P2FV).all((1, 2, 3)) & facts_P.asked.any((1, 2))
        with np.errstate(invalid="ignore"):
            share_P = (right_P2F & facts_P.asked).sum((1, 2)) / facts_P.asked.sum((1, 2))
        found[name] = np.where(sound_P, share_P, np.nan)
    return found


@functools.partial(jax.jit, static_argnums=0)
def _from_stream(
    model: Transformer, params_P: Params, inputs_P2F3: Array, stream_P2FD: Array
) -> Array:
    def one(row: tuple[Params, Array, Array]) -> Array:
        params, inputs_2F3, stream_2FD = row
        value = stream_2FD.reshape(-1, 1, stream_2FD.shape[-1])
        edit = Edit(_site(model, BEFORE), "patch", value, None)
        logits, _ = run(model, params, inputs_2F3.reshape(-1, 3), (), (edit,))
        return logits.reshape(2, inputs_2F3.shape[1], -1)

    return jax.lax.map(one, (params_P, inputs_P2F3, stream_P2FD))
