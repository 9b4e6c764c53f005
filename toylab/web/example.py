"""An example run as one small file, from which the explorer's page answers without a server.

    python -m toylab.web.example runs/superposition-laptop superposition.safetensors

What the page may ask is answered here once (:class:`toylab.web.run.View`) and stored: text as JSON
beside the arrays, curves as float32, parameters thinned as the explorer thins them and in 8 bits
(:mod:`toylab.web.exhibit`), with the norm of the full ones. What is left out, the file says. It
lies in ``toylab/web/exhibits/``.
"""

import base64
import dataclasses
import io
import itertools
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from toylab.errors import ToylabError, nearest
from toylab.runs.run_folder import RunFolder

from .exhibit import packed
from .run import View

WIDE = 720  # pixels of a figure


@dataclasses.dataclass(frozen=True)
class Kept:
    """What an example holds of its run; where nothing is named, all.

    Attributes:
        populations: by name.
        networks: members whose parameters are held.
        steps: snapshots.
        arrays: parameters by flat name.
        figures: by name.
    """

    populations: tuple[str, ...] = ()
    networks: tuple[int, ...] = ()
    steps: tuple[int, ...] = ()
    arrays: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()


SHIPPED = {
    "superposition": Kept(populations=("linear", "relu"), figures=("pictures", "geometry")),
    "grokking": Kept(
        networks=(0, 1),
        steps=(0, 154, 608, 1519, 2401, 6000),
        arrays=("embed/embedding", "unembed/kernel"),
        figures=("curves", "spectra"),
    ),
}


def example(run: RunFolder, kept: Kept) -> bytes:
    """Return the file, safetensors with one entry of text, ``told``.

    Raises:
        ToylabError: something to be kept is not in the run, or a number is not finite.
    """
    view = View(run)
    about = view.about()
    every = about["populations"]
    about["path"] = f"A small copy of what 'toylab run {about['study']}' leaves behind."
    about["populations"] = {name: every[name] for name in _some(kept.populations, every)}
    about["left_out"] = [name for name in every if name not in about["populations"]]
    about["figures"] = list(_some(kept.figures, about["figures"]))
    copy = _Copy(view, kept)
    for name, held in about["populations"].items():
        copy.curves(name, held)
        copy.params(name, held)
    told = copy.told | {
        "run": about,
        "claims": view.claims(),
        "members": {name: view.members({"population": name}) for name in about["populations"]},
        "figures": {name: _small(view.figure({"name": name}).body) for name in about["figures"]},
    }
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return packed(copy.weights, {"told": text}, copy.arrays)


def _some(wanted: Sequence[Any], known: Iterable[Any]) -> list[Any]:
    """What is named, if all of it is there; all where nothing is named."""
    there = list(known)
    for name in wanted:
        if name not in there:
            near = nearest(str(name), map(str, there))
            raise ToylabError(f"example: the run has no {name!r}: {near}")
    return list(wanted) or there


@dataclasses.dataclass
class _Copy:
    """Curves and parameters as they are copied.

    Attributes:
        told: what is said of them in words.
        arrays: numbers as they are.
        weights: those to be stored in 8 bits.
    """

    view: View
    kept: Kept
    told: dict[str, Any] = dataclasses.field(default_factory=lambda: {"curves": {}, "params": {}})
    arrays: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    weights: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)

    def curves(self, population: str, held: dict[str, Any]) -> None:
        """Every metric's lines (P, S), and its groups by every column (G, 3, S)."""
        for metric, by in itertools.product(held["metrics"], ("", *held["by"])):
            found = self.view.curves({"population": population, "metric": metric, "by": by})
            key = f"{population}/{metric}/{by}"
            ends = [[group[end] for end in ("mean", "low", "high")] for group in found["groups"]]
            self.arrays[f"groups/{key}"] = np.asarray(ends, np.float32)
            groups = [{"value": group["value"], "n": group["n"]} for group in found["groups"]]
            self.told["curves"][key] = {"groups": groups, "thinned": found["thinned"]}
            if not by:
                self.arrays[f"lines/{key}"] = np.asarray(found["members"], np.float32)
                self.arrays[f"steps/{key}"] = np.asarray(found["steps"], np.int32)

    def params(self, population: str, held: dict[str, Any]) -> None:
        """Thinned matrices of some networks at some steps, with norms of the full ones."""
        held["steps"] = _some(self.kept.steps, held["steps"])
        held["kept"] = _some(self.kept.networks, range(held["members"]))
        ask = lambda step, member: self.view.params(
            {"population": population, "step": str(step), "member": str(member)}
        )["leaves"]
        found_TPU = [[ask(step, member) for member in held["kept"]] for step in held["steps"]]
        leaves = found_TPU[0][0] if found_TPU else []
        names = [leaf["name"] for leaf in leaves]
        self.told["params"][population] = []
        for name in _some(self.kept.arrays, names):
            u = names.index(name)
            of = lambda what, u=u: [[leaves[u][what] for leaves in row] for row in found_TPU]
            shown = {k: leaves[u][k] for k in ("name", "shape", "rows", "columns", "every")}
            sides = (len(held["steps"]), len(held["kept"]), shown["rows"], shown["columns"])
            values = np.asarray(of("values"), np.float32).reshape(sides)
            self.told["params"][population].append(shown)
            self.weights[f"values/{population}/{name}"] = values
            self.arrays[f"norms/{population}/{name}"] = np.asarray(of("norm"), np.float32)


def _small(png: bytes) -> str:
    """A figure as a small picture in an address (``data:``)."""
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.thumbnail((WIDE, picture.height), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "webp", quality=50, method=6)
    return f"data:image/webp;base64,{base64.b64encode(out.getvalue()).decode()}"


if __name__ == "__main__":
    folder, file = sys.argv[1:]
    opened = RunFolder(folder)
    Path(file).write_bytes(example(opened, SHIPPED.get(opened.manifest["study"], Kept())))
