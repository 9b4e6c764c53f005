"""Digits of numbers and of their products, least significant first, of NumPy or JAX arrays.

With ``s_k = sum_{i + j = k} a_i b_j`` the product's digits follow by carrying:

    running_k = s_k + carry_{k-1},  c_k = running_k mod base,  carry_k = floor(running_k / base).

Shape suffixes: N digits of a factor.
"""

from typing import Any, NamedTuple


class Product(NamedTuple):
    """What happens at each digit of a product; every list has 2 N entries.

    Attributes:
        sums: sums of products of digits, s_k.
        running: what the digit is taken of, with the carry of the digit before.
        carry: what goes on to the next.
        digits: of the product.
    """

    sums: list[Any]
    running: list[Any]
    carry: list[Any]
    digits: list[Any]


def digits_of(number: Any, base: int, count: int) -> list[Any]:
    """Return the digits of a number, least significant first.

    Example:
        >>> digits_of(123, 10, 4)
        [3, 2, 1, 0]
    """
    return [number // base**k % base for k in range(count)]


def number_of(digits: Any, base: int) -> Any:
    """Return the number that has these digits; the inverse of :func:`digits_of`."""
    return sum(digit * base**k for k, digit in enumerate(digits))


def multiply(a_N: list[Any], b_N: list[Any], base: int) -> Product:
    """Multiply digit by digit.

    Example:
        >>> multiply([2, 1], [5, 1], 10)
        Product(sums=[10, 7, 1, 0], running=[10, 8, 1, 0], carry=[1, 0, 0, 0], digits=[0, 8, 1, 0])
    """
    n, found, carry = len(a_N), Product([], [], [], []), 0 * a_N[0]
    for k in range(2 * n):
        pairs = [a_N[i] * b_N[k - i] for i in range(max(0, k - n + 1), min(k, n - 1) + 1)]
        total = sum(pairs, 0 * a_N[0])
        running = total + carry
        carry = running // base
        found.sums.append(total)
        found.running.append(running)
        found.carry.append(carry)
        found.digits.append(running % base)
    return found


def most_running(digits: int, base: int) -> int:
    """Return the largest running sum, that of two largest factors.

    Example:
        >>> most_running(2, 10)
        170
    """
    top = [base - 1] * digits
    return max(multiply(top, top, base).running)


def chain_of(a_N: list[Any], b_N: list[Any], base: int) -> list[Any]:
    """Return the steps of long multiplication as tokens: partial products and running totals.

    The partial product of ``a`` with ``b_j`` has ``j`` zeros before its N + 1 digits; behind each
    but the first and the last stands the total so far, of as many digits. The last total is the
    answer, which the chain leaves out.

    Source: the lines of Deng et al. 2024 (arXiv:2405.14838), without plus signs and brackets.

    Example:
        >>> chain_of([2, 1], [5, 1], 10)  # 12 * 15: 60, then 120
        [0, 6, 0, 0, 2, 1, 0]
    """
    n, total, chain = len(a_N), 0 * a_N[0], []
    a = number_of(a_N, base)
    for j, digit in enumerate(b_N):
        part = a * digit * base**j
        total = total + part
        chain += digits_of(part, base, n + 1 + j)
        if 0 < j < n - 1:
            chain += digits_of(total, base, n + 1 + j)
    return chain


def chain_length(digits: int) -> int:
    """Return the number of tokens of :func:`chain_of`.

    Example:
        >>> [chain_length(n) for n in (1, 2, 3, 4)]
        [2, 7, 20, 39]
    """
    parts = sum(digits + 1 + j for j in range(digits))
    return parts + sum(digits + 1 + j for j in range(1, digits - 1))
