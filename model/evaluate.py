"""Judge the shipped file, through the kiosk's own code, on any tree of photographs.

    python -m model.evaluate --data DIR [--json FILE] [--model DIR] [--limit N]

DIR holds <crop>/<disease>/*.jpg (or .jpeg, .png, .webp). Another tree is allowed: its labels are then simply none that
the model knows. Each photograph is decided as for a farmer who named the label's crop where the model knows it, else as
for one who said "don't know". A photograph that the quality gate refuses still counts in top-1 and top-3, as for a
farmer who cannot take a better one; its decision is poor_photo. Probabilities are the calibrated ones that a farmer
sees; the ECE is that of the best candidate's. A file that cannot be read is a row too: poor_photo, no candidates, an
error.

Exit codes: 0 done, 66 nothing to read there, 72 the model cannot be used.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from edge_daemon.config import Model
from edge_daemon.diagnosis import Candidate, Decision
from edge_daemon.errors import BadInput, ModelError
from edge_daemon.vision import image, quality
from edge_daemon.vision.classifier import Classifier
from edge_daemon.vision.decision import SHOWN, calibrate, decide, of_crop, ranked
from model.dataset import NoPhotographs, Sample, tree
from model.metrics import BINS, expected_calibration_error
from model.votes import votes

POOR_PHOTO = "poor_photo"
UNTOLD = {"shares", "misnamed"}
"""Of a row, what a file of them would be too large with."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One photograph. best: five candidates, best first; best_crop_given: masked to the label's crop, if known.

    possible: how many labels the model's conformal set holds, None where it has none; truth_possible: whether the label
    is among them. shares: the calibrated probability of each of the model's labels. misnamed: what would be decided for
    a farmer who named another crop, for each other crop of the model.
    """

    path: str
    label: str
    best: tuple[Candidate, ...] = ()
    best_crop_given: tuple[Candidate, ...] = ()
    decision: str = ""
    leaf: float = 0.0
    possible: int | None = None
    truth_possible: bool | None = None
    fault: str | None = None
    error: str | None = None
    shares: tuple[float, ...] = field(default=(), repr=False)
    misnamed: tuple[str, ...] = field(default=(), repr=False)

    def right(self, depth: int, *, crop_given: bool) -> bool:
        """Whether the label is among the first `depth`."""
        candidates = self.best_crop_given if crop_given else self.best
        return self.label in [candidate.label for candidate in candidates[:depth]]

    def as_row(self) -> dict[str, Any]:
        """As plain data: path, label, best, best_crop_given and decision always; fault and error where there is one."""
        return {key: value for key, value in asdict(self).items() if value is not None and key not in UNTOLD}


@dataclass(slots=True)
class Judge:
    """The shipped model with the kiosk's vision around it."""

    classifier: Classifier
    crops: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.crops = {label.partition("/")[0] for label in self.classifier.labels}

    def judge(self, sample: Sample, name: str) -> Judged:
        """Judge one photograph; a file that cannot be read is a row too."""
        try:
            canvas = image.decode(sample.path.read_bytes())
        except (BadInput, OSError) as why:
            return Judged(name, sample.label, decision=POOR_PHOTO, error=str(why))
        finding = self.classifier.classify(canvas)
        crop = sample.label.partition("/")[0]
        known = crop if crop in self.crops and "/" in sample.label else None
        calibrated = calibrate(finding.probabilities, self.classifier.rules.temperature)
        best = ranked(finding.labels, calibrated)
        verdict = decide([finding], known, self.classifier.rules)
        within = of_crop(finding.labels, calibrated, known) if known else best
        least = self.classifier.rules.possible.get(known or "")
        possible = None if least is None else {one.label for one in within if one.probability >= least}
        others = sorted(self.crops - {crop}) if known else ()
        fault = quality.measure(canvas).fault()
        return Judged(
            path=name,
            label=sample.label,
            best=best[:SHOWN],
            best_crop_given=within[:SHOWN],
            possible=None if possible is None else len(possible),
            truth_possible=None if possible is None else sample.label in possible,
            shares=tuple(calibrated),
            misnamed=tuple(decide([finding], other, self.classifier.rules).decision.value for other in others),
            decision=POOR_PHOTO if fault else verdict.decision.value,
            leaf=round(finding.leaf, 4),
            fault=fault,
        )


def summarise(judged: Sequence[Judged], labels: Sequence[str]) -> dict[str, Any]:
    """The figures over all photographs whose label the model knows; decisions and refusals over all."""
    readable = [row for row in judged if row.error is None]
    known = [row for row in readable if row.label in set(labels)]
    answered = [row for row in known if row.decision == Decision.ANSWER.value]
    decisions = dict.fromkeys([*(one.value for one in Decision if one is not Decision.FIRST_AID), POOR_PHOTO], 0)
    for row in readable:
        decisions[row.decision] += 1
    return {
        "photographs": len(judged),
        "unreadable": len(judged) - len(readable),
        "with_a_known_label": len(known),
        "top1": share(known, lambda row: row.right(1, crop_given=False)),
        "top3": share(known, lambda row: row.right(3, crop_given=False)),
        "top1_crop_given": share(known, lambda row: row.right(1, crop_given=True)),
        "top3_crop_given": share(known, lambda row: row.right(3, crop_given=True)),
        "coverage": len(answered) / len(known) if known else None,
        "accuracy_when_it_answers": share(answered, lambda row: row.right(1, crop_given=True)),
        "ece": _ece(known, crop_given=False),
        "ece_crop_given": _ece(known, crop_given=True),
        "decisions": decisions,
        "another_crop_named": _misnamed(known),
        "leaves_voting": votes(known, labels),
        "crops": _crops(known),
        "classes": _classes(known),
    }


def _misnamed(known: Sequence[Judged]) -> dict[str, float]:
    """Each decision's share, over all photographs and all crops that they are not of."""
    counts = Counter(decision for row in known for decision in row.misnamed)
    return {name: count / counts.total() for name, count in counts.most_common()}


def _crops(known: Sequence[Judged]) -> dict[str, dict[str, Any]]:
    rows = {}
    for crop in sorted({row.label.partition("/")[0] for row in known}):
        own = [row for row in known if row.label.startswith(f"{crop}/")]
        sized = [row.possible for row in own if row.possible is not None]
        rows[crop] = {
            "photographs": len(own),
            "top1_crop_given": share(own, lambda row: row.right(1, crop_given=True)),
            "truth_possible": share(own, lambda row: bool(row.truth_possible)) if sized else None,
            "mean_possible": sum(sized) / len(sized) if sized else None,
        }
    return rows


def _classes(known: Sequence[Judged]) -> dict[str, dict[str, Any]]:
    rows = {}
    for label in sorted({row.label for row in known}):
        own = [row for row in known if row.label == label]
        answered = [row for row in own if row.decision == Decision.ANSWER.value]
        rows[label] = {
            "photographs": len(own),
            "top1": share(own, lambda row: row.right(1, crop_given=False)),
            "top1_crop_given": share(own, lambda row: row.right(1, crop_given=True)),
            "top3_crop_given": share(own, lambda row: row.right(3, crop_given=True)),
            "coverage": len(answered) / len(own),
            "accuracy_when_it_answers": share(answered, lambda row: row.right(1, crop_given=True)),
        }
    return rows


def share(rows: Sequence[Judged], holds: Callable[[Judged], bool]) -> float | None:
    """The share of the photographs for which it holds; None of none."""
    return sum(map(holds, rows)) / len(rows) if rows else None


def _ece(known: Sequence[Judged], *, crop_given: bool) -> float | None:
    if not known:
        return None
    first = [(row.best_crop_given if crop_given else row.best)[0].probability for row in known]
    right = [row.right(1, crop_given=crop_given) for row in known]
    return expected_calibration_error(np.array(first), np.array(right))


def percent(share: float | None) -> str:
    """Five characters: a share as percent, or a dash where there is none."""
    return "    -" if share is None else f"{share * 100:5.1f}"


def table(summary: dict[str, Any]) -> str:
    """What a person reads."""
    lines = [
        f"photographs {summary['photographs']}, unreadable {summary['unreadable']}, "
        f"with a label that the model knows {summary['with_a_known_label']}",
        f"top-1 {percent(summary['top1'])} %   top-3 {percent(summary['top3'])} %",
        f"top-1 {percent(summary['top1_crop_given'])} %   top-3 {percent(summary['top3_crop_given'])} %   crop given",
        f"coverage {percent(summary['coverage'])} %   right when it answers "
        f"{percent(summary['accuracy_when_it_answers'])} %   (one disease, crop given)",
        f"ECE {percent(summary['ece'])} %   {percent(summary['ece_crop_given'])} % crop given   ({BINS} bins)",
        "decisions: " + ", ".join(f"{name} {count}" for name, count in summary["decisions"].items()),
    ]
    named = ", ".join(f"{name} {percent(part).strip()} %" for name, part in summary["another_crop_named"].items())
    lines.append(f"for a farmer who named another crop: {named or '-'}")
    lines.append(
        "leaves of one visit that vote, drawn of one class (top-1, crop given): "
        + ", ".join(f"{size}: {percent(right).strip()} %" for size, right in summary["leaves_voting"].items())
    )
    if summary["crops"]:
        lines += ["", f"{'crop':<34}photos  crop given  truth possible, %  possible labels"]
    for crop, row in summary["crops"].items():
        size = "-" if row["mean_possible"] is None else f"{row['mean_possible']:.1f}"
        lines.append(
            f"{crop:<34}{row['photographs']:>6}       {percent(row['top1_crop_given'])}              "
            f"{percent(row['truth_possible'])}  {size:>15}"
        )
    if summary["classes"]:
        lines += ["", f"{'class':<34}photos  top-1  crop given  top-3  coverage  right"]
    for label, row in summary["classes"].items():
        lines.append(
            f"{label:<34}{row['photographs']:>6}  {percent(row['top1'])}       {percent(row['top1_crop_given'])}  "
            f"{percent(row['top3_crop_given'])}     {percent(row['coverage'])}  "
            f"{percent(row['accuracy_when_it_answers'])}"
        )
    return "\n".join(lines)


def evaluate(data: Path, model: Path, limit: int | None = None) -> tuple[dict[str, Any], list[Judged]]:
    """Judge a tree. limit: only so many photographs, evenly spread. Raises NoPhotographs, ModelError."""
    samples = tree(data)
    if limit is not None and limit < len(samples):
        samples = [samples[place * len(samples) // limit] for place in range(limit)]
    judge = Judge(Classifier.load(model))
    progress = tqdm(samples, unit="photo", file=sys.stderr, disable=None)
    judged = [judge.judge(sample, sample.path.relative_to(data).as_posix()) for sample in progress]
    return {"model": judge.classifier.name, **summarise(judged, judge.classifier.labels)}, judged


def _positive(word: str) -> int:
    if (number := int(word)) < 1:
        raise argparse.ArgumentTypeError(f"{word} is not 1 or more")
    return number


def main(words: Sequence[str] | None = None) -> int:
    """See the module's description."""
    parser = argparse.ArgumentParser(prog="python -m model.evaluate", description="Judge the shipped model on a tree.")
    parser.add_argument("--data", type=Path, required=True, help="<crop>/<disease>/*.jpg, or any tree of pictures")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything, with a row per photograph")
    parser.add_argument("--model", type=Path, default=Model().path(), help="another model's folder")
    parser.add_argument("--limit", type=_positive, help="only so many photographs, evenly spread")
    arguments = parser.parse_args(words)
    try:
        summary, judged = evaluate(arguments.data, arguments.model, arguments.limit)
        print(table(summary))
        if arguments.json:
            rows = [row.as_row() for row in judged]
            arguments.json.write_text(json.dumps({**summary, "photos": rows}, indent=1) + "\n", encoding="utf-8")
    except NoPhotographs as why:
        print(f"model.evaluate: {why}", file=sys.stderr)
        return 66
    except ModelError as why:
        print(f"model.evaluate: {why}", file=sys.stderr)
        return why.exit_code
    except OSError as why:
        print(f"model.evaluate: {arguments.json}: cannot be written: {why.strerror}.", file=sys.stderr)
        return 73
    for row in judged:
        if row.error:
            print(f"unreadable: {row.path}: {row.error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
