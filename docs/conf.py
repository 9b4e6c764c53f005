"""How Sphinx builds the site: ``sphinx-build -W docs site``, without a network.

Pages that follow from the library or from committed results are made before each build, into
``docs/made/``, and are not committed (``docs/made_pages.py``).
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import made_pages  # noqa: E402

import toylab  # noqa: E402

project = "toylab"
author = "the authors of toylab"
copyright = f"{author}, Apache-2.0"
release = version = toylab.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
nitpicky = False
exclude_patterns = ["static", "made/extra"]
highlight_language = "text"  # of what a docstring sets apart; fences say their own
# A field that several classes have, as "low", is a name here, not a reference.
suppress_warnings = ["myst.header", "ref.python"]

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 110
add_module_names = False
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_attr_annotations = False

html_theme = "pydata_sphinx_theme"
html_title = "toylab"
html_static_path = ["static"]
html_extra_path = ["made/extra"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_show_search_summary = False  # they are fetched, which a browser forbids for files
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "show_nav_level": 1,
    "collapse_navigation": True,
    "navigation_depth": 3,
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": {"**": ["page-toc"], "index": [], "made/gallery": []},
    "search_bar_text": "Search",
}
html_sidebars = {
    "**": ["sidebar-nav-bs"],
    **{name: [] for name in ("index", "start", "made/gallery")},
}


def add_studies(app, name, text):
    """Give the index of studies, which is made elsewhere, an example and the menu of its pages."""
    if name == "studies/index":
        menu = "```{toctree}\n:hidden:\n:glob:\n\n*\n```"
        first, rest = text[0].split("\n## ", 1)
        text[0] = f"{first}\n```bash\ntoylab info superposition\n```\n\n{menu}\n\n## {rest}"


def set_equations(app, what, name, obj, options, lines):
    """Show what a docstring sets apart by indentation as it stands: equations and code."""
    done, last = [], ""
    for place, line in enumerate(lines):
        apart = line.startswith("    ") and place and not lines[place - 1].strip()
        if apart and last and not last[0].isspace() and not last.startswith(".."):
            done += ["::", ""]
        done.append(line)
        last = line if line.strip() else last
    lines[:] = done


def shorten(app, what, name, obj, options, signature, returned):
    """Leave out where JAX keeps its arrays; jaxtyping spells it out."""
    short = (part and part.replace("jaxlib._jax.Array", "Array") for part in (signature, returned))
    return tuple(short)


def skip_fields(app, what, name, obj, skip, options):
    """Leave out the fields of named tuples; their class explains them."""
    return True if (getattr(obj, "__doc__", "") or "").startswith("Alias for field") else None


def setup(app):
    """Make the pages that are not written by hand."""
    made_pages.write(HERE / "made")
    app.connect("source-read", add_studies)
    # Before napoleon, which knows sections by their indentation too.
    app.connect("autodoc-process-docstring", set_equations, priority=400)
    app.connect("autodoc-process-signature", shorten)
    app.connect("autodoc-skip-member", skip_fields)
