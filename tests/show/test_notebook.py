"""Progress where a user sits: IPython's kernels, marimo, a terminal, a pipe."""

import io
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import toylab as tl
from toylab.runs.reporter import Reporter
from toylab.show import following
from toylab.show.curve import drawn
from toylab.show.following import Following
from toylab.show.notebook import in_notebook
from toylab.tasks.superposition.superposition import Sparse
from toylab.train.loop import Progress

InteractiveShell = type("InteractiveShell", (), {})
Terminal = type("TerminalInteractiveShell", (InteractiveShell,), {})
Kernel = type("ZMQInteractiveShell", (InteractiveShell,), {})  # Jupyter, VS Code
Colab = type("Shell", (Kernel,), {})


@pytest.fixture
def ipython(monkeypatch):
    """Run under a shell of IPython's; what is displayed is kept, as HTML, place by place."""
    places: list[list[str]] = []

    def display(thing, display_id):
        places.append([thing._repr_html_()])
        return SimpleNamespace(update=lambda again: places[-1].append(again._repr_html_()))

    def begin(shell):
        whole = ModuleType("IPython")
        whole.__dict__["get_ipython"] = lambda: shell and shell()
        monkeypatch.setitem(sys.modules, "IPython", whole)
        monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
        return places

    return begin


@pytest.fixture
def marimo(monkeypatch):
    """Run in a notebook of marimo's; the output of the cell is kept, one after another."""
    seen: list[str] = []
    output = SimpleNamespace(replace=seen.append)
    kernel = SimpleNamespace(running_in_notebook=lambda: True, Html=str, output=output)
    monkeypatch.setitem(sys.modules, "marimo", kernel)
    return seen


def chunks(take, lost=np.nan):
    for step in (10, 20):
        take(Progress(step, 20, 3, np.array([2.0 / step, 1.0 / step, lost]), 0.1, 30))


@pytest.mark.parametrize(
    ("shell", "shows"), [(None, False), (Terminal, False), (Kernel, True), (Colab, True)]
)
def test_kernels_show_what_is_displayed_and_a_terminals_shell_does_not(ipython, shell, shows):
    ipython(shell)
    assert in_notebook() == shows
    assert type(following.here()) is (Following if shows else Reporter)


def test_a_kernel_has_one_place_that_is_drawn_anew(ipython):
    places = ipython(Colab)
    with drawn(every=0) as take:
        chunks(take)
    (place,) = places
    assert "step 10 of 20" in place[0] and "step 20 of 20" in place[-1] and "<svg" in place[-1]


def test_marimo_replaces_the_output_of_the_cell(marimo):
    with drawn(every=0) as take:
        chunks(take)
    assert "step 10 of 20" in marimo[0] and "step 20 of 20" in marimo[-1]


def test_the_last_state_is_drawn_where_training_ends_early(marimo):
    with pytest.raises(KeyboardInterrupt), drawn(every=1e9) as take:
        chunks(take)
        raise KeyboardInterrupt
    assert "step 20 of 20" in marimo[-1]


@pytest.mark.parametrize("terminal", [True, False])
def test_a_terminal_has_one_line_that_is_renewed_and_a_pipe_the_last(monkeypatch, terminal):
    page = io.StringIO()
    page.isatty = lambda: terminal  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", page)
    monkeypatch.setenv("TERM", "xterm")
    with drawn(every=0) as take:
        chunks(take)
    told = page.getvalue()
    assert ("step 10 of 20" in told and "\r" in told) == terminal
    assert "step 20 of 20, 3 members, median loss 0.075, 1 diverged\n" in told
    assert told.count("\n") == 1


def test_a_run_is_followed_with_its_populations_and_its_stages(marimo):
    run = tl.Population(
        model=tl.Autoencoder(5, 2),
        task=Sparse(5, density=0.3),
        members=tl.seeds(3),
        optimizer=tl.AdamW(1e-2, 0.0),
        steps=20,
        batch_size=8,
    )
    told = Following(every=0)
    told.plan(Path("runs/x"), {"one": run, "two": run}, ())
    told.stage("train")
    told.population("one", run, 0)
    chunks(told.progress)
    assert "runs/x: train" in marimo[-1] and "<svg" in marimo[-1]
    assert "step 20/20, 3 members, loss 0.075, 1 diverged" in marimo[-1]
    assert "step 0/20, 3 members, loss …" in marimo[-1]
    told.note("one: 1 of 3 members diverged")
    told.stage("draw")
    told.close()
    assert "runs/x: done in" in marimo[-1] and "1 of 3 members" in marimo[-1]
    assert "<svg" not in marimo[-1] and "one: step 20/20" in repr(told)
