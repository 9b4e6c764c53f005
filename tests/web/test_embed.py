"""Pages inside a notebook."""

import re
import urllib.request
from pathlib import Path

import pytest

from toylab.errors import ToylabError
from toylab.web import embed
from toylab.web.embed import PAGES, Playground

MAIN = Path(__file__).parents[2] / "web" / "src" / "main.ts"


def test_the_frame_leads_to_the_page():
    shown = Playground("superposition", density=0.05, importance=1)._repr_html_()
    found = re.search(r'src="([^"]+)"', shown)
    assert found and found[1].endswith("#/superposition?density=0.05&amp;importance=1")
    with urllib.request.urlopen(found[1].split("#")[0]) as answer:
        assert answer.status == 200 and b"toylab" in answer.read()
        policy = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'self' http://localhost" in policy
    embed._served().shutdown()
    embed._served().server_close()
    embed._served.cache_clear()


def test_its_word_starts_no_server():
    assert "toylab explore" in repr(Playground("grokking"))
    assert not embed._served.cache_info().currsize


def test_a_page_that_is_not_there_is_refused():
    with pytest.raises(ToylabError, match="grokking"):
        Playground("groking")


def test_the_pages_are_those_of_the_browser():
    if not MAIN.is_file():
        pytest.skip("web/ is not here: the package is installed")
    assert tuple(re.findall(r"^  (\w+): \{ title", MAIN.read_text(), re.M)) == PAGES
