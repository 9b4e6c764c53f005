"""What networks compute for later positions: errors, probes of the term, and moved terms.

P members, B sequences, T positions, D width, N vectors.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.change import at, run_changes, steer
from toylab.models.toys.foresight import ForesightTransformer
from toylab.probes.controls import r2
from toylab.probes.linear import ridge
from toylab.taps import Params, run
from toylab.task import Batch
from toylab.tasks.planning.delayed_sums import DelayedSums

FIRST = "blocks/0/resid_post"  # the stream that the second block's attention reads
PROBED = {"embedding": "embed", "before the MLP": "blocks/0/resid_mid", "first block": FIRST}
PROBED |= {"values": "blocks/0/attn/v"}
L2 = 1e-3
STEP = 0.5  # by which f(x) is moved up and down


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def draw(task: DelayedSums, count: int, seed: int) -> Batch:
    """Draw sequences to judge by."""
    return task.batch(jax.random.key(seed), count)


@functools.partial(jax.jit, static_argnums=(0, 3))
def seen(
    model: ForesightTransformer, params_P: Params, inputs: Array, sites: tuple[str, ...]
) -> tuple[Array, dict[str, Array]]:
    """Outputs (P, B, T), and activations with heads side by side (P, B, T, D)."""
    outputs, acts = run(model, params_P, inputs, record=sites)
    return outputs, {site: a.reshape(*a.shape[:3], -1) for site, a in acts.items()}


def errors(task: DelayedSums, outputs_PBT: Array, batch: Batch) -> dict[str, np.ndarray]:
    """Mean squared errors (P,): of sums, over the variance of a sum, and where x is asked for."""
    wrong_PBT = (np.asarray(outputs_PBT, np.float64) - np.asarray(batch.targets)) ** 2
    counted_BT = np.broadcast_to(np.asarray(batch.weights) > 0, batch.targets.shape)
    flag_BT = np.asarray(batch.latents["flag"]) > 0
    mean = lambda rows_BT: (
        wrong_PBT[:, rows_BT].mean(-1) if rows_BT.any() else np.full(len(wrong_PBT), np.nan)
    )
    variance = task.terms * task.term_variance
    return {
        "error": mean(counted_BT & flag_BT) / variance,
        "plain": mean(counted_BT & ~flag_BT),
    }


def decoded(task: DelayedSums, acts_PBTD: Array, batch: Batch, latent: str = "term") -> np.ndarray:
    """Held-out R^2 of a linear probe of f(x_n) at position n, fitted on half the sequences (P,).

    Another latent may be probed in its place.

    Early positions, which no loss is about, and the last, which none reads, are left out.
    """
    half = len(batch.inputs) // 2
    cut = slice(task.terms, -1)
    vectors = lambda rows: acts_PBTD[:, rows, cut].reshape(len(acts_PBTD), -1, acts_PBTD.shape[-1])
    terms = lambda rows: batch.latents[latent][rows, cut].reshape(-1, 1)
    fitted, judged = slice(0, half), slice(half, None)
    probe = ridge(vectors(fitted), terms(fitted), L2)
    return np.asarray(r2(probe, vectors(judged), terms(judged)))


def moved(
    model: ForesightTransformer, task: DelayedSums, params_P: Params, acts_PBTD: Array, batch: Batch
) -> tuple[np.ndarray, np.ndarray]:
    """How later outputs follow a term that is moved in the stream: slopes (P, lags), and lags.

    At one position the stream is moved along d by STEP, and back. d is how the stream changes with
    f(x) at fixed x, from least squares on 1, x and f(x).
    """
    place = task.length - task.terms - 3
    x_BC = np.stack([np.asarray(batch.latents[n])[:, place] for n in ("x", "term")], 1)
    x_BC = np.concatenate([np.ones((len(x_BC), 1)), x_BC], 1)
    own_PBD = np.asarray(acts_PBTD[:, :, place], np.float64)
    d_PD = np.einsum("b,pbd->pd", np.linalg.pinv(x_BC)[2], own_PBD)
    d_P11D = jnp.asarray(d_PD[:, None, None], jnp.float32)
    long_P11 = STEP * jnp.linalg.norm(d_P11D, axis=-1)
    changes = [steer(at(FIRST, place), d_P11D, sign * long_P11) for sign in (1, -1)]
    up_PBT, down_PBT = np.asarray(run_changes(model, params_P, batch.inputs, changes), np.float64)
    slope_PT = ((up_PBT - down_PBT) / (2 * STEP)).mean(1)
    return slope_PT[:, place:], np.arange(task.length - place)
