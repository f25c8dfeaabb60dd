"""Shells complete verbs and options."""

import pytest


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell(keras_qd_command, shell):
    process = keras_qd_command(_KERAS_QD_COMPLETE=f"{shell}_source")
    assert process.returncode == 0, process.stderr
    assert "_KERAS_QD_COMPLETE" in process.stdout


@pytest.mark.parametrize(
    ("words", "position", "expected"),
    [
        ("keras-qd tr", "1", "train"),
        ("keras-qd doctor --self", "2", "--self-test"),
        ("keras-qd list --js", "2", "--json"),
    ],
)
def test_words_are_completed(keras_qd_command, words, position, expected):
    process = keras_qd_command(
        _KERAS_QD_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=position
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.split() == [f"plain,{expected}"]
