"""The photographs: any tree of folders, or the training data, whose manifest.csv says where each one is from."""

from __future__ import annotations

import csv
import hashlib
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

PICTURES = {".jpg", ".jpeg", ".png", ".webp"}
OTHER_LEAF = "other_leaf"
FEW_FROM_THE_FIELD = 5
"""A class with fewer photographs from the field than this counts as known from picked leaves alone."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A photograph. label: "<crop>/<disease>". source: where it came from, "" if nobody says. setting: lab or field."""

    path: Path
    label: str
    source: str = ""
    setting: str = ""
    sha256: str = ""


class NoPhotographs(Exception):
    """There is nothing to read where photographs were expected."""


def leaves(data: Path, split: str) -> list[Sample]:
    """The crop leaves of a split, "train" or "val", in the manifest's order. Raises NoPhotographs."""
    rows = [row for row in _manifest(data / "leaves") if row["split"] == split]
    return [
        Sample(
            path=data / "leaves" / row["path"],
            label="/".join(row["path"].split("/")[1:3]),
            source=row["source_key"],
            setting=row["setting"],
            sha256=row["sha256"],
        )
        for row in rows
    ]


def others(data: Path, split: str) -> list[Sample]:
    """What is no leaf of a known crop, by kind: "natural" (things, scenes) and "other_leaf". Raises NoPhotographs.

    The source of another leaf is its species ("apple"), of the rest the collection that it is from.
    """
    rows = [row for row in _manifest(data / "ood") if row["split"] == split]
    return [
        Sample(
            data / "ood" / row["path"],
            kind := row["kind"],
            _species(row) if kind == OTHER_LEAF else row["source"],
            sha256=row["sha256"],
        )
        for row in rows
    ]


def _species(row: dict[str, str]) -> str:
    """Of a path such as Test/test_images/Cherry_(including_sour)___healthy/1.jpg."""
    return row["source_path"].split("/")[-2].partition("___")[0].partition("_")[0].lower()


def lab_only(samples: list[Sample]) -> list[str]:
    """The labels that are known from picked leaves on plain grounds alone, or nearly so; sorted."""
    fields = Counter(sample.label for sample in samples if sample.setting == "field")
    return sorted({sample.label for sample in samples if fields[sample.label] < FEW_FROM_THE_FIELD})


def tree(folder: Path) -> list[Sample]:
    """Every picture below a folder, through links too; its label is the folders between. Raises NoPhotographs."""
    inside = (Path(top) / name for top, _, names in os.walk(folder, followlinks=True) for name in names)
    files = sorted(path for path in inside if path.suffix.lower() in PICTURES and path.is_file())
    if not files:
        raise NoPhotographs(f"{folder}: no photographs there. Expected <crop>/<disease>/*.jpg, .webp or .png.")
    return [Sample(path, path.parent.relative_to(folder).as_posix()) for path in files]


def fingerprint(samples: list[Sample]) -> str:
    """One SHA-256 for a set of photographs, whatever their order."""
    return hashlib.sha256("\n".join(sorted(sample.sha256 for sample in samples)).encode()).hexdigest()


def _manifest(folder: Path) -> list[dict[str, str]]:
    try:
        with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    except OSError as why:
        raise NoPhotographs(f"{folder / 'manifest.csv'}: {why.strerror}. Name the data with --data DIR.") from why
