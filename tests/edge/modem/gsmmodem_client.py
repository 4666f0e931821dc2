"""python-gsmmodem at a modem's port: what it finds out, sends and hears, a JSON object a line. A program of its own.

    gsmmodem_client.py FOLDER    FOLDER holds the library; a JSON object on standard input says what to do:
    {"port": ..., "pin": ..., "send": [[number, text], ...], "reports": whether to wait for one after each,
     "receive": how many texts to wait for, "ussd": [code, ...]}

One thing after the other: a line that comes unasked while the library waits for an answer is taken for a part of that.
"""

from __future__ import annotations

import json
import queue
import sys
from typing import Any

DEADLINE_S = 60.0


def say(event: str, **values: Any) -> None:
    """One line on standard output."""
    print(json.dumps({"event": event, **values}), flush=True)


def identify(modem: Any) -> None:
    """Everything that it asks a modem for."""
    say(
        "modem",
        names=[modem.manufacturer, modem.model, modem.revision],
        numbers=[modem.imei, modem.imsi],
        network=modem.networkName,
        smsc=modem.smsc,
        signal=modem.waitForNetworkCoverage(),
    )


def send(modem: Any, asked: dict[str, Any], reports: queue.Queue[Any]) -> None:
    """One text after the other."""
    for number, text in asked["send"]:
        say("sent", number=number, reference=modem.sendSms(number, text).reference)
        if asked["reports"]:
            report = reports.get(timeout=DEADLINE_S)
            say("report", number=report.number, reference=report.reference, status=report.deliveryStatus)


def receive(count: int, texts: queue.Queue[Any]) -> None:
    """So many texts."""
    for _ in range(count):
        sms = texts.get(timeout=DEADLINE_S)
        say("received", number=sms.number, text=sms.text, smsc=sms.smsc, time=sms.time.isoformat())


def ask(modem: Any, code: str) -> None:
    """A service code, in letters of the default alphabet."""
    modem.smsEncoding = "GSM"
    answer = modem.sendUssd(code, DEADLINE_S)
    say("ussd", text=answer.message, open=answer.sessionActive)


def main() -> None:
    """See the module's description."""
    sys.path.insert(0, sys.argv[1])
    from gsmmodem.modem import GsmModem

    asked = json.loads(sys.stdin.readline())
    texts: queue.Queue[Any] = queue.Queue()
    reports: queue.Queue[Any] = queue.Queue()
    modem = GsmModem(asked["port"], smsReceivedCallbackFunc=texts.put, smsStatusReportCallback=reports.put)
    modem.connect(asked["pin"])
    try:
        identify(modem)
        send(modem, asked, reports)
        say("waits")
        receive(asked["receive"], texts)
        for code in asked["ussd"]:
            ask(modem, code)
    finally:
        modem.close()


if __name__ == "__main__":
    main()
