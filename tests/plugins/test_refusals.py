"""What is wrong with a plug-in is said in one line that names it, before anything is made."""

import sys

import pytest

from tests.command import call, refused

MODULES = {
    "exits_plugin": "import sys\nsys.exit('no licence')\n",
    "stops_plugin": "raise KeyboardInterrupt\n",
    "odd_plugin": """
import keras_qd.tasks


def nothing(input_shape, output_shape):
    return None


WRONG = {"name": "not-a-task"}
TASK = keras_qd.tasks.Task(
    name="odd", dataset="wells-1d", inputs="potential", targets="energy", model="nothing"
)
""",
}
ENTRY_POINTS = """[keras_qd.models]
exits = exits_plugin:net
nothing = odd_plugin:nothing
Bad_Name = odd_plugin:nothing

[keras_qd.tasks]
stops = stops_plugin:TASK
wrong = odd_plugin:WRONG
odd = odd_plugin:TASK
"""


@pytest.fixture(autouse=True)
def plugin(tmp_path, monkeypatch):
    for name, source in MODULES.items():
        (tmp_path / f"{name}.py").write_text(source)
    described = tmp_path / "bad_plugin-0.9.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: bad-plugin\nVersion: 0.9\n")
    (described / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setenv("KERAS_QD_CACHE", str(tmp_path / "cache"))
    yield
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("potential-to-energy", "--model", "exits"), "the model 'exits' of bad-plugin 0.9 cannot"),
        (("stops",), "the task 'stops' of bad-plugin 0.9 cannot be imported: KeyboardInterrupt"),
        (("wrong",), "the task 'wrong' of bad-plugin 0.9 is a dict; it must return a keras_qd.tas"),
        (("odd",), "the model 'nothing' of bad-plugin 0.9 is None; it must return a keras.Model"),
        (("potential-to-energy", "--model", "Bad_Name"), "the model 'Bad_Name' of bad-plugin 0.9"),
    ],
)
def test_it_is_named_with_its_distribution_before_data_is_made(arguments, message, tmp_path):
    code, error = refused("train", *arguments, "--out", tmp_path / "run")
    assert code == 1
    assert message in error
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "cache").exists()


def test_a_listing_reports_an_invalid_name_and_lists_the_others():
    listed = call("list", "models")
    assert listed.code == 0
    assert "exits" in listed.out
    assert "Bad_Name" not in listed.out
    assert "'Bad_Name' of bad-plugin 0.9 cannot be used" in listed.error
