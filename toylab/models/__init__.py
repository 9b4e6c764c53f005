"""Models: frozen dataclasses of settings, run as pure functions of plain parameter dicts."""

from typing import Any

from toylab.models.autoencoder import Autoencoder

__all__ = ["MLP", "Autoencoder", "TokenMLP", "Transformer"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    # Flax takes a second to import; the two-matrix models do without it.
    if name == "Transformer":
        from toylab.models.transformer import Transformer

        return Transformer
    if name == "MLP":
        from toylab.models.mlp import MLP

        return MLP
    if name == "TokenMLP":
        from toylab.models.token_mlp import TokenMLP

        return TokenMLP
    raise AttributeError(name)
