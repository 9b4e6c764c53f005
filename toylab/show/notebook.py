"""Whether a notebook shows what is displayed, and a place in its output that is filled again."""

import sys
from collections.abc import Callable
from typing import Any, Protocol


class Html(Protocol):
    """What a notebook can show."""

    def _repr_html_(self) -> str: ...


def shell() -> Any:
    """Return IPython's shell, or None where Python runs without it."""
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def in_notebook() -> bool:
    """Whether a notebook shows what is displayed: Jupyter, Colab, VS Code, marimo.

    All but marimo run IPython; only a terminal's shell shows nothing.
    """
    if _marimo() is not None:
        return True
    kinds = [kind.__name__ for kind in type(shell()).__mro__]
    return "InteractiveShell" in kinds and "TerminalInteractiveShell" not in kinds


def place() -> Callable[[Html], None]:
    """Return what fills one place in a notebook's output, each time anew.

    In marimo that place is the whole output of the cell.
    """
    if (marimo := _marimo()) is not None:
        return lambda thing: marimo.output.replace(marimo.Html(thing._repr_html_()))
    from IPython.display import display  # pyright: ignore

    handles: list[Any] = []

    def fill(thing: Html) -> None:
        if handles:
            handles[0].update(thing)
        else:
            handles.append(display(thing, display_id=True))

    return fill


def _marimo() -> Any:
    """Marimo, where one of its notebooks runs; its kernel has loaded it then."""
    marimo = sys.modules.get("marimo")
    return marimo if marimo is not None and marimo.running_in_notebook() else None
