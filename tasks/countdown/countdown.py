"""CountDown: traces that try combinations of numbers, mark each and answer.

    T 24 N 3 7 11 : 7 - 3 = 4 4 * 11 = 44 ( no ... 3 * 7 = 21 21 + ... ( ok ANS ... EOS

Source: Gandhi et al. 2024 (arXiv:2404.03683), Stream of Search, with one token per number and each
attempt a whole one; the verdict in a bracket after TinyZero's traces, which Lee et al. 2025
(arXiv:2504.14379) study. Hands and targets are enumerated, so a tenth of each is truly held out.

Shape suffixes: N numbers, K plans, A attempts, L places.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Number, Task

from .countdown_instances import Split, draw_instance, instances
from .countdown_rules import STEP, Rules, Worked
from .countdown_traces import read


@dataclasses.dataclass(frozen=True)
class Countdown(Rules, Task):
    """Search traces, as imperfect as their numbers say; or answers at once.

    Each trace takes a solvable instance of its split, evenly, and shuffles its numbers. It tries up
    to ``attempts`` different plans; after one marked ``ok`` it repeats it as its answer, and when
    none is left it ends. The loss counts what follows the prompt.

    Latents, at every place: ``target`` (one number); ``result`` (L,), the attempt's last result so
    far, -1 before it; ``remaining`` (L, N), the numbers in hand, -1 where they have ended;
    ``verdict`` (L,), at "(" whether the attempt is right, -1 elsewhere.

    Args:
        attempts: most attempts of a trace, at most the number of plans; 0 answers at once, with a
            solution drawn evenly (the optimal path).
        verdict_noise: chance that a verdict is the wrong one; may differ per member.
        guided: share of traces whose attempts come in order of a heuristic, the mean distance to
            the target of the numbers in hand after the first step; the others' order is random.
            May differ per member.
        part: ``train``, or held-out ``numbers`` (hands) or ``targets``.
        verdict_weight: how much a verdict counts in the loss, against 1 for any other token; may
            differ per member.

    Raises:
        ToylabError: what :class:`Rules` refuses, too many attempts, or a share outside [0, 1].

    Example:
        >>> task = Countdown(attempts=4)
        >>> task.decode(task.batch(jax.random.key(0), 2).inputs[0])[:2]
        'T '
    """

    attempts: int = 10
    verdict_noise: Number = 0.0
    guided: Number = 0.0
    part: Split = "train"
    verdict_weight: Number = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        most = self.plan_count
        check_number("Countdown", "attempts", self.attempts, low=0, high=most, whole=True)
        for name in ("verdict_noise", "guided"):
            check_number("Countdown", name, getattr(self, name), low=0, high=1)
        check_number("Countdown", "verdict_weight", self.verdict_weight, low=0)
        instances(self.rules, self.part)

    @property
    def rules(self) -> Rules:
        """The rules alone."""
        return Rules(*(getattr(self, f.name) for f in dataclasses.fields(Rules)))

    @property
    def trace_length(self) -> int:
        """Tokens of the longest trace."""
        return self.prompt_length + self.attempts * self.attempt_length + self.answer_length

    @property
    def length(self) -> int:
        """Places L of the inputs: all tokens but the last."""
        return self.trace_length - 1

    def example(self, key: Array) -> Batch:
        """Draw one trace."""
        k = self.plan_count
        # Kept: fused into what reads it, Threefry compiles many times.
        u = jax.lax.optimization_barrier(
            random.uniform(key, (2 + self.numbers + k + self.attempts,))
        )
        pick, guide, rest = u[0], u[1], u[2:]
        order_N, try_K, noise_A = jnp.split(rest, (self.numbers, self.numbers + k))
        hand_N, target = draw_instance(self.rules, self.part, pick, order_N)
        worked = self.rules.work(hand_N)
        right_K = worked.valid_K & (worked.result_K == target)
        if not self.attempts:
            # Not argmax: Threefry would be fused into its loop, and LLVM take minutes over it.
            best = jax.lax.top_k(jnp.where(right_K, try_K + 1, 0.0), 1)[1][0]
            none = jnp.zeros(0, jnp.int32)
            return self._write(hand_N, target, worked, none, none, right_K, best, jnp.int32(0))
        away_K = self._distance(worked, target)
        guided = guide < jnp.asarray(self.guided, jnp.float32)
        # Distances are multiples of 1 / (N - 1): chance decides among equals only.
        merit_K = jnp.where(guided, 0.5 / (self.numbers - 1) * try_K - away_K, try_K)
        _, tried_A = jax.lax.top_k(jnp.where(worked.valid_K, merit_K, -jnp.inf), self.attempts)
        wrong_A = noise_A < jnp.asarray(self.verdict_noise, jnp.float32)
        shown_A = (right_K[tried_A] ^ wrong_A) & worked.valid_K[tried_A]
        before_A = jnp.cumsum(shown_A.astype(jnp.int32)) - shown_A.astype(jnp.int32)
        made = jnp.sum(worked.valid_K[tried_A] & (before_A == 0), dtype=jnp.int32)
        last = jnp.where(shown_A.any(), tried_A[jnp.argmax(shown_A)], jnp.int32(-1))
        return self._write(hand_N, target, worked, tried_A, shown_A, right_K, last, made)

    def _distance(self, worked: Worked, target: Array) -> Float[Array, " K"]:
        """Mean distance to the target of the numbers in hand after the first step."""
        hand_KN = worked.hands_KSN[:, 0, : self.numbers - 1]
        return jnp.abs(hand_KN - target).astype(jnp.float32).mean(-1)

    def _write(
        self,
        hand_N: Array,
        target: Array,
        worked: Worked,
        tried_A: Array,
        shown_A: Array,
        right_K: Array,
        last: Array,
        made: Array,
    ) -> Batch:
        """Write attempts and answer (plan ``last``, none where it is -1) as one trace."""
        token = lambda word: jnp.full(1, self.token(word), jnp.int32)
        flat_KF = worked.steps_KSF.reshape(len(right_K), -1)
        verdict_A = jnp.where(shown_A, token("ok"), token("no"))
        bracket_A1 = jnp.full((self.attempts, 1), self.token("("), jnp.int32)
        tried_AF = jnp.concatenate([flat_KF[tried_A], bracket_A1, verdict_A[:, None]], 1)
        answer = jnp.concatenate([token("ANS"), flat_KF[last], token("EOS")])
        gave_up = (
            jnp.full(self.answer_length, self.token("PAD"), jnp.int32).at[0].set(token("EOS")[0])
        )
        end = jnp.where(last >= 0, answer, gave_up)

        place_T = jnp.arange(self.trace_length, dtype=jnp.int32) - self.prompt_length
        attempt_T, offset_T = place_T // self.attempt_length, place_T % self.attempt_length
        ended_T = attempt_T >= made
        plan_T = jnp.where(
            ended_T, last, jnp.append(tried_A, last)[jnp.clip(attempt_T, 0, self.attempts)]
        )
        behind_T = jnp.clip(place_T - made * self.attempt_length, 0, self.answer_length - 1)
        body_T = jnp.append(tried_AF.reshape(-1), end)[jnp.clip(place_T, 0)]
        body_T = jnp.where(ended_T, end[behind_T], body_T)
        pad_T = ended_T & (place_T - made * self.attempt_length >= self.answer_length)
        prompt = self.rules.prompt(hand_N, target, jnp)
        trace_T = jnp.where(pad_T, token("PAD"), body_T).at[: self.prompt_length].set(prompt)

        # Within an answer the steps begin one later, after ANS; the prompt and EOS are outside.
        inside_T = jnp.where(ended_T, behind_T - 1, offset_T)
        is_over_T = pad_T | (ended_T & ((last < 0) | (behind_T >= self.answer_length - 1)))
        stage_T = jnp.where((place_T < 0) | is_over_T, 0, (inside_T + 1) // STEP)
        stage_T = jnp.clip(stage_T, 0, self.numbers - 1)
        # The verdict ends the attempt.
        stage_T = jnp.where(~ended_T & (inside_T == self.attempt_length - 1), 0, stage_T)
        hand_T = worked.hands_KSN[plan_T, jnp.maximum(stage_T - 1, 0)]
        remaining_TN = jnp.where((stage_T > 0)[:, None], hand_T, hand_N[None])
        done_T = worked.steps_KSF[plan_T, jnp.maximum(stage_T - 1, 0), STEP - 1]
        at_bracket_T = (place_T >= 0) & ~ended_T & (offset_T == self.attempt_length - 2)
        latents = {
            "target": target,
            "result": jnp.where(stage_T > 0, done_T, -1)[:-1],
            "remaining": remaining_TN[:-1],
            "verdict": jnp.where(at_bracket_T, right_K[plan_T].astype(jnp.int32), -1)[:-1],
        }
        inputs_L, targets_L = trace_T[:-1], trace_T[1:]
        place_L = jnp.arange(self.length, dtype=jnp.int32)
        counted_L = (place_L >= self.prompt_length - 1) & (targets_L != token("PAD"))
        heavy_L = jnp.where(at_bracket_T[:-1], jnp.asarray(self.verdict_weight, jnp.float32), 1.0)
        weights_L = jnp.where(counted_L, heavy_L, 0.0)
        return Batch(inputs_L, targets_L, weights_L, latents)

    def consistent(self, batch: Batch) -> np.ndarray:
        """Per example: the trace reads as one, its steps are right, and its latents are its own."""
        return np.asarray([self._consistent(batch, i) for i in range(len(batch.inputs))])

    def _consistent(self, batch: Batch, i: int) -> bool:
        tokens = np.append(np.asarray(batch.inputs[i]), np.asarray(batch.targets[i, -1]))
        trace = read(self.rules, tokens)
        told = {n: np.asarray(leaf[i]) for n, leaf in batch.latents.items()}
        bracket_L = tokens[:-1] == self.token("(")
        truth = [int(attempt.right) for attempt in trace.attempts]
        result = [attempt.result for attempt in trace.attempts]
        same = (
            list(told["verdict"][bracket_L]) == truth and list(told["result"][bracket_L]) == result
        )
        wrong = any(attempt.problem for attempt in trace.attempts)
        return bool(same and not wrong and not trace.problem and told["target"] == trace.target)

    def uniform_loss(self) -> float:
        """``log V``, of every token alike."""
        return float(np.log(self.vocab))


def trace_space(rules: Rules, length: int, attempts: int) -> None:
    """Refuse a context too short for a trace of so many attempts.

    Raises:
        ToylabError: says how long it must be.
    """
    need = rules.prompt_length + attempts * rules.attempt_length + rules.answer_length
    if length < need:
        raise ToylabError(
            f"Countdown: a context of {length} tokens is too short for {attempts} attempts and an "
            f"answer; give {need} or fewer attempts."
        )


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    small: dict[str, Any] = {"largest": 6, "high": 20, "top": 36}
    return (
        Countdown(**small, attempts=3, verdict_noise=0.2, guided=0.5),
        Countdown(**small, attempts=0, part="targets"),
    )
