"""One style, files alike each time, nothing global touched, colours told apart by everyone."""

import importlib
import itertools
import json
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imread

from toylab.errors import ToylabError
from toylab.report import figures
from toylab.stats import bootstrap_interval

VALUES_PS = np.random.default_rng(0).normal(size=(9, 6)).cumsum(axis=1)


def drawing() -> Figure:
    """A small figure that uses every helper."""
    with figures.style():
        figure = figures.figure(figures.PAGE, 2.5)
        for ax, letter in zip(figure.subplots(1, 2), "ab", strict=True):
            figures.interval_line(ax, np.arange(6), VALUES_PS, "members")
            ax.legend()
            figures.panel_label(ax, letter)
            figures.title(ax, "Loss falls in every member, whatever the seed of its data was")
        figures.title(figure, "Two panels")
    return figure


def test_saved_files_exist_and_are_bit_equal(tmp_path: Path):
    formats = ("png", "svg", "pdf")
    facts = {"study": "toy", "preset": "smoke", "commit": "abc"}
    first = figures.save(drawing(), tmp_path / "one", "f", facts, formats)
    again = figures.save(drawing(), tmp_path / "two", "f", facts, formats)
    assert [p.name for p in first] == ["f.png", "f.svg", "f.pdf"]
    for one, two in zip(first, again, strict=True):
        assert len(one.read_bytes()) > 2000
        assert one.read_bytes() == two.read_bytes()
    assert imread(first[0]).shape[:2] == (500, 1400)  # 7 by 2.5 inches at 200 dpi


def test_saving_twice_gives_the_same_bytes(tmp_path: Path):
    figure = drawing()
    first = [p.read_bytes() for p in figures.save(figure, tmp_path, "f")]
    assert [p.read_bytes() for p in figures.save(figure, tmp_path, "f")] == first


def test_metadata_is_inside_the_files(tmp_path: Path):
    facts = {"study": "toy", "commit": "abc1234"}
    png, svg, pdf = figures.save(figures.figure(), tmp_path, "f", facts, ("png", "svg", "pdf"))
    assert b"commit\x00abc1234" in png.read_bytes()
    assert json.dumps(facts, sort_keys=True) in svg.read_text().replace("&quot;", '"')
    assert b"abc1234" in pdf.read_bytes()
    assert b"Date" not in pdf.read_bytes()
    assert "<dc:date>" not in svg.read_text()


def test_unknown_format_is_refused(tmp_path: Path):
    with pytest.raises(ToylabError, match="no format 'gif'"):
        figures.save(drawing(), tmp_path, "f", formats=("png", "gif"))
    assert list(tmp_path.iterdir()) == []


def test_style_leaves_no_trace_and_ignores_the_users_settings():
    with mpl.rc_context({"font.size": 31, "axes.titlesize": 40}):
        before = dict(mpl.rcParams)
        with figures.style():
            assert mpl.rcParams["font.size"] == 8
            assert mpl.rcParams["lines.linestyle"] == "-"
        assert dict(mpl.rcParams) == before


def test_pyplot_is_never_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # type: ignore
    with pytest.raises(ImportError):
        importlib.import_module("matplotlib.pyplot")
    figures.save(drawing(), tmp_path, "f", formats=("png",))


def test_interval_line_draws_median_and_interval():
    with figures.style():
        ax = figures.figure().subplots()
        values = VALUES_PS.copy()
        values[0, 3:] = np.nan
        figures.interval_line(ax, np.arange(6), values, "members", color=figures.GREEN)
    (line,) = ax.get_lines()
    np.testing.assert_allclose(line.get_ydata(), np.nanmedian(values, axis=0))
    assert line.get_color() == figures.GREEN
    corners = ax.collections[0].get_paths()[0].vertices[:, 1]
    ends = [bootstrap_interval(values[:, s], "median", resamples=1000) for s in range(6)]
    assert corners.min() == pytest.approx(min(i.low for i in ends))
    assert corners.max() == pytest.approx(max(i.high for i in ends))


@pytest.mark.parametrize("width", [figures.COLUMN, figures.PAGE])
def test_titles_fit_the_figure(width: float):
    finding = "Features are stored in superposition once they are sparse enough, in every seed"
    with figures.style():
        figure = figures.figure(width)
        axes = figure.subplots(1, 1 if width == figures.COLUMN else 2, squeeze=False)[0]
        for ax in axes:
            figures.title(ax, finding)
        figures.title(figure, finding + ", and the angle between them tells how many")
        figure.canvas.draw()
        renderer = figure.canvas.get_renderer()  # type: ignore
        boxes = [ax.title.get_window_extent(renderer) for ax in axes]
        boxes.append(figure.texts[0].get_window_extent(renderer))
    assert figure.texts[0].get_text().replace("\n", " ").startswith(finding)
    assert all(box.x1 <= figure.bbox.x1 and box.x0 >= 0 for box in boxes)
    assert all(not left.overlaps(right) for left, right in itertools.pairwise(boxes[:-1]))


def lightness(color) -> float:
    """CIE L* of an sRGB colour, 0 to 100."""
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    y = linear @ np.array([0.2126, 0.7152, 0.0722])
    return float(116 * np.cbrt(y) - 16 if y > 0.008856 else 903.3 * y)


def without(cone: str, color) -> np.ndarray:
    """The colour as a reader without that cone sees it (Viénot, Brettel, Mollon 1999)."""
    lms = np.array([[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714],
                    [0.0299566, 0.184309, 1.46709]])  # fmt: skip
    lost = {"red": ((0, 2.02344, -2.52581), 0), "green": ((0.494207, 0, 1.24827), 1)}
    row, place = lost[cone]
    keep = np.eye(3)
    keep[place] = row
    linear = np.array(to_rgb(color)) ** 2.2
    return np.clip(np.linalg.inv(lms) @ keep @ lms @ linear, 0, 1) ** (1 / 2.2)


@pytest.mark.parametrize("cone", ["red", "green"])
def test_first_colours_stay_apart_for_colour_blind_readers(cone: str):
    seen = [without(cone, color) for color in figures.PALETTE[:4]]
    apart = [np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)]
    assert min(apart) > 0.15
    pure = without(cone, (0.8, 0.25, 0.0)), without(cone, (0.3, 0.45, 0.0))
    assert np.linalg.norm(pure[0] - pure[1]) < 0.25  # the simulation does confuse red and green


def test_maps_are_ordered_in_lightness():
    ramp = [lightness(mpl.colormaps[figures.SEQUENTIAL](v)) for v in np.linspace(0, 1, 20)]
    assert np.all(np.diff(ramp) > 0)
    half = [lightness(mpl.colormaps[figures.DIVERGING](v)) for v in np.linspace(0, 1, 21)]
    assert np.all(np.diff(half[:11]) > 0)
    assert np.all(np.diff(half[10:]) < 0)
