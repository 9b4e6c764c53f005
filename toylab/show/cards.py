"""Cards: what a notebook shows of a network, a population, a run, a claim or a probe."""

import dataclasses
import html
from collections.abc import Iterable
from typing import Any

import jax

Rows = Iterable[tuple[str, Any]]


class Card:
    """A class whose objects show themselves in a notebook; it says in ``_card`` what of them."""

    def _card(self) -> tuple[str, Rows]:
        """A heading, and named things to tell below it."""
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return card(*self._card())


class ModelCard(Card):
    """A model's card: its settings, its number of parameters, its sites."""

    def _card(self) -> tuple[str, Rows]:
        model: Any = self
        settings = [(f.name, getattr(model, f.name)) for f in dataclasses.fields(model)]
        drawn = jax.eval_shape(model.init, jax.random.key(0))
        count = sum(leaf.size for leaf in jax.tree.leaves(drawn))
        sites = [("parameters", f"{count:,}"), ("sites", few(model.sites))]
        return type(model).__name__, [*settings, *sites]


def grid(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a small table with headings.

    Example:
        >>> grid(("verdict", "n"), [("reproduced", 8)]).count("<td")
        2
    """
    left = "text-align:left;vertical-align:top;padding:1px 12px 1px 0"
    head = "".join(f'<th style="{left}">{html.escape(name)}</th>' for name in columns)
    line = lambda row: "".join(f'<td style="{left}">{html.escape(str(v))}</td>' for v in row)
    body = "".join(f"<tr>{line(row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def card(heading: str, rows: Rows) -> str:
    """Return a small table: a heading, and a name and what it is per row.

    Example:
        >>> card("MLP", [("parameters", 12)]).count("<tr>")
        1
    """
    left = "text-align:left;vertical-align:top;padding:1px 10px 1px 0"
    lines = "".join(
        f'<tr><th style="{left};font-weight:400;opacity:.65">{html.escape(name)}</th>'
        f'<td style="{left}">{html.escape(str(value))}</td></tr>'
        for name, value in rows
    )
    return f"<div><strong>{html.escape(heading)}</strong><table>{lines}</table></div>"


def told(heading: str, rows: Rows) -> str:
    """Return what a card says as plain text, a line for each row.

    Example:
        >>> print(told("MLP", [("parameters", 12)]))
        MLP
          parameters: 12
    """
    return "\n".join([heading, *(f"  {name}: {value}" for name, value in rows)])


def few(values: Iterable[Any], most: int = 6) -> str:
    """Return the first of some values, and how many more there are.

    Example:
        >>> few(range(9), 3)
        '0, 1, 2, and 6 more'
    """
    told = [f"{v:g}" if isinstance(v, float) else str(v) for v in values]
    rest = f", and {len(told) - most} more" if len(told) > most else ""
    return ", ".join(told[:most]) + rest
