"""A network that plays CountDown, with the probe of its verdict, for the browser's page.

    python -m toylab.studies.countdown.exhibit runs/countdown-laptop countdown.safetensors reward 0

Everything is measured on the network as it is stored, in 8 bits, as ``self_verification`` does it:
probes are fitted on training hands, at the layer that is best at "("; heads are ranked by patching
the pairs of one half of the held-out hands. Problems of the page are of the other hands. It lies in
``toylab/web/exhibits/``.
"""

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from toylab.analysis.head_choice import highest
from toylab.models.sampling import generate
from toylab.runs.run_folder import RunFolder
from toylab.study import load_study
from toylab.taps import Params
from toylab.tasks.countdown.countdown_instances import hands, instances
from toylab.tasks.countdown.countdown_pairs import is_right
from toylab.tasks.countdown.countdown_traces import Trace, read
from toylab.trees import flatten, unflatten
from toylab.web.exhibit import packed, unpacked

from . import network as net
from .scoring import evenly
from .self_verification import ablations as ab
from .self_verification import networks as n
from .self_verification import probing as p
from .self_verification import scores as sc
from .self_verification.study import Config, member_of, plan_of

PROBLEMS = 36
NO, OK = (False, "no", False), (True, "ok", False)  # right, as it says, against the rules


def exhibit(run: RunFolder, arm: str, seed: int) -> bytes:
    """Return the file.

    Args:
        run: a run of ``countdown`` or ``self_verification``.
        arm: ``search``, before reward, or ``reward``.
        seed: of the network's start.

    Raises:
        ToylabError: there is no such network, or it diverged.
    """
    plan = plan_of(_config(run))
    weights = _weights(run, arm, seed)
    params = stored(weights)
    acts, top_R = n.acts_of(plan, params)
    fitted = p.fit_probes(acts, plan.rows, seed)
    probe = fitted.probe  # (token, layer)
    weight_TDC, bias_TC = (np.asarray(leaf)[:, fitted.layer] for leaf in (probe.weight, probe.bias))
    _, others = n.bench_rows(plan)
    patch_UH = ab.patch_map(ab.open_bench(plan.model, params, others, plan.rules))
    asked_I4 = problems(plan, others.group_R)
    own_R = np.where(is_right(plan.rows.test) == 1, plan.signs.ok, plan.signs.no)
    arrays = {
        "probe/weight": weight_TDC[..., 1] - weight_TDC[..., 0],
        "probe/bias": bias_TC[..., 1] - bias_TC[..., 0],
        "patch": patch_UH,
        "problems": asked_I4,
    }
    about = {name: run.manifest[name] for name in ("preset", "commit")}
    about |= {"seed": seed, "arm": arm, "layer": fitted.layer}
    about |= {"heads": json.dumps(highest(patch_UH, sc.CHOSEN))}
    about |= {"rules": json.dumps(dataclasses.asdict(plan.rules))}
    about |= {"verdicts": float((top_R == own_R).mean()), "tested": len(own_R)}
    traces = written(plan, params, asked_I4)
    about |= {"first": first_shown(traces), "solved": sum(trace.solved for trace in traces)}
    others_F = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
    return packed(weights, {name: str(value) for name, value in about.items()}, others_F)


def _config(run: RunFolder) -> Config:
    """The study's settings, with those of the run's networks."""
    base: Any = load_study("self_verification").config(run.manifest["preset"])
    names = [field.name for field in dataclasses.fields(net.Network)]
    return dataclasses.replace(base, **{name: run.manifest["config"][name] for name in names})


def _weights(run: RunFolder, arm: str, seed: int) -> dict[str, np.ndarray]:
    member = member_of(run, arm, seed)
    flat = flatten(jax.tree.map(lambda leaf: np.asarray(leaf[member]), run.params(arm)))
    return {f"params/{name}": leaf for name, leaf in flat.items()}


def stored(weights: dict[str, np.ndarray]) -> Params:
    """Parameters as they are stored."""
    flat = unpacked(packed(weights, {}))
    params = {name.removeprefix("params/"): leaf for name, leaf in flat.items()}
    return jax.tree.map(jnp.asarray, unflatten(params))


def problems(plan: n.Plan, taken_R: np.ndarray) -> np.ndarray:
    """Target and numbers of instances of held-out hands by which no head was chosen, (I, 1 + N)."""
    hand_I, target_I = instances(plan.rules, "numbers").T
    free_I = ~np.isin(hand_I, taken_R)
    table = np.column_stack([target_I[free_I], hands(plan.rules)[hand_I[free_I]]])
    return evenly(table, PROBLEMS)


def written(plan: n.Plan, params: Params, asked_I4: np.ndarray) -> list[Trace]:
    """What the network writes, taking the likeliest tokens."""
    prompts_IL = np.stack([plan.rules.prompt(row[1:], row[0]) for row in asked_I4])
    length = plan.model.length - plan.rules.prompt_length
    ends = {"stop": plan.signs.stop, "pad": plan.signs.pad}
    start = (jnp.asarray(prompts_IL), length, jax.random.key(0))
    wrote_IL = generate(plan.model, params, *start, temperature=0.0, **ends)[0]
    return [read(plan.rules, row) for row in np.concatenate([prompts_IL, wrote_IL], 1)]


def first_shown(traces: list[Trace]) -> int:
    """The first trace whose second attempt is right, and marked so; 0 where none is."""
    seen = [[(a.right, a.verdict, bool(a.problem)) for a in trace.attempts] for trace in traces]
    return seen.index([NO, OK]) if [NO, OK] in seen else 0


if __name__ == "__main__":
    folder, out, population, start = sys.argv[1:]
    Path(out).write_bytes(exhibit(RunFolder(folder), population, int(start)))
