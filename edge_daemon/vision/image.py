"""From a photo's bytes to pixels: one way in, for the kiosk and for training alike.

A canvas is uint8 [height, width, 3], RGB, turned as EXIF says, its short side SHORT_SIDE pixels. Every photograph that
the model ever saw, in training or at a kiosk, went through `decode` and `model_input`.
"""

from __future__ import annotations

import contextlib
import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from edge_daemon.errors import PhotoTooLarge, PhotoUnreadable

Canvas = npt.NDArray[np.uint8]

CODING = (struct.error, zlib.error)

SHORT_SIDE = 224
"""As the network's input: the whole width of the photo is seen. Out of fold this was right more often (87.5 %) than the
usual middle 224 of 256 (87.2 %)."""
LONGEST = 2
"""A canvas is at most this many times as long as wide; longer photos lose their ends."""
SMALLEST_SIDE = 96
"""Below this there is too little of a leaf to see; the training photographs kept to it too."""
MAX_BYTES = 32_000_000
MAX_PIXELS = 64_000_000
"""The largest telephone cameras in common use. A JPEG is decoded at a part of its size: 50 MB for a moment."""
MAX_PIXELS_WHOLE = 16_000_000
"""Of all other formats, which are decoded whole, and copied to mend their colours: 200 MB for a moment."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What sets a photo upright, by its EXIF orientation (CIPA DC-008, 4.6.4, tag 274)."""
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM")


def decode(data: bytes) -> Canvas:
    """The canvas of an encoded photo. Raises PhotoUnreadable, PhotoTooLarge."""
    with opened(data) as image:
        return _canvas(image)


@contextlib.contextmanager
def opened(data: bytes) -> Iterator[Image.Image]:
    """An encoded photo, its header read and its size checked. What is wrong with it, also in the block, is named.

    Raises PhotoUnreadable, PhotoTooLarge.
    """
    if not data:
        raise PhotoUnreadable("The photo is empty: 0 bytes. Take it again.")
    if len(data) > MAX_BYTES:
        raise PhotoTooLarge(f"The photo has more than {MAX_BYTES // 10**6} MB. Take it at a lower resolution.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of size, where our own bound is lower, and of odd metadata
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                _check_size(image)
                yield image
    except UnidentifiedImageError as why:
        raise PhotoUnreadable(f"The file is not a photo that this kiosk reads ({', '.join(FORMATS)}).") from why
    except Image.DecompressionBombError as why:
        raise PhotoTooLarge(f"The photo has more than {MAX_PIXELS // 10**6} megapixels.") from why
    except (OSError, EOFError, ValueError, SyntaxError, LookupError, TypeError, ArithmeticError, *CODING) as why:
        # Pillow's decoders report damage by all of these.
        raise PhotoUnreadable(f"The photo is damaged or cut short: {why}. Take it again.") from why


def upright(image: Image.Image, scaled: Image.Image) -> Image.Image:
    """A picture that was made of `image`, turned as its EXIF says."""
    turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return scaled if turn is None else scaled.transpose(turn)


def model_input(canvas: Canvas) -> Canvas:
    """The network's input, uint8 [1, 224, 224, 3]: the middle square of the canvas."""
    top, left = ((side - SHORT_SIDE) // 2 for side in canvas.shape[:2])
    return np.ascontiguousarray(canvas[np.newaxis, top : top + SHORT_SIDE, left : left + SHORT_SIDE])


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    most = MAX_PIXELS if image.format == "JPEG" else MAX_PIXELS_WHOLE
    if width * height > most:
        raise PhotoTooLarge(
            f"The photo has {width * height // 10**6} megapixels; {most // 10**6} is the most for {image.format}. "
            "Take it at a lower resolution."
        )
    if min(width, height) < SMALLEST_SIDE:
        raise PhotoUnreadable(f"The photo has {width} x {height} pixels; each side needs {SMALLEST_SIDE} at least.")


def _canvas(image: Image.Image) -> Canvas:
    # A JPEG is decoded at a half, quarter or eighth of its size where that is enough: most of the time that a photo
    # takes. Twice the short side is left, so that the resize below has something to average.
    image.draft("RGB", (2 * SHORT_SIDE, 2 * SHORT_SIDE))
    photo = rgb(image)
    width, height = photo.size
    scale = SHORT_SIDE / min(width, height)
    longest = LONGEST * min(width, height)
    left, top = max(0, width - longest) / 2, max(0, height - longest) / 2
    box = (left, top, width - left, height - top)
    size = (round((box[2] - box[0]) * scale), round((box[3] - box[1]) * scale))
    small = photo.resize(size, Image.Resampling.BILINEAR, box, reducing_gap=2.0)
    return np.asarray(upright(image, small))


def rgb(image: Image.Image) -> Image.Image:
    """Eight bits of red, green and blue, whatever the file has."""
    if image.mode.startswith("I") or image.mode == "F":
        return _from_deep_grey(image)
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        with_alpha = image.convert("RGBA")
        on_white = Image.new("RGBA", image.size, "white")
        on_white.alpha_composite(with_alpha)
        return on_white.convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")


def _from_deep_grey(image: Image.Image) -> Image.Image:
    """16 or 32 bits of grey: Pillow's own conversion would cut, not scale."""
    values: npt.NDArray[Any] = np.array(image, np.float32)
    deepest = 65535.0 if image.mode.startswith("I") else max(float(values.max(initial=1.0)), 1e-9)
    values *= np.float32(255.0 / deepest)
    grey = np.clip(values, 0, 255, out=values).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")
