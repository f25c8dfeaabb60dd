"""A new plug-in is written, installed by pip, tested, used, and removed again."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import keras
import pytest
from tests.command import refused, succeed, whole_chain

from keras_qd.backend import PREFERENCE

#: The plug-in's own tests, then a command, in one process: imports take longer than either.
TEST_AND_TRAIN = """
import sys
import pytest
if code := pytest.main(["-q", "-p", "no:cacheprovider", sys.argv.pop(1)]):
    sys.exit(code)
from keras_qd.cli.main import main
main()
"""


class Environment:
    """A virtual environment of its own, which also sees what is installed beside these tests."""

    def __init__(self, path):
        venv.create(path)
        self.python = path / ("Scripts" if os.name == "nt" else "bin") / "python"
        site = self.output("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        beside = sysconfig.get_path("purelib")
        others = [name for name in PREFERENCE if name != keras.config.backend()]
        Path(site, "beside.pth").write_text(
            f"import site; site.addsitedir({beside!r})\n"
            # As if the backend of these tests were the only one.
            f"import sys; sys.modules.update(dict.fromkeys({others!r}))\n"
        )

    def run(self, *arguments):
        return subprocess.run(
            [self.python, *arguments], capture_output=True, text=True, check=False, timeout=600
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


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    pytest.importorskip("hatchling", reason="the plug-in is built with hatchling")
    return Environment(tmp_path_factory.mktemp("environment"))


@pytest.fixture
def plugin(tmp_path):
    """The folder of a new plug-in, written by the command."""
    written = json.loads(succeed("new-plugin", "odd-wells", "--json", cwd=tmp_path))
    assert all((tmp_path / path).is_file() for path in written["files"])
    return tmp_path / written["folder"]


@whole_chain
def test_install_test_train_and_uninstall(environment, plugin, tmp_path):
    before = environment.names()
    environment.pip("install", "--no-deps", "--no-build-isolation", "--no-index", str(plugin))
    added = {kind: names - before[kind] for kind, names in environment.names().items()}
    assert added == {
        "models": {"odd-wells-net"},
        "datasets": {"odd-wells"},
        "metrics": {"odd-wells-largest-error"},
        "tasks": {"odd-wells-to-energy"},
        "potentials": {"odd-wells"},
    }
    run = tmp_path / "run"
    small = ("--epochs", "1", "--set", "dataset.samples=100", "--no-evolution")
    arguments = ("train", "odd-wells-to-energy", "--out", str(run), *small)
    environment.output("-c", TEST_AND_TRAIN, str(plugin / "tests"), *arguments)
    assert "odd-wells-largest-error" in (run / "metrics.json").read_text()
    assert (run / "report.html").is_file()

    environment.pip("uninstall", "--yes", "keras-qd-odd-wells")
    assert environment.names() == before


def test_a_task_of_a_plugin_that_is_not_installed_is_unknown(tmp_path):
    code, error = refused("train", "odd-wells-to-energy", cwd=tmp_path)
    assert code == 2
    assert "unknown task 'odd-wells-to-energy'" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Odd_Wells"], "'Odd_Wells' is not a plug-in name"),
        (["1d"], "'1d' is not a plug-in name"),
        (["mnist"], "a data set 'mnist' already exists"),
        (["odd-wells", "--out", "."], ". already exists"),
    ],
)
def test_names_and_folders_that_are_refused(arguments, message, tmp_path):
    code, error = refused("new-plugin", *arguments, cwd=tmp_path)
    assert code == 2
    assert message in error
    assert not list(tmp_path.iterdir())
