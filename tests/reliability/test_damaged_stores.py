"""Damaged stores: never silently wrong, always said in one line, and repaired to the same bits."""

import contextlib
import json
import random
import shutil

import google_crc32c
import numpy as np
import pytest
import zarr

from keras_qd.data import Field, open_store, write_store
from keras_qd.data.store import writer
from keras_qd.data.store.description import check_root, read_description
from keras_qd.data.store.location import locate
from keras_qd.errors import StoreError, UsageError
from tests.reliability import bounded
from tests.reliability.stores import (
    N_SAMPLES,
    inspect,
    make,
    read_root,
    remove,
    repair,
    seal,
    write,
)

ARRAYS = ("picture", "density", "energy", "fingerprint")
#: What may happen to a file: its content becomes that, or it is gone, or a folder.
DAMAGE = {
    "gone": lambda content: None,
    "empty": lambda content: b"",
    "halved": lambda content: content[: len(content) // 2],
    "one byte short": lambda content: content[:-1],
    "one bit": lambda content: flipped(content, random.Random(len(content))),
    "zeros": lambda content: bytes(len(content)),
    "noise": lambda content: random.Random(1).randbytes(len(content)),
    "longer": lambda content: content + b"\0",
    "a folder": lambda content: ...,
}


@pytest.fixture(scope="module", autouse=True)
def small_shards():
    """Let a shard hold four samples."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(writer, "shard_size", lambda fields: 4)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory, small_shards):
    """Return a finished store, which nobody changes, and its digest."""
    path = tmp_path_factory.mktemp("whole") / "data.zarr"
    return path, write(path).digest()


@pytest.fixture
def store(tmp_path, whole):
    """Return the path of a copy."""
    return shutil.copytree(whole[0], tmp_path / "data.zarr")


def flipped(content, generator):
    """Return content with one bit flipped."""
    changed = bytearray(content)
    changed[generator.randrange(len(changed))] ^= 1 << generator.randrange(8)
    return bytes(changed)


def damage(path, kind):
    """Damage a file."""
    content = DAMAGE[kind](path.read_bytes())
    path.unlink()
    if content is ...:
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)


def chunk(path, name, number=1):
    """Return the file of one chunk."""
    return next(
        each
        for each in (path / name / "c" / str(number), *(path / name / "c" / str(number)).rglob("*"))
        if each.is_file()
    )


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("name", ARRAYS)
def test_a_damaged_chunk_is_never_read(store, whole, name, kind):
    damage(chunk(store, name), kind)
    with pytest.raises(StoreError, match=f"{name} of samples 4 to 7 is damaged"):
        open_store(store).read(name)
    np.testing.assert_array_equal(
        open_store(store).read(name, np.arange(4)), open_store(whole[0]).read(name, np.arange(4))
    )
    assert open_store(store).damaged() == [1]
    inspect(store, r"samples 4-7 do not match.*run the same", "--verify")
    if name != "fingerprint":
        inspect(store, f"{name} of samples 4 to 7 is damaged.*run the same")
    repair(store, whole[1])


@pytest.mark.parametrize("name", ARRAYS[1:])
def test_a_sound_chunk_of_other_samples_is_found_by_verifying(store, whole, name):
    shutil.copyfile(chunk(store, name, 0), chunk(store, name, 1))
    assert open_store(store).damaged() == [1]
    inspect(store, "samples 4-7 do not match their checksums", "--verify")
    repair(store, whole[1])


@pytest.mark.parametrize("kind", [kind for kind in DAMAGE if kind not in ("gone", "a folder")])
def test_an_unreadable_row_is_an_unfinished_shard(store, whole, kind):
    damage(chunk(store, "manifest"), kind)
    found = open_store(store)
    assert (found.n_finished, found.unfinished(), found.digest()) == (6, [1], None)
    with pytest.raises(StoreError, match="6 of 10 samples"):
        found.read("energy")
    inspect(store, "samples 4-7 have no readable checksum; run the same")
    repair(store, whole[1])


@pytest.mark.parametrize("row", [b"\xff" * 40, (5).to_bytes(8, "little") + bytes(32)])
def test_a_row_of_more_samples_than_a_shard_has_is_unreadable(store, whole, row):
    zarr.open_group(store)["manifest"][1] = np.frombuffer(row, "uint8")
    inspect(store, "samples 4-7 have no readable checksum")
    repair(store, whole[1])


@pytest.mark.parametrize(
    ("lost", "said"),
    [
        ("manifest", "description of manifest"),
        ("fingerprint", "description of fingerprint"),
        ("density", "description of density"),
        ("picture", "description of picture"),
        ("fingerprint/c", "samples 0-3, 4-7, 8-9 do not match"),
        ("density/c", "density of samples 0 to 3 is damaged"),
        ("picture/c", "picture of samples 0 to 3 is damaged"),
    ],
)
def test_a_lost_folder_is_named_and_restored(store, whole, lost, said):
    remove(store / lost)
    inspect(store, f"{said}.*run the same", *(["--verify"] if lost == "fingerprint/c" else []))
    repair(store, whole[1])


def test_a_lost_manifest_is_an_unfinished_store(store, whole):
    remove(store / "manifest" / "c")
    assert open_store(store).n_finished == 0
    with pytest.raises(StoreError, match="0 of 10 samples"):
        open_store(store).read("energy")
    repair(store, whole[1])


@pytest.mark.parametrize("kind", [*DAMAGE, "deep", "a list", "a bomb of lists"])
@pytest.mark.parametrize("name", ["density", "manifest"])
def test_damaged_metadata_of_an_array_are_named_and_restored(store, whole, name, kind):
    file = store / name / "zarr.json"
    texts = {"deep": "[" * 100_000, "a list": "[1]", "a bomb of lists": "[" * 999 + "]" * 999}
    if kind in texts:
        file.write_text(texts[kind])
    else:
        damage(file, kind)
    inspect(store, f"description of {name} .*run the same")
    repair(store, whole[1])


@pytest.mark.parametrize("kind", [*DAMAGE, "deep", "text"])
def test_a_damaged_root_is_refused_everywhere_and_left_alone(store, kind):
    file = store / "zarr.json"
    if kind in ("deep", "text"):
        file.write_text({"deep": '{"a":' * 50_000, "text": "not JSON"}[kind])
    else:
        damage(file, kind)
    inspect(store, "holds no Zarr group|is damaged|checksum|not a keras-qd")
    with pytest.raises(StoreError):
        write(store)


def errors_of_labels(**changes):
    """Return what a description has of the errors of one label."""
    right = {"asked": 1, "samples": 1, "errors": {"energy": [0.0]}, "units": {"energy": "Ha*"}}
    return {**right, **changes}


#: An entry of the description -> values that it cannot have.
IMPOSSIBLE = {
    "schema_version": [None, "2", 0, -1, 2.0, True, 10**30, 99, 1],
    "package_version": [None, 3, ["1"]],
    "origins": [None, [], {"a": 1}],
    "configuration": [None, [], "kind"],
    "samples": [0, -1, 10**30, 1.5, "10", None, True],
    "shard_samples": [0, -4, 10**30, "4", None],
    "fields": [
        [], None, "energy", ["energy", "energy"], ["energy", 1], ["../secret"], ["a/b"],
        ["manifest"], [".hidden"], ["zarr.json"], ["a\x1b[31m"], ["a" * 1000], {},
    ],
    "arrays": [None, [], {"energy": 1}, {"energy": "0" * 63}],
    "label_error": [1, {}, errors_of_labels(samples=2), errors_of_labels(units={})],
    "refused": [-1, "none", 0.5],
}  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "value"), [(name, each) for name, values in IMPOSSIBLE.items() for each in values]
)
def test_impossible_entries_are_refused_though_the_checksum_is_right(store, entry, value):
    document, entries = read_root(store)
    entries[entry] = value
    (store / "zarr.json").write_text(seal(document))
    inspect(store, "expected|unusable|schema version|more than|missing or damaged")
    with pytest.raises(StoreError):
        open_store(store)


CHANGES = {
    "a setting": lambda found: found["configuration"].update(box_length=20.0),
    "a seed": lambda found: found["configuration"].update(seed=4),
    "a new setting": lambda found: found["configuration"].update(more=1),
    "fewer samples": lambda found: found.update(samples=8),
    "other shards": lambda found: found.update(shard_samples=5),
    "another version": lambda found: found.update(package_version="9"),
    "a label error": lambda found: found.update(label_error=errors_of_labels()),
    "a field less": lambda found: found["fields"].remove("energy"),
    "a new entry": lambda found: found.update(note="hello"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_description_does_not_match_its_checksum(store, change):
    document, entries = read_root(store)
    CHANGES[change](entries)
    (store / "zarr.json").write_text(json.dumps(document))
    inspect(store, "does not match its checksum.*restore", "--verify")
    with pytest.raises(StoreError, match="does not match its checksum"):
        write(store)


@pytest.mark.parametrize("change", ["a setting", "a seed"])
def test_settings_are_under_the_digest_too(store, whole, change):
    document, entries = read_root(store)
    CHANGES[change](entries)
    (store / "zarr.json").write_text(seal(document))
    assert open_store(store).digest() != whole[1]
    with pytest.raises(UsageError, match="data of another configuration"):
        write(store)


@pytest.mark.parametrize(
    ("key", "value"),
    [("unit", "meV"), ("meaning", "another"), ("limits", [0, 1]), ("nullable", True)],
)
def test_changed_fields_are_found(store, whole, key, value):
    file = store / "density" / "zarr.json"
    document = json.loads(file.read_text())
    document["attributes"][key] = value
    file.write_text(json.dumps(document))
    inspect(store, "description of density .* damaged")
    repair(store, whole[1])


def test_every_flipped_bit_of_the_root_is_found(store):
    content = (store / "zarr.json").read_bytes()
    assert check_root(locate(store), content)["samples"] == N_SAMPLES
    passed = []
    for number in range(8 * len(content)):
        changed = bytearray(content)
        changed[number // 8] ^= 1 << number % 8
        with contextlib.suppress(StoreError):
            passed.append((number, check_root(locate(store), bytes(changed))))
    assert not passed


@pytest.mark.parametrize("name", ["picture", "density", "energy", "fingerprint", "manifest"])
def test_flipped_bits_of_the_metadata_of_arrays_are_found(store, name):
    location, file = locate(store), store / name / "zarr.json"
    content, generator = file.read_bytes(), random.Random(5)
    for _ in range(400):
        file.write_bytes(flipped(content, generator))
        if read_description(location).lost != [name]:  # it is a longer array, which --verify finds
            assert open_store(store).find_damage([])


def test_an_array_that_is_too_long_is_found(store, whole):
    file = store / "density" / "zarr.json"
    document = json.loads(file.read_text())
    document["shape"][0] = 10**15
    file.write_text(json.dumps(document))
    inspect(store, "density has length 1000000000000000, not 10")
    repair(store, whole[1])


def test_an_array_that_is_too_short_is_restored(store, whole):
    file = store / "density" / "zarr.json"
    document = json.loads(file.read_text())
    document["shape"][0] = 9
    file.write_text(json.dumps(document))
    inspect(store, "description of density")
    repair(store, whole[1])


@pytest.mark.parametrize("name", ["density/c/1/0/0", "zarr.json", "density/zarr.json"])
def test_a_file_of_8_gigabytes_is_not_read(store, name):
    with (store / name).open("r+b") as file:
        file.truncate(2**33)
    with bounded(), pytest.raises(StoreError, match=r"larger than any block|more than \d+ bytes"):
        open_store(store).read("density")


def test_a_chunk_that_claims_gigabytes_is_not_unfolded(store, whole):
    file = chunk(store, "density")
    content = bytearray(file.read_bytes())
    content[4:8] = (2**31 - 1).to_bytes(4, "little")
    content[-4:] = google_crc32c.value(bytes(content[:-4])).to_bytes(4, "little")
    file.write_bytes(content)
    with bounded(n_bytes=2**28), pytest.raises(StoreError, match="claims more than a block has"):
        open_store(store).read("density")
    repair(store, whole[1])


@pytest.mark.parametrize("name", ["a/b", "..", "a.partial", "manifest", ""])
def test_names_that_no_store_can_have_are_refused_at_once(tmp_path, name):
    with pytest.raises(UsageError, match="cannot be the name of a field"):
        write_store(tmp_path / "data.zarr", {name: Field(())}, make, {}, n_samples=3)
    assert not (tmp_path / "data.zarr").exists()


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_damaged_nothing_wrong_is_read(store, whole, seed):
    generator = random.Random(seed)
    files = sorted(each for each in store.rglob("*") if each.is_file() and each.parent != store)
    for file in generator.sample(files, 4):
        damage(file, generator.choice(["gone", "empty", "halved", "one bit", "noise"]))
    try:
        values = {name: open_store(store).read(name) for name in ARRAYS[:3]}
    except StoreError:
        values = {}
    for name, found in values.items():
        np.testing.assert_array_equal(found, make(range(N_SAMPLES))[name].astype(found.dtype))
    repair(store, whole[1])
