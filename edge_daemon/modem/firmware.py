"""What the simulated modem answers: bytes in, bytes out. Behaves and refuses as a GSM modem does.

Sources: ITU-T V.250 (5.2 command lines, 5.7 results, 6.2.4 echo), 3GPP TS 27.007 (5 to 9), 3GPP TS 27.005 (3, 4).
Known commands are those that our driver and the tests' independent clients use; any other one is answered with ERROR.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

from edge_daemon.modem.network import INVALID_PDU, Network, Rejected

COMMAND_LIMIT_BYTES = 1024
COMMANDS_KEPT = 1000
PIN_TRIES = 3

_ESC = b"\x1b"
_EXTENDED = re.compile(r"(\+[A-Z]+)(=\?|\?|=)?(.*)", re.IGNORECASE | re.DOTALL)
_BASIC = re.compile(r"([EVQXZI]|&F)(\d?)", re.IGNORECASE)

_FIXED = {
    "+CGMI": "Krishi-Sandesh",
    "+CGMM": "Modem simulator",
    "+CGMR": "Revision 1",
    "+CGSN": "004999010640000",
    "+CIMI": "001010000000001",
    "+CFUN?": "+CFUN: 1",
    "+CMEE=?": "+CMEE: (0-2)",
    "+CMGF=?": "+CMGF: (0)",
    "+CMGF?": "+CMGF: 0",
    "+CPIN=?": "",
    "+CSCA?": '+CSCA: "+999000",145',
    "+CSMS?": "+CSMS: 0,1,1,1",
}
_TAKEN = {"+CMGF=0", "+CREG=0", "+COPS=3,0", "+CFUN=1", "+CNMI=0", "+CMGS=?"}
_WITHOUT_SIM = {"+CPIN", "+CMEE", "+CGMI", "+CGMM", "+CGMR", "+CGSN", "+CFUN"}
_CME_WORDS = {3: "operation not allowed", 11: "SIM PIN required", 12: "SIM PUK required", 16: "incorrect password"}
_SIM_PIN_WANTED, _SIM_PUK_WANTED, _WRONG_PASSWORD = 11, 12, 16
_CMS_PIN_WANTED, _CMS_NO_NETWORK = 311, 331


class _CmeError(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(f"+CME ERROR: {code}")
        self.code = code


class _Unknown(Exception):
    pass


class Firmware:
    """A modem from power-on. The public attributes are its faults and surroundings; set them at any time.

    registration: the state in +CREG. operator, rssi: as +COPS and +CSQ give them. pin: what the SIM asks for.
    mute: takes everything, says nothing. mute_at: goes mute at the command that begins so.
    answers_to_forget: so many PDUs are taken and not confirmed. deaf_to_echo_off: ATE0 is answered, and ignored.
    noise: lines that come unasked before and inside each reply.
    """

    def __init__(self, network: Network, pin: str | None = None, registration: int = 1) -> None:
        self.registration = registration
        self.operator = "Rehearsal"
        self.rssi = 21
        self.mute = False
        self.mute_at: str | None = None
        self.answers_to_forget = 0
        self.deaf_to_echo_off = False
        self.noise: tuple[str, ...] = ()
        self.commands: deque[str] = deque(maxlen=COMMANDS_KEPT)
        """The command lines that came, the oldest first."""
        self._network = network
        self._pin = pin
        self._locked = pin is not None
        self._pin_tries = PIN_TRIES
        self._echo = True
        self._cmee = 0
        self._buffer = b""
        self._pdu_octets: int | None = None
        """The length that AT+CMGS gave, while its PDU is awaited."""

    def receive(self, data: bytes) -> bytes:
        """Take what the kiosk said; what the modem says to that."""
        self._buffer += data
        said = b""
        while (found := re.search(rb"[\x1a\x1b]" if self._awaits_pdu else rb"[\r\x1b]", self._buffer)) is not None:
            said += self._take(self._buffer[: found.start()], found[0])
            self._buffer = self._buffer[found.end() :]
        if len(self._buffer) > COMMAND_LIMIT_BYTES:
            self._buffer = b""
        return b"" if self.mute else said

    @property
    def _awaits_pdu(self) -> bool:
        return self._pdu_octets is not None

    def _take(self, body: bytes, end: bytes) -> bytes:
        said = body + end if self._echo else b""
        text = body.decode("ascii", "replace").strip()
        if self._pdu_octets is not None:
            octets, self._pdu_octets = self._pdu_octets, None
            return said + (self._say("OK") if end == _ESC else self._submit(text, octets))
        if end == _ESC or not text:
            return said
        self.commands.append(text)
        if self.mute_at is not None and text.startswith(self.mute_at):
            self.mute = True
        return said + self._command_line(text)

    def _submit(self, pdu: str, octets: int) -> bytes:
        if self.mute:
            return b""  # it hangs: the network sees nothing of this PDU
        try:
            reference = self._network.submit(pdu, octets)
        except Rejected as why:
            return self._say(str(why))
        if self.answers_to_forget:
            self.answers_to_forget -= 1
            return b""
        return self._say(f"+CMGS: {reference}", "OK")

    def _command_line(self, text: str) -> bytes:
        found = re.search("AT", text, re.IGNORECASE)
        if found is None:
            return b""  # V.250, 5.2.1: what does not begin with AT is passed over
        try:
            lines = [line for command in _commands(text[found.end() :]) for line in self._command(command)]
        except _Unknown:
            return self._say("ERROR")
        except _CmeError as why:
            return self._say(self._cme(why.code))
        except Rejected as why:
            return self._say(str(why))
        if self._awaits_pdu:
            return self._say() + b"\r\n> "
        return self._say(*lines, "OK")

    def _say(self, *lines: str) -> bytes:
        spoken = [said for line in lines for said in (*self.noise, line)] or list(self.noise)
        return b"".join(b"\r\n" + line.encode("ascii", "replace") + b"\r\n" for line in spoken)

    def _cme(self, code: int) -> str:
        if self._cmee == 0:
            return "ERROR"
        return f"+CME ERROR: {code if self._cmee == 1 else _CME_WORDS.get(code, 'unknown')}"

    def _command(self, text: str) -> list[str]:
        if basic := _BASIC.fullmatch(text):
            return self._basic(basic[1].upper(), basic[2])
        extended = _EXTENDED.fullmatch(text)
        if extended is None:
            raise _Unknown
        name, operator, value = extended[1].upper(), extended[2] or "", extended[3]
        if self._locked and name not in _WITHOUT_SIM:
            if name == "+CMGS":
                raise Rejected(_CMS_PIN_WANTED)
            raise _CmeError(_SIM_PIN_WANTED if self._pin_tries else _SIM_PUK_WANTED)
        if act := _ACTIONS.get(name + operator):
            return act(self, value)
        return _fixed(name + operator + value)

    def _basic(self, letter: str, value: str) -> list[str]:
        if letter in {"Z", "&F"}:
            self._echo, self._cmee = True, 0
        elif letter == "E":
            self._echo = value == "1" or self.deaf_to_echo_off
        elif letter == "I":
            return [_FIXED["+CGMI"], _FIXED["+CGMM"]]
        return []

    def _set_cmee(self, value: str) -> list[str]:
        if value not in {"0", "1", "2"}:
            raise _CmeError(3)
        self._cmee = int(value)
        return []

    def _tell_pin(self, _: str) -> list[str]:
        return [f"+CPIN: {'READY' if not self._locked else 'SIM PIN' if self._pin_tries else 'SIM PUK'}"]

    def _enter_pin(self, value: str) -> list[str]:
        if not self._locked:
            raise _CmeError(3)
        if not self._pin_tries:
            raise _CmeError(_SIM_PUK_WANTED)
        if value.strip('"') != self._pin:
            self._pin_tries -= 1
            raise _CmeError(_WRONG_PASSWORD)
        self._locked, self._pin_tries = False, PIN_TRIES
        return []

    def _tell_operator(self, _: str) -> list[str]:
        return [f'+COPS: 0,0,"{self.operator}"' if self.registration in {1, 5} else "+COPS: 0"]

    def _begin_submit(self, value: str) -> list[str]:
        if not value.isdecimal():
            raise Rejected(INVALID_PDU)
        if self.registration not in {1, 5}:
            raise Rejected(_CMS_NO_NETWORK)
        self._pdu_octets = int(value)
        return []


_ACTIONS: dict[str, Callable[[Firmware, str], list[str]]] = {
    "+CMEE=": Firmware._set_cmee,
    "+CMEE?": lambda modem, _: [f"+CMEE: {modem._cmee}"],
    "+CPIN?": Firmware._tell_pin,
    "+CPIN=": Firmware._enter_pin,
    "+CREG?": lambda modem, _: [f"+CREG: 0,{modem.registration}"],
    "+CSQ": lambda modem, _: [f"+CSQ: {modem.rssi},99"],
    "+COPS?": Firmware._tell_operator,
    "+CMGS=": Firmware._begin_submit,
}


def _fixed(command: str) -> list[str]:
    if command in _TAKEN:
        return []
    answer = _FIXED.get(command)
    if answer is None:
        raise _Unknown
    return [answer] if answer else []


def _commands(line: str) -> list[str]:
    """The commands of a line: basic ones follow each other, an extended one ends at ";" (V.250, 5.2.1)."""
    commands = []
    while line:
        if basic := _BASIC.match(line):
            commands.append(basic[0])
            line = line[basic.end() :]
        else:
            command, _, line = line.partition(";")
            commands.append(command)
    return commands
