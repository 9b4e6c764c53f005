"""What networks show of the class they never saw: asked for it, over-prompted, shifted inside.

Class 11 differs from the trained 01 in colour. Over-prompting asks for a colour beyond that of 11;
a latent shift adds to its embedding a part of what class 10 has more than 00. Controls are random
directions of the same length, and asking for more size.

N places, X pixels, E embedding.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import Array

from toylab import random
from toylab.models.images.conditional import ConditionalDecoder
from toylab.taps import Params
from toylab.tasks.concept_space.discs import Discs
from toylab.tasks.concept_space.readers import read

PLACES = 32  # at which every record is judged
STRENGTHS = (0.125, 0.25, 0.5, 1.0)  # of the gap, or of the difference of embeddings
FIXED = 0.5  # the strength that claims are judged at, chosen on other seeds
RANDOM = 4  # directions
NEW, NEIGHBOUR = 3, "class 1"  # class 11, and 01, which differs in colour


def embeddings(model: ConditionalDecoder, params: Params, task: Discs) -> dict[str, Array]:
    """Embeddings by name, each (E,): of classes, of the new one over-prompted, and shifted."""
    at = lambda asked: model.encode(params, asked[None])[0]
    new, colour, size = task.values(NEW), *jnp.diag(task.gaps)
    naive, shift = at(new), at(task.values(2)) - at(task.values(0))
    found = {f"class {c}": at(task.values(c)) for c in task.trained} | {"naive": naive}
    for s in STRENGTHS:
        found |= {f"over {s}": at(new + s * colour), f"latent {s}": naive + s * shift}
    found["wrong"] = at(new + FIXED * size)
    for k, line in enumerate(random.normal(jax.random.key(0), (RANDOM, model.embed))):
        length = FIXED * jnp.linalg.norm(shift) / jnp.linalg.norm(line)
        found[f"random {k}"] = naive + length * line
    return found


def draw(model: ConditionalDecoder, params: Params, e_E: Array, place_N2: Array) -> Array:
    """Decode one embedding at every place, (N, X)."""
    e_NE = jnp.broadcast_to(e_E, (len(place_N2), len(e_E)))
    return model.decode(params, e_NE, place_N2)


def responses(model: ConditionalDecoder, params: Params, task: Discs) -> Mapping[str, Array]:
    """Shares of places, by prompt and reader, at which the class asked for is shown.

    Besides: the colour and size shown (x, y), and the cosine of over-prompt and latent shift.
    """
    place_N2 = task.places(PLACES)
    asked = embeddings(model, params, task)
    which = [int(n[-1]) if n.startswith("class") else NEW for n in asked]
    one = lambda e_E, c: read(task, draw(model, params, e_E, place_N2), place_N2, c)
    every = jax.vmap(one)(jnp.stack([*asked.values()]), jnp.asarray(which))
    shares = jax.tree.map(lambda leaf: leaf.mean(1), every)
    found: dict[str, Array] = {}
    for i, name in enumerate(asked):
        found |= {f"{name} lenient": shares.lenient[i], f"{name} strict": shares.strict[i]}
        if name in ("naive", NEIGHBOUR, f"over {FIXED}"):
            found |= dict(zip((f"{name} x", f"{name} y"), shares.concepts[i], strict=True))
        if name == "naive":
            found |= dict(zip(("colour", "size"), shares.bits[i], strict=True))
    trained = [found[f"class {c} strict"] for c in task.trained]
    found["trained strict"] = jnp.min(jnp.stack(trained))
    over, latent = (asked[f"{how} {FIXED}"] - asked["naive"] for how in ("over", "latent"))
    length = jnp.linalg.norm(over) * jnp.linalg.norm(latent)
    return found | {"alike": jnp.sum(over * latent) / length}
