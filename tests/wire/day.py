"""Reports as a village's kiosk makes them over a day: seeded, so that sizes and times can be compared."""

from __future__ import annotations

import json
import random
import uuid
from pathlib import Path

from edge_daemon.wire.messages import Candidate, DiagnosisReport

LABELS = json.loads((Path(__file__).parents[2] / "model/shipped/manifest.json").read_text())["labels"]
MORNING = 1_795_400_000 - 1_795_400_000 % 86_400 + 1_800
"""Half past midnight UTC: six in the morning in India."""
OPEN_S = 12 * 3600


def diagnoses(count: int, seed: int = 1, kiosk: str = "koraput-7") -> list[DiagnosisReport]:
    """As many diagnoses of one day, oldest first. Every seventh visit has two photos."""
    draw = random.Random(seed)
    grown = draw.sample(sorted({label.partition("/")[0] for label in LABELS}), 4)
    times = sorted(draw.randrange(OPEN_S) for _ in range(count))
    reports: list[DiagnosisReport] = []
    for place, time in enumerate(times):
        report = _diagnosis(draw, grown, kiosk, MORNING + time)
        if place % 8 == 7:
            again = {"visit": reports[-1].visit, "taken_at": reports[-1].taken_at + draw.randrange(15, 60)}
            again |= {"crop": reports[-1].crop, "language": reports[-1].language}
            report = report.model_copy(update=again)
        reports.append(report)
    return reports


def _diagnosis(draw: random.Random, grown: list[str], kiosk: str, at: int) -> DiagnosisReport:
    crop = draw.choices(grown, [8, 4, 2, 1])[0]
    named = draw.random() < 0.8
    first = draw.choice([label for label in LABELS if label.startswith(f"{crop}/")])
    others = [label for label in LABELS if label != first and (label.startswith(f"{crop}/") or not named)]
    best = draw.betavariate(6, 1.2)
    second = (1 - best) * draw.betavariate(4, 2)
    third = (1 - best - second) * draw.betavariate(4, 2)
    labels = [first, *draw.sample(others, min(2, len(others)))]
    return DiagnosisReport(
        diagnosis=_id(draw),
        visit=_id(draw),
        kiosk=kiosk,
        taken_at=at,
        clock="synced",
        crop=crop if named else None,
        decision="answer" if best > 0.745 else "two_candidates" if best + second > 0.954 else "not_sure",
        candidates=tuple(
            Candidate(label=label, permille=round(share * 1000))
            for label, share in zip(labels, (best, second, third), strict=False)
        ),
        model="lite0-tuned-3",
        language=draw.choices(["te", "hi", "kn", "en"], [80, 12, 6, 2])[0],
        rehearsal=False,
    )


def _id(draw: random.Random) -> str:
    return uuid.UUID(int=draw.getrandbits(128), version=4).hex
