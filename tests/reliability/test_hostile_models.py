"""Hostile ``.keras`` files: loading a model runs no code of it, reads no other file, and ends.

The attacks are those of Keras' security advisories, on a model that keras-qd has saved.
"""

import contextlib
import io
import json
import shutil
import sys
import zipfile

import h5py
import keras
import numpy as np
import pytest

import keras_qd
from keras_qd.errors import PluginError, RunError
from keras_qd.registry import ALLOW
from tests.reliability import bounded, refuse

pytestmark = pytest.mark.skipif(
    keras.config.backend() != "torch", reason="what Keras loads does not depend on the backend"
)

SECRET = "a secret of another file"
#: Leaves a file behind when it is run.
CODE = "import pathlib; pathlib.Path('code-was-run').touch()"


def layer(module, class_name, config, registered_name=None):
    """Return an object as Keras writes it."""
    return {
        "module": module,
        "class_name": class_name,
        "config": config,
        "registered_name": registered_name,
    }


def function(module, name):
    """Return a reference to a function as Keras writes it."""
    return layer("builtins", "function", name) | {"module": module}


def lambda_layer():
    """Return a layer that is code."""
    anything = eval("lambda x: __import__('pathlib').Path('code-was-run').touch() or x")
    return keras.saving.serialize_keras_object(keras.layers.Lambda(anything))


def sequential(*layers):
    """Return a network of layers."""
    first = layer("keras.layers", "InputLayer", {"batch_shape": [None, 16, 16, 1], "name": "in"})
    return layer("keras", "Sequential", {"name": "net", "layers": [first, *layers]})


#: Networks that take over the loading.
NETWORKS = {
    "lambda": lambda: sequential(lambda_layer()),
    "lambda alone": lambda_layer,
    "unsafe mode first": lambda: sequential(
        layer("keras.config", "enable_unsafe_deserialization", {}), lambda_layer()
    ),
    "unsafe mode as a function": lambda: layer(
        "keras.src.serialization_lib", "SafeModeScope", {"safe_mode": False}
    ),
    "os.system": lambda: layer("os", "system", {"command": "touch code-was-run"}),
    "subprocess": lambda: layer("subprocess", "Popen", {"args": ["touch", "code-was-run"]}),
    "exec": lambda: layer("builtins", "exec", {"source": CODE}),
    "a module beside it": lambda: layer("payload", "Anything", {}),
    "numpy.load": lambda: layer("numpy", "load", {"file": "pickled.npy", "allow_pickle": True}),
    "pickle": lambda: layer("pickle", "loads", {"data": "x"}),
    "get_file": lambda: layer(
        "keras.utils", "get_file", {"fname": "code-was-run", "origin": "file:///etc/passwd"}
    ),
    "TorchModuleWrapper": lambda: sequential(
        layer("keras.layers", "TorchModuleWrapper", {"module": {"class_name": "__bytes__"}})
    ),
    "a vocabulary in another file": lambda: sequential(
        layer("keras.layers", "StringLookup", {"vocabulary": "secret.txt", "name": "words"})
    ),
    "an activation that is a function": lambda: sequential(
        layer("keras.layers", "Dense", {"units": 1, "activation": function("os", "getcwd")})
    ),
    "nested thousands deep": lambda: json.loads(400 * '{"config": ' + "1" + 400 * "}"),
    "nothing": lambda: None,
    "a number": lambda: 3,
}


@pytest.fixture
def hostile(trained, tmp_path, monkeypatch):
    """Return a copy of a run, in the current directory, with what an attacker put beside it."""
    shutil.copytree(trained.path, tmp_path / "run")
    (tmp_path / "secret.txt").write_text(SECRET)
    (tmp_path / "payload.py").write_text(CODE)
    np.save(tmp_path / "potentials.npy", np.full((2, 16, 16), -1.0))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delenv(ALLOW, raising=False)
    return tmp_path / "run"


def rewrite(path, change, compression=zipfile.ZIP_STORED):
    """Change the entries of an archive, a mapping of their names to bytes."""
    with zipfile.ZipFile(path) as archive:
        entries = {each.filename: archive.read(each) for each in archive.infolist()}
    change(entries)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def with_config(path, change):
    """Change the configuration in a model."""

    def apply(entries):
        config = json.loads(entries["config.json"])
        change(config["config"])
        entries["config.json"] = json.dumps(config).encode()

    rewrite(path, apply)


def refuse_to_predict(run):
    """Let a prediction with the model be refused, and nothing have happened."""
    out = run.parent / "densities.npy"
    arguments = ["predict", run, run.parent / "potentials.npy", "--out", out]
    message = refuse(*arguments, folder=run.parent, codes=(1,))
    assert SECRET not in message
    assert not (run.parent / "code-was-run").exists()
    return message


@pytest.mark.parametrize("network", NETWORKS)
def test_networks_that_are_code(network, hostile):
    with_config(hostile / "model.keras", lambda config: config.update(network=NETWORKS[network]()))
    assert "model.keras" in refuse_to_predict(hostile)


@pytest.mark.parametrize("kind", ["models", "metrics", "datasets", "tasks", "potentials"])
def test_a_model_names_no_module_to_import(kind, hostile):
    with_config(
        hostile / "model.keras", lambda config: config.update(needs={kind: ["payload:net"]})
    )
    refuse_to_predict(hostile)
    assert "payload" not in sys.modules


@pytest.mark.parametrize("verb", ["evaluate", "report", "predict"])
def test_a_run_names_no_module_to_import(verb, hostile):
    path = hostile / "config.json"
    config = json.loads(path.read_text())
    config["task"] |= {"model": "payload:net"}
    path.write_text(json.dumps(config))
    others = ["potentials.npy", "--out", "densities.npy"] if verb == "predict" else []
    message = refuse(verb, hostile, *others, folder=hostile.parent, codes=(1,))
    assert f"{ALLOW}=payload" in message
    assert "payload" not in sys.modules


@pytest.mark.parametrize("entry", ["metrics", "followed", "dataset"])
def test_a_run_names_no_module_for_other_parts(entry, hostile):
    path = hostile / "config.json"
    config = json.loads(path.read_text())
    config["task"][entry] = "payload:net" if entry == "dataset" else ["payload:net"]
    path.write_text(json.dumps(config))
    (hostile / "model.keras").unlink()
    refuse("train", "--resume", hostile, folder=hostile.parent)
    assert "payload" not in sys.modules


def test_what_the_user_allows_is_imported(hostile, monkeypatch):
    monkeypatch.setenv(ALLOW, "payload")
    needs = {"models": ["payload:net"]}
    with_config(hostile / "model.keras", lambda config: config.update(needs=needs))
    with pytest.raises(PluginError, match="'payload:net' cannot be imported: AttributeError"):
        keras_qd.load_model(hostile)
    assert (hostile.parent / "code-was-run").exists()
    del sys.modules["payload"]


def weights_with(change):
    """Return what replaces the first array of weights in a model."""

    def apply(entries):
        content = io.BytesIO(entries["model.weights.h5"])
        with h5py.File(content, "r+") as file:
            names = []
            file.visititems(
                lambda name, node: names.append(name) if isinstance(node, h5py.Dataset) else None
            )
            first = next(name for name in names if file[name].size > 1)
            shape, dtype = file[first].shape, file[first].dtype
            del file[first]
            change(file, first, shape, dtype)
        entries["model.weights.h5"] = content.getvalue()

    return apply


def external(file, name, shape, dtype):
    """Keep the values in another file."""
    file.create_dataset(name, shape, dtype, external=[("secret.txt", 0, h5py.h5f.UNLIMITED)])


def linked(file, name, shape, dtype):
    """Let a link lead to another file."""
    file[name] = h5py.ExternalLink("other.h5", "/secret")


def virtual(file, name, shape, dtype):
    """Put the values together of another file."""
    layout = h5py.VirtualLayout(shape, dtype)
    layout[...] = h5py.VirtualSource("other.h5", "secret", shape)
    file.create_virtual_dataset(name, layout)


def enormous(file, name, shape, dtype):
    """Claim more values than there are."""
    file.create_dataset(name, (2**40,), dtype, chunks=(2**10,))


def another_shape(file, name, shape, dtype):
    """Have values of another shape."""
    file[name] = np.zeros((3, 1), dtype)


def text(file, name, shape, dtype):
    """Have no numbers."""
    file[name] = np.array([b"x"])


@pytest.mark.parametrize(
    "change", [external, linked, virtual, enormous, another_shape, text], ids=lambda f: f.__name__
)
def test_weights_that_are_elsewhere_or_too_many(change, hostile):
    with h5py.File(hostile.parent / "other.h5", "w") as file:
        file["secret"] = np.zeros(3)
    rewrite(hostile / "model.keras", weights_with(change))
    assert "model.keras cannot be loaded" in refuse_to_predict(hostile)


@pytest.mark.parametrize("member", ["config.json", "model.weights.h5", "assets/a"])
def test_bombs(member, hostile):
    rewrite(
        hostile / "model.keras",
        lambda entries: entries.update({member: bytes(2**29)}),
        zipfile.ZIP_DEFLATED,
    )
    assert "it would unfold to" in refuse_to_predict(hostile)


@pytest.mark.parametrize("member", ["../escaped", "/tmp/escaped", "assets/../../escaped"])
def test_members_that_leave_the_folder(member, hostile):
    """What is beside a model in its archive is not unpacked anywhere else."""
    rewrite(hostile / "model.keras", lambda entries: entries.update({member: b"x"}))
    with bounded(), contextlib.suppress(RunError):
        keras_qd.load_model(hostile)
    assert not list(hostile.parent.rglob("escaped"))
