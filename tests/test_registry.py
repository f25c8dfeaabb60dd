"""Components are found by name, lazily; broken and duplicate plug-ins affect no others."""

import sys
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest

from keras_qd.errors import PluginError, UnknownNameError, UsageError
from keras_qd.registry import PluginWarning, Registry, components


def entry_point(name, value, distribution, version="1.0"):
    point = EntryPoint(name, value, "keras_qd.models")
    vars(point)["dist"] = SimpleNamespace(name=distribution, version=version)
    return point


def registry_of(*points):
    return Registry("models", scan=lambda group: list(points))


def test_listing_names_imports_nothing():
    models = registry_of(entry_point("net", "no_such_module:net", "broken-dist"))
    assert models.names() == ["net"]
    assert models.origin("net") == "broken-dist 1.0"
    assert "no_such_module" not in sys.modules


def test_a_listing_scans_once_and_knows_what_is_registered_here():
    scans = []

    def scan(group):
        scans.append(group)
        return [entry_point("net", "math:sqrt", "a-dist"), entry_point("b", "math:cos", "b-dist")]

    models = Registry("models", scan=scan)
    models.register("here")(1)
    models.register("b")(2)
    assert models.origins() == {"b": "this session", "here": "this session", "net": "a-dist 1.0"}
    assert scans == ["keras_qd.models"]


def test_a_distribution_that_comes_onto_the_path_is_found(tmp_path, monkeypatch):
    before = components("models").names()
    described = tmp_path / "late_dist-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: late-dist\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[keras_qd.models]\nlate = math:sqrt\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert set(components("models").names()) - set(before) == {"late"}
    assert components("models").origin("late") == "late-dist 1.0"


def test_unknown_name_lists_names_and_near_matches():
    models = registry_of(entry_point("pix2pix", "math:sqrt", "keras-qd"))
    with pytest.raises(UnknownNameError, match=r"did you mean 'pix2pix'\? Known: pix2pix"):
        models.get("pix2px")


def test_broken_plugin_raises_its_cause_only_when_asked_for():
    models = registry_of(
        entry_point("broken", "no_such_module:net", "broken-dist", "2.1"),
        entry_point("whole", "math:sqrt", "good-dist"),
    )
    assert models.get("whole")(4.0) == 2.0
    with pytest.raises(PluginError, match=r"broken-dist 2\.1.*No module named 'no_such_") as error:
        models.get("broken")
    assert isinstance(error.value.__cause__, ModuleNotFoundError)


def test_loading_all_warns_of_the_broken_one_and_goes_on():
    models = registry_of(
        entry_point("broken", "no_such_module:net", "broken-dist"),
        entry_point("whole", "math:sqrt", "good-dist"),
    )
    with pytest.warns(PluginWarning, match="broken-dist"):
        loaded = models.load_all()
    assert list(loaded) == ["whole"]


def test_two_distributions_with_one_name_are_both_named():
    models = registry_of(
        entry_point("net", "math:sqrt", "first-dist"), entry_point("net", "math:cos", "second-dist")
    )
    with pytest.raises(PluginError, match=r"first-dist 1\.0 and second-dist 1\.0"):
        models.get("net")


def test_this_package_wins_with_a_warning():
    models = registry_of(
        entry_point("net", "math:cos", "intruder"), entry_point("net", "math:sqrt", "keras_qd")
    )
    with pytest.warns(PluginWarning, match="intruder"):
        assert models.get("net")(9.0) == 3.0


def test_the_same_distribution_found_twice_is_no_duplicate():
    models = registry_of(
        entry_point("net", "math:sqrt", "keras-qd"), entry_point("net", "math:sqrt", "keras-qd")
    )
    assert models.get("net")(9.0) == 3.0


@pytest.mark.parametrize("name", ["MyNet", "my_net", "-net", "net-", "", "my net"])
def test_badly_formed_names_are_refused(name):
    with pytest.raises(UsageError, match="lower-case words"):
        registry_of().register(name)


def test_registering_again_replaces():
    models = registry_of()
    models.register("net")(1)
    models.register("net")(2)
    assert models.get("net") == 2
    assert models.origin("net") == "this session"


def test_unknown_kind():
    with pytest.raises(UnknownNameError, match="did you mean 'models'"):
        components("model")
