"""The small picture: upright, within its bytes, and with nothing in its file but the pixels."""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageStat

from edge_daemon.errors import BadInput, PhotoUnreadable
from edge_daemon.vision.thumbnail import SIDES, thumbnail
from edge_daemon.wire.messages import MOST_JPEG_BYTES
from tests.drawn import jpeg, leaf

LEAF = leaf(5, (1280, 720))
START, SCAN, END = 0xD8, 0xDA, 0xD9
TABLES_AND_FRAME = {0xDB, 0xC4, 0xC0, SCAN}
"""Quantisation, Huffman codes, the baseline frame, the scan (ITU-T T.81, table B.1)."""
JFIF = 0xE0


def segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The markers of a JPEG and what each holds, up to its one scan (ITU-T T.81, B.1.1.4)."""
    assert data[:2] == bytes([0xFF, START])
    at = 2
    while True:
        assert data[at] == 0xFF
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        yield marker, data[at + 4 : at + 2 + length]
        at += 2 + length
        if marker == SCAN:
            break
    scan = data[at:]
    assert scan.endswith(bytes([0xFF, END]))
    assert all(after == 0 for before, after in itertools.pairwise(scan[:-1]) if before == 0xFF)


def telling_photo(**options: object) -> bytes:
    """A photo that tells all that a camera may: place, maker, preview, profile, XMP, comment."""
    exif = Image.Exif()
    exif[0x010F] = "SECRET maker"
    exif.get_ifd(0x8825)[2] = (18.0, 48.0, 30.0)
    exif.get_ifd(0x8769)[0x927C] = b"SECRET maker note" + jpeg(LEAF.resize((160, 90)))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    file = io.BytesIO()
    more = {"exif": exif, "icc_profile": profile, "comment": b"SECRET comment", "xmp": b"<x>SECRET</x>", **options}
    LEAF.save(file, "JPEG", quality=90, **more)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_nothing_is_in_the_file_but_the_pixels() -> None:
    told = telling_photo()
    assert told.count(b"SECRET") == 4
    small = thumbnail(told, MOST_JPEG_BYTES)
    found = list(segments(small))
    assert {marker for marker, _ in found} == TABLES_AND_FRAME | {JFIF}
    (header,) = (body for marker, body in found if marker == JFIF)
    assert header == b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"  # its last two bytes: no preview, 0 x 0 (JFIF 1.02)
    assert b"SECRET" not in small


def test_a_png_s_notes_do_not_go_along_either() -> None:
    file = io.BytesIO()
    LEAF.save(file, "PNG", exif=opened(telling_photo()).getexif(), dpi=(301, 301))
    assert {marker for marker, _ in segments(thumbnail(file.getvalue(), MOST_JPEG_BYTES))} == TABLES_AND_FRAME | {JFIF}


@pytest.mark.parametrize(
    ("size", "small"),
    [((2304, 1296), (320, 180)), ((3000, 4000), (240, 320)), ((200, 100), (200, 100)), ((3000, 96), (320, 10))],
)
def test_the_whole_photo_in_its_shape_and_never_larger_than_it_was(
    size: tuple[int, int], small: tuple[int, int]
) -> None:
    made = opened(thumbnail(jpeg(LEAF.resize(size)), MOST_JPEG_BYTES))
    assert made.size == small
    assert made.mode == "RGB"
    wanted, got = (ImageStat.Stat(image.resize(small)).mean for image in (LEAF, made))
    assert got == pytest.approx(wanted, abs=3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_as_exif_says(orientation: int) -> None:
    """A photo with one red corner: after turning it is where a person would see it."""
    corner = Image.new("RGB", (640, 480), "green")
    corner.paste("red", (0, 0, 200, 150))
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    corner.save(file, "JPEG", quality=95, exif=exif)
    made = opened(thumbnail(file.getvalue(), MOST_JPEG_BYTES))
    width, height = made.size
    assert (width > height) == (orientation < 5)
    # Where the first row and the first column are seen (CIPA DC-008, 4.6.4, tag 274): right, bottom.
    right, bottom = orientation in {2, 3, 6, 7}, orientation in {3, 4, 7, 8}
    spots = {(x, y): made.getpixel((width - 9 if x else 8, height - 9 if y else 8)) for x in (0, 1) for y in (0, 1)}
    red = [place for place, colour in spots.items() if isinstance(colour, tuple) and colour[0] > 150]
    assert red == [(int(right), int(bottom))]


@settings(max_examples=40, deadline=None)
@given(st.integers(100, 700), st.integers(100, 700), st.integers(3000, MOST_JPEG_BYTES), st.integers(0, 100))
def test_it_has_never_more_bytes_than_allowed(width: int, height: int, most: int, grain: int) -> None:
    noise = Image.frombytes("RGB", (width, height), os.urandom(width * height * 3))
    small = thumbnail(jpeg(Image.blend(LEAF.resize((width, height)), noise, grain / 100), 95), most)
    assert len(small) <= most
    assert max(opened(small).size) in {min(side, max(width, height)) for side in SIDES}


def test_the_allowed_bytes_are_used() -> None:
    assert len(thumbnail(jpeg(leaf(5)), MOST_JPEG_BYTES)) > 0.9 * MOST_JPEG_BYTES


@pytest.mark.parametrize("data", [b"", b"no picture", jpeg(LEAF)[:3000]])
def test_what_is_no_photo_is_named(data: bytes) -> None:
    with pytest.raises(PhotoUnreadable):
        thumbnail(data, MOST_JPEG_BYTES)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_damage_is_a_picture_or_a_named_error(data: st.DataObject) -> None:
    whole = bytearray(telling_photo())
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        small = thumbnail(bytes(whole), MOST_JPEG_BYTES)
    except BadInput:
        return
    assert {marker for marker, _ in segments(small)} == TABLES_AND_FRAME | {JFIF}
