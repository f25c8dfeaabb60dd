"""Tables and progress."""

import pytest

from keras_qd.cli.output import counting, describe, print_table, training_progress


def test_a_table_is_aligned(capsys):
    print_table([("a", "1"), ("longer", "22")], header=("name", "n"))
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["name    n", "------  --", "a       1", "longer  22"]
    assert describe({"a": "text", "b": [1, None]}) == [("a", "text"), ("b", "[1, null]")]


def test_progress_goes_to_standard_error(capsys):
    with counting("solving", "dots") as count:
        count(1, 2)
        count(2, 2)
    with training_progress() as report:
        report(0, 2, 1, 4, {})
        report(0, 2, 4, 4, {"loss": 0.5, "g_loss": 0.25, "val_l1": 0.125, "val_loss": 1.0})
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "2/2" in printed.err
    assert "epoch 1/2  g_loss 0.25  val_l1 0.125" in printed.err


def test_work_that_is_refused_shows_no_bar(capsys):
    with pytest.raises(ValueError, match="refused"), counting("solving", "dots"):
        raise ValueError("refused")
    assert capsys.readouterr().err == ""
