"""Sums of f of earlier numbers, by a double loop."""

import math


def targets(numbers, flags, terms, frequency, first):
    """What every position is asked for; terms before the start are dropped."""
    found = []
    for n, (x, flag) in enumerate(zip(numbers, flags, strict=True)):
        total = 0.0
        for i in range(first, first + terms):
            if n - i >= 0:
                total += math.sin(frequency * numbers[n - i])
        found.append(total if flag else x)
    return found
