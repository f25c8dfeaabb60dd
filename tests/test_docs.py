"""Links between pages lead somewhere, and the pages that the site generates name what exists."""

import importlib
import importlib.util
import json
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"


def module_at(path):
    """Import a script that is in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LINKS = module_at(DOCS / "check_links.py")
PAGES = module_at(DOCS / "_ext" / "generated_pages.py")


def test_all_links_lead_somewhere():
    assert LINKS.broken_links() == []


@pytest.mark.parametrize(
    ("link", "wrong"),
    [
        ("#a-heading", False),
        ("#another", True),
        ("other.md", True),
        ("page.md#a-heading", False),
        ("https://example.org", False),
    ],
)
def test_links_that_lead_nowhere_are_found(link, wrong, tmp_path, monkeypatch):
    monkeypatch.setattr(LINKS, "ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("# A heading\n")
    assert (LINKS.broken_link(page, link) is not None) == wrong


@pytest.mark.parametrize("package", PAGES.PACKAGES)
def test_the_reference_names_what_exists(package):
    names = PAGES.public_names(package)
    assert names
    assert set(names) <= set(dir(importlib.import_module(package)))


def test_every_verb_has_a_page(tmp_path, monkeypatch):
    monkeypatch.setattr(PAGES, "HERE", tmp_path)
    PAGES.generate(None)
    pages = {path.stem for path in (tmp_path / "commands").iterdir()}
    assert pages == {*PAGES.VERBS, "index"}
    assert "L1" in (tmp_path / "reference" / "keras_qd.metrics.rst").read_text()


def test_every_example_has_a_page_and_a_notebook(tmp_path):
    pytest.importorskip("jupytext")
    gallery = module_at(DOCS / "_ext" / "gallery.py")
    (tmp_path / "07_of_a_script_that_is_gone.ipynb").touch()
    gallery.write_gallery(tmp_path)
    scripts = {path.stem for path in (DOCS.parent / "examples").glob("[0-9]*.py")}
    assert scripts == {path.stem for path in tmp_path.glob("*.ipynb")}
    assert scripts == {path.stem for path in (tmp_path / "notebooks").iterdir()}
    for path in tmp_path.glob("*.ipynb"):
        first, *others = json.loads(path.read_text())["cells"]
        assert first["source"][0].startswith("# ")
        assert any("download" in line for line in first["source"])
        assert "code" in {cell["cell_type"] for cell in others}


def test_kept_output_is_of_the_code_as_it_stands():
    pytest.importorskip("jupytext")
    gallery = module_at(DOCS / "_ext" / "gallery.py")
    kept = {path.stem for path in gallery.EXECUTED.glob("*.ipynb")}
    assert kept
    current = {script.stem for script in gallery.scripts() if gallery.is_current(script)}
    # An example that has changed is run again, or its old output removed.
    assert kept == current
