"""Every file that a kiosk may meet: an image that it reads as a person sees it, or a sentence that says why not."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edge_daemon.errors import BadInput, PhotoTooLarge, PhotoUnreadable
from edge_daemon.vision.image import LONGEST, MAX_BYTES, MAX_PIXELS, SHORT_SIDE, decode, model_input
from tests.drawn import jpeg, leaf

LEAF = leaf(3, (640, 480))


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def close_to(left: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], right: bytes, levels: float) -> bool:
    other = decode(right)
    return left.shape == other.shape and float(np.abs(left.astype(int) - other).mean()) < levels


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (4000, 3000), (300, 300), (2304, 1296), (97, 96)])
def test_the_short_side_is_the_network_s_and_the_shape_is_kept(size: tuple[int, int]) -> None:
    canvas = decode(jpeg(LEAF.resize(size)))
    assert min(canvas.shape[:2]) == SHORT_SIDE
    assert canvas.shape[1] / canvas.shape[0] == pytest.approx(size[0] / size[1], rel=0.01)
    assert canvas.dtype == np.uint8
    assert canvas.shape[2] == 3


def test_a_very_long_photo_loses_its_ends() -> None:
    assert decode(jpeg(LEAF.resize((768, 4224)))).shape[:2] == (LONGEST * SHORT_SIDE, SHORT_SIDE)


def test_the_network_sees_the_middle_square() -> None:
    canvas = decode(encoded(LEAF))
    tensor = model_input(canvas)
    edge = (canvas.shape[1] - SHORT_SIDE) // 2
    assert tensor.shape == (1, SHORT_SIDE, SHORT_SIDE, 3)
    assert np.array_equal(tensor[0], canvas[:, edge : edge + SHORT_SIDE])


@pytest.mark.parametrize(
    ("same", "levels"),
    [
        (lambda: encoded(LEAF, "BMP"), 0.1),
        (lambda: encoded(LEAF, "TIFF"), 0.1),
        (lambda: encoded(LEAF, "WEBP", lossless=True), 0.1),
        (lambda: encoded(LEAF, "JPEG", quality=95), 6),
        (lambda: encoded(LEAF, "JPEG", quality=95, progressive=True), 6),
        (lambda: encoded(LEAF.convert("CMYK"), "JPEG", quality=95), 8),
        (lambda: encoded(LEAF.convert("RGBA")), 0.1),
        (lambda: encoded(LEAF.quantize(256)), 12),
        (lambda: encoded(LEAF.quantize(256), "GIF"), 12),
    ],
)
def test_one_leaf_in_many_files(same: Callable[[], bytes], levels: float) -> None:
    assert close_to(decode(encoded(LEAF)), same(), levels)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_as_its_exif_says(orientation: int) -> None:
    turn_back = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = LEAF if turn_back is None else LEAF.transpose(turn_back)
    assert close_to(decode(encoded(LEAF)), encoded(stored, exif=exif), 2.5)


def test_sixteen_bits_of_grey_are_scaled_not_cut() -> None:
    ramp = np.linspace(0, 65535, 300 * 300).reshape(300, 300).astype(np.uint16)
    canvas = decode(encoded(Image.fromarray(ramp)))
    assert canvas.min() < 5
    assert canvas.max() > 250
    assert abs(float(canvas.mean()) - 127.5) < 3


def test_what_is_transparent_is_white() -> None:
    assert decode(encoded(Image.new("RGBA", (200, 200), (0, 0, 0, 0)))).min() == 255
    assert decode(encoded(Image.new("LA", (200, 200), (0, 0)))).min() == 255


def test_one_bit_and_grey() -> None:
    assert decode(encoded(Image.new("1", (200, 200), 1))).min() == 255
    assert decode(encoded(Image.new("L", (200, 200), 90))).max() == 90


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"not an image at all", "not a photo"),
        (b"%PDF-1.7 ...", "not a photo"),
        (b"\x00" * 5000, "not a photo"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a photo"),
        (jpeg(LEAF)[:200], "damaged"),
        (jpeg(LEAF)[: len(jpeg(LEAF)) // 2], "damaged"),
        (encoded(LEAF)[:-2000], "damaged"),
        (encoded(LEAF.resize((50, 400))), "50 x 400"),
    ],
    ids=["empty", "text", "pdf", "zeros", "svg", "header-only", "half-jpeg", "cut-png", "tiny"],
)
def test_what_is_no_photo_is_told_so(data: bytes, words: str) -> None:
    with pytest.raises(PhotoUnreadable, match=words):
        decode(data)


def bomb(width: int, height: int) -> bytes:
    """A PNG that says it is large, in a few bytes."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("kind", "fits"), [("JPEG", True), ("PNG", False), ("WEBP", False)])
def test_formats_that_are_decoded_whole_may_be_a_quarter_as_large(kind: str, fits: bool) -> None:
    photo = io.BytesIO()
    Image.new("RGB", (5000, 4000)).save(photo, kind)
    if fits:
        assert decode(photo.getvalue()).shape[0] == SHORT_SIDE
    else:
        with pytest.raises(PhotoTooLarge, match=f"20 megapixels; 16 is the most for {kind}"):
            decode(photo.getvalue())


@pytest.mark.parametrize("size", [(20_000, 10_000), (100_000, 100_000), (MAX_PIXELS, 2)])
def test_a_bomb_is_refused_by_its_header(size: tuple[int, int]) -> None:
    with pytest.raises(PhotoTooLarge, match="megapixels"):
        decode(bomb(*size))


def test_too_many_bytes_are_refused_unread() -> None:
    with pytest.raises(PhotoTooLarge, match="32 MB"):
        decode(jpeg(LEAF) + b"\0" * MAX_BYTES)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_anywhere_is_a_picture_or_a_named_error(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"]))
    whole = bytearray(encoded(LEAF.resize((120, 100)), kind))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        canvas = decode(bytes(whole))
    except BadInput:
        return
    assert min(canvas.shape[:2]) == SHORT_SIDE
