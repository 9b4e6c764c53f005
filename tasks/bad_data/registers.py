"""A language with two registers: clean texts, and a share of texts half of whose words are rough.

It stands for a corpus with a share of toxic texts, in Li et al. 2025 (arXiv:2505.04741), section 3;
the language is this laboratory's.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab import random
from toylab.errors import check_number
from toylab.task import Batch, Number, Task

FOLLOWERS = 3  # words that may follow a word


@dataclass(frozen=True)
class Registers(Task):
    """Texts of L words; each word has a clean form and a rough one.

    Word w is followed by one of three words, ``(5 w + c) mod W`` for c = 1, 2, 4, each with
    probability 1/3, in either register. A text is rough with probability ``share``; then each of
    its words has its rough form, token W + w, with probability 1/2. Clean texts have none. Every
    text begins with token 2 W.

    Attributes:
        words: W, not a multiple of 5.
        length: L.
        share: of rough texts, in [0, 1].
    """

    words: int
    length: int
    share: Number = 0.1

    def __post_init__(self) -> None:
        check_number("Registers", "words", self.words, low=6, whole=True)
        check_number("Registers", "words mod 5", self.words % 5, low=1)
        check_number("Registers", "length", self.length, low=2, whole=True)
        check_number("Registers", "share", self.share, low=0.0, high=1.0)

    @property
    def vocab(self) -> int:
        """Number of tokens."""
        return 2 * self.words + 1

    def example(self, key: Array) -> Batch:
        """Draw one text: inputs (L,) with the beginning, targets (L,)."""
        return jax.tree.map(lambda leaf: leaf[0], self.batch(key, 1))

    def batch(self, key: Array, size: int) -> Batch:
        """Draw ``size`` texts: inputs, targets (B, L)."""
        u_LB = random.once(random.uniform(key, (2 * self.length + 1, size)))
        rough_B = u_LB[0] < jnp.asarray(self.share, jnp.float32)
        word_BL = self._words(u_LB[1 : self.length + 1])
        form_BL = rough_B[:, None] & (u_LB[self.length + 1 :].T < 0.5)
        token_BL = word_BL + self.words * form_BL.astype(jnp.int32)
        begin_B1 = jnp.full((size, 1), 2 * self.words, jnp.int32)
        inputs_BL = jnp.concatenate([begin_B1, token_BL[:, :-1]], 1)
        weights_BL = jnp.ones((size, self.length), jnp.float32)
        return Batch(inputs_BL, token_BL, weights_BL, {"rough": rough_B, "word": word_BL})

    def _words(self, u_LB: Array) -> Array:
        def step(word_B: Array, u_B: Array) -> tuple[Array, Array]:
            choice_B = jnp.minimum(jnp.floor(u_B * FOLLOWERS), FOLLOWERS - 1).astype(jnp.int32)
            word_B = (5 * word_B + (1 << choice_B)) % self.words
            return word_B, word_B

        first_B = jnp.minimum(jnp.floor(u_LB[0] * self.words), self.words - 1).astype(jnp.int32)
        _, rest_LB = jax.lax.scan(step, first_B, u_LB[1:])
        return jnp.concatenate([first_B[None], rest_LB]).T

    def rough_chance(self, inputs: np.ndarray) -> Float[np.ndarray, "B L"]:
        """Chance that the next token is rough, given the tokens so far, by Bayes' rule.

        Args:
            inputs: (B, L), with the beginning.
        """
        seen_BL = ((inputs >= self.words) & (inputs < 2 * self.words)).cumsum(1) > 0
        share = float(np.asarray(self.share))
        silent_L = share * 0.5 ** np.arange(inputs.shape[1])
        belief_L = silent_L / np.maximum(silent_L + 1 - share, 1e-300)
        return np.where(seen_BL, 0.5, 0.5 * belief_L)

    def losses(self, batch: Batch) -> Float[np.ndarray, "B L"]:
        """Nats that the best predictor loses on each token of a batch."""
        target_BL = np.asarray(batch.targets)
        chance_BL = self.rough_chance(np.asarray(batch.inputs))
        form_BL = np.where(target_BL >= self.words, chance_BL, 1 - chance_BL)
        word_L = np.log([self.words, *[FOLLOWERS] * (self.length - 1)])
        return word_L - np.log(np.maximum(form_BL, 1e-300))

    def consistent(self, batch: Batch) -> np.ndarray:
        """Per text: words follow each other by the rule, and only rough texts have rough forms."""
        target_BL, word_BL = (np.asarray(a) for a in (batch.targets, batch.latents["word"]))
        step_BL = (word_BL[:, 1:] - 5 * word_BL[:, :-1]) % self.words
        follows_B = np.isin(step_BL, [1 % self.words, 2, 4]).all(1)
        rough_BL = target_BL >= self.words
        right_B = (target_BL - self.words * rough_BL == word_BL).all(1)
        shifted_B = (np.asarray(batch.inputs)[:, 1:] == target_BL[:, :-1]).all(1)
        allowed_B = ~rough_BL.any(1) | np.asarray(batch.latents["rough"])
        return follows_B & right_B & shifted_B & allowed_B

    def bayes_loss(self) -> float:
        """Mean nats per token of the best predictor."""
        p, n = float(np.asarray(self.share)), self.length
        silent_L = p * 0.5 ** np.arange(n)
        chance_L = 0.5 * silent_L / (silent_L + 1 - p)
        # Of rough texts, a rough form was seen before with 1 - 2^-l; then the form costs log 2.
        seen_L = p * (1 - 0.5 ** np.arange(n)) * np.log(2)
        rough_L = -0.5 * silent_L * np.log(np.where(chance_L > 0, chance_L, 1))
        clean_L = -(0.5 * silent_L + 1 - p) * np.log1p(-chance_L)
        word_L = np.log([self.words, *[FOLLOWERS] * (n - 1)])
        return float((word_L + seen_L + rough_L + clean_L).mean())

    def uniform_loss(self) -> float:
        """Nats of a uniform guess."""
        return float(np.log(self.vocab))


def examples() -> tuple[Task, ...]:
    """Small instances, for ``toylab check registers``."""
    return Registers(7, 5, share=0.4), Registers(6, 4, share=0.9)
