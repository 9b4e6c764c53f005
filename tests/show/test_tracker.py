"""How long a run still takes."""

import numpy as np
import pytest

from toylab.show.tracker import Row, Tracker, duration
from toylab.train.loop import Progress


def test_progress_estimates_the_whole_run():
    """Time left: the present population at its rate, the next by its work."""
    tracker = Tracker()
    tracker.rows = {
        "small": Row(members=2, steps=100, weight=1.0),
        "large": Row(members=1, steps=50, weight=8.0),
    }
    tracker.current = "small"
    assert np.isnan(tracker.seconds_left())
    losses = np.array([0.5, np.nan], np.float32)
    tracker.progress(Progress(10, 100, 2, losses, seconds=60.0, done=20))  # compiles
    assert np.isnan(tracker.seconds_left())
    tracker.progress(Progress(60, 100, 2, losses, seconds=10.0, done=100))
    row = tracker.rows["small"]
    assert (row.rate, row.diverged, row.loss) == (10.0, 1, 0.5)
    # 80 updates left at 10 per second; 50 updates of eightfold work at 10 units per second.
    assert tracker.seconds_left() == pytest.approx(8.0 + 40.0)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (190, "3 min 10 s"), (900, "15 min"), (4800, "1 h 20 min")],
)
def test_duration(seconds, text):
    assert duration(seconds) == text
