"""Marks for tools on compiled programs: which edges they rank first, and which they keep.

The truth is the program's: edges that carry what depends on the tokens and reach the answer. Edges
that carry positions alone are left out, as no pair of sequences differs in them.

Shape suffixes: P members, E edges.
"""

from collections.abc import Mapping, Sequence

import jax
import numpy as np
import polars as pl

from toylab.analysis.circuits import (
    Edges,
    edge_attribution,
    edge_effects,
    keep_edges,
    logit_difference,
)
from toylab.models.wired.compiled import Compiled
from toylab.runs.run_folder import RunFolder
from toylab.tasks.tools.programs import Programs

from .marks import high, large

CLEAN, CORRUPT = 78, 79  # seeds of the sequences


def compiled(kind: str, size: int, heads: int) -> Compiled:
    """Return the network of a program."""
    return Compiled.of(Programs(kind, size).program, heads)


def program_marks(
    run: RunFolder, kinds: Sequence[str], size: int, heads: int, pairs: int, steps: int, drawn: int
) -> Mapping[str, pl.DataFrame]:
    """Mark exact patches, EAP, EAP-IG and random scores on every program.

    Args:
        run: with a population of each kind.
        kinds, size, heads: of the programs and their networks.
        pairs: two sequences each, drawn apart.
        steps: of EAP-IG.
        drawn: random circuits, each of as many edges as the true one.

    Returns:
        ``programs``, a row per network, program and tool: recall (share of the true edges among as
        many highest scores), precision and reach (precision and recall of the scores of at least a
        tenth of the largest), share (sum of the sizes of the true edges' scores over that of their
        exact effects); ``kept``, a row per network and program: the share of the metric kept by
        the true edges alone, and by random circuits on average.
    """
    marks, kept = [], []
    for kind in kinds:
        model, members = compiled(kind, size, heads), run.members(kind)
        edges, true, params = Edges.of(model), model.edges(fixed=False), run.params(kind)
        batches = [Programs(kind, size).batch(jax.random.key(n), pairs) for n in (CLEAN, CORRUPT)]
        metric = logit_difference(batches[0].targets[:, -1])
        given = model, params, *(batch.inputs for batch in batches), metric
        patched_PE = np.asarray(edge_effects(*given))
        found = {
            "exact": patched_PE,
            "EAP": np.asarray(edge_attribution(*given))[:, edges.possible],
            f"EAP-IG {steps}": np.asarray(edge_attribution(*given, steps))[:, edges.possible],
            "random": np.random.default_rng(0).normal(size=patched_PE.shape),
        }
        true_E = edges.mask(true)[edges.possible]
        for tool, scores_PE in found.items():
            pairs_PE = zip(scores_PE, patched_PE, strict=True)
            rows = [marked(scores_E, exact_E, true_E) for scores_E, exact_E in pairs_PE]
            about = members.with_columns(program=pl.lit(kind), tool=pl.lit(tool))
            marks.append(about.hstack(pl.DataFrame(rows)))
        circuits = [edges.mask(true), *edges.drawn(len(true), drawn)]
        shares = np.asarray(keep_edges(*given, circuits), float)
        named = {"planted": shares[:, 0], "random": shares[:, 1:].mean(1)}
        kept.append(members.with_columns(program=pl.lit(kind)).hstack(pl.DataFrame(named)))
    return {"programs": pl.concat(marks), "kept": pl.concat(kept)}


def marked(scores_E: np.ndarray, exact_E: np.ndarray, true_E: np.ndarray) -> dict[str, float]:
    """Mark the scores of one network; see :func:`program_marks`."""
    chosen_E = large(scores_E)
    return {
        "recall": float(high(scores_E, int(true_E.sum()))[true_E].mean()),
        "precision": float(true_E[chosen_E].mean()),
        "reach": float(chosen_E[true_E].mean()),
        "share": float(np.abs(scores_E[true_E]).sum() / np.abs(exact_E[true_E]).sum()),
    }
