"""One, two, four and eight devices: the same bits, and no talk between them."""

import json
import subprocess
import sys

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
for devices in (1, 2, 4, 8):
    program = Program(Population(model=Autoencoder(4, 2), task=Sparse(4, 0.3), members=members,
        optimizer=AdamW(0.01, 0.01), steps=30, batch_size=8, devices=devices))
    state, records = program.chunk(program.init(), (0, 10, 30))
    results.append(program.export(state) | {"record": records["loss"]})
    spread = len(state["params"]["W"].sharding.device_set)
    shape = program.layout.index_TGM.shape
text = program.lower().compile().as_text()
talk = "all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter|collective-broadcast"
control = jax.jit(lambda x: x.sum()).lower(
    jax.ShapeDtypeStruct((8,), np.float32, sharding=program.sharding)).compile().as_text()
print(json.dumps({
    "differ": [n for n, a in results[0].items() for other in results[1:]
        if not np.array_equal(a, other[n])],
    "names": sorted(results[0]),
    "moved": bool(np.abs(results[0]["params/b"]).max() > 0),
    "spread": spread, "shape": shape, "length": len(text),
    "talk": re.findall(talk, text), "control": re.findall(talk, control),
}))
"""


def test_any_number_of_devices_gives_the_bits_of_one_without_a_collective() -> None:
    told = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    assert found["differ"] == []
    assert {"params/W", "params/b", "dead_at", "record"} <= set(found["names"])
    assert found["moved"] and found["spread"] == 8
    assert found["shape"] == [16, 1, 2]
    assert found["talk"] == [] and found["length"] > 1000
    assert "all-reduce" in found["control"]  # the search would have found one
