"""When to ask what, and whom not at all. Pure: an advice and a farmer's pseudonym in, questions with their days out.

Who is in the control group, and who gets which wording of an experiment, follows from the pseudonym alone: it stays so
across visits and restarts, and nobody chooses.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from edge_daemon.config import Conversation
from edge_daemon.diagnosis import Candidate
from edge_daemon.exchange import Planned, Topic

RECALL_DAYS = {Topic.RECALL_3: 3, Topic.RECALL_14: 14}
LATEST = {
    Topic.HELP: timedelta(days=14),
    Topic.RECALL_3: timedelta(days=3),
    Topic.RECALL_14: timedelta(days=10),
    Topic.REASON: timedelta(0),
}
"""How long after its day a question is still worth asking: what is asked on day 7 is no "day 3"."""
SHARES = 10_000


@dataclass(frozen=True)
class Plan:
    """edge_daemon.store.questions.Planner. urgency_of: of a label, None for one that is asked nothing about."""

    rules: Conversation
    urgency_of: Callable[[str], str | None]

    def questions(self, best: Candidate, pseudonym: str) -> Sequence[Planned]:
        """What is asked about an advice on this label: nothing on a healthy leaf; no quiz of the control group."""
        urgency = self.urgency_of(best.label)
        if urgency is None or not self.rules.follow_ups:
            return ()
        asked = [Planned(Topic.HELP, timedelta(days=self._help_days(urgency)))]
        if not is_control(pseudonym, self.rules.control_percent):
            asked += [Planned(topic, timedelta(days=days)) for topic, days in RECALL_DAYS.items()]
        return sorted(asked, key=lambda planned: planned.after)

    def _help_days(self, urgency: str) -> float:
        days = {"high": self.rules.help_days_high, "medium": self.rules.help_days_medium}
        return days.get(urgency, self.rules.help_days_low)


def is_control(pseudonym: str, percent: int) -> bool:
    """Whether a farmer gets advice but no quiz. percent: of all farmers."""
    return _share("control", pseudonym) < percent * SHARES // 100


def variant(pseudonym: str, experiment: str) -> Literal["a", "b"]:
    """Which wording a farmer gets in an experiment of this name."""
    return "a" if _share(f"experiment {experiment}", pseudonym) < SHARES // 2 else "b"


def _share(purpose: str, pseudonym: str) -> int:
    """A farmer's place, 0 to SHARES - 1, in the order that is drawn for a purpose."""
    digest = hashlib.sha256(f"{purpose}\n{pseudonym}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % SHARES
