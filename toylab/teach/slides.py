"""Slides of a lesson: one HTML file that needs no network, made from the lesson's own cells.

A heading begins a slide. A question and the code beneath it share one, unless together they are
too long. With solutions, an exercise's answer is folded beneath it and opens at a click. With
pictures (:mod:`toylab.teach.pictures`) what the cells draw comes after them.

Keys: right, space and Page Down go on; left and Page Up go back; Home, End; f fills the screen.
Printed, each slide is a page.
"""

import base64
import dataclasses
import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources

from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from toylab.teach import notebooks
from toylab.teach.formulas import svg
from toylab.teach.notebooks import Cell

ROOM = 16  # lines of a slide, of text or code
COLUMNS = 70  # letters of a line of text
MATH = re.compile(r"(?P<code>`+).+?(?P=code)|\$\$(?P<set>.+?)\$\$|\$(?P<line>[^$\n]+)\$", re.DOTALL)
PLAIN = MarkdownIt("commonmark", {"html": False}).enable("table")
MARK = re.compile("\ue000(\\d+)\ue001")


@dataclasses.dataclass
class Slide:
    """A slide.

    Attributes:
        section: the heading that it stands under.
        lines: how full it is, in lines.
        parts: what is on it, as HTML.
        opening: whether it is the first.
    """

    section: str
    lines: int = 0
    parts: list[str] = dataclasses.field(default_factory=list)
    opening: bool = False


@dataclasses.dataclass(frozen=True)
class Shown:
    """What a cell printed and drew when it was run.

    Attributes:
        text: its output.
        pictures: PNGs.
    """

    text: str = ""
    pictures: Sequence[bytes] = ()


def deck(
    text: str, title: str, *, solutions: bool = False, shown: Mapping[int, Shown] | None = None
) -> str:
    """Return a lesson as an HTML file of slides.

    Args:
        text: the lesson, with its marks.
        title: of the window.
        solutions: with the answers, folded.
        shown: what cells printed and drew, by their place; see :mod:`toylab.teach.pictures`.

    Raises:
        ToylabError: solutions that are not marked right, or a formula that cannot be drawn.

    Example:
        >>> page = deck("# %% [markdown]\\n# # Waves\\n# %%\\nx = 1", "Waves")
        >>> page.count('<section class="slide')
        2
    """
    slides = _slides(text, solutions, shown or {})
    whole = [_section(slide, place, len(slides)) for place, slide in enumerate(slides, 1)]
    page = resources.files("toylab.teach").joinpath("slides.html").read_text("utf-8")
    style = HtmlFormatter(style="friendly", nobackground=True).get_style_defs("pre")
    # Splits, so that nothing in a lesson is taken for a place of the template.
    first, rest = page.split("TITLE", 1)
    second, rest = rest.split("STYLE", 1)
    third, last = rest.split("SLIDES", 1)
    return "".join((first, html.escape(title), second, style, third, "\n".join(whole), last))


def _slides(text: str, solutions: bool, shown: Mapping[int, Shown]) -> list[Slide]:
    asked = notebooks.cells(notebooks.unsolved(text))
    answered = notebooks.cells(notebooks.solved(text))
    slides: list[Slide] = []
    for place, (cell, answer) in enumerate(zip(asked, answered, strict=True)):
        if cell.kind == "markdown":
            _add_text(slides, cell)
            continue
        exercise = answer.text != cell.text
        _add_code(slides, cell.text, answer.text if solutions and exercise else "")
        if place in shown and not exercise:  # its output would give the answer away
            slides.append(_pictures(shown[place], slides[-1].section))
    return slides


def _add_text(slides: list[Slide], cell: Cell) -> None:
    """Add the blocks of a text; a heading begins a slide, and so does what finds no room."""
    fresh = True
    for block in _blocks(cell.text):
        heading = re.match(r"#+ (.+)", block)
        lines = 2 + len(block) // COLUMNS
        if heading or fresh or slides[-1].lines + lines > ROOM:
            section = heading[1] if heading else slides[-1].section if slides else ""
            slides.append(Slide(section, opening=not slides))
            if not heading and section:
                slides[-1].parts.append(f'<p class="section">{_inline(section)}</p>')
        fresh = False
        slides[-1].parts.append(_markdown(block))
        slides[-1].lines += lines


def _blocks(text: str) -> Iterator[str]:
    """Blocks between blank lines; a fence is never cut."""
    block: list[str] = []
    fenced = False
    for line in [*text.split("\n"), ""]:
        fenced ^= line.startswith("```")
        if line.strip() or fenced:
            block.append(line)
        elif block:
            yield "\n".join(block)
            block = []


def _add_code(slides: list[Slide], code: str, folded: str) -> None:
    """Add code to the slide of its question, or to slides of its own."""
    pieces = list(_pieces(code))
    for piece in pieces:
        lines = piece.count("\n") + 2
        alone = not slides or slides[-1].opening or slides[-1].lines + lines > ROOM
        if alone or len(pieces) > 1:
            section = slides[-1].section if slides else ""
            slides.append(Slide(section))
            if section:
                slides[-1].parts.append(f'<p class="section">{_inline(section)}</p>')
        slides[-1].parts.append(_code(piece))
        slides[-1].lines += lines
    if folded:
        answer = f"<details><summary>Solution</summary>{_code(folded)}</details>"
        slides[-1].parts.append(answer)


def _pieces(code: str) -> Iterator[str]:
    """Code cut at blank lines between statements, where it is too long for a slide."""
    taken: list[str] = []
    for chunk in re.split(r"\n\n+(?=\S)", code):
        whole = "\n\n".join([*taken, chunk])
        if taken and whole.count("\n") + 1 > 1.4 * ROOM:
            yield "\n\n".join(taken)
            taken = []
        taken.append(chunk)
    yield "\n\n".join(taken)


def _pictures(shown: Shown, section: str) -> Slide:
    """The slide of what a cell printed and drew; up to three pictures stand side by side."""
    parts = [f'<p class="section">{_inline(section)}</p>'] if section else []
    if shown.text.strip():
        parts.append(f'<pre class="output">{html.escape(shown.text.strip())}</pre>')
    pictures = [
        '<img alt="What the code above draws" src="data:image/png;base64,'
        f'{base64.b64encode(png).decode("ascii")}">'
        for png in shown.pictures
    ]
    beside = min(len(pictures), 3)
    parts.append(f'<div class="pictures beside{beside}">{"".join(pictures)}</div>')
    return Slide(section, ROOM, parts)


def _section(slide: Slide, place: int, count: int) -> str:
    kind = "slide title" if slide.opening else "slide"
    number = f'<span class="number">{place} / {count}</span>'
    label = f'aria-label="Slide {place} of {count}"'
    inside = "\n".join([*slide.parts, number])
    return f'<section class="{kind}" {label}>\n{inside}\n</section>'


def _code(code: str) -> str:
    return f"<pre>{highlight(code, PythonLexer(), HtmlFormatter(nowrap=True)).rstrip()}</pre>"


def _markdown(text: str) -> str:
    return _rendered(text, PLAIN.render)


def _inline(text: str) -> str:
    return _rendered(text, PLAIN.renderInline)


def _rendered(text: str, render: Callable[[str], str]) -> str:
    """Markdown as HTML; formulas wait outside, and HTML in the text is shown, not obeyed."""
    formulas: list[str] = []

    def away(found: re.Match[str]) -> str:
        if found["code"]:
            return found[0]
        picture = svg((found["set"] or found["line"]).strip().removesuffix("\\"))
        formulas.append(f'<span class="equation">{picture}</span>' if found["set"] else picture)
        return f"\ue000{len(formulas) - 1}\ue001"

    made = render(MATH.sub(away, text))
    return MARK.sub(lambda found: formulas[int(found[1])], made).strip()
