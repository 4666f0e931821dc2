"""`krishi-kiosk simulate modem`: what it prints, what its socket does, and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from edge_daemon.cli import build_parser
from edge_daemon.modem import pdu
from edge_daemon.modem.simulation.control import _ACTS, Control
from edge_daemon.modem.simulation.models import MODELS
from edge_daemon.modem.simulator import ModemSimulator
from tests.edge.modem.at_client import AtClient

FARMER = "+919812345678"
DEADLINE_S = 60.0
HINDI = "धान में झुलसा रोग"


class Simulation:
    """The command as a child process, and a client of its socket."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.link, self.control, self.log = folder / "modem", folder / "control", folder / "log.jsonl"
        paths = ["--link", self.link, "--control", self.control, "--log", self.log]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "edge_daemon", "simulate", "modem", *map(str, paths), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.first = self.line()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, why: BaseException | None, at: TracebackType | None) -> None:
        self.end()

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.line())
        return event

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(DEADLINE_S)
        connection.connect(str(self.control))
        return connection

    def ask(self, do: str, **values: Any) -> dict[str, Any]:
        with self.connect() as connection, connection.makefile("rwb") as file:
            file.write(json.dumps({"do": do, **values}).encode() + b"\n")
            file.flush()
            answer: dict[str, Any] = json.loads(file.readline())
            return answer

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            _, self.said = self.process.communicate(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return self.process.returncode


@pytest.fixture
def simulation(tmp_path: Path) -> Iterator[Simulation]:
    with Simulation(tmp_path, "--json") as running:
        yield running


def send(kiosk: AtClient, text: str) -> None:
    for part in pdu.submit(FARMER, text, 7):
        assert kiosk.submit(f"AT+CMGS={part.tpdu_octets}", part.hex)[-1] == "OK"


def test_lines_for_a_person(tmp_path: Path) -> None:
    with Simulation(tmp_path) as simulation, AtClient(str(tmp_path / "modem")) as kiosk:
        assert simulation.first == str(tmp_path / "modem")
        send(kiosk, "two\nlines")
        assert simulation.line() == "SMS to +91…78, 1 part, GSM-7: two lines"
        send(kiosk, HINDI * 5)
        assert simulation.line() == f"SMS to +91…78, 2 parts, UCS-2: {HINDI * 5}"
        send(kiosk, "\x1b]0;धा\x07")
        assert simulation.line().endswith("UCS-2:  ]0;धा ")
        simulation.ask("refuse", number=FARMER, code=38)
        assert simulation.line() == "refuse number=+91…78 code=38"
        assert simulation.end(signal.SIGINT) == 0
        assert simulation.said == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log.jsonl"]
    assert len((tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()) == 4


def test_objects_for_a_program(tmp_path: Path) -> None:
    with Simulation(tmp_path, "--json", "--numbers", "--model", "EC25", "--pin", "4711") as simulation:
        assert json.loads(simulation.first) == {"event": "ready", "port": str(tmp_path / "modem")}
        with AtClient(str(tmp_path / "modem")) as kiosk:
            assert kiosk.ask("AT+CGMM") == ["EC25", "OK"]
            assert kiosk.ask("AT+CPIN=4711")[-1] == "OK"
            send(kiosk, HINDI)
        assert simulation.event() == {
            "event": "sms",
            "number": FARMER,
            "text": HINDI,
            "parts": 1,
            "encoding": "UCS-2",
            "complete": True,
            "repeats": 0,
        }
        assert simulation.ask("received")["received"][0]["text"] == HINDI


def test_the_socket_is_for_this_user_alone(simulation: Simulation) -> None:
    assert simulation.control.stat().st_mode & 0o777 == 0o600


def test_it_does_what_it_is_asked(simulation: Simulation) -> None:
    with AtClient(str(simulation.link)) as kiosk:
        kiosk.ask("AT+CNMI=2,1,0,1,0")
        assert simulation.ask("deliver", number="VK-KRISHI", text=HINDI) == {"done": "deliver"}
        assert simulation.event() == {"event": "deliver", "number": "VK-KRISHI", "text": HINDI}
        assert kiosk.line() == '+CMTI: "SM",1'
        assert [kept["index"] for kept in simulation.ask("stored")["stored"]] == [1]
        simulation.ask("mute")
        simulation.ask("deliver", number=FARMER, text="waits")
        assert simulation.ask("look")["undelivered"] == 1
        simulation.ask("speak")
        assert kiosk.line() == '+CMTI: "SM",2'
        simulation.ask("fail", at="AT+CSQ", code=None)
        assert kiosk.ask("AT+CSQ") == ["ERROR"]
        simulation.ask("say", lines=["RING"])
        assert kiosk.line() == "RING"


def test_an_empty_line_and_half_a_line(simulation: Simulation) -> None:
    with simulation.connect() as connection, connection.makefile("rwb") as file:
        file.write(b"\n  \n" + b'{"do": "look"}')
        file.flush()
        connection.shutdown(socket.SHUT_WR)
        assert "undelivered" in json.loads(file.readline())
        assert file.readline() == b""


def test_a_line_that_is_too_long(simulation: Simulation) -> None:
    with simulation.connect() as connection, connection.makefile("rwb") as file:
        file.write(b'{"do": "' + b"x" * 70_000 + b'"}\n')
        file.flush()
        assert "longer than 65536" in json.loads(file.readline())["error"]
    assert simulation.ask("look")["undelivered"] == 0


def test_no_more_connections_than_its_bound(simulation: Simulation) -> None:
    held = [simulation.connect() for _ in range(16)]
    for connection in held:
        connection.sendall(b'{"do": "look"}\n')
        assert connection.recv(10)
    with simulation.connect() as more:
        assert "most" in json.loads(more.recv(1000))["error"]
    for connection in held:
        connection.close()


def test_whoever_leaves_in_the_middle_stops_nobody(simulation: Simulation) -> None:
    for _ in range(10):
        with simulation.connect() as connection:
            connection.sendall(b'{"do": "help"}\n' * 100)
    assert simulation.ask("look")["undelivered"] == 0


def test_it_ends_though_somebody_is_connected(simulation: Simulation) -> None:
    with simulation.connect():
        assert simulation.end() == 0


def test_a_reader_that_stopped_holds_up_nothing(simulation: Simulation) -> None:
    """A pipe takes 64 KiB; nobody reads these lines."""
    with simulation.connect() as connection, connection.makefile("rwb") as file:
        for _ in range(100):
            file.write(json.dumps({"do": "refuse", "number": "x" * 4000, "code": 1}).encode() + b"\n")
            file.flush()
            assert json.loads(file.readline()) == {"done": "refuse"}
    with AtClient(str(simulation.link)) as kiosk:
        assert kiosk.ask("AT")[-1] == "OK"
    simulation.process.send_signal(signal.SIGTERM)
    assert simulation.process.wait(DEADLINE_S) == 0


def test_a_reader_that_left_ends_it(simulation: Simulation) -> None:
    assert simulation.process.stdout is not None
    simulation.process.stdout.close()
    simulation.ask("speak")
    assert simulation.process.wait(DEADLINE_S) == 141
    assert not simulation.control.exists()
    simulation.process.stdout = None


def refused(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edge_daemon", "simulate", "modem", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)


def test_a_name_that_something_else_has_is_left_alone(tmp_path: Path, simulation: Simulation) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for option in ("--link", "--control"):
        done = refused(option, file)
        assert (done.returncode, file.read_text()) == (65, "mine")
        assert str(file) in done.stderr
    assert refused("--control", simulation.control).returncode == 65
    assert refused("--log", tmp_path).returncode == 65
    assert refused("--link", tmp_path / "no folder" / "modem").returncode == 65
    assert simulation.ask("look")["undelivered"] == 0


def test_what_a_dead_one_left_is_replaced(tmp_path: Path) -> None:
    simulation = Simulation(tmp_path)
    simulation.end(signal.SIGKILL)
    assert simulation.control.exists()
    with Simulation(tmp_path) as another:
        assert another.ask("look")["port"] == str(tmp_path / "modem")


@pytest.mark.parametrize("words", [["--pin", "12"], ["--pin", "१२३४"], ["--model", "N95"], ["camera"]])
def test_a_wrong_command_line(words: list[str]) -> None:
    assert refused(*words).returncode == 64


def test_the_grammar_knows_every_model() -> None:
    for model in MODELS:
        assert build_parser().parse_args(["simulate", "modem", "--model", model]).model == model


# What may be asked, without a process


@pytest.fixture
def control() -> Iterator[Callable[..., dict[str, Any]]]:
    with ModemSimulator() as modem:
        desk = Control(modem, lambda name, given: None)

        def ask(do: object, **values: Any) -> dict[str, Any]:
            return desk.answer(json.dumps({"do": do, **values}).encode())

        yield ask


ALL_THERE_IS: list[dict[str, Any]] = [
    {
        "do": "deliver",
        "number": FARMER,
        "text": "x",
        "coding": "UCS-2",
        "shift": ["hi"],
        "reference": 300,
        "flash": True,
        "smsc": "+91999",
        "at": "2026-11-24T15:30:00+05:30",
    },
    {"do": "deliver_pdu", "pdu": "zz"},
    {"do": "redeliver"},
    {"do": "refuse", "number": FARMER, "code": 38},
    {"do": "accept", "number": FARMER},
    {"do": "reports", "status": None, "hold": True, "before_answer": True},
    {"do": "reports", "status": 70, "hold": False, "seed": 1},
    {"do": "hide_reports", "hidden": True},
    {"do": "ussd", "code": "*123#", "answer": None, "dcs": 72, "session": True},
    {"do": "registration", "state": 2, "lte": 1},
    {"do": "signal", "rssi": 99},
    {"do": "time", "now": "2026-11-24T15:30:00+05:30"},
    {"do": "fill", "leave": 1, "memory": "ME"},
    {"do": "mute", "at": "AT+CMGS"},
    {"do": "speak"},
    {"do": "lose_power"},
    {"do": "power_on"},
    {"do": "hang_up"},
    {"do": "come_back"},
    {"do": "come_back", "stale": True},
    {"do": "fail", "at": "AT", "code": 14, "count": 2, "cme": True},
    {"do": "sick", "cure": "cfun4"},
    {"do": "recover"},
    {"do": "forget", "count": 1},
    {"do": "slow", "delay_s": 0.5},
    {"do": "split", "chunk_bytes": 1},
    {"do": "say", "lines": ["RING"]},
    {"do": "interleave", "lines": []},
    {"do": "garbage", "count": 10, "seed": 3},
]


def test_everything_that_may_be_asked(control: Callable[..., dict[str, Any]]) -> None:
    for request in ALL_THERE_IS:
        assert control(**request) == {"done": request["do"]}
    assert control("received", last=5) == {"messages": 0, "received": []}
    assert control("stored", memory="ME")["sizes"]["ME"] == 50
    assert control("look")["counters"]["hang_up"] == 1
    named = {request["do"] for request in ALL_THERE_IS} | {"received", "stored", "look"}
    assert named == set(_ACTS) == set(control("help")["help"])


def test_the_page_names_everything_that_may_be_asked() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "sms.md").read_text(encoding="utf-8")
    assert [name for name in [*_ACTS, *MODELS] if f"`{name}`" not in page] == []


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        ({"do": "fly"}, "none of help, deliver"),
        ({"do": 7}, 'with "do"'),
        ({"do": "deliver", "number": FARMER}, "text: missing"),
        ({"do": "deliver", "number": FARMER, "text": ""}, "empty"),
        ({"do": "deliver", "number": FARMER, "text": "x" * 5000}, "SMS parts"),
        ({"do": "deliver", "number": FARMER, "text": "\ud800"}, "whole characters"),
        ({"do": "deliver", "number": "धान", "text": "x"}, "letter"),
        ({"do": "deliver", "number": "", "text": "x"}, "1 to 11 letters"),
        ({"do": "deliver", "number": "1" * 21, "text": "x"}, "1 to 20 digits"),
        ({"do": "deliver", "number": FARMER, "text": "x", "smsc": "me"}, "service centre"),
        ({"do": "deliver", "number": FARMER, "text": "x", "at": "today"}, "ISO 8601"),
        ({"do": "deliver", "number": FARMER, "text": "x", "at": "2026-11-24T15:30:00"}, "zone"),
        ({"do": "deliver", "number": FARMER, "text": "x", "at": "9999-11-24T15:30:00Z"}, "zone"),
        ({"do": "deliver", "number": FARMER, "text": "x", "reference": True}, "whole number"),
        ({"do": "deliver", "number": FARMER, "text": "x", "shift": "hi"}, "list of strings"),
        ({"do": "deliver", "number": FARMER, "text": "x", "coding": "Morse"}, "one of GSM-7, UCS-2"),
        ({"do": "speak", "loudly": True}, "not known here"),
        ({"do": "registration", "state": 11}, "0 to 10"),
        ({"do": "come_back", "stale": 1}, "true or false"),
        ({"do": "reports", "status": 256}, "or null"),
        ({"do": "slow", "delay_s": -1}, "seconds"),
        ({"do": "slow", "delay_s": float("nan")}, "seconds"),
        ({"do": "say", "lines": ["धान"]}, "ASCII"),
        ({"do": "garbage", "count": 0}, "whole number"),
        ({"do": "stored", "memory": "XX"}, "one of SM, ME"),
    ],
)
def test_what_cannot_be_done_says_why(
    control: Callable[..., dict[str, Any]], request_: dict[str, Any], error: str
) -> None:
    assert error in control(**request_)["error"]


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b"null", b'{"do":null}', b"\xff", b"[" * 10_000, b'{"do":"\\ud800"}']
)
def test_a_line_that_is_no_request(line: bytes) -> None:
    with ModemSimulator() as modem:
        answer = Control(modem, lambda name, given: None).answer(line)
    assert list(answer) == ["error"]
    assert os.fsencode(answer["error"].encode("utf-8", "replace").decode())
