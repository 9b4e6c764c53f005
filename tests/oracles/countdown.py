"""CountDown by plain recursion over fractions-free integers."""

from collections.abc import Iterator


def outcomes(hand: list[int], operations: str, top: int) -> Iterator[tuple[int, list[str]]]:
    """Every last result with the steps that lead to it, each pair and operation in turn."""
    if len(hand) == 1:
        yield hand[0], []
        return
    for i in range(len(hand)):
        for j in range(i + 1, len(hand)):
            rest = [n for k, n in enumerate(hand) if k not in (i, j)]
            for sign in operations:
                small, large = sorted((hand[i], hand[j]))
                if sign == "+":
                    value = large + small
                elif sign == "*":
                    value = large * small
                elif sign == "-":
                    value = large - small
                elif small == 0 or large % small:
                    continue
                else:
                    value = large // small
                if value > top:
                    continue
                for last, steps in outcomes([*rest, value], operations, top):
                    yield last, [f"{large}{sign}{small}={value}", *steps]
