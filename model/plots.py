"""The card's pictures, from an evaluation: how honest, how selective, what is confused, what a shift costs.

python -m model.plots --data DIR [--model DIR] [--out model/figures]
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt

from edge_daemon.config import Model
from model.evaluate import Judged, evaluate

mpl.use("Agg")
from matplotlib import pyplot as plt

FIGURES = Path(__file__).parent / "figures"
MEASURED = Path(__file__).parent / "measured.json"
BINS = 10
PAIRS = 12
INK, SECOND, GREY = "#1b5e20", "#e08e0b", "#9e9e9e"


def _crop_given(judged: Sequence[Judged]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The best candidate's probability, and whether it is right."""
    first = np.array([row.best_crop_given[0].probability for row in judged])
    return first, np.array([row.right(1, crop_given=True) for row in judged])


def reliability(judged: Sequence[Judged], path: Path) -> None:
    """What the kiosk says, against how often that is right; the bars below tell how often it says so."""
    first, right = _crop_given(judged)
    bins = np.minimum((first * BINS).astype(int), BINS - 1)
    figure, (above, below) = plt.subplots(2, 1, figsize=(5, 5.4), height_ratios=(3, 1), sharex=True)
    middles = [first[bins == place].mean() * 100 for place in range(BINS) if (bins == place).any()]
    shares = [right[bins == place].mean() * 100 for place in range(BINS) if (bins == place).any()]
    above.plot([0, 100], [0, 100], color=GREY, linewidth=1, label="as often as it says")
    above.plot(middles, shares, "o-", color=INK, label="leaves/val")
    above.set_ylabel("right, %")
    above.legend()
    below.hist(first * 100, bins=np.linspace(0, 100, BINS + 1), color=INK, rwidth=0.9)
    below.set_xlabel("the kiosk says, % (crop given)")
    below.set_ylabel("photographs")
    _save(figure, path)


def selective(judged: Sequence[Judged], answer: float, path: Path) -> None:
    """How often the kiosk is right when it answers only its surest photographs."""
    first, right = _crop_given(judged)
    order = np.argsort(-first)
    covered = np.arange(1, len(order) + 1) / len(order) * 100
    accuracy = np.cumsum(right[order]) / np.arange(1, len(order) + 1) * 100
    figure, axes = plt.subplots(figsize=(5, 3.6))
    axes.plot(covered, accuracy, color=INK)
    at = float((first >= answer).mean() * 100)
    axes.axvline(at, color=SECOND, linewidth=1, label=f"the kiosk's limit: {at:.0f} % are answered")
    axes.axhline(95, color=GREY, linewidth=1, linestyle=":", label="95 %")
    axes.set_xlabel("answered with one disease, % of photographs")
    axes.set_ylabel("right when answered, %")
    axes.set_ylim(min(85.0, float(accuracy[20:].min())), 100.5)
    axes.legend()
    _save(figure, path)


def confusions(judged: Sequence[Judged], path: Path) -> None:
    """The pairs that are taken for each other most often, crop given."""
    counts = Counter(
        (row.label, row.best_crop_given[0].label) for row in judged if not row.right(1, crop_given=True)
    ).most_common(PAIRS)
    names = [f"{true} → {said.partition('/')[2]}".replace("_", " ") for (true, said), _ in counts][::-1]
    figure, axes = plt.subplots(figsize=(6.4, 4))
    axes.barh(names, [count for _, count in counts][::-1], color=INK)
    axes.set_xlabel("photographs of leaves/val (true → said)")
    _save(figure, path)


def shift(measured: dict[str, Any], path: Path) -> None:
    """Top-1, crop given, on validation and on each source that was left out, for each network."""
    at_home = {row["name"]: row["f32"] for row in measured["networks"]}
    rows = [row for row in measured["abroad"] if row["name"] in at_home]
    names = sorted(rows[0]["sources"]) if rows else []
    figure, axes = plt.subplots(figsize=(7.2, 3.6))
    for offset, row, colour in zip((-0.2, 0.2), rows, (GREY, INK), strict=False):
        told = [at_home[row["name"]], *(row["sources"][name] for name in names)]
        heights = [one["crop_given"] * 100 for one in told]
        axes.bar_label(
            axes.bar(np.arange(len(told)) + offset, heights, 0.38, color=colour, label=row["name"]), fmt="%.0f"
        )
    axes.set_xticks(np.arange(1 + len(names)), ["leaves/val", *(name.replace("_", "\n", 1) for name in names)])
    axes.set_ylabel("top-1, crop given, %")
    axes.set_ylim(0, 115)
    axes.legend(loc="upper right")
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


def main() -> None:
    """See the module's description."""
    parser = argparse.ArgumentParser(description="Draw the card's pictures.")
    parser.add_argument("--data", type=Path, required=True, help="holds leaves/ and ood/")
    parser.add_argument("--model", type=Path, default=Model().path(), help="another model's folder")
    parser.add_argument("--out", type=Path, default=FIGURES)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    summary, judged = evaluate(arguments.data / "leaves" / "val", arguments.model)
    known = [row for row in judged if row.best_crop_given and row.label in summary["classes"]]
    answer = json.loads((arguments.model / "manifest.json").read_text(encoding="utf-8"))["rules"]["answer"]
    reliability(known, arguments.out / "reliability.png")
    selective(known, answer, arguments.out / "coverage.png")
    confusions(known, arguments.out / "confusions.png")
    if MEASURED.exists():
        shift(json.loads(MEASURED.read_text(encoding="utf-8")), arguments.out / "shift.png")


if __name__ == "__main__":
    main()
