"""CountDown: a network learns to search from imperfect traces, and reward changes how it does.

    toylab run countdown
    toylab run countdown --preset night      # 90 minutes; its claims are the published ones
    toylab run countdown --preset paper      # 3M parameters, 4 numbers, one GPU

A prompt gives numbers and a target. A search trace makes attempts, marks each ``no`` or ``ok`` and
answers; an optimal path answers at once. Gandhi et al. find that a network trained on imperfect
searches solves more than one trained on optimal paths; Qin et al. find what reward (GRPO) then adds
to each. Here attempts come in random order, at most four of them, and one verdict in ten is wrong.

What is done otherwise. One token per number, three numbers, sums and differences only, so that it
can be learned in minutes; hands and targets are enumerated, and a tenth of each is held out. An
attempt is a whole plan, so there is no tree to backtrack in. Verdicts count eight times in the loss
of pretraining, three times in the night preset. A rollout batch serves two updates. Controls:
random search with the same budgets, exact; the teacher's own verdict noise; networks trained on
correct verdicts, before and after reward; rewards exchanged at random, for optimal paths alone.

Source: Gandhi et al. 2024 (arXiv:2404.03683); Qin et al. 2025 (arXiv:2504.07052); GRPO: Shao et al.
2024 (arXiv:2402.03300).

Did not reproduce: that search beats optimal paths (night preset, eight seeds). Networks keep the
rules in 97% of their greedy attempts, 98% after right verdicts, so that claims about search can be
tested; of sampled attempts 90% do, where 99.2% of the paper's states are right. But optimal paths
of this world are learned nearly whole: 98% of the held-out hands greedily, 91% sampled, against 67
and 55% of searches from noisy verdicts, 76 and 70% from right ones; four samples of paths cover 30
points more than one trace solves. Random search with as many attempts would solve 77%. Where a path
can be told at once there is nothing for search to win; of games in which it cannot, as the paper's
of four numbers, this says nothing.

Reward adds 16 points to sampled traces, and 4 after right verdicts, so that most of it is noise of
verdicts that is unlearned (wrong attempts marked ok fall from 14% to none). On held-out targets it
takes 12 points away. Fewer attempts keep the rules after it (75% of those sampled, 84% of greedy
ones), fewer openings differ, and pass@16 falls by a point, not rises. Optimal paths, right in 91%
of samples, gain nothing; random rewards take 15 points. Right attempts are marked wrong less often,
by 6 points, but not by one after right verdicts, so that this is noise unlearned too, and random
search stays 6 points ahead of search with reward. Left open: held-out targets, on which one seed
differs (search 29 points behind, 42 behind to 11 ahead), whether networks copy the teacher's noise
to 3 points (they mark wrong attempts ok more often by 3, 2 to 4), whether traces grow, whether
reward makes up for noisy verdicts (search with it is ahead of right verdicts without it by 1 point,
-3 to 4), whether it has wrong attempts marked ok where no noise is to be unlearned, and whether
paths lose coverage.

Tried: on two seeds each, judged by the loss, by results and by verdicts on held-out hands. Three
operations and seven to ten attempts learn right results on 20,000 traces, but a third of the
attempts sampled at temperature 1 use a number that is not in hand. Rotary positions learn results
sooner but had learned no verdict by then; learned positions learn verdicts after 15,000 traces, and
with the present world after 12,000. Numbers to 9 leave 148 hands to learn from, which are
memorised. Reward at a rate of 1e-3 destroyed one of two networks, at 3e-4 both rose slowly. A first
judged run on 5 seeds gave 40 updates of reward, at whose end accuracy still rose (12 points, 95%
interval 6 to 16): now there are 70. Its optimal paths came in batches of 1.2 times the searches'
predicted tokens, and random rewards at their rate, 5e-4, halved their pass@1: now the batch has
about as many tokens and their rate is a fifth. Networks trained on correct verdicts got no reward
then, so that nothing told whether verdict errors fall by more than unlearned noise. In the laptop
preset networks of five seeds broke the rules in 55% of their sampled attempts after 600 steps, so
that nothing about search could be tested, and random search solved more. One network of another
seed kept them in 87% of sampled and 99% of greedy attempts after 3,000 steps. Pilots on seed
10,000, by sampled attempts on held-out hands: after 6,000 steps 89% at a rate of 8e-3, 95% at 3e-3
and at 1.5e-3; a weight decay of 1 flattens what is sampled (83%); with one of 0.1 and verdicts that
count three times it is 95% after 4,000 steps. After 1,000 steps (seeds 10,000 and 10,001) it is 75
and 78% with AdamW, 82 and 75% with Muon at 0.01, so that neither is better, and 71 to 74% with
numbers to 24. After 1,875 of 2,500 steps 99% of greedy attempts keep the rules and 89 and 90% of
sampled ones. So the night preset trains for 2,000 steps, and preconditions ask whether greedy
attempts keep the rules: they tell what is learned, and sampling at temperature 1 what it is still
unsure of. After the networks were trained, before anything was measured, openings that break the
rules were left out of those that are compared.
"""

import dataclasses
from collections.abc import Mapping

import jax
import numpy as np
import polars as pl

from toylab.errors import check_number
from toylab.members import zipped
from toylab.population import Population
from toylab.runs.run_folder import RunFolder
from toylab.study import Study

from .. import network as n
from ..scoring import baselines, score_rows
from .claims import CLAIMS

# Arm: its population, and which of two halves of the members.
ARMS = {
    "search": ("search", 0),
    "reward": ("reward", 0),
    "clean": ("search", 1),
    "clean reward": ("reward", 1),
    "direct": ("direct", 0),
    "direct reward": ("direct_reward", 0),
    "direct spurious": ("direct_reward", 1),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(n.Network):
    """The network's settings, and those of what it is compared with."""

    direct_batch: int = 160  # answers per update: about a batch of searches' predicted tokens
    direct_piece: int = 32
    direct_reward_steps: int = 70
    direct_reward_rate: float = 1e-4
    samples: int = 16  # traces sampled for each held-out instance
    judged: int = 512  # held-out instances of each kind that scores are of, at most

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("countdown", "samples", self.samples, low=10, whole=True)
        check_number("countdown", "judged", self.judged, low=1, whole=True)


def populations(config: Config) -> dict[str, Population]:
    """Searchers and answerers at once, before and after reward.

    The first searchers, one per seed, learn from noisy verdicts; as many more, with starts and data
    of their own, from right ones.
    """
    seeds = tuple(range(2 * config.seeds))
    noise = (config.verdict_noise,) * config.seeds + (0.0,) * config.seeds
    taught = zipped(init_seed=seeds, data_seed=seeds, verdict_noise=noise)
    asked = zipped(init_seed=seeds, data_seed=seeds)
    short = dataclasses.replace(
        config, reward_steps=config.direct_reward_steps, reward_rate=config.direct_reward_rate
    )
    twice = [(seed, spurious) for spurious in (0, 1) for seed in range(config.seeds)]
    seed, spurious = zip(*twice, strict=True)
    members = zipped(init_seed=seed, data_seed=seed, spurious=spurious)
    return {
        "search": n.pretrained(config, config.world(), members=taught),
        "reward": n.rewarded(config, "search", config.length, members=asked),
        "direct": n.pretrained(
            config,
            config.world(attempts=0),
            batch_size=config.direct_batch,
            piece=config.direct_piece,
        ),
        "direct_reward": n.rewarded(
            short, "direct", config.rules.answer_length, members=members, piece=0
        ),
    }


def measure(config: Config, run: RunFolder) -> Mapping[str, pl.DataFrame | np.ndarray]:
    """Scores, pass@k and chance; every arm on the same held-out instances."""
    tables: dict[str, list] = {"scores": [], "passk": []}
    steps = {"reward": config.reward_steps, "direct_reward": config.direct_reward_steps}
    for arm, (name, half) in ARMS.items():
        params = run.params(name, steps.get(name, config.steps))
        diverged = run.dead_at(name) >= 0
        length = config.rules.answer_length if "direct" in name else config.length
        for seed in range(config.seeds):
            member = half * config.seeds + seed
            own = jax.tree.map(lambda leaf, i=member: np.asarray(leaf[i]), params)
            found = score_rows(config, arm, own, length, seed, config.samples, config.judged)
            for table, rows in found.items():
                tables[table] += [row | {"diverged": bool(diverged[member])} for row in rows]
    curve = run.metrics().filter(pl.col("population").is_in(["reward", "direct_reward"]))
    stored = {name: pl.DataFrame(rows) for name, rows in tables.items()}
    return stored | {"baselines": pl.DataFrame([baselines(config, config.judged)]), "curve": curve}


study = Study(
    name="countdown",
    title="CountDown: search traces, optimal paths, and what reward changes",
    paper="Gandhi et al. 2024 (arXiv:2404.03683); Qin et al. 2025 (arXiv:2504.07052)",
    presets={
        "smoke": Config(
            **n.SMOKE,
            largest=4,
            high=12,
            top=16,
            attempts=2,
            room=2,
            direct_batch=4,
            direct_piece=0,
            direct_reward_steps=2,
            samples=10,
        ),
        "laptop": Config(),
        "night": Config(**n.NIGHT),
        "paper": Config(
            **n.PAPER,
            direct_reward_rate=5e-5,
            direct_batch=2_048,
            direct_piece=0,
            direct_reward_steps=1_000,
        ),
    },
    costs={
        "smoke": "compiling takes most of it",
        "laptop": "45 minutes on 2 cores: search 18, reward 15, optimal paths 10; too short for "
        "the rules to be learned, so that claims about search want the night's",
        "night": "90 minutes on 2 cores: search 50, optimal paths 25, reward 15",
        "paper": "not run yet; 3 million parameters, 4 numbers, contexts of 433 tokens, one GPU",
    },
    populations=populations,
    measure=measure,
    claims=CLAIMS,
)
