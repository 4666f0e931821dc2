"""The aggregator over a real socket, at its far end a server that is not ours (http.server), or a broken one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.aggregator.client import MOST_ANSWERED, open_aggregator
from edge_daemon.config import Aggregator as Settings
from edge_daemon.daemon import AggregatorPart
from edge_daemon.diagnosis import Kind, Sms
from edge_daemon.drain import flush
from edge_daemon.errors import AggregatorGone, ConfigError, DeviceError, Refused, SendFailed, StateFull
from edge_daemon.routes import by_aggregator
from edge_daemon.store.store import Store
from edge_daemon.supervise import Health

NUMBER = "+919812345678"
KEY = "s3cret-key"
TEXT = "Krishi: did the advice help? 1 yes, 2 no"


class Server(ThreadingHTTPServer):
    """Answers as it was told, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.body = b'{"id": "1"}'
        self.hangs_up = False
        self.asked: list[tuple[str, dict[str, str], dict[str, Any]]] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, dict(self.headers), json.loads(body)))
        if self.server.hangs_up:
            return
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        """Quietly."""


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield server
        server.shutdown()
        serving.join()


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")
    path.chmod(0o600)
    return path


def settings(port: int, key: Path, **more: object) -> Settings:
    return Settings.model_validate(
        {
            "url": f"http://127.0.0.1:{port}/v1/send?dry=0",
            "key_file": key,
            "entity_id": "1101",
            "header": "KRISHI",
            "templates": [{"id": "1107", "text": "Krishi: did {#var#} help? 1 yes, 2 no"}],
            "deadline_s": 5,
            **more,
        }
    )


def sms(text: str = TEXT) -> Sms:
    return Sms(12, NUMBER, text, 12, kind=Kind.FOLLOW_UP)


def send(settings: Settings, message: Sms) -> None:
    asyncio.run(open_aggregator(settings, "koraput-7").send(message))


def test_a_message_is_handed_over_with_its_template(server: Server, key: Path) -> None:
    send(settings(server.server_port, key), sms())
    ((path, headers, body),) = server.asked
    assert path == "/v1/send?dry=0"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert body == {
        "to": NUMBER,
        "header": "KRISHI",
        "entity_id": "1101",
        "template_id": "1107",
        "variables": ["the advice"],
        "text": TEXT,
        "reference": "koraput-7-12",
    }


def test_a_text_that_is_not_registered_is_never_handed_over(server: Server, key: Path) -> None:
    with pytest.raises(Refused, match="fits none"):
        send(settings(server.server_port, key), sms("free words"))
    assert server.asked == []


@pytest.mark.parametrize(
    ("status", "error", "in_doubt"),
    [
        (400, Refused, None),
        (404, Refused, None),
        (422, Refused, None),
        (401, SendFailed, False),
        (402, SendFailed, False),
        (403, SendFailed, False),
        (408, SendFailed, False),
        (429, SendFailed, False),
        (503, SendFailed, False),
        (302, SendFailed, False),
        (500, SendFailed, True),
        (502, SendFailed, True),
        (504, SendFailed, True),
    ],
)
def test_each_answer_is_named(
    server: Server, key: Path, status: int, error: type[Exception], in_doubt: bool | None
) -> None:
    server.status, server.body = status, f"no, {NUMBER} is bad".encode()
    with pytest.raises(error) as caught:
        send(settings(server.server_port, key), sms())
    assert str(status) in str(caught.value)
    assert "98123" not in str(caught.value)
    assert KEY not in str(caught.value)
    assert getattr(caught.value, "in_doubt", None) is in_doubt


def test_an_answer_without_end_is_cut(server: Server, key: Path) -> None:
    server.status, server.body = 400, b"x" * (10 * MOST_ANSWERED)
    with pytest.raises(Refused) as caught:
        send(settings(server.server_port, key), sms())
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("answer", [None, b"", b"SSH-2.0-nobody\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"])
def test_a_server_that_is_mute_or_hangs_up_leaves_the_message_in_doubt(answer: bytes | None, key: Path) -> None:
    with pytest.raises(AggregatorGone) as caught:
        asyncio.run(_against(answer, key))
    assert caught.value.in_doubt


async def _against(answer: bytes | None, key: Path) -> None:
    """answer None: it never says anything."""
    done = asyncio.Event()

    async def far_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        if answer is None:
            await done.wait()
        writer.write(answer or b"")
        writer.close()

    server = await asyncio.start_server(far_end, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        await open_aggregator(settings(port, key, deadline_s=5 if answer is not None else 0.2), "k").send(sms())
    finally:
        done.set()
        server.close()


def test_nobody_there_is_no_doubt(key: Path) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        with pytest.raises(AggregatorGone) as caught:
            send(settings(port, key), sms())
    assert not caught.value.in_doubt


def test_what_does_not_speak_tls_gets_no_key(server: Server, key: Path) -> None:
    url = f"https://127.0.0.1:{server.server_port}/"
    with pytest.raises(AggregatorGone) as caught:
        send(settings(server.server_port, key, url=url), sms())
    assert not caught.value.in_doubt
    assert server.asked == []


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed one, with its key in the same file."""
    path = tmp_path / "certificate.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost", "-keyout", "-", "-out", "-"]
    path.write_bytes(subprocess.run([*made, *names], check=True, capture_output=True, timeout=60).stdout)
    return path


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("is_trusted", [True, False])
def test_over_tls_only_a_trusted_server_gets_the_key(
    server: Server, key: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch, is_trusted: bool
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        send(settings(server.server_port, key, url=f"https://localhost:{server.server_port}/"), sms())
    else:
        with pytest.raises(AggregatorGone, match="certificate") as caught:
            send(settings(server.server_port, key, url=f"https://localhost:{server.server_port}/"), sms())
        assert not caught.value.in_doubt
    assert len(server.asked) == is_trusted


@pytest.mark.parametrize(
    ("content", "mode", "sentence"),
    [
        ("", 0o600, "holds no key"),
        ("a b", 0o600, "holds no key"),
        ("ключ", 0o600, "more than a key"),
        (KEY, 0o644, "chmod 600"),
    ],
)
def test_a_key_that_cannot_be_used(tmp_path: Path, content: str, mode: int, sentence: str) -> None:
    path = tmp_path / "other"
    path.write_text(content, encoding="utf-8")
    path.chmod(mode)
    with pytest.raises(ConfigError, match=sentence):
        open_aggregator(settings(1, path), "k")
    with pytest.raises(ConfigError, match="cannot be read"):
        open_aggregator(settings(1, tmp_path / "none"), "k")


class Words:
    """An outbox of one message."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.left = [sms()]

    async def next(self, patience_s: float) -> Sms | None:
        raise NotImplementedError

    def take(self) -> Sms | None:
        return self.left.pop() if self.left else None

    def delivered(self, message: Sms) -> None:
        self.told.append("delivered")

    def failed(self, message: Sms, why: Exception) -> None:
        self.told.append("failed")

    def park(self, message: Sms, why: Exception) -> None:
        self.told.append("parked")


@pytest.mark.parametrize(("status", "told"), [(202, "delivered"), (400, "parked"), (503, "failed")])
def test_it_is_drained_as_the_modem_is(server: Server, key: Path, status: int, told: str) -> None:
    server.status = status
    outbox = Words()
    aggregator = open_aggregator(settings(server.server_port, key), "k")
    with contextlib.suppress(DeviceError):
        asyncio.run(flush(outbox, aggregator.send))
    assert outbox.told == [told]


def test_which_way_is_told_by_kind_and_template(key: Path) -> None:
    free = Sms(1, NUMBER, "free words", 1, kind=Kind.FOLLOW_UP)
    answer = Sms(1, NUMBER, TEXT, 1, kind=Kind.ANSWER)
    for without, expected in (("modem", [True, False, False]), ("park", [True, True, False])):
        chosen = settings(1, key, without_template=without)
        goes = by_aggregator(chosen, open_aggregator(chosen, "k"))
        assert [goes(message) for message in (sms(), free, answer)] == expected


def test_its_part_says_when_it_has_recovered(server: Server, key: Path, tmp_path: Path) -> None:
    health = Health()

    async def send_and_rest(part: AggregatorPart, *, fails: type[Exception] | None) -> str:
        with pytest.raises(fails) if fails else contextlib.nullcontext():
            await part._send(sms())
        await part._rest()
        return health.states()["aggregator"]

    with Store.open(tmp_path / "state", 0) as store:
        part = AggregatorPart(settings(server.server_port, key), "koraput-7", store, health)
        for answers, fails, state in (
            (200, None, "ok"),
            (503, SendFailed, "ok"),
            (400, Refused, "ok"),
            (None, AggregatorGone, "aggregator_gone"),
            (200, None, "ok"),
        ):
            health.bad("aggregator", AggregatorGone("It did not answer."))  # as supervise does
            server.status, server.hangs_up = answers or 200, answers is None
            assert asyncio.run(send_and_rest(part, fails=fails)) == state
        health.bad("aggregator", StateFull("No room is left."))
        asyncio.run(part._rest())
        assert health.states() == {"aggregator": "ok"}
