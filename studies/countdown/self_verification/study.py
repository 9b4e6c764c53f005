"""Self-verification: how a network that plays CountDown checks its own attempts.

    toylab run self_verification
    toylab run self_verification --preset night    # an hour; its claims are the published ones

After an attempt at the target the network says ok or no. Lee et al. take a language model that was
trained by reward and find, from above, a linear probe for the verdict and the MLP vectors along it;
from below, heads that look back at the target; a score of composition picks three of them, and with
these three ablated the model never notices that it is right.

What is done otherwise. The network has a dozen heads where theirs has 576, and is trained from
scratch on imperfect traces before reward, so that one can look at both sides of it. Attempts are
minimal pairs, right under one target and wrong under another, with numbers that it never saw, so
that neither position nor number gives the verdict away. Held-out hands are few: in the laptop
preset and the night's 32 reach two targets, with 144 pairs of right and wrong target. Half of these
hands make the 64 pairs on which parts are ablated, 35 of them distinct, the other half the 64 on
which heads are patched to choose by, 40 distinct; where a pair recurs, earlier attempts or the
order of the numbers mostly differ. The halves share no hand, but share targets. Sizes are larger
shares than the paper's: the upper two of three blocks for its half, 8 value vectors of 256 per
block and sign for its 50 of 11,008, and three heads of a dozen, or all that look at the target
where these are fewer (where no more than three do, on five seeds of eight, the choice owes nothing
to the score). Heads are ablated at all places; the paper ablates them for the verdict alone.
Controls that the paper lacks: the untrained network, counts of tokens, random neurons, heads that
look most at the token before (no head gives it a third of its weight), mean ablation, and whether
arithmetic survives. Random heads come from the same layers and from any: where both chosen heads
are in one block, its two others are the only draw.

Source: Lee, Sun, Wendler, Viégas and Wattenberg 2025 (arXiv:2504.14379), with their code.

Did not reproduce: that the composition score ranks heads as their ablations do (Spearman 0.13,
-0.32 to 0.39). Seeds differ in what their heads do. All networks have learned (results of known
steps right in 100% before reward and 99.9% after it, verdicts in all cases), and a linear probe
reads the verdict in all, before reward and after. With the heads chosen by score ablated at all
places, 81% of right attempts are no longer accepted in the mean: nearly all on six seeds of eight,
two thirds on one, none on the last, so that the claim stays open (-0.13 to 1.11). There 43% of the
results go wrong too, as with random heads of the same layers (47%); at the last two tokens alone,
where arithmetic stays whole, the chosen heads silence 56 points more than random ones do (11 to
89). With heads chosen by patching ablated there the network says no to 74%, which is open too.
Ablating value vectors along the probe costs 73% on one seed, 11 and 13 on two, and next to nothing
on five. The verdict is made at the result in three networks, not in the others. In the network's
own traces errors of both signs fall under reward because the noise of the traces is unlearned (see
``countdown``).

Tried: a first judged run on 5 seeds showed that heads ablated at all places break the arithmetic of
the trace too, random ones as well, and that seeds differ: where one compares at the result, another
does at "(". Since then heads are also ablated at these two tokens alone, those chosen by score and
those that rank highest when they are patched. After the run that judged these, a review added heads
of any layer and whether the network says no, gave the pairs for patching hands of their own, and
drew random heads five times, not once, for continuations. A judged night of 2,000 steps and the
reward of ``countdown`` left 95% of the results right before it and 89% after it. A pilot (seed
10,000) found that nearly all the errors before reward are sums next to the top that only held-out
hands have, as 12 + 23, of which a sixth are right; of the others 99.4% are. So the precondition is
of steps that other hands have too, and a network cannot be asked what it could not learn. Reward
at 5e-4 costs arithmetic on all hands (94% of training hands' results remain); at 1e-4 with ten
times the KL all of these remain, as many hands are solved, and 98.8% of known steps are right; with
thirty times 99.6%, but fewer hands are solved. Hence twenty, and 4,000 steps before reward.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl

from toylab.errors import check_number
from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.study import Study
from toylab.taps import Params
from toylab.tasks.countdown.countdown_pairs import draw_halves, draw_pairs, signs, split_groups

from .. import network as net
from . import networks as n
from . import probing as p
from .beliefs import stream_rows, trace_rows
from .claims import CLAIMS

FIT, TEST = 201, 202  # seeds of pairs


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(net.Network):
    """The network's settings, and what is measured."""

    fit_pairs: int = 500  # a fifth of them chooses the layer
    test_pairs: int = 150
    bench_pairs: int = 64  # of these, on which parts are ablated; as many more are patched
    earlier: int = 2  # most attempts before the one that is judged
    vectors: int = 8  # per block and sign
    draws: int = 10  # of random heads, and of random neurons
    further: int = 1  # attempts that the network may write on

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("fit_pairs", "test_pairs", "bench_pairs", "vectors", "draws"):
            check_number("self_verification", name, getattr(self, name), low=1, whole=True)
        most = self.test_pairs // 2
        check_number("self_verification", "bench_pairs", self.bench_pairs, high=most)
        check_number("self_verification", "earlier", self.earlier, low=0, whole=True)
        last = self.room - self.earlier - 1
        check_number("self_verification", "further", self.further, low=0, high=last, whole=True)


def populations(config: Config) -> dict[str, Population]:
    """The network before and after reward."""
    search = net.pretrained(config, config.world())
    return {"search": search, "reward": net.rewarded(config, "search", config.length)}


def plan_of(config: Config) -> n.Plan:
    """What is asked of every network: the same attempts of all."""
    rules = config.rules
    fit = draw_pairs(rules, config.fit_pairs, config.earlier, "train", FIT)
    test = draw_halves(rules, config.test_pairs, config.earlier, "numbers", TEST)
    return n.Plan(
        config.model(),
        rules,
        signs(rules),
        p.Parts(*split_groups(fit, 0.8, FIT), test),
        2 * config.bench_pairs,
        config.vectors,
        config.draws,
        config.further,
    )


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Measure every network: untrained, before reward and after it."""
    plan = plan_of(config)
    weights = {arm: run.params(arm) for arm in ("search", "reward")}
    weights["untrained"] = run.params("search", 0)
    bag = p.bag_accuracy(plan.rows, plan.rules.vocab)
    tables: dict[str, list[dict[str, Any]]] = {}
    for seed in range(config.seeds):
        before, after = (member_of(run, name, seed) for name in ("search", "reward"))
        place = {"untrained": before, "search": before, "reward": after}
        own = {arm: _member(leaves, place[arm]) for arm, leaves in weights.items()}
        found = _arms(plan, own, seed)
        for arm, one in found.items():
            rows = one.tables | {"probes": [*one.tables["probes"], bag]}
            if arm != "untrained":
                rows |= trace_rows(one, plan.rules)
            if arm == "reward":
                rows |= stream_rows(one)
            for name, listed in rows.items():
                label = {"arm": arm, "init_seed": seed}
                tables.setdefault(name, []).extend(label | row for row in listed)
    return {name: pl.DataFrame(rows, infer_schema_length=None) for name, rows in tables.items()}


def member_of(run: RunFolder, population: str, seed: int) -> int:
    """Place of a seed's network in a population."""
    return run.members(population).filter(init_seed=seed)["member"].item()


def _arms(plan: n.Plan, own: Mapping[str, Params], seed: int) -> dict[str, n.Found]:
    """Measure one seed's networks, the one after reward beside the one before."""
    search = n.measure_network(plan, own["search"], seed)
    assert search.heads is not None
    before = n.Before(search.fitted.probe, search.heads.chosen)
    return {
        "untrained": n.probe_network(plan, own["untrained"], seed),
        "search": search,
        "reward": n.measure_network(plan, own["reward"], seed, before),
    }


def _member(params: Params, member: int) -> Params:
    return jax.tree.map(lambda leaf: jnp.asarray(leaf[member]), params)


study = Study(
    name="self_verification",
    title="Self-verification: how a network checks its own attempts at CountDown",
    paper="Lee, Sun, Wendler, Viégas and Wattenberg 2025 (arXiv:2504.14379)",
    presets={
        "smoke": Config(
            **net.SMOKE,
            largest=6,
            high=20,
            attempts=3,
            room=3,
            fit_pairs=20,
            test_pairs=8,
            bench_pairs=4,
            earlier=1,
            vectors=2,
            draws=1,
            further=1,
        ),
        "laptop": Config(),
        "night": Config(**net.NIGHT | {"steps": 4_000}, reward_rate=1e-4, kl=0.2),
        "paper": Config(**net.PAPER, test_pairs=600, bench_pairs=300, draws=30),
    },
    costs={
        "smoke": "short training; compiling takes most of it",
        "laptop": "networks as in countdown, then 140 passes over 128 attempts each",
        "night": "8 networks, trained for 4,000 steps: an hour; then as in laptop",
        "paper": "networks as in countdown, then 200 passes over 600 attempts each",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
