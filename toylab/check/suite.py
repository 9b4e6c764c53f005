"""The rules every task keeps, a user's too, checked on an instance.

A task that also divides its examples offers ``split()``, without required arguments, which returns
batches (as a mapping or a sequence, train first): no input may stand in two of them.

Random draws use a fixed seed, so the outcome is a function of the task.
"""

import dataclasses
from collections.abc import Callable

import jax

from toylab.check import draws, truth
from toylab.check.doubles import doubles_refused
from toylab.check.parts import Broken, Draws
from toylab.errors import ToylabError
from toylab.task import Task


@dataclasses.dataclass(frozen=True)
class Result:
    """Outcome of one rule.

    Attributes:
        name: the rule.
        ok: whether the task keeps it.
        detail: what was found, or why not.
    """

    name: str
    ok: bool
    detail: str = ""


def check(task: Task, seed: int = 0) -> list[Result]:
    """Hold a task to every rule; one result per rule, in a fixed order. One that raises is broken.

    Args:
        task: an instance.
        seed: of the random draws.

    Example:
        >>> from toylab.tasks.superposition.superposition import Sparse
        >>> all(result.ok for result in check(Sparse(5, density=0.1)))
        True
    """
    draws = Draws(task, jax.random.key(seed))
    results = []
    for rule in RULES:
        name = rule.__name__.replace("_", " ")
        try:
            with doubles_refused("the task"):
                results.append(Result(name, True, rule(draws) or ""))
        except (Broken, ToylabError) as error:
            results.append(Result(name, False, str(error)))
        except Exception as error:
            text = str(error).strip().splitlines()
            results.append(Result(name, False, ": ".join([type(error).__name__, *text[:1]])))
    return results


RULES: tuple[Callable[[Draws], str | None], ...] = (
    draws.plain_settings,
    draws.fixed_shapes,
    draws.batch_axis,
    draws.jit_as_eager,
    draws.vmap_as_loop,
    draws.one_trace,
    draws.traced_numbers,
    draws.determined_by_key,
    draws.keys_differ,
    draws.batch_as_examples,
    truth.latents_consistent,
    truth.weights_broadcast,
    truth.enumeration,
    truth.split_disjoint,
    truth.losses_ordered,
)
