"""libgammu's reading and writing of SMS PDUs, a JSON object a line in and one out. Run by the system's own Python.

python3-gammu is a compiled package of the distribution: it is here for the system's interpreter and for no other, so it
is a program beside the tests, and nothing has to be built.

    {"read": [PDU, ...]}    what each part says, and the text that libgammu joins them to (null if it joins nothing)
    {"write": {"number", "smsc", "text", "unicode", "id", "class", "report", "validity", "layout"}}    the PDUs
"""

from __future__ import annotations

import datetime
import json
import sys
from typing import Any

import gammu

WHEN = datetime.datetime(2026, 4, 11, 12, 53, 53)  # noqa: DTZ001 - libgammu writes local times only


def read(parts: list[str]) -> dict[str, Any]:
    """What libgammu says of each part. Its texts end at the first U+0000: what follows is memory it has not filled."""
    said = [gammu.DecodePDU(bytes.fromhex(part), True) for part in parts]
    return {"parts": [_plain(message) for message in said], "joined": _joined(said) if len(said) > 1 else None}


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    header, text = message["UDH"], message["Text"]
    return {
        "type": message["Type"],
        "number": message["Number"],
        "smsc": message["SMSC"]["Number"],
        "text": text.partition("\0")[0] if isinstance(text, str) else None,
        "data": text.hex() if isinstance(text, bytes) else None,
        "coding": message["Coding"].partition("_")[0],
        "class": message["Class"],
        "validity": message["SMSC"]["Validity"],
        "header": header["Text"].hex(),
        "reference8": header["ID8bit"],
        "reference16": header["ID16bit"],
        "part": header["PartNumber"],
        "total": header["AllParts"],
        "message_reference": message["MessageReference"],
        "status": message["DeliveryStatus"],
        "time": message["DateTime"] and message["DateTime"].isoformat(),
        "discharge": message["SMSCDateTime"] and message["SMSCDateTime"].isoformat(),
    }


def _joined(said: list[dict[str, Any]]) -> str | None:
    linked = gammu.LinkSMS([[message] for message in said])
    decoded = gammu.DecodeSMS(linked[0]) if len(linked) == 1 else None
    return decoded["Entries"][0]["Buffer"] if decoded else None


def write(asked: dict[str, Any]) -> list[str]:
    """The PDUs of a text, cut by libgammu. id: its name for a kind of message, such as ConcatenatedTextLong16bit."""
    entry = {"ID": asked["id"], "Buffer": asked["text"]}
    parts = gammu.EncodeSMS({"Class": asked["class"], "Unicode": asked["unicode"], "Entries": [entry]})
    for part in parts:
        part["SMSC"] = {"Number": asked["smsc"], "Validity": asked["validity"], "Location": 0}
        part["Type"] = "Status_Report" if asked["report"] else "Submit"
        part["Number"] = asked["number"]
        part["DateTime"] = WHEN
    return [gammu.EncodePDU(part, asked["layout"]).hex() for part in parts]


def main() -> None:
    """See the module's description."""
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(read(asked["read"]) if "read" in asked else write(asked["write"])), flush=True)


if __name__ == "__main__":
    main()
