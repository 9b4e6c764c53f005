"""What networks write: on from a right attempt with parts switched off, and traces of their own."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from toylab.models import Transformer
from toylab.models.sampling import generate
from toylab.taps import Edit, Params
from toylab.tasks.countdown.countdown_prompts import CountdownPrompts
from toylab.tasks.countdown.countdown_rules import Rules
from toylab.tasks.countdown.countdown_traces import read

from .passes import Rows, Signs


def gates(model: Transformer, gone_UH: np.ndarray, gone_UF: np.ndarray | None = None) -> tuple:
    """Edits that switch heads and neurons off at every place."""
    keep_UH = 1 - np.asarray(gone_UH, np.float32)
    gone_UF = np.zeros((model.depth, model.hidden)) if gone_UF is None else gone_UF
    keep_UF = 1 - np.asarray(gone_UF, np.float32)
    heads = [
        Edit(f"blocks/{u}/attn/z", "scale", jnp.asarray(keep_UH[u])[None, None, :, None])
        for u in range(model.depth)
    ]
    neurons = [
        Edit(f"blocks/{u}/mlp/post", "scale", jnp.asarray(keep_UF[u])[None, None])
        for u in range(model.depth)
    ]
    return (*heads, *neurons)


def starts(rows: Rows, label_R: np.ndarray) -> np.ndarray:
    """Right attempts of the longest traces, up to "(", (B, L)."""
    length = rows.place_R3[:, 2] + 1
    longest = (length == length.max()) & (label_R == 1)
    return rows.tokens_RL[longest, : length.max()]


def go_on(
    model: Transformer,
    params: Params,
    start_BL: np.ndarray,
    length: int,
    signs: Signs,
    edits: tuple,
) -> np.ndarray:
    """Write on greedily, (B, length)."""
    tokens, _ = generate(
        model,
        params,
        jnp.asarray(start_BL),
        length,
        jax.random.key(0),
        temperature=0.0,
        stop=signs.stop,
        pad=signs.pad,
        edits=edits,
    )
    return np.asarray(tokens)


def outcomes(
    rules: Rules, start_BL: np.ndarray, written_BL: np.ndarray, accepted_B: np.ndarray, signs: Signs
) -> dict[str, float]:
    """How right attempts end, as shares of those that the whole network accepts.

    ``success`` of the silencing: neither ok nor an answer; ``partial``: no ok, but an answer;
    ``fail``: ok. ``sound`` is the share of further attempts that keep the rules.

    Source: Lee et al. 2025 (arXiv:2504.14379), their code.
    """
    says_B, answers_B = ((written_BL == t).any(1)[accepted_B] for t in (signs.ok, signs.answer))
    given = (start_BL.shape[1] - rules.prompt_length) // rules.attempt_length + 1
    traces = [read(rules, trace) for trace in np.concatenate([start_BL, written_BL], 1)[accepted_B]]
    later = [not a.problem for trace in traces for a in trace.attempts[given:]]
    share = lambda hits: float(np.mean(hits)) if len(hits) else float("nan")
    return {
        "success": share(~says_B & ~answers_B),
        "partial": share(~says_B & answers_B),
        "fail": share(says_B),
        "sound": share(later),
    }


def own_errors(
    model: Transformer,
    params: Params,
    prompts: CountdownPrompts,
    count: int,
    length: int,
    signs: Signs,
    seed: int,
) -> dict[str, float]:
    """Verdicts in traces that the network samples: right attempts missed, wrong ones accepted."""
    start_BL = prompts.batch(jax.random.key(seed), count).inputs
    key = jax.random.key(seed + 1)
    written, _ = generate(
        model, params, start_BL, length, key, temperature=1.0, stop=signs.stop, pad=signs.pad
    )
    return errors(prompts.rules, np.concatenate([np.asarray(start_BL), np.asarray(written)], 1))


def errors(rules: Rules, tokens_BL: np.ndarray) -> dict[str, Any]:
    """Error rates of both signs over all attempts of traces; NaN without any attempt.

    What is checked is whether the result is the target, however it was come by.
    """
    traces = [read(rules, tokens) for tokens in tokens_BL]
    tried = [(attempt, trace.target) for trace in traces for attempt in trace.attempts]
    right, wrong = ([a for a, t in tried if (a.result == t) is told] for told in (True, False))
    share = lambda hits: float(np.mean(hits)) if len(hits) else float("nan")
    return {
        "missed": share([a.verdict == "no" for a in right]),
        "false_ok": share([a.verdict == "ok" for a in wrong]),
        "right": len(right),
        "wrong": len(wrong),
    }
