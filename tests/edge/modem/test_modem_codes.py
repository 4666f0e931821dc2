"""What the modem's codes mean for a message."""

from __future__ import annotations

import pytest

from edge_daemon.errors import KrishiError, ModemNotReady, Refused, SendFailed, SimTrouble
from edge_daemon.modem import codes
from edge_daemon.modem.at import Final


@pytest.mark.parametrize(
    ("final", "kind", "words"),
    [
        (Final("+CMS ERROR", 1), Refused, "not assigned"),
        (Final("+CMS ERROR", 38), SendFailed, "out of order"),
        (Final("+CMS ERROR", 304), Refused, "PDU"),
        (Final("+CMS ERROR", 310), SimTrouble, "no SIM"),
        (Final("+CMS ERROR", 331), ModemNotReady, "antenna"),
        (Final("+CMS ERROR", 500), SendFailed, "no reason"),
        (Final("+CMS ERROR", 777), SendFailed, "not in the standard"),
        (Final("+CME ERROR", 10), SimTrouble, "no SIM"),
        (Final("+CME ERROR", 100), SendFailed, "no reason"),
        (Final("+CME ERROR"), SendFailed, "without a reason"),
        (Final("ERROR"), SendFailed, "without a reason"),
    ],
)
def test_a_code_becomes_an_error(final: Final, kind: type[KrishiError], words: str) -> None:
    error = codes.error_for("AT+CMGS", final)
    assert type(error) is kind
    assert str(error).startswith(f"The modem answered {final} to AT+CMGS: ")
    assert words in str(error)


@pytest.mark.parametrize("code", sorted(codes.CMS))
def test_no_code_of_the_network_holds_up_the_queue(code: int) -> None:
    """Only a modem or SIM that cannot send at all is not ready; a network's answer is about one message."""
    assert code >= 300 or codes.CMS[code][0] is not ModemNotReady
