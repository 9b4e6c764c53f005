"""All models of the grokking benchmark in one PyTorch call: ``torch.func.vmap`` of a gradient.

One AdamW steps the stacked parameters. Besides what the loop tries, this side tries
``torch.compile``. Attention by ``scaled_dot_product_attention`` is left out: it has no rule for a
further axis.
"""

import dataclasses
import math

import torch
from torch import Tensor
from torch.func import grad_and_value, vmap
from torch.nn import functional as F

from toylab.benchmarks.grokking import Case

from .grokking_torch import Loop, Params, logits, shapes

TRIED = 4  # models on which the settings are tried


class Vmapped(Loop):
    """All models at once, on one batch: the training set."""

    forms = ("sums", "einsum", "sums, compiled", "einsum, compiled")

    def trial_case(self, case: Case) -> Case:
        """A few models."""
        return dataclasses.replace(case, size=min(case.size, TRIED))

    def build(self, fused: bool, *form: str) -> None:
        """Models on one axis, one optimiser."""
        case = self.case
        attention, *compiled = form[0].split(", ")

        def loss(params: Params) -> Tensor:
            out_BV = logits(params, self.tokens_BL, case.heads, attention)
            return F.cross_entropy(out_BV, self.answers_B)

        slopes = vmap(grad_and_value(loss))
        self.slopes = torch.compile(slopes) if compiled else slopes
        self.params = {name: self._drawn(name, shape) for name, shape in shapes(case).items()}
        self.optimizer = torch.optim.AdamW(
            self.params.values(),
            lr=case.learning_rate,
            betas=(0.9, case.b2),
            weight_decay=case.weight_decay,
            fused=fused,
        )

    def _drawn(self, name: str, shape: tuple[int, int]) -> Tensor:
        fan_in = shape[1] if name in ("embed", "positions") else shape[0]
        return torch.randn(self.case.size, *shape, device=self.where) / math.sqrt(fan_in)

    def step(self) -> None:
        """Update every model."""
        slopes, losses_P = self.slopes(self.params)
        for name, slope in slopes.items():
            self.params[name].grad = slope
        self.optimizer.step()
        self.last = losses_P.sum()
