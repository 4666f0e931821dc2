"""A gateway's enrolment server in this process: HTTPS on loopback, with a database, an authority and a clock."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gateway import invitation
from gateway.authority import ENROLMENT, Authority
from gateway.calls import Calls
from gateway.config import Authority as Rules
from gateway.enrolment import app_of
from gateway.errors import DatabaseAway
from gateway.fleet import Enrolled, Fleet
from gateway.serve import REQUEST_S, Connection, TlsFiles, listen, serve
from gateway.store import Store
from tests.gateway.requests import Clock
from tests.peers.program import DEADLINE_S


class Forgetful(Fleet):
    """Does what it is asked to, and then, where it is told so, the answer is lost."""

    lose_answers = 0
    gives: str | None = None
    """Instead of the certificate."""
    heard = ""
    """All that was asked."""

    def enrol(self, token: str, request: str) -> Enrolled:
        self.heard += token + request
        done = super().enrol(token, request)
        self._lose()
        return done._replace(certificate=self.gives or done.certificate)

    def renew(self, request: str, certificate: str, signature: bytes) -> str:
        self.heard += request + certificate
        made = super().renew(request, certificate, signature)
        self._lose()
        return self.gives or made

    def _lose(self) -> None:
        if self.lose_answers:
            self.lose_answers -= 1
            raise DatabaseAway("The database went away.")


class Desk:
    """The server. authority: one that is there already. calls: how many it takes in a minute, of one address.

    patience_s: how long a request may take to come.
    """

    def __init__(
        self, folder: Path, made_at: datetime | None = None, calls: int = 600, patience_s: float = REQUEST_S
    ) -> None:
        self.clock = Clock(made_at or datetime.now(UTC))
        place = folder / "authority"
        there = (place / "ca.crt").exists()
        self.authority = Authority.open(place) if there else Authority.make(place, ["127.0.0.1"], self.clock())
        self.store = Store.open(f"sqlite:///{folder / 'gateway.db'}")
        self.fleet = Forgetful(self.store, self.authority, Rules(certificate_days=90), self.clock)
        self.changes = 0
        self._calls = calls
        self._kind = type("Hurried", (Connection,), {"patience_s": patience_s})
        self._listener = listen("127.0.0.1", 0, "enrolment")
        self.port: int = self._listener.getsockname()[1]
        self.url = f"https://127.0.0.1:{self.port}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="enrolment")

    def invite(self, kiosk: str = "nandgaon-1", site: str = "Nandgaon") -> str:
        """An invitation's text."""
        to = invitation.Addresses(self.url, "mqtts://127.0.0.1:8883")
        return invitation.write(self.fleet.invite(kiosk, site), to, self.authority.certificate)

    def post(self, path: str, body: object, **headers: str) -> tuple[int, dict[str, Any]]:
        """As any program on the network may. body: bytes go as they are. headers: with _ for -."""
        context = ssl.create_default_context(cadata=self.authority.certificate)
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=DEADLINE_S, context=context)
        try:
            headers = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("POST", path, body if isinstance(body, bytes) else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def connect(self) -> ssl.SSLSocket:
        """A connection that says nothing yet."""
        context = ssl.create_default_context(cadata=self.authority.certificate)
        raw = socket.create_connection(("127.0.0.1", self.port), DEADLINE_S)
        return context.wrap_socket(raw, server_hostname="127.0.0.1")

    @contextmanager
    def silence(self) -> Iterator[int]:
        """A port that takes connections and says nothing."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            yield listener.getsockname()[1]

    def _changed(self) -> None:
        self.changes += 1

    def _run(self) -> None:
        folder = self.authority.folder
        files = TlsFiles(folder / f"{ENROLMENT}.crt", folder / f"{ENROLMENT}.key")
        app = app_of(self.fleet, self._changed, Calls(each=self._calls))
        self._task = self._loop.create_task(serve(app, self._listener, files, self._kind))
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, where: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(lambda: self._task.cancel())
        self._thread.join(DEADLINE_S)
        self._listener.close()
        self.store.close()
