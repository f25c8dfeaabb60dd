"""The verbs evaluate, predict and report: output, files, and one line for each mistake."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

import keras_qd
from keras_qd.data import generate
from keras_qd.data.io.arrays import read_fields
from keras_qd.data.wells import Wells
from keras_qd.errors import DataError
from tests.wells import make_wells


def test_evaluate_prints_a_table(keras_qd_command, run):
    code, out, _ = keras_qd_command("evaluate", run.path)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "11 systems of the test split"
    assert lines[2].split("  ")[0] == "metric"
    assert [line.split()[0] for line in lines[4:7]] == ["L1", "R2", "SSIM"]
    assert lines[4].split()[1] == "1/a0*^2"
    assert (run.path / "metrics.json").is_file()


def test_evaluate_prints_json(keras_qd_command, run):
    code, out, _ = keras_qd_command("evaluate", run.path, "--split", "validation", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["data"]["n_samples"] == 8
    assert {(each["metric"], each["space"]) for each in found["metrics"]} == {
        (metric, space) for metric in ("l1", "r2", "ssim") for space in ("physical", "scaled")
    }


def test_evaluate_groups_systems(keras_qd_command, run):
    code, out, _ = keras_qd_command("evaluate", run.path, "--by", "energy")
    assert code == 0
    table = out.split("\n\n")[2].splitlines()
    assert table[0].split() == ["energy", "systems", "density_l1", "density_r2", "density_ssim"]
    assert len(table) == 6
    code, out, _ = keras_qd_command("evaluate", run.path, "--by", "energy", "--json")
    assert sum(group["n_systems"] for group in json.loads(out)["groups"]) == 11
    code, _, err = keras_qd_command("evaluate", run.path, "--by", "energies")
    assert code == 2
    assert "did you mean 'energy'" in err


def test_evaluate_ranks_runs(keras_qd_command, run, tmp_path):
    other = shutil.copytree(run.path, tmp_path / "other")
    code, out, _ = keras_qd_command("evaluate", run.path, other, "--sort", "r2")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["run", "L1", "R2", "SSIM"]
    assert {line.split()[0] for line in lines[2:]} == {str(run.path), str(other)}
    code, _, err = keras_qd_command("evaluate", run.path, other, "--by", "energy")
    assert code == 2
    assert "one run" in err


def test_evaluate_judges_an_ensemble(keras_qd_command, run, tmp_path):
    other = shutil.copytree(run.path, tmp_path / "other")
    arguments = ("evaluate", run.path, other, "--ensemble", "--dropout-draws", 2)
    code, out, _ = keras_qd_command(*arguments, "--metric", "charge-error")
    assert code == 0
    assert out.splitlines()[0].endswith("mean of 2 runs, 2 draws of each with dropout")
    assert "Charge error" in out
    table = out.partition("the spread and the error\n\n")[2].splitlines()
    assert table[0].split("  ")[0] == "field"
    assert table[2].split()[0] == "density"
    assert [path.name.split("-test")[0] for path in (run.path / "evaluations").iterdir()] == [
        "ensemble-2-dropout-2"
    ]


def test_evaluate_prints_and_writes_the_table(keras_qd_command, run, tmp_path):
    table = tmp_path / "table.csv"
    code, out, _ = keras_qd_command("evaluate", run.path, "--csv", "--table", table)
    assert code == 0
    assert out.splitlines()[0] == "index,energy,density_l1,density_r2,density_ssim"
    assert out == table.read_text() == (run.path / "samples.csv").read_text()
    code, _, err = keras_qd_command("evaluate", run.path, "--csv", "--json")
    assert code == 2
    assert "give one of them" in err


def test_report_says_where_it_is(keras_qd_command, run):
    code, out, _ = keras_qd_command("report", run.path)
    assert code == 0
    assert out.strip() == str(run.path / "report.html")


def test_predict_works_in_a_process_of_its_own(run, tmp_path):
    """Nothing but the run says which classes the model is made of."""
    np.save(tmp_path / "given.npy", make_wells(2, 42)["potential"])
    arguments = ["predict", run.path, tmp_path / "given.npy", "--out", tmp_path / "out.npz"]
    subprocess.run([sys.executable, "-m", "keras_qd", *arguments], check=True, timeout=300)
    assert np.load(tmp_path / "out.npz")["density"].shape == (2, 16, 16)


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_predict_writes_physical_fields(keras_qd_command, run, tmp_path, suffix):
    wells = make_wells(5, 40)
    given, out = tmp_path / f"given{suffix}", tmp_path / "out.npz"
    if suffix == ".npy":
        np.save(given, wells["potential"])
    else:
        np.savez(given, **wells)
    code, text, _ = keras_qd_command("predict", run.path, given, "--out", out)
    assert code == 0
    assert "[5, 16, 16]" in text
    assert "1/a0*^2" in text
    with np.load(out) as archive:
        expected = keras_qd.predict(run, wells)["density"]
        np.testing.assert_allclose(archive["density"], expected, rtol=1e-5, atol=1e-6)


def test_predict_never_replaces_silently(keras_qd_command, run, tmp_path):
    given, out = tmp_path / "given.npy", tmp_path / "out.npz"
    np.save(given, make_wells(2, 41)["potential"])
    out.write_text("precious")
    code, _, err = keras_qd_command("predict", run.path, given, "--out", out)
    assert code == 2
    assert "--force" in err
    assert out.read_text() == "precious"
    assert keras_qd_command("predict", run.path, given, "--out", out, "--force")[0] == 0
    assert np.load(out)["density"].shape == (2, 16, 16)


def test_a_failed_prediction_leaves_the_old_one(keras_qd_command, run, tmp_path):
    given, out = tmp_path / "given.npy", tmp_path / "out.npz"
    np.save(given, np.full((2, 16, 16), np.nan))
    out.write_text("precious")
    code, _, err = keras_qd_command("predict", run.path, given, "--out", out, "--force")
    assert code == 1
    assert "NaN" in err
    assert out.read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given.npy", "out.npz", "wells"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("evaluate", "nowhere"), 1, "no run directory"),
        (("evaluate", "RUN", "--ensemble"), 2, "two runs or more"),
        (("evaluate", "RUN", "--table", "t.xlsx"), 2, "end in one of"),
        (("report", "nowhere"), 1, "no run directory"),
        (("evaluate", "RUN", "--data", "nowhere"), 1, "nowhere"),
        (("predict", "nowhere", "x.npy", "--out", "o.npz"), 1, "no run directory"),
        (("predict", "RUN", "x.npy", "--out", "o.npz"), 1, "no file x.npy"),
        (("predict", "RUN", "x.npy", "--out", "o.h5"), 2, "a .npz file"),
        (("predict", "RUN", "x.txt", "--out", "o.npz"), 1, "neither a .npy nor a .npz"),
    ],
)
def test_a_mistake_is_one_line(
    keras_qd_command, run, tmp_path, monkeypatch, arguments, code, message
):
    monkeypatch.chdir(tmp_path)
    given = [str(run.path) if argument == "RUN" else argument for argument in arguments]
    found, _, err = keras_qd_command(*given)
    assert found == code
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err


def test_a_store_is_read_in_parts(tmp_path):
    store = generate(tmp_path / "wells", Wells(n_points=16), 20, workers=1)
    potential = read_fields(tmp_path / "wells", ["potential"])["potential"]
    assert potential.shape == (20, 16)
    np.testing.assert_array_equal(potential[3:7], store.read("potential")[3:7])
    with pytest.raises(DataError, match="no field gate"):
        read_fields(tmp_path / "wells", ["gate"])


def test_files_are_never_unpickled(tmp_path):
    path = tmp_path / "objects.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="cannot be read"):
        read_fields(path, ["potential"])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"text"])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_broken_files_are_told(tmp_path, content, suffix):
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        read_fields(path, ["potential"])


def test_a_missing_field_is_told(tmp_path):
    path = tmp_path / "fields.npz"
    np.savez(path, density=np.zeros((1, 2, 2)))
    with pytest.raises(DataError, match=r"no field potential, .* it has density"):
        read_fields(path, ["potential"])


def test_one_array_is_not_enough_for_two_fields(tmp_path):
    path = tmp_path / "one.npy"
    np.save(path, np.zeros(3))
    with pytest.raises(DataError, match="potential, density"):
        read_fields(path, ["potential", "density"])
