"""What a lesson's cells print and draw, found by running it with its solutions."""

import contextlib
import io
import warnings

import matplotlib
import matplotlib.pyplot as plt

from toylab.errors import ToylabError
from toylab.teach import notebooks
from toylab.teach.slides import Shown

DPI = 150


def shown_by(text: str) -> dict[int, Shown]:
    """Run a lesson with its solutions; return by place what each cell of code shows.

    It trains what the lesson trains, in this process.

    Args:
        text: the lesson, with its marks.

    Raises:
        ToylabError: a cell that fails, with its line in the solved form.

    Example:
        >>> shown_by("# %%\\nprint(1 + 1)")
        {0: Shown(text='2\\n', pictures=[])}
    """
    matplotlib.use("Agg")
    names: dict[str, object] = {"__name__": "__main__"}
    found = {}
    for place, cell in enumerate(notebooks.cells(notebooks.solved(text))):
        if cell.kind != "code":
            continue
        with contextlib.redirect_stdout(io.StringIO()) as out, warnings.catch_warnings():
            warnings.filterwarnings("ignore", "FigureCanvasAgg is non-interactive")
            try:
                exec(compile("\n" * (cell.line - 1) + cell.text, "lesson", "exec"), names)
            except Exception as error:
                raise ToylabError(
                    f"The lesson fails in the cell at line {cell.line}: "
                    f"{type(error).__name__}: {error}"
                ) from error
        pictures = [_png(number) for number in plt.get_fignums()]
        plt.close("all")
        if out.getvalue().strip() or pictures:
            found[place] = Shown(out.getvalue(), pictures)
    return found


def _png(number: int) -> bytes:
    data = io.BytesIO()
    plt.figure(number).savefig(data, format="png", dpi=DPI, bbox_inches="tight")
    return data.getvalue()
