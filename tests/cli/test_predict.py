"""``keras-qd predict``: output, files, and one line for each mistake."""

import json

import numpy as np
import pytest

import keras_qd
from tests.digits import make_bars
from tests.wells import make_wells


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_it_writes_physical_fields(invoke, run, tmp_path, suffix):
    wells = make_wells(5, 40)
    given, out = tmp_path / f"given{suffix}", tmp_path / "out.npz"
    if suffix == ".npy":
        np.save(given, wells["potential"])
    else:
        np.savez(given, **wells)
    code, text, _ = invoke("predict", run.path, given, "--out", out)
    assert code == 0
    assert "[5, 16, 16]" in text
    assert "1/a0*^2" in text
    with np.load(out) as archive:
        expected = keras_qd.predict(run, wells)["density"]
        np.testing.assert_allclose(archive["density"], expected, rtol=1e-5, atol=1e-6)


def test_it_never_replaces_silently(invoke, run, tmp_path):
    given, out = tmp_path / "given.npy", tmp_path / "out.npz"
    np.save(given, make_wells(2, 41)["potential"])
    out.write_text("precious")
    code, _, err = invoke("predict", run.path, given, "--out", out)
    assert code == 2
    assert "--force" in err
    assert out.read_text() == "precious"
    assert invoke("predict", run.path, given, "--out", out, "--force")[0] == 0
    assert np.load(out)["density"].shape == (2, 16, 16)


def test_a_failed_prediction_leaves_the_old_one(invoke, run, tmp_path):
    given, out = tmp_path / "given.npy", tmp_path / "out.npz"
    np.save(given, np.full((2, 16, 16), np.nan))
    out.write_text("precious")
    code, _, err = invoke("predict", run.path, given, "--out", out, "--force")
    assert code == 1
    assert "NaN" in err
    assert out.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given.npy", "out.npz", "wells"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("nowhere", "x.npy", "--out", "o.npz"), 1, "run directory"),
        (("RUN", "x.npy", "--out", "o.npz"), 1, "no such file"),
        (("RUN", "x.npy", "--out", "o.h5"), 2, "a .npz file"),
        (("RUN", "x.txt", "--out", "o.npz"), 1, "no such file"),
    ],
)
def test_a_mistake_is_one_line(invoke, run, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    given = [str(run.path) if argument == "RUN" else argument for argument in arguments]
    found, _, err = invoke("predict", *given)
    assert found == code
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_classes_come_with_their_probabilities(invoke, classifier, tmp_path):
    np.save(tmp_path / "images.npy", make_bars(5, 7)["image"])
    arguments = (classifier.path, tmp_path / "images.npy", "--out", tmp_path / "o.npz", "--json")
    code, out, _ = invoke("predict", *arguments)
    assert code == 0
    fields = json.loads(out)["fields"]
    assert [each["field"] for each in fields] == ["digit", "digit_probabilities"]
    with np.load(tmp_path / "o.npz") as archive:
        assert archive["digit"].dtype == fields[0]["type"]
        assert archive["digit_probabilities"].shape == (5, 2)
