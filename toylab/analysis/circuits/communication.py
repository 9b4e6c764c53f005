"""What a later head reads of what an earlier one writes, and by which directions.

With row vectors, a writer W (D, D) such as W_OV and a reader R (D, E) such as W_QK' for keys:

    ``CS = ||W R||_F / (||W||_F ||R||_F)``

Under a random rotation between the two its mean square is 1 / D, whatever their ranks. Of what
arrives each singular component ``s_i u_i v_i'`` of the writer has a share
``s_i^2 ||v_i' R||^2 / ||W R||_F^2``; shares add up to 1.

Source: Merullo, Eickhoff and Pavlick 2024, "Talking Heads: Understanding Inter-Layer Communication
in Transformer Language Models" (2406.09519).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.stats import special_ortho_group

from toylab.errors import ToylabError, check_number


class Components(NamedTuple):
    """Singular components of a writer, the one that carries most to the reader first.

    Attributes:
        written: the direction that each writes, v_i, (I, D).
        scores: CS of each alone with the whole reader (I,).
        shares: of what arrives (I,).
    """

    written: Float[np.ndarray, "I D"]
    scores: Float[np.ndarray, " I"]
    shares: Float[np.ndarray, " I"]


def communication(writer: Float[np.ndarray, "X D"], reader: Float[np.ndarray, "D E"]) -> float:
    """Return CS of a writer and a reader.

    Raises:
        ToylabError: matrices that do not fit, or one of zeros.

    Example:
        >>> communication(np.diag([1.0, 0.0]), np.diag([1.0, 0.0]))
        1.0
    """
    writer, reader = _checked(writer, reader)
    size = np.linalg.norm(writer) * np.linalg.norm(reader)
    return float(np.linalg.norm(writer @ reader) / size)


def rotation_null(
    writer: Float[np.ndarray, "X D"], reader: Float[np.ndarray, "D E"], draws: int, seed: int = 0
) -> Float[np.ndarray, " draws"]:
    """Return CS with random rotations between the two, which keep both spectra.

    Args:
        writer, reader: the matrices.
        draws: how many rotations.
        seed: of the draw; two pairs of one seed and width are rotated alike.
    """
    check_number("rotation_null", "draws", draws, 1, whole=True)
    writer, reader = _checked(writer, reader)
    d = writer.shape[1]
    turns_NDD = special_ortho_group.rvs(d, draws, np.random.default_rng(seed)).reshape(-1, d, d)
    out, inward = (np.linalg.svd(x, full_matrices=False)[1] ** 2 for x in (writer, reader))
    square_N = np.einsum("nij,i,j->n", turns_NDD[:, : len(out), : len(inward)] ** 2, out, inward)
    return np.sqrt(square_N / (out.sum() * inward.sum()))


def components(writer: Float[np.ndarray, "X D"], reader: Float[np.ndarray, "D E"]) -> Components:
    """Take a writer apart into singular components, those that carry most to the reader first.

    Components of a singular value below 1e-6 of the greatest are left out, as rank is.

    Example:
        >>> components(np.diag([2.0, 1.0]), np.diag([1.0, 2.0])).shares
        array([0.5, 0.5])
    """
    writer, reader = _checked(writer, reader)
    _, size_I, written_ID = np.linalg.svd(writer, full_matrices=False)
    kept = size_I > 1e-6 * size_I[0]
    size_I, written_ID = size_I[kept], written_ID[kept]
    read_I = np.linalg.norm(written_ID @ reader, axis=1)
    arrives_I = (size_I * read_I) ** 2
    order = np.argsort(-arrives_I, kind="stable")
    scores_I, shares_I = read_I / np.linalg.norm(reader), arrives_I / max(arrives_I.sum(), 1e-300)
    return Components(written_ID[order], scores_I[order], shares_I[order])


def _checked(writer: np.ndarray, reader: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    writer, reader = np.asarray(writer, np.float64), np.asarray(reader, np.float64)
    fits = writer.ndim == reader.ndim == 2 and writer.shape[1] == reader.shape[0]
    if not (fits and writer.any() and reader.any()):
        raise ToylabError(
            f"communication: a writer {writer.shape} and a reader {reader.shape}; give (X, D) and "
            "(D, E), neither all zeros."
        )
    return writer, reader
