"""The loss of a variational autoencoder of sentences, with a weight on what the code costs.

Shape suffixes: B batch, L length, C numbers of the code.
"""

import dataclasses
from typing import Any

import jax.numpy as jnp
from jax import Array

from toylab.errors import ToylabError, check_number
from toylab.losses import cross_entropy_from_logits
from toylab.models.sentences.autoencoder import Code, SentenceAutoencoder
from toylab.taps import Params
from toylab.task import Batch, Number


@dataclasses.dataclass(frozen=True)
class NegativeEvidence:
    """``(-log p(sentence | code) + beta KL(code || N(0, 1))) / L`` in nats, of each sentence.

    The code is drawn with the noise that the batch's latents hold. With beta = 1 it bounds
    ``-log p(sentence) / L`` from above; with beta = 0 and a bounded code it is the loss of a plain
    autoencoder.

    Args:
        beta: weight of the divergence; may differ per member.

    Source: Kingma and Welling 2014 (1312.6114); beta: Higgins et al. 2017.
    """

    beta: Number = 1.0

    def __post_init__(self) -> None:
        check_number("NegativeEvidence", "beta", self.beta, 0)

    def __call__(self, model: Any, params: Params, batch: Batch) -> Array:
        """Return one number per sentence, (B,).

        Raises:
            ToylabError: another model, or a batch without noise, or with less than a code has.
        """
        if not isinstance(model, SentenceAutoencoder):
            raise ToylabError(f"NegativeEvidence: {type(model).__name__} has no code.")
        noise_BC = batch.latents.get("noise")
        if noise_BC is None or noise_BC.shape[1] < model.code:
            raise ToylabError(
                f"NegativeEvidence: give a task whose latents hold noise of {model.code} numbers."
            )
        code = model.encode(params, batch.inputs)
        point_BC = model.point(code, noise_BC[:, : model.code])
        nats_BL = cross_entropy_from_logits(
            model.decode(params, point_BC, batch.inputs), batch.targets
        )
        cost_B = jnp.asarray(self.beta, jnp.float32) * divergence(model, code)
        return (nats_BL.sum(1) + cost_B) / batch.targets.shape[1]


def divergence(model: SentenceAutoencoder, code: Code) -> Array:
    """Return KL in nats from each code's Gaussian to N(0, 1), over the numbers in use, (B,).

    ``sum_c (mean^2 + spread^2 - 1) / 2 - log spread``
    """
    variance_BC = jnp.exp(2 * code.log_spread)
    each_BC = (code.mean**2 + variance_BC - 1) / 2 - code.log_spread
    return (each_BC * model.used().astype(each_BC.dtype)[None]).sum(1)
