"""Components are found by name, lazily; broken and duplicate plug-ins affect no others."""

import signal
import sys
import threading
import time
from _thread import interrupt_main
from importlib.metadata import EntryPoint
from typing import NamedTuple

import keras
import pytest

import keras_qd
from keras_qd import registry
from keras_qd.data import Augmentation, fit_scaling
from keras_qd.errors import PluginError, UnknownNameError, UsageError
from keras_qd.registry import KINDS, PluginWarning, Registry, components


class Release(NamedTuple):
    """What the registry asks a distribution for."""

    name: str
    version: str


def entry_point(name, value, distribution, version="1.0"):
    point = EntryPoint(name, value, "keras_qd.models")
    vars(point)["dist"] = Release(distribution, version)
    return point


def registry_of(*points, kind="models"):
    return Registry(kind, scan=lambda group: list(points))


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Return a function that writes a module and returns an entry point ``bad`` of it."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(source):
        (tmp_path / "bad_plugin.py").write_text(source)
        return entry_point("bad", "bad_plugin:thing", "bad-dist", "0.4")

    yield write
    sys.modules.pop("bad_plugin", None)


@pytest.fixture
def on_ctrl_c():
    """Return a function that sets what Ctrl-C does, for one test."""
    before = signal.getsignal(signal.SIGINT)
    yield lambda handler: signal.signal(signal.SIGINT, handler)
    signal.signal(signal.SIGINT, before)


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


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("raise SystemExit", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("other = 1", "AttributeError: .*'thing'"),
    ],
)
@pytest.mark.parametrize("handler", [signal.default_int_handler, signal.SIG_IGN])
def test_whatever_an_import_raises_costs_only_the_plugin(module, source, cause, handler, on_ctrl_c):
    on_ctrl_c(handler)
    models = registry_of(module(source), entry_point("whole", "math:sqrt", "good-dist"))
    expected = rf"the model 'bad' of bad-dist 0\.4 cannot be imported: {cause}"
    with pytest.raises(PluginError, match=expected):
        models.get("bad")
    with pytest.warns(PluginWarning, match=expected):
        assert list(models.load_all()) == ["whole"]
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_slow_import_is_reported_and_can_be_stopped(module, on_ctrl_c, monkeypatch, caplog):
    on_ctrl_c(signal.default_int_handler)
    monkeypatch.setattr(registry, "SLOW_IMPORT", 0.05)
    point = module("import time\nfor _ in range(600): time.sleep(0.05)")
    stop = threading.Timer(0.5, interrupt_main)
    began = time.monotonic()
    stop.start()
    with pytest.raises(KeyboardInterrupt, match=r"while importing the model 'bad' of bad-dist"):
        registry_of(point).get("bad")
    assert time.monotonic() - began < 20
    assert "importing the model 'bad' of bad-dist 0.4 takes long" in caplog.text


@pytest.mark.parametrize("name", ["My_Net", "my net", "net-"])
def test_entry_points_with_invalid_names_are_reported_and_not_listed(name):
    models = registry_of(entry_point(name, "math:sqrt", "odd-dist"))
    assert models.names() == []
    assert models.origins() == {}
    message = f"the model {name!r} of odd-dist 1.0 cannot be used: the name of an entry point"
    assert [found.startswith(message) for found in models.misnamed()] == [True]
    with pytest.raises(PluginError, match="lower-case words joined with hyphens"):
        models.get(name)
    with pytest.warns(PluginWarning, match="odd-dist"):
        assert models.load_all() == {}


@pytest.mark.parametrize(
    ("kind", "source", "message"),
    [
        ("models", "def thing(): pass", "is None; it must return a keras.Model"),
        ("models", "thing = 3", "is a int; it must return a keras.Model"),
        ("models", "def thing(): 1 / 0", "fails: ZeroDivisionError: division by zero"),
        ("models", "import sys\nthing = sys.exit", "fails: SystemExit"),
        ("tasks", "thing = {}", r"is a dict; it must return a keras_qd\.tasks\.Task"),
        ("datasets", "thing = dict", r"is a dict; it must return a keras_qd\.data\.Dataset"),
        ("metrics", "thing = str", "is a str; it must return a keras.metrics.Metric"),
        ("callbacks", "thing = list", "is a list; it must return a keras.callbacks.Callback"),
        ("augmentations", "thing = set", r"is a set; it must return a keras_qd\.data\.Augm"),
    ],
)
def test_what_a_component_returns_is_checked(module, kind, source, message):
    found = registry_of(module(source), kind=kind)
    with pytest.raises(PluginError, match=f"{KINDS[kind]} 'bad' of bad-dist 0.4 {message}"):
        found.make("bad")


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        ("potentials", "keras_qd.physics.PotentialFamily"),
        ("line_potentials", "keras_qd.physics.LineFamily"),
        ("scalings", "keras_qd.data.Scaling"),
    ],
)
def test_classes_are_checked(module, kind, base):
    found = registry_of(module("class thing: pass"), kind=kind)
    expected = f"'bad' of bad-dist 0.4 is <class .*; register a subclass of {base}"
    with pytest.raises(PluginError, match=expected):
        found.get_class("bad")
    with pytest.warns(PluginWarning, match="register a subclass"):
        assert found.load_all() == {}


def test_errors_of_settings_pass_through(module):
    source = "def thing(units=1):\n    from keras_qd.errors import UsageError\n"
    models = registry_of(module(source + "    raise UsageError('units must be even')"))
    with pytest.raises(UsageError, match=r"^units must be even$"):
        models.make("bad", units=3)
    with pytest.raises(UnknownNameError, match="did you mean 'units'"):
        models.make("bad", unit=3)


def test_scalings_augmentations_and_callbacks_are_found_by_name():
    assert {"log", "one-hot", "centered-max"} <= set(keras_qd.names("scalings"))
    assert keras_qd.names("callbacks") == ["evolution", "mlflow", "tensorboard"]
    assert keras_qd.names() == {kind: keras_qd.names(kind) for kind in KINDS}
    for name in keras_qd.names("augmentations"):
        assert isinstance(components("augmentations").make(name), Augmentation)
    with pytest.raises(UnknownNameError, match="did you mean 'standard'"):
        fit_scaling("standart", [1.0, 2.0])


def test_a_function_of_this_session_raises_its_own_errors(monkeypatch):
    known = components("models")
    monkeypatch.setattr(known, "_registered", dict(known._registered))

    @keras_qd.register("models", "mine")
    def mine(empty):
        return None if empty else keras.Input(1 / 0)

    with pytest.raises(ZeroDivisionError):
        keras_qd.build("mine", empty=False)
    with pytest.raises(PluginError, match="the model 'mine' of this session is None"):
        keras_qd.build("mine", empty=True)
