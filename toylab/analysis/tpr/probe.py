"""Tensor-product-representation probes: readouts of a table of entities from one activation.

The latent is a table: each of S entities (squares of a board, slots of a list) is in one of C
classes. A plain linear probe has a weight vector per entity and class, W (D, S, C), and its logits
are ``x . W[:, s, c]``. A tensor-product probe builds the same W of few parts,

    W[:, s, c] = sum_{r,f} M[:, r, f] role_s[r] filler_c[f],

so that ``B = M(x)`` is a matrix of R x F numbers in which every entity's role is bound to its
filler, and ``logit[s, c] = role_s . B filler_c``. In the trilinear probe entities lie on a grid
and a role is itself a product, ``role_ij = u_i (x) v_j``.

Two things to bear in mind when reading accuracies. Softmax sees differences between classes only:
C - 1 fillers lose nothing, so that a probe with ``R = S`` and ``F = C - 1`` is the linear probe
written otherwise, with (C - 1) / C of its parameters; so is a trilinear one with as many row and
column roles as rows and columns. Compression starts below that. And any W of low rank has few
parameters: :func:`low_rank` is the control without roles and fillers, ``frozen`` the one whose
roles are random and not learned. :mod:`toylab.analysis.tpr.fit` fits probes,
:mod:`toylab.analysis.tpr.analysis` compares them and reads their geometry.

Source: Smolensky 1990; Lee, Viégas and Wattenberg 2026 (arXiv:2605.09967).
"""

import dataclasses
import math
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, Int

from toylab.errors import ToylabError, check_number

Params = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Form:
    """What a probe's weights are made of; see the functions that make one.

    Attributes:
        grid: number of entities, or the sides of the grid they lie on.
        classes: C.
        roles: width of the role vectors, one per side of the grid; empty for a linear probe.
        fillers: F, width of the filler vectors; 0 for a linear probe.
        rank: of a low-rank linear probe; 0 for none.
        bias: whether every entity and class has a constant.
        frozen: the role vectors stay as they are drawn.
    """

    grid: tuple[int, ...]
    classes: int
    roles: tuple[int, ...] = ()
    fillers: int = 0
    rank: int = 0
    bias: bool = False
    frozen: bool = False

    def __post_init__(self) -> None:
        sizes = {"grid": self.grid, "roles": self.roles, "classes": (self.classes,)}
        for field, values in sizes.items():
            for value in values:
                check_number("Form", field, value, low=2 if field == "classes" else 1, whole=True)
        check_number("Form", "rank", self.rank, low=0, whole=True)
        check_number("Form", "fillers", self.fillers, low=1 if self.roles else 0, whole=True)
        if not self.grid or (self.roles and len(self.roles) != len(self.grid)):
            raise ToylabError(
                f"Form: roles = {self.roles} for entities {self.grid}; give one width per side."
            )

    @property
    def entities(self) -> int:
        """S, the number of entities."""
        return math.prod(self.grid)

    def parameters(self, width: int) -> int:
        """Count the parameters of a probe of activations of width D.

        Example:
            >>> linear(64, 3).parameters(512), bilinear(64, 3, 52, 2).parameters(512)
            (98304, 56582)
            >>> trilinear((8, 8), 3, (8, 8), 2).parameters(512)
            65670
        """
        cells = self.entities * self.classes
        count = cells if self.bias else 0
        if self.roles:
            parts = sum(n * r for n, r in zip(self.grid, self.roles, strict=True))
            count += width * math.prod(self.roles) * self.fillers
            return count + parts + self.classes * self.fillers
        return count + (self.rank * (width + cells) if self.rank else width * cells)


def linear(entities: int, classes: int, *, bias: bool = False) -> Form:
    """The plain linear probe, D S C parameters."""
    return Form((entities,), classes, bias=bias)


def low_rank(entities: int, classes: int, rank: int, *, bias: bool = False) -> Form:
    """A linear probe of a given rank, trained as such: rank (D + S C) parameters."""
    check_number("low_rank", "rank", rank, low=1, whole=True)
    return Form((entities,), classes, rank=rank, bias=bias)


def bilinear(entities: int, classes: int, roles: int, fillers: int, *, bias: bool = False) -> Form:
    """A role vector per entity and a filler vector per class: D R F + S R + C F parameters."""
    return Form((entities,), classes, (roles,), fillers, bias=bias)


def trilinear(
    grid: tuple[int, int], classes: int, roles: tuple[int, int], fillers: int, *, bias: bool = False
) -> Form:
    """A role vector per row, one per column and a filler vector per class."""
    return Form(grid, classes, roles, fillers, bias=bias)


def matched_rank(form: Form, width: int) -> int:
    """Rank of the low-rank linear probe whose count of parameters comes nearest to a form's."""
    cells = form.entities * form.classes
    return max(1, round(form.parameters(width) / (width + cells)))


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class TensorProbe:
    """Fitted probes; every array has the fit's leading axes.

    Attributes:
        params: NumPy arrays. ``binding`` M is (..., D, R F), ``roles`` a list of (..., side,
            width), ``fillers`` (..., C, F). A linear probe has ``binding`` (..., D, C S) alone,
            one of low rank ``binding`` (..., D, k) and ``readout`` (..., k, C S). Perhaps
            ``bias`` (..., C S).
        loss: (...), mean cross-entropy per entity in nats over the last tenth of the fit.
        form: what the weights are made of.
    """

    params: Params
    loss: Any
    form: Form = dataclasses.field(metadata={"static": True})

    def at(self, *index: int) -> Self:
        """Return the probe at an index of the leading axes."""
        return jax.tree.map(lambda leaf: leaf[index], self)

    @property
    def roles(self) -> Float[np.ndarray, "*lead S R"]:
        """Role vectors of the entities; a grid's are products of its sides'."""
        return role_table(self.params["roles"])

    @property
    def weight(self) -> Float[np.ndarray, "*lead D S C"]:
        """The linear probe that this one amounts to."""
        flat = flat_weight(self.params, self.form)
        table = flat.reshape(*flat.shape[:-1], self.form.classes, self.form.entities)
        return np.moveaxis(table, -2, -1)

    def scores(self, x: Float[Array, "*#lead N D"]) -> Float[Array, "*lead N S C"]:
        """Return class logits of activations."""
        x = jnp.asarray(x, jnp.float32)
        width = self.params["binding"].shape[-2]
        if x.ndim not in (2, self.loss.ndim + 2) or x.shape[-1] != width:
            raise ToylabError(f"TensorProbe: x has shape {x.shape}; give (..., N, {width}).")
        return _scores(self, x)

    def predict(self, x: Float[Array, "*#lead N D"]) -> Int[Array, "*lead N S"]:
        """Return every entity's likeliest class."""
        return jnp.argmax(self.scores(x), -1).astype(jnp.int32)


@jax.jit
def _scores(probe: TensorProbe, x: Array) -> Array:
    flat = flat_weight(probe.params, probe.form, jnp)
    logits = jnp.einsum("...nd,...dt->...nt", x, flat)
    if "bias" in probe.params:
        logits = logits + jnp.broadcast_to(probe.params["bias"][..., None, :], logits.shape)
    table = logits.reshape(*logits.shape[:-1], probe.form.classes, probe.form.entities)
    return jnp.moveaxis(table, -2, -1)


# Compiling a product takes longer than NumPy does, so that only a fit and ``scores`` use JAX.


def role_table(roles: list[Any], xp: Any = np) -> Any:
    """Role vectors of all entities (..., S, R), of those of the sides of their grid."""
    table = roles[0]
    for side in roles[1:]:
        product = xp.einsum("...ia,...jb->...ijab", table, side)
        rows, wide = table.shape[-2] * side.shape[-2], table.shape[-1] * side.shape[-1]
        table = product.reshape(*product.shape[:-4], rows, wide)
    return table


def readout(params: Params, xp: Any = np) -> Any:
    """What turns the bound numbers B into logits (..., R F, C S): products of roles and fillers."""
    table = role_table(params["roles"], xp)
    product = xp.einsum("...sr,...cf->...rfcs", table, params["fillers"])
    lead, (r, f, c, s) = product.shape[:-4], product.shape[-4:]
    return product.reshape(*lead, r * f, c * s)


def flat_weight(params: Params, form: Form, xp: Any = np) -> Any:
    """The linear probe's weights (..., D, C S), entity by entity within each class.

    Classes come first, as a softmax over three neighbours in memory is several times slower.
    """
    if form.roles:
        return params["binding"] @ readout(params, xp)
    return params["binding"] @ params["readout"] if form.rank else params["binding"]
