"""Slides: one file without a network, from the cells of a lesson."""

import re
from html.parser import HTMLParser

import pytest

from toylab.cli.main import main
from toylab.errors import ToylabError
from toylab.teach.formulas import svg
from toylab.teach.lessons import lessons
from toylab.teach.pictures import shown_by
from toylab.teach.slides import Shown, deck

LESSON = """# %% [markdown]
# # Waves & more
#
# Text with $x_1 < 2$, `$HOME` and <script>alert(1)</script>.
# %%
import matplotlib.pyplot as plt

plt.plot([0, 1])
plt.show()
print("a < b")
# %% [markdown]
# ## A question
#
# $$y = \\sum_i x_i$$
#
# What is y?
# %%
# <solution>
y = 2
print("secret")
# </solution>
# student: y = ...
print(y)
"""


class Tags(HTMLParser):
    """Every tag with its attributes, and that all are closed."""

    VOID = ("meta", "img", "br", "path")

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.open += [] if tag in self.VOID else [tag]

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def slides(page: str) -> list[str]:
    return re.findall(r'<section class="slide.*?</section>', page, re.S)


def test_a_heading_begins_a_slide_and_a_question_stays_with_its_code():
    found = slides(deck(LESSON, "Waves"))
    assert len(found) == 3
    assert "<h1>Waves &amp; more</h1>" in found[0] and "slide title" in found[0]
    assert "plot" in found[1] and "Waves &amp; more" in found[1]
    assert "<h2>A question</h2>" in found[2] and "What is y?" in found[2]
    assert "..." in found[2] and "secret" not in found[2]


def test_text_is_shown_and_not_obeyed():
    page = deck(LESSON, "<b>")
    assert "<title>&lt;b&gt;</title>" in page
    assert "&lt;script&gt;alert(1)" in page and page.count("<script>") == 1
    assert "<code>$HOME</code>" in page
    assert 'aria-label="x_1 &lt; 2"' in page


def test_solutions_are_folded():
    found = slides(deck(LESSON, "Waves", solutions=True))
    folded = re.search(r"<details><summary>Solution</summary>(.*?)</details>", found[2], re.S)
    assert folded and "secret" in folded[1]
    assert "<details>" not in "".join(found[:2])


def test_pictures_come_after_their_code_and_give_no_answer_away():
    shown = shown_by(LESSON)
    assert set(shown) == {1, 3} and shown[1].text == "a < b\n"
    assert [png[:4] for png in shown[1].pictures] == [b"\x89PNG"]
    found = slides(deck(LESSON, "Waves", shown=shown))
    assert len(found) == 4
    assert "a &lt; b" in found[2] and "data:image/png;base64," in found[2]
    assert not [slide for slide in found if "secret" in slide]


def test_a_cell_that_fails_is_named():
    with pytest.raises(ToylabError, match="cell at line 2: ZeroDivisionError"):
        shown_by("# %%\n1 / 0\n")


def test_long_code_is_cut_between_statements():
    code = "\n\n\n".join(f"def f{i}():\n    x = {i}\n\n    return x" for i in range(12))
    found = slides(deck(f"# %% [markdown]\n# # T\n# %%\n{code}\n", "T"))
    assert len(found) > 3
    for slide in found[1:]:
        assert slide.count("def") == slide.count("return")


@pytest.mark.parametrize("number", lessons())
def test_every_lesson_makes_slides_that_load_nothing(number: int):
    which = lessons()[number]
    page = deck(which.text, which.title, solutions=True)
    tags = Tags(page).tags
    assert not [about for _, about in tags if "src" in about or "href" in about]
    assert "url(" not in page and "\ue000" not in page
    assert len(slides(page)) >= len(which.exercises) + 2
    text = re.sub(r"(?s)<pre>.*?</pre>|<code>.*?</code>|aria-label=\".*?\"|<script>.*", "", page)
    assert "$" not in text  # every formula is drawn
    assert page.count("<summary>Solution") == len(which.exercises)


def test_a_formula_stands_on_its_line_and_says_what_it_is():
    tall, low = svg("\\frac{a}{b}"), svg("x")
    height = lambda picture: float(re.findall(r"height:([\d.]+)em", picture)[0])
    assert height(tall) > height(low) > 0.3
    assert 'role="img" aria-label="x"' in low
    with pytest.raises(ToylabError, match="cannot be drawn"):
        svg("\\nothing")


def test_the_command_writes_one_file(tmp_path, capsys):
    assert main(["course", "slides", "1", "--to", str(tmp_path / "out"), "--solutions"]) == 0
    (path,) = (tmp_path / "out").iterdir()
    assert path.name == "01_superposition_slides.html" and "Wrote" in capsys.readouterr().out
    assert "Solution" in path.read_text("utf-8")
    assert main(["course", "slides", "1", "--to", str(tmp_path / "out")]) == 1
    assert "is there already" in capsys.readouterr().err


def test_pictures_of_one_cell_stand_side_by_side():
    page = deck(LESSON, "Waves", shown={1: Shown(pictures=[b"1", b"2"])})
    assert 'class="pictures beside2"' in slides(page)[2] and page.count("<img") == 2
