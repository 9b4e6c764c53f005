"""The auxiliary loss: heads of the last block say the running sum, or something else of its size.

Shape suffixes: B batch, L length, K digits of the answer, H heads.
"""

import dataclasses

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from toylab.losses import cross_entropy_from_logits
from toylab.models.toys.regressing import Regressing
from toylab.taps import Params, run
from toylab.task import Batch, Number

from .digits import most_running
from .multiplication import Multiplication

KINDS = ("running", "shuffled", "digits")  # what heads may be asked for


@dataclasses.dataclass(frozen=True)
class Auxiliary:
    """Cross-entropy of the next tokens, and squared error of what each head says at each digit.

    ``mean_l -log p(token_l) + weight * mean_{k, h} (z_{k, h} r_h - t_k)^2``, where the target ``t``
    is scaled to [-1, 1]:

    ======== =====================================================================
    running  the running sum, s_k with the carry of the digit before
    shuffled that of another example of the batch
    digits   the sum of all digits of both factors up to the k-th
    ======== =====================================================================

    Args:
        task: the world.
        weight: of the squared error; may differ per member, as may the next.
        kind: number of the target in ``KINDS``.

    Source: Bai et al. 2025 (arXiv:2510.00184) for the running sum; scale and weight are ours.
    """

    task: Multiplication
    weight: Number = 1.0
    kind: Number = 0.0

    def targets(self, batch: Batch) -> Float[Array, "B K"]:
        """Return what heads are asked for."""
        n, base = self.task.digits, self.task.base
        running_BK = batch.latents["running"].astype(jnp.float32) / most_running(n, base)
        factors_B2N = batch.latents["factors"].astype(jnp.float32)
        both_BN = factors_B2N[:, :n] + factors_B2N[:, n:]
        rest_BN = jnp.zeros_like(both_BN)
        so_far_BK = jnp.cumsum(jnp.concatenate([both_BN, rest_BN], 1), 1) / (2 * n * (base - 1))
        found = jnp.stack([running_BK, jnp.roll(running_BK, 1, 0), so_far_BK])
        return 2 * found[jnp.asarray(self.kind).astype(jnp.int32)] - 1

    def __call__(self, model: Regressing, params: Params, batch: Batch) -> Array:
        """Return the loss of each example, (B,)."""
        site = model.read_site
        logits, acts = run(model, params, batch.inputs, record=(site,))
        nats_BL = cross_entropy_from_logits(logits, batch.targets)
        told_B = jnp.sum(nats_BL * batch.weights, 1) / jnp.sum(batch.weights, 1)
        said_BKH = model.said(params, acts[site][:, self.task.answers])
        error_BKH = (said_BKH - self.targets(batch)[:, :, None]) ** 2
        return told_B + jnp.asarray(self.weight, jnp.float32) * error_BKH.mean((1, 2))
