"""Aggregator: hands one SMS to an HTTP interface, with its registered template.

Rules kept here:
- one deadline from the connection to the end of the answer; nothing is retried here, the outbox does that;
- every answer is one of four things: taken; never works (Refused); not now (SendFailed); nobody there (AggregatorGone);
- what failed after the request was handed over may have gone: it is in doubt, and each request bears a reference by
  which the aggregator can know a repeat;
- no error repeats the key, or what looks like a telephone number.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11

from edge_daemon.aggregator import templates
from edge_daemon.config import Aggregator as Settings
from edge_daemon.diagnosis import Sms
from edge_daemon.errors import AggregatorGone, ConfigError, DeviceError, Refused, SendFailed

MOST_ANSWERED = 64 * 1024
"""Octets of an answer's body; more is nonsense."""
READ_OCTETS = 4096
REASON_LETTERS = 160

_NUMBER = re.compile(r"\d{7,}")
_REFUSES_US = {401, 402, 403}
"""The key, the account's money, its rights (RFC 9110, 15.5): the technician mends that; the message waits."""
_LATER = {408, 425, 429, 503}
"""It was not taken, and later it may be (RFC 9110, 15.5.9, 15.6.4; RFC 8470, 5.2; RFC 6585, 4)."""


@dataclass(frozen=True, slots=True)
class Answer:
    """status: of HTTP. reason: the beginning of the body, without numbers."""

    status: int
    reason: str


class Aggregator:
    """One account with an aggregator. kiosk: this kiosk's id, which makes a message's reference unlike any other's."""

    def __init__(self, settings: Settings, key: str, kiosk: str) -> None:
        self._settings = settings
        self._key = key
        self._kiosk = kiosk
        self._address = urlsplit(settings.url)

    def fits(self, sms: Sms) -> bool:
        """Whether the text is a registered one."""
        return templates.choose(self._settings.templates, sms.text) is not None

    async def send(self, sms: Sms) -> None:
        """Hand a message over. Raises Refused (it never works), SendFailed (not now), AggregatorGone (nobody there)."""
        chosen = templates.choose(self._settings.templates, sms.text)
        if chosen is None:
            raise Refused("The text fits none of [[aggregator.templates]]. Register it, or change [aggregator] kinds.")
        template, values = chosen
        message = {
            "to": sms.number,
            "header": self._settings.header,
            "entity_id": self._settings.entity_id,
            "template_id": template.id,
            "variables": values,
            "text": sms.text,
            "reference": f"{self._kiosk}-{sms.id}",
        }
        _judge(await self._post(json.dumps(message, ensure_ascii=False).encode()))

    async def idle(self) -> None:
        """Between messages there is no connection that could be lost."""

    async def _post(self, body: bytes) -> Answer:
        exchange = _Exchange()
        place = f"The aggregator at {self._address.hostname}"
        try:
            async with asyncio.timeout(self._settings.deadline_s):
                return await exchange.post(
                    self._address.hostname or "", self._port, self._tls, self._request(body), body
                )
        except TimeoutError as why:
            error = AggregatorGone(f"{place} did not answer within {self._settings.deadline_s:g} s.")
            error.in_doubt = exchange.handed_over
            raise error from why
        except (OSError, h11.RemoteProtocolError) as why:
            gone = AggregatorGone(f"{place} cannot be talked to: {why}.")
            gone.in_doubt = exchange.handed_over
            raise gone from why

    @property
    def _tls(self) -> ssl.SSLContext | None:
        return ssl.create_default_context() if self._address.scheme == "https" else None

    @property
    def _port(self) -> int:
        return self._address.port or (443 if self._address.scheme == "https" else 80)

    def _request(self, body: bytes) -> h11.Request:
        path = self._address.path or "/"
        headers = {
            "Host": self._address.netloc,
            "Authorization": f"Bearer {self._key}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        target = f"{path}?{self._address.query}" if self._address.query else path
        return h11.Request(method="POST", target=target, headers=list(headers.items()))


class _Exchange:
    """One connection, one request, one answer. handed_over: whether the request may have arrived."""

    def __init__(self) -> None:
        self.handed_over = False

    async def post(self, host: str, port: int, tls: ssl.SSLContext | None, request: h11.Request, body: bytes) -> Answer:
        reader, writer = await asyncio.open_connection(host, port, ssl=tls)
        try:
            talk = h11.Connection(h11.CLIENT)
            octets = b"".join(
                part for event in (request, h11.Data(data=body), h11.EndOfMessage()) if (part := talk.send(event))
            )
            self.handed_over = True
            writer.write(octets)
            await writer.drain()
            return await _answer(talk, reader)
        finally:
            writer.transport.abort()  # nothing is waited for: the answer is here, or nobody gives one


async def _answer(talk: h11.Connection, reader: asyncio.StreamReader) -> Answer:
    status, body = 0, b""
    while True:
        event = talk.next_event()
        if event is h11.NEED_DATA:
            talk.receive_data(await reader.read(READ_OCTETS))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > MOST_ANSWERED:
                return Answer(status, _reason(body))
        elif isinstance(event, h11.EndOfMessage):
            return Answer(status, _reason(body))
        elif isinstance(event, h11.ConnectionClosed):
            raise ConnectionResetError("it hung up without an answer")


def _reason(body: bytes) -> str:
    words = " ".join(body.decode("utf-8", "replace").split())
    return _NUMBER.sub("…", words[:REASON_LETTERS])


def _judge(answer: Answer) -> None:
    if 200 <= answer.status < 300:
        return
    raise _error(answer)


def _error(answer: Answer) -> Refused | DeviceError:
    said = f"The aggregator answered {answer.status}: {answer.reason or 'without a reason'}."
    if answer.status in _REFUSES_US:
        return SendFailed(f"{said} Check [aggregator] key_file and the account; the message is kept.")
    if answer.status in _LATER:
        return SendFailed(said)
    if 400 <= answer.status < 500:
        return Refused(said)
    if answer.status < 500:
        return SendFailed(f"{said} It points elsewhere: correct [aggregator] url.")
    unsure = SendFailed(said)
    unsure.in_doubt = True  # behind a gateway somebody may have taken it
    return unsure


def open_aggregator(settings: Settings, kiosk: str) -> Aggregator:
    """The configured account, with the key from its file. Raises ConfigError."""
    path = settings.key_file.expanduser()
    try:
        key = path.read_text(encoding="ascii").strip()
    except OSError as why:
        raise ConfigError(f"[aggregator] key_file: {path} cannot be read: {why.strerror}.") from why
    except UnicodeDecodeError as why:
        raise ConfigError(f"[aggregator] key_file: {path} holds more than a key.") from why
    if not key or not key.isprintable() or " " in key:
        raise ConfigError(f"[aggregator] key_file: {path} holds no key, or more than one. Put the key in, alone.")
    if path.stat().st_mode & 0o077:
        raise ConfigError(f"[aggregator] key_file: others can read {path}. Run: chmod 600 {path}")
    return Aggregator(settings, key, kiosk)
