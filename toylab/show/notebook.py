"""Whether a notebook shows what is displayed, and its shell."""

import sys
from typing import Any


def shell() -> Any:
    """Return IPython's shell, or None where Python runs without it."""
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def in_notebook() -> bool:
    """Whether a notebook shows what is displayed: Jupyter, Colab, VS Code."""
    return type(shell()).__name__ in ("ZMQInteractiveShell", "Shell")
