"""How fast a population of Nanda et al.'s transformers trains, beside its peers.

All sides train the same P models: a one-layer ReLU transformer without norms or biases on x + y
mod p, full batch, read at the token "=", AdamW. Only the last position asks, goes through the MLP
and is unembedded. They are counted in model-steps per second. See README.md in this folder.

Source: Nanda et al. 2023 (arXiv:2301.05217), section 3 and appendix A, for the settings.
"""

import dataclasses
from typing import Any

from toylab.cli.bench import Row
from toylab.cli.bench_sides import EngineSide, race

LENGTH = 3
MORE_SIZES = (1024,)
SMALLEST_PIECE, LARGEST_PIECE = 64, 512  # examples
SIDES = {
    "ours": "toylab.benchmarks.grokking:Ours",
    "PyTorch loop": "toylab.benchmarks.grokking_torch:Loop",
    "PyTorch vmap": "toylab.benchmarks.grokking_vmap:Vmapped",
    "Equinox and Optax by hand": "toylab.benchmarks.grokking_equinox:ByHand",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """What is trained; plain numbers, so that it travels between processes.

    Attributes:
        size: P, number of models.
        p: the modulus.
        fraction: share of the table that is trained on.
        width: D.
        heads: H.
        hidden: F, width of the MLP.
        learning_rate: AdamW's.
        weight_decay: AdamW's.
        b2: AdamW's decay of the second moment.
    """

    size: int
    p: int = 113
    fraction: float = 0.3
    width: int = 128
    heads: int = 4
    hidden: int = 512
    learning_rate: float = 1e-3
    weight_decay: float = 1.0
    b2: float = 0.98

    @property
    def name(self) -> str:
        """The case in a few letters."""
        return f"P={self.size} p={self.p} D={self.width}"

    @property
    def batch_size(self) -> int:
        """B, the whole training set."""
        return task(self).n_train

    @property
    def flops(self) -> int:
        """Matmul operations of one model-step: three times those of the forward pass.

        Forward, at 2 operations per multiply-add: keys and values of three positions ``12 B D^2``,
        query and output of one ``4 B D^2``, scores and mixing over three keys ``12 B D``, the MLP
        ``4 B D F``, logits ``2 B D p``. Backward, each product has two gradients of its own size.
        Embedding, elementwise work and the optimiser do not count, nor does the product with
        which our side forms the embedding's gradient, 5% more at full size.
        """
        b, d = self.batch_size, self.width
        attention = (4 * LENGTH + 4) * b * d**2 + 4 * LENGTH * b * d
        return 3 * (attention + 4 * b * d * self.hidden + 2 * b * d * self.p)


def task(case: Case) -> Any:
    """Return the case's task."""
    from toylab.tasks.grokking.modular import ModularArithmetic

    return ModularArithmetic(p=case.p, fraction=case.fraction)


def population(case: Case) -> Any:
    """Return the case as a :class:`toylab.population.Population`."""
    from toylab.losses import cross_entropy
    from toylab.members import grid
    from toylab.models import Transformer
    from toylab.optim import AdamW
    from toylab.population import Population

    model = Transformer(
        vocab=case.p + 1,
        length=LENGTH,
        width=case.width,
        depth=1,
        heads=case.heads,
        hidden=case.hidden,
        n_out=case.p,
        read="last",
    )
    return Population(
        model=model,
        task=task(case),
        members=grid(init_seed=range(case.size)),
        optimizer=AdamW(case.learning_rate, case.weight_decay, b2=case.b2),
        steps=2**30,
        batch_size=case.batch_size,
        loss=cross_entropy,
    )


class Ours(EngineSide):
    """See :class:`toylab.cli.bench_sides.EngineSide`."""

    def populations(self, case: Case) -> dict[str, Any]:
        """See :func:`population`; cut into pieces for a CPU's cache, a lone model's in shards."""
        whole = population(case)
        if self.backend() != "cpu":
            return {"": whole}
        lone = 2 if case.size == 1 and case.batch_size % 2 == 0 else 1
        most = range(SMALLEST_PIECE, min(LARGEST_PIECE + 1, case.batch_size // lone))
        fits = [d for d in most if case.batch_size // lone % d == 0]
        found = {"": whole}
        for piece in fits[-1:]:
            found[f"pieces of {piece}"] = dataclasses.replace(whole, piece=piece)
        if lone == 2:
            found |= {
                f"{form}, 2 shards".lstrip(", "): dataclasses.replace(one, shards=2)
                for form, one in found.items()
            }
        return found


def rows(
    sizes: tuple[int, ...] | None = None,
    seconds: float = 1.0,
    rounds: int = 3,
    matmul_sizes: tuple[int, ...] = (1024, 1536, 2048),
    **changes: Any,
) -> list[Row]:
    """Time all sides, interleaved.

    Args:
        sizes: values of P; by default 1, 8 and 64, and 1024 too on an accelerator.
        seconds: length of one burst of one side, at least one step of all P models.
        rounds: bursts per side and case.
        matmul_sizes: N of the products that give the machine's matmul rate.
        **changes: other fields of :class:`Case`, for a smaller one.

    Returns:
        See :func:`toylab.cli.bench_sides.race`.

    Raises:
        ToylabError: a peer is missing, a number is out of range, or a side failed.

    Example:
        >>> rows(sizes=(8,), p=53, width=64, hidden=256)  # doctest: +SKIP
    """
    return race(
        "bench grokking",
        SIDES,
        lambda size: [Case(size=size, **changes)],
        sizes,
        MORE_SIZES,
        seconds=seconds,
        rounds=rounds,
        matmul_sizes=matmul_sizes,
    )
