"""How Sphinx builds the site; ``tox -e docs`` does it."""

import os
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
    "drawings",
    "gallery",
    "generated_pages",
    "terminal",
]
# Pages that stand in the root of the repository are built in by generated_pages.
exclude_patterns = ["_build", "_ext", "gallery/notebooks"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# Examples that take seconds run while the site is built, and again once they have changed.
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / "executed")
nb_execution_excludepatterns = [
    f"gallery/{path.stem}.ipynb"
    for path in sorted((HERE.parent / "examples").glob("[0-9]*.py"))
    if path.stem.partition("_")[0] not in {"01", "02", "10"}
]
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_merge_streams = True
# The kernels choose for themselves how to show figures.
os.environ.pop("MPLBACKEND", None)

html_theme = "pydata_sphinx_theme"
html_title = "keras-qd"
html_show_sourcelink = False
html_theme_options = {
    "header_links_before_dropdown": 7,
    "navigation_with_keys": False,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc tells the types, with shapes and units
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False
default_role = None
nitpicky = False
