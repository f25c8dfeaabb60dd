"""The backend is decided before keras is imported; the solver computes with its arrays."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from keras_qd import backend
from keras_qd.errors import BackendError, UnknownNameError
from keras_qd.physics import Box, sample_potentials, solve_batch


@pytest.fixture
def undecided(monkeypatch, tmp_path):
    """No environment variable, no keras.json, no keras imported."""
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    return tmp_path


def pretend_installed(monkeypatch, *names):
    monkeypatch.setattr(backend, "find_spec", lambda name: object() if name in names else None)


@pytest.mark.parametrize(
    ("installed", "chosen"),
    [(("jax",), "jax"), (("jax", "torch"), "torch"), (("jax", "tensorflow"), "tensorflow")],
)
def test_an_installed_one_is_taken_when_nothing_is_said(undecided, monkeypatch, installed, chosen):
    pretend_installed(monkeypatch, *installed)
    assert backend.ensure_backend() == chosen
    assert os.environ["KERAS_BACKEND"] == chosen


def test_keras_json_is_obeyed(undecided, monkeypatch):
    pretend_installed(monkeypatch, "jax", "torch")
    (undecided / "keras.json").write_text(json.dumps({"backend": "jax"}))
    assert backend.ensure_backend() == "jax"


def test_a_backend_in_keras_json_that_is_not_there_is_no_decision(undecided, monkeypatch):
    pretend_installed(monkeypatch, "jax")
    (undecided / "keras.json").write_text(json.dumps({"backend": "tensorflow"}))
    assert backend.ensure_backend() == "jax"


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense"])
def test_an_odd_keras_json_does_no_harm(undecided, monkeypatch, text):
    pretend_installed(monkeypatch, "torch")
    (undecided / "keras.json").write_text(text)
    assert backend.ensure_backend() == "torch"


def test_a_chosen_backend_that_is_missing_is_named_with_the_remedy(undecided, monkeypatch):
    pretend_installed(monkeypatch, "jax")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(BackendError, match=r"keras-qd\[torch\].*one of: jax"):
        backend.ensure_backend()


def test_no_backend_at_all(undecided, monkeypatch):
    pretend_installed(monkeypatch)
    backend.prefer_installed_backend()
    with pytest.raises(BackendError, match=r"pip install 'keras-qd\[jax\]'"):
        backend.ensure_backend()


def test_choosing_refuses_what_cannot_be(undecided, monkeypatch):
    pretend_installed(monkeypatch, "jax")
    with pytest.raises(UnknownNameError, match="did you mean 'jax'"):
        backend.use_backend("jaxx")
    with pytest.raises(BackendError, match="not installed"):
        backend.use_backend("torch")


def test_choosing_too_late_is_refused(monkeypatch):
    import keras

    other = next(name for name in backend.PREFERENCE if name != keras.config.backend())
    pretend_installed(monkeypatch, *backend.PREFERENCE)
    with pytest.raises(BackendError, match="already runs"):
        backend.use_backend(other)


def test_import_is_light_and_lets_keras_find_a_backend(tmp_path):
    script = (
        "import sys, os, keras_qd\n"
        "heavy = {'keras', 'scipy', 'numpy', 'tensorflow', 'torch', 'jax'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "from keras_qd.backend import installed_backends\n"
        "assert os.environ['KERAS_BACKEND'] == installed_backends()[0]\n"
    )
    environment = {key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"}
    environment["KERAS_HOME"] = str(tmp_path)
    subprocess.run([sys.executable, "-c", script], env=environment, check=True)


def test_a_batch_of_dots_is_solved_on_arrays_of_jax():
    jax = pytest.importorskip("jax")
    box = Box(10.0)
    potentials = sample_potentials(2, box, 32, seed=5)
    compiled = jax.jit(lambda each: solve_batch(each, box, n_grid=6, steps=5, xp=jax.numpy))
    expected = solve_batch(potentials, box, n_grid=6, steps=5)
    found = compiled(jax.numpy.asarray(potentials, dtype="float32"))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
