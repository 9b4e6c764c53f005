"""What the studies of CountDown share: the network that searches, before and after reward."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from toylab.errors import check_counts
from toylab.losses import cross_entropy
from toylab.members import Members, zipped
from toylab.models import Transformer
from toylab.models.sampling import generate
from toylab.optim import AdamW, cosine
from toylab.population import Population
from toylab.rl.grpo import GRPO
from toylab.taps import Params
from toylab.task import Task
from toylab.tasks.countdown.countdown import Countdown, trace_space
from toylab.tasks.countdown.countdown_prompts import CountdownPrompts
from toylab.tasks.countdown.countdown_rules import Rules

WATCH = 77  # seed of the draws that follow a run


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network:
    """Settings of the world, of the network, of pretraining and of reward."""

    seeds: int = 5
    numbers: int = 3
    largest: int = 12
    low: int = 5
    high: int = 30
    top: int = 36
    operations: str = "+-"
    attempts: int = 4  # most attempts of a trace that is learned from
    room: int = 4  # attempts for which a sampled trace has room
    verdict_noise: float = 0.1
    verdict_weight: float = 8.0  # in the loss of pretraining
    width: int = 128
    depth: int = 3
    heads: int = 4
    hidden: int = 256
    steps: int = 600
    batch_size: int = 48
    piece: int = 4  # examples per gradient, for a CPU's cache; 0 on an accelerator
    learning_rate: float = 8e-3
    weight_decay: float = 0.01
    reward_steps: int = 70
    prompts: int = 24  # per update
    group: int = 8
    refresh: int = 2
    reward_rate: float = 5e-4
    clip: float = 0.2
    kl: float = 0.01
    watched: int = 64  # held-out prompts that follow a run

    def __post_init__(self) -> None:
        check_counts("countdown", self, "steps", "reward_steps", "prompts", "watched", "room")
        self.model()
        trace_space(self.rules, self.rules.prompt_length + self.length, self.room)

    @property
    def rules(self) -> Rules:
        """The rules of the game."""
        return Rules(*(getattr(self, f.name) for f in dataclasses.fields(Rules)))

    @property
    def length(self) -> int:
        """Tokens of a sampled trace after its prompt."""
        return self.room * self.rules.attempt_length + self.rules.answer_length

    def world(self, **changes: Any) -> Countdown:
        """Traces to learn from."""
        names = ("attempts", "verdict_noise", "verdict_weight")
        settings = {name: getattr(self, name) for name in names}
        return Countdown(**self._rules(), **(settings | changes))

    def asked(self) -> CountdownPrompts:
        """Prompts of the training instances."""
        return CountdownPrompts(**self._rules())

    def _rules(self) -> dict[str, Any]:
        return dataclasses.asdict(self.rules)

    def model(self) -> Transformer:
        """The network."""
        return Transformer(
            vocab=self.rules.vocab,
            length=self.rules.prompt_length + self.length,
            width=self.width,
            depth=self.depth,
            heads=self.heads,
            hidden=self.hidden,
            gated=True,
            activation="silu",
            positions="learned",
            norm="rms",
        )


SMOKE: dict[str, Any] = {
    "seeds": 2,
    "width": 8,
    "depth": 1,
    "heads": 2,
    "hidden": 8,
    "steps": 8,
    "batch_size": 4,
    "piece": 0,
    "reward_steps": 2,
    "prompts": 2,
    "group": 2,
    "watched": 4,
}
NIGHT: dict[str, Any] = {
    "seeds": 8,
    "verdict_weight": 3.0,
    "steps": 2_000,
    "learning_rate": 3e-3,
    "weight_decay": 0.1,
}
PAPER: dict[str, Any] = {
    "numbers": 4,
    "largest": 20,
    "low": 10,
    "high": 99,
    "top": 200,
    "operations": "+-*/",
    "attempts": 24,
    "room": 24,
    "width": 256,
    "depth": 6,
    "hidden": 512,
    "steps": 20_000,
    "batch_size": 256,
    "piece": 0,
    "learning_rate": 1e-3,
    "reward_steps": 1_000,
    "prompts": 128,
    "reward_rate": 5e-5,
}


def of_seeds(config: Network, **columns: Any) -> Members:
    """One member per seed, with its own start and its own data."""
    seeds = tuple(range(config.seeds))
    return zipped(init_seed=seeds, data_seed=seeds, **columns)


def pretrained(config: Network, task: Task, **changes: Any) -> Population:
    """A population that learns from traces."""
    settings = {
        "members": of_seeds(config),
        "batch_size": config.batch_size,
        "piece": config.piece,
    }
    return Population(
        model=config.model(),
        task=task,
        optimizer=AdamW(
            config.learning_rate,
            config.weight_decay,
            schedule=cosine(config.steps, warmup=min(60, config.steps // 10), floor=0.05),
        ),
        steps=config.steps,
        loss=cross_entropy,
        snapshots=(0, config.steps),
        **(settings | changes),
    )


def rewarded(config: Network, start: str, length: int, **changes: Any) -> Population:
    """A population that goes on from another with reward for right answers."""
    task = config.asked()
    loss = GRPO(
        reward=task.reward,
        length=length,
        stop=task.token("EOS"),
        pad=task.token("PAD"),
        group=config.group,
        clip=config.clip,
        kl=config.kl,
        refresh=config.refresh,
    )
    piece = -(-config.piece // config.group) if config.piece else 0
    settings = {"members": of_seeds(config), "loss": loss, "piece": piece}
    return Population(
        model=config.model(),
        task=task,
        optimizer=AdamW(config.reward_rate, 0.0),
        steps=config.reward_steps,
        batch_size=config.prompts,
        start=start,
        metrics=watch(config, length),
        record_every=max(1, config.reward_steps // 20),
        snapshots=(config.reward_steps,),
        **(settings | changes),
    )


def watch(
    config: Network, length: int
) -> Callable[[Transformer, Params, Task], Mapping[str, Array]]:
    """Return what follows a run under reward: held-out prompts, one trace sampled for each."""
    task = config.asked()
    prompts_BL = task.every("numbers").inputs[: config.watched]
    stop, pad = task.token("EOS"), task.token("PAD")

    def numbers(model: Transformer, params: Params, _: Task) -> dict[str, Array]:
        key = jax.random.key(WATCH)
        sampled, logp = generate(model, params, prompts_BL, length, key, stop=stop, pad=pad)
        solved = task.reward(jnp.concatenate([prompts_BL, sampled], 1))
        lengths = jnp.sum((sampled != pad).astype(jnp.float32), 1)
        # -log p of what was sampled: its mean is the entropy of whole traces.
        return {"solved": solved.mean(), "length": lengths.mean(), "nats": -logp.sum(1).mean()}

    return numbers
