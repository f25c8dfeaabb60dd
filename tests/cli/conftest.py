"""Run the command line as a user does: in a process of its own."""

import os
import subprocess
import sys

import keras
import pytest


@pytest.fixture(scope="session")
def keras_qd_command():
    """Return a function that runs ``keras-qd`` and returns the finished process."""

    def run(*arguments, cwd=None, **environment):
        return subprocess.run(
            [sys.executable, "-m", "keras_qd", *map(str, arguments)],
            env={**os.environ, "KERAS_BACKEND": keras.config.backend(), **environment},
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd,
            timeout=900,
        )

    return run
