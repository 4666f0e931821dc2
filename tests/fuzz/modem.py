"""The simulated modem: any commands from the kiosk, any PDUs from the network. It answers, and never breaks."""

from __future__ import annotations

import random

from edge_daemon.modem.at import Dialogue
from edge_daemon.modem.simulation.firmware import Firmware
from edge_daemon.modem.simulation.models import MODELS
from edge_daemon.modem.simulation.network import Network
from edge_daemon.modem.simulation.service_centre import incoming
from edge_daemon.modem.simulation.sim import Sim
from tests.fuzz.dialogue import heard
from tests.fuzz.pdus import damaged, whole

COMMANDS = (
    b"AT", b"ATE1", b"ATE0", b"ATV0", b"ATV1", b"ATQ1", b"ATQ0", b"AT&F", b"ATZ", b"ATI", b"ATD*99#;", b"AT+CMEE=2",
    b"AT+CPIN?", b'AT+CPIN="1234"', b"AT+CREG=2;+CREG?", b"AT+CFUN=4", b"AT+CFUN=1", b"AT+CFUN=1,1", b"AT+CMGF=0",
    b"AT+CMGF=1", b'AT+CPMS="ME","SM","SM"', b"AT+CPMS?", b"AT+CPMS=?", b"AT+CMGL=4", b'AT+CMGL="ALL"', b"AT+CMGR=1",
    b"AT+CMGR=0", b"AT+CMGD=1", b"AT+CMGD=1,4", b"AT+CMGD=?", b"AT+CNMI=2,1,0,2,0", b"AT+CNMI=2,2,0,1,0", b"AT+CNMI?",
    b"AT+CSMS=1", b"AT+CNMA", b"AT+CNMA=0", b'AT+CSCS="UCS2"', b'AT+CSCS="GSM"', b'AT+CSCS="HEX"', b"AT+CSDH=1",
    b"AT+CSMP=17,167,0,8", b"AT+CSMP=49,167,0,0", b'AT+CSCA="+41761234567",145', b"AT+CSCA?", b'AT+CUSD=1,"*123#",15',
    b"AT+CUSD=2", b'AT+CCLK="26/04/11,12:00:00+22"', b"AT+CCLK?", b"AT+CMGS=19", b'AT+CMGS="+919812345678"',
    b"AT+CMGW=19", b'AT+CMGW="123"', b"AT+CMSS=1", b"AT+COPS=3,2", b"AT+COPS?", b"AT+COPS=?", b"AT+CSQ", b"AT+CCID",
    b"AT+CIMI", b'AT+CLCK="SC",2', b'AT+CPMS="SM\n","ME"',
    b"0011000C911989214365870000AD05E8329BFD06", b"hello {world} \xe9", b"0048",
)  # fmt: skip
ENDS = (b"\r", b"\r", b"\r", b"\x1a", b"\x1b", b"\n", b"\r\n", b"")
ROUNDS = 300
"""After so many the modem is a new one."""


class Keyboard:
    """Someone who types anything, and a network that brings anything. What the modem says, a dialogue hears."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._pdus = [octets for kind, octets in whole() if kind != "submit"]
        self._left = 0
        self.last = ""

    def _begin(self) -> None:
        chance = self._chance
        pin = chance.choice((None, None, "1234"))
        model = MODELS[chance.choice(tuple(MODELS))]
        self._network = Network()
        self._modem = Firmware(self._network, Sim(pin), model=model)
        self._dialogue = Dialogue()
        self._left = ROUNDS
        self.last = f"{model.name} {pin}"

    def once(self) -> str:
        """One line, or one PDU."""
        if not self._left:
            self._begin()
        self._left -= 1
        act = self._chance.choices((self._bring, self._type, self._cut_power), (30, 70, 1))[0]
        return act()

    def _bring(self) -> str:
        octets = self._chance.choice(self._pdus)
        octets = octets if self._chance.random() < 0.5 else damaged(octets, self._chance)
        self._note(octets.hex())
        self._network.centre.add(incoming(octets.hex()))
        self._modem.offer()
        heard(self._dialogue, self._modem.take_output(), self._chance)
        return "modem brought a PDU"

    def _type(self) -> str:
        line = self._chance.choice(COMMANDS)
        line = line if self._chance.random() < 0.6 else damaged(line, self._chance)
        line += self._chance.choice(ENDS)
        self._note(repr(line))
        heard(self._dialogue, self._modem.receive(line), self._chance)
        return "modem given a line"

    def _cut_power(self) -> str:
        self._note("no power for a while")
        self._modem.power_off()
        self._modem.power_on()
        heard(self._dialogue, self._modem.take_output(), self._chance)
        return "modem without power"

    def _note(self, said: str) -> None:
        self.last += f"\n{said}"
