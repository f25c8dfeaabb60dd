"""A virtual environment into which the tests of this folder install distributions."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import keras
import pytest

from keras_qd.backend import PREFERENCE


class Environment:
    """A virtual environment of its own, which also sees what is installed beside these tests."""

    def __init__(self, path):
        venv.create(path)
        self._variables = {**os.environ, "KERAS_QD_CACHE": str(path / "cache")}
        self.python = path / ("Scripts" if os.name == "nt" else "bin") / "python"
        site = self.output("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        beside = sysconfig.get_path("purelib")
        Path(site, "beside.pth").write_text(f"import site; site.addsitedir({beside!r})\n")
        # As if torch were the only backend, where the tests of plug-ins run on all that there are.
        if keras.config.backend() == "torch":
            others = [name for name in PREFERENCE if name != "torch"]
            block = f"import sys; sys.modules.update(dict.fromkeys({others!r}))\n"
            Path(site, "alone.pth").write_text(block)

    def run(self, *arguments):
        return subprocess.run(
            [self.python, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
            env=self._variables,
        )

    def output(self, *arguments):
        process = self.run(*arguments)
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout

    def pip(self, *arguments):
        command = [sys.executable, "-m", "pip", "--python", self.python, "--quiet", *arguments]
        subprocess.run(command, capture_output=True, text=True, check=True)

    def names(self):
        found = json.loads(self.output("-m", "keras_qd", "list", "--json"))
        return {kind: set(names) for kind, names in found.items()}


@pytest.fixture(scope="session")
def environment(tmp_path_factory):
    pytest.importorskip("hatchling", reason="the plug-ins are built with hatchling")
    return Environment(tmp_path_factory.mktemp("environment"))
