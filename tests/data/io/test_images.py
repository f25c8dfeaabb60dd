"""Images are read exactly as they are, or refused with a reason."""

import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image

from keras_qd.data.io.images import read_image
from keras_qd.errors import DataError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 8)).astype("uint8")
RGB = RNG.integers(0, 256, (6, 8, 3)).astype("uint8")
DEEP = RNG.integers(0, 2**16, (6, 8)).astype("uint16")
DEEP_RGB = RNG.integers(0, 2**16, (6, 8, 3)).astype("uint16")
FLOATS = RNG.normal(size=(6, 8)).astype("float32")


@pytest.mark.parametrize(
    ("suffix", "image"),
    [
        (".png", GREY),
        (".png", RGB),
        (".png", DEEP),
        (".bmp", GREY),
        (".bmp", RGB),
        (".pgm", GREY),
        (".pgm", DEEP),
        (".ppm", RGB),
        (".tif", GREY),
        (".TIFF", RGB),
        (".tif", DEEP),
        (".tif", DEEP_RGB),
        (".tif", FLOATS),
        (".tif", FLOATS.astype("float64")),
        (".tif", np.stack([FLOATS] * 3, axis=-1)),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.dtype}-{value.ndim}",
)
def test_nothing_is_lost(suffix, image, tmp_path):
    path = tmp_path / f"image{suffix}"
    if suffix.lower().startswith(".tif"):
        tifffile.imwrite(path, image, photometric="rgb" if image.ndim == 3 else "minisblack")
    else:
        Image.fromarray(image).save(path)
    found = read_image(path)
    assert found.dtype == image.dtype
    np.testing.assert_array_equal(found, image)


@pytest.mark.parametrize("compression", ["zlib", None])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_tiff_of_any_layout(byteorder, compression, tmp_path):
    path = tmp_path / "image.tif"
    planes = np.moveaxis(DEEP_RGB, -1, 0)
    settings = {"byteorder": byteorder, "compression": compression, "photometric": "rgb"}
    tifffile.imwrite(path, planes, planarconfig="separate", **settings)
    np.testing.assert_array_equal(read_image(path), DEEP_RGB)


def test_black_and_white_and_palettes(tmp_path):
    Image.fromarray(GREY > 100).save(tmp_path / "bits.png")
    np.testing.assert_array_equal(read_image(tmp_path / "bits.png"), (GREY > 100) * np.uint8(255))
    few = RGB // 128 * 127
    palette = Image.fromarray(few).quantize(8, dither=Image.Dither.NONE)
    palette.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_image(tmp_path / "palette.png"), palette.convert("RGB"))


def test_an_opaque_alpha_channel_is_left_out_and_another_refused(tmp_path):
    for image, mode in ((RGB, "RGBA"), (GREY[..., None], "LA")):
        opaque = np.concatenate([image, np.full((6, 8, 1), 255, "uint8")], axis=-1)
        Image.fromarray(opaque, mode).save(tmp_path / "alpha.png")
        np.testing.assert_array_equal(read_image(tmp_path / "alpha.png"), image.squeeze())
        opaque[2, 3, -1] = 7
        Image.fromarray(opaque, mode).save(tmp_path / "alpha.png")
        with pytest.raises(DataError, match="transparent parts"):
            read_image(tmp_path / "alpha.png")


def deep_png(colours):
    """Return a PNG of 2 x 2 pixels with 16 bits a channel, as no library here writes it."""

    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    kind = {3: 2, 4: 6, 2: 4}[colours]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 16, kind, 0, 0, 0))
    rows = (b"\0" + bytes(range(4 * colours))) * 2
    data = chunk(b"IDAT", zlib.compress(rows))
    return b"\x89PNG\r\n\x1a\n" + header + data + chunk(b"IEND", b"")


def unreadable():
    """Return files that must be refused: name -> content or what writes it, and the reason."""
    return {
        "colours.png": (deep_png(3), "16 bits"),
        "colours-alpha.png": (deep_png(4), "16 bits"),
        "grey-alpha.png": (deep_png(2), "16 bits|transparent"),
        "text.png": (b"no image", "broken, or not an image"),
        "empty.jpg": (b"", "broken, or not an image"),
        "text.tif": (b"no image", "broken"),
        "cut.png": (lambda path: cut(path, GREY), "broken"),
        "cut.tif": (lambda path: cut(path, DEEP), "broken"),
        "cmyk.jpg": (lambda path: Image.fromarray(RGB).convert("CMYK").save(path), "mode is CMYK"),
        "several.tif": (lambda path: tifffile.imwrite(path, np.stack([GREY] * 2)), "2 images"),
        "palette.tif": (lambda path: Image.fromarray(RGB).quantize(4).save(path), "PALETTE"),
        "negative.tif": (lambda path: tifffile.imwrite(path, FLOATS * np.nan), "NaN"),
        "signed.tif": (lambda path: tifffile.imwrite(path, DEEP.astype("int32")), "type is int32"),
    }


def cut(path, image):
    Image.fromarray(image).save(path)
    path.write_bytes(path.read_bytes()[:-30])


@pytest.mark.parametrize("name", unreadable())
def test_what_would_lose_something_or_is_broken_is_refused(name, tmp_path):
    content, reason = unreadable()[name]
    path = tmp_path / name
    path.write_bytes(content) if isinstance(content, bytes) else content(path)
    with pytest.raises(DataError, match=reason):
        read_image(path)
