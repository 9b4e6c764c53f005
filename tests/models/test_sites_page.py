"""Every model of the library stands on the page of sites."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sites.md").read_text("utf-8")


def models() -> list[str]:
    """Names of classes with a method ``apply`` or ``init``, below toylab/models."""
    found = []
    for path in sorted((ROOT / "toylab" / "models").rglob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                own = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
                found += [node.name] if own & {"apply", "init"} else []
    return found


def test_every_model_is_on_the_page():
    assert len(models()) >= 12
    assert not [name for name in models() if name not in PAGE]
