"""What the PyTorch sides share: they try every setting, keep the fastest, and run steps.

Needs PyTorch; only the sides' own processes import it.
"""

import itertools
import os
import time
from typing import Any

import torch
from torch import Tensor


class TorchSide:
    """Chooses the fastest settings, then runs them.

    Settings are the number of threads, AdamW fused or not, and what a side adds in ``forms``.
    A side gives ``build`` and ``step``, and keeps in ``last`` the sum of the models' losses.
    """

    trial_s = 0.05
    forms: tuple[str, ...] = ()
    last: Tensor

    def __init__(self) -> None:
        self.where = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        # Asked before set_num_threads, which changes what get_num_threads says.
        self.threads = sorted({1, torch.get_num_threads(), os.cpu_count() or 1})
        if self.where.type == "cuda":
            self.threads = [1]

    def prepare(self, case: Any) -> str:
        """Warm up, try every setting and keep the fastest."""
        torch.manual_seed(0)
        torch.set_float32_matmul_precision("highest")
        self.case = self.trial_case(case)
        self.start()
        forms = [(form,) for form in self.forms] or [()]
        choices = list(itertools.product(self.threads, (True, False), forms))
        took = {choice: self._trial(*choice) for choice in choices}
        best = min(choices, key=lambda choice: took[choice])
        self.case = case
        self._set(*best)
        self.run(1)
        return self._words(*best)

    def trial_case(self, case: Any) -> Any:
        """Return the case on which settings are tried."""
        return case

    def start(self) -> None:
        """Make what all settings share."""

    def build(self, fused: bool, *form: str) -> None:
        """Make fresh models and optimisers."""
        raise NotImplementedError

    def step(self) -> None:
        """Update every model once."""
        raise NotImplementedError

    def run(self, steps: int) -> None:
        """Train every model for ``steps`` steps and wait for the device."""
        for _ in range(steps):
            self.step()
        if self.where.type == "cuda":
            torch.cuda.synchronize()

    def loss(self) -> float:
        """Mean over models of the loss at the last step."""
        return float(self.last) / self.case.size

    def _trial(self, threads: int, fused: bool, form: tuple[str, ...]) -> float:
        """Best seconds per step over three short runs."""
        self._set(threads, fused, form)
        self.run(2)
        best = float("inf")
        for _ in range(3):
            start, steps = time.perf_counter(), 0
            while steps == 0 or time.perf_counter() - start < self.trial_s:
                self.run(1)
                steps += 1
            best = min(best, (time.perf_counter() - start) / steps)
        return best

    def _words(self, threads: int, fused: bool, form: tuple[str, ...]) -> str:
        where = f"{threads} of {self.threads[-1]} threads"
        where = where if self.where.type == "cpu" else "CUDA"
        return ", ".join([*form, f"{'fused' if fused else 'default'} AdamW", where])

    def _set(self, threads: int, fused: bool, form: tuple[str, ...]) -> None:
        torch.set_num_threads(threads)
        self.build(fused, *form)
