"""``keras-qd evaluate`` and ``keras-qd report``: output, files, and one line for each mistake."""

import json

import pytest

from tests.wells import copied


def test_a_table_with_groups(invoke, evaluated_run):
    code, out, _ = invoke("evaluate", evaluated_run.path, "--by", "energy")
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "11 systems of the test split"
    assert lines[2].startswith("On the median system L1 is")
    start = next(number for number, line in enumerate(lines) if line.startswith("metric"))
    assert [line.split()[0] for line in lines[start + 2 : start + 5]] == ["L1", "R2", "SSIM"]
    assert lines[start + 2].split()[1] == "1/a0*^2"
    table = next(part for part in out.split("\n\n") if part.startswith("energy")).splitlines()
    assert table[0].split() == ["energy", "systems", "density_l1", "density_r2", "density_ssim"]
    assert len(table) == 6
    assert lines[-1].endswith(str(evaluated_run.path))


def test_json_of_another_split(invoke, run):
    arguments = ("evaluate", run.path, "--split", "validation", "--by", "energy", "--json")
    code, out, _ = invoke(*arguments)
    found = json.loads(out)
    assert code == 0
    assert found["data"]["n_samples"] == 8
    assert {(each["metric"], each["space"]) for each in found["metrics"]} == {
        (metric, space) for metric in ("l1", "r2", "ssim") for space in ("physical", "scaled")
    }
    assert sum(group["n_systems"] for group in found["groups"]) == 8


def test_runs_are_ranked(invoke, run, tmp_path):
    other = copied(run, tmp_path / "other").path
    code, out, _ = invoke("evaluate", run.path, other, "--sort", "r2")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split() == ["run", "L1", "R2", "SSIM"]
    assert {line.split()[0] for line in lines[2:]} == {str(run.path), str(other)}
    code, _, err = invoke("evaluate", run.path, other, "--by", "energy")
    assert code == 2
    assert "one run" in err


def test_an_ensemble(invoke, run, tmp_path):
    other = copied(run, tmp_path / "other").path
    arguments = ("evaluate", run.path, other, "--ensemble", "--dropout-draws", 2)
    code, out, _ = invoke(*arguments, "--metric", "charge-error")
    assert code == 0
    assert out.splitlines()[0].endswith("mean of 2 runs, 2 draws of each with dropout")
    assert "Charge error" in out
    table = out.partition("spread and error\n\n")[2].splitlines()
    assert table[0].split("  ")[0] == "field"
    assert table[2].split()[0] == "density"
    (folder,) = (run.path / "evaluations").iterdir()
    assert folder.name.split("-test")[0] == "ensemble-2-dropout-2"


def test_the_table_of_systems(invoke, run, tmp_path):
    table = tmp_path / "table.csv"
    code, out, _ = invoke("evaluate", run.path, "--csv", "--table", table)
    assert code == 0
    assert out.splitlines()[0] == "index,energy,density_l1,density_r2,density_ssim"
    assert out == table.read_text() == (run.path / "samples.csv").read_text()


def test_report_prints_its_path(invoke, run, monkeypatch):
    from keras_qd.report import report

    monkeypatch.setattr(report, "sections", lambda *_: [])
    code, out, _ = invoke("report", run.path)
    assert code == 0
    assert out.strip() == str(run.path / "report.html")
    assert (run.path / "metrics.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("evaluate", "nowhere"), 1, "run directory"),
        (("evaluate", "RUN", "--ensemble"), 2, "at least two runs"),
        (("evaluate", "RUN", "--csv", "--json"), 2, "choose one output format"),
        (("evaluate", "RUN", "--by", "energies"), 2, "did you mean 'energy'"),
        (("evaluate", "RUN", "--table", "t.xlsx"), 2, "end in one of"),
        (("evaluate", "RUN", "--data", "nowhere"), 1, "nowhere"),
        (("report", "nowhere"), 1, "run directory"),
    ],
)
def test_a_mistake_is_one_line(invoke, run, tmp_path, monkeypatch, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    given = [str(run.path) if argument == "RUN" else argument for argument in arguments]
    found, _, err = invoke(*given)
    assert found == code
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err
