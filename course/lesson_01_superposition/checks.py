"""Checks of lesson 1: features in two dimensions."""

from typing import Any

import numpy as np

from toylab.teach import Checks, Exercise
from toylab.teach.exercises import wrong_array, wrong_function, wrong_number

RNG = np.random.default_rng(0)
MATRICES = [(RNG.normal(size=(2, 5)),), (RNG.normal(size=(3, 7)),), (np.eye(2),)]


def lengths(W: Any) -> Any:
    """Length of every column."""
    return np.sqrt((np.asarray(W, float) ** 2).sum(0))


def crowding(W: Any) -> Any:
    """Squared cosines with the other columns, summed; 0 for columns of length 0."""
    W = np.asarray(W, float)
    size = lengths(W)
    unit = W / np.where(size > 0, size, 1)
    cosines = unit.T @ unit
    return (cosines**2).sum(1) - (size > 0)


def kept_of(W: Any) -> Any:
    """Features longer than 1/2, a mean over networks, by density."""
    size = np.sqrt((np.asarray(W, float) ** 2).sum(-2))
    return (size > 0.5).sum(-1).mean(0)


def judge_lengths(answer: Any) -> str | None:
    """A function of W (M, N) that gives N lengths."""
    problem = wrong_function(answer, MATRICES, lengths)
    if problem and callable(answer):
        try:
            found = np.asarray(answer(*MATRICES[0]))
            if found.shape == (2,):
                return "these are lengths of the rows; a feature is a column."
            if np.allclose(found, lengths(*MATRICES[0]) ** 2):
                return "these are squared lengths."
        except Exception:
            pass
    return problem


def judge_kept(answer: Any, W: Any) -> str | None:
    """Means over networks of how many features each density keeps."""
    counts = np.sqrt((np.asarray(W, float) ** 2).sum(-2)) > 0.5
    try:
        if np.shape(answer) == (len(counts),):
            return "there is one number per network; average over the networks, not the densities."
    except Exception:
        pass
    return wrong_array(answer, kept_of(W), 1e-6, "density")


def judge_crowding(answer: Any) -> str | None:
    """A function of W that gives each feature's squared cosines with the others."""
    problem = wrong_function(answer, MATRICES, crowding)
    if problem and callable(answer):
        try:
            W = MATRICES[0][0]
            if np.allclose(answer(W), crowding(W) + 1):
                return "a feature's cosine with itself is counted."
            if np.allclose(answer(W), ((W.T @ W) ** 2).sum(1) - lengths(W) ** 4):
                return "these are products of columns with their lengths left in, not cosines."
        except Exception:
            pass
    return problem


def loss_by_hand(W: Any, b: Any) -> float:
    """Mean squared error over inputs with one feature on, its value uniform in [0, 1]."""
    W, b = np.asarray(W, float), np.asarray(b, float)
    values = (np.arange(200) + 0.5) / 200
    x = values[:, None, None] * np.eye(W.shape[1])  # (value, feature on, feature)
    out = np.maximum(x @ W.T @ W + b, 0)
    return float(((out - x) ** 2).sum(-1).mean())


def judge_by_hand(answer: Any) -> str | None:
    """Weights (2, 5) and biases (5,) that beat keeping two features and dropping three."""
    try:
        W, b = answer
    except (TypeError, ValueError):
        return "give a pair, W and b."
    for part, shape, name in ((W, (2, 5), "W"), (b, (5,), "b")):
        if np.shape(part) != shape:
            return f"{name} has shape {np.shape(part)}; {shape} is wanted."
    dropped = 3 / 5 / 3  # three features of five, each with a mean square of 1/3
    loss = loss_by_hand(W, b)
    if loss > 0.99 * dropped:
        return f"its loss is {loss:.4f}; keeping two features, dropping three gives {dropped:.4f}."
    if loss > 0.02:
        return f"its loss is {loss:.4f}, better than dropping three; all five can do better yet."
    return None


def judge_angle(answer: Any) -> str | None:
    """Cosine of the angle between neighbours of a regular pentagon."""
    want = np.cos(2 * np.pi / 5)
    try:
        if abs(float(answer) - 72) < 1 or abs(float(answer) - 2 * np.pi / 5) < 0.01:
            return "this is the angle; its cosine is asked for."
    except (TypeError, ValueError):
        pass
    return wrong_number(answer, want, 5e-3, "no unit")


check = Checks(
    Exercise(
        "lengths",
        judge_lengths,
        (
            "A feature's direction is a column of W; its length says whether it is represented.",
            "Square, sum along one axis, take the root. Which axis runs over dimensions?",
            "np.linalg.norm takes an axis.",
        ),
    ),
    Exercise(
        "kept",
        judge_kept,
        (
            "W has axes (network, density, dimension, feature).",
            "Call a feature kept when its length is above 1/2; count along the features.",
            "Then average along the axis of networks, so that one number per density is left.",
        ),
    ),
    Exercise(
        "crowding",
        judge_crowding,
        (
            "The cosine of two columns is their product after each was divided by its length.",
            "All cosines at once are one matrix product.",
            "What stands on its diagonal? It is not interference. Mind columns of length 0.",
        ),
    ),
    Exercise(
        "angle",
        judge_angle,
        (
            "A full turn is shared evenly among five features.",
            "The model reads a neighbour's signal times this cosine.",
        ),
    ),
    Exercise(
        "by_hand",
        judge_by_hand,
        (
            "Put five unit vectors evenly around a circle: np.cos and np.sin of five angles.",
            "A neighbour of the feature that is on gets a positive signal too. What removes it?",
            "The bias must cancel a neighbour's signal, at the price of some of the feature's own; "
            "longer columns and a bias near minus the neighbour's cosine are a good start.",
        ),
    ),
)
