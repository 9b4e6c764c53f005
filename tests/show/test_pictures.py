"""Pictures: what a page holds, and what a real browser makes of it."""

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from toylab import ToylabError, show
from toylab.report.figures import DIVERGING

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ACTS = """
<script>
const fires = [];
window.addEventListener("error", (event) => fires.push(event.message));
window.addEventListener("load", () => {
  const root = document.querySelector("[data-drawn]");
  const canvas = document.querySelectorAll("canvas")[1];
  const slider = document.querySelector("input");
  const pixel = () => [...canvas.getContext("2d").getImageData(2, 1, 1, 1).data].slice(0, 3).join();
  const seen = {drawn: root.dataset.drawn, last: pixel()};
  slider.value = 0; slider.dispatchEvent(new Event("input"));
  seen.first = pixel(); seen.label = document.querySelector("label").textContent;
  const box = canvas.getBoundingClientRect(), at = {clientX: box.left + box.width * 0.9,
    clientY: box.top + box.height * 0.9};
  canvas.dispatchEvent(new PointerEvent("pointermove", at));
  seen.told = document.querySelector("output").textContent;
  canvas.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowLeft"}));
  seen.left = document.querySelector("output").textContent;
  seen.errors = fires;
  document.body.dataset.seen = JSON.stringify(seen);
});
</script>
"""


def stored(picture: show.Picture) -> tuple[dict, np.ndarray]:
    text = re.search(r'<script type="application/json">(.*?)</script>', picture.body, re.S)
    assert text is not None
    data = json.loads(text[1])
    values = np.frombuffer(base64.b64decode(data["values"]), "<f4")
    return data, values.reshape(data["shape"])


def test_a_page_holds_the_numbers_and_asks_for_nothing(tmp_path: Path):
    pattern = np.random.default_rng(0).dirichlet(np.ones(3), (2, 4, 3)).astype(np.float32)
    picture = show.attention(pattern, ["a", "</script>", "<b>"], "Heads & places")
    data, values = stored(picture)
    np.testing.assert_array_equal(values, pattern.reshape(1, 8, 3, 3))
    assert data["panels"][5] == "layer 1, head 1" and data["rows"][1] == "1 “</script>”"
    page = picture.save(tmp_path / "heads.html").read_text("utf-8")
    assert "<title>Heads &amp; places</title>" in page and "<b>" not in page
    assert not re.search(r"(src|href)=|url\(|@import|fetch\(|https?://", page)
    assert "srcdoc=" in picture._repr_html_()


def test_colours_are_symmetric_where_signs_differ():
    data, _ = stored(show.heat([[-1.0, 3.0]]))
    assert (data["low"], data["high"]) == (-3.0, 3.0)
    data, _ = stored(show.heat([[1.0, 3.0, np.nan]]))
    assert (data["low"], data["high"]) == (1.0, 3.0)
    data, _ = stored(show.heat([[np.nan]]))
    assert (data["low"], data["high"]) == (0.0, 1.0)


def test_a_lens_names_the_likeliest_word():
    logits = np.log(np.array([[[0.7, 0.3], [0.2, 0.8]]]))
    body = show.lens(logits, ["x", "y"], ["no", "yes"]).body
    assert re.findall(r'title="(.*?)"', body) == ["no: 0.700", "yes: 0.800"]
    assert "no number" in show.lens(logits * np.nan, ["x", "y"]).body


def drawn(picture: show.Picture, width: float) -> tuple[Figure, list[Axes]]:
    """A figure, and its axes but for the bar of colours; all that is written lies inside."""
    figure = picture.figure(width)
    figure.canvas.draw()
    inside = figure.bbox.padded(1)
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible():
            box = text.get_window_extent()
            assert inside.x0 <= box.x0 and box.x1 <= inside.x1, text.get_text()
            assert inside.y0 <= box.y0 and box.y1 <= inside.y1, text.get_text()
    return figure, [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]


def ticks(ax: Axes, which: str) -> list[str]:
    return [text.get_text() for text in getattr(ax, f"get_{which}ticklabels")()]


@pytest.mark.parametrize("width", [3.4, 7.0])
def test_on_paper_stand_the_numbers_the_names_and_one_scale(width: float, tmp_path: Path):
    words = "the cat sat on the mat".split()
    pattern = np.random.default_rng(0).dirichlet(np.ones(6), (2, 3, 6))
    figure, axes = drawn(show.attention(pattern, words, "Heads"), width)
    assert figure.get_figwidth() == width and 0.4 * width < figure.get_figheight() < 1.1 * width
    assert [ax.get_title("center") for ax in axes] == [
        f"layer {i}, head {h}" for i in range(2) for h in range(3)
    ]
    for ax, values in zip(axes, pattern.reshape(6, 6, 6), strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), values.astype(np.float32))
        assert ax.images[0].get_clim() == (0, 1)
    below = ticks(axes[3], "x")
    assert below == words[:: 7 - len(below)] or below == words
    assert (axes[3].get_xlabel(), axes[0].get_ylabel()) == ("key", "query")


def test_on_paper_a_map_of_heads_has_its_numbers_and_a_movie_six_steps(tmp_path: Path):
    values = np.array([[0.5, -2.0, np.nan], [0.01, 1.0, 0.0]])
    _, (ax,) = drawn(show.heat(values, axes=("layer", "head")), 3.4)
    assert [t.get_text() for t in ax.texts] == ["0.5", "-2.0", "–", "0.0", "1.0", "0.0"]
    assert ax.images[0].get_clim() == (-2, 2) and ax.images[0].get_cmap().name == DIVERGING
    assert (ticks(ax, "x"), ticks(ax, "y")) == (["0", "1", "2"], ["0", "1"])
    frames = np.arange(11.0)[:, None, None, None] * np.ones((11, 2, 3, 3))
    picture = show.movie(frames, list(range(0, 1100, 100)), panels=["A", "B"])
    _, axes = drawn(picture, 7.0)
    assert [ax.images[0].get_array()[0, 0] for ax in axes] == [0, 2, 4, 6, 8, 10] * 2
    assert axes[7].get_title("center") == "B, step 200"
    with pytest.raises(ToylabError, match="a page has"):
        show.heat(np.zeros((400, 9, 9))).figure()
    files = [picture.save(tmp_path / f"movie.{kind}") for kind in ("png", "pdf", "html")]
    assert [file.read_bytes()[:4] for file in files] == [b"\x89PNG", b"%PDF", b"<!do"]


def test_on_paper_a_lens_has_its_words_and_a_circuit_its_edges():
    logits = np.log(np.array([[[0.7, 0.3], [0.2, 0.8]], [[0.9, 0.1], [np.nan, 0.8]]]))
    picture = show.lens(logits, ["x", "y"], ["no", "yes"])
    _, (ax,) = drawn(picture, 3.4)
    assert [text.get_text() for text in ax.texts] == ["no", "yes", "no", "–"]
    low, high = ax.transData.transform([(0, 0), (0, 1)])[:, 1]
    assert low < high and ticks(ax, "y") == ["layer 0", "layer 1"]
    np.testing.assert_allclose(ax.images[0].get_array()[:, 0], [0.7, 0.9])
    edges = [("embed", "a0.h1<v>", -3.0), ("embed", "logits", 1.5), ("a0.h1", "logits", -1.0)]
    picture = show.circuit(edges)
    figure, (ax,) = drawn(picture, 3.4)
    assert {t.get_text() for t in ax.texts} == {"embed", "a0.h1", "logits", "v"}
    lines = ax.lines[:3]
    assert [line.get_linewidth() for line in lines] == pytest.approx([4, 2.3, 0.6 + 3.4 / 3])
    assert [line.get_color() for line in lines] == ["#0072B2", "#D55E00", "#0072B2"]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == [
        "scores below 0, to -3", "scores above 0, to 1.5",
    ]  # fmt: skip
    # The edge past the head bows around it, on the page as well.
    x, y = lines[1].get_data()
    assert abs(np.interp(1, y, x) - 0.5) > 0.2
    path = re.findall(r'd="M(\d+),\d+ C(\d+),', picture.body)
    assert [int(a) == int(b) for a, b in path] == [True, False, True]


def test_a_circuit_draws_every_edge_upwards():
    edges = [("embed", "a0.h1<v>", -3.0), ("a0.h1", "a1.h0<k>", 1.5), ("m0", "logits", 0.5)]
    body = show.circuit(edges).body
    assert body.count("<path") == 3 and body.count("<rect") == 5
    widths = [float(w) for w in re.findall(r'stroke-width="(.*?)"', body)]
    assert widths == [8.0, 4.5, 2.2]
    for start, end in re.findall(r"M\d+,(\d+) .*? \d+,(\d+)\"", body):
        assert int(end) < int(start)
    assert "a0.h1 → a1.h0 (k): 1.5" in body


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: show.heat(np.zeros(3)), r"shape \(3,\)"),
        (lambda: show.heat(np.zeros((2, 0))), r"shape \(2, 0\)"),
        (lambda: show.heat(np.zeros((2001, 2000))), "4,002,000 numbers"),
        (lambda: show.heat(np.zeros((2, 2)), rows=["a"]), "1 names for 2 rows"),
        (lambda: show.heat(np.zeros((2, 2)), low=2.0, high=1.0), "low below high"),
        (lambda: show.attention(np.zeros((2, 2)), ["a", "b"]), r"of shape \(2, 2\)"),
        (lambda: show.attention(np.zeros((1, 2, 2)), ["a"]), "1 names for 2 rows"),
        (lambda: show.movie(np.zeros((2, 2, 2)), [0]), "for 1 steps"),
        (lambda: show.lens(np.zeros((1, 2, 3)), ["a"]), "for a text of 1"),
        (
            lambda: show.lens(np.zeros((1, 1, 3)), ["a"], ["x", "y"]),
            "2 words for a vocabulary of 3",
        ),
        (lambda: show.heat([["a", "b"]]), "show.heat: the values are no array of numbers"),
        (lambda: show.heat([[1.0, 2.0], [3.0]]), "all rows of one length"),
        (lambda: show.heat(np.eye(2)).save("map.jpg"), "no format '.jpg'"),
        (lambda: show.circuit([("embed", "logits", float("nan"))]), "no finite number"),
        (lambda: show.circuit([]), "no edge"),
        (lambda: show.circuit([("embed", "head 3", 1.0)]), "no part 'head 3'"),
    ],
)
def test_what_cannot_be_drawn_is_told(draw, words):
    with pytest.raises(ToylabError, match=words):
        draw()


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
def test_a_browser_draws_slides_and_reads_cells_out(tmp_path: Path):
    frames = np.zeros((2, 2, 2, 3), np.float32)
    frames[0, 1, 1, 2], frames[1, 1, 1, 2] = -0.125, 1.0
    picture = show.movie(frames, [0, 4000], "Weights", ["r", "s"], ["x", "y", "z"], ["A", "B"])
    page = tmp_path / "movie.html"
    page.write_text(picture.page().replace("<h1>", ACTS + "<h1>", 1), "utf-8")
    flags = "--headless --no-sandbox --disable-gpu --dump-dom --virtual-time-budget=2000".split()
    done = subprocess.run(
        [str(CHROMIUM), *flags, f"--user-data-dir={tmp_path / 'profile'}", page.as_uri()],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    found = re.search(r'data-seen="(.*?)"', done.stdout)
    assert found is not None, done.stderr[-2000:]
    seen = json.loads(found[1].replace("&quot;", '"'))
    assert seen["errors"] == [] and seen["drawn"] == "1"
    ramp = stored(picture)[0]["ramp"]
    assert seen["last"] == ",".join(map(str, ramp[16])) and seen["first"] != seen["last"]
    assert seen["label"] == "step 0"
    assert seen["told"] == "B: s × z: -0.125, step 0" and seen["left"] == "B: s × y: 0, step 0"
