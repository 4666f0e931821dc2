"""The gateway's HTTP on a port of loopback, as uvicorn serves it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from gateway.config import Config, State
from gateway.store import Store
from gateway.web.app import build_app
from tests.peers.program import DEADLINE_S, free_port, listens


@contextmanager
def served(store: Store, state: Path) -> Iterator[int]:
    """The port, on which it listens until the end. state: the gateway's state folder."""
    app = build_app(store.engine, Config(state=State(folder=state)), hold_s=0.0)
    port = free_port()
    settings = uvicorn.Config(app, port=port, log_config=None, access_log=False, lifespan="off", ws="none")
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run)
    thread.start()
    ends = threading.Event()
    alarm = threading.Timer(DEADLINE_S, ends.set)
    alarm.start()
    try:
        while not listens(port):
            assert thread.is_alive()
            assert not ends.wait(0.02), "uvicorn does not listen"
        yield port
    finally:
        alarm.cancel()
        server.should_exit = True
        thread.join(DEADLINE_S)
