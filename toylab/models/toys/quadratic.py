"""Gromov's network of quadratic neurons, all of whose weights start from one Gaussian."""

import dataclasses
import math

from jax import Array

from toylab.models.token_mlp import TokenMLP
from toylab.taps import Params


@dataclasses.dataclass(frozen=True, kw_only=True)
class Quadratic(TokenMLP):
    """``z_q = sum_k W_kq (U_kx + V_ky)^2``; every weight starts as ``init_scale * N(0, 1)``.

    The function is that of :class:`TokenMLP` with one hidden layer on one-hot tokens and
    ``activation="quadratic"``; only the initial weights differ, by the square root of the fan-in.

    Source:
        Gromov 2023 (arXiv:2301.02679); initialisation of Doshi's code (d-doshi/Grokking).
    """

    def init(self, key: Array) -> Params:
        """Draw initial parameters."""
        layers = super().init(key)["layers"]
        fan_in = {"0": self.length, "1": self.hidden[0]}
        scaled = {i: {"kernel": v["kernel"] * math.sqrt(fan_in[i])} for i, v in layers.items()}
        return {"layers": scaled}
