"""The examples run top to bottom, in a reduced form."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
ARGUMENTS = {
    "01_solve_a_dot.py": ["figure.png"],
    "02_train_a_map.py": ["40", "1"],
    "03_mnist_classification.py": ["1", "4"],
    "04_mnist_autoencoder.py": ["1", "4", "2", "8"],
    "05_energy_of_a_potential.py": ["400", "1", "1"],
    "06_energy_of_a_density.py": ["400", "1"],
    "07_inverse_design.py": ["32", "2", "2"],
}


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.py")))
def test_example(name, tmp_path):
    process = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", str(EXAMPLES / name), *ARGUMENTS[name]],
        cwd=tmp_path,
        env={
            **os.environ,
            "KERAS_BACKEND": keras.config.backend(),
            "KERAS_QD_CACHE": str(tmp_path / "cache"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout
    assert list(tmp_path.iterdir())
