"""Points of a latent space to write from: drawn evenly, and as codes lie.

Shape suffixes: S codes, N points, C numbers of a code.
"""

import numpy as np
from jaxtyping import Float


def latent_points(
    codes: Float[np.ndarray, "S C"],
    count: int,
    rng: np.random.Generator,
    *,
    bounded: bool,
    used: int = 0,
) -> dict[str, Float[np.ndarray, "N C"]]:
    """Draw ``even`` points and ``natural`` ones.

    Bounded codes have the cube from -1 to 1 and a Gaussian fitted to them; others the smallest box
    around them and the prior, a standard Gaussian.

    Args:
        codes: of a corpus.
        count: N.
        rng: draws them.
        bounded: whether codes lie in the cube.
        used: first numbers of a code that the prior fills, the rest being 0; 0 for all.

    Source: Celotti et al. 2020 (arXiv:2003.13600) draw evenly; the rest is this laboratory's.

    Example:
        >>> found = latent_points(np.eye(3), 5, np.random.default_rng(0), bounded=False, used=2)
        >>> found["natural"].any(0).tolist()
        [True, True, False]
    """
    shape = count, codes.shape[1]
    if bounded:
        law = codes.mean(0), np.cov(codes.T)
        natural = rng.multivariate_normal(*law, count, method="svd")
        return {"even": rng.uniform(-1, 1, shape), "natural": natural}
    even = rng.uniform(codes.min(0), codes.max(0), shape)
    used_C = np.arange(shape[1]) < (used or shape[1])
    return {"even": even, "natural": rng.normal(size=shape) * used_C}
