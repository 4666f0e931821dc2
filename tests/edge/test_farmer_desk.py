"""`krishi-kiosk farmer` as somebody at the kiosk meets it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.clock import system_now
from edge_daemon.config import SmsRules
from edge_daemon.diagnosis import Kind
from edge_daemon.sms_reading import PduReading
from edge_daemon.store.store import Store

NUMBER = "+919812345678"
DEADLINE_S = 60.0


class Desk:
    """Runs `krishi-kiosk farmer` on a state folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.config = folder / "kiosk.toml"
        self.config.write_text(f'[state]\nfolder = "{self.state}"\n', encoding="utf-8")

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "edge_daemon", "farmer", *words, "--config", str(self.config)]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE_S
        )

    def at_a_terminal(self, answer: str, *words: str) -> subprocess.CompletedProcess[str]:
        ours, theirs = pty.openpty()
        try:
            os.write(ours, answer.encode())
            return subprocess.run(
                self.command(*words), stdin=theirs, capture_output=True, text=True, timeout=DEADLINE_S
            )
        finally:
            os.close(ours)
            os.close(theirs)

    def data(self, *words: str) -> dict[str, Any]:
        done = self.run(*words, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def store(self) -> Store:
        """As the daemon has it."""
        return Store.open(self.state, 0, system_now, SmsRules(), PduReading())

    def holds_number(self) -> bool:
        return any(NUMBER[1:].encode() in path.read_bytes() for path in self.state.rglob("*") if path.is_file())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Of a kiosk that knows a number."""
    desk = Desk(tmp_path)
    with desk.store() as store:
        store.agree(NUMBER, "hi", "2026-1")
        store.texts.queue(NUMBER, "hi", "do this", Kind.ANSWER)
    return desk


def test_what_is_held_is_shown_without_the_number(desk: Desk) -> None:
    shown = desk.run("show", "98123 45678")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "The kiosk holds of +91…78: the number, 1 SMS to this number." in shown.stdout
    assert "language hi" in shown.stdout
    assert "notice on the screen: 2026-1; by SMS: not yet" in shown.stdout
    assert "wants no more SMS: no" in shown.stdout
    assert "98123" not in shown.stdout
    data = desk.data("show", NUMBER)
    assert (data["number"], data["sms"], data["visits"], data["opted_out"]) == ("+91…78", 1, 0, False)


def test_a_number_that_is_not_known_is_said_to_be_so(desk: Desk) -> None:
    assert desk.run("show", "98123 45679").stdout.startswith("The kiosk holds nothing of +91…79.\n")
    assert "there was nothing to remove" in desk.run("erase", "98123 45679", "--yes").stdout
    assert desk.data("erase", "98123 45679", "--yes")["farmer"] is False


def test_it_is_erased_and_what_was_removed_is_said(desk: Desk) -> None:
    assert desk.holds_number()
    done = desk.run("erase", NUMBER, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "+91…78 is erased: the number, the wording of 1 SMS, 1 SMS that waited will not go.\n"
    assert not desk.holds_number()
    assert desk.data("show", NUMBER)["since"] is None


def test_it_is_erased_beside_the_daemon(desk: Desk) -> None:
    with desk.store() as store:
        data = desk.data("erase", NUMBER, "--yes")
        assert (data["erased"], data["parked"], data["clean"]) == (True, 1, True)
        assert not desk.holds_number()
        assert store.sms.take() is None


def test_while_its_sms_is_on_the_way_it_is_told_to_wait(desk: Desk) -> None:
    with desk.store() as store:
        store.sms.take()
        done = desk.run("erase", NUMBER, "--yes")
    assert done.returncode == 75
    assert "Try again in a minute." in done.stderr
    assert desk.holds_number()


def test_without_a_terminal_nothing_is_erased_unasked(desk: Desk) -> None:
    done = desk.run("erase", NUMBER)
    assert done.returncode == 64
    assert "--yes" in done.stderr
    assert desk.data("show", NUMBER)["sms"] == 1


@pytest.mark.parametrize(("answer", "erased"), [("y\n", True), ("Yes\n", True), ("\n", False), ("no\n", False)])
def test_at_a_terminal_it_asks_first(desk: Desk, answer: str, erased: bool) -> None:
    done = desk.at_a_terminal(answer, "erase", NUMBER)
    assert done.returncode == 0
    assert "1 SMS to this number. Erase it for good? [y/N]" in done.stderr
    assert ("is erased" in done.stdout) == erased
    assert ("Nothing was erased." in done.stdout) == (not erased)
    assert (desk.data("show", NUMBER)["since"] is None) == erased


def test_what_is_no_number_and_no_kiosk_is_named(desk: Desk, tmp_path: Path) -> None:
    assert desk.run("erase", "hello", "--yes").returncode == 65
    (tmp_path / "new").mkdir()
    new = Desk(tmp_path / "new")
    assert new.run("erase", NUMBER, "--yes").returncode == 66
    assert not new.state.exists()
