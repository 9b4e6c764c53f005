"""Figures of the classifier half of ``steering``."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure


def draw(measures: Mapping[str, Any], config: Any) -> dict[str, Figure]:
    """Draw every figure of this half."""
    return {}
