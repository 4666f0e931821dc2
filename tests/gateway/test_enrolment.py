"""The HTTPS server where kiosks ask for certificates, as anybody on the network can call it."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway import enrolment, tables
from gateway.authority import Authority
from gateway.certificates import new_key
from gateway.config import Config, State
from gateway.enrolment import MOST_BODY_BYTES
from gateway.errors import AuthorityError
from gateway.serve import CONNECTIONS
from gateway.store import Store
from tests.gateway.desk import Desk
from tests.gateway.requests import asks, signs
from tests.gateway.sent import count
from tests.peers.program import DEADLINE_S

KIOSK = "nandgaon-1"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with Desk(tmp_path) as desk:
        yield desk


def test_a_token_and_a_request_give_a_certificate(desk: Desk) -> None:
    token, key = desk.fleet.invite(KIOSK, "Nandgaon").token, new_key()
    status, told = desk.post("/enrol", {"token": token, "csr": asks(key, KIOSK)})
    assert (status, desk.changes) == (200, 0)
    request = asks(new_key(), KIOSK)
    signature = base64.b64encode(signs(key, request)).decode()
    status, next_ = desk.post("/renew", {"csr": request, "certificate": told["certificate"], "signature": signature})
    assert status == 200
    assert desk.authority.read(next_["certificate"])


def test_of_two_who_call_at_once_with_one_token_one_gets_a_certificate(desk: Desk) -> None:
    token = desk.fleet.invite(KIOSK, "Nandgaon").token
    together, answers = threading.Barrier(2), []

    def call() -> None:
        body = {"token": token, "csr": asks(new_key(), KIOSK)}
        together.wait(DEADLINE_S)
        answers.append(desk.post("/enrol", body))

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert sorted((status, told.get("error")) for status, told in answers) == [(200, None), (403, "bad_token")]


def test_the_broker_is_told_when_a_card_was_replaced(desk: Desk) -> None:
    for changes in (0, 1):
        token = desk.fleet.invite(KIOSK, "Nandgaon").token
        assert desk.post("/enrol", {"token": token, "csr": asks(new_key(), KIOSK)})[0] == 200
        assert desk.changes == changes


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/enrol", {"token": "x", "csr": asks(new_key(), KIOSK)}, 403, "bad_token"),
        ("/enrol", {"token": "x", "csr": "x"}, 422, "bad_certificate_request"),
        ("/enrol", {"token": "x"}, 400, "bad_body"),
        ("/enrol", {"token": 1, "csr": "x"}, 400, "bad_body"),
        ("/enrol", {"token": "x", "csr": "x" * 5000}, 400, "bad_body"),
        ("/enrol", [], 400, "bad_body"),
        ("/enrol", b"", 400, "bad_body"),
        ("/enrol", b"\xff\xfe", 400, "bad_body"),
        ("/enrol", b"[" * MOST_BODY_BYTES, 400, "bad_body"),
        ("/enrol", b" " * (MOST_BODY_BYTES + 1), 400, "bad_body"),
        ("/renew", {"csr": asks(new_key(), KIOSK), "certificate": "", "signature": ""}, 422, "bad_certificate_request"),
        ("/renew", {"csr": "x", "certificate": "x", "signature": "%"}, 400, "bad_body"),
        ("/renew", {"csr": "x", "certificate": "x", "signature": "é"}, 400, "bad_body"),
        ("/elsewhere", {}, 404, "http"),
    ],
)
def test_what_cannot_be_done_has_a_status_and_a_name(
    desk: Desk, path: str, body: object, status: int, error: str
) -> None:
    got, told = desk.post(path, body)
    assert (got, told["error"]) == (status, error)
    assert told["detail"].endswith((".", KIOSK))


def test_a_revoked_kiosk_is_refused(desk: Desk) -> None:
    key = new_key()
    token = desk.fleet.invite(KIOSK, "Nandgaon").token
    certificate = desk.post("/enrol", {"token": token, "csr": asks(key, KIOSK)})[1]["certificate"]
    desk.fleet.revoke(KIOSK)
    request = asks(new_key(), KIOSK)
    signature = base64.b64encode(signs(key, request)).decode()
    status, told = desk.post("/renew", {"csr": request, "certificate": certificate, "signature": signature})
    assert (status, told["error"]) == (403, "revoked")


def test_trouble_of_the_database_is_not_told_to_the_world(desk: Desk) -> None:
    desk.fleet.lose_answers = 1
    token = desk.fleet.invite(KIOSK, "Nandgaon").token
    status, told = desk.post("/enrol", {"token": token, "csr": asks(new_key(), KIOSK)})
    assert (status, told["error"]) == (503, "database_away")
    assert "went away" not in told["detail"]


def test_calls_of_one_address_have_a_bound_whatever_they_say_of_themselves(tmp_path: Path) -> None:
    with Desk(tmp_path, calls=2) as desk:
        body = {"token": "x", "csr": "x"}
        statuses = [desk.post("/enrol", body, X_Forwarded_For=f"192.0.2.{n}")[0] for n in range(3)]
    assert statuses == [422, 422, 429]


def test_nobody_speaks_to_it_without_tls_1_3(desk: Desk) -> None:
    context = ssl.create_default_context(cadata=desk.authority.certificate)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection(("127.0.0.1", desk.port), DEADLINE_S) as raw,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(raw, server_hostname="127.0.0.1")


def test_it_needs_an_authority(tmp_path: Path) -> None:
    config = Config(state=State(folder=tmp_path))
    store = Store.open(config.database_url())
    with pytest.raises(AuthorityError, match="krishi-gateway init"):
        enrolment.build_app(store, config)
    store.close()


def test_what_nobody_needs_any_more_goes_when_it_begins(tmp_path: Path) -> None:
    config = Config(state=State(folder=tmp_path))
    Authority.make(tmp_path / "authority", ["127.0.0.1"], datetime.now(UTC))
    store = Store.open(config.database_url())
    with store.writing() as db:
        db.execute(tables.token.insert().values(digest="0" * 64, kiosk=KIOSK, site="x", made_at=1, expires_at=2))
    enrolment.build_app(store, config)
    assert count(store, tables.token) == 0
    store.close()


HEAD = b"POST /enrol HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"


@pytest.mark.parametrize("begin", [b"", HEAD[:30], HEAD, HEAD + b"{"])
def test_a_request_that_does_not_come_is_not_waited_for(tmp_path: Path, begin: bytes) -> None:
    with Desk(tmp_path, patience_s=0.2) as desk, desk.connect() as connection:
        connection.sendall(begin)
        assert ended(connection)


def ended(connection: ssl.SSLSocket) -> bool:
    """Whether the server ends it, before our own deadline."""
    try:
        return connection.recv(1) == b""
    except (ConnectionError, ssl.SSLEOFError):
        return True


def test_whoever_only_waits_gives_way_to_whoever_asks(desk: Desk) -> None:
    with contextlib.ExitStack() as held:
        waiting = [held.enter_context(desk.connect()) for _ in range(CONNECTIONS)]
        status, told = desk.post("/enrol", {"token": "x", "csr": "x"})
        assert (status, told["error"]) == (422, "bad_certificate_request")
        assert ended(waiting[0])
