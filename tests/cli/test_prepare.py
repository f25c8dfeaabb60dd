"""``keras-qd prepare``: folders of images become a data set that ``image-to-image`` trains on."""

import json

import numpy as np
import pytest
from PIL import Image
from skimage.draw import disk, polygon
from skimage.segmentation import find_boundaries

import keras_qd

SETTINGS = (
    *("model.filters=8", "model.discriminator_filters=4", "model.discriminator_levels=1"),
    *("model.normalization=instance", "model.dropout=0", "model.learning_rate=0.005"),
    *("batch_size=8", 'metrics=["l1"]', 'followed=["l1"]'),
)
SMALL = ("--epochs", 15, *(part for each in SETTINGS for part in ("--set", each)))


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
def folder(tmp_path_factory):
    """Edges on the left, in grey, filled shapes on the right."""
    path = tmp_path_factory.mktemp("shapes")
    for number, filled in enumerate(shapes(80)):
        inside = filled[..., 1] < 255
        edges = np.where(find_boundaries(inside, mode="inner"), 0, 255).astype("uint8")
        pair = np.concatenate([np.stack([edges] * 3, axis=-1), filled], axis=1)
        Image.fromarray(pair).save(path / f"{number:03}.png")
    return path


@pytest.fixture(scope="module")
def store(folder, keras_qd_command, tmp_path_factory):
    path = tmp_path_factory.mktemp("prepared") / "shapes.zarr"
    process = keras_qd_command("prepare", folder, "--out", path, "--json")
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout)["finished"] == 80
    return path


def test_inspect_shows_the_pairs(store, keras_qd_command, tmp_path):
    figure = tmp_path / "pairs.png"
    process = keras_qd_command("inspect", store, "--verify", "--figure", figure)
    assert process.returncode == 0, process.stderr
    assert "80 x 16 x 16 x 3" in process.stdout
    assert np.asarray(Image.open(figure))[..., :3].std() > 20


def test_image_to_image_learns_to_fill_shapes(store, keras_qd_command, tmp_path):
    run = tmp_path / "run"
    process = keras_qd_command(
        *("train", "image-to-image", "--data", store, "--out", run, "--json", *SMALL)
    )
    assert process.returncode == 0, process.stderr
    assert (run / "report.html").stat().st_size > 10_000
    config = json.loads((run / "config.json").read_text())
    scaling = config["pipeline"]["scalings"]["target"]
    assert (scaling["offset"], scaling["factor"], scaling["bounded"]) == (127.5, 127.5, True)
    assert config["task"]["augmentation"] == "jitter"
    history = keras_qd.training.Run.open(run).history()
    assert history["val_l1"][-1] < 0.6 * history["val_l1"][0]
    first = json.loads(process.stdout)["metrics"][0]
    assert (first["metric"], first["space"]) == ("l1", "physical")
    assert first["value"] < 0.9 * first["baseline"]


def test_without_data_it_says_what_to_do(keras_qd_command, tmp_path):
    process = keras_qd_command("train", "image-to-image", "--out", tmp_path / "run")
    assert process.returncode == 2
    assert "keras-qd prepare FOLDER" in process.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "name one FOLDER, or two with --a and --b"),
        (("one", "--a", "two", "--b", "three"), 2, "name one FOLDER"),
        (("nowhere",), 1, "cannot be prepared: there is no folder nowhere"),
        (("nowhere", "--resize", "big"), 2, "takes a size such as 256 or 192x256; got 'big'"),
    ],
)
def test_misuse_is_told(arguments, code, message, keras_qd_command, tmp_path):
    process = keras_qd_command("prepare", *arguments, "--out", "store.zarr", cwd=tmp_path)
    assert process.returncode == code
    assert message in " ".join(process.stderr.split())
    assert not list(tmp_path.iterdir())
