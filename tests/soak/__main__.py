"""See tests/soak/__init__.py. Exit code 1 where something is lost, has no end, or went twice against the rule."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from edge_daemon.modem.simulation.models import ModelName
from tests.soak.faults import KINDS
from tests.soak.keeper import SPEED
from tests.soak.play import Outcome, Plan, Run

BUILD = Path("build")
MOST_SHOWN = 20


def as_data(outcome: Outcome) -> dict[str, Any]:
    """What build/soak.json holds."""
    verdict, plan = outcome.verdict, outcome.plan
    return {
        "seed": plan.seed,
        "out": plan.out,
        "in": plan.come,
        "model": plan.modem,
        "seconds": round(outcome.seconds, 1),
        **{state: verdict.states[state] for state in ("sent", "delivered", "parked")},
        "unended": len(verdict.unended),
        "lost": len(verdict.lost),
        "parts": outcome.parts,
        "repeated": verdict.repeated,
        "unexplained": len(verdict.unexplained),
        "received": verdict.received,
        "daemon_bugs": len(outcome.bugs),
        "why_parked": dict(verdict.why_parked.most_common()),
        "faults": outcome.faults,
    }


def lines(outcome: Outcome) -> Iterator[str]:
    """The table."""
    data = as_data(outcome)
    for name, value in data.items():
        if isinstance(value, dict):
            yield f"{name}:"
            yield from (f"    {count:>6} {what}" for what, count in value.items())
        else:
            yield f"{name:<24}{value!s:>12}"
    verdict = outcome.verdict
    for name, wrong in {
        "LOST": verdict.lost,
        "WITHOUT END": verdict.unended,
        "UNEXPLAINED": verdict.unexplained,
        "THE DAEMON": outcome.bugs,
    }.items():
        yield from (f"{name}: {sentence}" for sentence in wrong[:MOST_SHOWN])
        if len(wrong) > MOST_SHOWN:
            yield f"{name}: {len(wrong) - MOST_SHOWN} more"


def _plan(words: list[str]) -> Plan:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description="Messages under faults. See docs/sms.md.")
    parser.add_argument("--out", type=int, default=10_000, help="messages out")
    parser.add_argument("--in", type=int, default=2_000, dest="come", help="messages in")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32)
    parser.add_argument("--model", choices=get_args(ModelName), help="one of them by the seed, unless it is named")
    parser.add_argument("--kinds", default=",".join(KINDS), help="names of faults, with commas; none for no faults")
    given = parser.parse_args(words)
    kinds = tuple(kind for kind in given.kinds.split(",") if kind)
    if unknown := set(kinds) - set(KINDS):
        parser.error(f"no such faults: {', '.join(sorted(unknown))}. There are: {', '.join(KINDS)}")
    return Plan(given.out, given.come, given.seed, kinds, given.model)


def main(words: list[str]) -> int:
    """Run, tell, write build/soak.json."""
    plan = _plan(words)
    folder = BUILD / "soak"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    print(f"Soak: {plan.out} messages out, {plan.come} in, by a {plan.modem}; seed {plan.seed}.")
    print(f"The daemon's time runs {SPEED} times as fast.")
    outcome = Run(plan, folder.absolute(), print).play()
    (BUILD / "soak.json").write_text(json.dumps(as_data(outcome), indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(*lines(outcome), sep="\n")
    print("Everything came to its end." if outcome.holds else f"Not as it should be; {folder} holds what it was.")
    return 0 if outcome.holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
