"""Local learning coefficient: how many directions of a loss count around a minimum w*.

    lambda = n_beta (E_w[L(w)] - L(w*)),    w ~ exp(-n_beta L(w) - gamma |w - w*|^2 / 2),

with L the loss on *all* data, or the population's. A regular minimum of N parameters has N / 2, a
valley of rank r has r / 2, a singular one less: :mod:`toylab.analysis.landscape.exact` has numbers
to compare with. The expectation is over stochastic gradient Langevin dynamics (SGLD):

    w <- w - (eps / 2) (n_beta grad L(w) + gamma (w - w*)) + sqrt(eps) N(0, I).

How to choose: n_beta is ``n / log n`` of the n training examples (:func:`wbic`), never of a batch;
values of different n_beta are not comparable. gamma at least ten times below ``n_beta h`` of every
curvature h that shall count. eps is .1 over the largest ``a = n_beta h + gamma`` if not given;
above 1 over it the estimate is inflated, above 4 it diverges, so that more than 1 is refused. A
direction needs about ``2 / (eps a)`` steps to mix. Estimate at several eps and gamma, by vmap, and
trust a plateau.

Sources: Lau, Furman, Wang, Murfet and Wei 2023 (arXiv:2308.12108); SGLD after Welling and Teh 2011.
"""

from typing import NamedTuple

import jax
import jax.core
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from toylab.analysis.landscape.flat import Loss, Tree, flat
from toylab.analysis.landscape.lanczos import top_eigenvalues
from toylab.errors import ToylabError, check_number
from toylab.random import fold_in, normal
from toylab.task import Number


class Chains(NamedTuple):
    """Trajectories of C chains of SGLD over S steps.

    Attributes:
        excess_CS: ``L(w) - L(w*)`` after every step.
        distance_CS: ``|w - w*|`` after every step.
        last: the chains' last parameters, a tree with a leading axis C.
    """

    excess_CS: Array
    distance_CS: Array
    last: Tree


class Coefficient(NamedTuple):
    """A local learning coefficient with what tells whether to believe it.

    Attributes:
        value: the estimate, a mean over chains; negative if w* is not a minimum.
        chain_C: each chain's own estimate.
        loss: L(w*).
        gradient_norm: ``|grad L(w*)|``; of a minimum it is 0.
        excess_CS: ``L(w) - L(w*)`` after every step, burn-in included.
        distance_CS: ``|w - w*|`` after every step.
        r_hat: split R-hat of the losses after burn-in; 1 if the chains agree with one another and
            with themselves later on.
        n_beta: the inverse temperature.
        localization: gamma.
        step_size: eps.
        stability: eps times the largest a at w*; from 4 on the chains diverge.
        stability_C: the same where each chain ended: the curvature there may be larger.
        burn_in: steps that the estimate leaves out.
    """

    value: Array
    chain_C: Array
    loss: Array
    gradient_norm: Array
    excess_CS: Array
    distance_CS: Array
    r_hat: Array
    n_beta: Array
    localization: Array
    step_size: Array
    stability: Array
    stability_C: Array
    burn_in: Array


def wbic(examples: int) -> float:
    """Return ``n_beta = n / log n``, Watanabe's inverse temperature for n training examples.

    Raises:
        ToylabError: fewer than two examples.

    Source: Watanabe 2013 (A widely applicable Bayesian information criterion).

    Example:
        >>> round(wbic(1000), 2)
        144.76
    """
    check_number("wbic", "examples", examples, 2, whole=True)
    return float(examples / np.log(examples))


def sgld(
    loss: Loss,
    params: Tree,
    key: Array,
    n_beta: Number,
    localization: Number,
    step_size: Number,
    chains: int,
    steps: int,
) -> Chains:
    """Run chains of SGLD that start at w* and are held near it; nothing is refused here.

    Args:
        loss: parameters to one number, on all data.
        params: w*.
        key: of the noise.
        n_beta: inverse temperature.
        localization: gamma.
        step_size: eps.
        chains: C.
        steps: S.

    Example:
        >>> found = sgld(jnp.sum, jnp.zeros(3), jax.random.key(0), 0.0, 1.0, 0.1, 2, 5)
        >>> found.distance_CS.shape
        (2, 5)
    """
    start_N, flat_loss, back = flat("sgld", loss, params)
    kind = start_N.dtype
    beta, gamma, eps = (jnp.asarray(x, kind) for x in (n_beta, localization, step_size))
    least, slope_N = jax.value_and_grad(flat_loss)(start_N)

    def chain(index: Array) -> tuple[Array, Array, Array]:
        own = fold_in(key, index)

        def step(state: tuple[Array, Array], number: Array) -> tuple[tuple[Array, Array], Array]:
            w_N, grad_N = state
            noise_N = normal(fold_in(own, number), w_N.shape).astype(kind)
            pull_N = beta * grad_N + gamma * (w_N - start_N)
            w_N = w_N - eps / 2 * pull_N + jnp.sqrt(eps) * noise_N
            value, grad_N = jax.value_and_grad(flat_loss)(w_N)
            return (w_N, grad_N), jnp.stack([value - least, jnp.linalg.norm(w_N - start_N)])

        numbers = jnp.arange(steps, dtype=jnp.int32)
        (last_N, _), told_S2 = jax.lax.scan(step, (start_N, slope_N), numbers)
        return told_S2[:, 0], told_S2[:, 1], last_N

    excess_CS, distance_CS, last_CN = jax.vmap(chain)(jnp.arange(chains, dtype=jnp.int32))
    return Chains(excess_CS, distance_CS, jax.vmap(back)(last_CN))


def local_learning_coefficient(
    loss: Loss,
    params: Tree,
    key: Array,
    *,
    n_beta: Number,
    localization: Number,
    step_size: Number | None = None,
    chains: int = 4,
    draws: int = 500,
    burn_in: int = 500,
    lanczos_steps: int = 30,
) -> Coefficient:
    """Estimate the local learning coefficient at w* by SGLD.

    ``lambda = n_beta (mean over chains and draws of L(w) - L(w*))``. Print what :func:`doubts` has
    to say of the result.

    Args:
        loss: parameters to one number, on all data: a batch would make another loss.
        params: w*, a minimum.
        key: of the noise.
        n_beta: inverse temperature, such as :func:`wbic` gives; no default, for there is none.
        localization: gamma, the pull back to w*.
        step_size: eps; .1 over the largest a if None.
        chains: C, four or more.
        draws: steps of each chain that count.
        burn_in: steps of each before, at least as many.
        lanczos_steps: for the largest curvature.

    Raises:
        ToylabError: numbers out of range, a loss that is not one number, or an eps of more than 1
            over the largest a. Inside jit and vmap, where a number has no value yet, the last is
            not refused: the estimate is NaN.

    Source: Lau et al. 2023 (arXiv:2308.12108).

    Example:
        >>> found = local_learning_coefficient(
        ...     lambda w: jnp.sum(w**2) / 2, jnp.zeros(4), jax.random.key(0), n_beta=100.0,
        ...     localization=1.0)
        >>> abs(float(found.value) - 4 / 2) < 0.5
        True
    """
    _check(n_beta, localization, step_size, chains, draws, burn_in)
    kind = jax.tree.leaves(params)[0].dtype
    beta, gamma = jnp.asarray(n_beta, kind), jnp.asarray(localization, kind)

    def largest(w: Tree, k: Array) -> Array:
        h = top_eigenvalues(loss, w, k, 1, lanczos_steps).values_C[0]
        # A curvature below 0 has no a of its own, and a NaN must stay one.
        return beta * jnp.where(h < 0, 0.0, h) + gamma

    a = jax.jit(largest)(params, fold_in(key, 0))
    eps = 0.1 / a if step_size is None else jnp.asarray(step_size, kind)
    _refuse(eps, a)

    def estimate(w: Tree, a: Array, eps: Array) -> Coefficient:
        value, slope = jax.value_and_grad(loss)(w)
        run = sgld(loss, w, fold_in(key, 1), beta, gamma, eps, chains, burn_in + draws)
        kept_CS = run.excess_CS[:, burn_in:]
        chain_C = jnp.where(eps * a > 1, jnp.nan, beta * jnp.mean(kept_CS, 1))
        return Coefficient(
            value=jnp.mean(chain_C),
            chain_C=chain_C,
            loss=value,
            gradient_norm=jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(slope))),
            excess_CS=run.excess_CS,
            distance_CS=run.distance_CS,
            r_hat=split_r_hat(kept_CS),
            n_beta=beta,
            localization=gamma,
            step_size=eps,
            stability=eps * a,
            stability_C=eps * jax.lax.map(lambda w: largest(w, fold_in(key, 2)), run.last),
            burn_in=jnp.asarray(burn_in, jnp.int32),
        )

    return jax.jit(estimate)(params, a, eps)


def split_r_hat(trace_CS: Float[Array, "C S"]) -> Float[Array, ""]:
    """Return the split R-hat of chains: 1 where the halves of all chains have the same mean.

    ``sqrt(((m - 1) / m W + B / m) / W)`` with m steps in a half, W the mean variance within the 2 C
    halves and B m times the variance of their means. Above about 1.1 the chains have not mixed.

    Source: Gelman et al., Bayesian Data Analysis, 3rd edition, section 11.4.

    Example:
        >>> drifting = jnp.arange(100.0)[None]
        >>> bool(split_r_hat(drifting) > 1.5)
        True
    """
    half = trace_CS.shape[1] // 2
    parts = jnp.concatenate([trace_CS[:, :half], trace_CS[:, -half:]])
    within = jnp.mean(jnp.var(parts, axis=1, ddof=1))
    between = half * jnp.var(jnp.mean(parts, 1), ddof=1)
    return jnp.sqrt((half - 1) / half + between / (half * within))


def doubts(found: Coefficient) -> tuple[str, ...]:
    """Return what speaks against an estimate, one sentence each; empty if nothing does.

    Args:
        found: of one network, or of a population, whose leading axes (made by vmap) all fields
            have; each sentence then begins with the place of its network, as in "(2,): ...".

    Example:
        >>> saddle = lambda w: w[0] ** 2 - w[1] ** 2 / 10
        >>> found = local_learning_coefficient(
        ...     saddle, jnp.zeros(2), jax.random.key(0), n_beta=10.0, localization=3.0)
        >>> any("below w*" in text for text in doubts(found))
        True
    """
    f = jax.tree.map(np.asarray, found)
    told = []
    for place in np.ndindex(f.value.shape):
        own = _doubts(jax.tree.map(lambda leaf, place=place: leaf[place], f))
        told += [f"{place}: {text}" if place else text for text in own]
    return tuple(told)


def _doubts(f: Coefficient) -> tuple[str, ...]:
    below_C = f.chain_C < 0
    tests = {
        f"eps times the largest a is {f.stability:.3g} at w*, more than 1: take a smaller eps.": (
            f.stability > 1
        ),
        f"not finite: {np.sum(~np.isfinite(f.chain_C))} of {len(f.chain_C)} chains.": (
            not np.isfinite(f.chain_C).all()
        ),
        f"{below_C.sum()} of {len(below_C)} chains are below 0: on average they lie below w*, "
        f"which is no minimum (its gradient has length {f.gradient_norm:.3g}).": below_C.any(),
        f"eps times the largest a is {f.stability_C.max():.3g} where a chain ended, more than 1: "
        "the estimate is inflated; take a smaller eps.": f.stability_C.max() > 1,
        f"split R-hat is {f.r_hat:.3g}: the chains have not mixed; take more draws, burn-in or "
        "localization.": f.r_hat > 1.1,
        "fewer steps of burn-in than draws.": 2 * f.burn_in < f.excess_CS.shape[1],
        "fewer than four chains.": len(f.chain_C) < 4,
    }
    return tuple(text for text, so in tests.items() if so)


def _check(
    n_beta: Number,
    localization: Number,
    step_size: Number | None,
    chains: int,
    draws: int,
    burn_in: int,
) -> None:
    owner = "local_learning_coefficient"
    check_number(owner, "n_beta", n_beta, above=0)
    check_number(owner, "localization", localization, low=0)
    check_number(owner, "step_size", 1 if step_size is None else step_size, above=0)
    check_number(owner, "chains", chains, 1, whole=True)
    check_number(owner, "draws", draws, 4, whole=True)
    check_number(owner, "burn_in", burn_in, 0, whole=True)


def _refuse(eps: Array, a: Array) -> None:
    """Refuse a step that the largest curvature forbids, if both have values yet."""
    if isinstance(eps, jax.core.Tracer) or isinstance(a, jax.core.Tracer) or not eps * a > 1:
        return
    raise ToylabError(
        f"local_learning_coefficient: step_size = {float(eps):.3g} is more than 1 / {float(a):.3g},"
        " 1 over the largest n_beta h + localization: sharp directions would be inflated; take "
        f"{0.1 / float(a):.2g}, or None."
    )
