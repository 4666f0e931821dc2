"""Leaves drawn by code: enough like a photograph for a kiosk to judge, and nobody's photograph. No disease is meant."""

from __future__ import annotations

import io
import math
import random

from PIL import Image, ImageDraw, ImageFilter


def leaf(seed: int = 0, size: tuple[int, int] = (640, 480), spots: int = 25) -> Image.Image:
    """A green leaf with veins, brown spots and grain, on soil."""
    chance = random.Random(seed)
    width, height = size
    image = Image.effect_noise(size, 60).convert("RGB")
    soil = Image.new("RGB", size, (120, 95, 70))
    image = Image.blend(soil, image, 0.35)
    draw = ImageDraw.Draw(image)
    outline = [
        (
            width / 2 + math.cos(angle) * width * 0.46,
            height / 2 + math.sin(angle) * height * 0.4 * (1 + math.cos(angle)) / 1.6,
        )
        for angle in (math.tau * step / 90 for step in range(90))
    ]
    draw.polygon(outline, fill=(70 + chance.randrange(30), 135 + chance.randrange(30), 50))
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).polygon(outline, fill=255)
    inside = Image.composite(image, Image.new("RGB", size), mask)
    draw = ImageDraw.Draw(inside)
    draw.line(
        [(width * 0.06, height / 2), (width * 0.95, height / 2)], fill=(160, 190, 110), width=max(2, height // 120)
    )
    for step in range(12):
        x = width * (0.15 + 0.065 * step)
        for side in (-1, 1):
            draw.line(
                [(x, height / 2), (x + width * 0.08, height / 2 + side * height * 0.3)], fill=(120, 165, 85), width=2
            )
    for _ in range(spots):
        x, y, r = chance.uniform(0.2, 0.9) * width, chance.uniform(0.25, 0.75) * height, chance.uniform(3, 14)
        draw.ellipse([x - r, y - r * 0.7, x + r, y + r * 0.7], fill=(110, 70, 35), outline=(190, 170, 70), width=2)
    image.paste(inside, (0, 0), mask)
    grain = Image.effect_noise(size, 30).convert("RGB")
    return Image.blend(image, grain, 0.15).filter(ImageFilter.SHARPEN)


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    """The image as a camera would give it."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()
