"""The verdict on a run: from what was queued and what came, and from what network and state folder hold. Pure.

A part that went again is explained by docs/adr/0003-sms-at-least-once.md where none of its earlier copies was committed
as sent, and the kiosk itself counted at least so many doubts about that message: an answer that did not come, or a
kiosk that ended before it could write the answer down.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.soak.evidence import Copy, Evidence, Kept
from tests.soak.messages import Coming, Outgoing

FILLER = "+910000000000"
"""Who wrote what ModemSimulator.fill_memory puts there: nothing that the network has brought."""
ENDS = {"sent", "delivered", "parked"}
_CODE = re.compile(r"\+CM[SE] ERROR(?:: \d+)?|(?<=answered )ERROR")
_PORT = re.compile(r" at \S+")


@dataclass(slots=True)
class Verdict:
    """states: how many messages ended so. Each list holds a sentence for each thing that is wrong.

    lost: queued or come, and nowhere. unended: neither sent nor delivered nor parked with a reason. unexplained: went
    or came twice against the rule. repeated: parts that went again. why_parked: reasons, and how often.
    """

    states: Counter[str] = field(default_factory=Counter)
    received: int = 0
    repeated: int = 0
    why_parked: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    unended: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether everything is as it should be."""
        return not (self.lost or self.unended or self.unexplained)


def judge(queued: dict[int, Outgoing], came: Sequence[Coming], evidence: Evidence) -> Verdict:
    """queued: what was promised, by the number of its row. came: what the network was given for the kiosk."""
    verdict = Verdict()
    outbox = {kept.id: kept for kept in evidence.outbox}
    for id, wanted in queued.items():
        _outgoing(verdict, id, wanted, outbox.get(id), evidence)
    _copies(verdict, outbox, evidence)
    _incoming(verdict, came, evidence)
    return verdict


def _outgoing(verdict: Verdict, id: int, wanted: Outgoing, kept: Kept | None, evidence: Evidence) -> None:
    if kept is None or (kept.number, kept.text) != (wanted.number, wanted.text):
        verdict.lost.append(f"message {id} is not in the outbox as it was queued")
        return
    verdict.states[kept.state] += 1
    if kept.state not in ENDS or (kept.state == "parked" and not kept.why):
        verdict.unended.append(f"message {id} is {kept.state}: {kept.why}")
    elif kept.state == "parked":
        verdict.why_parked[_reason(kept.why or "")] += 1
    elif (kept.number, kept.text) not in evidence.whole:
        verdict.lost.append(f"message {id} is {kept.state}, and no telephone shows its text")


def _reason(why: str) -> str:
    found = _CODE.search(why)
    return found[0] if found else _PORT.sub("", why)


def _copies(verdict: Verdict, outbox: dict[int, Kept], evidence: Evidence) -> None:
    """Each part that the network took: of which message, how often, and whether that may be."""
    owners = _Owners(outbox)
    by_part: dict[tuple[int, int], list[int]] = {}
    for copy in evidence.copies:
        owner = owners.of(copy)
        if owner is None:
            verdict.unexplained.append(f"the network took part {copy.part} of a message that nobody queued")
        else:
            by_part.setdefault((owner, copy.part), []).append(copy.reference)
    repeats = Counter(dict.fromkeys(outbox, 0))
    for (id, part), references in by_part.items():
        repeats[id] += len(references) - 1
        verdict.unexplained += _against_the_rule(id, part, references, outbox[id].committed.get(part, []))
    verdict.repeated = repeats.total()
    verdict.unexplained += [
        f"message {id}: {count} parts went again, and the kiosk was {outbox[id].doubts} times in doubt"
        for id, count in repeats.items()
        if count > outbox[id].doubts
    ]


def _against_the_rule(id: int, part: int, references: list[int], committed: list[int]) -> Iterator[str]:
    """references: of each copy; committed: those under which it was written down."""
    if len(committed) > 1 or committed not in ([], references[-1:]):
        yield f"message {id} part {part}: the network took it as {references}, and it was committed as {committed}"


class _Owners:
    """Finds the message that a copy is of: a part of several by its reference, a single one by its text."""

    def __init__(self, outbox: dict[int, Kept]) -> None:
        self._by_reference: dict[tuple[str, int], list[Kept]] = {}
        self._by_text: dict[tuple[str, str], int] = {}
        for kept in outbox.values():
            self._by_reference.setdefault((kept.number, kept.id % 256), []).append(kept)
            self._by_text[kept.number, kept.text] = kept.id

    def of(self, copy: Copy) -> int | None:
        if copy.message is None:
            return self._by_text.get((copy.number, copy.text))
        fits = self._by_reference.get((copy.number, copy.message), [])
        return next((kept.id for kept in fits if copy.text in kept.text), None)


def _incoming(verdict: Verdict, came: Sequence[Coming], evidence: Evidence) -> None:
    wanted = Counter((sms.number, sms.text) for sms in came)
    kept = Counter((number, text) for number, text, missing in evidence.came if missing == "[]" and number != FILLER)
    verdict.received = (wanted & kept).total()
    verdict.lost += [f"what {number} wrote is not kept: {text[:20]!r}" for number, text in (wanted - kept).elements()]
    verdict.unexplained += [
        f"what {number} wrote is kept once more: {text[:20]!r}" for number, text in (kept - wanted).elements()
    ]
    verdict.unexplained += [
        f"what {number} wrote is kept without parts {missing}: {text[:20]!r}"
        for number, text, missing in evidence.came
        if missing != "[]"
    ]
    if evidence.held or evidence.left:
        verdict.unended.append(f"{evidence.held} parts wait in the store, {evidence.left} in modem and network")
