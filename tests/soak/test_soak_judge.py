"""The judge of the soak sees what is wrong: a judge who is always content proves nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.soak.evidence import Copy, Evidence, Kept
from tests.soak.judge import FILLER, Verdict, judge
from tests.soak.messages import Coming, Outgoing, outgoing, refused_for_good

FARMER = "+919800000001"
TEXT = "out 0 Spray at dawn, drain the field."
QUEUED = {300: Outgoing(FARMER, "en", TEXT)}
CAME = [Coming(FARMER, "in 0 Is it blast?", ("00",))]
KEPT = Kept(300, FARMER, TEXT, "sent", None, 0, {1: [7], 2: [8]})
COPIES = [Copy(FARMER, 300 % 256, 1, TEXT[:15], 7), Copy(FARMER, 300 % 256, 2, TEXT[15:], 8)]
GOOD = Evidence(COPIES, frozenset({(FARMER, TEXT)}), [KEPT], [(FARMER, "in 0 Is it blast?", "[]")], 0, 0)
AGAIN = [COPIES[0], COPIES[0], COPIES[1]]


def verdict_on(evidence: Evidence) -> Verdict:
    return judge(QUEUED, CAME, evidence)


def with_kept(evidence: Evidence = GOOD, **changes: object) -> Evidence:
    return replace(evidence, outbox=[replace(KEPT, **changes)])  # type: ignore[arg-type]  # names of Kept's fields


def test_all_is_well() -> None:
    verdict = verdict_on(GOOD)
    assert verdict.holds
    assert (dict(verdict.states), verdict.received, verdict.repeated) == ({"sent": 1}, 1, 0)


@pytest.mark.parametrize(
    ("evidence", "where"),
    [
        (replace(GOOD, outbox=[]), "lost"),
        (with_kept(text=TEXT[:-1]), "lost"),
        (replace(GOOD, whole=frozenset()), "lost"),
        (replace(GOOD, whole=frozenset({(FARMER, TEXT[:-1])})), "lost"),
        (replace(GOOD, came=[]), "lost"),
        (replace(GOOD, came=[(FARMER, "in 0 Is it bl?st?", "[]")]), "lost"),
        (replace(GOOD, came=[(FARMER, "in 0 Is […]", "[2]")]), "lost"),
        (with_kept(state="waiting"), "unended"),
        (with_kept(state="sending"), "unended"),
        (with_kept(state="parked", why=""), "unended"),
        (replace(GOOD, held=1), "unended"),
        (replace(GOOD, left=1), "unended"),
        (replace(GOOD, came=GOOD.came * 2), "unexplained"),
        (replace(GOOD, copies=[*COPIES, Copy(FARMER, None, 1, "Nobody wrote this.", 9)]), "unexplained"),
        (replace(GOOD, copies=AGAIN), "unexplained"),  # and the kiosk was in no doubt
        (with_kept(replace(GOOD, copies=AGAIN), doubts=1, committed={1: [7, 9], 2: [8]}), "unexplained"),
        (with_kept(committed={1: [9], 2: [8]}), "unexplained"),  # written down under what the network never said
    ],
)
def test_what_is_wrong_is_said(evidence: Evidence, where: str) -> None:
    verdict = verdict_on(evidence)
    assert not verdict.holds
    assert getattr(verdict, where)


def test_a_part_in_doubt_may_go_again() -> None:
    copies = [replace(COPIES[0], reference=6), *COPIES]
    verdict = verdict_on(with_kept(replace(GOOD, copies=copies), doubts=1))
    assert (verdict.holds, verdict.repeated) == (True, 1)


def test_a_part_that_was_committed_may_not() -> None:
    copies = [replace(COPIES[0], reference=6), *COPIES]
    verdict = verdict_on(with_kept(replace(GOOD, copies=copies), doubts=1, committed={1: [6], 2: [8]}))
    assert verdict.unexplained == ["message 300 part 1: the network took it as [6, 7], and it was committed as [6]"]


def test_a_parked_message_has_a_reason_and_needs_to_be_nowhere() -> None:
    why = "The modem answered +CMS ERROR: 1 to AT+CMGS: the number is not assigned to anyone."
    verdict = verdict_on(with_kept(replace(GOOD, copies=[], whole=frozenset()), state="parked", why=why))
    assert verdict.holds
    assert verdict.why_parked == {"+CMS ERROR: 1": 1}


def test_what_filled_the_memory_is_nobody_s_message() -> None:
    assert verdict_on(replace(GOOD, came=[*GOOD.came, (FILLER, "Old message 1.", "[]")])).holds


def test_a_seed_gives_the_same_messages_and_none_twice() -> None:
    texts = outgoing(500, 3)
    assert texts == outgoing(500, 3)
    assert len({sms.text for sms in texts}) == 500
    assert set(refused_for_good(500)) <= {sms.number for sms in texts}
