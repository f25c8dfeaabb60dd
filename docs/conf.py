"""How Sphinx builds the site; ``tox -e docs`` does it."""

import sys
from pathlib import Path

import keras_qd

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "keras-qd"
author = "The keras-qd developers"
copyright = "the keras-qd developers"  # noqa: A001 - Sphinx' name for it
version = release = keras_qd.__version__

extensions = [
    "myst_nb",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx.ext.viewcode",
    "sphinx_design",
    "drawings",
    "gallery",
    "generated_pages",
    "terminal",
]
# Pages that stand in the root of the repository are built in by generated_pages.
exclude_patterns = ["_build", "_ext", "executed", "gallery/notebooks", "jupyter_execute"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# docs/run_examples.py has run the examples; building the site executes nothing.
nb_execution_mode = "off"
nb_merge_streams = True
html_theme = "pydata_sphinx_theme"
html_title = "keras-qd"
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_search_scorer = str(HERE / "_ext" / "scorer.js")
html_theme_options = {
    "header_links_before_dropdown": 7,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc shows the types, with shapes and units
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False
default_role = None
nitpicky = False
