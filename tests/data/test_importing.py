"""Arrays of all formats come into a store bit for bit; all errors are reported at once."""

import hashlib
import json
import pickle
import subprocess
import sys

import h5py
import hypothesis.extra.numpy as st_numpy
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_qd.data import FieldNames, export_files, import_files, open_store
from keras_qd.data.io.containers import _packing
from keras_qd.errors import DataError, StoreError, UsageError

RNG = np.random.default_rng(0)
ARRAYS = {
    "V": RNG.normal(size=(50, 64)),
    "density": RNG.normal(size=(50, 64)).astype("float32"),
    "E": RNG.normal(size=50),
    "image": RNG.integers(0, 2**16, size=(50, 5, 4, 3)).astype("uint16"),
}


def as_npy(folder, arrays):
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return [folder / f"{name}.npy" for name in arrays]


def as_npz(folder, arrays):
    np.savez_compressed(folder / "all.npz", **arrays)
    return [folder / "all.npz"]


def as_pickles(folder, arrays):
    for number, (name, array) in enumerate(arrays.items()):
        (folder / f"{name}.db").write_bytes(pickle.dumps(array, number))
    return [folder / f"{name}.db" for name in arrays]


def as_hdf5(folder, arrays):
    with h5py.File(folder / "all.h5", "w") as file:
        for name, array in arrays.items():
            file.create_dataset(f"run/{name}", data=array, chunks=True, compression="gzip")
    return [folder / "all.h5"]


def as_zarr(folder, arrays, zarr_format=3):
    group = zarr.create_group(folder / "all.zarr", zarr_format=zarr_format)
    for name, array in arrays.items():
        group.create_array(f"run/{name}", data=array)
    return [folder / "all.zarr"]


def as_zarr_2(folder, arrays):
    return as_zarr(folder, arrays, zarr_format=2)


FORMATS = [as_npy, as_npz, as_pickles, as_hdf5, as_zarr, as_zarr_2]


@pytest.mark.parametrize("write", FORMATS)
def test_every_format_comes_in_bit_for_bit(write, tmp_path):
    (tmp_path / "from").mkdir()
    paths = write(tmp_path / "from", ARRAYS)
    store = import_files(paths, tmp_path / "store.zarr")
    assert set(store.fields) == {"potential", "density", "energy", "image"}
    for name, array in ARRAYS.items():
        found = store.read({"V": "potential", "E": "energy"}.get(name, name))
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)
    assert not store.damaged()
    assert store.configuration["kind"] == "imported"


@settings(deadline=None, max_examples=12)
@given(
    array=st_numpy.arrays(
        dtype=st.sampled_from(["?", "i1", ">i4", "u8", "f2", ">f4", "f8"]),
        shape=st_numpy.array_shapes(min_dims=1, max_dims=4, max_side=5),
        elements={"allow_nan": False, "allow_infinity": False},
    ),
    write=st.sampled_from([as_npy, as_npz, as_pickles]),
)
def test_any_array_comes_in_as_it_is(array, write, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    found = import_files(write(folder, {"V": array}), folder / "store.zarr").read("potential")
    np.testing.assert_array_equal(found.reshape(array.shape), array)
    assert found.dtype == ("uint8" if array.dtype == bool else array.dtype.newbyteorder("="))


def test_names_units_and_what_the_store_remembers(tmp_path):
    paths = as_pickles(tmp_path, {"V": ARRAYS["V"], "E": ARRAYS["E"].reshape(-1, 1), "x": [0.5]})
    names = FieldNames(
        named={"potential": "V.db", "energy": "E"},
        skipped=["x.db"],
        units={"potential": "Ha*"},
        meanings={"energy": "of the ground state"},
    )
    store = import_files(paths, tmp_path / "store.zarr", names, length=10.0)
    assert {name: field.shape for name, field in store.fields.items()} == {
        "potential": (64,),
        "energy": (),
    }
    assert store.fields["potential"].unit == "Ha*"
    assert store.fields["energy"].meaning == "of the ground state"
    np.testing.assert_array_equal(store.read("energy"), ARRAYS["E"])
    found = store.configuration
    assert (found["identity"], found["length"]) == ("potential", 10.0)
    assert found["fields"]["potential"]["from"] == "V.db"
    assert found["sources"][0] == {
        "name": "V.db",
        "sha256": hashlib.sha256(paths[0].read_bytes()).hexdigest(),
    }


def test_the_files_of_notebooks_need_no_mapping(tmp_path):
    files = as_pickles(tmp_path, {name: ARRAYS[name] for name in ("V", "density", "E")})
    store = import_files(files, tmp_path / "store.zarr")
    assert {name: field.unit for name, field in store.fields.items()} == {
        "potential": "Ha*",
        "density": "",
        "energy": "Ha*",
    }
    assert store.configuration["identity"] == "potential"
    written = export_files(store, tmp_path / "again")
    assert [path.name for path in written] == ["V.db", "density.db", "E.db"]
    for path, before in zip(written, files, strict=True):
        np.testing.assert_array_equal(
            pickle.loads(path.read_bytes()), pickle.loads(before.read_bytes())
        )
    with pytest.raises(StoreError, match="exists already; name another folder"):
        export_files(store, tmp_path / "again")
    names = FieldNames(named={"a": "V", "b": "density"}, skipped=["E"])
    other = import_files(files, tmp_path / "other.zarr", names)
    with pytest.raises(StoreError, match="has the fields a, b; only potential, density, energy"):
        export_files(other, tmp_path / "other")


def test_an_array_of_a_file_with_several_is_named_by_both(tmp_path):
    for name in ("one", "two"):
        np.savez(tmp_path / f"{name}.npz", V=ARRAYS["V"], E=ARRAYS["E"])
    paths = [tmp_path / "one.npz", tmp_path / "two.npz"]
    with pytest.raises(DataError, match=r"one.npz:V .* both be the field 'potential'"):
        import_files(paths, tmp_path / "store.zarr")
    names = FieldNames(named={"V2": "two.npz:V", "E2": f"{paths[1]}:E"})
    store = import_files(paths, tmp_path / "store.zarr", names)
    assert set(store.fields) == {"potential", "energy", "V2", "E2"}
    with pytest.raises(
        DataError, match=r"'V', the field 'a', means 2 arrays; there are: one.npz:V"
    ):
        import_files(paths, tmp_path / "other.zarr", FieldNames(named={"a": "V"}))


def test_an_array_in_groups_is_called_by_its_path_or_its_last_part(tmp_path):
    path = as_hdf5(tmp_path, ARRAYS)[0]
    names = FieldNames(named={"a": "run/V", "b": "E", "c": "all.h5:run/density"}, skipped=["image"])
    assert set(import_files([path], tmp_path / "store.zarr", names).fields) == {"a", "b", "c"}


def test_all_errors_are_reported_at_once_and_nothing_is_written(tmp_path):
    sick = ARRAYS["V"].copy()
    sick[3, 4], sick[7] = np.nan, np.inf
    arrays = {"V": sick, "E": ARRAYS["E"][:-1], "c": ARRAYS["V"] + 1j, "text": np.array(["a"] * 50)}
    paths = as_npy(tmp_path, {**arrays, "empty": np.zeros((0, 3)), "one": np.array(1.0)})
    (tmp_path / "evil.db").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    (tmp_path / "objects.npy").write_bytes(object_array())
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "cut.h5").write_bytes(b"\x89HDF\r\n\x1a\n and no more")
    (tmp_path / "folder").mkdir()
    more = ["evil.db", "objects.npy", "cut.npz", "cut.h5", "folder", "nowhere.npy"]
    paths += [tmp_path / name for name in more]
    names = FieldNames(named={"a-b": "E.npy", "gone": "gone.npy"}, units={"unknown": "m"})
    with pytest.raises(DataError) as caught:
        import_files(paths, tmp_path / "store.zarr", names, length=-1.0, identity="unknowable")
    told = str(caught.value)
    for error in (
        "asks for os.system",
        "objects.npy cannot be read",
        "cut.npz cannot be read",
        "cut.h5 cannot be read",
        "folder is a directory, but not a Zarr",
        "nowhere.npy cannot be read: there is no such file",
        "'a-b' cannot be the name",
        "'gone.npy', the field 'gone', means no array",
        "no field 'unknown'",
        "no field 'unknowable'",
        "length must be positive",
        "potential (V.npy) holds NaN or infinity in 2 of 50 samples",
        "c (c.npy) has type complex128",
        "text (text.npy) has type <U1",
        "empty (empty.npy) is empty",
        "one (one.npy) is a single number",
        "different numbers of samples: a-b 49, potential 50",
    ):
        assert error in told
    assert not (tmp_path / "store.zarr").exists()


def object_array():
    from io import BytesIO

    stream = BytesIO()
    array = np.empty(1, dtype=object)
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


@pytest.mark.parametrize("place", ["compressor", "filters"])
@pytest.mark.parametrize("codec", ["pickle", "json2", "vlen-utf8"])
def test_zarr_that_would_unpickle_is_refused(codec, place, tmp_path):
    path, proof = as_zarr_2(tmp_path, {"V": ARRAYS["V"]})[0], tmp_path / "proof"
    metadata = json.loads((path / "run" / "V" / ".zarray").read_text())
    metadata["compressor"], metadata["filters"] = None, None
    metadata[place] = {"id": codec} if place == "compressor" else [{"id": codec}]
    (path / "run" / "V" / ".zarray").write_text(json.dumps(metadata))
    for chunk in (path / "run" / "V").glob("[0-9]*"):
        chunk.write_bytes(b"cos\nsystem\n(S'touch " + str(proof).encode() + b"'\ntR.")
    with pytest.raises(DataError, match=r"is packed with|cannot be read"):
        import_files([path], tmp_path / "store.zarr")
    assert not proof.exists()


@pytest.mark.parametrize("codec", ["json2", "vlen-utf8", "pickle"])
def test_codecs_are_known_by_name_or_refused(codec, tmp_path):
    array = zarr.create_array(tmp_path / "V.zarr", data=ARRAYS["V"])
    found = array.metadata.to_dict()
    codecs = ({"name": "sharding_indexed", "configuration": {"codecs": [{"name": codec}]}},)

    class Strange:
        class metadata:  # noqa: N801 - as Zarr has it
            @staticmethod
            def to_dict():
                return {**found, "codecs": codecs}

    assert _packing("V", array, 8).codec == "zstd"
    with pytest.raises(DataError, match=f"V is packed with {codec}"):
        _packing("V", Strange, 8)


def test_hdf5_that_leads_to_other_files_is_refused(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["V"] = ARRAYS["V"]
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["linked"] = h5py.ExternalLink("other.h5", "V")
    with pytest.raises(DataError, match="holds no array"):
        import_files([tmp_path / "link.h5"], tmp_path / "store.zarr")
    layout = h5py.VirtualLayout(shape=(50, 64), dtype="f8")
    layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "V", shape=(50, 64))
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("V", layout)
    with pytest.raises(DataError, match="V keeps its values in other files"):
        import_files([tmp_path / "virtual.h5"], tmp_path / "store.zarr")


@pytest.mark.parametrize("write", [as_hdf5, as_zarr])
def test_damage_is_a_fault_like_others(write, tmp_path):
    path = write(tmp_path, {"V": ARRAYS["V"], "image": ARRAYS["image"]})[0]
    chunks = (each for each in (path / "run" / "image").rglob("[0-9]*") if each.is_file())
    damaged = path if path.is_file() else next(chunks)
    content = damaged.read_bytes()
    damaged.write_bytes(content[:-2000] + (bytes(2000) if path.is_file() else b""))
    with pytest.raises(DataError, match=r"(V|image) \(all.*cannot be read"):
        import_files([path], tmp_path / "store.zarr")


def test_a_store_is_no_source(tmp_path):
    store = import_files(as_npy(tmp_path, {"V": ARRAYS["V"]}), tmp_path / "store.zarr")
    with pytest.raises(DataError, match="is a data set of keras-qd already"):
        import_files([store.path], tmp_path / "again.zarr")


def test_again_the_same_changes_nothing_and_other_files_are_refused(tmp_path):
    paths = as_npy(tmp_path, {"V": ARRAYS["V"]})
    digest = import_files(paths, tmp_path / "store.zarr").digest()
    assert import_files(paths, tmp_path / "store.zarr").digest() == digest
    np.save(paths[0], ARRAYS["V"] + 1)
    with pytest.raises(UsageError, match="another configuration: sources"):
        import_files(paths, tmp_path / "store.zarr")
    assert open_store(tmp_path / "store.zarr").digest() == digest


#: Imports, and dies after the first shard has been written.
KILLED = """
import os, signal, sys
from keras_qd.data import import_files
import_files(sys.argv[1:2], sys.argv[2], progress=lambda *_: os.kill(os.getpid(), signal.SIGKILL))
"""


def test_killed_it_is_no_data_set_and_the_same_again_finishes_it(tmp_path):
    paths = as_npy(tmp_path, {"V": RNG.normal(size=(5000, 64))})
    arguments = [sys.executable, "-c", KILLED, str(paths[0]), str(tmp_path / "store.zarr")]
    assert subprocess.run(arguments, check=False).returncode == -9
    half = open_store(tmp_path / "store.zarr")
    assert 0 < half.n_finished < 5000
    with pytest.raises(StoreError, match=r"not finished: .* 'keras-qd import'"):
        half.read("potential")
    whole = import_files(paths, tmp_path / "whole.zarr")
    assert import_files(paths, tmp_path / "store.zarr").digest() == whole.digest()
