"""Karel by hand: a walk on the grid cell by cell, without tables or state numbers."""

HEADINGS = "urdl"
STEPS = {"u": (-1, 0), "r": (0, 1), "d": (1, 0), "l": (0, -1)}


def state(number: int, size: int) -> tuple[int, int, str]:
    """Row, column and heading of a state's number."""
    return number // 4 // size, number // 4 % size, HEADINGS[number % 4]


def act(at: tuple[int, int, str], word: str, size: int) -> tuple[int, int, str]:
    """State after one action, by its word."""
    row, column, heading = at
    if word == "move":
        down, right = STEPS[heading]
        if row + down in range(size) and column + right in range(size):
            return row + down, column + right, heading
        return at
    turn = {"left": {"u": "l", "l": "d", "d": "r", "r": "u"}}
    turn["right"] = {after: before for before, after in turn["left"].items()}
    return row, column, turn[word][heading]


def walk(
    at: tuple[int, int, str], words: list[str], size: int, meaning: dict[str, str] | None = None
) -> list[tuple[int, int, str]]:
    """States before and after every action."""
    found = [at]
    for word in words:
        found.append(act(found[-1], meaning[word] if meaning else word, size))
    return found


def view(start, at, goal, size: int) -> dict[str, int]:
    """A state from the start, towards the goal, from above."""
    turns = lambda a, b: (HEADINGS.index(b[2]) - HEADINGS.index(a[2])) % 4

    def offset(a, b):  # turned until the first heads up
        down, right = b[0] - a[0], b[1] - a[1]
        for _ in range(HEADINGS.index(a[2])):
            down, right = -right, down
        return -down, right

    gone, left = offset(start, at), offset(at, goal)
    wall = (at[0] + STEPS[at[2]][0], at[1] + STEPS[at[2]][1])
    return {
        "turned": turns(start, at),
        "to_turn": turns(at, goal),
        "forward": gone[0],
        "sideways": gone[1],
        "ahead": left[0],
        "aside": left[1],
        "blocked": int(not all(x in range(size) for x in wall)),
        "facing": HEADINGS.index(at[2]),
        "row": at[0],
        "column": at[1],
    }
