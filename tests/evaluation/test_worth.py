"""What a model is worth: the arithmetic, the solver's settings, and where it is said."""

import html
import json
from dataclasses import replace

import pytest

import keras_qd
from keras_qd.data import ArrayDataset
from keras_qd.data.quantum_dots import QuantumDots
from keras_qd.data.wells import Wells
from keras_qd.evaluation import Evaluation, Worth
from keras_qd.evaluation import cost as exact
from keras_qd.evaluation import ensemble as predicting
from keras_qd.evaluation.cost import ModelTimes
from keras_qd.report import report
from tests.wells import FIELDS

WORTH = Worth(
    solver="exact diagonalisation",
    forward=True,
    solver_seconds=10e-3,
    model=ModelTimes(single=4e-3, batched=2e-3, batch_size=64),
    data_systems=1000,
    data_seconds=12.0,
    training_seconds=36.0,
    processors=2,
)
DOTS = QuantumDots(n_pixels=16, n_orbitals=6)


def test_the_arithmetic():
    assert WORTH.ratio == pytest.approx(2.5)
    assert WORTH.ratio_batched == pytest.approx(5.0)
    assert WORTH.break_even == 8000
    assert WORTH.break_even_batched == 6000
    assert [row[1:] for row in WORTH.rows] == [("10 ms", ""), ("4 ms", "2.5"), ("2 ms", "5")]
    assert "after 6000 predictions in batches (one at a time: after 8000)" in WORTH.verdict


def test_a_model_that_is_slower_alone():
    slow = replace(WORTH, model=ModelTimes(20e-3, 2e-3, 64))
    assert slow.break_even is None
    assert "(one at a time: never)" in slow.verdict
    slower = replace(WORTH, model=ModelTimes(20e-3, 12e-3, 64))
    assert slower.break_even_batched is None
    assert "never pays" in slower.verdict


@pytest.mark.parametrize("missing", ["data_seconds", "training_seconds"])
def test_what_is_not_known_is_said(missing):
    found = replace(WORTH, **{missing: None})
    assert (found.break_even, found.break_even_batched) == (None, None)
    assert "not known" in found.verdict


def test_json_reads_back():
    entry = json.loads(json.dumps(WORTH.to_json()))
    assert entry["break_even_batched"] == 6000
    assert Worth.from_json(entry) == WORTH


def test_the_solver_has_the_settings_of_the_data(monkeypatch):
    made = []
    monkeypatch.setattr(exact, "Solver", lambda *arguments: made.append(arguments) or Double())
    recipe = QuantumDots(n_electrons=3, interaction="screened", strength=0.5, n_orbitals=8)
    found = exact.exact_solver(recipe.configuration(), ["density"])
    ((box, n_electrons, interaction, n_orbitals, strength),) = made
    assert (box.length, n_electrons, n_orbitals, strength) == (10.0, 3, 8, 0.5)
    assert (interaction.name, interaction.screening_length) == ("screened", recipe.screening_length)
    assert found.solve([1.0, 2.0]) == ["interacting"] * 2
    free = exact.exact_solver(recipe.configuration(), ["density_noninteracting"])
    assert free.solve([1.0]) == ["free"]


class Double:
    """Stands for a solver."""

    n_electrons = 3

    def solve(self, potential):
        return "interacting"

    def solve_noninteracting(self, potential):
        return "free"


@pytest.mark.parametrize("recipe", [DOTS, Wells(n_points=16)])
def test_times_of_solving_and_making(recipe):
    solver = exact.exact_solver(recipe.configuration(), ["density"])
    potentials = recipe.make(range(4))["potential"]
    assert 0 < solver.seconds(potentials) < 1
    assert 0 < exact.seconds_to_make(recipe.configuration()) < 1


@pytest.mark.parametrize("configuration", [{}, {"kind": "imported"}, {"box_length": 10.0}])
def test_data_without_a_solver(configuration):
    assert exact.exact_solver(configuration, ["density"]) is None
    assert exact.seconds_to_make(configuration) is None


@pytest.fixture(scope="module")
def dots():
    """Systems of which the metadata say how they were solved."""
    made = DOTS.make(range(11))
    fields = {name: made[name] for name in FIELDS}
    metadata = {"configuration": DOTS.configuration()}
    return ArrayDataset(train=fields, test=fields, fields=FIELDS, metadata=metadata)


def test_an_evaluation_says_what_the_model_is_worth(run, dots, monkeypatch):
    run.config["data"]["configuration"] = DOTS.configuration()
    found = keras_qd.evaluate(run, data=dots, n_draws=10, batch_size=16)
    worth = found.worth
    assert worth.forward
    assert worth.solver.startswith("exact diagonalisation, N = 2, M = 6, 16 x 16 pixels")
    assert worth.model.batch_size == 16
    assert worth.data_systems == 24 + 8 + 11
    assert worth.training_seconds == pytest.approx(sum(run.history()["seconds"]))
    assert worth.solver_seconds > 0
    assert worth.model.single > 0
    assert Evaluation.read(found.folder).worth == worth
    monkeypatch.setattr(report, "sections", lambda *_: [])
    page = report.render_report(run, found)
    assert "What it is worth" in page
    assert worth.verdict in html.unescape(page)


def test_systems_that_the_solver_refuses_are_judged_all_the_same(run, dots, caplog):
    sharp = {name: 1e4 * values for name, values in dots.split("test").items()}
    data = ArrayDataset(train=sharp, test=sharp, fields=FIELDS, metadata=dots.metadata)
    assert keras_qd.evaluate(run, data=data, n_draws=10).worth is None
    assert "too sharp" in caplog.text


def test_nothing_is_measured_where_there_is_no_solver_or_no_wish(run, dots, monkeypatch):
    monkeypatch.setattr(predicting, "time_model", None)
    assert keras_qd.evaluate(run, n_draws=10).worth is None
    assert keras_qd.evaluate(run, data=dots, n_draws=10, worth=False).worth is None
