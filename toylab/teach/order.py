"""A cell that was run too early says so: in a notebook a missing name was made further up."""

from typing import Any

from toylab.show import notebook


def tell_order(shell: Any = None) -> None:
    """Let a notebook add to every ``NameError`` what a student can do.

    Args:
        shell: IPython's; the running one by default, and nothing happens where there is none.
    """
    shell = notebook.shell() if shell is None else shell
    if shell is not None:
        shell.set_custom_exc((NameError,), _told)


def _told(shell: Any, kind: Any, error: Any, trace: Any, tb_offset: int | None = None) -> None:
    shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
    name = getattr(error, "name", None) or "The name"
    print(
        f"{name} is made in a cell further up, or misspelt. Run the cells in order: in Jupyter "
        "Run > Run All Above Selected Cell, in VS Code 'Execute Above Cells'."
    )
