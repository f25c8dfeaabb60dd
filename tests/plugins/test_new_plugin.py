"""A new plug-in is written, installed by pip, tested, used, and removed again."""

import json
import os
import subprocess
import sysconfig
import venv
from pathlib import Path

import keras
import pytest

from keras_qd.cli.main import main


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

    def install(self, plugin):
        self.pip("install", "--no-deps", "--no-build-isolation", "--no-index", str(plugin))

    def pytest(self, plugin, *arguments):
        tests = str(plugin / "tests")
        process = self.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, tests)
        assert process.returncode == 0, process.stdout

    def names(self):
        found = json.loads(self.output("-m", "keras_qd", "list", "--json"))
        return {kind: set(names) for kind, names in found.items()}


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    pytest.importorskip("hatchling", reason="the plug-in is built with hatchling")
    return Environment(tmp_path_factory.mktemp("environment"))


@pytest.fixture
def plugin(tmp_path, monkeypatch, capsys):
    """The folder of a new plug-in, written by the command."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["new-plugin", "odd-wells", "--json"])
    assert stop.value.code == 0
    written = json.loads(capsys.readouterr().out)
    assert all(Path(path).is_file() for path in written["files"])
    return tmp_path / written["folder"]


#: JAX and TensorFlow compile for a minute what torch does in seconds.
QUICK = keras.config.backend() == "torch"


def slow_unless_quick(test):
    """Mark a test as slow where it is."""
    return test if QUICK else pytest.mark.slow(test)


@pytest.mark.skipif(QUICK, reason="the test below does all of it, and more")
def test_install_and_list(environment, plugin):
    before = environment.names()
    environment.install(plugin)
    assert "odd-wells-to-energy" in environment.names()["tasks"]
    environment.pytest(plugin, "-k", "dataset or solver or family")
    environment.pip("uninstall", "--yes", "keras-qd-odd-wells")
    assert environment.names() == before


@slow_unless_quick
def test_install_test_train_and_uninstall(environment, plugin, tmp_path):
    before = environment.names()
    environment.install(plugin)
    added = {kind: names - before[kind] for kind, names in environment.names().items()}
    assert added == {
        "models": {"odd-wells-net"},
        "datasets": {"odd-wells"},
        "metrics": {"odd-wells-largest-error"},
        "tasks": {"odd-wells-to-energy"},
        "potentials": {"odd-wells"},
    }
    environment.pytest(plugin)

    run = tmp_path / "run"
    printed = json.loads(
        environment.output(
            "-m", "keras_qd", "train", "odd-wells-to-energy", "--out", str(run), "--json"
        )
    )
    assert printed["run"] == str(run)
    metrics = json.loads((run / "metrics.json").read_text())
    assert "odd-wells-largest-error" in json.dumps(metrics)
    assert (run / "report.html").is_file()

    environment.pip("uninstall", "--yes", "keras-qd-odd-wells")
    assert environment.names() == before
    refused = environment.run("-m", "keras_qd", "train", "odd-wells-to-energy", "--out", "never")
    assert refused.returncode == 2
    assert refused.stderr.startswith("keras-qd: unknown task 'odd-wells-to-energy'")
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Odd_Wells"], "'Odd_Wells' is no name for a plug-in"),
        (["1d"], "'1d' is no name for a plug-in"),
        (["mnist"], "there is a data set 'mnist' already"),
        (["odd-wells", "--out", "."], ". exists already"),
    ],
)
def test_names_and_folders_that_will_not_do(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        main(["new-plugin", *arguments])
    assert stop.value.code == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
