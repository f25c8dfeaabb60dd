"""The examples run top to bottom in their reduced form, as scripts and as notebooks."""

import os
import runpy
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import pytest
from tests.command import whole_chain

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("[0-9]*.py"))

#: Those whose steps a quicker test takes as well: 03 one of the five maps, tests/data the cluster.
SLOW = {"04_five_maps.py", "13_a_cluster.py"}


def marked(name):
    """Return an example as a parameter, marked where it is slow."""
    return pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())


@pytest.fixture
def reduced(tmp_path, monkeypatch):
    """An empty folder, in which examples run in the reduced form."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_QD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_QD_REDUCED", "1")
    yield tmp_path
    plt.close("all")


@whole_chain
@pytest.mark.parametrize("name", [marked(name) for name in SCRIPTS])
def test_script(name, reduced, monkeypatch):
    monkeypatch.setattr("keras_qd.report.report.write_report", lambda run: run.path)
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    assert list(reduced.iterdir())


def run(command, folder):
    """Run a command in a process of its own, which has to succeed."""
    process = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        # The kernel of a notebook shows figures in its own way.
        env={
            **{name: value for name, value in os.environ.items() if name != "MPLBACKEND"},
            "KERAS_BACKEND": keras.config.backend(),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == "01_solve_a_dot.py" else pytest.mark.slow)
        for name in SCRIPTS
    ],
)
def test_notebook(name, reduced):
    for module in ("ipykernel", "jupytext", "nbclient"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install --group notebooks")
    notebook = reduced / f"{Path(name).stem}.ipynb"
    run(["-m", "jupytext", "--to", "ipynb", "--output", notebook, EXAMPLES / name], reduced)
    run(["-c", EXECUTE, notebook], reduced)
    assert '"output_type": "stream"' in notebook.read_text()
    assert ('"image/png"' in notebook.read_text()) == ("savefig" in (EXAMPLES / name).read_text())


#: Runs all cells of a notebook in place, in the folder that it is in.
EXECUTE = """
import sys
import nbformat
from nbclient import NotebookClient

path = sys.argv[1]
notebook = nbformat.read(path, as_version=4)
NotebookClient(notebook, kernel_name="python3", timeout=600).execute()
nbformat.write(notebook, path)
"""
