"""Record PyTorch's AdamW on a small fixed problem: ``python tests/golden/adamw.py``.

The problem: least squares, ``mean((X w - y)^2)``, of 6 equations in 3 unknowns, in float64.
"""

import json
import math
from pathlib import Path

import torch

STEPS, WARMUP, FLOOR = 200, 20, 0.1
SETTINGS = {"lr": 0.03, "betas": (0.9, 0.99), "eps": 1e-8, "weight_decay": 0.01}
X = [[1, 2, -1], [0.5, -1, 3], [2, 0, 1], [-1, 1.5, 0.25], [0, 1, 1], [3, -2, 0.5]]
Y = [1, -2, 0.5, 3, -1, 2]
START = [2.0, -1.0, 0.5]


def warmup_cosine(step: int) -> float:
    """Share of the peak: linear from 0, then a half cosine down to the floor."""
    if step < WARMUP:
        return step / WARMUP
    share = (step - WARMUP) / (STEPS - WARMUP)
    return FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * share)) / 2


def trajectory(share) -> list[list[float]]:
    """Return the weights after each of the steps."""
    x, y = torch.tensor(X, dtype=torch.float64), torch.tensor(Y, dtype=torch.float64)
    w = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.AdamW([w], **SETTINGS)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    weights = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        ((x @ w - y) ** 2).mean().backward()
        optimizer.step()
        scheduler.step()
        weights.append(w.tolist())
    return weights


if __name__ == "__main__":
    record = {
        "torch": torch.__version__,
        "problem": {"x": X, "y": Y, "start": START},
        "settings": SETTINGS | {"steps": STEPS, "warmup": WARMUP, "floor": FLOOR},
        "constant": trajectory(lambda step: 1.0),
        "cosine": trajectory(warmup_cosine),
    }
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(record) + "\n")
