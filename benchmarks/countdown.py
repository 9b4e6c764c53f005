"""How fast traces are drawn from a transformer, and what drawing costs within a GRPO update.

The network is that of the study ``countdown``. Ours draws with kept keys and values; beside it
stand the same network recomputing its whole pass for every token, and a plain sampler in PyTorch.
See README.md in this folder.
"""

import dataclasses
import importlib.util
from contextlib import ExitStack
from typing import Any

import numpy as np

from toylab.cli.bench import Row, Worker, compare, interleave
from toylab.errors import check_number

OURS = "toylab.benchmarks.countdown_sides:Ours"
TORCH = "toylab.benchmarks.countdown_torch:Cached"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """What is drawn; plain numbers, so that it travels between processes.

    Attributes:
        context: positions of prompt and drawn tokens together.
        batch: sequences drawn at once.
        width: D.
        depth: number of blocks.
        heads: H.
        hidden: F, width of the MLP.
        vocab: number of tokens.
        prompt: tokens of a prompt.
    """

    context: int = 448
    batch: int = 64
    width: int = 128
    depth: int = 3
    heads: int = 4
    hidden: int = 256
    vocab: int = 75
    prompt: int = 7

    @property
    def drawn(self) -> int:
        """Tokens drawn per sequence."""
        return self.context - self.prompt

    @property
    def name(self) -> str:
        """The case in a few letters."""
        return f"context {self.context}, batch {self.batch}, D={self.width}, {self.depth} blocks"


def rows(
    seconds: float = 3.0,
    rounds: int = 3,
    prompts: int = 24,
    group: int = 8,
    **changes: Any,
) -> list[Row]:
    """Time all sides, interleaved; PyTorch only where it is installed.

    Args:
        seconds: length of one burst of one side, at least one step.
        rounds: bursts per side and case.
        prompts: prompts of a GRPO update.
        group: completions of each.
        **changes: other fields of :class:`Case`, for a smaller one.

    Returns:
        Tokens/s of ours against a whole pass per token, over half the context (the mean length, for
        whoever has a program for each) and over all of it (one program, padded), and against
        PyTorch; then GRPO updates/s against its rollouts alone, whose ratio is their share of the
        time.

    Raises:
        ToylabError: a number is out of range, or a side failed.

    Example:
        >>> rows(seconds=0.2, rounds=1, context=64, batch=8)  # doctest: +SKIP
    """
    check_number("bench countdown", "seconds", seconds, above=0)
    check_number("bench countdown", "rounds", rounds, low=1, whole=True)
    check_number("bench countdown", "prompts", prompts, low=1, whole=True)
    check_number("bench countdown", "group", group, low=2, whole=True)
    check_number("bench countdown", "context", changes.get("context", 448), low=16, whole=True)
    case = Case(**changes)
    sizes = (prompts, group, case.depth, case.width)
    return [*_tokens(case, rounds, seconds), _share(rounds, seconds, *sizes)]


def _tokens(case: Case, rounds: int, seconds: float) -> list[Row]:
    """Rows of tokens per second."""
    half, whole = "a pass per token, mean length", "a pass per token, padded"
    jobs: dict[str, tuple[str, Any, int]] = {
        "ours": (OURS, ("sampler", (case,)), case.batch * case.drawn),
        half: (OURS, ("whole", (case, (case.prompt + case.context) // 2)), case.batch),
        whole: (OURS, ("whole", (case, case.context)), case.batch),
    }
    if importlib.util.find_spec("torch"):
        jobs["PyTorch with a cache"] = (TORCH, case, case.batch * case.drawn)
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(job[0])) for name, job in jobs.items()}
        words = {name: workers[name].call("prepare", job[1]) for name, job in jobs.items()}
        rates = interleave(workers, rounds, seconds)
    speed = {name: rate * jobs[name][2] for name, rate in rates.items()}
    name = f"{case.name}: tokens/s"
    label = lambda n: f"{n} ({words[n]})" if jobs[n][0] == TORCH else n
    others = [n for n in speed if n != "ours"]
    return [compare(name, "tokens/s", speed["ours"], label(n), speed[n]) for n in others]


def _share(rounds: int, seconds: float, prompts: int, group: int, depth: int, width: int) -> Row:
    """The row of GRPO updates."""
    jobs = {"updates": False, "rollouts": True}
    with ExitStack() as stack:
        workers = {name: stack.enter_context(Worker(OURS)) for name in jobs}
        for name, alone in jobs.items():
            workers[name].call("prepare", ("updates", (prompts, group, alone, depth, width)))
        rates = interleave(workers, rounds, seconds)
    name = f"GRPO, {prompts} prompts x {group}: share of time in sampling"
    told = "its rollouts alone", np.asarray(rates["rollouts"])
    return compare(name, "updates/s", np.asarray(rates["updates"]), *told)
