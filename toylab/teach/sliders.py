"""Sliders: a parameter moves and a trained population answers; without widgets, in a few steps."""

from collections.abc import Callable, Sequence
from typing import Any

from toylab.show.notebook import in_notebook


def slider(show: Callable[[Any], Any], values: Sequence[Any], name: str = "value") -> None:
    """Call ``show`` with the value that a slider stands at, or with three where there is none.

    Args:
        show: draws or prints what belongs to a value.
        values: where the slider can stand, in order.
        name: label.
    """
    if not values:
        return
    if in_notebook():
        try:
            from ipywidgets import SelectionSlider, interact  # pyright: ignore

            control = SelectionSlider(options=list(values), description=name)
            interact(lambda value: show(value), value=control)
            return
        except ImportError:
            pass
    for place in sorted({0, len(values) // 2, len(values) - 1}):
        print(f"{name} = {values[place]}")
        show(values[place])
