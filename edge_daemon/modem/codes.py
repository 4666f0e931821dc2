"""What a modem's error codes mean for one message: it never works, it may work later, or nothing works now. No I/O.

A code that could be about this one message is never "nothing works now": such a message would hold up all behind it.
What the kinds lead to: Refused parks the message; SendFailed lets it wait, longer each time, while the next one goes;
ModemNotReady and ModemSick begin the recovery of the modem (ladder.py); SimTrouble waits for a person.

Sources: +CMS ERROR: 3GPP TS 27.005, 3.2.5, where 1 to 127 are 3GPP TS 24.011, Annex E (RP causes), and 128 to 255
are 3GPP TS 23.040, 9.2.3.22 (TP-FCS). +CME ERROR: 3GPP TS 27.007, 9.2.
"""

from __future__ import annotations

from edge_daemon.errors import (
    DeviceError,
    KrishiError,
    ModemNotReady,
    ModemSick,
    PlanRefuses,
    Refused,
    SendFailed,
    SimTrouble,
)
from edge_daemon.modem.at import Final

_Meaning = tuple[type[KrishiError], str]

CMS: dict[int, _Meaning] = {
    1: (Refused, "the number is not assigned to anyone"),
    8: (PlanRefuses, "the operator bars this SIM from sending; check its credit and plan"),
    10: (SendFailed, "calls to this number are barred"),
    17: (SendFailed, "network failure"),
    21: (PlanRefuses, "the network rejected the message without a reason; check the SIM's credit"),
    22: (SendFailed, "the network is congested"),
    27: (SendFailed, "the destination is out of service"),
    28: (SendFailed, "the network does not know the subscriber"),
    29: (SendFailed, "the network does not support this facility"),
    30: (SendFailed, "the subscriber is not registered"),
    38: (SendFailed, "the network is out of order"),
    41: (SendFailed, "temporary failure of the network"),
    42: (SendFailed, "the network is congested"),
    47: (SendFailed, "the network has no resources free"),
    50: (PlanRefuses, "this SIM's plan does not include SMS"),
    69: (SendFailed, "the network does not offer this facility"),
    81: (SendFailed, "invalid short message reference"),
    95: (Refused, "the network finds the message invalid"),
    96: (Refused, "the network misses mandatory information in the message"),
    97: (Refused, "the network does not know this type of message"),
    98: (SendFailed, "the message does not fit the state of the protocol"),
    99: (Refused, "the network does not know an element of the message"),
    111: (SendFailed, "protocol error"),
    127: (SendFailed, "interworking of networks failed"),
    128: (Refused, "the service centre does not support this telematic interworking"),
    143: (Refused, "the service centre rejects the protocol identifier"),
    144: (Refused, "the service centre does not support this alphabet"),
    145: (Refused, "the service centre does not support this message class"),
    159: (Refused, "the service centre rejects the data coding scheme"),
    176: (Refused, "the service centre does not support this kind of message"),
    192: (SendFailed, "the service centre is busy"),
    193: (PlanRefuses, "this SIM has no subscription at the service centre"),
    194: (SendFailed, "the service centre failed"),
    195: (Refused, "the service centre finds the number invalid"),
    196: (Refused, "the service centre bars this number"),
    198: (Refused, "the service centre does not support this format of validity period"),
    199: (Refused, "the service centre does not support a validity period"),
    300: (SendFailed, "the modem failed"),
    301: (SendFailed, "the modem's SMS service is reserved"),
    302: (SendFailed, "the modem does not allow this now"),
    303: (SendFailed, "the modem does not support this"),
    304: (Refused, "the modem finds the PDU invalid"),
    305: (Refused, "the modem finds a text-mode parameter invalid"),
    310: (SimTrouble, "there is no SIM in the modem; insert one"),
    311: (SimTrouble, "the SIM waits for its PIN; set [modem] sim_pin"),
    312: (SimTrouble, "the modem is locked to another SIM"),
    313: (SimTrouble, "the SIM failed; clean or replace it"),
    314: (ModemNotReady, "the SIM is busy"),
    315: (SimTrouble, "this is the wrong SIM"),
    316: (SimTrouble, "the SIM is blocked and waits for its PUK"),
    317: (SimTrouble, "the SIM waits for its PIN2"),
    318: (SimTrouble, "the SIM waits for its PUK2"),
    320: (SendFailed, "the modem's memory failed"),
    322: (SendFailed, "the modem's memory is full"),
    330: (ModemNotReady, "the SIM does not know its service centre; set it with AT+CSCA"),
    321: (SendFailed, "the modem's memory has no such place"),
    331: (ModemNotReady, "no network service; check the antenna and the coverage"),
    332: (SendFailed, "the network did not answer in time"),
    340: (SendFailed, "the modem waits for no acknowledgement"),
    500: (SendFailed, "the modem gives no reason"),
}

CME: dict[int, _Meaning] = {
    0: (SendFailed, "the modem failed"),
    1: (ModemSick, "the modem has no connection to its telephone part"),
    3: (SendFailed, "the modem does not allow this now"),
    4: (SendFailed, "the modem does not support this"),
    5: (SimTrouble, "the modem is locked to another SIM"),
    10: (SimTrouble, "there is no SIM in the modem; insert one"),
    11: (SimTrouble, "the SIM waits for its PIN; set [modem] sim_pin"),
    12: (SimTrouble, "the SIM is blocked and waits for its PUK"),
    13: (SimTrouble, "the SIM failed; clean or replace it"),
    14: (ModemNotReady, "the SIM is busy"),
    15: (SimTrouble, "this is the wrong SIM"),
    16: (SimTrouble, "the SIM did not take the PIN; correct [modem] sim_pin"),
    17: (SimTrouble, "the SIM waits for its PIN2"),
    18: (SimTrouble, "the SIM waits for its PUK2"),
    20: (SendFailed, "the modem's memory is full"),
    21: (SendFailed, "the modem's memory has no such place"),
    22: (SendFailed, "the modem finds nothing there"),
    23: (SendFailed, "the modem's memory failed"),
    24: (Refused, "the modem finds the text too long"),
    25: (Refused, "the modem finds a letter that it cannot take"),
    26: (Refused, "the modem finds the number too long"),
    27: (Refused, "the modem finds a character in the number that it cannot take"),
    30: (ModemNotReady, "no network service; check the antenna and the coverage"),
    31: (SendFailed, "the network did not answer in time"),
    32: (ModemNotReady, "the network allows this SIM emergency calls only"),
    40: (SimTrouble, "the modem is locked to another network"),
    100: (SendFailed, "the modem gives no reason"),
}

_TABLES: dict[str, dict[int, _Meaning]] = {"+CMS ERROR": CMS, "+CME ERROR": CME}
_UNKNOWN: _Meaning = (SendFailed, "a code that is not in the standard's list")
UNKNOWN_COMMAND = "the modem does not know this command, or refuses it without a reason"
_PLAIN: _Meaning = (SendFailed, "without a reason")


def error_for(command: str, final: Final) -> KrishiError:
    """The error that a final result other than OK stands for. `command` is named as AT+CMGS is, without its values."""
    kind, meaning = _meaning(final)
    return kind(f"The modem answered {final} to {command}: {meaning}.")


def words(final: Final) -> str:
    """What a final result other than OK means, to somebody who typed the command."""
    return UNKNOWN_COMMAND if final.code is None else _meaning(final)[1]


def _meaning(final: Final) -> _Meaning:
    return _PLAIN if final.code is None else _TABLES[final.name].get(final.code, _UNKNOWN)


def trouble_for(command: str, final: Final) -> DeviceError:
    """As error_for, for a command that is about no message: what would park one means that the modem is sick."""
    error = error_for(command, final)
    return error if isinstance(error, DeviceError) else ModemSick(str(error))
