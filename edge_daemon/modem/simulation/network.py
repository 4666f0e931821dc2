"""The telephone network behind the simulated modem: takes PDUs, keeps a log, answers codes, knows the time.

Rules kept here:
- a PDU is in the log file before the modem confirms it, so what a killed kiosk had handed over can be read afterwards;
- taking a PDU costs the same however many came before.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from edge_daemon.modem.fields import BadPdu
from edge_daemon.modem.pdu import Submit, parse_submit
from edge_daemon.modem.simulation import encoder
from edge_daemon.modem.simulation.handsets import Handsets, ReceivedSms
from edge_daemon.modem.simulation.results import CMS_INVALID_PDU, Rejected
from edge_daemon.modem.simulation.service_centre import ServiceCentre, incoming
from edge_daemon.modem.simulation.sim import SMSC

__all__ = ["Clock", "Network", "ReceivedSms", "Rejected", "UssdAnswer", "read_log"]

REFERENCES = 256
"""TP-MR is one octet (3GPP TS 23.040, 9.2.3.6)."""
REGISTERED = {1, 5, 6, 7}
"""At home or roaming; 6 and 7 for SMS only (3GPP TS 27.007, 7.2)."""
_INDIA = timezone(timedelta(hours=5, minutes=30))


class Clock:
    """The network's time: the machine's, in India, until `set` says another one."""

    def __init__(self) -> None:
        self.is_set = False
        self._base = datetime.now(_INDIA)
        self._since_s = time.monotonic()

    def set(self, now: datetime) -> None:
        """It is `now`, with its time zone. Raises ValueError for a time without one."""
        if now.tzinfo is None:
            raise ValueError(f"{now}: a network's time has a zone")
        self._base, self._since_s, self.is_set = now, time.monotonic(), True

    def now(self) -> datetime:
        """The time, with its zone."""
        return self._base + timedelta(seconds=time.monotonic() - self._since_s)


@dataclass(frozen=True, slots=True)
class UssdAnswer:
    """What the network says to a code. text: None if it never answers. dcs: 15 in the default alphabet, 72 in UCS-2.

    session: it waits for another code (<m> 1 in 3GPP TS 27.007, 7.15).
    """

    text: str | None = field(repr=False)
    dcs: int = 15
    session: bool = False


class Network:
    """Takes what a modem submits. log: a file that gets one JSON line for each PDU taken.

    registration: the state in +CREG that the network grants; lte_registration: likewise in +CEREG.
    operator, operator_code, rssi: as +COPS and +CSQ give them.
    """

    def __init__(self, log: Path | None = None, on_message: Callable[[ReceivedSms], None] | None = None) -> None:
        self.registration = self.lte_registration = 1
        self.operator, self.operator_code = "Rehearsal", "00101"
        self.rssi = 21
        self.refused: dict[str, int] = {}
        """Numbers that are not taken, with the +CMS ERROR code for each."""
        self.ussd: dict[str, UssdAnswer] = {}
        self.clock = Clock()
        self.centre = ServiceCentre()
        self.handsets = Handsets()
        self._log = log
        self._on_message = on_message
        self._reference = REFERENCES - 1

    @property
    def received(self) -> tuple[ReceivedSms, ...]:
        """Every message that came, the oldest first."""
        return self.handsets.received

    @property
    def serves(self) -> bool:
        """Whether it would take a modem's SMS: registered by either way."""
        return bool(REGISTERED & {self.registration, self.lte_registration})

    def submit(self, pdu: str, tpdu_octets: int) -> int:
        """Take a PDU; its reference, 0 to 255, which counts on. The report that it asks for waits. Raises Rejected."""
        try:
            part = parse_submit(pdu)
        except BadPdu as why:
            raise Rejected(CMS_INVALID_PDU) from why
        if part.tpdu_octets != tpdu_octets:
            raise Rejected(CMS_INVALID_PDU)
        if (code := self.refused.get(part.number)) is not None:
            raise Rejected(code)
        self._reference = (self._reference + 1) % REFERENCES
        self._write_down(part, pdu)
        self.deliver(part)
        self._report(part)
        return self._reference

    def _write_down(self, part: Submit, pdu: str) -> None:
        if self._log is None:
            return
        concat = part.data.concat
        entry = {
            "pdu": pdu,
            "reference": self._reference,
            "number": part.number,
            "part": concat.part if concat else 1,
            "parts": concat.parts if concat else 1,
            "text": part.text,
        }
        with self._log.open("ab", buffering=0) as file:
            file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")

    def deliver(self, part: Submit) -> None:
        """Bring a part to its telephone."""
        shown = self.handsets.take(part)
        if shown.complete and self._on_message is not None:
            self._on_message(shown)

    def _report(self, part: Submit) -> None:
        status = self.centre.status
        if part.report_wanted and status is not None and not self.centre.is_full:
            now = self.clock.now()
            pdu = encoder.status_report(part.number, self._reference, status, smsc=SMSC, time=now, discharge=now)
            self.centre.add(incoming(pdu))


def read_log(path: Path) -> tuple[ReceivedSms, ...]:
    """What the network took according to its log; nothing where there is none."""
    handsets = Handsets()
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            handsets.take(parse_submit(json.loads(line)["pdu"]))
    return handsets.received
