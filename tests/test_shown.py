"""Figures, tables of notebooks, pandas and xarray of results."""

import sys

import numpy as np
import pytest

import keras_qd
from keras_qd import inverse, physics
from keras_qd.errors import RunError, UsageError
from keras_qd.evaluation import Evaluation
from keras_qd.evaluation.scores import Score


@pytest.fixture(scope="module")
def spring():
    box = physics.Box(10.0)
    x, y = box.mesh(24)
    potential = (x - 5) ** 2 / 2 + (y - 5) ** 2
    return box, potential, physics.solve(potential, box, n_electrons=2)


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    return keras_qd.data.ArrayDataset(
        train={"potential": rng.random((8, 12, 12)), "energy": np.arange(8.0)},
        fields={
            "potential": keras_qd.data.Field((12, 12), "Ha*", "confinement"),
            "energy": keras_qd.data.Field((), "Ha*", "of the ground state"),
        },
    )


def is_png(figure):
    return figure._repr_png_()[:4] == b"\x89PNG"


def test_solution(spring):
    _, potential, dot = spring
    figure = dot.plot(potential=potential)
    drawn = [panel.images[0].get_array() for panel in figure.subfigs[0].axes if panel.images]
    np.testing.assert_array_equal(drawn, [potential, dot.density])
    assert is_png(dot.plot())
    assert "energy (Ha*)" in dot._repr_html_()
    with pytest.raises(UsageError, match=r"\(3, 3\)"):
        dot.plot(potential=np.zeros((3, 3)))


def test_inversion(spring):
    box, _, dot = spring
    found = inverse.invert(dot.density, box, 2, tolerance=1e-2)
    assert is_png(found.plot())
    assert "agrees with the target" in found._repr_html_()


def test_dataset(arrays):
    figure = arrays.plot(n_samples=3)
    assert [len(part.axes) for part in figure.subfigs] == [3]
    assert "12 x 12, Ha*, confinement" in arrays._repr_html_()
    with pytest.raises(UsageError, match="validation split has no maps"):
        arrays.plot(split="validation")


def test_run_and_evaluation(evaluated_run):
    run, evaluation = evaluated_run, Evaluation.read(evaluated_run.path)
    assert keras_qd.Run(str(run.path)) == keras_qd.Run.open(run.path)
    assert is_png(run.plot_history())
    assert is_png(evaluation.plot())
    assert f"{run.history()['loss'][-1]:.6g}" in run._repr_html_()
    assert evaluation.scores[0].summary_text() in evaluation._repr_html_()
    assert evaluation.scores[0].summary_text() in str(evaluation)


def test_a_path_without_a_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="is not a run directory"):
        keras_qd.Run(tmp_path)


def test_score_and_store(tmp_path):
    score = Score("density", "l1", "physical", "L1 <error>", "", False, 0.5, 1.0, (0.4, 0.6))
    assert "L1 &lt;error&gt;" in score._repr_html_()
    assert "0.5 (95 %: 0.4 to 0.6), trivial prediction 1" in score._repr_html_()
    wells = keras_qd.data.Wells(n_points=48)
    store = keras_qd.data.generate(tmp_path / "wells.zarr", wells, 4, workers=1)
    assert "48, " in store._repr_html_()


def test_pandas(arrays):
    pytest.importorskip("pandas")
    assert list(arrays.to_dataframe()["energy"]) == list(range(8))


def test_xarray(arrays, spring):
    pytest.importorskip("xarray")
    found = arrays.to_xarray()
    assert dict(found.sizes) == {"sample": 8, "y": 12, "x": 12}
    assert found["potential"].attrs == {"units": "Ha*", "long_name": "confinement"}
    box, _, dot = spring
    total = dot.to_xarray()["density"].sum() * box.pixel_area(24)
    assert float(total) == pytest.approx(2)


@pytest.mark.parametrize("package", ["pandas", "xarray"])
def test_a_missing_package_is_named(arrays, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    make = arrays.to_dataframe if package == "pandas" else arrays.to_xarray
    with pytest.raises(UsageError, match=f"pip install {package}"):
        make()
