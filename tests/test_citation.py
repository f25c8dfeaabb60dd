"""The citation and the licences say what is there."""

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import keras_qd

ROOT = Path(__file__).parents[1]


def test_the_version_is_written_in_one_place():
    written = re.compile(rf"(?<![\d.]){re.escape(keras_qd.__version__)}(?![\d.])")
    files = ["pyproject.toml", "CITATION.cff", "README.md", "src/keras_qd/__init__.py"]
    holders = [name for name in files if written.search((ROOT / name).read_text(encoding="utf-8"))]
    assert holders == ["src/keras_qd/__init__.py"]
    assert version("keras-qd") == keras_qd.__version__


def test_the_citation_names_the_licence_and_the_paper():
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"license: {project['license']}" in text
    for words in ("Pantis-Simut", "10.1088/2632-2153/acd6d8", "arXiv:2301.02122", '"025023"'):
        assert words in text


def test_every_bundled_file_that_is_no_code_is_in_the_notice():
    notice = (ROOT / "NOTICE").read_text(encoding="utf-8")
    source = ROOT / "src" / "keras_qd"
    own = {".py", ".pyi", ".typed", ".j2", ".css", ".txt", ".pyc", ".js", ".html", ".svg"}
    bundled = [path for path in source.rglob("*") if path.is_file() and path.suffix not in own]
    bundled = [path for path in bundled if path.name != "py.typed"]
    assert bundled
    for path in bundled:
        assert str(path.relative_to(ROOT)) in notice
