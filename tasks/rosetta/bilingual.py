"""Facts told in two languages: some in both, most in one, to be asked for in the other.

Every entity has a value of every attribute. A fact is told as ``tag subject attribute -> value``. A
parallel fact is told in both languages, never side by side; any other in one, and the network is
asked for it in the other. How much it matters which language it is in is set by numbers that may
differ per member: whether languages share tokens of subjects and of values, whether a tag names the
language, and how far a fact's value depends on the language that it is told in.

Source: after Blum et al. 2025 (arXiv:2508.11017), whose sizes are not given; the numbers here are
this laboratory's.

Shape suffixes: F facts (attributes vary fastest), E entities, A attributes, 2 languages.
"""

import dataclasses
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.core import Tracer
from jaxtyping import Bool, Float, Int

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.task import Batch, Number, Task

SUBJECT, PLAIN = 1, 0  # place of the subject; the tag that names no language


class Facts(NamedTuple):
    """The facts of a world, and each as a question in both languages.

    Attributes:
        value: of each fact (F,).
        parallel: whether it is told in both languages (F,).
        home: the one language, 0 or 1, that another fact is told in (F,).
        inputs: tag, subject and attribute (2, F, 3).
        targets: the token that is right (2, F).
        told: whether the fact is told in the language, which is what training draws from (2, F).
        asked: whether it is not, though subject and attribute occur in the language (2, F).
    """

    value: Int[Array, " F"]
    parallel: Bool[Array, " F"]
    home: Int[Array, " F"]
    inputs: Int[Array, "2 F 3"]
    targets: Int[Array, "2 F"]
    told: Bool[Array, "2 F"]
    asked: Bool[Array, "2 F"]


@dataclasses.dataclass(frozen=True)
class Bilingual(Task):
    """Facts in two languages. Inputs (3,): tag, subject, attribute; the target is the value, ().

    Tokens are the first language's subjects, the second's, attributes of the first, of the second,
    and three tags. An example is a fact, drawn evenly, in a language that it is told in.

    The facts hang on ``world`` alone, and each setting changes no more than it says: a parallel
    fact stays one where the share grows, and the value that it leaves or takes is the same.
    Latents: ``fact``, ``language`` and ``value``, each ().

    Args:
        entities: number of them E.
        attributes: number of them A.
        values: number of them, even.
        world: number of the world, from which values and languages are drawn. It and all below may
            differ per member.
        parallel: share of the facts that are told in both languages.
        bias: how likely a fact told in one language has a value from that language's half of them;
            otherwise the value is any. Parallel facts have any.
        shared: share of the entities whose subject is one token in both languages.
        tag: 1 if the tag names the language, 0 if it is always the same.
        apart: 1 if the second language has tokens of its own for values, 0 if it shares them.
        moved: by how many entities the second language's names are moved on, so that one name
            means different entities; 0 leaves them.

    Raises:
        ToylabError: an odd number of values, all facts or less than one fact parallel.

    Example:
        >>> Bilingual().example(jax.random.key(0)).inputs.shape
        (3,)
    """

    entities: int = 40
    attributes: int = 6
    values: int = 8
    world: Number = 0
    parallel: Number = 0.3
    bias: Number = 0.0
    shared: Number = 1.0
    tag: Number = 0
    apart: Number = 0
    moved: Number = 0

    def __post_init__(self) -> None:
        for field, low in (("entities", 2), ("attributes", 2), ("values", 2)):
            check_number("Bilingual", field, getattr(self, field), low, 10_000, whole=True)
        if self.values % 2:
            raise ToylabError(
                f"Bilingual: values = {self.values} is odd; each language has half of them, so "
                "give an even number."
            )
        check_number("Bilingual", "world", self.world, 0, 2**24, whole=True)
        for field in ("parallel", "bias", "shared"):
            check_number("Bilingual", field, getattr(self, field), 0, 1)
        for field in ("tag", "apart"):
            check_number("Bilingual", field, getattr(self, field), 0, 1, whole=True)
        check_number("Bilingual", "moved", self.moved, 0, self.entities - 1, whole=True)
        self._check_parallel()

    def _check_parallel(self) -> None:
        if isinstance(self.parallel, Tracer):
            return
        expected = float(np.asarray(self.parallel)) * self.size
        if float(np.asarray(self.parallel)) == 1:
            raise ToylabError(
                "Bilingual: parallel = 1 tells all facts in both languages, so that none is left "
                "to ask for; give less."
            )
        if 0 < expected < 1:
            raise ToylabError(
                f"Bilingual: parallel = {self.parallel} of {self.size} facts is less than one; "
                f"give 0, or {1 / self.size:.2g} and more."
            )

    @property
    def size(self) -> int:
        """Number of facts F."""
        return self.entities * self.attributes

    @property
    def vocab(self) -> int:
        """Number of tokens: subjects and attributes in both languages, and three tags."""
        return 2 * (self.entities + self.attributes) + 3

    @property
    def n_out(self) -> int:
        """Number of logits: values in both languages' tokens."""
        return 2 * self.values

    def facts(self) -> Facts:
        """Return the world of these settings; they may be traced."""
        e, a, v = self.entities, self.attributes, self.values
        key = random.stream(jnp.asarray(self.world).astype(jnp.uint32), "facts")
        u_4F = random.once(random.uniform(key, (4, self.size)))
        u_E = random.once(random.uniform(random.fold_in(key, 1), (e,)))
        parallel_F = u_4F[0] < jnp.asarray(self.parallel, jnp.float32)
        home_F = (u_4F[1] < 0.5).astype(jnp.int32)
        value_F = random.pick(u_4F[2], jnp.int32(v))
        own_F = value_F % (v // 2) + v // 2 * home_F
        leans_F = (u_4F[3] < jnp.asarray(self.bias, jnp.float32)) & ~parallel_F
        value_F = jnp.where(leans_F, own_F, value_F)
        language_21 = jnp.arange(2, dtype=jnp.int32)[:, None]
        told_2F = parallel_F[None] | (home_F[None] == language_21)
        inputs_2F3 = self._spell(u_E < jnp.asarray(self.shared, jnp.float32))
        apart = jnp.asarray(self.apart).astype(jnp.int32)
        targets_2F = value_F[None] + v * apart * language_21
        seen_2EA = told_2F.reshape(2, e, a)
        occurs_2EA = seen_2EA.any(2, keepdims=True) & seen_2EA.any(1, keepdims=True)
        asked_2F = ~told_2F & occurs_2EA.reshape(2, -1)
        return Facts(value_F, parallel_F, home_F, inputs_2F3, targets_2F, told_2F, asked_2F)

    def _spell(self, same_E: Array) -> Array:
        """Every fact as a question in both languages, (2, F, 3)."""
        e, a, shape = self.entities, self.attributes, (2, self.entities, self.attributes)
        first_E = jnp.arange(e, dtype=jnp.int32)
        named_E = (first_E + jnp.asarray(self.moved).astype(jnp.int32)) % e
        subject_2E = jnp.stack([first_E, jnp.where(same_E[named_E], named_E, e + named_E)])
        language_2 = jnp.arange(2, dtype=jnp.int32)
        attribute_2A = 2 * e + jnp.arange(2 * a, dtype=jnp.int32).reshape(2, a)
        tag_2 = 2 * (e + a) + jnp.asarray(self.tag).astype(jnp.int32) * (1 + language_2)
        parts = (tag_2[:, None, None], subject_2E[:, :, None], attribute_2A[:, None])
        spread = [jnp.broadcast_to(part, shape).reshape(2, -1) for part in parts]
        return jnp.stack(spread, -1)

    def example(self, key: Array) -> Batch:
        """Draw a fact, in a language that it is told in."""
        return jax.tree.map(lambda leaf: leaf[0], self.batch(key, 1))

    def batch(self, key: Array, size: int) -> Batch:
        """Draw facts at even distances from a random place; as many as there are are each once."""
        facts = self.facts()
        u_B = random.once(random.uniform(key, (size + 1,)))
        place_B = (jnp.arange(size, dtype=jnp.float32) + u_B[0]) * (self.size / size)
        fact_B = jnp.minimum(place_B.astype(jnp.int32), self.size - 1)
        either_B = (u_B[1:] < 0.5).astype(jnp.int32)
        language_B = jnp.where(facts.parallel[fact_B], either_B, facts.home[fact_B])
        latents = {"fact": fact_B, "language": language_B, "value": facts.value[fact_B]}
        inputs_B3, targets_B = facts.inputs[language_B, fact_B], facts.targets[language_B, fact_B]
        return Batch(inputs_B3, targets_B, jnp.ones(size, jnp.float32), latents)

    def consistent(self, batch: Batch) -> np.ndarray:
        """Whether the fact is told in the language, spelt as it is, and the target its value."""
        facts = jax.tree.map(np.asarray, self.facts())
        fact_B, language_B = (np.asarray(batch.latents[name]) for name in ("fact", "language"))
        at_B = language_B, fact_B
        spelt_B = (np.asarray(batch.inputs) == facts.inputs[at_B]).all(-1)
        right_B = np.asarray(batch.targets) == facts.targets[at_B]
        value_B = np.asarray(batch.latents["value"]) == facts.value[fact_B]
        return facts.told[at_B] & spelt_B & right_B & value_B

    def enumerate(self) -> Batch:
        """Every fact in every language that it is told in."""
        facts = jax.tree.map(np.asarray, self.facts())
        language_B, fact_B = np.nonzero(facts.told)
        at_B = language_B, fact_B
        latents = {"fact": fact_B, "language": language_B, "value": facts.value[fact_B]}
        latents = {name: jnp.asarray(leaf, jnp.int32) for name, leaf in latents.items()}
        weights_B = jnp.ones(len(fact_B), jnp.float32)
        told = jnp.asarray(facts.inputs[at_B]), jnp.asarray(facts.targets[at_B])
        return Batch(*told, weights_B, latents)

    def bayes_loss(self) -> float:
        """0: a told fact has one value. Not where names mean two entities."""
        return 0.0

    def uniform_loss(self) -> float:
        """The log of the number of values' tokens."""
        return math.log(self.n_out)


def information(bias: Float[np.ndarray, "*n"] | float) -> np.ndarray:
    """Bits that the half of a one-language fact's value holds about its language.

    ``1 - h((1 + bias) / 2)``: the half is the language's own with chance ``(1 + bias) / 2``, both
    languages are as likely, and h is the entropy of a coin in bits.

    Args:
        bias: in [0, 1].

    Example:
        >>> information(np.array([0.0, 0.5, 1.0])).round(3).tolist()
        [0.0, 0.189, 1.0]
    """
    p = (1 + np.asarray(bias, np.float64)) / 2
    share = np.stack([p, 1 - p])
    return 1 + (share * np.log2(np.where(share > 0, share, 1))).sum(0)


def examples() -> tuple[Task, ...]:
    """Small tasks, for the conformance suite."""
    return (
        Bilingual(6, 3, 4, world=3, bias=0.5, shared=0.5),
        Bilingual(5, 2, 2, tag=1, apart=1, parallel=0.5),
    )
