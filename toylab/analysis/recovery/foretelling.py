"""What the predictable part of temporal dictionaries holds, where features and time are known.

Shape suffixes: N sequences, T time, G features, F atoms, D width.
"""

from collections.abc import Mapping

import numpy as np

from toylab.analysis.recovery.directions import recovery
from toylab.analysis.recovery.scores import explained

NAMES = ("explained", "ahead", "oracle", "slow", "fast", "l0", "onset", "recall")


def foretold(own: Mapping[str, np.ndarray], slow: int) -> dict[str, float]:
    """Score a temporal dictionary on sequences; NaN where it diverged.

    Args:
        own: ``x``, ``out``, ``predicted`` (its predictable part), ``told`` (the same with the
            centre) and ``oracle``, the best forecast (N, T, D); ``pred``, ``novel`` (N, T, F);
            ``state`` (N, T, G), ``features`` (G, D) and ``atoms`` (F, D).
        slow: how many features are, the first ones.

    Returns:
        ``explained`` by all; after the first time, ``ahead``, by the predictable part, and
        ``oracle``, by the best forecast; ``slow`` and ``fast``, the share of the features' own
        variance in it; ``l0``, active entries of both codes; ``onset``, the predictable part along
        slow features that go on, over that along those that set in; ``recall`` of the features.
    """
    if not all(np.isfinite(leaf).all() for leaf in own.values()):
        return dict.fromkeys(NAMES, np.nan)
    x, told, oracle, now = (own[name][:, 1:] for name in ("x", "told", "oracle", "state"))
    told_NTG = told @ own["features"].T
    spread_G = ((now - now.mean((0, 1))) ** 2).sum((0, 1))
    share_G = 1 - ((now - told_NTG) ** 2).sum((0, 1)) / np.where(spread_G > 0, spread_G, np.nan)
    was = own["state"][:, :-1]
    on = [told_NTG[..., :slow][((now > 0) & (was == b))[..., :slow]] for b in (1, 0)]
    ahead_NT = (own["predicted"] != 0).any(-1)
    ratio = on[0].mean() / on[1].mean() if ahead_NT.any() and all(map(len, on)) else np.nan
    l0 = (own["novel"] > 0).sum(-1) + (own["pred"] > 0).sum(-1) * ahead_NT
    shares = explained(own["x"], own["out"]), explained(x, told), explained(x, oracle)
    more = share_G[:slow].mean(), share_G[slow:].mean(), l0.mean(), ratio
    values = *shares, *more, recovery(own["atoms"], own["features"]).recall
    return dict(zip(NAMES, map(float, values), strict=True))
