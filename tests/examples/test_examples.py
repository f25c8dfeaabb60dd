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

from keras_qd.data.mnist import read_mnist

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(path.name for path in EXAMPLES.glob("[0-9]*.py"))

#: Example -> its settings, and those with which it takes seconds.
REDUCED = {
    "02_weak_to_strong_interaction.py": {
        "[0, 0.3, 1, 2, 3, 5, 7, 10, 15, 20]": "[0, 1, 10]",
        "orbitals = 36": "orbitals = 15",
        "shown = [0, 2, 5, 7, 9]": "shown = [0, 1, 2]",
    },
    "03_train_a_map.py": {"2500, 24, 16": "20, 1, 4"},
    "04_five_maps.py": {
        "2500, 64, 24": "40, 32, 1",
        '{"filters": 16}': '{"filters": 4, "depth": 2}',
    },
    "05_inverse_design.py": {"64, 5, 60": "32, 2, 1"},
    "06_mnist_classification.py": {"10, 32": "1, 4"},
    "07_mnist_autoencoder.py": {"8, 16, (2, 4, 8, 16, 32, 64)": "1, 4, (8,)"},
    "08_energy_of_a_potential.py": {"20_000, 10, 20": "200, 1, 1"},
    "09_energy_of_a_density.py": {"20_000, 12": "200, 1"},
    "10_own_potentials.py": {"4, 200, 64": "2, 12, 32"},
    "11_own_task.py": {"2000, 32, 40, 16": "20, 16, 1, 4"},
    "12_another_backend.py": {"20_000, 10": "200, 1"},
    "13_a_cluster.py": {"800, 20": "160, 6"},
    "14_numbers_beside_maps.py": {"2000, 32, 30, 16, 10": "24, 16, 1, 2, 6"},
    "16_a_course_in_one_sitting.py": {
        '"digits": 5, "images": 30, "energies": 50': '"digits": 1, "images": 1, "energies": 1',
        "samples = 100_000": "samples = 400",
    },
    "15_stability_diagram.py": {"48, 100, 3, 11": "24, 9, 1, 2"},
}
#: Those whose steps a quicker test takes as well: the walk one of the five maps, 16 and tests/tasks
#: the energies, tests/parity another backend, tests/data the cluster.
SLOW = {
    "03_train_a_map.py",
    "04_five_maps.py",
    "08_energy_of_a_potential.py",
    "09_energy_of_a_density.py",
    "12_another_backend.py",
    "13_a_cluster.py",
}


def marked(name):
    """Return an example as a parameter, marked where it is slow."""
    return pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())


def reduced(name, folder):
    """Write an example with smaller settings into a folder, and return its path."""
    text = (EXAMPLES / name).read_text(encoding="utf-8")
    for settings, smaller in REDUCED.get(name, {}).items():
        assert text.count(settings) == 1, f"{settings} in {name}"
        text = text.replace(settings, smaller)
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The empty folder in which an example runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KERAS_QD_CACHE", str(tmp_path / "cache"))
    yield tmp_path
    plt.close("all")


def few_digits(path):
    """Read every eleventh image of each split, which leaves all ten digits."""
    splits = read_mnist(path)
    return {
        split: {name: values[::11] for name, values in fields.items()}
        for split, fields in splits.items()
    }


@whole_chain
@pytest.mark.parametrize("name", [marked(name) for name in SCRIPTS])
def test_script(name, folder, monkeypatch):
    # Parity has its own tests; a process of every other backend would import it first.
    monkeypatch.setattr("keras_qd.backend.installed_backends", lambda: [keras.config.backend()])
    monkeypatch.setattr("keras_qd.report.report.write_report", lambda run: run.path)
    monkeypatch.setattr("keras_qd.data.mnist.read_mnist", few_digits)
    runpy.run_path(str(reduced(name, folder)), run_name="__main__")
    assert len(list(folder.iterdir())) > 1


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
def test_notebook(name, folder):
    for module in ("ipykernel", "jupytext", "nbclient"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install --group notebooks")
    script = reduced(name, folder)
    notebook = script.with_suffix(".ipynb")
    run(["-m", "jupytext", "--to", "ipynb", "--output", notebook, script], folder)
    run(["-c", EXECUTE, notebook], folder)
    assert '"output_type": "stream"' in notebook.read_text()
    assert ('"image/png"' in notebook.read_text()) == ("savefig" in script.read_text())


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
