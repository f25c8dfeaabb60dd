"""Pages that are written while the site is built, so that they are never out of date.

``reference/``: a page for each public package, from its stub. ``commands/``: a page for each verb.
``project/``: the files in the root of the repository.
"""

import ast
import importlib.util
from pathlib import Path

from keras_qd.cli.main import VERBS

HERE = Path(__file__).parents[1]
ROOT = HERE.parent

#: Public package -> what is in it, in one line.
PACKAGES = {
    "keras_qd": "the main functions",
    "keras_qd.physics": "potentials, exact solvers, references",
    "keras_qd.devices": "devices of gates: charge states, sweeps, stability diagrams",
    "keras_qd.data": "data sets: generated, imported, stored, split, scaled, augmented",
    "keras_qd.models": "networks and layers",
    "keras_qd.metrics": "metrics of batches in training and of whole arrays",
    "keras_qd.tasks": "tasks, and the conversion of fields to arrays",
    "keras_qd.weights": "pretrained networks, and whether systems resemble their training data",
    "keras_qd.training": "training into run directories",
    "keras_qd.prediction": "trained models applied to arrays and to files",
    "keras_qd.evaluation": "scores with intervals, uncertainty, cost",
    "keras_qd.report": "figures and the report of a run",
    "keras_qd.inverse": "from a wanted density to a potential",
    "keras_qd.export": "models as files for other programs",
    "keras_qd.live": "the live page",
    "keras_qd.testing": "checks of your own components",
    "keras_qd.errors": "exceptions",
    "keras_qd.backend": "choice of the Keras backend",
}


def public_names(package: str) -> list[str]:
    """Return the public names of a package, importing nothing of it."""
    spec = importlib.util.find_spec(package)
    stub = Path(spec.origin).with_suffix(".pyi")
    source = stub if stub.exists() else Path(spec.origin)
    tree = ast.parse(source.read_text(encoding="utf-8"))
    if not stub.exists():
        kinds = (ast.ClassDef, ast.FunctionDef)
        found = [node.name for node in tree.body if isinstance(node, kinds)]
        return [name for name in found if not name.startswith("_")]
    return [
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    ]


def write(path: Path, text: str) -> None:
    """Write a page, unless it is there as it should be: Sphinx reads again what has changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def heading(text: str) -> str:
    """Return a heading in reStructuredText."""
    return f"{text}\n{'=' * len(text)}\n\n"


def reference_pages() -> None:
    """Write a page for each public package, with all its public names."""
    folder = HERE / "reference"
    rows, listed = [], set()
    for package in PACKAGES:
        lines = [heading(package), f".. automodule:: {package}\n   :no-members:\n\n"]
        for name in public_names(package):
            kind = "autoclass" if name[0].isupper() else "autofunction"
            options = "   :members:\n" if kind == "autoclass" else ""
            # A class that two packages offer stands on both pages, and in the index once.
            options += "   :no-index:\n" if kind == "autoclass" and name in listed else ""
            listed.add(name)
            lines.append(f".. {kind}:: {package}.{name}\n{options}\n")
        write(folder / f"{package}.rst", "".join(lines))
        rows.append(f"   {package} <{package}>\n")
    listing = "".join(f"- :doc:`{package}`: {meaning}\n" for package, meaning in PACKAGES.items())
    tree = ".. toctree::\n   :hidden:\n\n" + "".join(rows)
    write(folder / "index.rst", heading("Python API") + listing + "\n" + tree)


def command_pages() -> None:
    """Write a page for each verb: its help, printed while the site is built."""
    folder = HERE / "commands"
    for verb, (meaning, _) in VERBS.items():
        text = f"{meaning}\n\n.. terminal::\n\n   {verb} --help\n"
        write(folder / f"{verb}.rst", heading(f"keras-qd {verb}") + text)
    listing = "".join(f"   {verb}\n" for verb in VERBS)
    screens = ".. terminal::\n\n   --help\n   list\n\n"
    text = heading("Commands") + screens + ".. toctree::\n\n" + listing
    write(folder / "index.rst", text)


def root_pages() -> None:
    """Write the pages that are files in the root of the repository."""
    for name, title in (("CONTRIBUTING", "contributing"), ("CHANGELOG", "changelog")):
        text = (ROOT / f"{name}.md").read_text(encoding="utf-8")
        write(HERE / "project" / f"{title}.md", text)
    for name, title in (("CITATION.cff", "Citation"), ("NOTICE", "Bundled files")):
        body = f".. literalinclude:: ../../{name}\n   :language: none\n"
        write(HERE / "project" / f"{name.partition('.')[0].lower()}.rst", heading(title) + body)
    tree = ".. toctree::\n\n   changelog\n   contributing\n   citation\n   notice\n"
    write(HERE / "project" / "index.rst", heading("Project") + tree)


def generate(app) -> None:
    """Write all pages."""
    reference_pages()
    command_pages()
    root_pages()


def setup(app):
    """Announce the pages to Sphinx."""
    app.connect("builder-inited", generate)
    return {"version": "1", "parallel_read_safe": True}
