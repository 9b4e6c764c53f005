"""Do the class means of nodes lie like their grid? By layer and context, with null models."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from toylab.analysis.geometry.layout import Layout, layout
from toylab.analysis.geometry.measures import unfold
from toylab.analysis.geometry.nulls import neighbour_mix
from toylab.analysis.geometry.windows import Windows
from toylab.stats.crossings import crossing
from toylab.stats.means import finite_mean

MIDDLE = 25  # tokens, the early place that claims compare with the end


def when(where: Windows) -> list[str]:
    """Name the last window ``late``, and that centred about place 25 ``middle``."""
    names = [""] * len(where.cuts)
    names[int(np.argmin(np.abs(where.centre_W[:-1] - MIDDLE)))] = "middle"
    names[-1] = "late"
    return names


def chosen_layer(network: Layout) -> int:
    """Layer after a block with the lowest late energy in the first group, (G, S, W)."""
    return 1 + int(np.argmin(np.nan_to_num(network.energy[0, 1:, -1], nan=np.inf)))


def geometry_table(
    sources: Mapping[str, np.ndarray], adjacency: np.ndarray, where: Windows, place_W: np.ndarray
) -> pl.DataFrame:
    """Geometry by source, layer and window, over all groups but the first, which chooses a layer.

    Args:
        sources: class means (G, S, W, N, D) by name, those of ``network`` among them.
        adjacency: of the grid (N, N).
        where: the windows.
        place_W: mean place of the visits in each.
    """
    found = {name: layout(means_GSWND, adjacency) for name, means_GSWND in sources.items()}
    chosen = chosen_layer(found["network"])
    embedded_GND = sources["network"][:, 0, -1]
    found["neighbour mix"] = layout(
        neighbour_mix(embedded_GND, adjacency)[:, None, None], adjacency
    )
    parts = []
    for name, measured in found.items():
        layers, count = measured.energy.shape[1:]
        for layer in range(layers):
            columns = {f: finite_mean(x[1:, layer]) for f, x in measured._asdict().items()}
            columns |= {"window": np.arange(len(place_W))[-count:], "place": place_W[-count:]}
            columns |= {"when": when(where)[-count:]}
            columns |= {"source": name, "layer": layer, "chosen": layer == chosen}
            parts.append(pl.DataFrame(columns))
    return pl.concat(parts)


def order_table(geometry: pl.DataFrame, curve_T: tuple[np.ndarray, np.ndarray]) -> pl.DataFrame:
    """By how many doublings of context the energy at the chosen layer is ahead of accuracy.

    Half of the energy's fall against half of accuracy's rise; both begin at the first place that
    has an energy. NaN where the energy does not fall.

    Args:
        geometry: table of one seed.
        curve_T: places and rule mass of bins of the context.
    """
    rows = geometry.filter(pl.col("source") == "network", pl.col("chosen")).sort("place")
    place_W, energy_W = rows["place"].to_numpy(), rows["energy"].to_numpy()
    fall = energy_W[0] - np.fmin.reduce(energy_W)
    half_energy = crossing(place_W, -energy_W, -energy_W[0] + fall / 2)
    place_T, mass_T = (values[curve_T[0] >= place_W[0]] for values in curve_T)
    half_mass = crossing(place_T, mass_T, (mass_T[0] + mass_T[-1]) / 2)
    ahead = np.log2(half_mass / half_energy)
    columns = {"fall": fall, "half_energy_at": half_energy}
    return pl.DataFrame([columns | {"half_mass_at": half_mass, "half_to_half": ahead}])


def picture_table(panels: Mapping[str, np.ndarray], adjacency: np.ndarray) -> pl.DataFrame:
    """Two principal components of vectors (N, D) per panel, laid over the spectral embedding.

    They are scaled to its size; NaN where a node that no walk met has no vector.
    """
    parts = []
    for i, (name, vectors_ND) in enumerate(panels.items()):
        x, y, misfit = np.full((3, len(vectors_ND)), np.nan)
        if np.isfinite(vectors_ND).all():
            found = unfold(vectors_ND, adjacency)
            x, y = found.pca_NK.T * np.sqrt(2) / np.linalg.norm(found.pca_NK)
            misfit = np.full_like(x, found.disparity)
        columns = {"order": i, "panel": name, "x": x, "y": y, "disparity": misfit}
        parts.append(pl.DataFrame(columns).with_row_index("node"))
    return pl.concat(parts)
