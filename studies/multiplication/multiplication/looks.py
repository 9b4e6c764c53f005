"""What trained networks do: answers, probes of the running sum, attention, reliance on digits.

P members, B pairs, K digits of the product, N digits of a factor, L tokens, D width, H heads.
"""

import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float
from scipy.stats import rankdata

from toylab.analysis.attribution.replaced import logit_drops
from toylab.change import NOTHING, knock_out, run_changes
from toylab.models.toys.regressing import Regressing
from toylab.probes.linear import ridge
from toylab.taps import run
from toylab.task import Batch
from toylab.tasks.multiplication.exams import needed
from toylab.tasks.multiplication.multiplication import Multiplication

RIDGE = 1e-2


@functools.partial(jax.jit, static_argnums=(0, 1))
def _right(model: Regressing, count: int, params_P: Any, batch: Batch) -> Array:
    def one(params: Any) -> Array:
        logits_BKV = model.apply(params, batch.inputs)[:, -count:]
        right_BK = (logits_BKV.argmax(-1) == batch.targets[:, -count:]).astype(jnp.float32)
        return jnp.where(jnp.isfinite(logits_BKV).all(-1), right_BK, jnp.nan)

    return jax.lax.map(one, params_P)


def right(
    model: Regressing, task: Multiplication, params_P: Any, batch: Batch
) -> Float[np.ndarray, "P B K"]:
    """Return whether each digit is the largest logit, given those before it; NaN if diverged.

    A network that is right at all digits of a pair also writes the whole answer on its own, since
    then it gives itself the digits it was given here.
    """
    return np.asarray(_right(model, 2 * task.digits, params_P, batch))


@functools.partial(jax.jit, static_argnums=0)
def _stream(model: Regressing, params_P: Any, inputs_BL: Array) -> Array:
    site = f"blocks/{model.depth - 1}/resid_mid"
    return run(model, params_P, inputs_BL, record=(site,))[1][site]


def probe_errors(
    model: Regressing, task: Multiplication, params_P: Any, seen: Batch, unseen: Batch
) -> Float[np.ndarray, "P K"]:
    """Mean absolute error of a linear probe of the running sum behind the last attention.

    It is fitted on pairs of the training set and judged on others, over the error of their mean.
    """
    rows = lambda x: jnp.moveaxis(_stream(model, params_P, x)[:, :, task.answers], 2, 1)
    told = lambda batch: jnp.asarray(batch.latents["running"], jnp.float32).T[None, ..., None]
    probe = ridge(rows(seen.inputs), told(seen), RIDGE)
    found_PKB = np.asarray(probe.predict(rows(unseen.inputs)))[..., 0]
    right_KB = np.asarray(unseen.latents["running"]).T
    spread_K = np.abs(right_KB - right_KB.mean(1, keepdims=True)).mean(1)
    return np.abs(found_PKB - right_KB).mean(-1) / spread_K


@functools.partial(jax.jit, static_argnums=0)
def _mean_patterns(model: Regressing, params_P: Any, inputs_BL: Array) -> list[Array]:
    acts = run(model, params_P, inputs_BL, record=("blocks/*/attn/pattern",))[1]
    return [found_PBHLL.mean(1) for found_PBHLL in acts.values()]


def attention(
    model: Regressing, task: Multiplication, params_P: Any, batch: Batch
) -> Iterator[dict[str, Any]]:
    """Yield, by layer and digit, each network's attention to the digits of the factors.

    ``relevant`` is the mass on digits that matter, ``a_i`` and ``b_i`` with ``i <= k``, mean over
    heads; ``pair`` the mass on the best digit of a and the best of b, of the head with most.
    """
    n = task.digits
    for layer, pattern_PHLL in enumerate(_mean_patterns(model, params_P, batch.inputs)):
        for k in range(2 * n):
            mass_PHL = np.asarray(pattern_PHLL)[:, :, 2 * n + k]
            a_PHN, b_PHN = mass_PHL[..., :n], mass_PHL[..., n : 2 * n]
            matter = min(k + 1, n)
            own_P = (a_PHN[..., :matter].sum(-1) + b_PHN[..., :matter].sum(-1)).mean(1)
            pair_P = (a_PHN.max(-1) + b_PHN.max(-1)).max(1)
            yield {"layer": layer, "digit": k, "relevant": own_P, "pair": pair_P}


def closed(
    model: Regressing, task: Multiplication, params_P: Any, batch: Batch
) -> Iterator[dict[str, Any]]:
    """Yield how much of each middle digit is lost where its step cannot see some positions.

    Of the factors' digits, or of the steps of lower digits; in either layer.
    """
    n = task.digits
    keys = {"factors": lambda k: range(2 * n), "steps": lambda k: range(2 * n, 2 * n + k)}
    cells = [
        (layer, what, k) for layer in range(model.depth) for what in keys for k in middle(task)
    ]
    cuts = [knock_out(i, queries=2 * n + k, keys=keys[what](k)) for i, what, k in cells]
    logits_CPBLV = run_changes(model, params_P, batch.inputs, [NOTHING, *cuts])
    logits_CPBKV = np.asarray(logits_CPBLV)[:, :, :, task.answers]
    right_CPBK = logits_CPBKV.argmax(-1) == np.asarray(batch.targets)[:, task.answers]
    right_CPBK = np.where(np.isfinite(logits_CPBKV).all(-1), right_CPBK, np.nan)
    for c, (layer, what, k) in enumerate(cells, start=1):
        lost_P = (right_CPBK[0] - right_CPBK[c])[..., k].mean(-1)
        yield {"layer": layer, "what": what, "digit": k, "lost": lost_P}


def middle(task: Multiplication) -> tuple[int, int]:
    """The two digits in the middle of the product."""
    return task.digits - 1, task.digits


def reliance(
    model: Regressing, task: Multiplication, params_P: Any, batch: Batch, seed: int
) -> Float[np.ndarray, "P 2N K"]:
    """Mean drop of the logit that was largest, when one digit of a factor becomes another.

    The digits of the answer that were given stay.
    """
    rng, x_BL = np.random.default_rng(seed), np.asarray(batch.inputs)
    others_RBL = np.stack([x_BL] * (2 * task.digits))
    for i, other_BL in enumerate(others_RBL):
        other_BL[:, i] = (x_BL[:, i] + rng.integers(1, task.base, len(x_BL))) % task.base
    return logit_drops(model, params_P, x_BL, others_RBL)[..., task.answers]


def agreement(reliance_IK: Float[np.ndarray, "2N K"], task: Multiplication) -> float:
    """Rank correlation of reliance with what the best guess loses without the digit."""
    lost_IK = 1 - needed(task)[:-1]
    if not np.isfinite([reliance_IK, lost_IK]).all():
        return np.nan
    return float(np.corrcoef(rankdata(reliance_IK), rankdata(lost_IK))[0, 1])
