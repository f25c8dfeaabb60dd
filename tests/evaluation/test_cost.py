"""The cost of a model: the arithmetic, and the times of a data set's own exact solver."""

import dataclasses
import json
import time
from collections.abc import Mapping
from functools import partial
from typing import ClassVar

import numpy as np
import pytest

import keras_qd
from keras_qd.data import ArrayDataset, Field
from keras_qd.data.quantum_dots import QuantumDots
from keras_qd.data.recipes import Recipe
from keras_qd.data.wells import Wells
from keras_qd.evaluation import CostComparison, Evaluation, cost
from keras_qd.evaluation.cost import ModelTimes, format_seconds
from tests.wells import FIELDS, make_wells

COST = CostComparison(
    solver="exact diagonalisation",
    forward=True,
    solver_seconds=10e-3,
    model=ModelTimes(single=4e-3, batched=2e-3, batch_size=64),
    data_systems=1000,
    data_seconds=12.0,
    training_seconds=36.0,
    processors=2,
    solver_range=(9e-3, 13e-3),
)
DOTS = QuantumDots(n_pixels=16, n_orbitals=6)


def test_the_arithmetic():
    assert COST.ratio == pytest.approx(2.5)
    assert COST.ratio_batched == pytest.approx(5.0)
    assert (COST.break_even, COST.break_even_batched) == (8000, 6000)
    assert [row[1:] for row in COST.rows] == [
        ("10 ms", "9 ms to 13 ms", ""),
        ("4 ms", "", "2.5"),
        ("2 ms", "", "5"),
    ]
    assert "after 6000 predictions in batches (one at a time: after 8000)" in COST.summary
    assert [format_seconds(each) for each in (2.6e-5, 93.4, 7500)] == ["26 µs", "93.4 s", "2.08 h"]


def test_a_slower_model():
    alone = dataclasses.replace(COST, model=ModelTimes(20e-3, 2e-3, 64))
    assert alone.break_even is None
    assert "(one at a time: never)" in alone.summary
    always = dataclasses.replace(COST, model=ModelTimes(20e-3, 12e-3, 64))
    assert always.break_even_batched is None
    assert "never pays off" in always.summary
    assert "no direct solver" in dataclasses.replace(COST, forward=False).summary


@pytest.mark.parametrize("missing", ["data_seconds", "training_seconds"])
def test_unknown_times(missing):
    found = dataclasses.replace(COST, **{missing: None})
    assert (found.break_even, found.break_even_batched) == (None, None)
    assert "unknown" in found.summary


def test_json_reads_back():
    entry = json.loads(json.dumps(COST.to_json()))
    assert entry["break_even_batched"] == 6000
    assert CostComparison.from_json(entry) == COST


@pytest.fixture
def quick(monkeypatch):
    """Measure a single call."""
    monkeypatch.setattr(cost, "times_in_turn", partial(cost.times_in_turn, most=1))


@pytest.mark.parametrize("recipe", [DOTS, Wells(n_points=48)])
def test_recipes_of_this_package(recipe, quick):
    found = cost.stored_recipe(recipe.configuration())
    assert found == recipe
    solve, size = cost._solving(found, recipe.make(range(4)))
    (times,) = cost.times_in_turn([(solve, time.process_time)])
    assert 0 < times[0] / size < 1
    assert 0 < cost.time_generation(found) < 1
    assert f"{recipe.box_length if recipe is DOTS else recipe.length:g} a0*" in (
        found.solver_description()
    )


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [("density", "_labels"), ("density_noninteracting", "solve_noninteracting")],
)
def test_fields_without_interaction_are_solved_without(monkeypatch, wanted, expected):
    called = []
    recipe = QuantumDots(n_pixels=16, n_orbitals=6)
    for owner, name in ((recipe, "_labels"), (recipe._solver, "solve_noninteracting")):
        monkeypatch.setattr(type(owner), name, lambda *_, name=name: called.append(name))
    recipe.solve_again({"potential": np.zeros((2, 16, 16)), wanted: np.zeros((2, 16, 16))})
    assert called == [expected] * 2


@pytest.mark.parametrize("configuration", [{}, {"kind": "imported"}, {"box_length": 10.0}])
def test_data_without_a_recipe(configuration):
    assert cost.stored_recipe(configuration) is None


def dataset_of(recipe, fields):
    """Return systems whose metadata name their recipe."""
    metadata = {"configuration": recipe.configuration()}
    return ArrayDataset(train=fields, test=fields, fields=FIELDS, metadata=metadata)


def test_an_evaluation_compares_the_cost(run, quick):
    run.config["data"]["configuration"] = DOTS.configuration()
    samples = DOTS.make(range(11))
    dots = dataset_of(DOTS, {name: samples[name] for name in FIELDS})
    evaluation = keras_qd.evaluate(run, data=dots, n_draws=10, batch_size=16)
    found = evaluation.cost
    assert found.forward
    assert found.solver.startswith("exact diagonalisation, N = 2, M = 6, 16 x 16 pixels")
    assert found.model.batch_size == 16
    assert found.data_systems == 24 + 8 + 11
    assert found.training_seconds == pytest.approx(sum(run.history()["seconds"]))
    assert min(found.solver_seconds, found.model.single, found.data_seconds) > 0
    assert Evaluation.read(evaluation.folder).cost == found


@dataclasses.dataclass(frozen=True, kw_only=True)
class Springs(Recipe):
    """A data set of somebody else, with a solver of its own."""

    kind: ClassVar[str] = "springs"
    version: ClassVar[int] = 1
    identity: ClassVar[str] = "potential"
    batch: ClassVar[int] = 3
    solved: ClassVar[list] = []

    stiffness: float = 2.0

    @property
    def fields(self) -> Mapping[str, Field]:
        return FIELDS

    def make(self, indices):
        return make_wells(len(indices), indices.start)

    def solve_again(self, samples):
        self.solved.append({name: len(values) for name, values in samples.items()})

    def solver_description(self):
        return f"springs of stiffness {self.stiffness:g}"


def test_the_solver_of_a_third_party(run, quick, monkeypatch):
    monkeypatch.setattr(cost, "stored_recipe", lambda each: Springs(stiffness=each["stiffness"]))
    run.config["data"]["configuration"] = Springs(stiffness=7.0).configuration()
    data = dataset_of(Springs(stiffness=7.0), make_wells(11, 3))
    found = keras_qd.evaluate(run, data=data, n_draws=10).cost
    assert found.solver == "springs of stiffness 7"
    assert found.data_seconds > 0
    assert Springs.solved == [{"potential": 3, "density": 3}] * 2


def test_systems_that_the_solver_refuses_are_evaluated_all_the_same(run, quick, caplog):
    samples = DOTS.make(range(4))
    sharp = {name: 1e4 * samples[name] for name in FIELDS}
    assert keras_qd.evaluate(run, data=dataset_of(DOTS, sharp), n_draws=10).cost is None
    assert "too sharp" in caplog.text


def test_nothing_is_timed_without_a_solver_or_on_request(evaluated):
    run, evaluation = evaluated
    assert evaluation.cost is None
    assert cost.solver_of(cost_case(run, {})) is None
    assert cost.solver_of(cost_case(run, DOTS.configuration())) == DOTS


def cost_case(run, configuration):
    """Return a case on data with a configuration."""
    from keras_qd.evaluation.case import Case

    fields = make_wells(4, 0)
    data = ArrayDataset(train=fields, test=fields, metadata={"configuration": configuration})
    return Case(run, data, "test")


def test_models_and_solver_take_turns_on_one_thread(run, monkeypatch):
    """So that whatever slows one of them slows the other."""
    import threadpoolctl

    turns = []
    threads = []

    def worker(name):
        def work():
            turns.append(name)
            threads.append({each["num_threads"] for each in threadpoolctl.threadpool_info()})

        return work

    times = cost.times_in_turn([(worker(n), time.process_time) for n in "ab"], most=4)
    assert turns == [*"ab"] + 4 * [*"ab"]
    assert all(each <= {1} for each in threads)
    assert [len(each) for each in times] == [4, 4]


def test_a_machine_under_load_changes_the_waiting_only():
    """What sleeps takes no processor time: other programs cannot make a method cheap or dear."""
    spin = time.process_time

    def work():
        end = spin() + 2e-3
        while spin() < end:
            time.sleep(1e-4)  # as if other programs ran

    (times,) = cost.times_in_turn([(work, time.process_time)], most=5)
    assert max(times) < 4e-3


def test_the_page_never_shows_other_numbers_than_the_file(evaluated_run):
    page = evaluated_run.path / "report.html"
    page.write_text("numbers of an earlier evaluation")
    keras_qd.evaluate(evaluated_run, n_draws=10, cost=False)
    assert not page.exists()
