"""Pictures: what a page holds, and what a real browser makes of it."""

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from toylab import ToylabError, show

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
