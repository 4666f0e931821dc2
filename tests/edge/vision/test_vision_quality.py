"""The quality gate on drawn leaves: a good one passes, each fault is named with what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PIL import Image, ImageFilter

from edge_daemon.errors import PoorPhoto
from edge_daemon.vision.image import decode
from edge_daemon.vision.quality import HINTS, check
from tests.drawn import jpeg, leaf

LEAF = leaf(5, (1024, 768))


def spoiled(spoil: Callable[[Image.Image], Image.Image]) -> bytes:
    return jpeg(spoil(LEAF), 95)


@pytest.mark.parametrize("seed", range(5))
def test_a_good_leaf_passes(seed: int) -> None:
    check(decode(jpeg(leaf(seed))))


@pytest.mark.parametrize(
    ("fault", "spoil"),
    [
        ("dark", lambda photo: photo.point(lambda value: value * 0.1)),
        ("dark", lambda photo: Image.new("RGB", photo.size)),
        ("bright", lambda photo: photo.point(lambda value: min(255, value * 0.1 + 229))),
        ("bright", lambda photo: Image.new("RGB", photo.size, "white")),
        ("blurred", lambda photo: photo.filter(ImageFilter.GaussianBlur(40))),
        ("blurred", lambda photo: Image.new("RGB", photo.size, (90, 140, 60))),
        ("glare", lambda photo: glared(photo)),
        ("no_leaf", lambda photo: Image.effect_noise(photo.size, 80).convert("RGB")),
        ("no_leaf", lambda photo: photo.convert("L").convert("RGB")),
    ],
)
def test_each_fault_is_named_with_what_to_do(fault: str, spoil: Callable[[Image.Image], Image.Image]) -> None:
    with pytest.raises(PoorPhoto) as caught:
        check(decode(spoiled(spoil)))
    assert (caught.value.fault, caught.value.hint) == (fault, HINTS[fault])


def glared(photo: Image.Image) -> Image.Image:
    """The sun in a wet leaf: most of it white."""
    lit = photo.copy()
    lit.paste((255, 255, 255), (0, 0, photo.width, photo.height * 8 // 10))
    return lit
