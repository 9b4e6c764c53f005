"""The site is built without a warning; every link leads somewhere, and a newcomer finds things."""

import base64
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from filelock import FileLock

from tests.docs.browser import Browser, chromium, opened
from toylab.teach.lessons import lesson
from toylab.teach.slides import deck

ROOT = Path(__file__).parents[2]
MACHINERY = ("genindex.html", "py-modindex.html", "search.html")
AWAY = ("http", "https", "mailto", "data", "javascript")


class Page(HTMLParser):
    """The links, names and examples of a page."""

    def __init__(self, path: Path):
        super().__init__()
        self.names: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.examples = 0
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = {name: value or "" for name, value in attrs}
        self.names |= {about[name] for name in ("id", "name") if name in about}
        if tag == "a" and about.get("href"):
            self.links.append(about["href"])
        if tag in ("img", "script", "iframe", "source") and about.get("src"):
            self.loads.append(about["src"])
        if tag == "link" and about.get("href"):
            self.loads.append(about["href"])
        self.examples += tag == "div" and "highlight" in about.get("class", "").split()


def build(out: Path) -> str:
    """Build the site, and return what was wrong."""
    words = ["-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-d", str(out / "trees")]
    words += [str(ROOT / "docs"), str(out / "html")]
    env = os.environ | {"JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, env=env)
    return done.stderr[-5000:] or "no reason given" if done.returncode else ""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built by one worker for all."""
    base = tmp_path_factory.getbasetemp()
    out = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"
    with FileLock(out.with_suffix(".lock")):
        if not (out / "told").exists():
            out.mkdir()
            (out / "told").write_text(build(out), "utf-8")
        told = (out / "told").read_text("utf-8")
    assert not told, told
    return out / "html"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    found = [path for path in site.rglob("*.html") if "_static" not in path.parts]
    return {path: Page(path) for path in found}


def test_no_link_is_dead(site: Path, pages: dict[Path, Page]):
    dead = []
    for path, page in pages.items():
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme in AWAY:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            named = not parts.fragment or target not in pages
            if not target.is_file() or not (named or parts.fragment in pages[target].names):
                dead.append((str(path.relative_to(site)), link))
    assert not dead


def test_nothing_is_loaded_from_elsewhere(pages: dict[Path, Page]):
    loads = {load for page in pages.values() for load in page.loads}
    assert loads
    assert not [load for load in loads if urlsplit(load).scheme or load.startswith("//")]


def test_every_page_has_an_example(site: Path, pages: dict[Path, Page]):
    names = {str(path.relative_to(site)): page for path, page in pages.items()}
    without = [n for n, page in names.items() if not page.examples and not n.startswith("slides/")]
    assert sorted(without) == sorted(MACHINERY)
    assert len(names) - len([n for n in names if n.startswith("slides/")]) > 90


def test_every_study_and_room_has_a_page(site: Path):
    wanted = {path.stem for path in (ROOT / "docs" / "studies").glob("*.md")}
    assert wanted == {path.stem for path in (site / "studies").glob("*.html")}
    rooms = {path.stem for path in (site / "made" / "api").glob("*.html")}
    assert {"toylab", "toylab.read", "toylab.change", "toylab.analysis.circuits"} <= rooms


# In a browser ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Browser]:
    """A tab, in which nothing may be thrown, and which may ask nothing of a network."""
    program = chromium()
    if program is None:
        pytest.skip("there is no Chromium (Debian: apt-get install chromium)")
    with opened(program, tmp_path_factory.mktemp("profile")) as tab:
        yield tab
        assert not tab.errors
        assert not [url for url in tab.asked if urlsplit(url).scheme not in ("file", "data")]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize(
    ("clicks", "heading"),
    [
        (["patch an activation"], "Patch an activation"),
        (["my own task"], "My own task"),
        (["how long does this take"], "How long does this take?"),
    ],
)
def test_a_newcomer_finds_it_in_two_clicks(
    site: Path, browser: Browser, clicks: list[str], heading: str, width: int
):
    browser.resize(width)
    browser.goto((site / "index.html").as_uri())
    assert len(clicks) <= 2
    for text in clicks:
        browser.click(text)
    assert heading in browser.value("document.querySelector('h1').innerText")


@pytest.mark.parametrize(
    ("words", "page"),
    [("patch", "how_to/patch.html"), ("run_changes", "made/api/toylab.change.html")],
)
def test_search_works_without_a_server(site: Path, browser: Browser, words: str, page: str):
    browser.resize(1280)
    browser.goto((site / "ideas" / "tap.html").as_uri())
    browser.value("document.querySelector('.search-button__button').click()")
    browser.until("document.activeElement.type == 'search'")
    browser.type(words)
    links = "[...document.querySelectorAll('#search-results li a')].map(link => link.href)"
    browser.until(f"{links}.some(link => link.includes({page!r}))")


@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_is_wider_than_its_window(site: Path, browser: Browser, width: int):
    browser.resize(width)
    names = ["index", "how_to/patch", "studies/superposition", "made/gallery", "made/how_long"]
    wide = []
    for name in [*names, "made/api/toylab.change", "sites", "made/commands"]:
        browser.goto((site / f"{name}.html").as_uri())
        if browser.value("document.scrollingElement.scrollWidth") > width:
            wide.append(name)
    assert not wide


def test_slides_move_by_keys_and_clicks(browser: Browser, tmp_path: Path):
    page = tmp_path / "slides.html"
    page.write_text(deck(lesson(1).text, "Lesson 1", solutions=True), "utf-8")
    browser.resize(1280, 720)
    browser.goto(page.as_uri())
    shown = "document.querySelector('.slide.now .number').innerText"
    number = browser.value(shown)
    assert number.startswith("1 / ")
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft"):
        browser.call("Input.dispatchKeyEvent", type="keyDown", key=key)
    assert browser.value(shown) == number.replace("1 /", "2 /")
    browser.value("document.getElementById('on').click()")
    assert browser.value(shown) == number.replace("1 /", "3 /")
    assert browser.value("document.querySelectorAll('.slide.now').length") == 1
    printed = base64.b64decode(browser.call("Page.printToPDF", preferCSSPageSize=True)["data"])
    assert len(re.findall(rb"/Type /Page\b", printed)) == browser.value("slides.length")
