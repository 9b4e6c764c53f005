"""One, two and eight devices: the same bits, no talk between them, and batches drawn once."""

import json
import re
import subprocess
import sys

import numpy as np

from toylab.members import grid
from toylab.models import Autoencoder
from toylab.optim import AdamW
from toylab.population import Population
from toylab.tasks.superposition.superposition import Sparse
from toylab.train.engine import Program

SCRIPT = """
import json, re
import jax
jax.config.update("jax_num_cpu_devices", 8)
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_default_matmul_precision", "highest")
import numpy as np
from toylab.tasks.superposition.superposition import Sparse
from toylab.train.engine import Program
from toylab.members import grid
from toylab.models import Autoencoder
from toylab.optim import AdamW
from toylab.population import Population

# Nine data seeds of two members: tiles that do not share out evenly over eight devices.
members = grid(data_seed=range(9), learning_rate=(0.01, 0.05))
results, text = [], ""
for devices in (1, 2, 8):
    program = Program(Population(model=Autoencoder(4, 2), task=Sparse(4, 0.3), members=members,
        optimizer=AdamW(0.01, 0.01), steps=30, batch_size=8, devices=devices))
    state, records = program.chunk(program.init(), (0, 10, 30))
    results.append(program.export(state) | {"record": records["loss"]})
    spread = len(state["params"]["W"].sharding.device_set)
    shape = program.layout.index_TGM.shape
text = program.lower().compile().as_text()

# Four tiles of one data seed: on one device they take each step together, on eight each alone.
shared, together = [], []
for devices in (1, 8):
    program = Program(Population(model=Autoencoder(5, 2), task=Sparse(5, 0.3), steps=30,
        members=grid(init_seed=range(16)), optimizer=AdamW(0.01, 0.01), batch_size=8,
        metrics=lambda model, params, task: {"size": (params["W"] ** 2).sum()}, devices=devices))
    state, records = program.chunk(program.init(), (0, 10, 30))
    shared.append(program.export(state) | records)
    together.append(program.together)
talk = "all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter|collective-broadcast"
control = jax.jit(lambda x: x.sum()).lower(
    jax.ShapeDtypeStruct((8,), np.float32, sharding=program.sharding)).compile().as_text()
print(json.dumps({
    "differ": [n for n, a in results[0].items() for other in results[1:]
        if not np.array_equal(a, other[n])],
    "names": sorted(results[0]), "together": together,
    "shared differ": [n for n, a in shared[0].items() if not np.array_equal(a, shared[1][n])],
    "moved": bool(np.abs(results[0]["params/b"]).max() > 0),
    "spread": spread, "shape": shape, "length": len(text),
    "talk": re.findall(talk, text), "control": re.findall(talk, control),
}))
"""


TRANSFORMERS = """
import dataclasses, json
import jax
jax.config.update("jax_num_cpu_devices", 2)
import numpy as np
from toylab.cluster.job import tile_of
from toylab.losses import cross_entropy
from toylab.members import grid
from toylab.models import Transformer
from toylab.optim import AdamW
from toylab.population import Population
from toylab.tasks.in_context.repeats import Repeats
from toylab.train.engine import Program

def trained(population, layout=None):
    program = Program(population, layout)
    state, records = program.chunk(program.init(), (0, 10, 20))
    steps = {name: rows.T for name, rows in records.items()}
    return program.export(state) | steps, program

populations = [Population(model=Transformer(6, 8, 8, 1, 2, hidden=8, norm="layer"), tile=1,
    task=Repeats(n_tokens=6, length=8, shortest=2, longest=4), optimizer=AdamW(0.01, 0.1),
    members=grid(data_seed=range(4)), loss=cross_entropy, steps=20, batch_size=8, devices=devices)
    for devices in (1, 2)]
(one, program), (two, _) = map(trained, populations)
tile = tile_of(populations[0], program.layout.index_TGM[2])
alone, _ = trained(tile.population, tile.layout)
differ = [n for n, a in one.items() if not np.array_equal(a, two[n])]
differ += [n for n, a in one.items() if not np.array_equal(a[tile.members], alone[n])]

# One member, whose batch the two devices share.
lone = [dataclasses.replace(p, members=grid(data_seed=(0,)), shards=2) for p in populations]
(whole, first), (shared, second) = map(trained, lone)
print(json.dumps({"differ": differ, "names": len(one),
    "helpers": [first.helpers, second.helpers], "loss": [float(one["loss"][0, -1]),
    float(shared["loss"][0, -1])],
    "shards differ": [n for n, a in whole.items() if not np.array_equal(a, shared[n])]}))
"""


def told(script: str) -> dict:
    """What a script says, run by a process of its own."""
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def test_transformers_have_the_same_bits_on_one_device_on_two_and_tile_by_tile() -> None:
    found = told(TRANSFORMERS)
    assert found["differ"] == [] and found["names"] > 20
    assert found["helpers"] == [1, 2] and found["shards differ"] == []
    np.testing.assert_allclose(*found["loss"], rtol=1e-4)


def test_any_number_of_devices_gives_the_bits_of_one_without_a_collective() -> None:
    found = told(SCRIPT)
    assert found["differ"] == [] and found["shared differ"] == [] and found["together"] == [4, 1]
    assert {"params/W", "params/b", "dead_at", "record"} <= set(found["names"])
    assert found["moved"] and found["spread"] == 8
    assert found["shape"] == [16, 1, 2]
    assert found["talk"] == [] and found["length"] > 1000
    assert "all-reduce" in found["control"]  # the search would have found one


def computations(text: str) -> dict[str, str]:
    """The computations of a compiled program, by name."""
    parts = re.split(r"\n(?=(?:ENTRY )?%[\w.-]+ \()", text)
    return {name: part for part in parts for name in re.findall(r"%([\w.-]+)", part)[:1]}


def everything_in(name: str, known: dict[str, str]) -> str:
    """A computation and all that it calls."""
    called = re.findall(r"(?:calls|body|condition|to_apply)=%([\w.-]+)", known[name])
    return known[name] + "".join(everything_in(other, known) for other in called)


def test_a_batch_is_drawn_once_for_all_the_tiles_of_a_step() -> None:
    program = Program(
        Population(
            model=Autoencoder(5, 2),
            task=Sparse(5, density=0.3),
            members=grid(init_seed=range(16)),
            optimizer=AdamW(0.01, 0.01),
            steps=10,
            batch_size=64,
            devices=1,
        )
    )
    assert program.layout.index_TGM.shape == (4, 1, 4) and program.together == 4
    known = computations(program.compiled.as_text())
    loops = {body for part in known.values() for body in re.findall(r"body=%([\w.-]+)", part)}
    within = {body: everything_in(body, known) for body in loops}
    innermost = [body for body in loops if "body=%" not in within[body] and "dot(" in within[body]]
    drawn = "shift-right-logical"
    assert len(innermost) == 1 and drawn not in within[innermost[0]]
    assert any(drawn in within[body] for body in loops)
