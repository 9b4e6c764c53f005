"""What the probe believes under every token, and which places hold the difference of a pair."""

from typing import Any

import numpy as np

from studies._self_verification.networks import Found
from studies._self_verification.pairs import is_right
from studies._self_verification.passes import PLACES
from studies._self_verification.probing import belief
from studies._self_verification.silencing import patch_stream
from tasks.countdown_rules import Rules

Tables = dict[str, list[dict[str, Any]]]


def belief_rows(found: Found, before: int, rules: Rules) -> Tables:
    """The belief that the attempt is right, by the probe of the network's best layer.

    Returns:
        ``belief``: its mean over right and over wrong attempts, at "(" and up to ``before`` tokens
        before it; ``trace``: one pair of the longest traces, token by token; line 0
        is the prompt, each attempt has the next.
    """
    bench, fitted = found.bench, found.fitted
    assert bench is not None
    rows, right_R = bench.rows, is_right(bench.rows)
    believed_RL = belief(fitted.probe, fitted.layer, bench.base.acts_SRLD[fitted.layer])
    last_R = rows.place_R3[:, 2]
    means = []
    for back in range(min(before, int(last_R.min())) + 1):
        at_R = believed_RL[np.arange(len(last_R)), last_R - back]
        means += [
            {"back": back, "right": bool(told), "belief": float(at_R[right_R == told].mean())}
            for told in (0, 1)
        ]
    first = 2 * (int(last_R.argmax()) // 2)
    trace = [
        {
            "right": bool(right_R[r]),
            "place": t,
            "line": max(0, 1 + (t - rules.prompt_length) // rules.attempt_length),
            "word": rules.decode(rows.tokens_RL[r, t : t + 1]),
            "belief": float(believed_RL[r, t]),
        }
        for r in (first, first + 1)
        for t in range(last_R[r] + 1)
    ]
    return {"belief": means, "trace": trace}


def stream_rows(found: Found) -> Tables:
    """Restored share by the residual stream, per layer and place."""
    assert found.bench is not None
    map_S3 = patch_stream(found.bench)
    cells = np.ndindex(map_S3.shape)
    rows = [{"layer": s, "place": PLACES[c], "restored": float(map_S3[s, c])} for s, c in cells]
    return {"stream": rows}
