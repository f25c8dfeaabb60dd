"""``keras-qd list`` and ``info``."""

import json

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
    assert model["settings"]["lambda_l1"] == 100.0
    printed = succeed("info", "potential-to-density")
    assert "potential-to-density: a task from keras-qd" in printed
    assert "schedule" in printed


def test_info_looks_where_it_is_asked_to():
    code, message = refused("info", "pix2pix", "--kind", "metrics")
    assert code == 2
    assert "unknown metric 'pix2pix'" in message
    both = json.loads(succeed("info", "stored", "--kind", "datasets", "--json"))
    assert both[0]["settings"]["path"] == "(required)"
    assert call("info", "pix2pix", "--kind", "model").code == 2
