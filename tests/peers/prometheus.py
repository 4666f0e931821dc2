"""A real Prometheus on a port of loopback, which scrapes one target and looks at rules."""

from __future__ import annotations

import json
import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tests import foreign
from tests.peers.program import DEADLINE_S, Program, free_port

Alerts = dict[str, list[dict[str, Any]]]
"""By their names."""
CONFIG = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: krishi-gateway
    static_configs: [{{targets: ["127.0.0.1:{target}"]}}]
"""


class Prometheus(Program):
    """A server that scrapes a port of loopback each second."""

    def __init__(self, folder: Path, target: int, rules: Path) -> None:
        program = foreign.program("prometheus")
        assert program is not None, "prometheus is not installed"
        folder.mkdir(exist_ok=True)
        config = folder / "prometheus.yml"
        config.write_text(CONFIG.format(rules=json.dumps(os.fspath(rules)), target=target), encoding="utf-8")
        port = free_port()
        files = [f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"]
        super().__init__("prometheus", folder, [program, *files, f"--web.listen-address=127.0.0.1:{port}"], port)

    def start(self) -> Self:
        """Begin it and wait until it answers: it listens before it is ready."""
        super().start()
        _wait_until(self._is_ready, self.log.read_text)
        return self

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=DEADLINE_S):
                return True
        except urllib.error.HTTPError:
            return False

    def ask(self, path: str) -> Any:
        """What its HTTP API answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}", timeout=DEADLINE_S) as answer:
            return json.load(answer)["data"]

    def firing(self) -> Alerts:
        """The alerts that fire now, by name."""
        found: Alerts = {}
        for alert in self.ask("alerts")["alerts"]:
            if alert["state"] == "firing":
                found.setdefault(alert["labels"]["alertname"], []).append(alert)
        return found

    def until(self, so: Callable[[Alerts], bool]) -> Alerts:
        """Ask again and again until the alerts that fire are so; then, these."""
        seen: Alerts = {}

        def are_so() -> bool:
            seen.clear()
            seen.update(self.firing())
            return so(seen)

        _wait_until(are_so, lambda: f"they fire: {sorted(seen)}\n{self.log.read_text()}")
        return seen


def _wait_until(so: Callable[[], bool], what: Callable[[], str]) -> None:
    ends = threading.Event()
    alarm = threading.Timer(DEADLINE_S, ends.set)
    alarm.start()
    try:
        while not so():
            assert not ends.wait(0.1), what()
    finally:
        alarm.cancel()
