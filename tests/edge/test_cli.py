"""The command line as a technician meets it: what it prints, and each bad day with its sentence and exit code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_daemon.config import Model
from edge_daemon.store.database import FILE
from tests.drawn import jpeg, leaf

SHIPPED = Model().path()


class Terminal:
    """Runs krishi-kiosk with a configuration and a state folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.photo = folder / "leaf.jpg"
        self.photo.write_bytes(jpeg(leaf(1)))
        self.config("")

    def config(self, text: str) -> None:
        """Replace the configuration, the state folder aside."""
        state = "" if "[state]" in text else f'[state]\nfolder = "{self.state}"\n'
        (self.folder / "kiosk.toml").write_text(f"{text}\n{state}", encoding="utf-8")

    def run(self, *words: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command to its end. given: what it reads on standard input."""
        command = [sys.executable, "-m", "edge_daemon", *map(str, words), "--config", str(self.folder / "kiosk.toml")]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, check=False)

    def row(self, *words: str | Path) -> dict[str, Any]:
        """The one JSON object that a command prints."""
        (line,) = self.run(*words, "--json").stdout.splitlines()
        row: dict[str, Any] = json.loads(line)
        return row


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path)


def test_a_photo_is_judged_and_nothing_is_recorded(terminal: Terminal) -> None:
    done = terminal.run("diagnose", terminal.photo)
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("leaf.jpg", "Answer", "decode", "quality", "inference", "decision"):
        assert word in done.stdout
    assert not terminal.state.exists()


def test_json_has_the_crop_s_diseases_only_and_names_in_the_language(terminal: Terminal) -> None:
    row = terminal.row("diagnose", terminal.photo, "--crop", "धान", "--language", "hindi")
    assert {candidate["label"].partition("/")[0] for candidate in row["candidates"]} == {"rice"}
    assert all("\u0900" <= candidate["name"][0] <= "\u097f" for candidate in row["candidates"])
    assert row["decision"] in {"answer", "two_candidates", "not_sure", "not_a_leaf"}


def test_recording_is_asked_for(terminal: Terminal) -> None:
    row = terminal.row("diagnose", terminal.photo, "--record")
    assert "store" in row["stages_ms"]
    told = terminal.row("status")
    assert told["queues"] == {"sms": {}, "report": {"waiting": 1}}
    assert told["last_visit"]["best"]["label"] == row["candidates"][0]["label"]
    assert told["disk"]["photos"] == 1


def test_with_a_number_the_advice_is_sent(terminal: Terminal) -> None:
    log = terminal.folder / "network.jsonl"
    terminal.config(f'[modem]\nkind = "simulator"\nlog = "{log}"')
    row = terminal.row("diagnose", terminal.photo, "--phone", "98123 45678", "--language", "hi")
    assert row["sms"]["state"] == "sent"
    parts = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert "".join(part["text"] for part in parts) == row["sms"]["text"]
    assert {part["number"] for part in parts} == {"+919812345678"}


def test_without_a_modem_the_advice_waits(terminal: Terminal) -> None:
    terminal.config(f'[modem]\nkind = "serial"\nport = "{terminal.folder}/no-modem"')
    row = terminal.row("diagnose", terminal.photo, "--phone", "98123 45678")
    assert row["sms"]["state"] == "waiting"
    assert "no-modem" in row["sms"]["outcome"]
    assert terminal.row("status")["queues"]["sms"] == {"waiting": 1}


def test_many_photos_are_a_line_each_and_a_bad_one_stops_nothing(terminal: Terminal) -> None:
    (terminal.folder / "bad.jpg").write_bytes(b"no photo")
    done = terminal.run("diagnose", terminal.photo, terminal.folder / "bad.jpg", terminal.photo)
    assert done.returncode == 65
    lines = done.stdout.splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        str(terminal.photo),
        f"{terminal.folder}/bad.jpg",
        str(terminal.photo),
    ]
    assert "not a photo" in lines[1]
    assert lines[0] == lines[2]


def dark() -> bytes:
    return jpeg(leaf(1).point(lambda value: value // 20))


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (lambda: b"", "photo_unreadable"),
        (lambda: b"GIF89a but no more", "photo_unreadable"),
        (lambda: jpeg(leaf(1))[:3000], "photo_unreadable"),
        (dark, "poor_photo"),
    ],
)
def test_a_photo_that_cannot_be_judged(terminal: Terminal, content: Callable[[], bytes], error: str) -> None:
    terminal.photo.write_bytes(content())
    done = terminal.run("diagnose", terminal.photo, "--json", "--phone", "98123 45678")
    row = json.loads(done.stdout)
    assert (done.returncode, row["error"]) == (65, error)
    assert row["message"]
    assert "sms" not in row
    assert terminal.row("status")["queues"] == {"sms": {}, "report": {}}


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["diagnose", "nowhere.jpg"], 65, "nowhere.jpg: The file cannot be read: No such file"),
        (["diagnose", "/dev/zero"], 65, "not a file"),
        (["diagnose", "/"], 65, "not a file"),
        (["diagnose", "leaf.jpg", "--phone", ""], 65, "'' is not"),
        (["diagnose", "leaf.jpg", "--crop", "moon"], 65, "moon"),
        (["diagnose", "leaf.jpg", "--language", "klingon"], 65, "klingon"),
        (["diagnose", "leaf.jpg", "--phone", "12"], 65, "'12' is not"),
        (["diagnose", "a.jpg", "b.jpg", "--phone", "98123 45678"], 64, "one photo"),
        (["diagnose"], 64, "PHOTO"),
        (["fly"], 64, "fly"),
        (["status"], 66, "no kiosk has worked"),
    ],
)
def test_bad_words_get_a_sentence_and_a_code(terminal: Terminal, words: list[str], code: int, sentence: str) -> None:
    found = [str(terminal.photo) if word == "leaf.jpg" else word for word in words]
    done = terminal.run(*found)
    assert done.returncode == code
    assert sentence in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["run", "diagnose", "status"])
def test_a_wrong_key_is_named_and_nothing_starts(terminal: Terminal, command: str) -> None:
    terminal.config("[kiosk]\nnmae = 'x'")
    done = terminal.run(command, *([terminal.photo] if command == "diagnose" else []))
    assert done.returncode == 78
    assert "[kiosk] nmae" in done.stderr


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda folder: shutil.rmtree(folder), "No such file"),
        (lambda folder: (folder / "leaf.tflite").write_bytes(b"x"), "another file than its manifest says"),
        (lambda folder: relabel(folder), "rice/blight_of_nowhere"),
    ],
)
def test_a_model_that_cannot_be_used(terminal: Terminal, damage: Callable[[Path], object], sentence: str) -> None:
    """The daemon goes on with an older one or first aid: tests/scenarios/test_scenario_fallback.py."""
    folder = Path(shutil.copytree(SHIPPED, terminal.folder / "model"))
    damage(folder)
    terminal.config(f'[model]\nfolder = "{folder}"\n[web]\nport = 0')
    done = terminal.run("diagnose", terminal.photo)
    assert done.returncode == 72
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def relabel(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["labels"][0] = "rice/blight_of_nowhere"
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("command", ["run", "diagnose"])
def test_a_state_folder_that_cannot_be_written(terminal: Terminal, command: str) -> None:
    terminal.config('[state]\nfolder = "/proc/krishi"\n[web]\nport = 0')
    done = terminal.run(*([command, terminal.photo, "--record"] if command == "diagnose" else [command]))
    assert done.returncode == 73
    assert "/proc/krishi" in done.stderr


def test_a_database_that_is_none(terminal: Terminal) -> None:
    terminal.state.mkdir()
    (terminal.state / FILE).write_bytes(b"no database" * 1000)
    done = terminal.run("diagnose", terminal.photo, "--record")
    assert done.returncode == 74
    assert "not a database" in done.stderr


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, edge_daemon.cli as c; c.build_parser(); print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    )
    assert not loaded & {"numpy", "pydantic", "PIL", "starlette", "asyncio", "ai_edge_litert", "phonenumbers"}


def test_a_reader_that_leaves_is_no_trouble(terminal: Terminal) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "edge_daemon", "diagnose", str(terminal.photo)]
    with os.fdopen(write, "wb") as gone:
        done = subprocess.run(command, stdout=gone, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (141, "")


def test_pdus_are_read_and_written(terminal: Terminal) -> None:
    asked = json.dumps({"number": "+919812345678", "text": "धान", "smsc": "+31624000000"}) + "\n\n"
    encoded = terminal.run("pdu", "encode", given=asked)
    assert (encoded.returncode, encoded.stderr) == (0, "")
    (pdu,) = json.loads(encoded.stdout)
    decoded = terminal.run("pdu", "decode", given=json.dumps({"kind": "submit", "pdu": pdu}))
    row = json.loads(decoded.stdout)
    assert (decoded.returncode, row["number"], row["text"], row["smsc"]) == (0, "+919812345678", "धान", "+31624000000")
    assert "धान" in decoded.stdout


def test_a_line_that_is_no_pdu_spoils_no_other(terminal: Terminal) -> None:
    good = json.dumps({"kind": "deliver", "pdu": "07916407058099F9040B916407950303F100008921222140140004D4E2940A"})
    done = terminal.run("pdu", "decode", given=f"{good}\nnonsense\n{good}\n")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row.get("text") for row in rows] == ["TEST", None, "TEST"]
    assert (done.returncode, rows[1]) == (65, {"error": "The line is not JSON in UTF-8."})
