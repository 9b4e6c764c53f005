"""toylab: a laboratory for toy models.

A study trains a population of models in one jit, probes and edits them, judges each claim of a
paper with an interval over seeds and with controls, and draws the figures.

Shape suffixes used throughout: P population, T tiles, G data seeds in a tile, B batch, L length,
D width, H heads, K head dimension, F MLP hidden, V vocabulary, N features, M hidden, S steps.
"""

from pathlib import Path

__version__ = "0.1.0"

# What is installed holds the worlds, studies and figures. In a checkout they lie beside this
# folder, and only there: whatever else lies beside an installed package is somebody else's.
_here = Path(__file__).resolve().parent
_project = _here.parent / "pyproject.toml"
if not (_here / "studies").exists() and _project.is_file():
    if 'name = "toylab"' in _project.read_text("utf-8"):
        __path__.append(str(_here.parent))
