"""What a status report means, and which part it is about."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge_daemon.modem.deliveries import Outcome, SentPart, meaning, of_message, part_of
from edge_daemon.modem.pdu import StatusReport

DELIVERED, TRYING, FAILED, UNCONFIRMED = Outcome.DELIVERED, Outcome.TRYING, Outcome.FAILED, Outcome.UNCONFIRMED
FARMER = "+919812345678"


@pytest.mark.parametrize(
    ("status", "outcome", "words"),
    [
        (0x00, DELIVERED, "received"),
        (0x01, UNCONFIRMED, "cannot confirm"),
        (0x02, UNCONFIRMED, "replaced"),
        (0x03, FAILED, "service rejected"),  # reserved
        (0x10, UNCONFIRMED, "operator's own"),
        (0x20, TRYING, "congestion"),
        (0x25, TRYING, "error"),
        (0x26, FAILED, "service rejected"),  # reserved
        (0x3F, TRYING, "operator's own"),
        (0x46, FAILED, "validity period"),
        (0x4A, FAILED, "service rejected"),
        (0x50, FAILED, "operator's own"),
        (0x62, FAILED, "given up"),
        (0x7F, FAILED, "operator's own"),
        (0x80, FAILED, "service rejected"),
        (0xFF, FAILED, "service rejected"),
    ],
)
def test_statuses(status: int, outcome: Outcome, words: str) -> None:
    """3GPP TS 23.040, 9.2.3.15."""
    assert meaning(status).outcome is outcome
    assert words in meaning(status).words


def test_only_0_is_delivered() -> None:
    assert [status for status in range(256) if meaning(status).outcome is DELIVERED] == [0]


def report(number: str, reference: int) -> StatusReport:
    return StatusReport(number, reference, 0, None, None, None)


@pytest.mark.parametrize("number", [FARMER, "9812345678", "09812345678", "919812345678"])
def test_a_report_finds_its_part(number: str) -> None:
    sent = [SentPart(1, part, FARMER, 200 + part) for part in (1, 2, 3)] + [SentPart(2, 1, "+919812345679", 202)]
    assert part_of(report(number, 202), sent) == sent[1]
    assert part_of(report(number, 204), sent) is None


@pytest.mark.parametrize("number", ["+919812345679", "45678", "", "AIRTEL"])
def test_another_number_s_report_finds_none(number: str) -> None:
    assert part_of(report(number, 7), [SentPart(1, 1, FARMER, 7)]) is None


def test_short_numbers_are_the_same_only_whole() -> None:
    assert part_of(report("50131", 7), [SentPart(1, 1, "50131", 7)]) is not None
    assert part_of(report("131", 7), [SentPart(1, 1, "50131", 7)]) is None


def test_references_come_again() -> None:
    old, new = SentPart(1, 1, FARMER, 7), SentPart(9, 1, FARMER, 7)
    assert part_of(report(FARMER, 7), [old, new]) == new
    assert part_of(report(FARMER, 7), [old, replace(new, outcome=DELIVERED)]) == old
    assert part_of(report(FARMER, 7), [replace(old, outcome=FAILED), replace(new, outcome=TRYING)]) == replace(
        new, outcome=TRYING
    )
    done = [replace(old, outcome=DELIVERED), replace(new, outcome=DELIVERED)]
    assert part_of(report(FARMER, 7), done) == done[1]  # the network says it twice


@pytest.mark.parametrize(
    ("outcomes", "whole"),
    [
        ([], None),
        ([None, None], None),
        ([DELIVERED, None], None),
        ([DELIVERED, DELIVERED], DELIVERED),
        ([DELIVERED, TRYING], TRYING),
        ([DELIVERED, UNCONFIRMED], UNCONFIRMED),
        ([DELIVERED, FAILED, None], FAILED),
    ],
)
def test_a_message_is_delivered_when_all_parts_are(outcomes: list[Outcome | None], whole: Outcome | None) -> None:
    assert of_message(outcomes) is whole
