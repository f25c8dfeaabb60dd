"""Inversion of one and of many targets, from a closed form or from a model's proposal."""

import subprocess
import sys

import numpy as np
import pytest
from tests.wells import FIELDS, LENGTH, make_task, make_wells

import keras_qd
from keras_qd.data import ArrayDataset
from keras_qd.errors import UsageError
from keras_qd.inverse import invert_many, problem
from keras_qd.inverse._invert import open_proposals
from keras_qd.inverse.problem import InverseProblem
from keras_qd.inverse.targets import resampled
from keras_qd.physics import Box, Interaction, sample_potentials, solve

MADE = {"box_length": LENGTH, "n_electrons": 2, "interaction": "screened", "screening_length": 1.5}
SAME = {"box": Box(LENGTH), "n_electrons": 2, "interaction": Interaction("screened", None, 1.5)}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small inverse model."""
    data = ArrayDataset(
        train=make_wells(16, 0),
        validation=make_wells(4, 1),
        test=make_wells(4, 2),
        fields=FIELDS,
        metadata={"configuration": MADE},
    )
    keras_qd.register("datasets", "wells-to-invert")(lambda: data)
    task = make_task(
        name="wells-inverted",
        dataset="wells-to-invert",
        inputs="density",
        targets="potential",
        model_config={"filters": 1, "depth": 1},
        metrics=("l1",),
        followed=("l1",),
        scaling={"density": "max", "potential": "centered-standard"},
        epochs=1,
    )
    return keras_qd.train(task, tmp_path_factory.mktemp("runs") / "inverse", dataset=data)


@pytest.fixture
def seen(monkeypatch):
    """Arguments of the search, which is not run."""
    calls = []

    def refine(density, box, n_electrons, **settings):
        calls.append({"density": density, "n_electrons": n_electrons, **settings})

    monkeypatch.setattr(problem, "refine", refine)
    return calls


def test_the_refinement_starts_from_the_proposal(run, seen):
    density = make_wells(1, 5)["density"]
    keras_qd.invert(density[0], Box(LENGTH), 2, run=run.path)
    expected = keras_qd.predict(run, density)["potential"][0]
    np.testing.assert_allclose(seen[0]["start"], expected, atol=1e-5)
    # The interaction is that of the data the model was trained on.
    assert seen[0]["interaction"] == Interaction("screened", None, 1.5)


def test_without_a_run_nothing_is_proposed(seen):
    density = make_wells(1, 5)["density"][0]
    keras_qd.invert(density, Box(LENGTH), 2, tolerance=0.5, max_iterations=3)
    assert seen[0]["start"] is None
    assert seen[0]["interaction"] == Interaction("coulomb")
    assert (seen[0]["tolerance"], seen[0]["max_iterations"]) == (0.5, 3)


def test_a_target_on_another_grid_is_brought_to_that_of_the_model(run):
    density = make_wells(1, 5)["density"][0]
    proposals, problem = open_proposals(run), InverseProblem(**SAME)
    (same,) = proposals.propose(density[None], problem)
    (finer,) = proposals.propose(resampled(density, 32)[None], problem)
    assert finer.shape == (32, 32)
    np.testing.assert_allclose(resampled(finer, 16), same, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_electrons": 3}, "is for electrons 2, but got 3"),
        ({"box": Box(12.0)}, "a box of side 10, but got 12"),
        ({"interaction": Interaction("coulomb")}, "screened of length 1.5 a0.*, but got coulomb"),
    ],
)
def test_a_model_of_other_systems_is_refused(run, change, message):
    density = make_wells(1, 5)["density"]
    with pytest.raises(UsageError, match=message):
        open_proposals(run).propose(density, InverseProblem(**{**SAME, **change}))


def test_a_model_of_another_map_is_refused(trained):
    with pytest.raises(UsageError, match="maps potential to density"):
        open_proposals(trained)


def test_the_pretrained_network_proposes_in_a_box_of_any_size(seen):
    density = solve(sample_potentials(1, Box(LENGTH), 32, seed=4)[0], Box(LENGTH), 1).density
    for scale in (1.0, 2.0):
        wanted = density / scale**2
        keras_qd.invert(
            wanted, Box(scale * LENGTH), 1, run="density-to-potential", strength=1 / scale
        )
    one, two = (each["start"] for each in seen)
    assert one.shape == (32, 32)
    np.testing.assert_allclose(two, one / 4, rtol=1e-3, atol=1e-4)


def test_without_a_run_keras_stays_out():
    script = (
        "import sys, keras_qd\n"
        "box = keras_qd.physics.Box(8.0)\n"
        "wanted = keras_qd.inverse.density_target('two-lobes', width=0.3).density(box, 16, 1)\n"
        "found = keras_qd.invert(wanted, box, 1, tolerance=0.5)\n"
        "assert found.residual <= 0.5, found.explanation\n"
        "heavy = {'keras', 'jax', 'torch', 'tensorflow', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


@pytest.fixture(scope="module")
def potentials():
    return sample_potentials(3, Box(LENGTH), 24, seed=4)


@pytest.fixture(scope="module")
def targets(potentials):
    return [solve(potential, Box(LENGTH), 1).density for potential in potentials]


def test_many_targets_are_inverted_in_order(potentials, targets):
    counted = []
    starts = [None, *potentials[1:]]
    found = invert_many(
        targets, Box(LENGTH), 1, 1e-3, starts=starts, progress=lambda *done: counted.append(done)
    )
    for each, target in zip(found, targets, strict=True):
        np.testing.assert_allclose(each.target, target)
        assert each.converged
    assert all(each.start_residual < 1e-3 for each in found[1:])
    assert counted == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.slow
def test_results_do_not_depend_on_workers(targets):
    alone, shared = (invert_many(targets, Box(LENGTH), 1, workers=n) for n in (1, 2))
    for one, other in zip(alone, shared, strict=True):
        np.testing.assert_array_equal(one.potential, other.potential)


def test_wrong_numbers_are_refused(targets):
    with pytest.raises(UsageError, match="starts"):
        invert_many(targets, Box(LENGTH), 1, starts=[None])
    with pytest.raises(UsageError, match="workers"):
        invert_many(targets, Box(LENGTH), 1, workers=0)
