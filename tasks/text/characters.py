"""One's own text, character by character.

A sequence is a window of the file, its targets the characters that follow. The first ``share`` of
the file is trained on; the rest is held out. Tokens are the file's different characters, in the
order of their code points.
"""

import dataclasses
import functools
import hashlib
import math
import os
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from toylab import random
from toylab.check.data_files import data_file, read_text
from toylab.errors import ToylabError, check_number, nearest
from toylab.task import Batch, Task

MOST = 20_000_000  # characters
PARTS = ("train", "held out")


@dataclasses.dataclass(frozen=True)
class Characters(Task):
    """Windows of a text.

    Args:
        path: the file: UTF-8, UTF-16 or Latin letters.
        length: L, characters in a window.
        share: of the file, trained on.
        part: ``train`` or ``held out``.

    Raises:
        ToylabError: a file that cannot be read or is too large, or a part shorter than a window.

    Example:
        >>> from toylab.tasks.text.characters import EXAMPLE
        >>> task = Characters(EXAMPLE, length=16)
        >>> batch = task.batch(jax.random.key(0), 2)
        >>> window = task.decode(batch.inputs[0])
        >>> batch.inputs.shape, window[1:] == task.decode(batch.targets[0])[:-1]
        ((2, 16), True)
    """

    path: str = data_file()
    length: int = 64
    share: float = 0.9
    part: Literal["train", "held out"] = "train"

    def __post_init__(self) -> None:
        check_number("Characters", "length", self.length, low=1, whole=True)
        check_number("Characters", "share", self.share, low=0, high=1)
        if self.part not in PARTS:
            hint = nearest(str(self.part), PARTS)
            raise ToylabError(f"Characters: part = {self.part!r}; {hint}")
        low, high = self._ends()
        if high - low <= self.length:
            raise ToylabError(
                f"Characters: the part {self.part!r} of {self.path} has {high - low} characters; "
                f"a window of {self.length} and what follows needs {self.length + 1}."
            )

    @property
    def characters(self) -> str:
        """The characters, in the order of their tokens."""
        return self._read()[0]

    @property
    def vocab(self) -> int:
        """V, how many there are."""
        return len(self.characters)

    def encode(self, text: str) -> list[int]:
        """Return a text's tokens.

        Raises:
            ToylabError: a character that the file does not have.
        """
        strange = sorted(set(text) - set(self.characters))
        if strange:
            raise ToylabError(f"Characters: {strange[0]!r} does not occur in {self.path}.")
        place = {character: i for i, character in enumerate(self.characters)}
        return [place[character] for character in text]

    def decode(self, tokens: Array) -> str:
        """Return tokens as text."""
        return "".join(self.characters[i] for i in np.asarray(tokens).tolist())

    def example(self, key: Array) -> Batch:
        """Draw a window."""
        low, high = self._ends()
        span = np.uint32(high - low - self.length)
        first = jax.lax.rem(random.bits(key, (1,))[0], span).astype(jnp.int32) + jnp.int32(low)
        text = jnp.asarray(self._read()[1])
        window = jax.lax.dynamic_slice(text, (first,), (self.length + 1,)).astype(jnp.int32)
        weights = jnp.ones(self.length, jnp.float32)
        return Batch(window[:-1], window[1:], weights, {"first": first})

    def consistent(self, batch: Batch) -> np.ndarray:
        """Return whether each window stands in the file where it says."""
        text = read_text(self.path)
        pairs = zip(batch.inputs, batch.targets, np.asarray(batch.latents["first"]), strict=True)
        found = [
            self.decode(inputs) + self.decode(targets[-1:]) == text[first : first + self.length + 1]
            for inputs, targets, first in pairs
        ]
        return np.array(found)

    def uniform_loss(self) -> float:
        """ln V."""
        return math.log(self.vocab)

    def fingerprint(self) -> str:
        """Digest of the text: a run that reuses networks knows by it whether the file changed."""
        return hashlib.sha256(self._read()[1].tobytes()).hexdigest()[:16]

    def _ends(self) -> tuple[int, int]:
        total = len(self._read()[1])
        cut = int(self.share * total)
        return (0, cut) if self.part == "train" else (cut, total)

    def _read(self) -> tuple[str, np.ndarray]:
        changed = os.path.getmtime(self.path) if os.path.isfile(self.path) else 0.0
        return read_characters(self.path, changed)


@functools.lru_cache(maxsize=4)
def read_characters(path: str, changed: float = 0.0) -> tuple[str, np.ndarray]:
    """Return a file's different characters, and the text as their numbers.

    Args:
        path: the file.
        changed: when it was written: a file written anew is read anew.

    Raises:
        ToylabError: it cannot be read, is empty, or has too many characters.
    """
    text = read_text(path)
    if not 0 < len(text) <= MOST:
        raise ToylabError(f"{path} has {len(text):,} characters; give 1 to {MOST:,}.")
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    different, tokens = np.unique(points, return_inverse=True)
    characters = "".join(map(chr, different.tolist()))
    return characters, tokens.reshape(-1).astype(np.min_scalar_type(len(different)))


EXAMPLE = str(Path(__file__).with_name("characters.txt"))


def examples() -> tuple[Task, ...]:
    """The text that comes with the laboratory, for the conformance suite."""
    return (Characters(EXAMPLE, length=12), Characters(EXAMPLE, length=8, part="held out"))
