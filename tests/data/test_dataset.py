"""Data sets of arrays at hand."""

import numpy as np
import pytest

from keras_qd.data import ArrayDataset, Field
from keras_qd.errors import DataError, UnknownNameError

IMAGES = np.random.default_rng(0).normal(size=(6, 4, 4))
ENERGIES = np.arange(6.0)


def test_fields_splits_and_metadata():
    fields = {"image": Field((4, 4), "Ha*", "potential")}
    dataset = ArrayDataset(
        train={"image": IMAGES, "energy": ENERGIES},
        test={"image": IMAGES[:2], "energy": ENERGIES[:2]},
        fields=fields,
        metadata={"source": "drawn"},
    )
    assert dataset.fields == fields | {"energy": Field((), dtype="float64")}
    np.testing.assert_array_equal(dataset.split("train")["image"], IMAGES)
    assert dataset.split("test")["energy"].shape == (2,)
    assert dataset.split("validation")["image"].shape == (0, 4, 4)
    assert dataset.metadata["source"] == "drawn"


def test_the_digest_tells_sets_apart():
    def digest(images, **splits):
        return ArrayDataset(train={"image": images}, **splits).metadata["digest"]

    assert digest(IMAGES) == digest(IMAGES.copy())
    assert digest(IMAGES) == digest(np.asfortranarray(IMAGES))
    assert digest(IMAGES) != digest(IMAGES[::-1])
    assert digest(IMAGES) != digest(IMAGES, test={"image": IMAGES[:1]})


def nan_in(array, row):
    spoilt = array.copy()
    spoilt[row] = np.nan
    return spoilt


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"train": {}}, "no field"),
        ({"train": {"a": IMAGES, "b": ENERGIES[:5]}}, "different lengths: a 6, b 5"),
        (
            {"train": {"a": nan_in(IMAGES, 2)}},
            "NaN or infinity in 1 of 6 samples, first in sample 2",
        ),
        ({"train": {"a": 3.0}}, "is a single number"),
        ({"train": {"a": ["x", "y"]}}, "expected real numbers"),
        ({"train": {"a": [[1, 2], [3]]}}, "is not an array"),
        (
            {"train": {"a": IMAGES}, "test": {"b": IMAGES}},
            "the test split has the fields b; the training split has a",
        ),
        (
            {"train": {"a": IMAGES}, "validation": {"a": IMAGES[:, :2]}},
            r"shape \(2, 4\) in the validation split, but \(4, 4\)",
        ),
        ({"train": {"a": IMAGES}, "fields": {"b": Field((4, 4))}}, "no arrays for .* b"),
        ({"train": {"a": IMAGES}, "fields": {"a": Field((4,))}}, r"described with shape \(4,\)"),
    ],
)
def test_what_does_not_fit_is_told(splits, message):
    with pytest.raises(DataError, match=message):
        ArrayDataset(**splits)


def test_unknown_splits_are_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'train'"):
        ArrayDataset(train={"a": IMAGES}).split("training")
