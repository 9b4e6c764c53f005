"""Symptoms of attention sinks against loops."""

import jax.numpy as jnp
import numpy as np
import pytest

from toylab.analysis.sinks import sink_sites, sink_symptoms

B, L, K, D = 3, 8, 2, 4
RNG = np.random.default_rng(0)


def test_symptoms_agree_with_loops():
    pattern = np.tril(RNG.random((B, 1, L, L))).astype(np.float32)
    pattern[0, 0, 3:5] = 0  # ReLU attention may attend to nothing
    score = RNG.normal(size=(B, 1, L, L)).astype(np.float32)
    value = RNG.normal(size=(B, L, 1, K)).astype(np.float32)
    resid, w_o = RNG.normal(size=(B, L, D)), RNG.normal(size=(K, D))
    on = RNG.random((B, L)) < 0.5
    on[:, :2] = False
    off = ~on
    off[:, :2] = False
    acts = dict(zip(sink_sites(0), map(jnp.float32, (value, score, pattern, resid)), strict=True))
    got = sink_symptoms(acts, jnp.float32(w_o), (jnp.asarray(on), jnp.asarray(off)))
    places = lambda mask: np.argwhere(mask)
    share = lambda row: row[0] / row.sum() if row.sum() else 0
    known = {
        "sink_off": np.mean([pattern[b, 0, i, 0] for b, i in places(off)]),
        "sink_on": np.mean([pattern[b, 0, i, 0] for b, i in places(on)]),
        "share_off": np.mean([share(pattern[b, 0, i]) for b, i in places(off)]),
        "share_on": np.mean([share(pattern[b, 0, i]) for b, i in places(on)]),
        "second_off": np.mean([pattern[b, 0, i, 1] for b, i in places(off)]),
        "even": np.mean([1 / (i + 1) for _, i in places(off)]),
        "logit_gap": np.mean(
            [score[b, 0, i, 0] - score[b, 0, i, 1 : i + 1].mean() for b, i in places(off)]
        ),
        "value_start": np.mean([np.linalg.norm(value[b, 0, 0] @ w_o) for b in range(B)]),
        "value_other": np.linalg.norm(value[:, 1:, 0] @ w_o, axis=-1).mean(),
        "resid_start": np.linalg.norm(resid[:, 0], axis=-1).mean(),
        "resid_other": np.linalg.norm(resid[:, 1:], axis=-1).mean(),
    }
    assert set(got) == set(known)
    for name, number in known.items():
        assert float(got[name]) == pytest.approx(number, rel=1e-4), name
