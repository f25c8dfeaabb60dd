"""The example plug-in is installed by pip, used from the command line, and removed again."""

import json
import os
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest

PLUGIN = Path(__file__).parents[2] / "examples" / "plugin"


class Environment:
    """A virtual environment of its own, which also sees what is installed beside these tests."""

    def __init__(self, path):
        venv.create(path, with_pip=True)
        self.python = path / ("Scripts" if os.name == "nt" else "bin") / "python"
        site = self.output("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        beside = sysconfig.get_path("purelib")
        Path(site, "beside.pth").write_text(f"import site; site.addsitedir({beside!r})\n")
        self.folder = path

    def run(self, *arguments):
        return subprocess.run(
            [self.python, *arguments], capture_output=True, text=True, check=False, timeout=600
        )

    def output(self, *arguments):
        process = self.run(*arguments)
        assert process.returncode == 0, process.stderr
        return process.stdout

    def pip(self, *arguments):
        self.output("-m", "pip", "--quiet", *arguments)

    def names(self):
        found = json.loads(self.output("-m", "keras_qd", "list", "--json"))
        return {kind: set(names) for kind, names in found.items()}


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    pytest.importorskip("hatchling", reason="the plug-in is built with hatchling")
    return Environment(tmp_path_factory.mktemp("environment"))


def test_install_train_and_uninstall(environment, tmp_path):
    before = environment.names()
    environment.pip("install", "--no-deps", "--no-build-isolation", "--no-index", str(PLUGIN))
    added = {kind: names - before[kind] for kind, names in environment.names().items()}
    assert added == {
        "models": {"dense-net"},
        "datasets": {"oscillators"},
        "metrics": {"largest-error"},
        "tasks": {"oscillator-to-energy"},
    }

    run = tmp_path / "run"
    printed = json.loads(
        environment.output(
            "-m", "keras_qd", "train", "oscillator-to-energy", "--out", str(run), "--json"
        )
    )
    assert printed["run"] == str(run)
    metrics = json.loads((run / "metrics.json").read_text())
    assert "largest-error" in json.dumps(metrics)
    assert (run / "report.html").is_file()

    environment.pip("uninstall", "--yes", "keras-qd-oscillators")
    assert environment.names() == before
    refused = environment.run("-m", "keras_qd", "train", "oscillator-to-energy", "--out", "never")
    assert refused.returncode == 2
    assert refused.stderr.startswith("keras-qd: unknown task 'oscillator-to-energy'")
    assert "Traceback" not in refused.stderr
