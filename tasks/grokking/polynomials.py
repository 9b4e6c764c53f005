"""Several polynomials modulo p as one task: which one is asked may differ per member.

An operation decides a table of answers, not a shape, so networks on different polynomials can train
side by side in one compiled program.
"""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab.errors import ToylabError, check_number, nearest
from toylab.task import Number, Task

from .modular import MAX_P, POLYNOMIALS, Pairs, arithmetic_table


@dataclasses.dataclass(frozen=True, kw_only=True)
class Polynomials(Pairs):
    """The answer is ``operations[which]`` of x and y, modulo p.

    Args:
        p: the modulus.
        operations: polynomials as :data:`toylab.tasks.grokking.modular.POLYNOMIALS` writes them.
        which: index of this member's polynomial; may differ per member.

    Raises:
        ToylabError: an unknown polynomial, or an index without one.

    Example:
        >>> task = Polynomials(p=5, operations=("x+y", "x*y"), which=1, fraction=0.5, equals=False)
        >>> [int(answer) for answer in task.answers()[-5:]]
        [0, 4, 3, 2, 1]
    """

    p: int = 97
    operations: tuple[str, ...] = ("x+y",)
    which: Number = 0

    def __post_init__(self) -> None:
        check_number("Polynomials", "p", self.p, 2, MAX_P, whole=True)
        for operation in self.operations:
            if operation not in POLYNOMIALS:
                hint = nearest(operation, POLYNOMIALS)
                raise ToylabError(f"Polynomials: operation {operation!r}; {hint}")
        check_number("Polynomials", "which", self.which, 0, len(self.operations) - 1)
        super().__post_init__()

    @property
    def n(self) -> int:
        """The modulus."""
        return self.p

    def table(self) -> tuple[np.ndarray, np.ndarray]:
        """Return every pair (N, 2), x varying slowest, and the first operation's answers (N,)."""
        return arithmetic_table(self.p, self.operations[0])

    def answers(self) -> Array:
        """Return the answer of every row of the table, (N,)."""
        if self.labels != "rule":
            return super().answers()
        rules = [arithmetic_table(self.p, operation)[1] for operation in self.operations]
        return jnp.asarray(np.stack(rules), jnp.int32)[jnp.asarray(self.which).astype(jnp.int32)]


def examples() -> tuple[Task, ...]:
    """A small task of two polynomials, for the conformance suite."""
    return (
        Polynomials(
            p=7, operations=("x+y", "x^3+xy^2+y"), which=1, fraction=0.5, split_seed=2, equals=False
        ),
    )
