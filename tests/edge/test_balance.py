"""The balance: found in what operators say, asked when it is time to."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from edge_daemon.balance import RETRY_S, Balance, is_low, parse_amount
from edge_daemon.clock import Instant
from edge_daemon.config import BalanceRules
from edge_daemon.errors import ModemGone, SendFailed

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
RULES = BalanceRules(code="*123#", every_h=24, low=20)


@pytest.mark.parametrize(
    ("answer", "amount"),
    [
        ("Your balance is Rs. 45.67. Valid till 12-01-2027", "45.67"),
        ("Bal:Rs1,234.50,Val:31/12/26", "1234.50"),
        ("Main Balance INR 12", "12"),
        ("₹ 99.10 शेष", "99.10"),
        ("Talktime 45.20 Rs, exp 01.01.27", "45.20"),
        ("Recharge Rs 10 done. Balance: Rs 7.05", "7.05"),
        ("Bal is 8.30 until 1 Jan", "8.30"),
        ("Bal Rs -3.00", "-3.00"),
        ("Offer! Dial *567# for 2 GB", None),
        ("", None),
    ],
)
def test_the_amount_in_an_operator_s_words(answer: str, amount: str | None) -> None:
    found = parse_amount(answer)
    assert (None if found is None else str(found)) == amount


def test_low_is_below_the_limit() -> None:
    assert [is_low(amount, RULES) for amount in ("19.99", "20.00", None)] == [True, False, False]


class Kept:
    """A memory, and a network that answers; both of the test's own."""

    def __init__(self) -> None:
        self.newest: dict[str, Any] | None = None
        self.utc = NOON
        self.up_s = 0.0
        self.asked = 0
        self.trouble: Exception | None = None

    def note_balance(self, answer: str, amount: str | None) -> None:
        self.newest = {"answer": answer, "amount": amount, "asked_at": self.utc.isoformat()}

    def balance(self) -> dict[str, Any] | None:
        return self.newest

    async def ussd(self, code: str) -> str:
        assert code == "*123#"
        self.asked += 1
        if self.trouble:
            raise self.trouble
        return "Balance Rs 5.00" + "!" * 1000

    def asker(self, rules: BalanceRules = RULES) -> Balance:
        return Balance(rules, self, self.ussd, lambda: Instant(self.utc, "unsure"), lambda: self.up_s)


def ask(balance: Balance) -> None:
    asyncio.run(balance.ask_if_due())


def test_it_is_asked_once_in_its_time_also_over_a_restart() -> None:
    kept = Kept()
    ask(kept.asker())
    assert kept.newest is not None
    assert (kept.newest["amount"], len(kept.newest["answer"])) == ("5.00", 200)
    kept.utc += timedelta(hours=23)
    again = kept.asker()
    ask(again)
    kept.utc += timedelta(hours=1)
    ask(again)
    assert kept.asked == 2
    kept.up_s += 24 * 3600 - 1
    ask(again)
    assert kept.asked == 2
    kept.up_s += 1
    ask(again)
    assert kept.asked == 3


def test_an_answer_that_stands_in_the_future_is_not_waited_for() -> None:
    kept = Kept()
    ask(kept.asker())
    kept.utc -= timedelta(days=365)
    ask(kept.asker())
    assert kept.asked == 2


def test_a_network_that_does_not_answer_is_asked_again_in_an_hour() -> None:
    kept = Kept()
    kept.trouble = SendFailed("no service")
    balance = kept.asker()
    ask(balance)
    ask(balance)
    assert (kept.asked, kept.newest) == (1, None)
    kept.up_s += RETRY_S
    ask(balance)
    assert kept.asked == 2


def test_a_modem_that_is_gone_is_the_modem_s_trouble() -> None:
    kept = Kept()
    kept.trouble = ModemGone("unplugged")
    with pytest.raises(ModemGone):
        ask(kept.asker())


def test_without_a_code_nobody_is_asked() -> None:
    kept = Kept()
    ask(kept.asker(BalanceRules()))
    assert kept.asked == 0
