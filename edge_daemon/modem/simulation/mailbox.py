"""What a modem does with SMS that come in: keeps them, tells of them, hands them on, wants an answer. No I/O.

Source: 3GPP TS 27.005 (3.1 memories, 3.4.1 AT+CNMI and its tables, 3.4.4 AT+CNMA), 3GPP TS 23.040 (3.2.5 no room).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from edge_daemon.modem.simulation import text_mode
from edge_daemon.modem.simulation.memories import FLASH, REPORTS, SIM, UNREAD, Memory, StoredSms
from edge_daemon.modem.simulation.models import Model
from edge_daemon.modem.simulation.results import CMS_INVALID_INDEX, CMS_NO_ACK_EXPECTED, Rejected
from edge_daemon.modem.simulation.service_centre import Incoming, ServiceCentre
from edge_daemon.modem.simulation.settings import Faults, Settings
from edge_daemon.modem.simulation.sim import Sim

ACK_S = 10.0
"""How long a message that was handed on waits for AT+CNMA. The network's own limit is longer (3GPP TS 24.011, TR2M)."""
RETRY_S = 10.0
"""How long the service centre waits before it sends again what was not acknowledged."""
LINES_KEPT = 64
"""Lines of +CNMI <mode> 0; the oldest are dropped, as 27.005, 3.4.1 allows."""

MODE, MT, BM, DS, BFR = range(5)
"""The values of AT+CNMI."""

Later = Callable[[float, Callable[[], None]], None]


class Mailbox:
    """The memories, and the way of a message into one of them or on to the kiosk.

    say: called with a line that comes unasked. later: called with a delay in seconds and what is to be done then.
    ack_s, retry_s: may be set at any time.
    """

    def __init__(
        self, model: Model, sim: Sim, centre: ServiceCentre, faults: Faults, say: Callable[[str], None], later: Later
    ) -> None:
        self.ack_s, self.retry_s = ACK_S, RETRY_S
        sim.memory.count_from(model.first_index)
        self.memories = {
            SIM: sim.memory,
            FLASH: Memory(FLASH, sim.memory.sizes, model.first_index),
            REPORTS: Memory(REPORTS, sim.memory.sizes, model.first_index),
        }
        self._model = model
        self._centre = centre
        self._faults = faults
        self._say = say
        self._later = later
        self.settings = Settings([], [0] * 5)
        """Those of the modem, which it replaces."""
        self._unacknowledged: Incoming | None = None
        self._turn = 0
        """Counts the messages that wanted an acknowledgement, so that a late deadline finds its own one only."""
        self._told_full: set[str] = set()
        self._kept_lines: deque[str] = deque(maxlen=LINES_KEPT)

    def power_on(self) -> None:
        """What it kept to say is gone."""
        self._kept_lines.clear()
        self._told_full.clear()

    def power_off(self) -> None:
        """What was not acknowledged goes back to the network."""
        self._hand_back()

    @property
    def receiving(self) -> Memory:
        """<mem3>: where messages come in."""
        return self.memories[self.settings.memories[2]]

    def take(self, message: Incoming) -> bool:
        """Whether it was taken: one at a time, while an acknowledgement is wanted."""
        if self._unacknowledged is not None:
            return False
        return self._take_report(message) if message.is_report else self._take_text(message)

    def read(self, memory: Memory, index: int) -> StoredSms | None:
        """What is in a place, None if that is empty. Raises Rejected where there is no such place."""
        if not memory.has(index):
            raise Rejected(CMS_INVALID_INDEX)
        kept = memory.get(index)
        if kept is None and not self._model.empty_is_ok:
            raise Rejected(CMS_INVALID_INDEX)
        return kept

    def delete(self, memory: Memory, indexes: list[int]) -> None:
        """Make room; what waits in the network is not yet asked for."""
        for index in indexes:
            memory.delete(index)
        if indexes:
            self._told_full.discard(memory.name)

    def acknowledge(self, *, taken: bool) -> None:
        """AT+CNMA. Raises Rejected where nothing waits for it."""
        if self._unacknowledged is None:
            raise Rejected(CMS_NO_ACK_EXPECTED)
        if taken:
            self._unacknowledged = None
        else:
            self._hand_back()

    def indications_changed(self) -> None:
        """After AT+CNMI: lines that were kept for <mode> 0 are said, or forgotten with <bfr> 1."""
        if self.settings.cnmi[MODE] != 0:
            lines = [] if self.settings.cnmi[BFR] else list(self._kept_lines)
            self._kept_lines.clear()
            for line in lines:
                self._say(line)

    def _take_text(self, message: Incoming) -> bool:
        if self._is_routed(message):
            self._route("+CMT", message, acknowledged=self.settings.cnmi[MT] >= 2)
            return True
        kept = self._keep(self.memories[SIM] if message.must_be_kept else self.receiving, message)
        if kept is not None and self.settings.cnmi[MT]:
            self._tell(f'+CMTI: "{kept.memory}",{kept.index}')
        return kept is not None

    def _is_routed(self, message: Incoming) -> bool:
        """27.005, 3.4.1, the table of <mt>; a modem without a display keeps class 0 like others (23.038, 4)."""
        mt = self.settings.cnmi[MT]
        if message.must_be_kept or mt == 0:
            return False
        flash = message.message_class == 0 and self._model.flash_is_routed
        return mt == 2 or (mt == 3 and message.message_class == 3) or flash

    def _take_report(self, message: Incoming) -> bool:
        ds = self.settings.cnmi[DS]
        if ds == 1:
            self._route("+CDS", message, acknowledged=True)
        elif ds == 2:
            return self._keep_report(message)
        else:
            self._faults.counts["reports dropped"] += 1
        return True

    def _keep_report(self, message: Incoming) -> bool:
        memory = self.receiving
        if self._faults.reports_hidden:
            memory = self.memories[REPORTS]
            if not memory.free:
                memory.delete(min(kept.index for kept in memory))
        kept = self._keep(memory, message)
        if kept is not None:
            self._tell(f'+CDSI: "{self.receiving.name}",{kept.index}')
        return kept is not None

    def _keep(self, memory: Memory, message: Incoming) -> StoredSms | None:
        kept = memory.keep(message.pdu, UNREAD)
        if kept is None:
            self._faults.counts["memory full"] += 1
            self._tell_full(memory)
        return kept

    def _tell_full(self, memory: Memory) -> None:
        """Once for each time that it is full; EC25 only where AT+QINDCFG asked for it."""
        line = self._model.full_line
        wanted = not line.startswith("+QIND") or "smsfull" in self.settings.vendor
        if line and wanted and memory.name not in self._told_full:
            self._say(line.format(memory=memory.name))
        self._told_full.add(memory.name)

    def _route(self, name: str, message: Incoming, *, acknowledged: bool) -> None:
        self._tell(text_mode.routed(name, message, self.settings))
        if acknowledged and self.settings.service == 1:
            self._unacknowledged = message
            self._turn += 1
            turn = self._turn
            self._later(self.ack_s, lambda: self._too_late(turn))

    def _too_late(self, turn: int) -> None:
        """No acknowledgement in time: nothing more is handed on until AT+CNMI says so again (27.005, 3.4.1)."""
        if self._unacknowledged is not None and turn == self._turn:
            self.settings.cnmi[MT] = self.settings.cnmi[DS] = 0
            self._faults.counts["not acknowledged"] += 1
            self._hand_back()

    def _hand_back(self) -> None:
        message, self._unacknowledged = self._unacknowledged, None
        if message is not None:
            self._centre.give_back(message)
            self._later(self.retry_s, lambda: None)  # whoever keeps the time offers what waits after each of these

    def _tell(self, line: str) -> None:
        name = line.partition(":")[0]
        self._faults.counts[name] += 1
        if self.settings.cnmi[MODE] == 0:
            self._kept_lines.append(line)
        else:
            self._say(line)
