"""A trained network as one small file that a page reads: weights in 8 bits, all else as given.

A matrix is stored as whole numbers from -127 to 127 and one scale for each of its columns (its last
axis), ``values = numbers * scale``, so that no entry is off by more than half a 127th of its
column's largest. Vectors, and small arrays, stay float32. Probes are not packed so: one weight of
a probe may meet activations of a hundred times the size that another meets.
"""

import json
from collections.abc import Mapping

import numpy as np
import safetensors.numpy

from toylab.errors import ToylabError

SCALE = ":scale"
SMALL = 1024  # numbers that are not worth packing


def packed(
    weights: Mapping[str, np.ndarray],
    about: Mapping[str, str],
    others: Mapping[str, np.ndarray] | None = None,
) -> bytes:
    """Return a safetensors file of arrays, all finite.

    Args:
        weights: parameters by name, large ones to be stored in 8 bits.
        about: what the file says of itself.
        others: arrays to be stored as they are, float32 or float16.

    Raises:
        ToylabError: a number is not finite, as those of a network that diverged.

    Example:
        >>> import numpy as np
        >>> file = packed({"w": np.linspace(-1, 1, 4096).reshape(64, 64)}, {"study": "othello"})
        >>> len(file) < 4096 + 600, unpacked(file)["w"].shape
        (True, (64, 64))
    """
    kept = dict(others or {})
    for name, array in [*weights.items(), *kept.items()]:
        if not np.isfinite(np.asarray(array)).all():
            raise ToylabError(f"packed: {name!r} has numbers that are not finite.")
    for name, array in weights.items():
        values = np.asarray(array, np.float32)
        if values.ndim < 2 or values.size < SMALL:
            kept[name] = values
            continue
        columns = values.reshape(-1, values.shape[-1])
        scale = np.maximum(np.abs(columns).max(0), np.float32(1e-30)) / np.float32(127)
        kept[name] = np.rint(values / scale).astype(np.int8)
        kept[name + SCALE] = scale
    # Hazard: safetensors 0.8.0 writes what is not in order as if it were.
    solid = {name: np.asarray(array, order="C") for name, array in kept.items()}
    return _ordered(safetensors.numpy.save(solid, dict(about)))


def _ordered(file: bytes) -> bytes:
    """The file with its entries of text in order, which safetensors writes in another each time."""
    start = 8 + int.from_bytes(file[:8], "little")
    header = json.loads(file[8:start])
    header["__metadata__"] = dict(sorted(header.get("__metadata__", {}).items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + file[start:]


def unpacked(file: bytes) -> dict[str, np.ndarray]:
    """Return the arrays of a file, float32, as the page has them."""
    raw = safetensors.numpy.load(file)
    scaled = lambda name, values: values.astype(np.float32) * raw.get(name + SCALE, np.float32(1))
    return {name: scaled(name, values) for name, values in raw.items() if not name.endswith(SCALE)}
