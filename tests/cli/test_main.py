"""The frame of the command line: quick help, clear errors, the right exit codes."""

import contextlib
import io
import logging
import subprocess
import sys

import pytest

from keras_qd.cli.main import VERBS, cli
from keras_qd.errors import DataError
from tests.command import call, refused


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["--version"]])
def test_light_verbs_import_nothing_heavy(arguments):
    script = (
        "import sys\n"
        "from keras_qd.cli.main import main\n"
        "try:\n"
        f"    main({arguments!r})\n"
        "except SystemExit as stop:\n"
        "    assert stop.code == 0\n"
        "heavy = {'keras', 'scipy', 'matplotlib', 'jax', 'torch', 'zarr', 'rich'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_the_package_runs_as_a_module():
    command = [sys.executable, "-m", "keras_qd", "list", "model"]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 2
    assert process.stderr.startswith("keras-qd: unknown kind of component 'model'; did you mean")


def examples_of(command):
    """Return what stands below "Examples:" in the help of a verb."""
    text = f"{command.help}\n{command.epilog or ''}"
    return text.partition("Examples:")[2]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_its_options(verb):
    finished = call(verb, "--help")
    assert finished.code == 0
    assert f"keras-qd {verb}" in finished.out
    assert VERBS[verb].summary.endswith(".")
    command = cli.get_command(None, verb)
    assert command.name == verb
    assert f"keras-qd {verb}" in examples_of(command)
    assert all(p.help for p in command.params if p.param_type_name == "option")


@pytest.mark.parametrize(
    "arguments",
    [
        ["potential-to-desity"],
        ["potential-to-density", "--model", "tabel-mlp"],
        ["potential-to-density", "--callback", "nope"],
        ["potential-to-density", "--set", "nothing=3"],
        ["potential-to-density", "--set", "dataset=nope"],
    ],
)
def test_a_misspelt_name_is_refused_before_keras_is_imported(arguments, tmp_path):
    script = (
        "import sys\n"
        "from keras_qd.cli.main import main\n"
        "try:\n"
        f"    main({['train', *arguments]!r})\n"
        "except SystemExit as stop:\n"
        "    assert stop.code in (1, 2), stop.code\n"
        "assert 'keras' not in sys.modules\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert process.returncode == 0, process.stderr
    assert process.stderr.startswith("keras-qd: unknown ")


def test_the_log_is_printed_without_what_a_terminal_acts_upon():
    def warn():
        logging.getLogger("keras_qd.training").warning("left out \x1b[2J")

    error = io.StringIO()
    with contextlib.redirect_stderr(error):
        assert call("list").code == 0  # which sets up the log
        warn()
    assert error.getvalue() == "left out \\x1b[2J\n"


def test_what_tensorflow_prints_of_itself_is_dropped(tmp_path):
    (tmp_path / "tensorflow.py").write_text(
        "import os\n"
        "os.write(2, b'WARNING: All log messages before absl::InitializeLog() is called\\n')\n"
        "os.write(2, b'I0000 00:00:1795933107.568858    2274 port.cc:153] oneDNN is on.\\n')\n"
        "os.write(2, b'the disk is on fire\\n')\n"
    )
    script = (
        "from keras_qd.cli.main import main\n"
        "try:\n    main(['--version'])\nexcept SystemExit:\n    import tensorflow\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert process.stderr == "the disk is on fire\n"


def test_unknown_verb_has_near_matches():
    code, message = refused("trian")
    assert code == 2
    assert "did you mean 'train'" in message


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["info", "pix2pixx"], 2, "did you mean 'pix2pix'"),
        (["train"], 2, "give either a task"),
        (["train", "potential-to-densty"], 2, "did you mean 'potential-to-density'"),
        (["train", "potential-to-density", "--set", "epochs"], 2, "'epochs' is not a setting"),
        (["train", "potential-to-density", "--set", "epoch=1"], 2, "did you mean 'epochs'"),
        (["train", "potential-to-density", "--set", "mdoel.filters=1"], 2, "did you mean 'model'"),
        (["train", "potential-to-density", "--data", "nowhere"], 1, "nowhere"),
        (["train", "--resume", "nowhere"], 1, "nowhere"),
        (["train", "--resume", "nowhere", "--epochs", "3"], 2, "leave out epochs"),
        (["train", "image-to-image"], 2, "keras-qd prepare FOLDER"),
        (["evaluate", "nowhere"], 1, "nowhere"),
        (["evaluate", "a", "b", "--by", "gap"], 2, "--by applies to one run"),
        (["evaluate", "a", "--ensemble"], 2, "--ensemble needs at least two runs, got 1"),
        (["evaluate", "a", "--csv", "--json"], 2, "choose one output format"),
        (["report", "nowhere"], 1, "nowhere"),
        (["inspect", "nowhere"], 1, "nowhere"),
        (["list", "model"], 2, "did you mean 'models'"),
    ],
)
def test_mistakes_get_one_line(arguments, code, message, tmp_path):
    finished = call(*arguments, cwd=tmp_path)
    assert message in finished.error
    assert finished.code == code
    assert finished.error.startswith("keras-qd: ")
    assert len(finished.error.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("option", "spelling"),
    [
        ("--lr", "write --set model.learning_rate=VALUE"),
        ("--learning-rate", "write --set model.learning_rate=VALUE"),
        ("--batchsize", "write --batch-size"),
        ("--epoch", "write --epochs"),
        ("--patience", "write --set patience=VALUE"),
        ("--zzz", "no such option: --zzz (help: keras-qd train --help)"),
    ],
)
def test_a_misspelt_option_is_refused_with_the_right_spelling(option, spelling):
    code, message = refused("train", "potential-to-density", option, "1")
    assert code == 2
    assert f"no such option: {option}" in message
    assert spelling in message


def test_debug_shows_the_traceback():
    finished = call("train", "--resume", "nowhere", "--debug")
    assert finished.code == 1
    assert "Traceback" in finished.error


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (OSError(28, "No space left on device"), "the disk is full"),
        (MemoryError(), "out of memory"),
        (KeyboardInterrupt(), "stopped"),
        (DataError("two\nlines"), "two lines"),
    ],
)
def test_failures_of_every_kind_end_in_one_line(raised, message, monkeypatch):
    def fail(*args, **kwargs):
        raise raised

    monkeypatch.setattr(cli, "main", fail)
    finished = call()
    assert finished.code == 1
    assert message in finished.error
    assert len(finished.error.splitlines()) == 1


def test_a_broken_pipe_ends_in_silence(monkeypatch):
    def fail(*args, **kwargs):
        raise BrokenPipeError

    monkeypatch.setattr(cli, "main", fail)
    assert call() == (1, "", "")


def test_a_fault_of_the_program_ends_in_one_line_with_a_code_of_its_own(monkeypatch):
    def fail(*args, **kwargs):
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr(cli, "main", fail)
    finished = call("list")
    assert finished.code == 70
    (line,) = finished.error.splitlines()
    assert line.startswith("keras-qd: an error in keras-qd, not in your input: ZeroDivisionError")
    assert "--debug" in line
    assert "Traceback" in call("list", "--debug").error


def test_names_cannot_drive_the_terminal(tmp_path):
    name = "\x1b]0;owned\x07\u202e"
    finished = call("train", name, cwd=tmp_path)
    assert finished.code == 2
    assert r"\x1b]0;owned\x07\u202e" in finished.error
    assert finished.error.isascii()
    assert "\x1b" not in finished.error


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_of_a_shell(shell, monkeypatch):
    monkeypatch.setenv("_KERAS_QD_COMPLETE", f"{shell}_source")
    finished = call()
    assert finished.code == 0, finished.error
    assert "_KERAS_QD_COMPLETE" in finished.out


@pytest.mark.parametrize(
    ("words", "position", "expected"),
    [
        ("keras-qd tr", "1", "train"),
        ("keras-qd doctor --self", "2", "--self-test"),
        ("keras-qd list --js", "2", "--json"),
    ],
)
def test_words_are_completed(words, position, expected, monkeypatch):
    monkeypatch.setenv("_KERAS_QD_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", position)
    assert call().out.split() == [f"plain,{expected}"]
