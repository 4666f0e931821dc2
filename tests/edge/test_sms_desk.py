"""`krishi-kiosk sms` as a technician meets it."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

import pytest

from edge_daemon import parts
from edge_daemon.clock import system_now
from edge_daemon.config import SmsRules, load
from edge_daemon.diagnosis import Kind
from edge_daemon.errors import Refused, StateReadOnly
from edge_daemon.exchange import Outcome
from edge_daemon.sms_reading import PduReading
from edge_daemon.store.store import Store
from tests.stranger import a_stranger_to

NUMBER = "+919812345678"
DEADLINE_S = 60.0
INBOUND = "07916407058099F9040B916407950303F100008921222140140004D4E2940A"


class Desk:
    """Runs `krishi-kiosk sms` on a state folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.config = folder / "kiosk.toml"
        self.write("")

    def write(self, text: str) -> None:
        self.config.write_text(f'{text}\n[state]\nfolder = "{self.state}"\n', encoding="utf-8")

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "edge_daemon", "sms", *words, "--config", str(self.config)]

    def run(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*words), input=given, capture_output=True, text=True, timeout=DEADLINE_S)

    def rows(self, *words: str) -> list[dict[str, Any]]:
        done = self.run(*words, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        return [json.loads(line) for line in done.stdout.splitlines()]

    def store(self) -> Store:
        """As the daemon has it."""
        return Store.open(self.state, 0, system_now, SmsRules(), PduReading())


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_text_is_queued_and_says_what_it_costs(desk: Desk) -> None:
    done = desk.run("send", "98123 45678", "धान की पत्ती पर भूरे धब्बे " * 4)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "SMS 1 to +91…78 waits: 2 parts. It goes when the kiosk runs; it does not run now.\n"
    (row,) = desk.rows("list", "--numbers")
    assert (row["number"], row["state"], row["kind"]) == (NUMBER, "waiting", "answer")


def test_beside_the_daemon_it_is_queued_too(desk: Desk) -> None:
    with desk.store() as store:
        (row,) = desk.rows("send", NUMBER, "do this")
        assert row["running"] is True
        sms = store.sms.take()
        assert sms is not None


def test_a_text_may_come_on_standard_input(desk: Desk) -> None:
    assert desk.run("send", NUMBER, "-", given="from a file").returncode == 0
    assert desk.rows("list")[0]["text"] == "from a file"


def test_a_list_masks_numbers_unless_it_is_asked_for_them(desk: Desk) -> None:
    desk.run("send", NUMBER, "do this", "--kind", "reply")
    for words in (["list"], ["show", "1"], ["list", "--json"], ["show", "1", "--json"]):
        assert "98123" not in desk.run(*words).stdout
        assert NUMBER in desk.run(*words, "--numbers").stdout
    assert desk.run("list", "--state", "parked").stdout == "There is no such SMS.\n"


def test_one_sms_is_shown_with_its_parts_and_sent_again(desk: Desk) -> None:
    with desk.store() as store:
        sms = store.texts.queue(NUMBER, "en", "Two parts. " * 20, Kind.ANSWER)
        store.sms.take()
        store.part_sent(sms, 1, 7)
        store.sms.park(sms, Refused("the network knows no such number"))
    shown = desk.run("show", "1").stdout
    assert "answer to +91…78: parked" in shown
    assert "no such number" in shown
    assert "nothing reported yet" in shown
    assert "SMS 1 waits again" in desk.run("resend", "1").stdout
    assert desk.rows("list")[0]["state"] == "waiting"


def test_a_flash_sms_and_its_tables_are_shown(desk: Desk) -> None:
    assert "sent as" not in desk.run("send", NUMBER, "an ordinary one").stdout + desk.run("show", "1").stdout
    assert "may get texts by the national tables" in desk.run("tables", NUMBER, "on").stdout
    desk.write('[kiosk]\nlanguage = "hi"')
    (row,) = desk.rows("send", NUMBER, "धान की पत्ती पर भूरे धब्बे " * 4, "--flash")
    assert (row["flash"], row["shift"], row["parts"]) == (True, ["hi"], 1)  # without the tables it takes 2
    shown = desk.run("show", "2").stdout
    assert "a flash SMS, shown at once and not kept, by the national tables of hi" in shown
    with desk.store() as store:
        assert not store.texts.newest(id=1)[0]["flash"]
        first, second = store.sms.take(), store.sms.take()
    assert first is not None
    assert second is not None
    assert (first.flash, second.flash, second.shift) == (False, True, ("hi",))


@pytest.mark.parametrize(
    ("word", "value", "shift"), [("on", True, ["en"]), ("off", False, []), ("kiosk", None, ["ta"])]
)
def test_whether_a_number_gets_texts_by_tables(desk: Desk, word: str, value: bool | None, shift: list[str]) -> None:
    desk.write('[sms]\nnational_tables = ["ta"]')
    assert desk.rows("tables", NUMBER, word) == [{"number": "+91…78", "national_tables": value}]
    assert desk.rows("send", NUMBER, "do this")[0]["shift"] == shift


def test_a_farmer_who_calls_the_shopkeeper_is_heard(desk: Desk) -> None:
    desk.run("send", NUMBER, "one that waits")
    stopped = desk.run("stop", "98123 45678")
    assert stopped.stdout == "+91…78 gets no more SMS; 1 that waited is parked.\n"
    assert desk.run("send", NUMBER, "x").returncode == 65
    assert desk.rows("list")[0]["why"] == "its number wants no more SMS"
    assert desk.rows("stop", NUMBER) == [{"number": "+91…78", "opted_out": True, "parked": 0}]
    assert "gets SMS again" in desk.run("start", NUMBER).stdout
    assert desk.run("send", NUMBER, "y").returncode == 0
    assert desk.rows("start", NUMBER, "--numbers") == [{"number": NUMBER, "opted_out": False}]


def test_beside_the_daemon_a_stop_holds_at_once(desk: Desk) -> None:
    with desk.store() as store:
        store.texts.queue(NUMBER, "en", "an old one", Kind.ANSWER)
        assert desk.rows("stop", NUMBER)[0]["parked"] == 1
        assert store.sms.take() is None


def test_what_came_in_is_listed_and_what_broke_the_standard(desk: Desk) -> None:
    with desk.store() as store:
        store.inbound.take(INBOUND)
        store.inbound.take("0001")
    assert desk.rows("list", "--inbound")[0]["text"] == "TEST"
    assert "TEST" in desk.run("list", "--inbound").stdout
    with desk.store() as store:
        (message,) = store.inbound.new()
        who = store.questions.correspondent(message.number, "en")
        store.questions.settle(message, who, Outcome("unknown"), timedelta(days=3))
    assert desk.rows("list", "--inbound")[0]["sense"] == "unknown"
    assert "unknown" in desk.run("list", "--inbound").stdout
    assert "0001" in desk.run("list", "--broken", "--numbers").stdout
    masked = desk.run("list", "--broken").stdout
    assert "(4 characters; --numbers shows them)" in masked
    assert "0001" not in masked


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["send", "12", "x"], 65, "'12' is not"),
        (["send", "1909", "x"], 65, "'1909' is not"),
        (["send", NUMBER, ""], 65, "empty"),
        (["send", NUMBER, "x" * 50_000], 65, "parts, and 10 is the most"),
        (["show", "9"], 65, "no SMS 9"),
        (["resend", "1"], 65, "still waiting"),
        (["show", "x"], 64, "SMS"),
        (["list", "--state", "lost"], 64, "lost"),
        (["stop", "12"], 65, "'12' is not"),
        (["start", "12"], 65, "'12' is not"),
        (["tables", "12", "on"], 65, "'12' is not"),
        (["tables", NUMBER, "maybe"], 64, "maybe"),
        (["fly"], 64, "fly"),
    ],
)
def test_bad_words_get_a_sentence_and_a_code(desk: Desk, words: list[str], code: int, sentence: str) -> None:
    desk.run("send", NUMBER, "the first")
    done = desk.run(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_of_another_user(desk: Desk) -> None:
    desk.store().close()
    config = load(desk.config)
    with a_stranger_to(desk.state), pytest.raises(StateReadOnly, match="sudo -u krishi-kiosk"):
        parts.look_store(config)


def test_a_text_from_outside_gives_no_orders_to_the_terminal(desk: Desk) -> None:
    with desk.store() as store:
        store.texts.queue(NUMBER, "en", "\x1b[2Jdo this", Kind.ANSWER)
    for words in (["list"], ["show", "1"]):
        shown = desk.run(*words).stdout
        assert "[2Jdo this" in shown
        assert "\x1b" not in shown


def test_a_folder_in_which_no_kiosk_worked(desk: Desk) -> None:
    assert desk.run("list").returncode == 66


def test_a_short_number_is_texted_where_the_configuration_allows_it(desk: Desk) -> None:
    desk.write('[sms]\nallowed_numbers = ["1909"]')
    assert desk.rows("send", "1909", "START 0", "--numbers")[0]["number"] == "1909"


def test_a_text_on_standard_input_is_utf_8_and_ends_without_its_line(desk: Desk) -> None:
    assert desk.run("send", NUMBER, "-", given="एक\nदो\n").returncode == 0
    assert desk.rows("list")[0]["text"] == "एक\nदो"
    strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    done = subprocess.run(
        desk.command("send", NUMBER, "-"), input=b"\xff", capture_output=True, env=strict, check=False
    )
    assert done.returncode == 65
    assert b"Traceback" not in done.stderr


def test_a_word_that_is_no_number_is_said_so(desk: Desk) -> None:
    done = desk.run("show", "abc")
    assert (done.returncode, "'abc' is not a number" in done.stderr) == (64, True)


def test_a_number_that_opted_out_gets_nothing(desk: Desk) -> None:
    with desk.store() as store:
        store.texts.opt_out(NUMBER)
    done = desk.run("send", NUMBER, "x")
    assert done.returncode == 65
    assert "wants no more SMS" in done.stderr


def read(output: IO[str], lines: queue.Queue[str]) -> None:
    for line in output:
        lines.put(line)


def heed_ctrl_c() -> None:
    """A test run that a script has put into the background passes a deaf ear for Ctrl-C on to its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_watch_shows_what_happens_until_ctrl_c(desk: Desk) -> None:
    with desk.store() as store:
        store.texts.queue(NUMBER, "en", "an old one", Kind.ANSWER)
        watching = subprocess.Popen(desk.command("watch"), stdout=subprocess.PIPE, text=True, preexec_fn=heed_ctrl_c)
        assert watching.stdout is not None
        lines: queue.Queue[str] = queue.Queue()
        reader = threading.Thread(target=read, args=(watching.stdout, lines), daemon=True)
        reader.start()
        assert "an old one" in lines.get(timeout=DEADLINE_S)
        store.sms.take()
        assert "sending" in lines.get(timeout=DEADLINE_S)
        store.inbound.take(INBOUND)
        came = lines.get(timeout=DEADLINE_S)
        assert came.startswith("<- ")
        assert "TEST" in came
        watching.send_signal(signal.SIGINT)
        assert watching.wait(DEADLINE_S) == 0
        reader.join(DEADLINE_S)
        watching.stdout.close()
