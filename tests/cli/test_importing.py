"""``keras-qd import`` and ``prepare``: files of others become data sets that tasks train on."""

import json
import pickle

import numpy as np
import pytest
from PIL import Image
from skimage.draw import disk, polygon
from skimage.segmentation import find_boundaries

import keras_qd
from keras_qd.data import Wells
from keras_qd.errors import StoreError, UsageError
from tests.command import refused, succeed, whole_chain

ARGUMENTS = (*("--length", 10, "--unit", "density=1/a0*"),)
N_SAMPLES = 120


@pytest.fixture(scope="module")
def samples():
    return Wells(n_points=48).make(range(N_SAMPLES))


@pytest.fixture(scope="module")
def files(tmp_path_factory, samples):
    """Pickled arrays, as the field's teaching notebooks keep them."""
    folder = tmp_path_factory.mktemp("notebook")
    for name, field in {"V": "potential", "density": "density", "E": "energy"}.items():
        with (folder / f"{name}.db").open("wb") as file:
            pickle.dump(samples[field].astype("float64"), file)
    return [folder / f"{name}.db" for name in ("V", "density", "E")]


@pytest.fixture(scope="module")
def store(files):
    path = files[0].with_name("imported.zarr")
    printed = succeed("import", *files, *ARGUMENTS, "--out", path, "--json")
    assert json.loads(printed)["finished"] == N_SAMPLES
    return path


def test_load_and_inspect_know_it(store, samples, tmp_path):
    dataset = keras_qd.load("stored", path=store)
    assert {name: field.shape for name, field in dataset.fields.items()} == {
        "potential": (48,),
        "energy": (),
        "density": (48,),
    }
    n_split = [len(dataset.split(name)["energy"]) for name in ("train", "validation", "test")]
    assert sum(n_split) == N_SAMPLES
    assert set(dataset.split("test")["energy"]) <= set(samples["energy"])
    figure = tmp_path / "sheet.png"
    printed = succeed("inspect", store, "--verify", "--figure", figure)
    for word in ("120 of 120 samples", "120 x 48", "Ha*", "checksums: correct", "V.db"):
        assert word in printed
    assert figure.stat().st_size > 5000


@whole_chain
@pytest.mark.usefixtures("without_report")
def test_a_task_trains_on_the_imported_files(store, tmp_path):
    run = tmp_path / "run"
    printed = succeed(
        *("train", "potential-to-energy", "--data", store, "--out", run, "--epochs", 3, "--json"),
        *("--batch-size", 16, "--set", "dataset.fractions=[0.5,0.25,0.25]"),
        *("--model", "residual-1d", "--set", "model.width=4"),
    )
    config = json.loads((run / "config.json").read_text())
    assert sum(config["samples"].values()) == N_SAMPLES
    assert config["data"]["configuration"]["kind"] == "imported"
    assert config["fields"]["energy"]["unit"] == "Ha*"
    assert json.loads(printed)["data"]["length"] == 10.0
    loss = keras_qd.training.Run.open(run).history()["loss"]
    assert loss[-1] < loss[0]


def test_requested_settings_must_be_those_stored(store):
    assert keras_qd.load("wells-1d", path=store, length=10.0).fields["potential"].unit == "Ha*"
    with pytest.raises(UsageError, match=r"length is 10.0, not 12.0"):
        keras_qd.load("wells-1d", path=store, length=12.0)
    with pytest.raises(UsageError, match="family is None"):
        keras_qd.load("wells-1d", path=store, family="random-fourier")
    with pytest.raises(StoreError, match="120 samples, not 121"):
        keras_qd.load("stored", path=store, samples=121)


def test_errors_in_files_take_one_line(files, tmp_path):
    np.save(tmp_path / "short.npy", np.zeros(3))
    out = tmp_path / "s.zarr"
    code, message = refused("import", files[0], tmp_path / "short.npy", "--out", out)
    assert code == 1
    assert "the fields have different" in message
    code, message = refused("import", files[0], "--field", "V", "--out", out)
    assert code == 2
    assert "--field takes NAME=ARRAY; got 'V'" in message
    assert not out.exists()


def shapes(n, size=16):
    """Return filled shapes in RGB: discs are red, triangles are blue."""
    rng = np.random.default_rng(0)
    found = np.full((n, size, size, 3), 255, "uint8")
    for image in found:
        centre, radius = rng.uniform(0.35, 0.65, 2) * size, rng.uniform(0.15, 0.3) * size
        if rng.random() < 0.5:
            image[disk(centre, radius, shape=(size, size))] = (220, 30, 30)
        else:
            angles = rng.uniform(0, 2 * np.pi) + np.arange(3) * 2 * np.pi / 3
            corners = centre[:, None] + 1.3 * radius * np.array([np.sin(angles), np.cos(angles)])
            image[polygon(*corners, shape=(size, size))] = (30, 30, 220)
    return found


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """A store of edges and filled shapes."""
    folder = tmp_path_factory.mktemp("shapes")
    for number, filled in enumerate(shapes(80)):
        inside = filled[..., 1] < 255
        edges = np.where(find_boundaries(inside, mode="inner"), 0, 255).astype("uint8")
        pair = np.concatenate([np.stack([edges] * 3, axis=-1), filled], axis=1)
        Image.fromarray(pair).save(folder / f"{number:03}.png")
    path = tmp_path_factory.mktemp("prepared") / "shapes.zarr"
    printed = succeed("prepare", folder, "--out", path)
    assert "80 pairs, 16 x 16 x 3 to 16 x 16 x 3" in printed
    return path


def test_inspect_shows_the_pairs(pairs, tmp_path):
    figure = tmp_path / "pairs.png"
    assert "80 x 16 x 16 x 3" in succeed("inspect", pairs, "--verify", "--figure", figure)
    assert np.asarray(Image.open(figure))[..., :3].std() > 20


@whole_chain
@pytest.mark.usefixtures("without_report")
def test_image_to_image_learns_to_fill_shapes(pairs, tmp_path):
    run = tmp_path / "run"
    settings = (
        *("model.filters=8", "model.discriminator_filters=4", "model.discriminator_levels=1"),
        *("model.normalization=instance", "model.dropout=0", "model.learning_rate=0.005"),
        *("batch_size=8", 'metrics=["l1"]', 'followed=["l1"]'),
    )
    small = ("--epochs", 12, *(part for each in settings for part in ("--set", each)))
    printed = succeed("train", "image-to-image", "--data", pairs, "--out", run, "--json", *small)
    config = json.loads((run / "config.json").read_text())
    scaling = config["pipeline"]["scalings"]["target"]
    assert (scaling["offset"], scaling["factor"], scaling["bounded"]) == (127.5, 127.5, True)
    assert config["task"]["augmentation"] == "jitter"
    history = keras_qd.training.Run.open(run).history()
    assert history["val_l1"][-1] < 0.6 * history["val_l1"][0]
    first = json.loads(printed)["metrics"][0]
    assert (first["metric"], first["space"]) == ("l1", "physical")
    assert first["value"] < 0.9 * first["baseline"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "give either one FOLDER, or two with --a and --b"),
        (("one", "--a", "two", "--b", "three"), 2, "give either one FOLDER"),
        (("nowhere",), 1, "there is no folder nowhere"),
        (("nowhere", "--resize", "big"), 2, "takes a size such as 256 or 192x256; got 'big'"),
    ],
)
def test_wrong_usage_of_prepare(arguments, code, message, tmp_path):
    found, error = refused("prepare", *arguments, "--out", "store.zarr", cwd=tmp_path)
    assert found == code
    assert message in error
    assert not list(tmp_path.iterdir())
