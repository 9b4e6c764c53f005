"""The networks of a run, for the browser's page.

    toylab run graph_tracing --first-seed 10000 --set seeds=2 steps=2000 --out RUN
    python -m toylab.studies.in_context.graph_tracing.exhibit RUN graph_tracing.safetensors

All of them, so that none is chosen. Walks and measures are the page's own. The file lies in
``toylab/web/exhibits/``.
"""

import sys
from pathlib import Path

import numpy as np

from toylab.runs.run_folder import RunFolder
from toylab.trees import flatten
from toylab.web.exhibit import packed


def exhibit(run: RunFolder) -> bytes:
    """Return the file: arrays ``MEMBER/NAME``.

    Args:
        run: a run of the study ``graph_tracing``, of a few seeds.

    Raises:
        ToylabError: a network diverged.
    """
    config, found = run.manifest["config"], run.members("main")
    params = {name: np.asarray(leaf) for name, leaf in flatten(run.params("main")).items()}
    members = range(len(found))
    weights = {f"{i}/{name}": leaf[i] for i in members for name, leaf in params.items()}
    seeds = [run.manifest["first_seed"] + seed for seed in found["init_seed"]]
    about = {name: run.manifest[name] for name in ("study", "preset", "commit")}
    about |= {name: config[name] for name in ("steps", "length")}
    about["seeds"] = " ".join(map(str, seeds))
    return packed(weights, {name: str(value) for name, value in about.items()})


if __name__ == "__main__":
    folder, out = sys.argv[1:]
    Path(out).write_bytes(exhibit(RunFolder(folder)))
