"""A transformer whose circuit is known, because its weights are set by hand: induction.

Two layers without norm or MLP. Head 0 of layer 0 attends one position back and copies the token it
finds into a subspace of its own; head 0 of layer 1 looks for positions where that copy is the
present token, and answers with the token that stands there: ``... A B ... A`` gives ``B``. All
other heads are small noise. So the edges that carry the behaviour are known, and a tool that looks
for them can be marked right or wrong.

Source: Olsson et al. 2022, In-context Learning and Induction Heads; the weights are set here.
"""

import dataclasses
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from toylab.errors import check_number
from toylab.models.transformer import Transformer
from toylab.taps import Params
from toylab.task import Number

SHARP = 12.0  # score between matching query and key; others score about 0


@dataclasses.dataclass(frozen=True)
class PlantedInduction(Transformer):
    """An induction circuit among heads of noise; make it with :meth:`of`.

    The stream has four subspaces: the token, the position, the copy of the previous token, and the
    answer, which alone is unembedded.

    Args:
        noise: standard deviation of every weight besides the planted ones; may differ per member.

    Attributes:
        edges: those of the circuit, ``(writer, reader)`` as in
            :mod:`toylab.analysis.circuits.given.parts`.

    Example:
        >>> model = PlantedInduction.of()
        >>> params = model.init(jax.random.key(0))
        >>> int(model.apply(params, jnp.array([[3, 5, 1, 0, 3]]))[0, -1].argmax())
        5
    """

    noise: Number = 0.02
    edges: ClassVar[tuple[tuple[str, str], ...]] = (
        ("embed", "a0.h0<q>"),
        ("embed", "a0.h0<k>"),
        ("embed", "a0.h0<v>"),
        ("embed", "a1.h0<q>"),
        ("a0.h0", "a1.h0<k>"),
        ("embed", "a1.h0<k>"),
        ("embed", "a1.h0<v>"),
        ("a1.h0", "logits"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("PlantedInduction", "noise", self.noise, 0)

    @classmethod
    def of(
        cls, vocab: int = 8, length: int = 12, heads: int = 3, noise: Number = 0.02
    ) -> "PlantedInduction":
        """Return the model of a vocabulary and a length, with ``heads`` in each of its layers."""
        check_number("PlantedInduction", "vocab", vocab, 2, whole=True)
        check_number("PlantedInduction", "length", length, 3, whole=True)
        width, head_dim = 3 * vocab + length, max(vocab, length)
        return cls(vocab, length, width, 2, heads, head_dim, noise=noise)

    def init(self, key: Array) -> Params:
        """Draw the noise, and add the planted weights."""
        leaves, tree = jax.tree.flatten(jax.eval_shape(super().init, key))
        noise = jnp.asarray(self.noise, jnp.float32)
        draw = lambda k, leaf: noise * jax.random.normal(k, leaf.shape, jnp.float32)
        params = tree.unflatten(map(draw, jax.random.split(key, len(leaves)), leaves))
        self._plant(params)
        return params

    def _plant(self, params: Params) -> None:
        """Add the circuit's weights."""
        token, rows = jnp.arange(self.vocab), jnp.arange(self.length)
        place = self.vocab + rows
        copy = self.vocab + self.length + token
        answer = copy + self.vocab
        sharp = (SHARP * self.key_dim**0.5) ** 0.5  # the score is divided by sqrt(K)
        first, second = (params["blocks"][layer]["attn"] for layer in "01")
        plant = lambda into, name, *at, by=1.0: into.update({name: into[name].at[at].add(by)})
        plant(params["embed"], "embedding", token, token)
        plant(params["positions"], "embedding", rows, place)
        plant(params["unembed"], "kernel", answer, token, by=SHARP)
        plant(first, "w_q", place[1:], 0, rows[:-1], by=sharp)
        plant(first, "w_k", place, 0, rows, by=sharp)
        plant(first, "w_v", token, 0, token)
        plant(first, "w_o", 0, token, copy)
        plant(second, "w_q", token, 0, token, by=sharp)
        plant(second, "w_k", copy, 0, token, by=sharp)
        # Position 0 has none before it and copies itself; it must match no query.
        plant(second, "w_k", place[0], 0, token, by=-sharp)
        plant(second, "w_v", token, 0, token)
        plant(second, "w_o", 0, token, answer)

    def _static(self) -> Transformer:
        return dataclasses.replace(super()._static(), noise=0.0)
