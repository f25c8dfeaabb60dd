"""The examples run top to bottom in their reduced form, as scripts and as notebooks."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("[0-9]*.py"))

#: Those without a network, which are the same on every backend: they run on one.
PHYSICS = {
    "01_solve_a_dot.py",
    "02_weak_to_strong_interaction.py",
    "05_inverse_design.py",
    "10_own_potentials.py",
    "13_a_cluster.py",
}
#: Those whose steps a quicker test takes as well: 03 one of the five maps, tests/data the cluster.
SLOW = {"04_five_maps.py", "13_a_cluster.py"}


def marked(name):
    """Return an example as a parameter, marked where it is slow."""
    return pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())


def run(command, folder):
    """Run a command in an empty folder, in the reduced form; return what it printed."""
    process = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        env={
            # The kernel of a notebook shows figures in its own way.
            **{name: value for name, value in os.environ.items() if name != "MPLBACKEND"},
            "KERAS_BACKEND": keras.config.backend(),
            "KERAS_QD_CACHE": str(folder / "cache"),
            "KERAS_QD_REDUCED": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.mark.parametrize("name", [marked(name) for name in SCRIPTS])
def test_script(name, tmp_path):
    if name in PHYSICS and keras.config.backend() != "jax":
        pytest.skip("no network in it: it runs in the tests of JAX")
    assert run(["-W", "error::UserWarning", EXAMPLES / name], tmp_path)
    assert list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name == "01_solve_a_dot.py" else pytest.mark.slow)
        for name in SCRIPTS
    ],
)
def test_notebook(name, tmp_path):
    for module in ("ipykernel", "jupytext", "nbclient"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install --group notebooks")
    notebook = tmp_path / f"{Path(name).stem}.ipynb"
    run(["-m", "jupytext", "--to", "ipynb", "--output", notebook, EXAMPLES / name], tmp_path)
    run(["-c", EXECUTE, notebook], tmp_path)
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
