"""The modems that the simulator can be: what they call themselves, and where they differ. No I/O.

Source: the makers' manuals of AT commands, and what their users report of the boards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ModelName = Literal["simulator", "SIM800", "SIM7600", "EC25"]
PIN_LINE = "+CPIN: {pin}"


@dataclass(frozen=True, slots=True)
class Model:
    """A kind of modem.

    boot: what it says at power-on; what stands behind PIN_LINE comes when the SIM is unlocked.
    memories: as AT+CPMS=? lists them, the one first that is used at power-on. first_index: of each.
    cnmi: AT+CNMI at power-on; routes: which <ds> it takes. full_line: what it says when a message found no room.
    time: how it tells the network's time, by itself. clock: what AT+CCLK tells before that, a year.
    empty_is_ok: AT+CMGR of an empty place is answered OK alone. hides_reports: stored reports go where no command
    reads. flash_is_routed: class 0 goes to the kiosk even where others are stored. lte: it knows AT+CEREG.
    """

    maker: str
    name: str
    revision: str
    boot: tuple[str, ...]
    memories: tuple[str, ...] = ("SM", "ME")
    first_index: int = 1
    cnmi: tuple[int, int, int, int, int] = (2, 1, 0, 0, 0)
    routes: tuple[int, ...] = (0, 1, 2)
    full_line: str = ""
    time: Literal["+CTZV", "*PSUTTZ", "+CTZE"] = "+CTZV"
    clock: int = 1980
    empty_is_ok: bool = False
    hides_reports: bool = False
    flash_is_routed: bool = False
    lte: bool = True


MODELS: Mapping[ModelName, Model] = {
    "simulator": Model(
        maker="Krishi-Sandesh",
        name="Modem simulator",
        revision="Revision 1",
        boot=("RDY", "+CFUN: 1", PIN_LINE, "Call Ready", "SMS Ready"),
        cnmi=(0, 0, 0, 0, 0),
    ),
    "SIM800": Model(
        maker="SIMCOM_Ltd",
        name="SIMCOM_SIM800L",
        revision="Revision:1418B05SIM800L24",
        boot=("RDY", "+CFUN: 1", PIN_LINE, "Call Ready", "SMS Ready"),
        routes=(0, 1),
        time="*PSUTTZ",
        clock=2004,
        empty_is_ok=True,
        flash_is_routed=True,
        lte=False,
    ),
    "SIM7600": Model(
        maker="SIMCOM INCORPORATED",
        name="SIMCOM_SIM7600E-H",
        revision="+CGMR: LE20B04SIM7600M22",
        boot=("RDY", PIN_LINE, "SMS DONE", "PB DONE"),
        memories=("ME", "SM"),
        first_index=0,
        full_line="+SMS FULL",
    ),
    "EC25": Model(
        maker="Quectel",
        name="EC25",
        revision="EC25EFAR06A10M4G",
        boot=("RDY", PIN_LINE, "+QUSIM: 1", "+CFUN: 1", "+QIND: SMS DONE", "+QIND: PB DONE"),
        memories=("ME", "SM"),
        first_index=0,
        full_line='+QIND: "smsfull","{memory}"',
        time="+CTZE",
        empty_is_ok=True,
        hides_reports=True,
    ),
}
