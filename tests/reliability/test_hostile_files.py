"""Hostile files: bombs, lies about sizes, links; refused within time and memory."""

import bz2
import io
import json
import lzma
import os
import struct
import zipfile
import zlib

import h5py
import numpy as np
import pytest
import tifffile
import zarr
from numcodecs import GZip, Zlib
from PIL import Image

from keras_qd.compression import _read as read_compressed
from keras_qd.data import import_files
from keras_qd.data.io.sizes import check_packed, unfolding_to
from keras_qd.data.mnist import read_mnist
from keras_qd.errors import DataError
from tests.command import call
from tests.reliability import bounded, refuse

#: What a bomb unfolds to: far more memory than a test may use.
HUGE = 8 * 2**30


def zeros_deflated(n_bytes, wbits=15):
    """Return so many zeros in the format of zlib, without having them in memory."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    block = bytes(2**22)
    parts = [packer.compress(block) for _ in range(n_bytes // len(block))]
    return b"".join([*parts, packer.flush()])


@pytest.fixture(scope="module")
def bomb():
    """Return 128 MB of zeros, packed into 128 kB."""
    return zeros_deflated(2**27)


def npy_header(shape, dtype="<f8", order=False, version=(1, 0)):
    """Return the beginning of an .npy file that claims a shape."""
    text = f"{{'descr': {dtype!r}, 'fortran_order': {order}, 'shape': {shape}, }}"
    return npy_text(text, version)


def npy_text(text, version=(1, 0)):
    """Return the beginning of an .npy file with any header."""
    content = text.encode("latin1") + b"\n"
    length = struct.pack("<H" if version == (1, 0) else "<I", len(content))
    return b"\x93NUMPY" + bytes(version) + length + content


#: Name -> content of an .npy file.
NPY = {
    "a negative axis": npy_header("(-1, 16, 16)") + bytes(2048),
    "two negative axes": npy_header("(-4, -64)") + bytes(2048),
    "more than it holds": npy_header("(1000,)") + bytes(2048),
    "less than it holds": npy_header("(10,)") + bytes(2048),
    "1e30 samples": npy_header(f"({10**30},)") + bytes(2048),
    "axes whose product overflows": npy_header(f"({2**32}, {2**32}, 1)") + bytes(8),
    "a product that wraps to what it holds": npy_header(f"({2**61}, 8, 1)", "<f8") + bytes(64),
    "1000 axes": npy_header("(" + "1, " * 1000 + ")") + bytes(8),
    "objects": npy_header("(1,)", "|O") + b"cos\nsystem\n(S'true'\ntR.",
    "subarrays": npy_header("(1,)", "(1000000000,)f8") + bytes(64),
    "no dictionary": npy_text("[1, 2]") + bytes(8),
    "code": npy_text("__import__('os').system('true')") + bytes(8),
    "deep brackets": npy_text("(" * 5000) + bytes(8),
    "a long header": npy_text("{" + " " * 60_000) + bytes(8),
    "a header beyond the end": b"\x93NUMPY\x02\0\xff\xff\xff\x7f" + bytes(100),
    "an unknown version": b"\x93NUMPY\x09\x09" + bytes(100),
    "nothing after the magic": b"\x93NUMPY",
    "zero-size numbers": npy_header("(1000000000000,)", "|V0"),
    "text": npy_header("(1,)", "<U1000000000") + bytes(64),
}


@pytest.mark.parametrize("kind", NPY)
def test_npy(tmp_path, kind):
    path = tmp_path / "data.npy"
    path.write_bytes(NPY[kind])
    refuse("import", path, "--out", tmp_path / "out.zarr", folder=tmp_path, match="data.npy")


def npz(path, members, compression=zipfile.ZIP_DEFLATED):
    """Write an archive."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def npz_bomb(path):
    """Write gigabytes of zeros as an archive of some megabytes, in the way that NumPy does."""
    size = 6 * 2**30
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        # One member of 64 MB, which the directory then lists a hundred times under other names.
        with archive.open("x0.npy", "w") as file:
            file.write(npy_header(f"({2**23},)"))
            for _ in range(16):
                file.write(bytes(2**22))
        first = archive.filelist[0]
        for number in range(1, size // 2**26):
            copied = zipfile.ZipInfo(f"x{number}.npy")
            for key in ("header_offset", "compress_size", "file_size", "CRC", "compress_type"):
                setattr(copied, key, getattr(first, key))
            archive.filelist.append(copied)


def overlapping(path):
    """Write an archive whose members are one and the same."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", npy_header("(8,)") + bytes(64))
        first = archive.filelist[0]
        for number in range(50):
            copied = zipfile.ZipInfo(f"x{number}.npy")
            for key in ("header_offset", "compress_size", "file_size", "CRC", "compress_type"):
                setattr(copied, key, getattr(first, key))
            archive.filelist.append(copied)


def declared(path, size):
    """Write an archive whose member claims another size than it unfolds to."""
    npz(path, {"x.npy": npy_header(f"({2**20},)") + bytes(2**23)})
    content = path.read_bytes()
    true = struct.pack("<I", 2**23 + len(npy_header(f"({2**20},)")))
    assert content.count(true) == 2
    path.write_bytes(content.replace(true, struct.pack("<I", size)))


NPZ = {
    "a bomb": npz_bomb,
    "members that overlap": overlapping,
    "a size that is too small": lambda path: declared(path, 1000),
    "a size that is too large": lambda path: declared(path, 2**32 - 2),
    "a header that claims more": lambda path: npz(path, {"x.npy": npy_header("(999,)") + bytes(8)}),
    "1e30 samples": lambda path: npz(path, {"x.npy": npy_header(f"({10**30},)") + bytes(8)}),
    "a negative axis": lambda path: npz(
        path, {"x.npy": npy_header("(-1, 2)") + bytes(64)}, zipfile.ZIP_STORED
    ),
    "objects": lambda path: npz(path, {"x.npy": npy_header("(1,)", "|O") + b"cos\nsystem\n."}),
    "a name that leads out": lambda path: npz(path, {"../../x.npy": npy_header("(1,)") + bytes(9)}),
    "30,000 members": lambda path: npz(
        path, {f"{number}.npy": b"" for number in range(30_000)}, zipfile.ZIP_STORED
    ),
    "no array": lambda path: npz(path, {"readme.txt": b"hello"}),
    "nothing": lambda path: path.write_bytes(b"PK\x05\x06" + bytes(18)),
}


@pytest.mark.parametrize("kind", NPZ)
def test_npz(tmp_path, kind):
    path = tmp_path / "data.npz"
    NPZ[kind](path)
    refuse("import", path, "--out", tmp_path / "out.zarr", folder=tmp_path, match="data.npz")


def unwritten(path, **settings):
    with h5py.File(path, "w") as file:
        file.create_dataset("x", dtype="f8", **settings)


def hdf5_chunk(path, content, n_filters=1):
    """Write a data set of one block of a megabyte, which is `content` on the disk."""
    with h5py.File(path, "w") as file:
        plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plan.set_chunk((2**17,))
        for _ in range(n_filters):
            plan.set_deflate(4)
        space = h5py.h5s.create_simple((2**17,))
        made = h5py.h5d.create(file.id, b"x", h5py.h5t.NATIVE_DOUBLE, space, plan)
        made.write_direct_chunk((0,), content)


HDF5 = {
    "1e18 unwritten samples": lambda path, bomb: unwritten(path, shape=(10**18,), chunks=(1024,)),
    "1e10 unwritten samples of 1e8": lambda path, bomb: unwritten(
        path, shape=(10**10, 10**8), chunks=(1, 1024)
    ),
    "a few unwritten samples": lambda path, bomb: unwritten(path, shape=(10, 4)),
    "a huge block": lambda path, bomb: unwritten(
        path, shape=(2**28 + 10,), chunks=(2**28,), compression="gzip"
    ),
    "a bomb of zlib": lambda path, bomb: hdf5_chunk(path, bomb),
    "a bomb in a bomb": lambda path, bomb: hdf5_chunk(path, zlib.compress(bomb), 2),
    "a soft link out": lambda path, bomb: linked(path),
    "half a file": lambda path, bomb: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(500)),
}


def linked(path):
    with h5py.File(path, "w") as file:
        file["x"] = h5py.ExternalLink("/etc/passwd", "x")


@pytest.mark.parametrize("kind", HDF5)
def test_hdf5(tmp_path, bomb, kind):
    path = tmp_path / "data.h5"
    HDF5[kind](path, bomb)
    refuse("import", path, "--out", tmp_path / "out.zarr", folder=tmp_path, match="data.h5")


def zarr_3(path, shape=(1000,), chunks=(1000,), content=None, codecs=None, **settings):
    """Write an array with the file of its first block, and any codecs."""
    zarr.create_array(path, shape=shape, chunks=chunks, dtype="f8", **settings)
    if codecs is not None:
        document = json.loads((path / "zarr.json").read_text())
        document["codecs"] = codecs
        (path / "zarr.json").write_text(json.dumps(document))
    if content is not None:
        (path / "c").mkdir()
        (path / "c" / "0").write_bytes(content)


def zarr_2(path, compressor, content):
    zarr.create_array(
        path, shape=(1000,), chunks=(1000,), dtype="f8", zarr_format=2, compressors=compressor
    )
    (path / "0").write_bytes(content)


def codec(name, **settings):
    return {"name": name, "configuration": settings}


BYTES = codec("bytes", endian="little")


def zstd_header(size):
    """Return a frame that declares a size."""
    return b"\x28\xb5\x2f\xfd\xe0" + struct.pack("<Q", size) + bytes(64)


def sharded(path, bomb):
    inner = [BYTES, codec("gzip", level=1)]
    index = [BYTES, {"name": "crc32c"}]
    zarr_3(
        path,
        codecs=[codec("sharding_indexed", chunk_shape=[500], codecs=inner, index_codecs=index)],
    )
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    content = packed.compress(bytes(2**26)) + packed.flush()
    entry = struct.pack("<QQ", 0, len(content)) * 2
    import google_crc32c

    (path / "c").mkdir()
    (path / "c" / "0").write_bytes(content + entry + struct.pack("<I", google_crc32c.value(entry)))


def deep(path, bomb):
    path.mkdir()
    (path / "zarr.json").write_text('{"a":' * 100_000)


def large_metadata(path, bomb):
    path.mkdir()
    with (path / "zarr.json").open("wb") as file:
        file.truncate(2**33)


def piped(path, bomb):
    zarr_3(path)
    (path / "c").mkdir()
    os.mkfifo(path / "c" / "0")


def linked_out(path, bomb):
    zarr_3(path)
    secret = path.parent / "secret"
    secret.write_bytes(bytes(8000))
    (path / "c").mkdir()
    (path / "c" / "0").symlink_to(secret)


def linked_folder(path, bomb):
    group = zarr.create_group(path)
    elsewhere = path.parent / "elsewhere"
    zarr.create_array(elsewhere, data=np.ones(10))
    assert group is not None
    (path / "x").symlink_to(elsewhere)


ZARR = {
    "1e30 unwritten samples": lambda path, bomb: zarr_3(path, (10**30,), (1000,)),
    "1e9 unwritten samples of 1e9": lambda path, bomb: zarr_3(path, (10**9, 10**9), (1, 1000)),
    "a few unwritten samples": lambda path, bomb: zarr_3(path),
    "a huge block": lambda path, bomb: zarr_3(path, (10**6,), (10**12,), b"x" * 10**6),
    "a bomb of gzip": lambda path, bomb: zarr_3(
        path, content=gzipped(bomb), codecs=[BYTES, codec("gzip", level=1)]
    ),
    "a bomb of zlib, version 2": lambda path, bomb: zarr_2(path, Zlib(), bomb),
    "a bomb of gzip, version 2": lambda path, bomb: zarr_2(path, GZip(), gzipped(bomb)),
    "a bomb in a bomb": lambda path, bomb: zarr_3(
        path,
        content=zlib.compress(bomb),
        codecs=[BYTES, codec("numcodecs.zlib", level=1), codec("numcodecs.zlib", level=1)],
    ),
    "zstd that claims a terabyte": lambda path, bomb: zarr_3(
        path, content=zstd_header(2**40), codecs=[BYTES, codec("zstd", level=1, checksum=False)]
    ),
    "blosc that claims a gigabyte": lambda path, bomb: zarr_3(
        path,
        content=b"\x02\x01\x01\x08" + struct.pack("<III", 2**31 - 1, 2**20, 64) + bytes(48),
        codecs=[BYTES, codec("blosc", cname="lz4", clevel=1, shuffle="noshuffle", typesize=8,
                             blocksize=0)],
    ),
    "a bomb in a shard": sharded,
    "deep metadata": deep,
    "metadata of 8 GB": large_metadata,
    "a pipe": piped,
    "a link to a file outside": linked_out,
    "a link to a folder outside": linked_folder,
    "a link to a device": lambda path, bomb: (
        zarr_3(path), (path / "c").mkdir(), (path / "c" / "0").symlink_to("/dev/zero")
    ),
    "a negative shape": lambda path, bomb: edited(path, shape=[-10]),
    "a shape of text": lambda path, bomb: edited(path, shape="big"),
    "no codecs": lambda path, bomb: edited(path, codecs=None),
    "an unknown type": lambda path, bomb: edited(path, data_type="os.system"),
    "a block of nothing": lambda path, bomb: edited(
        path, chunk_grid={"name": "regular", "configuration": {"chunk_shape": [0]}}
    ),
}  # fmt: skip


def gzipped(packed):
    """Return what is packed by zlib in the format of gzip, with a checksum that is wrong."""
    return b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + packed[2:-4] + bytes(8)


def edited(path, **changes):
    zarr_3(path, content=bytes(8000))
    document = json.loads((path / "zarr.json").read_text()) | changes
    (path / "zarr.json").write_text(json.dumps(document))


@pytest.mark.parametrize("kind", ZARR)
def test_zarr(tmp_path, bomb, kind):
    path = tmp_path / "data.zarr"
    ZARR[kind](path, bomb)
    refuse("import", path, "--out", tmp_path / "out.zarr", folder=None, match="data")
    assert not (tmp_path / "out.zarr").exists()


def png(path, width, height, mode=0, data=b""):
    """Write an image of any size with little in it."""

    def part(name, content):
        return (
            struct.pack(">I", len(content))
            + name
            + content
            + struct.pack(">I", zlib.crc32(name + content))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, mode, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", data) + part(b"IEND", b"")
    )


def tiff(path, tags, packed=b""):
    """Write a TIFF with tags (number -> value), and data at its end."""
    start = 8 + 2 + 12 * (len(tags) + 2) + 4
    entries = {**tags, 273: start, 279: len(packed)}
    listed = b"".join(struct.pack("<HHII", key, 4, 1, entries[key]) for key in sorted(entries))
    path.write_bytes(
        b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + listed + bytes(4) + packed
    )


GREY = {258: 8, 262: 1, 277: 1}
IMAGES = {
    "a PNG of 10 gigapixels": ("png", lambda path, bomb: png(path, 100_000, 100_000)),
    "a PNG of a bomb's size": ("png", lambda path, bomb: png(path, 2**15, 2**14, 0, bomb)),
    "a PNG without pixels": ("png", lambda path, bomb: png(path, 0, 0)),
    "a PNG cut short": ("png", lambda path, bomb: png(path, 100, 100, 0, zlib.compress(b"x"))),
    "a TIFF of 10 gigapixels": (
        "tif",
        lambda path, bomb: tiff(path, {256: 10**5, 257: 10**5, 259: 1, 278: 10**5, **GREY}),
    ),
    "a TIFF with a bomb": (
        "tif", lambda path, bomb: tiff(path, {256: 64, 257: 64, 259: 8, 278: 64, **GREY}, bomb),
    ),
    "a TIFF of nothing": ("tif", lambda path, bomb: path.write_bytes(b"II*\0\xff\xff\xff\xff")),
    "a TIFF that leads to itself": (
        "tif", lambda path, bomb: path.write_bytes(b"II*\0\x08\0\0\0\0\0\x08\0\0\0"),
    ),
    "a BMP of 4 gigapixels": (
        "bmp",
        lambda path, bomb: path.write_bytes(
            b"BM" + struct.pack("<IIIIiiHHI", 54, 0, 54, 40, 65535, 65535, 1, 8, 0) + bytes(20)
        ),
    ),
    "a PGM of 1e18 pixels": (
        "pgm", lambda path, bomb: path.write_bytes(b"P5 1000000000 1000000000 255 x"),
    ),
    "a pipe": ("png", lambda path, bomb: os.mkfifo(path)),
}  # fmt: skip


@pytest.mark.parametrize("kind", IMAGES)
def test_images(tmp_path, bomb, kind):
    suffix, make = IMAGES[kind]
    for side in "AB":
        (tmp_path / side).mkdir()
        make(tmp_path / side / f"one.{suffix}", bomb)
    arguments = ("--a", tmp_path / "A", "--b", tmp_path / "B", "--out", tmp_path / "out.zarr")
    refuse("prepare", *arguments, match=rf"one\.{suffix}")
    assert not (tmp_path / "out.zarr").exists()


PICKLES = {
    "nested lists": b"\x80\x04" + b"]" * 100_000 + b".",
    "a memo of 4 billion": b"\x80\x04]r\xff\xff\xff\xff.",
    "a length beyond the end": b"\x80\x04B\xff\xff\xff\x7fabc.",
    "lists that double": b"\x80\x04]\x94" + b"".join(
        b"](h%ch%ce\x94" % (n, n) for n in range(60)
    ) + b".",
    "a call": b"cos\nsystem\n(S'true'\ntR.",
    "a pipe": None,
    "a device": None,
}  # fmt: skip


@pytest.mark.parametrize("kind", PICKLES)
def test_pickles(tmp_path, kind):
    path = tmp_path / "data.db"
    if kind == "a pipe":
        os.mkfifo(path)
    elif kind == "a device":
        path.symlink_to("/dev/zero")
    else:
        path.write_bytes(PICKLES[kind])
    refuse("import", path, "--out", tmp_path / "out.zarr", match=r"data\.db")
    assert not (tmp_path / "out.zarr").exists()


def test_a_sparse_file_of_a_terabyte_is_not_read(tmp_path):
    path = tmp_path / "data.db"
    with path.open("wb") as file:
        file.truncate(2**40)
    refuse("import", path, "--out", tmp_path / "out.zarr", match="--max-gigabytes 1100")


@pytest.mark.parametrize("kind", ["a bomb", "a size that is too large", "objects"])
def test_compressed_images(tmp_path, kind):
    path = tmp_path / "images.kqd"
    NPZ[kind](path)
    with bounded(), pytest.raises(DataError, match="damaged"):
        read_compressed(path)


@pytest.mark.parametrize("name", ["digits.csv.gz", "digits.npz", "folder"])
def test_mnist(tmp_path, name):
    content = gzip_of(bytes(2**24))
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
        (path / "train-images-idx3-ubyte.gz").write_bytes(content)
    elif name == "digits.npz":
        npz_bomb(path)
    else:
        path.write_bytes(content)
    message = "allow it with --max-gigabytes"
    with bounded(), unfolding_to(2**26), pytest.raises(DataError, match=message):
        read_mnist(path)


def test_the_limit_can_be_raised(tmp_path):
    path = tmp_path / "data.npz"
    np.savez_compressed(path, x=np.zeros((1000, 100)))
    arguments = ("import", path, "--out", tmp_path / "out.zarr", "--max-gigabytes")
    refuse(*arguments, "0.0001", folder=tmp_path, match="allow it with --max-gigabytes 1$")
    assert call(*arguments, "1").code == 0


def test_the_limit_holds_for_images(tmp_path):
    Image.new("L", (2000, 1000)).save(tmp_path / "one.png")
    with unfolding_to(16 * 10**6), pytest.raises(DataError, match="would take 2000000 bytes"):
        import_pairs(tmp_path)


def import_pairs(folder):
    from keras_qd.data import prepare_pairs

    return prepare_pairs(folder / "out.zarr", folder)


def test_what_is_right_comes_in_whatever_it_is_packed_with(tmp_path):
    values = np.random.default_rng(0).normal(size=(100, 8))
    group = zarr.create_group(tmp_path / "all.zarr")
    packed = {"zstd": "auto", "gzip": zarr.codecs.GzipCodec(), "blosc": zarr.codecs.BloscCodec()}
    for name, compressors in packed.items():
        group.create_array(name, data=values, chunks=(30, 8), compressors=compressors)
        group.create_array(
            f"{name}_sharded", data=values, chunks=(10, 8), shards=(50, 8), compressors=compressors
        )
    with h5py.File(tmp_path / "all.h5", "w") as file:
        for name in ("gzip", "lzf"):
            file.create_dataset(f"h5_{name}", data=values, compression=name, shuffle=True)
    store = import_files([tmp_path / "all.zarr", tmp_path / "all.h5"], tmp_path / "out.zarr")
    assert len(store.fields) == 8
    for name in store.fields:
        np.testing.assert_array_equal(store.read(name), values)


@pytest.mark.parametrize(
    ("codec", "pack"), [("zlib", zlib.compress), ("bz2", bz2.compress), ("lzma", lzma.compress)]
)
def test_a_block_may_have_what_it_should_and_no_more(codec, pack):
    packed = pack(bytes(10**6))
    check_packed("x", codec, packed, 10**6)
    with pytest.raises(DataError, match="unfolds to more"):
        check_packed("x", codec, packed, 10**6 - 1)
    with pytest.raises(DataError, match="unfolds to more"):
        check_packed("x", "gzip", 2 * gzip_of(bytes(600)), 1000)  # two members


def gzip_of(content):
    import gzip

    return gzip.compress(content)


def test_a_tiff_that_is_right_is_read(tmp_path):
    values = np.arange(64 * 64, dtype="uint8").reshape(64, 64)
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, compression="zlib")
    for side in "AB":
        (tmp_path / side).mkdir()
        (tmp_path / side / "one.tif").write_bytes(stream.getvalue())
    np.testing.assert_array_equal(import_pairs(tmp_path).read("input")[0], values)
