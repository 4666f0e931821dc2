"""How a photograph is shown to a network that learns: cropped, turned, mirrored, compressed, on another ground.

A view begins with the kiosk's own canvas (edge_daemon.vision.image). What changes its colours is in model.lights.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

Canvas = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]

PLAIN_GROUND = ("pv", "corn_spai_pv", "rice_uci", "other_leaf")
"""Sources whose leaves lie on a plain ground, which a mask can tell from the leaf."""


@dataclass(frozen=True)
class Strength:
    """How much is changed. least: the smallest share of the area that a crop keeps; light: the largest factor of
    brightness, contrast and saturation, less 1; the rest: to which share of the views each change happens."""

    least: float = 0.3
    light: float = 0.3
    blurred: float = 0.15
    noisy: float = 0.15
    compressed: float = 0.15
    other_ground: float = 0.5


def leaf_mask(canvas: Canvas) -> Mask | None:
    """Where the leaf is, on a plain ground; None where that cannot be told (the leaf fills under 10 or over 90 %).

    A leaf has colour and the ground is grey or white: the cut is Otsu's, of max(RGB) - min(RGB).
    """
    colour = (canvas.max(2) - canvas.min(2)).astype(np.uint8)
    parts, count = ndimage.label(ndimage.binary_fill_holes(colour > _otsu(colour)))
    if not count:
        return None
    sizes = np.bincount(parts.ravel())[1:]
    mask: Mask = ndimage.binary_fill_holes(parts == 1 + sizes.argmax())
    return mask if 0.1 < mask.mean() < 0.9 else None


def _otsu(values: npt.NDArray[np.uint8]) -> int:
    """The threshold that parts a histogram best (Otsu 1979)."""
    counts = np.bincount(values.ravel(), minlength=256).astype(np.float64)
    below = np.cumsum(counts)
    total, sums = below[-1], np.cumsum(counts * np.arange(256))
    above = total - below
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return int(np.nan_to_num(between).argmax())


def soft(mask: Mask) -> Canvas:
    """How much of each pixel is leaf, 0 to 255: the mask, a pixel in from its edge and softened."""
    inner = ndimage.binary_erosion(mask).astype(np.float32) * 255
    return np.asarray(ndimage.gaussian_filter(inner, 1.0), np.uint8)


def _crop(width: int, height: int, least: float, generator: np.random.Generator) -> tuple[float, float, float, float]:
    """A random box: of `least` to all of the shorter side's square, its shape 3:4 to 4:3 (Szegedy et al. 2015)."""
    short = min(width, height)
    area, shape = generator.uniform(least, 1.0), np.exp(generator.uniform(np.log(3 / 4), np.log(4 / 3)))
    wide = min(width, short * np.sqrt(area * shape))
    high = min(height, short * np.sqrt(area / shape))
    left, top = generator.uniform(0, width - wide), generator.uniform(0, height - high)
    return float(left), float(top), float(left + wide), float(top + high)


def shape(
    canvas: Canvas,
    side: int,
    strength: Strength,
    generator: np.random.Generator,
    cut_out: tuple[Canvas, Canvas] | None = None,
) -> Canvas:
    """A crop of a canvas as uint8 [side, side, 3], in one of the eight turns and mirrorings, some of them compressed.

    cut_out: how much of each pixel is leaf, and the picture on which the leaf is to be laid.
    """
    view = _cropped(canvas, side, box := _crop(canvas.shape[1], canvas.shape[0], strength.least, generator))
    if cut_out is not None:
        leaf, ground = cut_out
        under = _cropped(ground, side, _crop(ground.shape[1], ground.shape[0], 0.3, generator))
        view = Image.composite(view, under, _cropped(leaf, side, box))
    if generator.random() < strength.compressed:
        kept = io.BytesIO()
        view.save(kept, "JPEG", quality=int(generator.integers(25, 80)))
        view = Image.open(kept)
    pixels = np.rot90(np.asarray(view), int(generator.integers(4)))
    return np.ascontiguousarray(pixels[:, ::-1] if generator.random() < 0.5 else pixels)


def _cropped(canvas: Canvas, side: int, box: tuple[float, float, float, float]) -> Image.Image:
    return Image.fromarray(canvas).resize((side, side), Image.Resampling.BILINEAR, box)
