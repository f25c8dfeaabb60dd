"""A small run on made-up wells, trained and evaluated once a session for all tests."""

import shutil

import numpy as np
import pytest

import keras_qd
from keras_qd.data import ArrayDataset, Field, Wells
from keras_qd.tasks import Task
from keras_qd.training.run import Run
from tests.command import call

N_PIXELS = 16
LENGTH = 10.0
FIELDS = {
    "potential": Field((N_PIXELS, N_PIXELS), "Ha*", "confinement potential"),
    "density": Field((N_PIXELS, N_PIXELS), "1/a0*^2", "density of two electrons"),
    "energy": Field((), "Ha*", "depth of the well", dtype="float64"),
}


def make_wells(n_samples, seed):
    """Return Gaussian wells and, in place of a density, the Gaussians, with two electrons each."""
    generator = np.random.default_rng(seed)
    points = (np.arange(N_PIXELS) + 0.5) / N_PIXELS * LENGTH
    x, y = np.meshgrid(points, points)
    centre = generator.uniform(3, 7, (2, n_samples, 1, 1))
    width = generator.uniform(1, 2, (n_samples, 1, 1))
    bump = np.exp(-((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (2 * width**2))
    pixel = (LENGTH / N_PIXELS) ** 2
    return {
        "potential": -6 * bump,
        "density": 2 * bump / (bump.sum(axis=(1, 2), keepdims=True) * pixel),
        "energy": -6 / width[:, 0, 0],
    }


def make_dataset(seed=0, n_test=11):
    """Return a small data set; the metadata are those of generated data."""
    return ArrayDataset(
        train=make_wells(24, 3 * seed),
        validation=make_wells(8, 3 * seed + 1),
        test=make_wells(n_test, 3 * seed + 2),
        fields=FIELDS,
        metadata={"configuration": {"box_length": LENGTH, "seed": seed}},
    )


def make_task(**changes):
    """Return a task that trains in a second."""
    settings = {
        "name": "wells",
        "description": "wells to densities",
        "dataset": "wells-for-tests",
        "inputs": "potential",
        "targets": "density",
        "model": "unet",
        "model_config": {"filters": 4, "depth": 2},
        "metrics": ("l1", "r2", "ssim"),
        "followed": ("l1", "r2"),
        "scaling": {"potential": "standard", "density": "max"},
        "epochs": 2,
        "batch_size": 8,
    }
    return Task(**{**settings, **changes})


@pytest.fixture(scope="session")
def dataset():
    """The data set that the run is trained on, which its task can load by name."""
    found = make_dataset()
    keras_qd.register("datasets", "wells-for-tests")(lambda: found)
    return found


@pytest.fixture(scope="session")
def trained(tmp_path_factory, dataset):
    """A finished run; tests that write take a copy."""
    path = tmp_path_factory.mktemp("runs") / "wells"
    return keras_qd.train(make_task(), path, dataset=dataset, callbacks=["evolution"])


@pytest.fixture(scope="session")
def evaluated(trained, tmp_path_factory):
    """A copy of the finished run, and its evaluation; tests leave both as they are."""
    run = copied(trained, tmp_path_factory.mktemp("evaluated"))
    return run, keras_qd.evaluate(run, keep_predictions=True, n_draws=100)


@pytest.fixture
def evaluated_run(evaluated, tmp_path):
    """A copy of the finished run with its evaluation, to be changed."""
    return copied(evaluated[0], tmp_path)


@pytest.fixture(scope="session")
def on_a_line(tmp_path_factory):
    """A finished run from potentials on a line to energies, its evaluation, and its data set."""
    recipe = Wells(n_points=48)
    names = ("potential", "density", "energy", "kinetic_energy")
    samples = recipe.make(range(136))
    splits = (
        {name: samples[name][rows] for name in names}
        for rows in (slice(64), slice(64, 96), slice(96, None))
    )
    fields = {name: recipe.fields[name] for name in names}
    data = ArrayDataset(*splits, fields=fields, metadata={"configuration": recipe.settings()})
    task = keras_qd.task("potential-to-energy", epochs=1, model_config={"units": [5]})
    run = keras_qd.train(task, tmp_path_factory.mktemp("line") / "line", dataset=data)
    return run, keras_qd.evaluate(run, data=data, n_draws=10), data


def copied(run, folder):
    """Return a copy of a run, to be changed."""
    return Run.open(shutil.copytree(run.path, folder / run.path.name))


@pytest.fixture(scope="session", autouse=True)
def coarse_figures():
    """Let all tests draw with a third of the pixels per inch, and measure costs for a moment."""
    from keras_qd.evaluation import cost
    from keras_qd.report.figures import style

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(style, "DPI", 50)
        patch.setitem(cost.times_in_turn.__kwdefaults__, "budget", 0.05)
        yield


@pytest.fixture(autouse=True)
def quick_layout(request, monkeypatch):
    """Find no layout, which takes as long as drawing, and write no PDF: tests/report does both."""
    from keras_qd.report.figures import style

    if "report" not in request.path.parts:
        execute = "matplotlib.layout_engine.ConstrainedLayoutEngine.execute"
        monkeypatch.setattr(execute, lambda *_: None)
        monkeypatch.delitem(style.DATELESS, "pdf")


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the finished run."""
    return copied(trained, tmp_path)


@pytest.fixture
def keras_qd_command():
    """Run the command line; return exit code, standard output and standard error."""
    return call


@pytest.fixture
def invoke():
    """Run the command line; return exit code, standard output and standard error."""
    return call
