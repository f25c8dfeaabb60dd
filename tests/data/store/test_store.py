"""Reading stores: only what is finished, by anyone who reads Zarr."""

import json
import subprocess
import sys

import numpy as np
import pytest
import zarr
from recipes_for_tests import BatchedNoise, Noise

from keras_qd.data import Recipe, generate, open_store, recipe_class
from keras_qd.data.fields import Field
from keras_qd.data.store.summary import field_histogram, summarise_field
from keras_qd.errors import StoreError, UnknownNameError


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "noise"
    generate(path, Noise(), 10, workers=1)
    return path


def test_the_store_is_plain_zarr(path):
    group = zarr.open_group(path, mode="r")
    assert {name for name, _ in group.members()} == {"image", "total", "fingerprint", "manifest"}
    assert group["image"].shape == (10, 8, 8)
    assert group["image"].attrs["unit"] == "Ha*"
    description = group.attrs["keras_qd"]
    assert description["configuration"] == Noise().configuration()
    assert description["schema_version"] == 2
    np.testing.assert_array_equal(group["image"][...], open_store(path).read("image"))


@pytest.mark.parametrize("rows", [[], [0], [9], [3, 4], [0, 1, 5, 9], list(range(10))])
def test_rows_are_read_across_shards(path, rows):
    store = open_store(path)
    np.testing.assert_array_equal(
        store.read("total", np.array(rows, int)), store.read("total")[rows]
    )


def test_unknown_fields_are_refused(path):
    with pytest.raises(UnknownNameError, match="did you mean 'image'"):
        open_store(path).read("images")
    with pytest.raises(UnknownNameError, match="did you mean 'wells-1d'"):
        recipe_class("wells-2d")


def test_values_that_are_not_finished_are_not_read(tmp_path):
    generate(tmp_path / "noise", Noise(), 10, workers=1)
    group = zarr.open_group(tmp_path / "noise")
    group["manifest"][1] = np.zeros(40, dtype="uint8")
    store = open_store(tmp_path / "noise")
    assert store.n_finished == 6
    assert store.unfinished() == [1]
    assert store.unfinished(4) == []
    assert store.digest() is None
    assert store.digest(4) is not None
    assert len(store.read_shard(1, "image")) == 0
    np.testing.assert_array_equal(store.read("total", np.arange(4)), group["total"][:4])
    with pytest.raises(StoreError, match="6 of 10 samples"):
        store.read("total", np.array([3, 4]))


def test_the_summary_counts_what_is_not_finite(tmp_path):
    generate(tmp_path / "noise", Noise(), 10, workers=1)
    group = zarr.open_group(tmp_path / "noise")
    values = group["total"][...]
    group["total"][2] = np.nan
    summary = summarise_field(open_store(tmp_path / "noise"), "total")
    good = np.delete(values, 2)
    assert summary.n_bad == 1
    assert (summary.minimum, summary.maximum) == (good.min(), good.max())
    assert summary.mean == pytest.approx(good.mean())
    counts, edges = field_histogram(open_store(tmp_path / "noise"), "total", 5)
    np.testing.assert_array_equal(counts, np.histogram(good, 5)[0])
    np.testing.assert_allclose(edges, np.histogram(good, 5)[1])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as a data set"),
        ('{"zarr_format": 3, "node_type": "group"}', "not a keras-qd data set"),
    ],
)
def test_foreign_and_broken_groups_are_told(tmp_path, content, message):
    (tmp_path / "zarr.json").write_text(content)
    with pytest.raises(StoreError, match=message):
        open_store(tmp_path)


def test_lost_metadata_of_a_field_is_told(tmp_path):
    generate(tmp_path / "noise", Noise(), 2, workers=1)
    (tmp_path / "noise" / "image" / "zarr.json").unlink()
    with pytest.raises(StoreError, match=r"description of image .* is missing or damaged"):
        open_store(tmp_path / "noise")


def test_fields_come_back_with_limits():
    field = Field((2,), "", "grey value", "uint8", (0.0, 255.0))
    array = zarr.create_array({}, shape=(3, 2), dtype="uint8", attributes=field.attributes())
    assert Field.from_array(array) == field
    assert json.dumps(field.attributes())


def test_shards_hold_whole_batches_and_about_a_megabyte():
    shard = Recipe.shard_samples.fget
    assert shard(Noise(n_pixels=64)) == 64
    assert shard(Noise(n_pixels=2048)) == 1
    assert shard(BatchedNoise(n_pixels=64)) == 63


def test_data_needs_no_keras():
    script = (
        "import sys, keras_qd.data as data; data.generate, data.QuantumDots, data.Wells; "
        "sys.exit('keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
