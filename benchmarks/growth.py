"""How the cost of training grows: with members, width, depth and context, beside what is predicted.

A row's baseline is what ``toylab sweep --dry-run`` predicts: the operations of loss and gradient,
counted in the traced program, at a fixed share of this machine's matmul rate. A ratio of 1 says
that the prediction holds, one below 1 that training is slower. See README.md in this folder.
"""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from toylab.benchmarks import superposition
from toylab.cli.bench import Row, Worker, compare
from toylab.cli.bench_sides import EngineSide
from toylab.errors import check_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UNIT = "model-steps/s"
GROWN = {
    "P": (1, 4, 16, 64, 256),
    "D": (16, 32, 64, 128, 256),
    "depth": (1, 2, 4, 8),
    "L": (16, 32, 64, 128, 256),
}
MEMBERS = (1, 4, 16, 64, 256, 1024, 4096)  # of autoencoders
WORDS = {"P": "members P", "D": "width D", "depth": "blocks", "L": "positions L"}
FIELDS = {"P": "size", "D": "width", "depth": "depth", "L": "length"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """What is trained: a transformer on repeated segments, or superposition's autoencoders.

    Attributes:
        kind: ``transformer`` or ``autoencoder``.
        axis: what grows, a key of ``GROWN``.
        size: P, number of models.
        width: D; the MLP is four times as wide.
        depth: number of blocks.
        length: L, positions.
        batch_size: B, sequences.
    """

    kind: str
    axis: str
    size: int = 8
    width: int = 64
    depth: int = 2
    length: int = 32
    batch_size: int = 32

    @property
    def grown(self) -> int:
        """The value on the axis."""
        return getattr(self, FIELDS[self.axis])

    @property
    def name(self) -> str:
        """The case in a few letters."""
        return f"{self.kind}, {self.axis}={self.grown}"


def cases(largest: int = 4096) -> list[Case]:
    """Return all cases with at most so many members."""
    found = [Case(kind="autoencoder", axis="P", size=size) for size in MEMBERS]
    for axis, values in GROWN.items():
        changed: list[dict[str, Any]] = [{FIELDS[axis]: value} for value in values]
        found += [Case(kind="transformer", axis=axis, **change) for change in changed]
    return [case for case in found if case.size <= largest]


def population(case: Case) -> Any:
    """Return the case as a :class:`toylab.population.Population`."""
    from toylab.losses import cross_entropy
    from toylab.members import grid
    from toylab.models import Transformer
    from toylab.optim import AdamW
    from toylab.population import Population
    from toylab.tasks.in_context.repeats import Repeats

    if case.kind == "autoencoder":
        return superposition.population(superposition.Case(size=case.size, shared=True))
    model = Transformer(
        vocab=32,
        length=case.length,
        width=case.width,
        depth=case.depth,
        heads=4,
        hidden=4 * case.width,
        norm="layer",
    )
    return Population(
        model=model,
        task=Repeats(n_tokens=32, length=case.length, shortest=4, longest=8),
        members=grid(init_seed=range(case.size)),
        optimizer=AdamW(1e-3, 0.01),
        steps=2**30,
        batch_size=case.batch_size,
        loss=cross_entropy,
    )


class Ours(EngineSide):
    """See :class:`toylab.cli.bench_sides.EngineSide`."""

    def populations(self, case: Case) -> dict[str, Any]:
        """See :func:`population`."""
        return {"": population(case)}

    def flops(self, case: Case) -> float:
        """Operations of one model-step, see :func:`toylab.train.cost.step_flops`."""
        from toylab.train.cost import step_flops

        return step_flops(population(case))


def rows(
    seconds: float = 1.0,
    rounds: int = 3,
    largest: int = 4096,
    matmul_sizes: tuple[int, ...] = (1024, 1536, 2048),
) -> list[Row]:
    """Time the engine along every axis.

    Args:
        seconds: length of one burst, at least one step of all models.
        rounds: bursts of each case.
        largest: no case has more members.
        matmul_sizes: N of the products that give the machine's matmul rate.

    Returns:
        Model-steps/s beside those predicted, for each case.

    Raises:
        ToylabError: a number is out of range.
    """
    from toylab.train.cost import SHARE

    check_number("bench growth", "seconds", seconds, above=0)
    for name, value in (("rounds", rounds), ("largest", largest)):
        check_number("bench growth", name, value, low=1, whole=True)
    found = []
    with Worker("toylab.benchmarks.growth:Ours") as ours:
        rate = ours.call("matmul_rate", matmul_sizes)
        told = f"its operations at {SHARE:.0%} of the matmul rate"
        for case in cases(largest):
            ours.call("prepare", case)
            speed = case.size * np.array([ours.burst(seconds) for _ in range(rounds)])
            predicted = np.full(rounds, SHARE * rate * 1e9 / ours.call("flops", case))
            found.append(compare(case.name, UNIT, speed, told, predicted))
    return found


def draw(found: list[Row]) -> "Figure":
    """Draw what was measured beside the predicted line, a panel for each kind and axis.

    Args:
        found: what :func:`rows` gave.
    """
    from toylab.report import figures as fig
    from toylab.report.axes import log_axis
    from toylab.report.panels import legend_below, panels

    series: dict[str, list[tuple[int, Row]]] = {}
    for row in found:
        kind, value = row["name"].rsplit("=", 1)
        series.setdefault(kind, []).append((int(value), row))
    with fig.style():
        sheet, axes = panels(len(series), 2.4, sharey=True)
        for ax, (kind, points) in zip(axes, series.items(), strict=True):
            x = [value for value, _ in points]
            ax.loglog(x, [row["value"] for _, row in points], "o-", label="measured")
            predicted = [row["baseline_value"] for _, row in points]
            ax.loglog(x, predicted, "--", color="grey", label=points[0][1]["baseline"])
            log_axis(ax, ticks=x[::3] if len(x) > 5 else x[::2])
            model, axis = kind.split(", ")
            ax.set_xlabel(f"{WORDS[axis]}\n({model})")
        axes[0].set_ylabel(UNIT)
        legend_below(sheet, axes[0])
        return sheet
