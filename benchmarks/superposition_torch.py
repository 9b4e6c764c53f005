"""The PyTorch sides of the superposition benchmark, each at its best on this machine.

:class:`Batched` puts the models on one axis, as the notebook of Elhage et al. 2022 does;
:class:`FeatureMajor` does so with our order of axes; :class:`Loop` trains single models one after
another. Data law, loss and optimiser are those of ``toylab.tasks.superposition.sparse.Sparse``,
``toylab.losses.squared_error`` and ``toylab.optim.AdamW``. Before it is timed, a side tries AdamW
fused or not and one thread or all, and keeps the fastest.

Shapes: P models, B batch, N features, M hidden. Batches are (Q, B, N); Q is P, or 1 when shared.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from toylab.benchmarks.superposition import Case

from .torch_side import TorchSide

Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]


@torch.no_grad()
def draw(shape: tuple[int, ...], density: float, where: torch.device) -> Tensor:
    """Draw features that are U[0, 1] with probability ``density`` and otherwise 0.

    One uniform number per entry decides both, half the draws of the notebook; in place.
    """
    scaled = torch.rand(shape, device=where).mul_(1 / density)
    return scaled.masked_fill_(scaled > 1, 0.0)


def einsum_loss(W_PNM: Tensor, b_PN: Tensor, x_QBN: Tensor, weight_N: Tensor) -> Tensor:
    """Sum over models of the mean loss, in the notebook's layout: models beside the batch."""
    x_BQN = x_QBN.transpose(0, 1)
    if len(x_QBN) == 1:
        hidden_BPM = torch.einsum("bn,pnm->bpm", x_BQN[:, 0], W_PNM)
    else:
        hidden_BPM = torch.einsum("bpn,pnm->bpm", x_BQN, W_PNM)
    out_BPN = torch.relu(torch.einsum("bpm,pnm->bpn", hidden_BPM, W_PNM) + b_PN)
    return ((x_BQN - out_BPN).square() * weight_N).sum() / x_QBN.shape[1]


def feature_major_loss(W_PNM: Tensor, b_PN: Tensor, x_QBN: Tensor, weight_N: Tensor) -> Tensor:
    """The same, with features outside and the batch contiguous, as ours computes."""
    x_QNB = x_QBN.mT
    hidden_PMB = W_PNM.mT @ x_QNB
    out_PNB = torch.relu(torch.baddbmm(b_PN[:, :, None], W_PNM, hidden_PMB))
    return ((x_QNB - out_PNB).square() * weight_N[:, None]).sum() / x_QBN.shape[1]


def single_loss(W_NM: Tensor, b_N: Tensor, x_BN: Tensor, weight_N: Tensor) -> Tensor:
    """Mean loss of one model."""
    out_BN = torch.relu(torch.addmm(b_N, x_BN @ W_NM, W_NM.T))
    return ((x_BN - out_BN).square() * weight_N).sum() / len(x_BN)


def adamw(params: Iterable[Tensor], case: Case, fused: bool) -> torch.optim.AdamW:
    """PyTorch's AdamW with the case's numbers."""
    return torch.optim.AdamW(
        params, lr=case.learning_rate, weight_decay=case.weight_decay, fused=fused
    )


class _Side(TorchSide):
    """Weights and loss of the autoencoder."""

    def start(self) -> None:
        """The loss's weights."""
        powers_N = torch.arange(self.case.n_features, dtype=torch.float32, device=self.where)
        self.weight_N = self.case.importance**powers_N

    def _init(self, *lead: int) -> tuple[Tensor, Tensor]:
        """Weights N(0, 2/(N+M)) and zero biases, with leading axes ``lead``."""
        n, m = self.case.n_features, self.case.n_hidden
        weight = torch.randn(*lead, n, m, device=self.where) * (2 / (n + m)) ** 0.5
        bias = torch.zeros(*lead, n, device=self.where)
        return weight.requires_grad_(), bias.requires_grad_()


class Batched(_Side):
    """All models in one tensor each for weights and biases; one backward pass for all.

    A batch is drawn with axes (B, Q, N), the order of the notebook.
    """

    objective: Loss = staticmethod(einsum_loss)
    order = (1, 0, 2)

    def build(self, fused: bool) -> None:
        """Models on one axis, one optimiser."""
        case = self.case
        shape = (1 if case.shared else case.size, case.batch_size, case.n_features)
        # Drawn in the order in which it is read, and seen as (Q, B, N): order undoes itself.
        self.shape = tuple(shape[axis] for axis in self.order)
        self.params = self._init(case.size)
        self.optimizer = adamw(self.params, case, fused)

    def step(self) -> None:
        """Update every model."""
        x_QBN = draw(self.shape, self.case.density, self.where).permute(self.order)
        self.optimizer.zero_grad(set_to_none=True)
        W_PNM, b_PN = self.params
        loss = self.objective(W_PNM, b_PN, x_QBN, self.weight_N)
        loss.backward()
        self.optimizer.step()
        self.last = loss.detach()


class FeatureMajor(Batched):
    """As :class:`Batched`, with axes (Q, N, B) and batched matmuls, the order ours uses."""

    objective: Loss = staticmethod(feature_major_loss)
    order = (0, 2, 1)


class Loop(_Side):
    """Plain single models, one after another; a shared batch is drawn once per step."""

    def build(self, fused: bool) -> None:
        """A list of models, and of their optimisers."""
        self.models = [self._init() for _ in range(self.case.size)]
        self.optimizers = [adamw(params, self.case, fused) for params in self.models]

    def step(self) -> None:
        """Update every model."""
        shape = (self.case.batch_size, self.case.n_features)
        x_BN = draw(shape, self.case.density, self.where)
        total = torch.zeros((), device=self.where)
        for place, params in enumerate(self.models):
            if place and not self.case.shared:
                x_BN = draw(shape, self.case.density, self.where)
            self.optimizers[place].zero_grad(set_to_none=True)
            W_NM, b_N = params
            loss = single_loss(W_NM, b_N, x_BN, self.weight_N)
            loss.backward()
            self.optimizers[place].step()
            total += loss.detach()
        self.last = total
