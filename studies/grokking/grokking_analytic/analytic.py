"""What ``grokking_analytic`` measures: the analytic weights, and the form of the trained ones."""

from typing import Any

import numpy as np
import polars as pl

from toylab.read.tables import labelled, long_table
from toylab.runs.run_folder import RunFolder
from toylab.tasks.grokking.modular import arithmetic_table
from toylab.tasks.grokking.quadratic import (
    accuracy_by_width,
    additive_form,
    analytic_weights,
    expected_accuracy,
    gaussian_weights,
    has_form,
)
from toylab.tasks.grokking.theory.quadratic_form import (
    answers_in_order,
    cut_accuracy,
    network_form,
    ordered_rows,
)

SHOWN = 3  # neurons whose spectra are kept for the picture


def analytic_tables(config: Any) -> dict[str, pl.DataFrame]:
    """Accuracy of written-down weights: by width with controls, and by polynomial."""
    p = config.analytic_p
    operation = config.operation if has_form(p, config.operation) else "x+y"
    widths, polynomials = [], []
    for draw in range(config.draws):
        for kind in ("tied", "free", "gaussian", "relu"):
            found = _accuracy(p, operation, draw, config.widths, kind)
            table = long_table({"width": config.widths}, accuracy=found)
            widths.append(labelled(table, draw=draw, operation=operation, kind=kind))
        for label, modulus, name, roots in _polynomials(p, config.operations):
            found = _accuracy(modulus, name, draw, (config.analytic_width,), "tied", roots)
            polynomials.append({"draw": draw, "form": label, "accuracy": float(found[0])})
    table = pl.concat(widths)
    expected = pl.Series("expected", expected_accuracy(table["width"].to_numpy(), p))
    table = table.with_columns(expected, main=pl.col("width") == config.analytic_width)
    forms, never = pl.DataFrame(polynomials), {"diverged": False}  # nothing is trained
    return {
        "analytic": labelled(table, p=p, **never),
        "analytic_forms": labelled(forms, **never),
    }


def _polynomials(p: int, operations: tuple[str, ...]) -> list[tuple[str, int, str, str]]:
    """Label, modulus, operation and roots of every form that is tried."""
    names = dict.fromkeys((*operations, "x^2+y^2", "(x+y)^2"))
    forms = [(name, p, name, "one") for name in names if has_form(p, name)]
    extra = [("(x+y)^2, all roots", p, "(x+y)^2", "all"), ("x+y mod p-1", p - 1, "x+y", "one")]
    return forms + extra


def _accuracy(
    p: int, operation: str, draw: int, widths: tuple[int, ...], kind: str, roots: Any = "one"
) -> np.ndarray:
    if kind == "gaussian":
        weights = gaussian_weights(p, widths[-1], draw)
    else:
        phases = "free" if kind == "free" else "tied"
        weights = analytic_weights(additive_form(p, operation), widths[-1], draw, phases, roots)
    activation = "relu" if kind == "relu" else "quadratic"
    return accuracy_by_width(weights, *arithmetic_table(p, operation), widths, activation)


def form_tables(config: Any, run: RunFolder) -> dict[str, pl.DataFrame]:
    """Participation and phases of the main operation's networks, before and after training."""
    members = run.members("half")
    # The main operation at the main decay is the first of each seed's rows.
    chosen = members.group_by("init_seed").agg(pl.col("member").min()).sort("init_seed")
    is_lost = run.dead_at("half") >= 0
    answers_MM = answers_in_order(config.p, config.operation)
    forms, phases, spectra = [], [], []
    for stage, step in (("untrained", 0), ("trained", run.steps("half")[-1])):
        parts = ordered_rows(run.params("half", step), config.p, config.operation)
        for member, seed in chosen.select("member", "init_seed").iter_rows():
            rows_3NM = np.stack([np.asarray(part[member], np.float64) for part in parts])
            about = {"init_seed": seed, "stage": stage}
            facts, phi_3N, top_N = network_form(rows_3NM, seed)
            facts |= cut_accuracy(rows_3NM, answers_MM)
            forms.append(about | {"diverged": bool(is_lost[member])} | facts)
            phases.append(_phase_rows(about, phi_3N, top_N))
            if seed == chosen["init_seed"].min():
                spectra.append(_spectrum_rows(about, rows_3NM, config.p))
    return {
        "form": pl.DataFrame(forms),
        "phases": pl.concat(phases),
        "spectra": pl.concat(spectra),
    }


def _phase_rows(about: dict[str, Any], phi_3N: np.ndarray, top_N: np.ndarray) -> pl.DataFrame:
    turn = 2 * np.pi
    columns = {"sum": (phi_3N[0] + phi_3N[1]) % turn, "third": phi_3N[2] % turn, "frequency": top_N}
    return labelled(pl.DataFrame(columns), **about)


def _spectrum_rows(about: dict[str, Any], rows_3NM: np.ndarray, p: int) -> pl.DataFrame:
    """Amplitudes of the first neurons' rows, each row's largest being 1."""
    size_3NK = np.abs(np.fft.rfft(rows_3NM[:, :SHOWN], axis=-1))
    size_3NK /= np.maximum(size_3NK.max(-1, keepdims=True), 1e-30)
    table = long_table({"part": list("UVW"), "neuron": None, "k": None}, amplitude=size_3NK)
    return labelled(table, **about)
