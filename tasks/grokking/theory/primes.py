"""Prime numbers."""


def is_prime(number: int) -> bool:
    """Whether a number is prime, by trial division."""
    return number > 1 and all(number % d for d in range(2, int(number**0.5) + 1))


def next_prime(number: int) -> int:
    """The least prime above a number."""
    number += 1
    while not is_prime(number):
        number += 1
    return number
