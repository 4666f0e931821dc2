"""Can this photo be judged at all? Cheap measures of a canvas, and the limits beyond which the farmer is asked again.

The limits were set on the training photographs, to refuse few good ones; `python -m model.quality_report` measures
what they refuse, and what they catch of the same photographs darkened, blurred and washed out. The table is in the
model's card, model/README.md.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_daemon.errors import PoorPhoto
from edge_daemon.vision.image import Canvas

TILE = 32
"""Sharpness is measured in squares of this many pixels: a leaf may be sharp before a blurred field."""

HINTS = {
    "dark": "It is too dark. Take the leaf to where there is more light.",
    "bright": "It is too bright. Take the leaf into the shade.",
    "blurred": "It is blurred. Hold still, and keep the leaf a hand's length from the camera.",
    "glare": "The light is reflected. Turn the leaf a little, or take it into the shade.",
    "no_leaf": "There is no leaf to be seen. Put one leaf before the camera so that it fills the picture.",
}
"""By fault, in the order in which they are looked for: what is dark is blurred too."""

# Each limit with what every fifth training photograph (1,895) measured.
DARK = 70.0
"""Least light. The darkest photograph had 103, half of them 195 or less."""
BRIGHT = 200.0
"""Most shade. The palest had 186, half of them 57 or less."""
BLURRED = 10.0
"""Least sharpness. No photograph had less but of one set (wheat_ence) whose makers blurred a part of theirs; half of
all had 740 or less. A blur of 3 pixels on a canvas falls below it in nine cases of ten, one of 2 in three."""
GLARE = 0.6
"""Most blown pixels. One in a thousand had 0.5: leaves on white paper, which is no glare; so the limit is no lower."""
NO_LEAF = 0.005
"""Least plant. One in a thousand had 0.003, recoloured by the makers of the same set; one in two hundred 0.036."""


@dataclass(frozen=True, slots=True)
class Quality:
    """What was measured of a canvas.

    light: the 95th percentile of brightness, 0 to 255. shade: its 5th percentile.
    sharpness: variance of the Laplacian of brightness in the sharper squares (their 90th percentile).
    blown: the share of pixels that are white through and through. plant: the share that could be a plant, green to
    brown.
    """

    light: float
    shade: float
    sharpness: float
    blown: float
    plant: float

    def fault(self) -> str | None:
        """The first fault, by its name in HINTS; None for a photo that can be judged."""
        faults = {
            "dark": self.light < DARK,
            "bright": self.shade > BRIGHT,
            "blurred": self.sharpness < BLURRED,
            "glare": self.blown > GLARE,
            "no_leaf": self.plant < NO_LEAF,
        }
        return next((fault for fault in HINTS if faults[fault]), None)


def check(canvas: Canvas) -> Quality:
    """Measure a canvas. Raises PoorPhoto with the fault and what to do."""
    quality = measure(canvas)
    if (fault := quality.fault()) is not None:
        raise PoorPhoto(fault, HINTS[fault])
    return quality


def measure(canvas: Canvas) -> Quality:
    """What check looks at."""
    red, green, blue = (canvas[..., channel].astype(np.int32) for channel in range(3))
    luma = (77 * red + 150 * green + 29 * blue) >> 8  # ITU-R BT.601, 2.5.1
    shade, light = np.percentile(luma[::2, ::2], (5, 95))
    return Quality(
        light=float(light),
        shade=float(shade),
        sharpness=_sharpness(luma.astype(np.float32)),
        blown=float(np.mean(np.minimum(np.minimum(red, green), blue) >= 252)),
        plant=float(np.mean(np.maximum(red, green) - blue >= 18)),
    )


def _sharpness(luma: npt.NDArray[np.float32]) -> float:
    laplacian = (
        luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * luma[1:-1, 1:-1]
    )  # Pech-Pacheco et al. 2000: its variance falls with blur
    rows, columns = (side // TILE for side in laplacian.shape)
    tiles = laplacian[: rows * TILE, : columns * TILE].reshape(rows, TILE, columns, TILE)
    return float(np.percentile(tiles.var(axis=(1, 3)), 90))
