"""Do the class means of nodes lie like their grid? By layer and context, beside null models."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import polars as pl

from toylab.analysis.geometry.class_means import class_means
from toylab.analysis.geometry.measures import (
    dirichlet_energy,
    distance_correlation,
    graph_distances,
    spectral_overlap,
    unfold,
)
from toylab.analysis.geometry.nulls import chance_energy, neighbour_mix, permutation_null

from . import breaks

MIDDLE = 25  # tokens, the early place that claims compare with the end
FALL = 0.1  # of chance energy: less is no minimum


class Windows(NamedTuple):
    """Windows of the context, with equal visits per node in each.

    Attributes:
        cuts: pairs (start, stop) of places.
        visits: of each node in each window.
    """

    cuts: tuple[tuple[int, int], ...]
    visits: int

    @property
    def centre_W(self) -> np.ndarray:
        """Mean place of each window."""
        return np.array([(a + b - 1) / 2 for a, b in self.cuts])

    def when(self) -> list[str]:
        """Name the last window ``late``, and that centred about place 25 ``middle``."""
        names = [""] * len(self.cuts)
        names[int(np.argmin(np.abs(self.centre_W[:-1] - MIDDLE)))] = "middle"
        names[-1] = "late"
        return names


def windows(length: int, width: int, count: int, visits: int) -> Windows:
    """Return ``count`` windows at most, of one width, log-spaced from place 2 to the end."""
    starts = np.unique(np.round(np.geomspace(2, length - width, count)).astype(int))
    return Windows(tuple((int(s), int(s) + width) for s in starts), visits)


class Shape(NamedTuple):
    """Measures of geometry with any leading axes: energy in units of chance, the rest as is."""

    energy: np.ndarray
    correlation: np.ndarray
    overlap: np.ndarray


def shape(vectors: np.ndarray, adjacency: np.ndarray) -> Shape:
    """Measure vectors (..., N, D)."""
    return Shape(
        dirichlet_energy(vectors, adjacency) / chance_energy(adjacency),
        distance_correlation(vectors, graph_distances(adjacency)),
        spectral_overlap(vectors, adjacency),
    )


def means(acts_GSBLD: np.ndarray, nodes_GBL: np.ndarray, n: int, where: Windows) -> np.ndarray:
    """Class means (G, S, W, N, D) of groups of walks, of equal visits."""
    pairs = zip(acts_GSBLD, nodes_GBL, strict=True)
    return np.stack([class_means(a, x, n, where.cuts, where.visits)[0] for a, x in pairs])


def places(nodes_GBL: np.ndarray, n: int, where: Windows) -> np.ndarray:
    """Mean place (W,) of the visits that class means pool: later than the windows' centres."""
    place_GBL1 = np.broadcast_to(np.arange(nodes_GBL.shape[-1]), nodes_GBL.shape)[..., None]
    return np.nanmean(means(place_GBL1[:, None], nodes_GBL, n, where)[..., 0], (0, 1, 3))


def chosen_layer(network: Shape) -> int:
    """Layer after a block with the lowest late energy in the first group, (G, S, W)."""
    return 1 + int(np.argmin(np.nan_to_num(network.energy[0, 1:, -1], nan=np.inf)))


def geometry_table(
    sources: Mapping[str, np.ndarray],
    adjacency: np.ndarray,
    where: Windows,
    place_W: np.ndarray,
    draws: int,
) -> pl.DataFrame:
    """Geometry by source, layer and window, over all groups but the first, which chooses a layer.

    Args:
        sources: class means (G, S, W, N, D) by name, those of ``network`` among them.
        adjacency: of the grid (N, N).
        where: the windows.
        place_W: mean place of the visits in each.
        draws: relabelled grids for the p-value of the network's late energy.
    """
    found = {name: shape(means_GSWND, adjacency) for name, means_GSWND in sources.items()}
    chosen = chosen_layer(found["network"])
    embedded_GND = sources["network"][:, 0, -1]
    found["neighbour mix"] = shape(neighbour_mix(embedded_GND, adjacency)[:, None, None], adjacency)
    late_GSND = sources["network"][1:, :, -1]
    null = permutation_null(dirichlet_energy, late_GSND, adjacency, "less", draws)
    p_S = np.nanmedian(null.p_value, 0)
    parts = []
    for name, measured in found.items():
        layers, count = measured.energy.shape[1:]
        for layer in range(layers):
            columns = {f: np.nanmean(x[1:, layer], 0) for f, x in measured._asdict().items()}
            columns |= {"place": place_W[-count:], "when": where.when()[-count:]}
            p_W = np.full(count, np.nan)
            if name == "network":
                p_W[-1] = p_S[layer]
            table = pl.DataFrame(columns | {"p": p_W}).with_columns(
                pl.lit(name).alias("source"),
                pl.lit(layer).alias("layer"),
                pl.lit(layer == chosen).alias("chosen"),
            )
            parts.append(table)
    return pl.concat(parts)


def order_table(geometry: pl.DataFrame, curve_T: tuple[np.ndarray, np.ndarray], at: float):
    """By how many doublings of context the energy at the chosen layer is ahead of accuracy.

    Both begin at the first place that has an energy. NaN where the energy falls by less than a
    tenth of chance.

    Args:
        geometry: table of one seed.
        curve_T: places and rule mass of bins of the context.
        at: break point of accuracy; NaN for none.
    """
    rows = geometry.filter(pl.col("source") == "network", pl.col("chosen")).sort("place")
    place_W, energy_W = rows["place"].to_numpy(), rows["energy"].to_numpy()
    lowest = int(np.nanargmin(energy_W))
    fall = energy_W[0] - energy_W[lowest]
    half_energy = breaks.crossing(place_W, -energy_W, -energy_W[0] + fall / 2)
    place_T, mass_T = (values[curve_T[0] >= place_W[0]] for values in curve_T)
    half_mass = breaks.crossing(place_T, mass_T, (mass_T[0] + mass_T[-1]) / 2)
    ahead = np.log2([at / place_W[lowest], half_mass / half_energy])
    ahead = ahead if fall >= FALL else np.full(2, np.nan)
    return pl.DataFrame(
        {
            "fall": [fall],
            "minimum_at": [place_W[lowest]],
            "break_at": [at],
            "half_energy_at": [half_energy],
            "half_mass_at": [half_mass],
            "minimum_to_break": [ahead[0]],
            "half_to_half": [ahead[1]],
        }
    )


def picture_table(panels: Mapping[str, np.ndarray], adjacency: np.ndarray) -> pl.DataFrame:
    """Two principal components of vectors (N, D) per panel, for a picture.

    They are turned as the spectral embedding lies, and scaled to its size.
    """
    parts = []
    for i, (name, vectors_ND) in enumerate(panels.items()):
        if not np.isfinite(vectors_ND).all():
            continue
        found = unfold(vectors_ND, adjacency)
        x, y = found.pca_NK.T * np.sqrt(2) / np.linalg.norm(found.pca_NK)
        table = pl.DataFrame({"x": x, "y": y}).with_row_index("node")
        parts.append(
            table.with_columns(
                pl.lit(i).alias("order"),
                pl.lit(name).alias("panel"),
                pl.lit(found.disparity).alias("disparity"),
                pl.lit(float(found.explained_K.sum())).alias("explained"),
            )
        )
    schema = {"node": pl.UInt32, "x": pl.Float64, "y": pl.Float64, "order": pl.Int32,
              "panel": pl.String, "disparity": pl.Float64, "explained": pl.Float64}  # fmt: skip
    return pl.concat(parts) if parts else pl.DataFrame(schema=schema)
