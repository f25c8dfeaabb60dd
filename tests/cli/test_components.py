"""``keras-qd list`` and ``info``."""

import json

import pytest

import keras_qd
from keras_qd.registry import KINDS
from tests.command import call, refused, succeed


def test_list_names_components_and_their_origins():
    listed = json.loads(succeed("list", "--json"))
    assert list(listed) == list(KINDS)
    assert list(listed["tasks"]) == keras_qd.names("tasks")
    assert listed["models"]["pix2pix"]["from"].startswith("keras-qd ")
    # Other tests register components in this session, some without a docstring.
    ours = {
        name: one["summary"]
        for each in listed.values()
        for name, one in each.items()
        if one["from"].startswith("keras-qd ")
    }
    assert len(ours) > 50
    assert [name for name, summary in ours.items() if not summary] == []
    assert listed["datasets"]["quantum-dots"]["summary"] == (
        "Ground states of a few electrons in random potentials"
    )
    lines = succeed("list", "models").splitlines()
    assert any(line.split()[:3] == ["models", "pix2pix", "keras-qd"] for line in lines)
    assert not any(line.startswith("tasks") for line in lines)


def test_info_describes_a_model_and_a_task():
    (model,) = json.loads(succeed("info", "pix2pix", "--json"))
    assert model["kind"] == "model"
    assert model["settings"]["lambda_l1"]["default"] == 100.0
    assert model["settings"]["lambda_l1"]["meaning"]
    printed = succeed("info", "potential-to-density")
    assert "potential-to-density: a task from keras-qd" in printed
    assert "schedule" in printed


def test_info_looks_where_it_is_asked_to():
    code, message = refused("info", "pix2pix", "--kind", "metrics")
    assert code == 2
    assert "unknown metric 'pix2pix'" in message
    both = json.loads(succeed("info", "stored", "--kind", "datasets", "--json"))
    assert both[0]["settings"]["path"]["default"] == "(required)"
    assert call("info", "pix2pix", "--kind", "model").code == 2


def test_info_has_meaning_default_and_range_of_settings():
    (dots,) = json.loads(succeed("info", "quantum-dots", "--json"))
    assert dots["settings"]["box_length"] | {"range": ""} == {
        "default": 10.0,
        "type": "float",
        "range": "",
        "meaning": "Side of the box, in a0*.",
    }
    assert dots["settings"]["n_pixels"]["range"] == "8 to 4096"
    assert dots["settings"]["samples"]["meaning"].startswith("How many:")
    (family,) = json.loads(succeed("info", "parabolic", "--json"))
    assert family["settings"]["ratio"]["range"] == "0.05 to 20"
    (task,) = json.loads(succeed("info", "potential-to-energy", "--json"))
    assert task["settings"]["epochs"]["range"] == "a whole number from 1 to 1000000000"
    printed = " ".join(succeed("info", "energy-cnn").split())
    assert "dropout Rate. [0.5; float; tuned in 0 to 0.5]" in printed


@pytest.mark.parametrize("kind", ["models", "tasks", "potentials", "line_potentials", "datasets"])
def test_every_setting_has_a_meaning(kind):
    for name, one in json.loads(succeed("list", kind, "--json"))[kind].items():
        if one["from"].startswith("keras-qd "):
            (found,) = json.loads(succeed("info", name, "--kind", kind, "--json"))
            bare = [key for key, each in found["settings"].items() if not each["meaning"]]
            assert bare == [], name


@pytest.mark.parametrize(
    ("metric", "formula"),
    [
        ("l1", "formula: 1/N sum |e|"),
        ("nrmse", "formula: sqrt(sum e^2 / sum y^2)"),
        ("psnr", "formula: 10 log_10 (R^2)/(1/N sum e^2)"),
        ("r2", "higher is better"),
    ],
)
def test_info_has_the_formula_of_a_metric(metric, formula):
    assert formula in succeed("info", metric)


def test_info_builds_a_model_to_list_its_layers():
    printed = succeed("info", "energy-cnn", "--summary", "--set", "units=[7]")
    assert "conv1d" in printed
    assert "(None, 7)" in printed
    for arguments, message in (
        (["l1", "--summary"], "'l1' is a metric"),
        (["energy-cnn", "--set", "units=[7]"], "add --summary"),
        (["energy-cnn", "--summary", "--set", "unit=[7]"], "did you mean 'units'"),
    ):
        assert message in refused("info", *arguments)[1]


def test_info_of_nothing_names_what_is_near():
    assert "did you mean 'pix2pix', a model" in refused("info", "pix2pixx")[1]
    code, message = refused("info", "qqqqqqqq")
    assert (code, len(message) < 120) == (2, True)
    assert "'keras-qd list' shows all of them" in message
