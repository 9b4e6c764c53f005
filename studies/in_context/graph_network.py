"""The network of the graph-tracing studies: meta-trained on fresh graphs with fresh tokens.

At the laptop preset population ``main`` is the same in graph_tracing and graph_tracing_circuit, so
that one can take it from a run of the other:
``toylab run graph_tracing_circuit --reuse runs/graph_tracing-laptop``.
"""

import dataclasses
from typing import Any

from toylab.errors import check_counts
from toylab.losses import cross_entropy
from toylab.members import seeds
from toylab.models import Transformer
from toylab.optim import AdamW, cosine
from toylab.population import Population, ladder
from toylab.tasks.in_context.graph_tracing import GraphTracing


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network:
    """Settings of the network that traces graphs; a study's own settings build on them."""

    seeds: int = 8
    n_tokens: int = 20
    # Nodes of its graphs. Of few sizes, fixed lags serve on rings and no induction need form.
    sizes: tuple[int, ...] = (8, 10, 12, 14, 16, 18, 20)
    length: int = 128
    walk: str = "non-backtracking"
    depth: int = 2
    width: int = 64
    heads: int = 4
    steps: int = 1_000
    batch_size: int = 64
    learning_rate: float = 4e-3
    weight_decay: float = 0.01
    rungs: int = 8  # log-spaced checkpoints

    def __post_init__(self) -> None:
        self.world()
        check_counts("graph_tracing", self, "seeds", "steps", "rungs")

    def world(self, **changes: Any) -> GraphTracing:
        """The task: rings, random regular graphs and trees; square grids are held out."""
        settings: dict[str, Any] = {
            name: getattr(self, name) for name in ("n_tokens", "sizes", "length", "walk")
        }
        return GraphTracing(**(settings | changes))


SMOKE: dict[str, Any] = {
    "n_tokens": 16,
    "sizes": (8, 16),
    "length": 32,
    "width": 16,
    "heads": 2,
    "steps": 30,
    "batch_size": 16,
    "rungs": 3,
}
PAPER: dict[str, Any] = {
    "seeds": 10,
    "n_tokens": 64,
    "depth": 4,
    "width": 128,
    "heads": 8,
    "steps": 10_000,
    "learning_rate": 1e-3,
}


def network(task: GraphTracing, depth: int, width: int, heads: int) -> Transformer:
    """A pre-norm transformer with rotary positions and an MLP of twice the width."""
    return Transformer(
        vocab=task.vocab,
        length=task.length,
        width=width,
        depth=depth,
        heads=heads,
        hidden=2 * width,
        activation="gelu",
        positions="rope",
        norm="rms",
    )


def main(config: Network) -> Population:
    """The population ``main``: one member per seed, each with walks of its own."""
    task = config.world()
    return Population(
        model=network(task, config.depth, config.width, config.heads),
        task=task,
        members=seeds(config.seeds),
        optimizer=AdamW(
            config.learning_rate,
            config.weight_decay,
            b2=0.98,
            schedule=cosine(config.steps, warmup=max(1, config.steps // 20), floor=0.05),
        ),
        steps=config.steps,
        batch_size=config.batch_size,
        loss=cross_entropy,
        snapshots=ladder(config.steps, config.rungs),
    )
