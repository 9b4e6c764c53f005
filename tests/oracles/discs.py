"""Discs pixel by pixel, and their nearest class, by loops over floats."""

import math


def image(colour: float, size: float, x: float, y: float, pixels: int, softness: float):
    """Red pixels row by row, then blue ones."""
    red, blue = [], []
    for row in range(pixels):
        for column in range(pixels):
            px = (column + 0.5) / pixels * 2 - 1
            py = (row + 0.5) / pixels * 2 - 1
            r = math.hypot(px - x, py - y)
            mask = 1 / (1 + math.exp(-(size - r) / softness))
            red.append(colour * mask)
            blue.append((1 - colour) * mask)
    return red + blue


def distances(shown, classes):
    """Squared distance of an image to each of some images."""
    return [sum((a - b) ** 2 for a, b in zip(shown, own, strict=True)) for own in classes]
