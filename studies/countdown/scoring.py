"""Scores of sampled traces, pass@k, diversity, and what needs no network: chance and teacher."""

from collections import Counter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from toylab.chunks import in_chunks
from toylab.models import Transformer
from toylab.models.sampling import generate
from toylab.rl.pass_at_k import pass_at_k
from toylab.taps import Params
from toylab.tasks.countdown.countdown_instances import instances, ways
from toylab.tasks.countdown.countdown_traces import columns, read

from .network import Network

CHUNK = 256  # traces sampled at once
DRAW, TEACH = 91, 92  # seeds


def sample(
    config: Network,
    model: Transformer,
    params: Params,
    prompts_BL: np.ndarray,
    length: int,
    seed: int,
    temperature: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Sample one trace per prompt: whole tokens (B, L + length) and nats of each trace (B,)."""
    rules, keys = config.rules, jax.random.split(jax.random.key(seed), len(prompts_BL))
    stop, pad = rules.token("EOS"), rules.token("PAD")

    def call(prompts_BL: Any, bits_B2: Any) -> tuple[Any, Any]:
        keys_B = jax.random.wrap_key_data(bits_B2)
        sampled, logp = generate(
            *(model, params, prompts_BL, length, keys_B, temperature), stop=stop, pad=pad
        )
        return jnp.concatenate([prompts_BL, sampled], 1), -logp.sum(1)

    bits_B2 = np.asarray(jax.random.key_data(keys))
    tokens_BT, nats_B = in_chunks(call, (prompts_BL, bits_B2), CHUNK, axes=(0, 0))
    return tokens_BT, nats_B


def score_rows(
    config: Network, arm: str, params: Params, length: int, seed: int, samples: int, most: int
) -> dict[str, list[dict[str, Any]]]:
    """Scores of one network on ``most`` held-out instances of a kind at most, and its pass@k."""
    rules, model, asked = config.rules, config.model(), config.asked()
    label = {"arm": arm, "init_seed": seed}
    scores, passk = [], []
    for split in ("numbers", "targets"):
        prompts_BL = evenly(np.asarray(asked.every(split).inputs), most)
        tokens_BT, _ = sample(config, model, params, prompts_BL, length, DRAW + seed, 0.0)
        scores.append(label | {"split": split, "how": "greedy"} | _means(columns(rules, tokens_BT)))
        count = samples if split == "numbers" else 2
        many_BL = np.repeat(prompts_BL, count, axis=0)
        tokens_BT, nats_B = sample(config, model, params, many_BL, length, DRAW + seed)
        found = columns(rules, tokens_BT)
        more = {"nats": nats_B.mean(), "openings": _openings(config, tokens_BT, count)}
        scores.append(label | {"split": split, "how": "sampled"} | _means(found) | more)
        if split == "numbers":
            right_I = found["solved"].reshape(-1, count).sum(1).astype(int)
            ks = sorted({k for k in (1, 2, 4, 8, 10, 16) if k <= count} | {count})
            passk += [label | {"k": k, "rate": pass_at_k(right_I, count, k).mean()} for k in ks]
    return {"scores": scores, "passk": passk}


def evenly(rows: np.ndarray, most: int) -> np.ndarray:
    """The rows, or where these are too many, ``most`` of them evenly spaced."""
    places = np.linspace(0, len(rows) - 1, most).round().astype(int)
    return rows if len(rows) <= most else rows[places]


def _means(found: dict[str, np.ndarray]) -> dict[str, float]:
    """Means over traces, and shares over all their attempts; NaN of none."""
    share = lambda part, of: (
        float(found[part].sum() / found[of].sum()) if found[of].any() else np.nan
    )
    means = {
        n: float(found[n].mean()) for n in ("solved", "parsed", "answered", "length", "attempts")
    }
    return means | {
        "sound": share("sound", "attempts"),
        "repeats": share("repeats", "attempts"),
        "false_ok": share("wrong_ok", "wrong"),
        "false_no": share("right_no", "right"),
        "nats": np.nan,
        "openings": np.nan,
    }


def _openings(config: Network, tokens_BT: np.ndarray, count: int) -> float:
    """Share of pairs of a prompt's traces that open with different attempts (or answers).

    Openings that break the rules are left out: reward takes these away, whatever it does to the
    others. The mean is over prompts with two openings or more.
    """
    shares = []
    for i in range(0, len(tokens_BT), count):
        traces = [read(config.rules, tokens) for tokens in tokens_BT[i : i + count]]
        firsts = [trace.attempts[0] if trace.attempts else trace.answer for trace in traces]
        kept = Counter(first.skeleton for first in firsts if first and first.sound)
        pairs = kept.total() * (kept.total() - 1)
        if pairs:
            shares.append(1 - sum(n * (n - 1) for n in kept.values()) / pairs)
    return float(np.mean(shares)) if shares else np.nan


def baselines(config: Network, most: int) -> dict[str, float]:
    """Chance and teacher on held-out numbers, ``most`` instances at most.

    Returns:
        ``one_plan``, a random plan; ``random_search`` and ``random_room``, as many different
        ones as the teacher and a sampled trace may try, all exact; ``noise``, ``teacher`` and
        ``teacher_attempts`` of 2,000 traces to learn from.
    """
    rules = config.rules
    table = evenly(instances(rules, "numbers"), most)
    hand_I, target_I = table.T
    valid_I = ways(rules).sum(1)[hand_I]
    right_I = ways(rules)[hand_I, target_I]

    def tried(budget: int) -> float:
        chances = [
            pass_at_k(np.asarray(right), valid, min(budget, valid))
            for right, valid in zip(right_I, valid_I, strict=True)
        ]
        return float(np.mean(chances))

    task = config.world()
    batch = jax.jit(lambda key: task.batch(key, 2_000))(jax.random.key(TEACH))
    tokens = np.concatenate([batch.inputs, batch.targets[:, -1:]], 1)
    teacher = columns(rules, tokens)
    return {
        "one_plan": tried(1),
        "random_search": tried(config.attempts),
        "random_room": tried(config.room),
        "noise": float(teacher["wrong_ok"].sum() / teacher["wrong"].sum()),
        "teacher": float(teacher["solved"].mean()),
        "teacher_attempts": float(teacher["attempts"].mean()),
    }
