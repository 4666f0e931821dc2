"""Write the figures of the cards and of docs/model.md between their marks: nobody copies a figure by hand.

    python -m model.card --data DIR [--model DIR]

DIR holds leaves/ and ood/. The figures of model/README.md are of the shipped file, through the kiosk's own code, on the
validation split; those of model/DATA.md count the photographs; those of docs/model.md are what model.compare measured.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from edge_daemon.config import Model
from edge_daemon.errors import ModelError
from model.dataset import NoPhotographs, lab_only, leaves, others
from model.evaluate import Judged, evaluate, percent, share
from model.quality_report import report

ROOM = Path(__file__).parent
MODEL_CARD, DATA_CARD, CHOICE = ROOM / "README.md", ROOM / "DATA.md", ROOM.parent / "docs" / "model.md"
MEASURED = ROOM / "measured.json"
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


def misnamed(summary: dict[str, Any]) -> list[str]:
    """What the kiosk says to a farmer who named a crop that the leaf is not of."""
    shares = summary["another_crop_named"]
    title = "| `leaves/val`, each other crop named in turn | " + " | ".join(shares) + " |"
    return [title, "|---" * (1 + len(shares)) + "|", f"| % | {' | '.join(map(percent, shares.values()))} |"]


def conformal(summary: dict[str, Any]) -> list[str]:
    """For each crop, how often the truth is among what the kiosk still calls possible, and how much that is."""
    lines = [
        "| crop | photographs | top-1, crop given | truth possible | labels possible, mean |",
        "|---|---|---|---|---|",
    ]
    for crop, row in summary["crops"].items():
        shares = f"{percent(row['top1_crop_given'])} | {percent(row['truth_possible'])}"
        lines.append(f"| {crop} | {row['photographs']} | {shares} | {row['mean_possible']:.1f} |")
    return lines


def picked_alone(data: Path) -> list[str]:
    """The classes that nobody could try in a field, by crop."""
    by_crop: dict[str, list[str]] = {}
    for label in lab_only(leaves(data, "train")):
        crop, _, disease = label.partition("/")
        by_crop.setdefault(crop, []).append(disease.replace("_", " "))
    return [f"- {crop}: {', '.join(diseases)}" for crop, diseases in by_crop.items()]


def sources(data: Path) -> list[str]:
    """How many photographs of which source, setting and crops there are to learn from and to judge by."""
    counts: Counter[tuple[str, str, str]] = Counter()
    crops: dict[tuple[str, str], set[str]] = {}
    for split in SPLITS:
        for sample in [*leaves(data, split), *others(data, split)]:
            key = sample.source, sample.setting or "-"
            counts[*key, split] += 1
            crops.setdefault(key, set()).add(sample.label.partition("/")[0].replace("_", " "))
    lines = ["| source | setting | what | train | val |", "|---|---|---|---|---|"]
    for (source, setting), shown in sorted(crops.items()):
        numbers = " | ".join(str(counts[source, setting, split]) for split in SPLITS)
        lines.append(f"| {source} | {setting} | {', '.join(sorted(shown))} | {numbers} |")
    return lines


def networks(measured: dict[str, Any]) -> list[str]:
    """Which network, in each precision: size, latency and figures."""
    lines = [
        "| network | precision | MB | latency | val top-1 | crop given | top-3, crop given | ECE, calibrated |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in measured["networks"]:
        for kind in ("f32", "f16", "i8"):
            lines.append(f"| {row['name']} | {kind} | {_figures(row[kind])} | {percent(row[kind].get('ece'))} |")
    return lines


def _figures(told: dict[str, Any]) -> str:
    shares = [percent(told[key]) for key in ("top1", "crop_given", "top3_crop_given")]
    return " | ".join([str(told["mb"]), str(told["latency_ratio"]), *shares])


def precisions(measured: dict[str, Any]) -> list[str]:
    """The shipped network in each precision."""
    lines = ["| file | MB | latency | val top-1 | crop given | top-3, crop given |", "|---|---|---|---|---|---|"]
    return [*lines, *(f"| {row['name']} | {_figures(row)} |" for row in measured["precisions"])]


def new_sources(measured: dict[str, Any]) -> list[str]:
    """Top-1, crop given, of each source that a network never saw."""
    rows = measured["abroad"]
    lines = [f"| left out | photographs | {' | '.join(row['name'] for row in rows)} |", "|---" * (2 + len(rows)) + "|"]
    for name, told in [*rows[0]["sources"].items(), ("all", rows[0]["all_sources"])]:
        theirs = [row["sources"].get(name, row["all_sources"])["crop_given"] for row in rows]
        lines.append(f"| {name} | {told['photographs']} | {' | '.join(map(percent, theirs))} |")
    return lines


def new_species(measured: dict[str, Any]) -> list[str]:
    """How many leaves of a species that a network never saw are refused."""
    rows = measured["abroad"]
    lines = [f"| left out | leaves | {' | '.join(row['name'] for row in rows)} |", "|---" * (2 + len(rows)) + "|"]
    for name, told in rows[0]["species"].items():
        theirs = [row["species"][name]["refused"] for row in rows]
        lines.append(f"| {name} | {told['photographs']} | {' | '.join(map(percent, theirs))} |")
    return lines


def sections(data: Path, model: Path) -> dict[Path, dict[str, list[str]]]:
    """What stands in which file between which marks. Raises NoPhotographs, ModelError."""
    val, judged = evaluate(data / "leaves" / "val", model)
    strangers, _ = evaluate(data / "ood" / "val", model)
    measured = json.loads(MEASURED.read_text(encoding="utf-8"))
    card = {
        "figures": [
            *figures(val),
            "",
            *settings(judged, data),
            "",
            *decisions("`leaves/val`, crop given", val),
            "",
            *misnamed(val),
        ],
        "strangers": decisions("`ood/val`, crop not known", strangers),
        "quality": [
            *report(leaves(data, "val"), "val"),
            "",
            *report(leaves(data, "train"), "train", SPOILED_PHOTOGRAPHS),
        ],
        "conformal": conformal(val),
        "lab only": picked_alone(data),
        "classes": classes(val, data),
    }
    choice = {
        "networks": networks(measured),
        "precisions": precisions(measured),
        "new sources": new_sources(measured),
        "new species": new_species(measured),
    }
    return {MODEL_CARD: card, DATA_CARD: {"sources": sources(data)}, CHOICE: choice}


def fill(card: str, name: str, lines: list[str]) -> str:
    """The card with new lines between the marks of a section. Raises ValueError where it has no such marks."""
    begin, end = f"<!-- {name}: written by model.card -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = card.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"no section {name}")
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
    for path, lines_of in found.items():
        text = path.read_text(encoding="utf-8")
        for name, lines in lines_of.items():
            text = fill(text, name, lines)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
