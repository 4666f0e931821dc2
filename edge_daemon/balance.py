"""What is left of a prepaid plan: asked by USSD now and then, kept in the store, shown in the status.

The operator answers in words of its own, so the amount in them is found by its currency or by the word "balance".
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

from edge_daemon.clock import Now
from edge_daemon.config import BalanceRules
from edge_daemon.errors import Refused, SendFailed

RETRY_S = 3600.0
"""After a question that the network did not answer."""
LONGEST_ANSWER = 200
"""Characters; a USSD string has at most 182 (3GPP TS 23.038, 5.1)."""

_NUMBER = r"(-?\d[\d,]*(?:\.\d+)?)"
_CURRENCY = r"(?:rs\b\.?|inr\b|re\b\.?|₹|रु\.?)"
_MONEY = re.compile(rf"{_CURRENCY}\s*[:=]?\s*{_NUMBER}|{_NUMBER}\s*{_CURRENCY}", re.IGNORECASE)
_AFTER_BALANCE = re.compile(rf"\bbal(?:ance)?\b\D{{0,20}}?{_NUMBER}", re.IGNORECASE)

log = logging.getLogger(__name__)


class Memory(Protocol):
    """What is kept: edge_daemon.store.store.Store."""

    def note_balance(self, answer: str, amount: str | None) -> None: ...
    def balance(self) -> dict[str, Any] | None: ...


def parse_amount(answer: str) -> Decimal | None:
    """The amount in an operator's answer; of several, the first after the word "balance". None if there is none."""
    money = list(_MONEY.finditer(answer))
    word = re.search(r"\bbal", answer, re.IGNORECASE)
    later = [found for found in money if word and found.start() > word.start()]
    found = next(iter(later or money), None) or _AFTER_BALANCE.search(answer)
    if found is None:
        return None
    return Decimal(next(group for group in found.groups() if group).replace(",", ""))


def is_low(amount: str | None, rules: BalanceRules) -> bool:
    """Whether an amount, as kept, is below [balance] low."""
    return amount is not None and Decimal(amount) < Decimal(str(rules.low))


class Balance:
    """Asks when it is time to. ussd(code): the network's answer; raises DeviceError, Refused."""

    def __init__(
        self,
        rules: BalanceRules,
        memory: Memory,
        ussd: Callable[[str], Awaitable[str]],
        now: Now,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rules = rules
        self._memory = memory
        self._ussd = ussd
        self._now = now
        self._clock_s = clock_s
        self._next_s: float | None = None

    async def ask_if_due(self) -> None:
        """Ask, if [balance] every_h has passed, also over a restart. Call it while the modem lies idle.

        Raises the modem's DeviceErrors; that the network will not answer this is no trouble, only logged.
        """
        code = self._rules.code
        if code is None or not self._is_due():
            return
        self._next_s = self._clock_s() + RETRY_S
        try:
            answer = (await self._ussd(code))[:LONGEST_ANSWER]
        except (SendFailed, Refused) as why:
            log.warning("The balance is not known: %s Asking again in an hour.", why)
            return
        amount = parse_amount(answer)
        self._memory.note_balance(answer, None if amount is None else str(amount))
        self._next_s = self._clock_s() + self._rules.every_h * 3600
        if amount is not None and is_low(str(amount), self._rules):
            log.warning("The SIM's balance is low: %s.", amount)

    def _is_due(self) -> bool:
        if self._next_s is not None:
            return self._clock_s() >= self._next_s
        kept = self._memory.balance()
        if kept is None:
            return True
        age = self._now().utc - datetime.fromisoformat(kept["asked_at"])
        return not timedelta(0) <= age < timedelta(hours=self._rules.every_h)
