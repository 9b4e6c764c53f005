"""The PyTorch side of the grokking benchmark, at its best on this machine.

A plain loop over single models: one forward and backward pass and one AdamW step each, in float32,
with the same positions through queries, MLP and unembedding as ours. The embedding is PyTorch's
own look-up, and the loss its own ``cross_entropy``, which does less work than ours. Before it is
timed, the side tries AdamW fused or not, one thread or all, and three forms of attention, on a
single model, and keeps the fastest.

Shapes: B batch, L length, D width, H heads, K head dim, V logits.
"""

import dataclasses
import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from toylab.benchmarks.grokking import LENGTH, Case, task

from .torch_side import TorchSide

Params = dict[str, Tensor]


def attend(q_BHK: Tensor, k_BLHK: Tensor, v_BLHK: Tensor, form: str) -> Tensor:
    """Softmax attention of one query per example, (B, H, K), in one of three forms."""
    if form == "scaled_dot_product_attention":
        swapped = (k_BLHK.transpose(1, 2), v_BLHK.transpose(1, 2))
        return F.scaled_dot_product_attention(q_BHK[:, :, None], *swapped)[:, :, 0]
    scale = 1 / math.sqrt(q_BHK.shape[-1])
    if form == "einsum":
        scores_BHL = torch.einsum("bhk,blhk->bhl", q_BHK, k_BLHK) * scale
        return torch.einsum("bhl,blhk->bhk", scores_BHL.softmax(-1), v_BLHK)
    pattern_BLH = ((q_BHK[:, None] * k_BLHK).sum(-1) * scale).softmax(1)
    return (pattern_BLH[..., None] * v_BLHK).sum(1)


FORMS = ("sums", "einsum", "scaled_dot_product_attention")


def logits(params: Params, tokens_BL: Tensor, heads: int, form: str = "sums") -> Tensor:
    """Logits (B, V) at the last position."""
    batch, length = tokens_BL.shape
    x_BLD = F.embedding(tokens_BL, params["embed"]) + params["positions"]
    last_BD = x_BLD[:, -1]
    q_BHK = (last_BD @ params["w_q"]).view(batch, heads, -1)
    k_BLHK, v_BLHK = ((x_BLD @ params[w]).view(batch, length, heads, -1) for w in ("w_k", "w_v"))
    z_BD = attend(q_BHK, k_BLHK, v_BLHK, form).reshape(batch, -1)
    mid_BD = last_BD + z_BD @ params["w_o"]
    out_BD = mid_BD + torch.relu(mid_BD @ params["up"]) @ params["down"]
    return out_BD @ params["unembed"]


def shapes(case: Case) -> dict[str, tuple[int, int]]:
    """Shape of each parameter."""
    d = case.width
    square = {name: (d, d) for name in ("w_q", "w_k", "w_v", "w_o")}
    mlp = {"up": (d, case.hidden), "down": (case.hidden, d)}
    ends = {"embed": (case.p + 1, d), "positions": (LENGTH, d), "unembed": (d, case.p)}
    return {**ends, **square, **mlp}


class Loop(TorchSide):
    """Single models, one after another, on one batch: the training set."""

    forms = FORMS

    def trial_case(self, case: Case) -> Case:
        """A single model: more of them take as long each."""
        return dataclasses.replace(case, size=1)

    def start(self) -> None:
        """Put the training set on the device."""
        train: Any = task(self.case).split()["train"]
        tensor = lambda array: torch.tensor(array.tolist(), device=self.where)
        self.tokens_BL, self.answers_B = tensor(train.inputs), tensor(train.targets)

    def build(self, fused: bool, *form: str) -> None:
        """A list of models, and of their optimisers."""
        case = self.case
        (self.form,) = form
        self.models = [self._init() for _ in range(case.size)]
        self.optimizers = [
            torch.optim.AdamW(
                params.values(),
                lr=case.learning_rate,
                betas=(0.9, case.b2),
                weight_decay=case.weight_decay,
                fused=fused,
            )
            for params in self.models
        ]

    def _init(self) -> Params:
        """Weights N(0, 1 / fan in); an embedding's fan-in is the width."""
        params = {}
        for name, shape in shapes(self.case).items():
            fan_in = shape[1] if name in ("embed", "positions") else shape[0]
            weight = torch.randn(*shape, device=self.where) / math.sqrt(fan_in)
            params[name] = weight.requires_grad_()
        return params

    def step(self) -> None:
        """Update every model."""
        total = torch.zeros((), device=self.where)
        for params, optimizer in zip(self.models, self.optimizers, strict=True):
            optimizer.zero_grad(set_to_none=True)
            out_BV = logits(params, self.tokens_BL, self.case.heads, self.form)
            loss = F.cross_entropy(out_BV, self.answers_B)
            loss.backward()
            optimizer.step()
            total += loss.detach()
        self.last = total
