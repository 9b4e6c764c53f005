"""Trees of arrays, flat and nested, and the leading axes that a population gives them."""

import functools
import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.sharding import NamedSharding, PartitionSpec

from toylab.check.memory import check_memory, memory
from toylab.errors import ToylabError

TILES = (4, 6, 5, 8, 7, 3)  # members at once; on a CPU two-layer transformers run fastest so
MOST = 2**18  # times the bytes of its inputs, more than any model's activations take


def flatten(tree: Any) -> dict[str, np.ndarray]:
    """Return ``{"a/b/c": array}`` of a nested dict, or of any pytree."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


def unflatten(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return the nested dict of flat ``a/b/c`` names."""
    tree: dict[str, Any] = {}
    for name, leaf in flat.items():
        *folders, last = name.split("/")
        node = tree
        for folder in folders:
            node = node.setdefault(folder, {})
        node[last] = leaf
    return tree


def leading(model: Any, params: Any) -> tuple[int, ...]:
    """Return the leading axes that parameters have beyond one member's: () for one member.

    Args:
        model: anything with ``init(key)``.
        params: parameters of one member, of a population (P,), or of a population at several
            snapshots, in any order of the axes.

    Raises:
        ToylabError: a parameter whose shape is not that of the model; both shapes are told.

    Example:
        >>> from toylab.models import Autoencoder
        >>> model = Autoencoder(n_features=5, n_hidden=2)
        >>> params = jax.vmap(model.init)(jax.random.split(jax.random.key(0), 3))
        >>> leading(model, model.init(jax.random.key(0))), leading(model, params)
        ((), (3,))
    """
    expected = {name: leaf.shape for name, leaf in flatten(drawn_shapes(model)).items()}
    found = {name: tuple(jnp.shape(leaf)) for name, leaf in flatten(params).items()}
    owner = type(model).__name__
    if found.keys() != expected.keys():
        odd = min(found.keys() ^ expected.keys())
        kind = "lack" if odd in expected else "hold another model's"
        raise ToylabError(f"{owner}: the parameters {kind} {odd!r}; give this model's own.")
    name = next(iter(found))
    lead = found[name][: len(found[name]) - len(expected[name])]
    for name, shape in found.items():
        if shape != (*lead, *expected[name]):
            raise ToylabError(
                f"{owner}: the parameter {name!r} is {shape}; one member's is {expected[name]}"
                + (f", with leading axes {lead}." if lead else ".")
            )
    return lead


def drawn_shapes(model: Any) -> Any:
    """Return the parameters that a model draws as shapes and types; each model is traced once.

    Args:
        model: anything with ``init(key)``.
    """
    return (_drawn if hashable(model) else _drawn.__wrapped__)(model)


def hashable(model: Any) -> bool:
    """Return whether programs can be kept by a model: none can where a setting is an array."""
    try:
        hash(model)
    except TypeError:
        return False
    return True


@functools.lru_cache(maxsize=64)
def _drawn(model: Any) -> Any:
    return jax.eval_shape(model.init, jax.eval_shape(lambda: jax.random.key(0)))


def over(owner: str, call: Callable[..., Any], lead: tuple[int, ...]) -> Callable[..., Any]:
    """Return a function of one member's parameters as one of parameters with leading axes.

    Args:
        owner: who asks, for messages.
        call: ``call(params, *rest)``; what follows the parameters is shared by all members.
        lead: from :func:`leading`.

    Raises:
        ToylabError: what it returns exceeds the memory; said before it is computed.
    """
    depth, size = len(lead), math.prod(lead)

    def each(params: Any, *rest: Any) -> Any:
        if not lead:
            return call(params, *rest)
        flat = jax.tree.map(lambda leaf: leaf.reshape(size, *leaf.shape[depth:]), params)
        found = in_tiles(lambda p: call(p, *rest), flat)
        return jax.tree.map(lambda leaf: leaf.reshape(*lead, *leaf.shape[1:]), found)

    def checked(params: Any, *rest: Any) -> Any:
        given = size * _bytes(rest) if rest else _bytes(params)
        if MOST * given > memory() and not _traced((params, rest)):  # else it is not worth a trace
            check_memory(owner, size, _bytes(jax.eval_shape(each, params, *rest)))
        return each(params, *rest)

    return checked


def each_member(
    owner: str,
    call: Callable[..., Any],
    static: tuple[Any, ...],
    lead: tuple[int, ...],
    own: Any,
    *rest: Any,
) -> Any:
    """Compute ``call(*static, own, *rest)`` of every member, in one compiled program.

    A CPU's devices share the members, without a word between them: XLA ends a process one of whose
    devices waits too long for another, as on a busy machine.
    Under another transformation there is one device.

    Args:
        owner: who asks, for messages.
        call: a named function, so that the program is compiled once.
        static: what the program is compiled for, as a model.
        lead: leading axes of ``own``, from :func:`leading`; () for one member.
        own: a tree of each member's own.
        rest: what all members share.

    Returns:
        What ``call`` returned, with the leading axes.

    Raises:
        ToylabError: the program's arguments, results and workspace exceed the memory; the compiler
            says so before anything is computed.
    """
    given, size, traced = (own, rest), math.prod(lead), _traced((own, rest))
    devices = () if traced or jax.default_backend() != "cpu" else tuple(jax.local_devices()[:size])
    shared, mesh = len(devices) > 1 and bool(lead), None
    if shared:
        mesh = jax.sharding.Mesh(np.asarray(devices), ("member",))
        # From NumPy's view a CPU's devices take memory without a copy; from another they do not.
        flat = jax.tree.map(lambda leaf: _dealt(np.asarray(leaf), lead, mesh.size), own)
        own = jax.device_put(flat, NamedSharding(mesh, PartitionSpec("member")))
        given = own, jax.device_put(rest, NamedSharding(mesh, PartitionSpec()))
    if not traced:
        check_memory(owner, size, max(1, len(devices)) * _planned(call, static, lead, mesh, given))
    found = _each(call, static, lead, mesh, *given)
    if not shared:
        return found
    alone = lambda leaf: jnp.asarray(np.asarray(leaf)[:size].reshape(*lead, *leaf.shape[1:]))
    return jax.tree.map(alone, found)  # on one device again


def _dealt(leaf: np.ndarray, lead: tuple[int, ...], devices: int) -> np.ndarray:
    """Members along one axis, the first of them again until devices have as many each."""
    flat = leaf.reshape(-1, *leaf.shape[len(lead) :])
    spare = -len(flat) % devices
    return np.concatenate([flat, flat[:spare]]) if spare else flat


def _traced(given: Any) -> bool:
    """Whether this runs inside another program, where even plain numbers are traced."""
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((given, jnp.zeros(()))))


def _bytes(tree: Any) -> float:
    width = lambda leaf: getattr(getattr(leaf, "dtype", None), "itemsize", 8)
    return float(sum(math.prod(jnp.shape(leaf)) * width(leaf) for leaf in jax.tree.leaves(tree)))


MANY = 256  # programs whose plans are kept
_PLANS: dict[Any, float] = {}  # the compiler takes milliseconds to tell what it has planned


def _planned(*program: Any) -> float:
    """Bytes of one device by the compiler's plan; 0 of a compiler that makes none."""
    *about, given = program
    leaves, tree = jax.tree.flatten(given)
    key = (*about, tree, *((jnp.shape(leaf), jnp.result_type(leaf)) for leaf in leaves))
    if key not in _PLANS:
        if len(_PLANS) == MANY:  # what a caller made for one call, as a lambda, would stay for good
            del _PLANS[next(iter(_PLANS))]
        plan = _each.lower(*about, *given).compile().memory_analysis()
        parts = ("argument", "output", "temp")
        _PLANS[key] = float(sum(getattr(plan, f"{part}_size_in_bytes", 0) for part in parts))
    return _PLANS[key]


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _each(
    call: Callable[..., Any],
    static: tuple[Any, ...],
    lead: tuple[int, ...],
    mesh: jax.sharding.Mesh | None,
    own: Any,
    rest: tuple[Any, ...],
) -> Any:
    if not lead:
        return call(*static, own, *rest)
    tiles = lambda own, rest: in_tiles(lambda one: call(*static, one, *rest), own)
    if mesh is not None:
        spec = PartitionSpec("member")
        specs = {"in_specs": (spec, PartitionSpec()), "out_specs": spec}
        return jax.shard_map(tiles, mesh=mesh, check_vma=False, **specs)(own, rest)
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[len(lead) :]), own)
    found = tiles(flat, rest)
    return jax.tree.map(lambda leaf: leaf.reshape(*lead, *leaf.shape[1:]), found)


def in_tiles(call: Callable[[Any], Any], rows: Any) -> Any:
    """Map over rows: on a CPU a few at a time, as activations of all would leave its caches.

    Args:
        call: of one row.
        rows: a tree with a leading axis.
    """
    if jax.default_backend() != "cpu":
        return jax.vmap(call)(rows)
    size = len(jax.tree.leaves(rows)[0])
    even = [tile for tile in TILES if size % tile == 0]  # a rest would be compiled for itself
    return jax.lax.map(call, rows, batch_size=even[0] if even else TILES[0])


@jax.tree_util.register_pytree_with_keys_class
class Recording(dict[str, Any]):
    """Recorded activations by site, plain arrays; printing it shows each one's axes.

    A leading axis that the parameters had is called network. Two are called as
    :meth:`toylab.runs.networks.OpenRun.snapshots` has them: snapshot, then network.
    Hazard: names outlive a ``jax.tree.map`` that drops axes; index an activation, not the whole.

    Args:
        acts: ``{site: activation}``.
        axes: ``{site: names of the axes}``, without leading ones.

    Example:
        >>> acts = Recording({"hidden": jnp.ones((3, 8, 2))}, {"hidden": ("batch", "unit")})
        >>> acts
        hidden  (network 3, batch 8, unit 2)
        >>> acts.sizes("hidden")
        {'network': 3, 'batch': 8, 'unit': 2}
    """

    def __init__(self, acts: Mapping[str, Any] = {}, axes: Mapping[str, tuple[str, ...]] = {}):
        super().__init__(acts)
        self.axes = dict(axes)

    def __repr__(self) -> str:
        width = max(map(len, self), default=0)
        lines = []
        for site in self:
            named = self.sizes(site).items()
            told = ", ".join(f"{'' if 'axis ' in name else name} {n}".strip() for name, n in named)
            lines.append(f"{site:{width}}  ({told})")
        return "\n".join(lines) or "nothing recorded"

    def sizes(self, site: str) -> dict[str, int]:
        """Return the axes of an activation: ``{name: size}`` in their order.

        Args:
            site: a recorded one; axes that its model does not name are called "axis 0" and so on.
        """
        shape, known = jnp.shape(self[site]), self.axes.get(site, ())
        ahead = len(shape) - len(known)
        leads = {1: ("network",), 2: ("snapshot", "network")} if known else {}
        first = leads.get(ahead, tuple(f"axis {i}" for i in range(ahead)))
        return dict(zip((*first, *known[max(0, -ahead) :]), shape, strict=True))

    def tree_flatten_with_keys(self) -> tuple[Any, Any]:
        """Return the activations by site in the order of their names, as for any dict."""
        order = sorted(self)
        axes = tuple(sorted(self.axes.items()))
        return [(jax.tree_util.DictKey(site), self[site]) for site in order], (tuple(order), axes)

    @classmethod
    def tree_unflatten(cls, about: Any, values: Any) -> "Recording":
        """Return the recording of flat activations."""
        sites, axes = about
        return cls(dict(zip(sites, values, strict=True)), dict(axes))
