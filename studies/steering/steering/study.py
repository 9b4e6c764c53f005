"""Steering and reading a network: thirteen methods, each beside a random control.

    toylab run steering

The methods come from papers on large models, where nobody knows what a network should have
stored. Here the truth is known. A small decoder is trained on three languages at once: maps from
examples, stored facts, and stories with a mood (``tasks/phrases.py``). Heads, reading vectors and
added activations steer the mood; task vectors carry a map from examples to a prompt without any;
lenses read every layer; a linear map and a few neurons stand for facts. Perceptrons on scenes and
on equality (``studies/_steering/classifier.py``) serve the other methods.

What it shows, in the laptop preset. Means of classes and paired differences find the mood's
direction and steer it, far beyond random directions, though they read an untold mood only 10 points
better; a contrast of two words, added at the first place, barely steers. Linear maps name 81% of
held-out facts of one word, and their moves change the answer. Lenses and a linear choice among
samples work as told; interchange of a variable reaches 95% on three seeds of five. Task vectors
fail: after five examples the network is always right, yet its activation at the arrow, from no
layer, helps a bare prompt. Arithmetic on weights fails too, mostly on rules that the network knew
before; whether its fine-tuning moved weights too little was not measured. Noise on the neurons that
tell a rule best costs no more than on random ones. The test of concepts calls concepts of the rule
significant, and more than half of those that are not in it.

What is done otherwise. All seeds share one world: units are initialisations and data. A swing of a
mood is judged at a cost of 0.1 nats at verbs, on which the mood has no say, and random directions
may choose their best layer and dose too. LRE's layer, beta and rank are chosen on development
subjects of the same relation.

Tried before, on one seed, by the training loss alone: facts and stories are learned in 200 steps of
32 phrases; maps take 1,500 at a rate of 4e-3 (99% right after five examples) and stay at 65% in 800
steps at 3e-3. Half of the phrases are maps for that reason.

Source: the papers that each module of ``toylab/steering`` names.
"""

from collections.abc import Mapping

import numpy as np
import polars as pl

from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.study import Study

from .classifier import networks as classifier
from .classifier.claims import CLAIMS as CLASSIFIER
from .language import network as language
from .language.claims import CLAIMS as LANGUAGE
from .language.lens import lens_tables
from .language.maps import map_tables
from .language.moods import mood_tables
from .language.network import Config
from .language.neurons import neuron_table
from .language.relations import relation_table


def populations(config: Config) -> dict[str, Population]:
    """The language models and the perceptrons."""
    return language.populations(config) | classifier.populations(config)


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Tables of every method; a dead network's rows are NaN."""
    params = run.params("language")
    tables = {
        "learned": language.learned_table(config, params),
        **mood_tables(config, params),
        **map_tables(config, params),
        **lens_tables(config, params),
        "relations": relation_table(config, params),
        "neurons": neuron_table(config, params),
    }
    lost = np.flatnonzero(run.dead_at("language") >= 0)
    found = {name: classifier.without(table, lost) for name, table in tables.items()}
    return found | dict(classifier.measure(config, run))


SMOKE = {
    "lm_items": 8,
    "lm_subjects": 8,
    "lm_triples": 4,
    "lm_width": 16,
    "lm_depth": 2,
    "lm_heads": 2,
    "lm_hidden": 16,
    "lm_steps": 10,
    "lm_batch": 8,
    "lm_stories": 16,
    "lm_prompts": 4,
    "lm_top_heads": 1,
    "lm_doses": (1.0,),
    "lm_random": 1,
    "lm_demo_sets": 4,
    "lm_lens_batches": 2,
    "lm_lens_epochs": 1,
    "lm_train_subjects": 2,
    "lm_neurons": 4,
    "lm_facts": 8,
}

study = Study(
    name="steering",
    title="Steering and reading: thirteen methods beside random controls",
    paper="Li et al. 2023, Zou et al. 2023, Hendel et al. 2023, Hernandez et al. 2023 and others",
    presets={
        "smoke": Config(seeds=2, **SMOKE, **classifier.PRESETS["smoke"]),
        "laptop": Config(**classifier.PRESETS["laptop"]),
        "paper": Config(
            seeds=10,
            lm_depth=6,
            lm_width=128,
            lm_hidden=512,
            lm_steps=10_000,
            lm_batch=256,
            **classifier.PRESETS["paper"],
        ),
    },
    costs={
        "smoke": "compiling takes most of it",
        "laptop": "9 minutes on 2 cores beside other work: 10,000 model-steps of the decoder",
        "paper": "the methods have no setting of their own here: a larger network, for one GPU",
    },
    populations=populations,
    measure=measure,
    claims=(*LANGUAGE, *CLASSIFIER),
)
