"""Our sides of the CountDown benchmark: the sampler, a whole pass per token, GRPO updates."""

import dataclasses
import os
from typing import Any

from toylab.benchmarks.countdown import Case


def model(case: Case) -> Any:
    """Return the case's network."""
    from toylab.models import Transformer

    return Transformer(
        vocab=case.vocab,
        length=case.context,
        width=case.width,
        depth=case.depth,
        heads=case.heads,
        hidden=case.hidden,
        gated=True,
        activation="silu",
        positions="rope",
        norm="rms",
        read="last",
    )


class Sampler:
    """Draws whole sequences with kept keys and values; a step is one batch of them."""

    def __init__(self, case: Case) -> None:
        import jax
        import jax.numpy as jnp

        self.case, self.net, self.key = case, model(case), jax.random.key(1)
        self.params = jax.jit(self.net.init)(jax.random.key(0))
        self.prompts = jnp.ones((case.batch, case.prompt), jnp.int32)

    def run(self) -> Any:
        """Draw one batch."""
        from toylab.models.sampling import generate

        return generate(self.net, self.params, self.prompts, self.case.drawn, self.key)


class WholePass:
    """What a sampler without a cache does for every token: one pass over ``length`` positions."""

    def __init__(self, case: Case, length: int) -> None:
        import jax
        import jax.numpy as jnp

        net, shape = model(case), (case.batch, length)
        self.params = jax.jit(net.init)(jax.random.key(0))
        self.tokens, self.key = jnp.ones(shape, jnp.int32), jax.random.key(1)

        def token(params: Any, tokens: Any, key: Any) -> Any:
            return jax.random.categorical(key, net.apply(params, tokens))

        self.token = jax.jit(token)

    def run(self) -> Any:
        """Draw one token for each sequence."""
        return self.token(self.params, self.tokens, self.key)


class Updates:
    """GRPO on CountDown through the engine, or its rollouts alone; a step is one update."""

    def __init__(self, prompts: int, group: int, rollouts: bool, depth: int, width: int) -> None:
        import jax

        from toylab.members import seeds
        from toylab.optim import AdamW
        from toylab.population import Population
        from toylab.rl.grpo import GRPO
        from toylab.tasks.countdown.countdown_prompts import CountdownPrompts
        from toylab.train.engine import Program

        task = CountdownPrompts()
        length = 7 * task.attempt_length + task.answer_length
        stop, pad = task.token("EOS"), task.token("PAD")
        loss = GRPO(task.reward, group=group, length=length, stop=stop, pad=pad, kl=0.01)
        context = task.prompt_length + length
        case = Case(context=context, vocab=task.vocab, width=width, depth=depth, hidden=2 * width)
        self.net, self.rollouts, self.at = model(case), rollouts, 0
        if rollouts:
            params = jax.jit(self.net.init)(jax.random.key(0))

            def draw(params: Any, key: Any) -> Any:
                own = dataclasses.replace(loss, reference=params, behaviour=params)
                return own.roll_out(self.net, task.batch(key, prompts))

            self.draw, self.params = jax.jit(draw), params
            return
        population = Population(
            model=self.net,
            task=task,
            members=seeds(1),
            optimizer=AdamW(1e-4, 0.0),
            loss=loss,
            steps=2**30,
            batch_size=prompts,
            piece=1 if jax.default_backend() == "cpu" else 0,  # as the study has it
        )
        self.program = Program(population)
        self.state = self.program.init()

    def run(self) -> Any:
        """Do one update, or draw what one needs."""
        import jax

        self.at += 1
        if self.rollouts:
            return self.draw(self.params, jax.random.key(self.at))
        self.state, records = self.program.chunk(self.state, (self.at - 1, self.at))
        return records


class Ours:
    """One of the above, by name."""

    def __init__(self) -> None:
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        from toylab.train.setup import setup

        setup()

    def prepare(self, job: tuple[str, tuple[Any, ...]]) -> str:
        """Compile and warm up."""
        kinds = {"sampler": Sampler, "whole": WholePass, "updates": Updates}
        self.job = kinds[job[0]](*job[1])
        self.run(1)
        return job[0]

    def run(self, steps: int) -> None:
        """Run a number of steps, one after another."""
        import jax

        for _ in range(steps):
            self.made = jax.block_until_ready(self.job.run())
