"""A transformer whose weights are compiled from a program, so that its circuit is known.

The stream has one subspace for each variable of the program (:mod:`.program`), in which a value is
a unit vector and none is zero. Tokens come after a first token of their own, BOS. An aggregate is
a head: query and key meet in the query's values,

    score(i, j) = S allowed[q_i, k_j],    score(i, BOS) = S / 2,

so that a query which finds nothing rests on BOS, where no variable has a value. A map is a unit of
the MLP for all values of its inputs, ``relu(2 (x_1 + ... + x_n) - 2n + 1)``, 1 if each is there.
Constants stand in biases, which no part of the network writes. All else is noise.

Source: Lindner et al. 2023 (2301.05062), tracr, section 3; margins and layout are ours.
"""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree

from toylab import random
from toylab.errors import ToylabError, check_number
from toylab.models.transformer import Transformer
from toylab.models.wired.program import Aggregate, Map, Program
from toylab.taps import Params
from toylab.task import Number

SHARP = 16.0  # S: the rest on BOS leaks exp(-S / 2)
Edge = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Compiled(Transformer):
    """A program among heads and weights of noise; make it with :meth:`of`.

    Inputs are BOS, the last token of the vocabulary, and then the program's tokens; the logits are
    those of the answer's values.

    Args:
        program: what it computes.
        noise: standard deviation of what is added to every weight; may differ per member.

    Example:
        >>> copy, before = Program(5, 4), lambda q, k: k == q - 1
        >>> model = Compiled.of(copy.aggregate("copy", "position", "position", "token", before))
        >>> params = model.init(jax.random.key(0))
        >>> int(model.apply(params, jnp.array([[5, 3, 0, 1, 2]]))[0, -1].argmax())
        1
        >>> sorted(model.edges() - model.edges(fixed=False))
        [('embed', 'a0.h0<k>'), ('embed', 'a0.h0<q>')]
    """

    program: Program = dataclasses.field(kw_only=True)
    noise: Number = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("Compiled", "noise", self.noise, 0)

    @classmethod
    def of(cls, program: Program, heads: int = 1, noise: Number = 0.0) -> "Compiled":
        """Return the model of a program, with at least ``heads`` in each of its layers.

        Raises:
            ToylabError: a program without statements.
        """
        check_number("Compiled", "heads", heads, 1, whole=True)
        if not program.statements:
            raise ToylabError("Compiled: the program has no statement; add one that answers.")
        layout = Layout.of(program)
        heads = max(heads, *layout.heads.values())
        sizes = [program.sizes[s.query] + 1 for s in layout.aggregates]
        sizes += [s.size for s in layout.aggregates]
        settings = {"hidden": max(layout.units.values()), "biases": True, "noise": noise}
        settings |= {"head_dim": max(sizes, default=1), "n_out": program.sizes[program.answer]}
        shape = program.tokens + 1, program.length + 1, layout.width, layout.depth, heads
        return cls(*shape, **settings, program=program)

    def edges(self, fixed: bool = True) -> set[Edge]:
        """Return the edges by which the answer is computed, as the program's data flows.

        Data flow is all that is asked: a map that ignores an input has its edge all the same. Keys
        by which heads find BOS are no variable, and no edge.

        Args:
            fixed: also those that carry what the position alone decides. They are part of the
                circuit, but no corruption of tokens passes through them.

        Returns:
            ``(writer, reader)``, named as in :mod:`toylab.analysis.circuits.given.parts`.
        """
        program, layout = self.program, Layout.of(self.program)
        used, carried = program.used(), set(program.sizes) if fixed else program.varying()
        reads = [(program.answer, "logits")]
        for statement in program.statements:
            place, marks = layout.writers[statement.name], [""] * len(statement.inputs)
            marks = ["<q>", "<k>", "<v>"] if isinstance(statement, Aggregate) else marks
            named = zip(statement.inputs, marks, strict=True)
            reads += [(v, place + mark) for v, mark in named if statement.name in used]
        return {(layout.writers[v], reader) for v, reader in reads if v in carried}

    def init(self, key: Array) -> Params:
        """Draw the noise, and add the program's weights."""
        shapes = jax.eval_shape(super().init, key)
        planted = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), shapes)
        _plant(self, planted)
        flat, whole = ravel_pytree(planted)
        noise = random.normal(key, flat.shape) * jnp.asarray(self.noise, jnp.float32)
        return whole(flat + noise)

    def _static(self) -> Transformer:
        return dataclasses.replace(super()._static(), noise=0.0)


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where the statements of a program stand: each in the first layer that can read its inputs.

    Attributes:
        program: the program.
        slots: when each variable is there: 2l after attention l, 2l + 1 after MLP l, -1 at first.
        writers: the part that writes each variable.
        starts: the first dimension of each variable; 0 is BOS.
        heads, units: how many each layer takes.
    """

    program: Program
    slots: dict[str, int]
    writers: dict[str, str]
    starts: dict[str, int]
    heads: dict[int, int]
    units: dict[int, int]

    @classmethod
    def of(cls, program: Program) -> "Layout":
        """Lay out a program."""
        slots = {"token": -1, "position": -1}
        writers = {"token": "embed", "position": "embed"}
        for statement in program.statements:
            ready = 1 + max(slots[name] for name in statement.inputs)
            slots[statement.name] = ready + (ready % 2 != isinstance(statement, Map))
        layers = range(1 + max(slots.values()) // 2)
        heads, units = dict.fromkeys(layers, 0), dict.fromkeys(layers, 0)
        for statement in program.statements:
            layer = slots[statement.name] // 2
            if isinstance(statement, Aggregate):
                writers[statement.name] = f"a{layer}.h{heads[layer]}"
                heads[layer] += 1
            else:
                writers[statement.name] = f"m{layer}"
                units[layer] += len(statement.outputs)
        ends = itertools.accumulate(program.sizes.values(), initial=1)
        return cls(
            program, slots, writers, dict(zip(program.sizes, ends, strict=False)), heads, units
        )

    @property
    def width(self) -> int:
        """Dimensions of the stream."""
        return 1 + sum(self.program.sizes.values())

    @property
    def depth(self) -> int:
        """Number of layers."""
        return len(self.heads)

    @property
    def aggregates(self) -> list[Aggregate]:
        """The statements that are heads."""
        return [s for s in self.program.statements if isinstance(s, Aggregate)]

    def rows(self, name: str) -> np.ndarray:
        """Return the dimensions of a variable, one for each value."""
        return self.starts[name] + np.arange(self.program.sizes[name])


def _plant(model: Compiled, params: Params) -> None:
    """Add the program's weights."""
    layout, program = Layout.of(model.program), model.program
    tokens, places = params["embed"]["embedding"], params["positions"]["embedding"]
    tokens[-1, 0] = 1
    tokens[np.arange(program.tokens), layout.rows("token")] = 1
    places[1 + np.arange(program.length), layout.rows("position")] = 1
    answer = layout.rows(program.answer)
    params["unembed"]["kernel"][answer, np.arange(len(answer))] = SHARP
    filled = dict.fromkeys(layout.units, 0)
    for statement in program.statements:
        layer = layout.slots[statement.name] // 2
        block = params["blocks"][str(layer)]
        if isinstance(statement, Aggregate):
            sharp = float(SHARP * model.key_dim**0.5) ** 0.5  # scores are divided by sqrt(K)
            _plant_head(layout, block["attn"], statement, sharp)
        else:
            _plant_units(layout, block["mlp"], statement, filled[layer])
            filled[layer] += len(statement.outputs)


def _plant_head(layout: Layout, attn: Params, statement: Aggregate, sharp: float) -> None:
    head = int(layout.writers[statement.name].split(".h")[1])
    query, key, value = map(layout.rows, statement.inputs)
    along, rest = np.arange(len(query)), len(query)
    attn["w_q"][query, head, along] = sharp
    attn["w_k"][key, head, :rest] = sharp * np.transpose(statement.allowed)
    attn["b_q"][head, rest] = sharp
    attn["w_k"][0, head, rest] = sharp / 2
    attn["w_v"][value, head, np.arange(len(value))] = 1
    attn["w_o"][head, np.arange(len(value)), layout.rows(statement.name)] = 1


def _plant_units(layout: Layout, mlp: Params, statement: Map, first: int) -> None:
    values = itertools.product(*map(layout.rows, statement.inputs))
    for unit, (rows, output) in enumerate(zip(values, statement.outputs, strict=True), first):
        for row in rows:
            mlp["up"]["kernel"][row, unit] += 2
        mlp["up"]["bias"][unit] = 1 - 2 * len(rows)
        mlp["down"]["kernel"][unit, layout.rows(statement.name)[output]] = 1
