"""Sections of the report: the arrays that were kept determine what is drawn."""

import dataclasses

import numpy as np
import pytest

from keras_qd.report.report import sections


def drawn(run, evaluation):
    """Return section title -> names of its figures."""
    found = {}
    for section in sections(run, evaluation):
        found.setdefault(section.title, []).extend(each.name for each in section.figures)
    return found


def test_maps(evaluated):
    found = drawn(*evaluated)
    assert found == {
        "Single systems": ["systems"],
        "Line cuts": ["cuts_density"],
        "Errors": ["errors_density", "dependence_density"],
        "Learning curves": ["learning_curves"],
        "Evolution": ["evolution_density"],
    }


def test_decided_dots(evaluated):
    run, evaluation = evaluated
    units = {**evaluation.data["units"], "density_gap": "Ha*"}
    gaps = np.linspace(0.01, 0.2, evaluation.data["n_samples"])
    known = dataclasses.replace(
        evaluation,
        data={**evaluation.data, "units": units},
        samples={**evaluation.samples, "density_gap": gaps},
    )
    (found,) = [each for each in sections(run, known) if each.title.startswith("Decided")]
    assert "1 (9.1%) undecided" in found.text
    (panel,) = found.figures[0].draw().axes
    assert "density gap" in panel.get_xlabel()


def test_nothing_is_drawn_of_nothing(evaluated_run, evaluated):
    (evaluated_run.path / "history.csv").unlink()
    bare = dataclasses.replace(evaluated[1], examples=(), parities=())
    assert list(drawn(evaluated_run, bare)) == ["Evolution"]


def test_classes(classified):
    run, evaluation = classified
    found = drawn(run, evaluation)
    assert list(found)[:2] == ["Single images", "Confusion"]
    assert "Errors" not in found
    (single,) = next(sections(run, evaluation)).figures
    figure = single.draw()
    assert sum(panel.get_visible() for panel in figure.axes) == 18


def test_reconstructions(reconstructed):
    run, evaluation = reconstructed
    found = drawn(run, evaluation)
    assert list(found) == [
        "Single images",
        "Latent numbers",
        "Errors",
        "Learning curves",
        "Evolution",
    ]
    assert found["Single images"] == ["reconstructions"]
    without = {key: each for key, each in evaluation.kept.items() if "latent" not in key}
    alone = dataclasses.replace(evaluation, kept=without)
    images, *_ = sections(run, alone)
    assert "latent" not in images.text
    assert len(images.figures[0].draw().axes) == 4


def test_numbers(on_a_line):
    run, evaluation, _ = on_a_line
    found = drawn(run, evaluation)
    assert found["Single systems"] == ["systems_energy"]
    assert found["Errors"] == ["errors_energy", "dependence_energy"]
    single = next(sections(run, evaluation))
    assert "The first 25 of the 40 systems" in single.text
    title = single.figures[0].light.get_suptitle()
    assert title == "exact and predicted energy (Ha*)"


@pytest.mark.parametrize("name", ["energy", "gap"])
def test_constant_numbers_are_not_drawn(evaluated, name):
    run, evaluation = evaluated
    samples = {**evaluation.samples, "gap": np.ones(11), "energy": np.ones(11)}
    data = {**evaluation.data, "units": {name: "Ha*"}}
    constant = dataclasses.replace(evaluation, samples=samples, data=data)
    assert drawn(run, constant)["Errors"] == ["errors_density"]
