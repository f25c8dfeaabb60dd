"""Settings as ``KEY=VALUE``, and options from a TOML file."""

import tomllib

import click
import pytest
import tomli_w
from click.testing import CliRunner

from keras_qd.cli.inspect import _without_none
from keras_qd.cli.options import config, read_settings, settings_option, task_changes
from keras_qd.errors import UnknownNameError, UsageError
from keras_qd.tasks import Task


def test_settings_are_json_where_they_can_be():
    pairs = ["a=1", "b-c=[1, 2]", "d=word", "e=x=y", 'f="1"', "g="]
    expected = {"a": 1, "b-c": [1, 2], "d": "word", "e": "x=y", "f": "1", "g": ""}
    assert read_settings(pairs) == expected
    for wrong in ("a", "=1"):
        with pytest.raises(UsageError, match=f"'{wrong}' is not a setting; write KEY=VALUE"):
            read_settings([wrong])


def test_every_mapping_of_a_task_has_a_section():
    changes = task_changes(["dataset.n=1", "model.n=2", "metric.l1={}", "scaling.potential=max"])
    assert changes == {
        "dataset_config": {"n": 1},
        "model_config": {"n": 2},
        "metric_config": {"l1": {}},
        "scaling": {"potential": "max"},
    }
    assert set(changes) <= set(Task.__dataclass_fields__)
    deeper = ["dataset.family=parabolic", "dataset.family.omega=1", "metric.charge-error.length=9"]
    assert task_changes([*deeper, "batch-size=8"]) == {
        "dataset_config": {"family": "parabolic", "family_settings": {"omega": 1}},
        "metric_config": {"charge-error": {"length": 9}},
        "batch_size": 8,
    }
    with pytest.raises(UsageError, match="a setting of model, which is set to 3"):
        task_changes(["model_config=3", "model.a=1"])
    with pytest.raises(UnknownNameError, match="did you mean 'scaling'"):
        task_changes(["scalings.potential=max"])


@click.command()
@config("TOML file")
@click.option("--size", type=int)
@settings_option("it", "part.size=3")
@click.option("--json", "as_json", is_flag=True)
def show(size, settings, as_json):
    """Print what arrives."""
    click.echo(repr((size, settings)))


def shown(tmp_path, text, *arguments):
    path = tmp_path / "options.toml"
    path.write_text(text)
    result = CliRunner().invoke(show, ["--config", str(path), *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.output.strip()


def test_a_file_gives_options_and_a_table_for_each_option_of_settings(tmp_path):
    text = "size = 3\n[set]\nomega = [0.5, 0.8]\n[set.part]\nname = 'x'\n"
    assert shown(tmp_path, text) == "(3, ('omega=[0.5, 0.8]', 'part.name=x'))"
    assert shown(tmp_path, text, "--size", "4").startswith("(4, ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sizes = 3", "did you mean 'size'"),
        ("json = true", "unknown setting"),
        ("size == 3", "is not a TOML file"),
        ("[size]\nx = 1", "size must not be a table"),
        ("set = 1", "set must be a table"),
    ],
)
def test_mistakes_in_a_file(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        shown(tmp_path, text)


def test_what_is_none_is_left_out_of_a_file():
    values = {"a": None, "b": 0.1, "t": {"a": None, "x": (1, {"y": None, "z": "w"})}}
    written = tomli_w.dumps(_without_none(values))
    assert tomllib.loads(written) == {"b": 0.1, "t": {"x": [1, {"z": "w"}]}}
