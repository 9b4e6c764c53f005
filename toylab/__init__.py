"""toylab: a laboratory for toy models.

A study trains a population of models in one jit, probes and edits them, judges each claim of a
paper with an interval over seeds and with controls, and draws the figures.

``import toylab as tl`` gives what a study or a notebook needs; nothing is loaded before it is used.

A world
    Task                a world to subclass: rules and a sampler ``example(key)``
    Batch               inputs, targets, weights and latents of examples
    Number              a setting's type where it may differ per member

What is trained
    Population          a model, a task, members, an optimiser and a length
    grid                a table of members: every combination of its axes
    seeds               a table of members: as many seeds, and nothing else
    zipped              a table of members whose columns run side by side
    ladder              log-spaced steps to keep snapshots at
    Model               what a model is: ``init``, ``apply`` and named sites
    Params              a model's parameters, a nested dict of arrays
    Autoencoder         the two-matrix model of toy superposition
    MLP                 a multilayer perceptron
    TokenMLP            embedded tokens into a multilayer perceptron
    Transformer         a decoder with attention heads and MLPs
    AdamW               Adam with decoupled weight decay
    SGD                 gradient descent with momentum
    Muon                momentum made orthogonal, for matrices
    cosine              a schedule: warm-up, then half a cosine
    squared_error       weighted squared error of each example
    cross_entropy       cross-entropy, exact at tiny losses too
    one_hot_error       squared error to a one-hot target
    ExpectedCrossEntropy  cross-entropy with all that a target could have been

Training
    setup               exact float32 and every core, before JAX starts
    fit                 train a population in memory
    run_study           train, measure, judge and draw a study
    resume              continue a run that was stopped
    load_study          a study by its name or its file
    study_names         the studies that come with the laboratory
    data_file           a setting, or a task's, that names a file of data
    final_loss          each member's loss over the last record of a run

Looking inside
    open_run            a run: metrics, measures, claims, and its models, members, snapshots
    run                 run one network or a population, recording and editing activations
    Edit                one edit of an activation, as data
    select_sites        a model's sites by glob patterns
    generate            sample a transformer's continuations
    run_changes         a whole grid of interventions in one program
    NOTHING             the change that changes nothing
    at                  a site at some positions only
    head                the output of an attention head
    neuron              the activation of an MLP's neuron
    edge                an attention pattern's entries, from queries to keys
    stream              the sites of the residual stream
    zero                set a target to zero
    mean                set a target to its mean over a reference batch
    resample            give every example another's activation
    patch               replace a target by its activation in another run
    steer               move a target along a direction
    project_out         remove a direction from a target
    knock_out           cut attention between positions
    ridge               a linear probe of numbers
    logistic            a linear probe of classes
    mlp_probe           a probe with a hidden layer
    r2                  the share of variance that a probe explains
    accuracy            the share of examples that a probe decodes correctly

    :mod:`toylab.analysis.circuits` has the bench: lens, attribution, patch grids, edges, heads;
    :mod:`toylab.show` draws what it finds, for a notebook or as a file.

Claims
    Study               what is trained, measured, judged and drawn
    Claim               one sentence of a paper, with the reading that decides it
    Expect              the region that a claim expects its number in
    Condition           a precondition of a claim, or a control
    table               rows of a stored table, on the way to a reading
    reading             make a reading of a function
    greatest            the greatest of several readings, unit by unit
    least               the least of several readings, unit by unit
    choose              one reading where a test holds, another where it does not
    judge_all           judge claims on measures, without a run
    seed_interval       an interval for a statistic over seeds
    bootstrap_interval  a bootstrap interval for a statistic
    permutation_test    whether two samples differ
    power_law           an exponent with its interval over units

Figures and errors
    figure              an empty figure in the laboratory's style
    panels              a figure of lettered panels side by side
    series              rows of a table as curves, one per unit
    interval_line       a median over seeds with its interval as a band
    title               a figure's finding, above it
    style               the laboratory's look, for a ``with``
    ToylabError         a mistake in the input, told in a line or two
    check_number        refuse a setting that is out of range

Shape suffixes used throughout: P population, T tiles, G data seeds in a tile, B batch, L length,
D width, H heads, K head dimension, F MLP hidden, V vocabulary, N features, M hidden, S steps.
"""

from pathlib import Path

from toylab.check.sums import leave_out_fusions

__version__ = "0.1.0"

# __init__.pyi tells type checkers the same.
_HOMES = {
    "change": (
        "NOTHING at edge head knock_out mean neuron patch project_out resample run_changes steer "
        "stream zero"
    ),
    "claims": "Claim Condition Expect judge_all",
    "errors": "ToylabError check_number",
    "lab": "final_loss resume run_study",
    "losses": "ExpectedCrossEntropy cross_entropy one_hot_error squared_error",
    "members": "grid seeds zipped",
    "models": "MLP Autoencoder TokenMLP Transformer",
    "models.sampling": "generate",
    "optim": "SGD AdamW cosine",
    "optim.muon": "Muon",
    "population": "Population ladder",
    "probes.controls": "accuracy r2",
    "probes.linear": "logistic ridge",
    "probes.mlp": "mlp_probe",
    "read": "choose greatest least reading table",
    "report.figures": "figure interval_line style title",
    "report.panels": "panels",
    "report.series": "series",
    "check.data_files": "data_file",
    "runs.networks": "open_run",
    "stats": "bootstrap_interval permutation_test power_law seed_interval",
    "study": "Study load_study study_names",
    "taps": "Edit Model Params run select_sites",
    "task": "Batch Number Task",
    "train.fit": "fit",
    "train.setup": "setup",
}
_HOME = {name: f"toylab.{home}" for home, names in _HOMES.items() for name in names.split()}
__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'toylab' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


# What is installed holds the worlds, studies and figures. In a checkout they lie beside this
# folder, and only there: whatever else lies beside an installed package is somebody else's.
_here = Path(__file__).resolve().parent
_project = _here.parent / "pyproject.toml"
if not (_here / "studies").exists() and _project.is_file():
    if 'name = "toylab"' in _project.read_text("utf-8"):
        __path__.append(str(_here.parent))

leave_out_fusions()
