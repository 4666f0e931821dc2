"""A small picture of a leaf for agronomists to look at: a JPEG of few bytes in which nothing is but the pixels.

The whole photo, made smaller, turned as EXIF says. No EXIF, colour profile, comment or inner preview of the camera's
file goes along: where and with which camera it was taken is nobody's business.
"""

from __future__ import annotations

import io

from PIL import Image

from edge_daemon.vision.image import opened, rgb, upright

SIDES = (320, 240, 160)
"""Pixels of the longer side, the best first."""
BEST, WORST = 85, 40
"""JPEG qualities. Above 85 the bytes grow and the picture hardly does; below 40 spots run into blocks."""
ROUGH = 10
"""Of the smallest side, where even WORST has too many bytes: noise, which is no leaf."""


def thumbnail(data: bytes, most_bytes: int) -> bytes:
    """The best JPEG of at most `most_bytes` (3,000 or more) of an encoded photo.

    Raises PhotoUnreadable, PhotoTooLarge.
    """
    with opened(data) as photo:
        largest = _scaled(photo, SIDES[0])
    for side in SIDES:
        found = _best(_fitted(largest, side), most_bytes)
        if found is not None:
            return found
    return _jpeg(_fitted(largest, SIDES[-1]), ROUGH)


def _scaled(photo: Image.Image, side: int) -> Image.Image:
    # As in image.py: a JPEG is decoded at a part of its size, with twice the pixels left to average over.
    photo.draft("RGB", (2 * side, 2 * side))
    return upright(photo, _fitted(rgb(photo), side))


def _fitted(image: Image.Image, side: int) -> Image.Image:
    """No larger than `side` on its longer side, and never larger than it was. A copy: nothing but pixels is in it."""
    scale = min(1.0, side / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return Image.frombytes("RGB", size, image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0).tobytes())


def _best(image: Image.Image, most_bytes: int) -> bytes | None:
    """At the highest quality that has so few bytes; None where even the lowest has more."""
    found, low, high = None, WORST, BEST
    while low <= high:
        middle = (low + high + 1) // 2
        data = _jpeg(image, middle)
        if len(data) <= most_bytes:
            found, low = data, middle + 1
        else:
            high = middle - 1
    return found


def _jpeg(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, optimize=True, subsampling="4:2:0")
    return file.getvalue()
