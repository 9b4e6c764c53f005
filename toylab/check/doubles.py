"""Float64 that JAX would round to float32, without a word or with a warning, is refused.

With ``jax_enable_x64`` set nothing is rounded, and nothing refused.
"""

import contextlib
import re
import warnings
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from toylab.errors import ToylabError

ASKED = r"Explicitly requested dtype (\w+)"  # so JAX begins what it says of rounding
MEND = "give {narrow}, or set JAX_ENABLE_X64=1"


def refuse_doubles(what: str, tree: Any) -> None:
    """Refuse NumPy arrays and numbers of 64 bits among what becomes JAX arrays.

    Whole numbers pass, as their values are checked elsewhere and fit.

    Args:
        what: what holds them, for the message.
        tree: arrays in any nest.

    Raises:
        ToylabError: names the place.
    """
    if jax.dtypes.canonicalize_dtype(np.float64) == np.float64:
        return
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        dtype = getattr(leaf, "dtype", None)
        if isinstance(dtype, np.dtype) and dtype in (np.float64, np.complex128):
            where = jax.tree_util.keystr(path, simple=True, separator="/")
            place = f"{where} as " if where else ""
            raise ToylabError(
                f"{what} gives {place}{dtype}, which JAX would round; "
                f"{MEND.format(narrow='float32')}."
            )


@contextlib.contextmanager
def doubles_refused(what: str) -> Iterator[None]:
    """Refuse any request for 64 bits inside the ``with`` that JAX would not grant.

    Args:
        what: what asks, for the message.

    Raises:
        ToylabError: the request; JAX's own warning, with its place, is the cause.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ASKED, UserWarning)
        try:
            yield
        except UserWarning as asked:
            found = re.match(ASKED, str(asked))
            if not found:
                raise
            narrow = found[1].replace("64", "32").replace("complex128", "complex64")
            raise ToylabError(
                f"{what} asks for {found[1]}, which JAX would round; {MEND.format(narrow=narrow)}."
            ) from asked
