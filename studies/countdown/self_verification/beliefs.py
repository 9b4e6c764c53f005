"""What the probe believes under every token, and which places hold the difference of a pair."""

import numpy as np

from toylab.read.tables import long_table
from toylab.tasks.countdown.countdown_pairs import PLACES, is_right
from toylab.tasks.countdown.countdown_rules import Rules

from .ablations import patch_stream
from .networks import Found, Tables
from .probing import belief


def trace_rows(found: Found, rules: Rules) -> Tables:
    """The belief that an attempt is right, under each token by that token's probe.

    Probes are of the layer that is best at "(", fitted on the last attempt of traces and read in
    the earlier ones too. Prompt and verdicts have none (NaN).

    Returns:
        ``trace``: one pair of the longest traces, token by token; line 0 is the prompt, each
        attempt has the next.
    """
    bench, fitted = found.bench, found.fitted
    assert bench is not None
    rows, right_R = bench.rows, is_right(bench.rows)
    last_R, span = rows.place_R3[:, 2], rules.attempt_length - 1
    first = 2 * (int(last_R.argmax()) // 2)
    table = []
    for r in (first, first + 1):
        acts_LD = np.asarray(bench.base.acts_SRLD[fitted.layer, r])
        believed_L = np.full(len(acts_LD), np.nan)
        for start in range(rules.prompt_length, last_R[r], rules.attempt_length):
            attempt = slice(start, start + span)
            believed_L[attempt] = belief(fitted.probe, fitted.layer, acts_LD[None, attempt])[0]
        table += [
            {
                "right": bool(right_R[r]),
                "place": t,
                "line": max(0, 1 + (t - rules.prompt_length) // rules.attempt_length),
                "word": rules.decode(rows.tokens_RL[r, t : t + 1]),
                "belief": float(believed_L[t]),
            }
            for t in range(last_R[r] + 1)
        ]
    return {"trace": table}


def stream_rows(found: Found) -> Tables:
    """Restored share by the residual stream, per layer and place."""
    assert found.bench is not None
    table = long_table({"layer": None, "place": PLACES}, restored=patch_stream(found.bench))
    return {"stream": table.to_dicts()}
