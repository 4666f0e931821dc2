"""Write the figures of the model's card, model/README.md, between its marks: nobody copies a figure by hand.

    python -m model.card --data DIR [--model DIR]

DIR holds leaves/ and ood/. Every figure is of the shipped file, through the kiosk's own code, on the validation split.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from edge_daemon.config import Model
from edge_daemon.errors import ModelError
from model.dataset import NoPhotographs, leaves
from model.evaluate import Judged, evaluate, percent, share
from model.quality_report import report

CARD = Path(__file__).parent / "README.md"
SPOILED_PHOTOGRAPHS = 500
"""Of the training split, for the table of the quality gate: it takes nine rounds."""


def figures(summary: dict[str, Any]) -> list[str]:
    """The figures over all photographs, as a table."""
    rows = [
        ("top-1, all 50 classes", "top1"),
        ("top-3, all 50 classes", "top3"),
        ("top-1, crop given", "top1_crop_given"),
        ("top-3, crop given", "top3_crop_given"),
        ("coverage: answered with one disease, crop given", "coverage"),
        ("right when it answers", "accuracy_when_it_answers"),
        ("ECE, 15 bins, of the best candidate's probability", "ece"),
        ("ECE, crop given", "ece_crop_given"),
    ]
    table = [f"| {words} | {percent(summary[key])} |" for words, key in rows]
    return [f"| {summary['photographs']} photographs of `leaves/val` | % |", "|---|---|", *table]


def classes(summary: dict[str, Any], data: Path) -> list[str]:
    """A row for each class, with how many photographs of which setting it was fitted to and judged by."""
    counts = {split: Counter((sample.label, sample.setting) for sample in leaves(data, split)) for split in SPLITS}
    lines = ["| class | train lab / field | val lab / field | top-1 | crop given | coverage | right when it answers |"]
    lines.append("|---|---|---|---|---|---|---|")
    for label, row in summary["classes"].items():
        shares = [row[key] for key in ("top1", "top1_crop_given", "coverage", "accuracy_when_it_answers")]
        pairs = [f"{counts[split][label, 'lab']} / {counts[split][label, 'field']}" for split in SPLITS]
        lines.append("| " + " | ".join([label, *pairs, *map(percent, shares)]) + " |")
    return lines


SPLITS = ("train", "val")


def settings(judged: list[Judged], data: Path) -> list[str]:
    """The lab and the field apart: a kiosk stands in the field."""
    setting_of = {
        str(sample.path.relative_to(data / "leaves" / "val")): sample.setting for sample in leaves(data, "val")
    }
    lines = ["| setting | photographs | top-1 | top-1, crop given | top-3, crop given |", "|---|---|---|---|---|"]
    for setting in ("lab", "field"):
        rows = [row for row in judged if setting_of[row.path] == setting]
        shares = [
            share(rows, lambda row: row.right(1, crop_given=False)),
            share(rows, lambda row: row.right(1, crop_given=True)),
            share(rows, lambda row: row.right(3, crop_given=True)),
        ]
        lines.append("| " + " | ".join([setting, str(len(rows)), *map(percent, shares)]) + " |")
    return lines


def decisions(title: str, summary: dict[str, Any]) -> list[str]:
    """What the kiosk says of a tree's photographs."""
    names = summary["decisions"]
    numbers = " | ".join(str(count) for count in names.values())
    return [f"| {title} | {' | '.join(names)} |", "|---" * (1 + len(names)) + "|", f"| photographs | {numbers} |"]


def sections(data: Path, model: Path) -> dict[str, list[str]]:
    """What stands between which marks. Raises NoPhotographs, ModelError."""
    val, judged = evaluate(data / "leaves" / "val", model)
    strangers, _ = evaluate(data / "ood" / "val", model)
    return {
        "figures": [
            *figures(val),
            "",
            *settings(judged, data),
            "",
            *decisions("`leaves/val`, crop given", val),
        ],
        "strangers": decisions("`ood/val`, crop not known", strangers),
        "quality": [
            *report(leaves(data, "val"), "val"),
            "",
            *report(leaves(data, "train"), "train", SPOILED_PHOTOGRAPHS),
        ],
        "classes": classes(val, data),
    }


def fill(card: str, name: str, lines: list[str]) -> str:
    """The card with new lines between the marks of a section. Raises ValueError where it has no such marks."""
    begin, end = f"<!-- {name}: written by model.card -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = card.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{CARD} has no section {name}")
    return before + begin + "\n".join(lines) + "\n" + end + after


def main() -> int:
    """See the module's description."""
    parser = argparse.ArgumentParser(prog="python -m model.card", description="Write the figures of the model's card.")
    parser.add_argument("--data", type=Path, required=True, help="holds leaves/ and ood/")
    parser.add_argument("--model", type=Path, default=Model().path(), help="another model's folder")
    arguments = parser.parse_args()
    try:
        found = sections(arguments.data, arguments.model)
    except NoPhotographs as why:
        print(f"model.card: {why}", file=sys.stderr)
        return 66
    except ModelError as why:
        print(f"model.card: {why}", file=sys.stderr)
        return why.exit_code
    card = CARD.read_text(encoding="utf-8")
    for name, lines in found.items():
        card = fill(card, name, lines)
    CARD.write_text(card, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
