"""Fields read from files and stores for predictions."""

import numpy as np
import pytest

from keras_qd.data import generate
from keras_qd.data.io.arrays import read_fields
from keras_qd.data.wells import Wells
from keras_qd.errors import DataError


def test_a_store_is_read_in_parts(tmp_path):
    store = generate(tmp_path / "wells", Wells(n_points=48), 20, workers=1)
    potential = read_fields(tmp_path / "wells", ["potential"])["potential"]
    assert potential.shape == (20, 48)
    np.testing.assert_array_equal(potential[3:7], store.read("potential")[3:7])
    with pytest.raises(DataError, match="no field gate"):
        read_fields(tmp_path / "wells", ["gate"])


def test_files_are_never_unpickled(tmp_path):
    path = tmp_path / "objects.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="cannot be read"):
        read_fields(path, ["potential"])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"text"])
@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_broken_files_are_told(tmp_path, content, suffix):
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read"):
        read_fields(path, ["potential"])


def test_a_missing_field_is_told(tmp_path):
    path = tmp_path / "fields.npz"
    np.savez(path, density=np.zeros((1, 2, 2)))
    with pytest.raises(DataError, match=r"no field potential, .* it has density"):
        read_fields(path, ["potential"])


def test_one_array_is_not_enough_for_two_fields(tmp_path):
    path = tmp_path / "one.npy"
    np.save(path, np.zeros(3))
    with pytest.raises(DataError, match="potential, density"):
        read_fields(path, ["potential", "density"])
