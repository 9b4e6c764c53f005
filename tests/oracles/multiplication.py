"""Multiplication by Python's integers, one pair at a time: digits, running sums, the chain."""


def digits(number: int, base: int, count: int) -> list[int]:
    found = []
    for _ in range(count):
        number, digit = divmod(number, base)
        found.append(digit)
    assert number == 0
    return found


def running(a: int, b: int, base: int, n: int) -> list[int]:
    """What each digit of the product is taken of, from products of lower parts alone.

    All terms a_i b_j base^(i + j) with i + j <= k, summed and divided by base^k, give it.
    """
    x, y = digits(a, base, n), digits(b, base, n)
    lower = lambda k: sum(
        x[i] * y[j] * base ** (i + j) for i in range(n) for j in range(n) if i + j <= k
    )
    return [lower(k) // base**k for k in range(2 * n)]


def line(a: int, b: int, base: int, n: int) -> list[int]:
    """The whole line with its chain, as tokens; "=" is the base."""
    y, total, chain = digits(b, base, n), 0, []
    for j in range(n):
        part = a * y[j] * base**j
        total += part
        chain += digits(part, base, n + 1 + j)
        if j not in (0, n - 1):
            chain += digits(total, base, n + 1 + j)
    assert total == a * b
    return [*digits(a, base, n), *y, *chain, base, *digits(a * b, base, 2 * n)]


def is_copy(x: int, base: int) -> bool:
    """Whether a factor is zero or a one with zeros: a product with it copies the other one."""
    while x and x % base == 0:
        x //= base
    return x < 2


def guessable(base: int, n: int, hidden: int | None, copies: bool = True) -> list[float]:
    """Share of each product digit guessed from those before it and all operand digits but one.

    Args:
        base, n: of the factors.
        hidden: of the digits of a, then of b, the one that is not seen; None hides all of them.
        copies: whether pairs count of which a factor is zero or a power of the base.
    """
    counts: list[dict] = [{} for _ in range(2 * n)]
    pairs = 0
    for a in range(base**n):
        for b in range(base**n):
            if not copies and (is_copy(a, base) or is_copy(b, base)):
                continue
            pairs += 1
            seen = digits(a, base, n) + digits(b, base, n)
            seen = [d for i, d in enumerate(seen) if hidden is not None and i != hidden]
            c = digits(a * b, base, 2 * n)
            for k in range(2 * n):
                of = counts[k].setdefault((*seen, "|", *c[:k]), {})
                of[c[k]] = of.get(c[k], 0) + 1
    best = [sum(max(of.values()) for of in each.values()) for each in counts]
    return [right / pairs for right in best]
