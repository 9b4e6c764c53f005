"""toylab: a laboratory for toy models.

A study trains a population of models in one jit, probes and edits them, judges each claim of a
paper with an interval over seeds and with controls, and draws the figures.

Shape suffixes used throughout: P population, T tiles, G data seeds in a tile, B batch, L length,
D width, H heads, K head dimension, F MLP hidden, V vocabulary, N features, M hidden, S steps.
"""

from pathlib import Path

__version__ = "0.1.0"

# In a checkout worlds, studies and figures lie beside this folder; in a wheel, inside it.
_checkout = Path(__file__).parent.parent
if (_checkout / "pyproject.toml").is_file() and (_checkout / "studies").is_dir():
    __path__.append(str(_checkout))
