"""The example scripts as pages and as notebooks, written while the site is built.

``gallery/NAME.ipynb`` is the page of ``examples/NAME.py``, with links to the script and to
``gallery/notebooks/NAME.ipynb``, the same for the reader to take away.
"""

from pathlib import Path

import jupytext
import nbformat

HERE = Path(__file__).parents[1]
EXAMPLES = HERE.parent / "examples"
#: What reads the scripts, in the form that jupytext calls "percent".
FORMAT = "py:percent"

INTRODUCTION = """# Examples

Scripts on one topic each, in `examples/`; each page has its notebook to download. In a clone:

    pip install jupytext jupyterlab
    jupytext --to ipynb examples/*.py        # notebooks next to the scripts

JupyterLab with jupytext also opens the scripts themselves as notebooks. The times they state are
approximate, for two cores without an accelerator.

```{toctree}
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


def page(script: Path) -> nbformat.NotebookNode:
    """Return the page of a script: its notebook, with links below the title."""
    made = notebook(script)
    title, _, text = made.cells[0].source.partition("\n")
    links = (
        f"{{download}}`The notebook <notebooks/{script.stem}.ipynb>`, "
        f"{{download}}`the script <../../examples/{script.name}>`"
    )
    made.cells[0].source = f"{title}\n\n{links}\n{text}"
    return made


def contents() -> dict[str, str]:
    """Return all pages and notebooks by their paths in the gallery."""
    found = {"index.md": INTRODUCTION + "".join(f"{each.stem}\n" for each in scripts()) + "```\n"}
    for script in scripts():
        found[f"{script.stem}.ipynb"] = nbformat.writes(page(script))
        found[f"notebooks/{script.stem}.ipynb"] = nbformat.writes(notebook(script))
    return found


def write_gallery(folder: Path) -> None:
    """Write all pages and notebooks, but for those that are there; remove what is of no script."""
    wanted = contents()
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Sphinx reads again what has changed.
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app):
    """Announce the gallery to Sphinx."""
    app.connect("builder-inited", lambda app: write_gallery(HERE / "gallery"))
    return {"version": "1", "parallel_read_safe": True}
