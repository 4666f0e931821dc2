"""`krishi-kiosk modem` as a technician meets it where no kiosk runs; and what a kiosk's SMS part answers it."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edge_daemon import control
from edge_daemon.config import Config, SerialModem
from edge_daemon.errors import BadCommand, ModemGone, ModemMute
from edge_daemon.modem.simulator import ModemSimulator
from edge_daemon.sms_part import SmsPart
from edge_daemon.sms_reading import PduReading
from edge_daemon.store.store import Store
from edge_daemon.supervise import Health

DEADLINE_S = 60.0


class Desk:
    """Runs `krishi-kiosk modem` with a modem and a state folder of the test's own."""

    def __init__(self, folder: Path, port: Path | str) -> None:
        self.state = folder / "state"
        self.config = folder / "kiosk.toml"
        self.write(f'kind = "serial"\nport = "{port}"\nreply_s = 1.0')

    def write(self, modem: str) -> None:
        self.config.write_text(f'[state]\nfolder = "{self.state}"\n[modem]\n{modem}\n', encoding="utf-8")

    def run(self, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "edge_daemon", "modem", *words, "--config", str(self.config)]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=DEADLINE_S)

    def row(self, *words: str) -> dict[str, Any]:
        row: dict[str, Any] = json.loads(self.run(*words, "--json").stdout)
        return row


@pytest.fixture
def network(tmp_path: Path) -> Iterator[ModemSimulator]:
    with ModemSimulator(link=tmp_path / "krishi-modem", model="EC25") as simulator:
        yield simulator


@pytest.fixture
def desk(tmp_path: Path, network: ModemSimulator) -> Desk:
    return Desk(tmp_path, network.port)


def test_it_tells_all_of_the_modem(desk: Desk, network: ModemSimulator) -> None:
    network.fill_memory(leave=3, memory="SM")
    done = desk.run("info")
    assert (done.returncode, done.stderr) == (0, "")
    for words in (
        *("Quectel EC25, revision EC25EFAR06A10M4G, IMEI 004999010640000", f"{network.port}, which leads to /dev/pts/"),
        *(
            "Profile EC25",
            "ready, ICCID 8900101000000000016",
            "Rehearsal, home (calls and SMS), home (data), home (LTE)",
        ),
        *("-71 dBm, 4 of 4 bars: very good", "+999000", "ME 0 of 50", "it does not run; the modem was asked directly"),
    ):
        assert words in " ".join(done.stdout.split())
    assert "To do" not in done.stdout
    assert "None" not in done.stdout
    row = desk.row("info")
    assert (row["sim"], row["creg"], row["running"], row["to_do"]) == ("ready", "home", False, [])


def test_nothing_of_the_state_is_made_or_needed(desk: Desk) -> None:
    assert desk.run("info").returncode == 0
    assert not desk.state.exists()


def test_a_locked_sim_is_told_of_and_no_pin_is_entered(tmp_path: Path) -> None:
    with ModemSimulator(link=tmp_path / "krishi-modem", pin="4711") as network:
        desk = Desk(tmp_path, network.port)
        desk.write(f'kind = "serial"\nport = "{network.port}"\nsim_pin = "4711"')
        done = desk.run("info")
        assert "it asks for its PIN" in done.stdout
        assert "To do      Set [modem] sim_pin" in done.stdout
        assert not [command for command in network.commands if "4711" in command or "CPIN=" in command]


@pytest.mark.parametrize(
    ("state", "word", "to_do"),
    [
        (0, "not searching", "check that the SIM is active"),
        (2, "searching", "check antenna and coverage"),
        (3, "denied", "check the SIM and its plan"),
        (4, "unknown", "no coverage"),
        (5, "roaming", ""),
    ],
)
def test_it_needs_no_network_to_tell(desk: Desk, network: ModemSimulator, state: int, word: str, to_do: str) -> None:
    network.set_registration(state)
    row = desk.row("info")
    assert row["creg"] == word
    assert to_do in " ".join(row["to_do"])
    assert bool(row["to_do"]) == bool(to_do)


def test_no_signal_and_a_full_memory_are_told_of(desk: Desk, network: ModemSimulator) -> None:
    network.set_signal(99)
    network.fill_memory(memory="ME")
    shown = desk.run("info").stdout
    assert "signal not known" in shown
    assert "check the antenna and its cable" in shown
    assert "The memory ME is full" in shown


@pytest.mark.parametrize(
    ("command", "lines", "code"),
    [
        ("AT+CSQ", ["+CSQ: 21,99", "OK"], 0),
        ("at+cpin?", ["+CPIN: READY", "OK"], 0),
        ("AT+CREG?", ["+CREG: 0,1", "OK"], 0),
        ("ATI", ["Quectel", "EC25", "EC25EFAR06A10M4G", "OK"], 0),
        ("AT+CMGS=?", ["OK"], 0),
        ("AT+CMGR=7", ["OK"], 0),
        ("AT+CPMS=", ["+CMS ERROR: 302", "(the modem does not allow this now)"], 65),
        ("AT+COPS=9", ["+CME ERROR: 4", "(the modem does not support this)"], 65),
        ("AT+NONSENSE", ["ERROR", "(the modem does not know this command, or refuses it without a reason)"], 65),
    ],
)
def test_a_command_s_answer_and_its_result(desk: Desk, command: str, lines: list[str], code: int) -> None:
    done = desk.run("at", command)
    assert (done.stdout.splitlines(), done.returncode, done.stderr) == (lines, code, "")
    row = desk.row("at", command)
    assert [*row["lines"], row["result"]] == (lines[:-1] if code else lines)


def test_a_command_may_come_on_standard_input(desk: Desk, network: ModemSimulator) -> None:
    """So that a PIN stands in no list of processes and in no shell's history."""
    done = desk.run("at", "-", given="AT+CPIN=4711\n")
    assert done.returncode == 65
    assert "4711" not in done.stdout + done.stderr
    assert "AT+CPIN=4711" in network.commands


def test_an_answer_gives_no_orders_to_the_terminal(desk: Desk, network: ModemSimulator) -> None:
    network.interleave("\x1b[2JSIM800")
    done = desk.run("at", "ATI")
    assert "\x1b" not in done.stdout
    assert "[2JSIM800" in done.stdout


@pytest.mark.parametrize(
    ("answer", "dcs", "session"), [("Your balance is Rs 42.", 15, False), ("शेष ₹ 42", 72, False), ("1 Hindi", 15, True)]
)
def test_a_ussd_code_s_answer(desk: Desk, network: ModemSimulator, answer: str, dcs: int, session: bool) -> None:
    network.ussd("*123#", answer, dcs, session=session)
    done = desk.run("ussd", "*123#")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{answer}\n", "")
    assert desk.row("ussd", "*123#") == {"answer": answer, "running": False}


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["at", "AT+CMGS=18"], 65, "krishi-kiosk sms send"),
        (["at", "ATD123;"], 65, "makes no calls"),
        (["at", "CSQ"], 65, "begins with AT"),
        (["at", "AT\x1b"], 65, "control character"),
        (["at", "AT" + "x" * 300], 65, "302 characters"),
        (["ussd", "123"], 65, "begins with * or #"),
        (["ussd", "*1#"], 69, "the network does not know this code"),
        (["at"], 64, "COMMAND"),
        (["ussd"], 64, "CODE"),
        ([], 64, "WHAT"),
        (["fly"], 64, "fly"),
    ],
)
def test_bad_words_get_a_sentence_and_a_code(desk: Desk, words: list[str], code: int, sentence: str) -> None:
    done = desk.run(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["info"], ["at", "AT"], ["ussd", "*123#"]])
def test_a_modem_that_is_not_there(desk: Desk, network: ModemSimulator, words: list[str]) -> None:
    network.go_mute()
    mute = desk.run(*words)
    assert (mute.returncode, mute.stdout) == (69, "")
    assert "did not answer" in mute.stderr
    network.hang_up()
    gone = desk.run(*words)
    assert (gone.returncode, gone.stdout) == (69, "")
    assert "is not there" in gone.stderr


def test_a_simulated_modem_is_there_only_while_the_kiosk_runs(desk: Desk) -> None:
    desk.write('kind = "simulator"')
    done = desk.run("info")
    assert done.returncode == 69
    assert "only while the kiosk runs" in done.stderr


def test_a_socket_that_a_crash_left_is_no_kiosk(desk: Desk) -> None:
    desk.state.mkdir()
    with socket.socket(socket.AF_UNIX) as crashed:
        crashed.bind(str(desk.state / control.FILE))
    assert desk.row("at", "AT")["running"] is False


Story = Callable[[SmsPart, Health], Awaitable[None]]


def with_part(folder: Path, network: ModemSimulator, story: Story) -> None:
    async def whole() -> None:
        config = Config(modem=SerialModem(kind="serial", port=network.port, reply_s=1.0))
        health = Health()
        async with asyncio.timeout(DEADLINE_S):
            await story(SmsPart(config, store, health), health)

    with Store.open(folder / "state", 0, reading=PduReading()) as store:
        asyncio.run(whole())


def test_between_two_tries_the_kiosk_opens_the_port_for_a_technician(tmp_path: Path, network: ModemSimulator) -> None:
    async def story(part: SmsPart, health: Health) -> None:
        health.parts["sms"] = "The SIM is locked."
        told = await part.info()
        assert (told["model"], told["trouble"], told["remedies"]) == ("EC25", "The SIM is locked.", {})
        assert (await part.at("AT+CSQ"))["lines"] == ["+CSQ: 21,99"]
        with pytest.raises(ModemGone, match=r"No modem is at work\. The SIM is locked\."):
            await part.ussd("*123#")
        with pytest.raises(BadCommand):
            await part.at("AT+CMGS=1")
        network.hang_up()
        with pytest.raises(ModemGone, match="is not there"):
            await part.info()

    with_part(tmp_path, network, story)


def test_a_technician_s_port_is_no_trouble_of_the_kiosk(tmp_path: Path, network: ModemSimulator) -> None:
    async def story(part: SmsPart, health: Health) -> None:
        network.go_mute(at="AT+CGMR")
        asking = asyncio.create_task(part.info())
        await asyncio.to_thread(network.wait_until, lambda: "AT+CGMR" in network.commands, DEADLINE_S)
        working = asyncio.create_task(part.run())
        with pytest.raises(ModemMute):
            await asking
        network.speak_again()
        await asyncio.to_thread(network.wait_until, lambda: "AT+CCLK?" in network.commands, DEADLINE_S)
        assert part.tell()["remedies"] == {}
        working.cancel()
        await asyncio.wait([working])

    with_part(tmp_path, network, story)


def test_a_command_that_left_the_modem_waiting_is_given_up(
    tmp_path: Path, network: ModemSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some makers' commands ask for more, behind a sign that no standard names."""

    async def story(part: SmsPart, health: Health) -> None:
        network.go_mute(at="AT+CIPSEND")
        with pytest.raises(ModemMute):
            await part.at("AT+CIPSEND")
        network.speak_again()
        assert (await part.at("AT"))["result"] == "OK"

    monkeypatch.setattr("edge_daemon.modem.typed.ANSWER_S", 0.3)
    with_part(tmp_path, network, story)
