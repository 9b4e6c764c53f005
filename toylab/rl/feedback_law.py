"""One round of imitation learning from language feedback, exactly, where outputs can be listed.

Outputs are drawn, criticised, refined once, and kept with a chance. Finetuning that reaches the
least KL(kept || policy) has the law of what is kept. Refining that heeds neither output nor
feedback, ``q = pi``, gives ``pi R`` normalised: rejection sampling; k such rounds give ``pi R^k``.

Shape suffixes: X outputs, F feedbacks, Y refined outputs, as many as X.

Source:
    Scheurer et al. 2023 (arXiv:2303.16755), section 2.
"""

import numpy as np
from jaxtyping import Float

from toylab.errors import ToylabError


def feedback_round(
    policy_X: Float[np.ndarray, " X"],
    feedback_XF: Float[np.ndarray, "X F"],
    refine_XFY: Float[np.ndarray, "X F Y"],
    accept_Y: Float[np.ndarray, " Y"],
) -> Float[np.ndarray, " Y"]:
    """Policy after a round: ``pi'(y) ~ sum_{x, f} pi(x) p(f | x) q(y | x, f) R(y)``.

    Args:
        policy_X: pi, law of an output.
        feedback_XF: p, law of the feedback on each output.
        refine_XFY: q, law of the refinement of each output by each feedback.
        accept_Y: R, chance that a refinement is kept.

    Raises:
        ToylabError: shapes that do not fit, something that is no law, or nothing that is kept.
    """
    _check(policy_X, feedback_XF, refine_XFY, accept_Y)
    kept_Y = np.einsum("x,xf,xfy->y", policy_X, feedback_XF, refine_XFY) * accept_Y
    if not kept_Y.sum() > 0:
        raise ToylabError("feedback_round: no refinement is ever kept; accept one that occurs.")
    return kept_Y / kept_Y.sum()


def _check(
    policy_X: np.ndarray, feedback_XF: np.ndarray, refine_XFY: np.ndarray, accept_Y: np.ndarray
) -> None:
    laws = {"policy_X": policy_X, "feedback_XF": feedback_XF, "refine_XFY": refine_XFY}
    for name, law in laws.items():
        if (law < 0).any() or not np.allclose(law.sum(-1), 1):
            raise ToylabError(f"feedback_round: {name} is no law; give chances that sum to 1.")
    x, f = feedback_XF.shape
    if policy_X.shape != (x,) or refine_XFY.shape != (x, f, x) or accept_Y.shape != (x,):
        raise ToylabError(
            f"feedback_round: policy {policy_X.shape}, feedback {feedback_XF.shape}, refinement "
            f"{refine_XFY.shape}, acceptance {accept_Y.shape}; give (X,), (X, F), (X, F, X), (X,)."
        )
    if (accept_Y < 0).any() or (accept_Y > 1).any():
        raise ToylabError("feedback_round: accept_Y holds no chances; give numbers in [0, 1].")
