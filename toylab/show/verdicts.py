"""The verdicts of a run: a list that shows itself as a table."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from toylab.show.cards import grid

if TYPE_CHECKING:
    from toylab.claims import Verdict


class Verdicts(list["Verdict"]):
    """Verdicts in the order of their claims; printed, the table that the command line shows."""

    def __repr__(self) -> str:
        from rich.console import Console

        from toylab.cli import tables

        page, width = io.StringIO(), tables.WIDTH
        # In a notebook rich would display what it prints.
        console = Console(file=page, width=width, force_jupyter=False, color_system=None)
        console.print(tables.verdicts(self))
        return "\n".join(line.rstrip() for line in page.getvalue().splitlines())

    def _repr_html_(self) -> str:
        from toylab.cli import tables

        return grid(tables.VERDICT, [(str(first), *rest) for first, *rest in tables.cells(self)])
