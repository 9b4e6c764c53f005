"""Claims of self-verification that came after a judged run: random heads of any layer, and no.

Where the chosen heads stand in one block of four, random heads of the same layers leave hardly a
choice; heads of any layer do, and among them may be some that matter and were not chosen. And an
attempt that is silenced is not yet refused: here the network must say no.
"""

from toylab.claims import Claim, Expect

from .readings import ADDED, OURS, says_no, silenced

ANY_LAYER = (
    Claim(
        "chosen_above_any_layer",
        f"The chosen heads silence more than as many random heads of any layer, by 0.3 ({ADDED}).",
        OURS,
        silenced("chosen") - silenced("random heads of any layer"),
        Expect.above(0.3),
    ),
    Claim(
        "patched_above_any_layer",
        'Off at the result and "(", the heads that patching ranks highest silence more than as '
        f"many random heads of any layer, by 0.5 ({ADDED}).",
        OURS,
        silenced("patched, last two") - silenced("any layer for patched, last two"),
        Expect.above(0.5),
    ),
)

SAYS_NO = (
    Claim(
        "chosen_say_no",
        "Without the chosen heads the network says no to right attempts, and not just anything "
        f"but ok ({ADDED}).",
        OURS,
        says_no("chosen"),
        Expect.above(0.8),
    ),
    Claim(
        "chosen_say_no_above_random",
        "Without them it says no to more right attempts than without as many random heads of the "
        f"same layers, by 0.3 ({ADDED}).",
        OURS,
        says_no("chosen") - says_no("random heads"),
        Expect.above(0.3),
    ),
    Claim(
        "chosen_say_no_above_any_layer",
        f"And to more than without as many of any layer, by 0.3 ({ADDED}).",
        OURS,
        says_no("chosen") - says_no("random heads of any layer"),
        Expect.above(0.3),
    ),
    Claim(
        "patched_say_no",
        'With the heads that patching ranks highest off at the result and "(", it says no to right '
        f"attempts ({ADDED}).",
        OURS,
        says_no("patched, last two"),
        Expect.above(0.8),
    ),
    Claim(
        "patched_say_no_above_random",
        "Without these it says no to more right attempts than without as many random heads of "
        f"their layers, by 0.5 ({ADDED}).",
        OURS,
        says_no("patched, last two") - says_no("random for patched, last two"),
        Expect.above(0.5),
    ),
    Claim(
        "patched_say_no_above_any_layer",
        f"And to more than without as many of any layer, by 0.5 ({ADDED}).",
        OURS,
        says_no("patched, last two") - says_no("any layer for patched, last two"),
        Expect.above(0.5),
    ),
)
