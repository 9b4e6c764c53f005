"""What trained networks do: answers, probes of the running sum, attention, reliance on digits.

P members, I layers, B pairs, K digits of the product, N digits of a factor, L tokens, D width,
H heads, C cuts.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab.analysis.attribution.replaced import logit_drops
from toylab.change import NOTHING, knock_out, run_changes
from toylab.models.toys.regressing import Regressing
from toylab.probes.linear import ridge
from toylab.taps import run
from toylab.task import Batch
from toylab.tasks.multiplication.multiplication import Multiplication
from toylab.train.fast_compile import quick_jit

RIDGE = 1e-2


@quick_jit(static_argnums=(0, 1))
def right(
    model: Regressing, task: Multiplication, params_P: Any, batch: Batch
) -> Float[Array, "P B K"]:
    """Return whether each digit is the largest logit, given those before it; NaN if diverged.

    A network that is right at all digits of a pair also writes the whole answer on its own, since
    then it gives itself the digits it was given here.
    """

    def one(params: Any) -> Array:
        logits_BKV = model.apply(params, batch.inputs)[:, task.answers]
        right_BK = (logits_BKV.argmax(-1) == batch.targets[:, task.answers]).astype(jnp.float32)
        return jnp.where(jnp.isfinite(logits_BKV).all(-1), right_BK, jnp.nan)

    return jax.lax.map(one, params_P)


@quick_jit(static_argnums=0)
def _stream(model: Regressing, params_P: Any, inputs_BL: Array) -> Array:
    site = f"blocks/{model.depth - 1}/resid_mid"
    return run(model, params_P, inputs_BL, record=(site,))[1][site]


def probe_errors(
    model: Regressing, task: Multiplication, params_P: Any, batch: Batch, judged: int
) -> Float[np.ndarray, "P K"]:
    """Mean absolute error of a linear probe of the running sum behind the last attention.

    The first pairs of a batch judge it and the others, of the training set, fit it; over the error
    of the judged pairs' mean.
    """
    state_PKBD = jnp.moveaxis(_stream(model, params_P, batch.inputs)[:, :, task.answers], 2, 1)
    sum_KB = np.asarray(batch.latents["running"]).T
    told_PKBO = jnp.asarray(sum_KB[:, judged:], jnp.float32)[None, ..., None]
    probe = ridge(state_PKBD[:, :, judged:], told_PKBO, RIDGE)
    found_PKB = np.asarray(probe.predict(state_PKBD[:, :, :judged]))[..., 0]
    right_KB = sum_KB[:, :judged]
    spread_K = np.abs(right_KB - right_KB.mean(1, keepdims=True)).mean(1)
    return np.abs(found_PKB - right_KB).mean(-1) / spread_K


@quick_jit(static_argnums=0)
def _mean_patterns(model: Regressing, params_P: Any, inputs_BL: Array) -> list[Array]:
    acts = run(model, params_P, inputs_BL, record=("blocks/*/attn/pattern",))[1]
    return [found_PBHLL.mean(1) for found_PBHLL in acts.values()]


def attention(
    model: Regressing, task: Multiplication, params_P: Any, batch: Batch
) -> dict[str, Float[np.ndarray, "P I K"]]:
    """Return, by layer I and digit, each network's attention to the digits of the factors.

    ``relevant`` is the mass on digits that matter, ``a_i`` and ``b_i`` with ``i <= k``, mean over
    heads; ``pair`` the mass on the best digit of a and the best of b, of the head with most.
    """
    n = task.digits
    pattern_PIHLL = np.stack(_mean_patterns(model, params_P, batch.inputs), 1)
    a_PIHKN, b_PIHKN = (pattern_PIHLL[..., task.answers, at : at + n] for at in (0, n))
    matter_KN = np.arange(n) <= np.arange(2 * n)[:, None]
    mass = lambda own_PIHKN: np.where(matter_KN, own_PIHKN, 0).sum(-1)
    pair_PIK = (a_PIHKN.max(-1) + b_PIHKN.max(-1)).max(2)
    return {"relevant": (mass(a_PIHKN) + mass(b_PIHKN)).mean(2), "pair": pair_PIK}


CLOSED = {  # positions that the step of digit k cannot see, of N digits of a factor
    "factors": lambda n, k: range(2 * n),
    "steps": lambda n, k: range(2 * n, 2 * n + k),
}


def closed(
    model: Regressing, task: Multiplication, params_P: Any, batch: Batch
) -> Float[np.ndarray, "P I C 2"]:
    """Return how much of each middle digit is lost where its step cannot see some positions.

    In layer I, of the factors' digits or of the steps of lower digits.
    """
    n, whats = task.digits, CLOSED.values()
    cells = [(i, what, k) for i in range(model.depth) for what in whats for k in middle(task)]
    cuts = [knock_out(i, queries=2 * n + k, keys=what(n, k)) for i, what, k in cells]
    logits_CPBLV = run_changes(model, params_P, batch.inputs, [NOTHING, *cuts])
    logits_CPBKV = np.asarray(logits_CPBLV)[:, :, :, task.answers]
    right_CPBK = logits_CPBKV.argmax(-1) == np.asarray(batch.targets)[:, task.answers]
    right_CPBK = np.where(np.isfinite(logits_CPBKV).all(-1), right_CPBK, np.nan)
    lost_CPBK = right_CPBK[0] - right_CPBK[1:]
    lost_CP = np.array([lost_CPBK[c, ..., k].mean(-1) for c, (_, _, k) in enumerate(cells)])
    return lost_CP.T.reshape(-1, model.depth, len(whats), 2)


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
