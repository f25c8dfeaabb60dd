"""The frame of the command line: quick help, clear errors, the right exit codes."""

import json
import subprocess
import sys

import pytest

import keras_qd
from keras_qd.cli.main import VERBS, cli, main
from keras_qd.errors import DataError


def exit_code_and_error(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    return stop.value.code, capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--help"], ["list"], ["--version"]])
def test_light_verbs_import_nothing_heavy(arguments):
    script = (
        "import sys\n"
        "from keras_qd.cli.main import main\n"
        "try:\n"
        f"    main({arguments!r})\n"
        "except SystemExit as stop:\n"
        "    assert stop.code == 0\n"
        "heavy = {'keras', 'scipy', 'matplotlib', 'jax', 'torch', 'zarr'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def examples_of(command):
    """Return what stands below "Examples:" in the help of a verb."""
    text = f"{command.help}\n{command.epilog or ''}"
    return text.partition("Examples:")[2]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_its_options(verb, capsys):
    code, _ = exit_code_and_error(capsys, verb, "--help")
    assert code == 0
    assert VERBS[verb].endswith(".")
    command = cli.get_command(None, verb)
    assert f"keras-qd {verb}" in examples_of(command)
    assert all(p.help for p in command.params if p.param_type_name == "option")


def test_unknown_verb_has_near_matches(capsys):
    code, error = exit_code_and_error(capsys, "trian")
    assert code == 2
    assert "did you mean 'train'" in error


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["info", "pix2pixx"], 2, "did you mean 'pix2pix'"),
        (["train"], 2, "name either a task to train"),
        (["train", "potential-to-densty"], 2, "did you mean 'potential-to-density'"),
        (["train", "potential-to-density", "--set", "epochs"], 2, "a setting is KEY=VALUE"),
        (["train", "potential-to-density", "--set", "epoch=1"], 2, "did you mean 'epochs'"),
        (["train", "potential-to-density", "--set", "mdoel.filters=1"], 2, "did you mean 'model'"),
        (["train", "potential-to-density", "--data", "nowhere"], 1, "nowhere"),
        (["train", "--resume", "nowhere"], 1, "nowhere is not a run directory"),
        (["train", "--resume", "nowhere", "--epochs", "3"], 2, "leave out epochs"),
        (["evaluate", "nowhere"], 1, "nowhere is not a run directory"),
        (["report", "nowhere"], 1, "nowhere is not a run directory"),
        (["inspect", "nowhere"], 1, "nowhere"),
        (["list", "model"], 2, "did you mean 'models'"),
    ],
)
def test_mistakes_get_one_line(arguments, code, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found, error = exit_code_and_error(capsys, *arguments)
    assert message in error
    assert found == code
    assert error.startswith("keras-qd: ")
    assert len(error.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_debug_shows_the_traceback(capsys):
    code, error = exit_code_and_error(capsys, "train", "--resume", "nowhere", "--debug")
    assert code == 1
    assert "Traceback" in error


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (OSError(28, "No space left on device"), "the disk is full"),
        (MemoryError(), "out of memory"),
        (KeyboardInterrupt(), "stopped"),
        (DataError("two\nlines"), "two lines"),
    ],
)
def test_failures_of_every_kind_end_in_one_line(raised, message, capsys, monkeypatch):
    def fail(*args, **kwargs):
        raise raised

    monkeypatch.setattr(cli, "main", fail)
    code, error = exit_code_and_error(capsys)
    assert code == 1
    assert message in error
    assert len(error.splitlines()) == 1


def test_a_fault_of_the_program_is_not_hidden(monkeypatch):
    def fail(*args, **kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "main", fail)
    with pytest.raises(ZeroDivisionError):
        main([])


def test_list_and_info_as_json(keras_qd_command):
    listed = json.loads(keras_qd_command("list", "tasks", "--json").stdout)
    assert sorted(listed["tasks"]) == keras_qd.names("tasks")
    (told,) = json.loads(keras_qd_command("info", "pix2pix", "--json").stdout)
    assert told["kind"] == "model"
    assert told["settings"]["lambda_l1"] == 100.0


def test_doctor_tries_the_backend(keras_qd_command):
    process = keras_qd_command("doctor", "--json")
    assert process.returncode == 0, process.stderr
    found = json.loads(process.stdout)
    assert isinstance(found["backends"][found["environment"]["backend"]], list)
    assert found["broken_plugins"] == []
    assert "self_test" not in found
    parts = {part["extra"]: part for part in found["optional_parts"]}
    assert parts[found["environment"]["backend"]]["missing"] == []
