"""What the simulation of two circuits must do: its minimum, and when it generalises.

With s = w_g + w_m and q labels, the training loss pulls on both circuits alike, by
f(s) = (q - 1) / (e^s + q - 1), and the decay pushes on circuit i by
r_i(w) = decay P_i^2 (2 / kappa) w^(2/kappa - 1).

*Minimum.* Where neither moves, f(s) = r_g(w_g) = r_m(w_m), so

    w_m / w_g = (P_m / P_g)^(-2 kappa / (2 - kappa)),

which is theorem D.4 of the paper for its norm of order 2. The penalty is convex for kappa < 2, and
f falls, so there is one minimum, found by a root in s.

*Delay.* Under gradient flow ``w_1^2 - w_2^2`` is conserved, so ``w = (c^2 / 2) sinh(2u)`` with
c the sub-weight that does not start at 0 and ``du/dt = f - r``. As f is common to both,

    u_g - u_m = integral of (r_m - r_g) dt:

C_gen gains on C_mem only by the difference of the decays. Once memorised, C_mem rests at the root
w* of f = r_m, and C_gen, still small, grows as e^(rate t) with rate = r_m(w*). It is as strong as
C_mem was when u_g - u_m has grown by (asinh(2 w*/c_g^2) - asinh(2 w*/c_m^2)) / 2, which is
ln(c_m / c_g) where both start small, so

    t_test = t_train + ln(c_m / c_g) / rate.

This leaves out that the gain slows down while C_gen takes over, the more so the nearer the two are
in efficiency: it is too early there. :func:`takeover_time` puts that in. All this while s follows
at once (the pull is the stiff part), so the four scalars move along a curve on which ds/dt = 0,
and the time is the integral of d(u_g - u_m) / (r_m - r_g) along it.

Times are learning rate times steps.

Source: Varma et al. 2023 (arXiv:2309.02390), theorem D.4; the rest is derived here.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import ArrayLike

NODES = 400
PATH = 64


class Minimum(NamedTuple):
    """The weights at the least loss."""

    w_g: np.ndarray
    w_m: np.ndarray


class Times(NamedTuple):
    """Predicted times, in learning rate times steps."""

    train: np.ndarray
    test: np.ndarray


def weight_ratio(P_g: ArrayLike, P_m: ArrayLike, kappa: float) -> np.ndarray:
    """``w_m / w_g`` at the minimum: ``(P_m / P_g)^(-2 kappa / (2 - kappa))``."""
    ratio = np.asarray(P_m, np.float64) / np.asarray(P_g, np.float64)
    return ratio ** (-2 * kappa / (2 - kappa))


def minimum(
    P_g: ArrayLike, P_m: ArrayLike, kappa: float, decay: ArrayLike, n_labels: int
) -> Minimum:
    """Find the weights of least loss; arguments broadcast."""
    ratio = weight_ratio(P_g, P_m, kappa)
    # r_g(w_g) with w_g = s / (1 + ratio).
    share = 1 / (1 + ratio)
    s = resting_weight(np.asarray(P_g) * share ** (1 / kappa - 0.5), kappa, decay, n_labels)
    return Minimum(s * share, s * (1 - share))


def resting_weight(P: ArrayLike, kappa: float, decay: ArrayLike, n_labels: int) -> np.ndarray:
    """Find where pull and push on a lone circuit balance: the root w of ``f(w) = r(w)``."""
    P, decay = np.broadcast_arrays(np.asarray(P, np.float64), np.asarray(decay, np.float64))
    low, high = np.zeros(P.shape), np.full(P.shape, 700.0)
    for _ in range(80):
        middle = (low + high) / 2
        pulled = pull(middle, n_labels) > push(middle, P, kappa, decay)
        low, high = np.where(pulled, middle, low), np.where(pulled, high, middle)
    return (low + high) / 2


def pull(s: ArrayLike, n_labels: int) -> np.ndarray:
    """``f(s) = (q - 1) / (e^s + q - 1)``, the slope of the training loss, less its sign."""
    return (n_labels - 1) / (np.exp(np.asarray(s, np.float64)) + n_labels - 1)


def push(w: ArrayLike, P: ArrayLike, kappa: float, decay: ArrayLike) -> np.ndarray:
    """``r(w) = decay P^2 (2 / kappa) w^(2/kappa - 1)`` for w >= 0, the slope of the penalty."""
    slope = np.asarray(w, np.float64) ** (2 / kappa - 1)
    return np.asarray(decay) * np.square(np.asarray(P, np.float64)) * (2 / kappa) * slope


def fitting_time(
    c_m: Float[ArrayLike, " P"],
    P_m: Float[ArrayLike, " P"],
    kappa: float,
    decay: float,
    n_labels: int,
    nats: float,
    c_g: Float[ArrayLike, " P"] | float = 0.0,
) -> np.ndarray:
    """Time to a training loss of ``nats``: the integral of du / (f - r_m), (P,).

    C_gen, with ``c_g``, is taken to keep pace with C_mem: u_g = u_m. By default C_mem is alone. It
    is infinite where C_mem rests before it gets there.
    """
    c_m, P_m = (np.asarray(v, np.float64)[:, None] for v in (c_m, P_m))
    c_g = np.broadcast_to(np.asarray(c_g, np.float64), c_m.shape[:1])[:, None]
    goal = np.log((n_labels - 1) / np.expm1(nats))
    u = np.linspace(0, 1, NODES) * np.arcsinh(2 * goal / (c_m**2 + c_g**2)) / 2
    w_m, w_g = (strength(u, c) for c in (c_m, c_g))
    speed = pull(w_g + w_m, n_labels) - push(w_m, P_m, kappa, decay)
    reached = speed.min(1) > 0
    time = np.trapezoid(1 / np.where(speed > 0, speed, 1), u, axis=1)
    return np.where(reached, time, np.inf)


def times(
    c_g: Float[ArrayLike, " P"],
    c_m: Float[ArrayLike, " P"],
    P_m: Float[ArrayLike, " P"],
    kappa: float,
    decay: float,
    n_labels: int,
    nats: float,
) -> Times:
    """Predict when the training loss falls to ``nats``, and when C_gen takes over.

    Args:
        c_g: initial second sub-weight of C_gen.
        c_m: initial second sub-weight of C_mem.
        P_m: norm of C_mem at weight 1; that of C_gen does not enter.
        kappa: depth of the circuits.
        decay: strength of the decay.
        n_labels: q.
        nats: training loss that counts as fitted.

    Returns:
        Both times, (P,). Whether the test loss does fall is for :func:`minimum` to say.
    """
    train = fitting_time(c_m, P_m, kappa, decay, n_labels, nats)
    rest = resting_weight(P_m, kappa, decay, n_labels)
    gap = [np.arcsinh(2 * rest / np.asarray(c, np.float64) ** 2) / 2 for c in (c_g, c_m)]
    rate = push(rest, P_m, kappa, decay)
    return Times(train, train + np.maximum(gap[0] - gap[1], 0) / rate)


def strength(u: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Weight ``(c^2 / 2) sinh(2u)`` of a circuit whose pull, less its push, adds up to u."""
    return c**2 / 2 * np.sinh(2 * u)


def takeover_time(
    c_g: Float[ArrayLike, " P"],
    c_m: Float[ArrayLike, " P"],
    P_g: float,
    P_m: Float[ArrayLike, " P"],
    kappa: float,
    decay: float,
    n_labels: int,
    nats: float,
) -> np.ndarray:
    """Time from memorisation to a test loss of ``nats``, (P,): quasi-static, see the module.

    Arguments are those of :func:`times`. It is infinite where the minimum's test loss is higher.
    """
    c_g, c_m, P_m = (np.asarray(v, np.float64)[:, None] for v in (c_g, c_m, P_m))
    end = minimum(P_g, P_m, kappa, decay, n_labels)
    gap = np.arcsinh(2 * end.w_g / c_g**2) / 2 - np.arcsinh(2 * end.w_m / c_m**2) / 2
    # Denser towards the minimum, where the gain dies out; it is not reached.
    ahead = np.maximum(gap, 0) * (1 - np.linspace(1, 0.02, PATH) ** 2)
    low, high = np.zeros(ahead.shape), np.arcsinh(100 / c_m**2) / 2 + np.zeros(ahead.shape)
    for _ in range(40):
        middle = (low + high) / 2
        w_g, w_m = strength(middle + ahead, c_g), strength(middle, c_m)
        rises = [
            (pull(w_g + w_m, n_labels) - push(w, P, kappa, decay)) * np.sqrt(c**4 + 4 * w**2)
            for w, P, c in ((w_g, P_g, c_g), (w_m, P_m, c_m))
        ]
        low, high = (np.where(sum(rises) > 0, a, b) for a, b in ((middle, low), (high, middle)))
    gain = push(w_m, P_m, kappa, decay) - push(w_g, P_g, kappa, decay)
    slowness = 1 / np.maximum(gain, 1e-12)
    pieces = np.diff(ahead) * (slowness[:, 1:] + slowness[:, :-1]) / 2
    clock = np.concatenate([np.zeros((len(ahead), 1)), np.cumsum(pieces, 1)], 1)
    loss = nats_on_test(w_g, w_m, n_labels)
    rows = zip(-loss, clock, strict=True)
    # The loss falls along the path: read the clock where it passes nats.
    return np.array([np.interp(-nats, x, t, right=np.inf) for x, t in rows])


def nats_on_train(w_g: ArrayLike, w_m: ArrayLike, n_labels: int) -> np.ndarray:
    """Training loss ``log(1 + (q - 1) e^-(w_g + w_m))`` in float64."""
    s = np.asarray(w_g, np.float64) + np.asarray(w_m, np.float64)
    with np.errstate(invalid="ignore"):  # of networks that diverged it is NaN
        return np.logaddexp(0, np.log(n_labels - 1) - s)


def nats_on_test(w_g: ArrayLike, w_m: ArrayLike, n_labels: int) -> np.ndarray:
    """Test loss ``log(1 + e^(w_m - w_g) + (q - 2) e^-w_g)`` in float64."""
    w_g, w_m = np.asarray(w_g, np.float64), np.asarray(w_m, np.float64)
    with np.errstate(invalid="ignore"):  # of networks that diverged it is NaN
        return np.logaddexp(0, np.logaddexp(w_m, np.log(n_labels - 2)) - w_g)


def parameter_norm(
    w_g: ArrayLike, w_m: ArrayLike, P_g: ArrayLike, P_m: ArrayLike, kappa: float
) -> np.ndarray:
    """Norm ``sqrt(P_g^2 |w_g|^(2/kappa) + P_m^2 |w_m|^(2/kappa))`` of all parameters."""
    parts = (np.asarray(P) ** 2 * np.abs(w) ** (2 / kappa) for P, w in ((P_g, w_g), (P_m, w_m)))
    return np.sqrt(sum(parts))
