"""What the quality gate refuses: of good photographs (few), and of the same ones spoiled (most).

python -m model.quality_report --data DIR [--split val] [--limit N]
"""

from __future__ import annotations

import argparse
import io
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageFilter
from tqdm import tqdm

from edge_daemon.vision.image import decode
from edge_daemon.vision.quality import HINTS, measure
from model.dataset import NoPhotographs, Sample, leaves

Spoil = Callable[[Image.Image], Image.Image]

SPOILED: dict[str, Spoil] = {
    "as it is": lambda photo: photo,
    "a tenth of the light": lambda photo: photo.point(lambda value: value * 0.1),
    "a fifth of the light": lambda photo: photo.point(lambda value: value * 0.2),
    "washed out": lambda photo: photo.point(lambda value: min(255, value * 0.15 + 217)),
    "three times the light": lambda photo: photo.point(lambda value: min(255, value * 3)),
    "blurred, sigma 2 of 256": lambda photo: photo.filter(ImageFilter.GaussianBlur(2)),
    "blurred, sigma 4 of 256": lambda photo: photo.filter(ImageFilter.GaussianBlur(4)),
    "blurred, sigma 8 of 256": lambda photo: photo.filter(ImageFilter.GaussianBlur(8)),
    "grey card": lambda photo: Image.effect_noise(photo.size, 20).convert("RGB"),
}


def refused(samples: list[Sample], spoil: Spoil) -> Counter[str]:
    """How many photographs are refused for which fault, after spoiling."""
    faults: Counter[str] = Counter()
    for sample in samples:
        file = io.BytesIO()
        with Image.open(sample.path) as photo:
            spoil(photo.convert("RGB")).save(file, "PNG", compress_level=0)
        if fault := measure(decode(file.getvalue())).fault():
            faults[fault] += 1
    return faults


def report(samples: list[Sample], split: str, limit: int | None = None) -> list[str]:
    """A table, as lines of Markdown. limit: only so many photographs, evenly spread."""
    if limit is not None and limit < len(samples):
        samples = [samples[place * len(samples) // limit] for place in range(limit)]
    lines = [f"| {len(samples)} photographs of `leaves/{split}` | refused, % | " + " | ".join(HINTS) + " |"]
    lines.append("|---" * (2 + len(HINTS)) + "|")
    for name, spoil in tqdm(SPOILED.items(), unit="round", file=sys.stderr, disable=None):
        faults = refused(samples, spoil)
        shares = [
            f"{100 * count / len(samples):.1f}" for count in (faults.total(), *(faults[fault] for fault in HINTS))
        ]
        lines.append("| " + " | ".join([name, *shares]) + " |")
    return lines


def main() -> int:
    """See the module's description."""
    parser = argparse.ArgumentParser(description="What the quality gate refuses.")
    parser.add_argument("--data", type=Path, required=True, help="holds leaves/")
    parser.add_argument("--split", default="val", choices=["train", "val"])
    parser.add_argument("--limit", type=int, help="only so many photographs, evenly spread")
    arguments = parser.parse_args()
    try:
        print("\n".join(report(leaves(arguments.data, arguments.split), arguments.split, arguments.limit)))
    except NoPhotographs as why:
        print(f"model.quality_report: {why}", file=sys.stderr)
        return 66
    return 0


if __name__ == "__main__":
    sys.exit(main())
