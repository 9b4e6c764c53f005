"""Our side of the analysis benchmark: every job is one call over members and snapshots."""

from typing import Any

import numpy as np

from toylab.benchmarks.analysis import Case, inputs


class Ours:
    """A step is one call over the whole population at all its snapshots."""

    def __init__(self) -> None:
        from toylab.train.setup import setup

        setup()

    def prepare(self, case: Case, params: Any = None) -> str:
        """Draw the networks (or take them) and run once, so that everything is compiled.

        Returns:
            The memory that the compiler plans for the largest program, before it runs.
        """
        import jax

        from toylab.check.memory import memory_plans
        from toylab.models import Transformer

        self.case, self.data = case, inputs(case)
        self.model = Transformer(
            case.vocab, case.length, case.width, case.depth, case.heads,
            hidden=4 * case.width, norm="layer", biases=True, activation="gelu_exact",
        )  # fmt: skip
        keys = jax.random.split(jax.random.key(0), (case.snapshots, case.members))
        self.params = jax.vmap(jax.vmap(self.model.init))(keys) if params is None else params
        with memory_plans() as plans:
            self.run(1)
        return f"one call, {max(plans) / 2**20:,.0f} MiB planned"

    def run(self, steps: int) -> None:
        """Do the job ``steps`` times."""
        for _ in range(steps):
            self.found = np.asarray(getattr(self, self.case.job)())

    def _metric(self) -> Any:
        from toylab.analysis.circuits import logit_difference

        return logit_difference(self.data["answer"], self.data["other"])

    def grid(self) -> Any:
        """Denoising effects, (..., layer, position)."""
        from toylab.analysis.circuits import layer_by_position, patch_effects

        grid = layer_by_position(self.model, self.case.length)
        pair = self.data["clean"], self.data["corrupt"]
        return patch_effects(self.model, self.params, *pair, self._metric(), grid)

    def edges(self) -> Any:
        """Scores of edges, (..., reader, writer)."""
        from toylab.analysis.circuits import edge_attribution

        pair = self.data["clean"], self.data["corrupt"]
        return edge_attribution(self.model, self.params, *pair, self._metric())

    def heads(self) -> Any:
        """Previous-token, duplicate-token and induction scores, (3, ..., layer, head)."""
        from toylab.analysis.circuits import score_heads

        case = self.case
        found = score_heads(self.model, self.params, case.length // 2, case.batch)
        return np.stack([found.previous, found.duplicate, found.induction])
