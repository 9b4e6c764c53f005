"""What the page of CountDown must agree with: its network, heads off, beliefs, plans."""

import base64
import dataclasses
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from toylab.errors import ToylabError
from toylab.models import Transformer
from toylab.probes.linear import Probe
from toylab.studies.countdown.exhibit import stored
from toylab.studies.countdown.self_verification.probing import belief
from toylab.studies.countdown.self_verification.writing import gates, go_on
from toylab.taps import Edit, run
from toylab.tasks.countdown.countdown_instances import solve
from toylab.tasks.countdown.countdown_pairs import signs
from toylab.tasks.countdown.countdown_rules import Rules
from toylab.tasks.countdown.countdown_traces import read
from toylab.trees import flatten
from toylab.web.exhibit import packed

RULES = Rules(largest=6, low=2, high=12, top=16, operations="+-")
ATTEMPTS = ("5 - 2 = 3 3 + 4 = 7 ( ok", "5 + 5 = 10 10 - 2 = 8 ( no")
OFF = ((0, 1), (1, 0))
WRONG = ("5 - 2 = 3 4 + 3 = 6", "5 - 1 = 4 4 + 4 = 8", "5 - 2 = 3 3 + 3 = 6", "4 - 2 = 2 5 + 2 = 7")
PROBLEMS = ((7, (2, 4, 5)), (3, (2, 4, 5)), (12, (2, 2, 2)), (12, (6, 1, 5)), (2, (4, 4, 2)))


def network() -> Transformer:
    """A small one with the parts of the study's."""
    return Transformer(
        vocab=RULES.vocab,
        length=RULES.prompt_length + 2 * RULES.attempt_length + RULES.answer_length,
        width=32,
        depth=2,
        heads=2,
        hidden=48,
        gated=True,
        activation="silu",
        positions="learned",
        norm="rms",
    )


def drawn(model: Transformer) -> dict[str, np.ndarray]:
    """Parameters from whole numbers: the same file on every processor."""
    rng = np.random.default_rng(0)
    shapes = flatten(jax.eval_shape(model.init, jax.random.key(0)))
    draw = lambda shape: (rng.integers(-127, 128, shape) / 300).astype("f")
    return {f"params/{name}": draw(leaf.shape) for name, leaf in shapes.items()}


def without(places: np.ndarray | None, length: int) -> list[Edit]:
    """Heads off at some places, or at all."""
    at_L = np.ones(length, bool) if places is None else np.isin(np.arange(length), places)
    edits = []
    for layer, head in OFF:
        keep = np.ones((1, length, 2, 1), np.float32)
        keep[:, at_L, head] = 0
        edits.append(Edit(f"blocks/{layer}/attn/z", "scale", jnp.asarray(keep)))
    return edits


def fixture() -> dict[str, Any]:
    """The numbers, and a file as the page reads it."""
    from .fixtures import table

    model, weights = network(), drawn(network())
    params, rng = stored(weights), np.random.default_rng(1)
    weight_TD = (rng.integers(-9, 10, (RULES.attempt_length - 1, 32)) / 100).astype("f")
    bias_T = (rng.integers(-9, 10, len(weight_TD)) / 10).astype("f")
    problems = np.asarray([[target, *numbers] for target, numbers in PROBLEMS], np.float32)
    others = {"probe/weight": weight_TD, "probe/bias": bias_T, "problems": problems}
    others["patch"] = np.asarray([[0, 0.5], [0.25, 0]], np.float32)
    about = {"rules": json.dumps(dataclasses.asdict(RULES)), "heads": json.dumps(OFF)}
    file = packed(weights, about | {"layer": "1", "first": "0"}, others)
    prompt = RULES.prompt(np.asarray(PROBLEMS[0][1]), PROBLEMS[0][0])
    tokens = np.concatenate([prompt, *(RULES.encode(text) for text in ATTEMPTS)])[None]
    start, long = RULES.prompt_length, RULES.attempt_length
    last_two = np.asarray([start + i * long + at for i in (0, 1) for at in (long - 3, long - 2)])
    logits, acts = run(model, params, jnp.asarray(tokens), record=("blocks/0/resid_post",))
    own = lambda places: run(model, params, tokens, edits=without(places, tokens.shape[1]))[0][0]
    probe = Probe(
        jnp.stack([jnp.zeros((len(bias_T), 1, 32)), jnp.asarray(weight_TD)[:, None]], -1),
        jnp.stack([jnp.zeros((len(bias_T), 1)), jnp.asarray(bias_T)[:, None]], -1),
        jnp.zeros(()),
    )
    x_RTD = acts["blocks/0/resid_post"][0, start:].reshape(2, long, 32)[:, :-1]
    gone = gates(model, np.asarray([[0, 1], [1, 0]]))
    wrote = go_on(model, params, prompt[None], 30, signs(RULES), gone)[0]
    return {
        "file": base64.b64encode(file).decode(),
        "tokens": tokens[0].tolist(),
        "logits": table(logits[0]),
        "off_at_verdict": table(own(last_two)),
        "off_everywhere": table(own(None)),
        "belief": table(belief(probe, 0, x_RTD)),
        "wrote_without": [RULES.decode([t]) for t in wrote if t != RULES.token("PAD")],
        "solved": [solved(target, numbers) for target, numbers in PROBLEMS],
        "wrong": [[text, problem(text)] for text in WRONG],
    }


def solved(target: int, numbers: tuple[int, ...]) -> list[str]:
    """Every solution; none where there is none."""
    try:
        return solve(RULES, numbers, target)
    except ToylabError:
        return []


def problem(text: str) -> str:
    """What an attempt at 7 from 2, 4 and 5 breaks."""
    trace = read(RULES, RULES.encode(f"T 7 N 2 4 5 : {text} ( no EOS"))
    return trace.attempts[0].problem
