"""What went wrong on the way to the broker, in a sentence that says what to do. Pure."""

from __future__ import annotations

import socket
import ssl

from edge_daemon.errors import BrokerGone
from edge_daemon.sync import tls

ASK = "Ask the gateway's operator whether this kiosk is enrolled, under this id."
OTHER_VERSION = "Unsupported protocol version"
"""MQTT 5.0, 3.2.2.2, 0x84; an older broker's answer to MQTT 5 is given this name too."""


def unreachable(where: str, why: Exception) -> BrokerGone:
    """Before the broker could say anything. why: an OSError, or a name that is none."""
    if isinstance(why, ssl.SSLError):
        return tls.trouble(where, why)
    if isinstance(why, socket.gaierror):
        said = f"{where} has a name that is not found: {why.strerror}. Is there a network, and is [sync] url right?"
    elif isinstance(why, ConnectionRefusedError):
        said = f"{where}: nobody listens there. Is the broker up, and is [sync] url right?"
    else:
        said = f"{where} cannot be reached: {getattr(why, 'strerror', None) or why}. Is there a network?"
    return BrokerGone(said)


def not_let_in(where: str, version: int, reason: str) -> str:
    """The broker's answer to CONNECT, by the reason's name."""
    if reason == OTHER_VERSION:
        other = 3 if version == 5 else 5
        return f"{where} knows no MQTT {name_of(version)}: set [sync] mqtt = {other}."
    return f"{where} does not let this kiosk in: {reason}. {ASK}"


def closed_before(where: str, version: int, reason: str) -> str:
    """It closed the connection instead of an answer."""
    return (
        f"{where} closed the connection before it let us in ({reason}). It may know no MQTT {name_of(version)}: "
        "[sync] mqtt. Or its operator has revoked this kiosk."
    )


def not_heard(where: str, reason: str) -> str:
    """The broker's answer to SUBSCRIBE."""
    return f"{where} does not let this kiosk hear the gateway: {reason}. {ASK}"


def not_taken(where: str, reason: str) -> str:
    """Its answer to a batch."""
    return f"{where} does not take this kiosk's reports: {reason}. {ASK}"


def nobody_takes(where: str) -> str:
    """Its answer to a batch for which no worker is there."""
    return f"{where} has nobody who takes a batch. Is krishi-gateway at work? What was sent goes again."


def name_of(version: int) -> str:
    """Of MQTT."""
    return "5" if version == 5 else "3.1.1"
