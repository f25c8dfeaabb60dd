"""Numbers as targets: single systems are drawn with their profiles, and all of it is told."""

import numpy as np
import pytest

import keras_qd
from keras_qd.data import ArrayDataset, Wells
from keras_qd.errors import UsageError
from keras_qd.report.figures.energies import energies_figure
from keras_qd.report.figures.style import Labels
from keras_qd.report.report import write_report

LABELS = Labels({"potential": "Ha*", "density": "1/a0*", "energy": "Ha*"}, 10.0)


def make_wells(indices):
    samples = Wells().make(indices)
    return {name: samples[name] for name in ("potential", "density", "energy", "kinetic_energy")}


@pytest.fixture(scope="module")
def wells():
    fields = {name: Wells().fields[name] for name in make_wells(range(1))}
    splits = (make_wells(range(*ends)) for ends in ((0, 64), (64, 96), (96, 136)))
    return ArrayDataset(*splits, fields=fields, metadata={"configuration": Wells().settings()})


@pytest.fixture(scope="module", params=["potential-to-energy", "density-to-kinetic-energy"])
def run(request, wells, tmp_path_factory):
    task = keras_qd.task(request.param, epochs=1)
    return keras_qd.train(task, tmp_path_factory.mktemp("runs") / "run", dataset=wells)


def test_an_energy_is_judged_drawn_and_reported(run, wells):
    evaluation = keras_qd.evaluate(run, data=wells)
    target = run.task.targets[0]
    exact = wells.split("test")[target]
    errors = np.abs(keras_qd.predict(run, wells.split("test"))[target] - exact)
    assert evaluation.score("mae").value == pytest.approx(errors.mean(), rel=1e-5)
    assert evaluation.score("mse").value == pytest.approx((errors**2).mean(), rel=1e-5)
    assert evaluation.score("mse").unit == "Ha*^2"
    worst = evaluation.score("mae").systems["worst"][0]
    assert worst == {"index": errors.argmax(), "value": pytest.approx(errors.max(), rel=1e-5)}
    baseline = np.mean((wells.split("train")[target].mean() - exact) ** 2)
    assert evaluation.score("mse").baseline == pytest.approx(baseline, rel=1e-6)
    np.testing.assert_array_equal(evaluation.kept[f"exact/{target}"], exact[:25])
    report = write_report(run).read_text(encoding="utf-8")
    assert "Single systems" in report
    assert f"exact and predicted {target.replace('_', ' ')}" in report
    assert (run.path / "figures" / f"systems_{target}.png").is_file()
    assert (run.path / "figures" / f"errors_{target}.png").is_file()


def test_levels_lie_in_the_potential():
    samples = make_wells(range(7))
    profiles = {name: samples[name] for name in ("potential", "density")}
    figure = energies_figure(profiles, samples["energy"], samples["energy"], "energy", LABELS)
    assert len(figure.axes) == 10
    drawn = [panel for panel in figure.axes if panel.lines]
    assert len(drawn) == 7
    lines = {line.get_label(): line for line in drawn[2].lines}
    assert lines["exact energy"].get_ydata()[0] == samples["energy"][2]
    np.testing.assert_array_equal(lines["potential"].get_ydata(), samples["potential"][2])
    np.testing.assert_allclose(lines["density"].get_xdata()[[0, -1]], [0, 10])
    assert drawn[0].get_ylim() == drawn[6].get_ylim()


def test_other_numbers_and_densities_alone():
    samples = make_wells(range(5))
    values, density = samples["kinetic_energy"], {"density": samples["density"]}
    figure = energies_figure(density, values, values, "kinetic_energy", LABELS)
    assert [len(panel.lines) for panel in figure.axes] == [1] * 5
    title = figure.axes[1].get_title(loc="left") or figure.axes[1].get_title()
    assert title == f"exact {values[1]:.4f}, predicted {values[1]:.4f}"


def test_nothing_to_draw_is_told():
    with pytest.raises(UsageError, match="no systems on a line"):
        energies_figure({}, np.ones(3), np.ones(3), "energy", LABELS)
