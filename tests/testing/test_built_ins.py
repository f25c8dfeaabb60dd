"""The built-in components pass the checks that everybody's do."""

import keras
import numpy as np
import pytest
from tests.command import whole_chain
from tests.small_models import MODELS

import keras_qd
from keras_qd import physics, testing
from keras_qd.physics.line.potentials import GaussianWellsLine, RandomFourierLine

SMALL_ENDS = {"residual-unet": {"filters": 2, "levels": 1, "blocks": 1}}
WITH_ENDS = {
    "fno": {"width": 4, "modes": 2, "blocks": 1, "padding": 2},
    "pix2pix": {"filters": 2, "discriminator_levels": 1},
    "unet": {"filters": 2},
}
#: Where a backend compiles for longer than all else takes, these run with -m slow, too.
COMPILES = keras.config.backend() != "torch"
#: One of the smallest; the others run with -m slow.
QUICK_MODELS = () if COMPILES else ("energy-cnn",)

CLASSES = {
    "reference": np.eye(4)[[0, 1, 2, 3, 0]],
    "prediction": np.full((5, 4), 0.1) + 0.6 * np.eye(4)[[0, 1, 3, 3, 0]],
}
BOX = {"config": {"length": 10.0}}
RANGE = {"config": {"data_range": 1.5}}
DENSITY = {"weights": np.random.default_rng(1).uniform(0.1, 1.0, size=(7, 16, 16))}
#: Metric -> what it needs to be tried; the others take any fields.
METRICS = {
    "accuracy": CLASSES,
    "cross-entropy": CLASSES,
    "centre-of-mass-error": BOX,
    "charge-error": BOX,
    "second-moment-error": BOX,
    "density-weighted-l1": DENSITY,
    "density-weighted-l2": DENSITY,
    "density-weighted-r2": DENSITY,
    "ms-ssim": RANGE,
    "psnr": RANGE,
    "ssim": RANGE,
}
#: One of each way to stream.
QUICK_METRICS = ("r2", "normalized-mutual-information")

DOTS = {"samples": 24, "n_electrons": 1, "n_pixels": 16, "n_orbitals": 4, "workers": 1}
GATES = {"samples": 24, "max_electrons": 1, "workers": 1}
WELLS = {"samples": 64, "n_points": 48, "workers": 1}
#: Before any test registers one of its own.
#: Those of the package: tests/several.py registers two of its own.
BUILT_IN_DATASETS = {name for name in keras_qd.names("datasets") if not name.endswith("-for-tests")}
DATASETS = {
    "gate-dots": GATES,
    "mnist": {"subset": True},
    "quantum-dots": DOTS,
    "wells-1d": WELLS,
}

SMALL_PIX2PIX = {"filters": 2, "discriminator_levels": 1, "discriminator_filters": 2}
SMALL_TRANSFORMER = {"filters": 6, "levels": 1, "attention": 1, "heads": 2}
#: Data set -> what makes a task on it small.
TASK_CHANGES = {
    "gate-dots": {"dataset_config": GATES},
    "mnist": {"dataset_config": {"subset": True}},
    "wells-1d": {"dataset_config": WELLS},
    "quantum-dots": {
        "dataset_config": DOTS,
        "model_config": SMALL_PIX2PIX,
        "metrics": ["l1", "r2", "psnr"],
    },
}


QUICK_TASKS = () if COMPILES else ("potential-to-energy",)
QUICK_TO_FIT = ("potential-to-energy",) if COMPILES else keras_qd.names("tasks")


def some(kind, quick):
    """Parametrise over all components of a kind, all but some of them slow."""
    return [
        name if name in quick else pytest.param(name, marks=pytest.mark.slow)
        for name in keras_qd.names(kind)
    ]


@pytest.fixture(scope="session")
def cache_path(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def cache(cache_path, monkeypatch):
    monkeypatch.setenv("KERAS_QD_CACHE", str(cache_path))


@pytest.fixture
def image_pairs(tmp_path):
    """Return the path of a prepared store with a few pairs of images."""
    from PIL import Image

    generator = np.random.default_rng(0)
    for split, count in (("train", 10), ("val", 3), ("test", 3)):
        folder = tmp_path / "pairs" / split
        folder.mkdir(parents=True)
        for number in range(count):
            pixels = generator.integers(0, 256, size=(32, 64), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    from keras_qd.data import prepare_pairs

    return str(prepare_pairs(tmp_path / "pairs.zarr", tmp_path / "pairs").path)


@pytest.mark.parametrize("name", some("models", QUICK_MODELS))
def test_models(name):
    testing.check_model(name, **MODELS.get(name, {}), backends=())


@pytest.mark.parametrize(
    "name", ["residual-unet", *(pytest.param(each, marks=pytest.mark.slow) for each in WITH_ENDS)]
)
def test_models_of_maps_and_numbers(name):
    ends = {"potential": (8, 8, 1), "electrons": (1,)}, {"density": (8, 8, 1), "energy": (1,)}
    config = {**SMALL_ENDS, **WITH_ENDS}[name]
    testing.check_model(name, input_shape=ends[0], output_shape=ends[1], config=config, backends=())


@pytest.mark.parametrize("name", some("metrics", QUICK_METRICS))
def test_metrics(name):
    testing.check_metric(name, **METRICS.get(name, {}), backends=())


@whole_chain
@pytest.mark.parametrize("name", sorted(DATASETS))
def test_datasets(name, cache):
    testing.check_dataset(name, config=DATASETS[name])


@whole_chain
@pytest.mark.parametrize("name", ["image-pairs", "stored"])
def test_datasets_at_a_path(name, image_pairs):
    testing.check_dataset(name, config={"path": image_pairs})


def test_every_dataset_is_checked():
    assert {*DATASETS, "image-pairs", "stored"} == BUILT_IN_DATASETS


@whole_chain
@pytest.mark.parametrize("name", physics.potential_families())
def test_potential_families(name):
    testing.check_potential_family(name)


@whole_chain
@pytest.mark.parametrize("family", [RandomFourierLine(), GaussianWellsLine()])
def test_potential_families_on_a_line(family):
    testing.check_potential_family(family)


@pytest.mark.parametrize("name", some("tasks", QUICK_TO_FIT))
def test_tasks_fit_together(name, request, cache):
    testing.check_task(name, changes=task_changes(name, request), train=False, backends=())


@pytest.mark.parametrize("name", some("tasks", QUICK_TASKS))
def test_tasks_train(name, request, cache):
    testing.check_task(name, changes=task_changes(name, request), backends=())


def task_changes(name, request):
    """Return what makes a task small."""
    task = keras_qd.task(name)
    if task.model == "residual-2d":
        small = {"width": 4, "blocks": 1}
        return {"dataset_config": {**DOTS, "n_electrons": 2}, "model_config": small}
    if task.model == "transformer-unet":
        mixed = {} if len(task.inputs) == 1 else {"n_electrons": [1, 2], "strength": [0.0, 2.0]}
        return {"dataset_config": {**DOTS, **mixed}, "model_config": SMALL_TRANSFORMER}
    if task.model == "residual-unet":
        small = {
            "dataset_config": {**DOTS, "kohn_sham": True},
            "model_config": SMALL_ENDS[task.model],
        }
        return {**TASK_CHANGES["quantum-dots"], **small}
    if task.dataset != "image-pairs":
        return TASK_CHANGES[task.dataset]
    path = request.getfixturevalue("image_pairs")
    return {**TASK_CHANGES["quantum-dots"], "dataset_config": {"path": path}}
