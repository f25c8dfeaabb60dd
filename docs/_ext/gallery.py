"""The example scripts as pages and as notebooks, written while the site is built.

``gallery/NAME.ipynb`` is the page of ``examples/NAME.py`` with the output that ``run_examples.py``
keeps in ``docs/executed``, and links to the script and to ``gallery/notebooks/NAME.ipynb``, the
notebook without output for the reader to download.
"""

import base64
from pathlib import Path

import jupytext
import nbformat

HERE = Path(__file__).parents[1]
EXAMPLES = HERE.parent / "examples"
EXECUTED = HERE / "executed"
#: What reads the scripts, in the form that jupytext calls "percent".
FORMAT = "py:percent"

INTRODUCTION = """# Examples

Each script in `examples/` covers one topic and is shown with its output. Each page has a notebook
to download. In a clone:

    pip install jupytext jupyterlab
    jupytext --to ipynb examples/*.py        # notebooks next to the scripts

JupyterLab with jupytext also opens the scripts themselves as notebooks.

::::{grid} 1 2 3 3
:gutter: 3

"""

CARD = """:::{{grid-item-card}} {title}
:link: {stem}
:link-type: doc
{picture}
{summary}
:::

"""


def scripts() -> list[Path]:
    """Return the example scripts, in their order."""
    return sorted(EXAMPLES.glob("[0-9]*.py"))


def notebook(script: Path) -> nbformat.NotebookNode:
    """Return a script as a notebook without outputs; the same whenever it is made."""
    made = jupytext.read(script, fmt=FORMAT)
    made.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "language_info": {"name": "python", "pygments_lexer": "ipython3"},
    }
    for number, cell in enumerate(made.cells):
        cell["id"] = f"cell-{number}"
    return made


def code(made: nbformat.NotebookNode) -> list[str]:
    """Return the code of a notebook, cell by cell."""
    return [cell.source for cell in made.cells if cell.cell_type == "code"]


def executed(script: Path) -> nbformat.NotebookNode:
    """Return the example with the output that was kept."""
    return nbformat.read(EXECUTED / f"{script.stem}.ipynb", as_version=4)


def is_current(script: Path) -> bool:
    """Whether output is kept that is of the code of the script as it stands."""
    path = EXECUTED / f"{script.stem}.ipynb"
    return path.exists() and code(executed(script)) == code(notebook(script))


def note(script: Path) -> str:
    """Return what the page of a script says of its output."""
    if not is_current(script):
        return f"No output is stored; `python docs/run_examples.py {script.name[:2]}` generates it."
    text = "Run on {date}, in {seconds} seconds of a shared machine ({processor})."
    return text.format(**executed(script).metadata["executed"])


def page(script: Path) -> nbformat.NotebookNode:
    """Return the page of a script: its notebook with output, and links below the title."""
    made = notebook(script)
    if is_current(script):
        outputs = [cell.outputs for cell in executed(script).cells if cell.cell_type == "code"]
        for cell in made.cells:
            if cell.cell_type == "code":
                cell.outputs = outputs.pop(0)
    title, _, text = made.cells[0].source.partition("\n")
    links = (
        f"{{download}}`The notebook <notebooks/{script.stem}.ipynb>`, "
        f"{{download}}`the script <../../examples/{script.name}>`. {note(script)}"
    )
    made.cells[0].source = f"{title}\n\n{links}\n{text}"
    return made


def card(script: Path) -> str:
    """Return the entry of an example in the gallery: its picture, title and first sentence."""
    title, _, text = notebook(script).cells[0].source.partition("\n")
    sentence = " ".join(text.split()).partition(". ")[0].rstrip(".") + "."
    picture = f":img-top: thumbnails/{script.stem}.png\n" if figures(script) else ""
    return CARD.format(
        title=title.removeprefix("# "), stem=script.stem, picture=picture, summary=sentence
    )


def figures(script: Path) -> list[bytes]:
    """Return the figures of an example, in their order; none where no output is kept."""
    if not is_current(script):
        return []
    cells = [cell for cell in executed(script).cells if cell.cell_type == "code"]
    outputs = [output.get("data", {}) for cell in cells for output in cell.outputs]
    return [base64.b64decode(data["image/png"]) for data in outputs if "image/png" in data]


def contents() -> dict[str, bytes]:
    """Return all pages, notebooks and pictures by their paths in the gallery."""
    tree = "".join(f"{each.stem}\n" for each in scripts())
    cards = "".join(card(each) for each in scripts())
    index = f"{INTRODUCTION}{cards}::::\n\n```{{toctree}}\n:hidden:\n\n{tree}```\n"
    found = {"index.md": index.encode()}
    for script in scripts():
        found[f"{script.stem}.ipynb"] = nbformat.writes(page(script)).encode()
        found[f"notebooks/{script.stem}.ipynb"] = nbformat.writes(notebook(script)).encode()
        # Most examples end in what they have shown.
        for figure in figures(script)[-1:]:
            found[f"thumbnails/{script.stem}.png"] = figure
    return found


def write_gallery(folder: Path) -> None:
    """Write all pages and notebooks, but for those that are there; remove what is of no script."""
    wanted = contents()
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
    for name, content in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Sphinx reads again what has changed.
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)


def setup(app):
    """Announce the gallery to Sphinx."""
    app.connect("builder-inited", lambda app: write_gallery(HERE / "gallery"))
    return {"version": "1", "parallel_read_safe": True}
