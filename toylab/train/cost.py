"""Cost: what training a population will take, told before anything is compiled or run.

    FLOPs    of loss and gradient, counted in the traced program, times steps and members
    memory   weights, gradients and two moments, and the activations of one forward pass
    time     FLOPs over a share of this machine's matmul rate, measured on the spot

The time is a guide: a study of small matrices is bound by memory and by drawing data rather than by
products, and takes longer.
"""

from typing import NamedTuple

import jax
import numpy as np

from toylab.population import Population
from toylab.train.plan import member_bytes, traced

SHARE = 0.4  # of the matmul rate; what transformers reach here, see benchmarks/README.md


class Cost(NamedTuple):
    """What one population takes.

    Attributes:
        members: P.
        steps: updates of each.
        flops: operations in all.
        bytes_: memory of one member while it trains.
        seconds: predicted time at the given rate.
    """

    members: int
    steps: int
    flops: float
    bytes_: int
    seconds: float


def step_flops(population: Population) -> float:
    """Return the operations of one member's update: loss and gradient, without the optimiser.

    Counted by XLA on the traced, not compiled, program; loops whose length is not in the program
    text (such as a sampler's) count once.
    """
    loss, params, batch = traced(population)
    step = jax.value_and_grad(lambda p, b: loss(p, b).mean())
    analysis = jax.jit(step).lower(params, batch).cost_analysis()
    return float((analysis or {}).get("flops", np.nan))


def predict(population: Population, rate: float) -> Cost:
    """Predict what training takes.

    Args:
        population: what would be trained.
        rate: the machine's matmul rate, GFLOP/s (:func:`toylab.cli.bench.matmul_rate`).
    """
    flops = step_flops(population) * population.steps * population.size
    seconds = flops / (SHARE * rate * 1e9)
    return Cost(population.size, population.steps, flops, member_bytes(population), seconds)
