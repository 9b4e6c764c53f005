"""A trained transformer in which one layer alone can move anything between positions."""

import dataclasses

import jax.numpy as jnp
from jax import Array

from toylab.errors import check_number
from toylab.models.transformer import Transformer
from toylab.taps import Params
from toylab.task import Number


@dataclasses.dataclass(frozen=True)
class OneMover(Transformer):
    """A transformer whose attention is dead from the start in every layer but one.

    In other layers W_V and W_O start at 0. Each one's gradient has the other as a factor, so both
    stay 0 in training, with weight decay too; their MLPs learn as ever.

    Args:
        mover: the layer whose attention is alive; may differ per member.

    Raises:
        ToylabError: no such layer, or biases, which would move too.

    Example:
        >>> import jax
        >>> model = OneMover(vocab=5, length=3, width=8, depth=2, heads=2, mover=1)
        >>> params = model.init(jax.random.key(0))
        >>> [bool(params["blocks"][i]["attn"]["w_o"].any()) for i in "01"]
        [False, True]
    """

    mover: Number = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("OneMover", "mover", self.mover, 0, self.depth - 1, whole=True)

    def init(self, key: Array) -> Params:
        """Draw initial parameters, with W_V and W_O at 0 in all layers but one."""
        params = super().init(key)
        for layer, block in params["blocks"].items():
            alive = (jnp.asarray(self.mover) == int(layer)).astype(jnp.float32)
            for name in ("w_v", "w_o"):
                block["attn"][name] = block["attn"][name] * alive
        return params

    def _static(self) -> Transformer:
        return dataclasses.replace(super()._static(), mover=0)
