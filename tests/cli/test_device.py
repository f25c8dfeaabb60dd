"""The verb device: files in, tables, figures and stores out."""

import csv
import json

import numpy as np
import pytest

from keras_qd.data import Store
from tests.command import call

DOT = """
side = 120
n_pixels = 16
[[gates]]
name = "left"
shape = "gaussian"
x = 45
y = 60
width = 20
[[gates]]
name = "right"
shape = "gaussian"
x = 75
y = 60
width = 20
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("device")
    (folder / "dot.toml").write_text(DOT)
    return folder


def run(words, folder, *more):
    return call("device", *words.split(), *more, cwd=folder)


def test_diagram(folder):
    words = (
        "diagram dot.toml --gates left right --x -4 6 --y -4 6 --points 7 --electrons 1 "
        "--workers 1 --out out --json"
    )
    done = run(words, folder)
    assert done.code == 0, done.error
    summary = json.loads(done.out)
    assert summary["pixels"] == 49
    assert summary["electrons"] == "0 to 1"
    assert (folder / "out" / "diagram.png").stat().st_size > 1e4
    with (folder / "out" / "diagram.csv").open() as file:
        assert len(list(csv.reader(file))) == 50
    couplings = json.loads((folder / "out" / "couplings.json").read_text())
    assert [each["transition"] for each in couplings] == ["(1, 0)-(0, 1)"]
    assert summary["tunnel coupling (1, 0)-(0, 1) (meV)"].startswith("1.")
    assert couplings[0]["coupling_meV"] > 5 * couplings[0]["error_meV"] > 0
    store = Store(folder / "out" / "diagram.zarr")
    assert store.read("n_electrons").shape == (7, 7)
    np.testing.assert_allclose(store.read("voltage_y"), np.linspace(-4, 6, 7), rtol=1e-6)
    again = run(words, folder)
    assert again.code == 0, again.error
    assert json.loads(again.out) == summary


def test_sweep(folder):
    words = "sweep dot.toml --gate left --range 5 10 --points 2 --voltage right=8"
    done = run(words, folder, "--workers", 1, "--out", "sweep")
    assert done.code == 0, done.error
    assert "J (ueV)" in done.out
    assert (folder / "sweep" / "sweep.png").exists()
    with (folder / "sweep" / "sweep.csv").open() as file:
        rows = list(csv.reader(file))
    assert [float(row[0]) for row in rows[1:]] == [5.0, 10.0]
    assert float(rows[2][1]) > 0


def test_design(folder):
    words = "design dot.toml --want mu_1=-3 --gate left -10 20 --voltage right=5"
    done = run(words, folder, "--json")
    assert done.code == 0, done.error
    found = json.loads(done.out)
    assert found["reached"]["mu_1"][0] == pytest.approx(-3, rel=0.02)


def test_numbers_out_of_reach(folder):
    words = "design dot.toml --want mu_1=-300 --gate left -1 1"
    done = run(words, folder)
    assert done.code == 1
    assert "not reached" in done.out
    assert "widen the bounds" in done.error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("diagram dot.toml --gates left right2 --x 0 1 --y 0 1 --out a", "did you mean 'right'"),
        ("diagram none.toml --gates left right --x 0 1 --y 0 1 --out a", "none.toml"),
        ("diagram dot.toml --gates left right --x 1 0 --y 0 1 --out a", "increasing"),
        ("sweep dot.toml --gate left --range 0 1 --voltage right --out a", "GATE=MV"),
        ("sweep dot.toml --gate left --range 0 1 --out dot.toml", "dot.toml is a file"),
        ("design dot.toml --want mu=1 --gate left 0 1", "mu"),
    ],
)
def test_refusals_write_nothing(folder, words, message):
    done = run(words, folder)
    assert done.code in (1, 2)
    assert message in done.error
    assert "Traceback" not in done.error
    assert not (folder / "a").exists()
