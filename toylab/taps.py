"""Taps: one call that both records and edits a model's activations.

A model calls ``x = tap("blocks/0/resid_post", x)`` at each of its named sites. The default tap is
the identity, and jit removes what nobody records. An :class:`Edit` is data, so it can be
printed, stored and vmapped. Edits are applied first, then the site is recorded.
"""

import dataclasses
import fnmatch
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
from jax import Array

from toylab.check.tokens import check_inputs
from toylab.errors import ToylabError, nearest
from toylab.trees import Recording, each_member, hashable, leading, over

Params = dict[str, Any]
Tap = Callable[[str, Array], Array]
OPS = ("set", "add", "scale", "project_out", "patch")


def identity(name: str, value: Array) -> Array:
    """The default tap: leave the activation as it is."""
    return value


@runtime_checkable
class Model(Protocol):
    """A pure function of a plain nested dict of parameters, with named sites.

    Models are frozen dataclasses; numeric fields may be replaced per member of a population.
    """

    @property
    def sites(self) -> tuple[str, ...]:
        """Every name the model taps, in the order in which it taps them."""
        ...

    def init(self, key: Array) -> Params:
        """Draw initial parameters."""
        ...

    def apply(self, params: Params, inputs: Array, tap: Tap = identity) -> Array:
        """Map inputs (B, ...) to outputs (B, ...), calling ``tap`` at every site."""
        ...


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Edit:
    """One change of an activation, as data.

    With activation ``x`` at ``site``, value ``v`` and mask ``w`` (1 where the edit applies):

    =========== =========================================================
    set         ``x <- v``
    add         ``x <- x + v``
    scale       ``x <- v * x``
    project_out ``x <- x - v v^T x / ||v||^2`` along the last axis
    patch       ``x <- v``, where ``v`` is a recorded activation of another run
    =========== =========================================================

    Args:
        site: exact name of one site.
        op: one of the operations above.
        value: array broadcastable to the activation.
        where: boolean array broadcastable to the activation, or None for everywhere.
    """

    site: str = dataclasses.field(metadata={"static": True})
    op: Literal["set", "add", "scale", "project_out", "patch"] = dataclasses.field(
        metadata={"static": True}
    )
    value: Any
    where: Any = None

    def __post_init__(self) -> None:
        if self.op not in OPS:
            raise ToylabError(f"Edit at {self.site}: op {self.op!r}; {nearest(self.op, OPS)}")

    def __call__(self, x: Array) -> Array:
        """Return the edited activation, of the same shape and dtype as ``x``."""
        v = jnp.asarray(self.value, x.dtype)
        self._check(x.shape)
        if self.op == "add":
            new = x + jnp.broadcast_to(v, x.shape)
        elif self.op == "scale":
            new = x * jnp.broadcast_to(v, x.shape)
        elif self.op == "project_out":
            v = jnp.broadcast_to(v, x.shape)
            along = jnp.sum(x * v, -1, keepdims=True) / jnp.sum(v * v, -1, keepdims=True)
            new = x - along * v
        else:
            new = jnp.broadcast_to(v, x.shape)
        if self.where is None:
            return new
        return jnp.where(jnp.broadcast_to(jnp.asarray(self.where, bool), x.shape), new, x)

    def _check(self, shape: tuple[int, ...]) -> None:
        """Refuse a value or a mask that does not fit an activation."""
        if self.op == "patch" and jnp.shape(self.value) != shape:
            raise ToylabError(
                f"Edit at {self.site}: a patch of shape {jnp.shape(self.value)} cannot replace an "
                f"activation of shape {shape}; record it on inputs of the same shape."
            )
        for name, part in (("value", self.value), ("mask where=", self.where)):
            own = jnp.shape(part) if part is not None else ()
            pairs = zip(own[::-1], shape[::-1], strict=False)
            if len(own) > len(shape) or any(n not in (1, size) for n, size in pairs):
                raise ToylabError(
                    f"Edit at {self.site}: a {name} of shape {own} does not broadcast to the "
                    f"activation's {shape}; give one that does, axis by axis from the last."
                )


# TransformerLens's names that are spelled otherwise here, and what has no site of its own.
SPELLED = (
    ("hook_", ""),
    (".", "/"),
    ("attn_scores", "attn/scores"),
    ("attn_out", "attn/out"),
    ("mlp_out", "mlp/out"),
    ("attn/attn/", "attn/"),
    ("ln_final/normalized", "final/norm"),
)
INSIDE = {
    "hook_pos_embed": ("embed", "which is hook_embed + hook_pos_embed"),
    "ln1.hook_": ("resid_pre", "what that norm reads; what it gives has no site"),
    "ln2.hook_": ("resid_mid", "what that norm reads; what it gives has no site"),
    "ln_final.hook_scale": ("final/norm", "what the final norm gives; its scale has no site"),
    "hook_attn_in": ("resid_pre", "which attention reads through its norm"),
    "hook_mlp_in": ("resid_mid", "which the MLP reads through its norm"),
    "_input": ("resid_pre", "which queries, keys and values read through one norm"),
    "attn.hook_result": ("attn/z", "which head h times w_o[h] is its result"),
    "attn.hook_rot_": ("attn/q", "and attn/k, before the rotation"),
}


def site_hint(name: str, sites: Sequence[str]) -> str:
    """Return what an unknown site may have meant; TransformerLens's names are known.

    Example:
        >>> sites = ("embed", "blocks/0/attn/pattern", "blocks/1/attn/pattern")
        >>> site_hint("blocks.0.attn.hook_pattern", sites)
        "'blocks/0/attn/pattern' here."
        >>> site_hint("hook_pos_embed", sites)
        "it has no site here; nearest is 'embed', which is hook_embed + hook_pos_embed."
    """
    known = {theirs: told for theirs, told in INSIDE.items() if theirs in name}
    for ours, remark in known.values():
        block = re.match(r"blocks[./]([^./]+)[./]", name)
        site = f"blocks/{block[1]}/{ours}" if block else ours
        if fnmatch.filter(sites, site):
            return f"it has no site here; nearest is {site!r}, {remark}."
    here = name
    for theirs, ours in SPELLED:
        here = here.replace(theirs, ours)
    hits = fnmatch.filter(sites, here)
    if here == name or not hits:
        return nearest(name, sites)
    several = "" if hits[0] == here else f", {len(hits)} sites from {hits[0]!r} on"
    return f"{here!r} here{several}."


def select_sites(model: Model, patterns: Sequence[str]) -> tuple[str, ...]:
    """Return the model's sites that match any of the glob patterns, in the model's order.

    Raises:
        ToylabError: a pattern matches nothing; the nearest site names are offered.
    """
    chosen: set[str] = set()
    for pattern in patterns:
        hits = fnmatch.filter(model.sites, pattern)
        if not hits:
            raise ToylabError(f"Unknown site {pattern!r}: {site_hint(pattern, model.sites)}")
        chosen.update(hits)
    return tuple(s for s in model.sites if s in chosen)


def run(
    model: Model,
    params: Params,
    inputs: Array,
    record: Sequence[str] = (),
    edits: Sequence[Edit] = (),
) -> tuple[Array, Recording]:
    """Run a model, or a population of it, on a batch, editing and recording activations.

    Args:
        model: the model.
        params: its parameters: of one member, of a population (P leading), or of a population at
            several snapshots.
        inputs: a batch of inputs, (B, ...), for all of them.
        record: glob patterns of sites to record, as in ``("blocks/*/resid_post",)``.
        edits: edits, applied in the order given, before recording.

    Returns:
        The outputs, and ``{site: activation}`` for every recorded site, with the leading axes of
        the parameters; printed, it shows the axes (:class:`toylab.trees.Recording`).

    Raises:
        ToylabError: an unknown site, in ``record`` or in an edit; tokens outside the vocabulary;
            parameters of another model.

    Example:
        >>> import jax
        >>> from toylab.models import Autoencoder
        >>> model = Autoencoder(n_features=5, n_hidden=2)
        >>> x = jax.numpy.ones((3, 5))
        >>> out, acts = run(model, model.init(jax.random.key(0)), x, record=("hidden",))
        >>> acts["hidden"].shape
        (3, 2)
    """
    sites, lead = select_sites(model, record), leading(model, params)
    editing(model, edits)  # refuses unknown sites
    owner = f"run of {type(model).__name__}"
    check_inputs(owner, model, inputs)
    inputs = jnp.asarray(inputs) if isinstance(inputs, list) else inputs
    if lead and hashable(model):  # one program, which is kept for the next call
        return each_member(owner, _recorded, (model, sites), lead, params, inputs, tuple(edits))
    return over(owner, partial(_recorded, model, sites), lead)(params, inputs, edits)


def _recorded(
    model: Model, sites: tuple[str, ...], params: Params, inputs: Array, edits: Sequence[Edit]
) -> tuple[Array, Recording]:
    """Outputs and activations of one network."""
    edit, acts = editing(model, edits), {}

    def tap(name: str, value: Array) -> Array:
        value = edit(name, value)
        if name in sites:
            acts[name] = value
        return value

    outputs = model.apply(params, inputs, tap)
    axes = getattr(model, "axes", {})
    return outputs, Recording(acts, {s: n for s, n in axes.items() if s in acts})


def editing(model: Model, edits: Sequence[Edit]) -> Tap:
    """Return the tap that applies edits, in the order given, and records nothing.

    Raises:
        ToylabError: an unknown site.
    """
    for edit in edits:
        if edit.site not in model.sites:
            raise ToylabError(f"Unknown site {edit.site!r}: {site_hint(edit.site, model.sites)}")

    def tap(name: str, value: Array) -> Array:
        for edit in edits:
            if edit.site == name:
                value = edit(value)
        return value

    return tap
