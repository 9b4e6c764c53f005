"""What a sweep trains and judges: its cells, and how they are packed."""

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Any

from toylab.population import Population
from toylab.study import Study
from toylab.sweep.grid import Settings
from toylab.sweep.pack import Pack, packed, packs_of
from toylab.train.cost import Cost, predict


@dataclasses.dataclass(frozen=True)
class Plan:
    """A study at every cell of a grid.

    Attributes:
        study, preset, source, first_seed: as of a run.
        config: the settings outside the grid.
        axes: ``{setting: values}``.
        cells: each cell's settings of the grid, the last axis fastest.
        configs: each cell's settings, all of them.
        populations: each cell's populations.
        first: number of the first cell: those before it are of earlier rounds.
        round: 0 for the grid, then 1 for each time that its boundary was refined.
    """

    study: Study
    preset: str
    source: str | None
    first_seed: int
    config: Any
    axes: Mapping[str, Sequence[Any]]
    cells: Sequence[Settings]
    configs: Sequence[Any]
    populations: Sequence[Mapping[str, Population]]
    first: int = 0
    round: int = 0

    @functools.cached_property
    def packs(self) -> list[Pack]:
        """What is trained together."""
        return packs_of(self.populations)

    @functools.cached_property
    def packed(self) -> dict[str, Population]:
        """What is trained, by the packs' names."""
        found = {}
        for pack in self.packs:
            whole = packed(self.parts(pack))
            start = whole.start and Pack(whole.start, pack.cells).name
            found[pack.name] = dataclasses.replace(whole, start=start)
        return found

    def parts(self, pack: Pack) -> list[Population]:
        """The populations of a pack, a cell's after another's."""
        return [self.populations[cell][pack.population] for cell in pack.cells]

    def costs(self, rate: float) -> dict[str, Cost]:
        """Predict what training each pack takes.

        Args:
            rate: the machine's matmul rate, GFLOP/s.
        """
        return {name: predict(population, rate) for name, population in self.packed.items()}

    def about(self) -> dict[str, Any]:
        """What decides the sweep, for its file."""
        return {
            "study": self.study.name,
            "preset": self.preset,
            "config": dataclasses.asdict(self.config),
            "axes": {name: list(values) for name, values in self.axes.items()},
            "first_seed": self.first_seed,
        }
