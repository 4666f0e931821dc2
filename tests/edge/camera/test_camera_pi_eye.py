"""The Pi's camera as the program handles it, over a bench that answers as picamera2 0.3.38 does."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from edge_daemon.camera import picamera2_worker as worker

CONTROLS = SimpleNamespace(
    AfModeEnum=SimpleNamespace(Continuous="continuous"), AfRangeEnum=SimpleNamespace(Full="full")
)
FOCUSING = {"AfMode": (), "AfRange": (), "ExposureTime": ()}


@dataclass
class Bench:
    """A Picamera2 on the bench. log: what was asked of it, in order."""

    camera_controls: dict[str, Any] = field(default_factory=lambda: dict(FOCUSING))
    focuses: bool = True
    breaks_at_save: bool = False
    metadata: list[dict[str, Any]] = field(default_factory=lambda: [{"AeState": 2}])
    options: dict[str, Any] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)

    def create_still_configuration(self, **wanted: Any) -> dict[str, Any]:
        return wanted

    def configure(self, configuration: dict[str, Any]) -> None:
        self.log.append(f"configure {configuration['main']['size']} {configuration['lores']['size']}")

    def start(self) -> None:
        self.log.append("start")

    def set_controls(self, controls: dict[str, Any]) -> None:
        self.log.append(f"set {controls}")

    def autofocus_cycle(self, wait: bool) -> str:
        assert wait is False
        return "job"

    def wait(self, job: str, timeout: float) -> bool:
        self.log.append("focus")
        if not self.focuses:
            raise TimeoutError
        return True

    def cancel_all_and_flush(self) -> None:
        self.log.append("cancel")

    def capture_metadata(self) -> dict[str, Any]:
        self.log.append("metadata")
        return self.metadata.pop(0) if len(self.metadata) > 1 else self.metadata[0]

    def capture_request(self, wait: bool, flush: bool | None) -> Bench:
        self.log.append(f"capture flush={flush}")
        return self

    def save(self, stream: str, file: io.BytesIO, format: str) -> None:  # noqa: A002 - picamera2 calls it so
        if self.breaks_at_save:
            raise RuntimeError("no buffer")
        self.log.append(f"save {stream}")
        file.write(b"\xff\xd8\xff" + stream.encode())

    def release(self) -> None:
        self.log.append("release")

    def close(self) -> None:
        self.log.append("close")


FOLLOW = "set {'AfMode': 'continuous', 'AfRange': 'full'}"


def eye(bench: Bench) -> worker.PiEye:
    made = worker.PiEye(bench, CONTROLS, (2304, 1296))
    assert bench.log[:2] == ["configure (2304, 1296) (640, 360)", "start"]
    bench.log.clear()
    return made


def test_a_still_is_focused_settled_and_newer_than_the_request() -> None:
    bench = Bench()
    assert eye(bench).still() == b"\xff\xd8\xffmain"
    assert bench.log == ["focus", "metadata", "capture flush=True", "save main", "release", FOLLOW]
    assert bench.options == {"quality": worker.QUALITY}


def test_a_frame_is_the_next_small_one_and_nothing_is_focused_for_it() -> None:
    bench = Bench()
    assert eye(bench).frame() == b"\xff\xd8\xfflores"
    assert bench.log == ["capture flush=None", "save lores", "release"]


def test_a_lens_that_finds_nothing_does_not_hold_the_photo_up() -> None:
    bench = Bench(focuses=False)
    eye(bench).still()
    assert bench.log[:2] == ["focus", "cancel"]
    assert "save main" in bench.log


def test_a_camera_without_focus_or_exposure_is_not_asked_for_them() -> None:
    bench = Bench(camera_controls={}, metadata=[{}])
    eye(bench).still()
    assert bench.log == ["metadata", "capture flush=None", "save main", "release"]


def test_a_request_goes_back_even_when_it_cannot_be_saved() -> None:
    bench = Bench(breaks_at_save=True)
    with pytest.raises(RuntimeError, match="no buffer"):
        eye(bench).still()
    assert bench.log[-2:] == ["release", FOLLOW]


def test_exposure_is_waited_for_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(metadata=[{"AeState": 1}, {"AeState": 1}, {"AeState": 2}])
    eye(bench).still()
    assert bench.log.count("metadata") == 3
    monkeypatch.setattr(worker, "SETTLE_S", 0.02)
    never = Bench(metadata=[{"AeState": 1}])
    eye(never).still()
    assert "save main" in never.log


@pytest.mark.parametrize(
    ("metadata", "seen", "is_settled"),
    [
        ({"AeState": 2}, [], True),
        ({"AeState": 1}, [1.0, 1.0, 1.0], False),
        ({"AeLocked": True}, [], True),
        ({"AeLocked": False}, [1.0, 1.0, 1.0], False),
        ({}, [0.0], True),
        ({"ExposureTime": 100}, [100.0, 100.0], False),
        ({"ExposureTime": 100}, [900.0, 100.0, 102.0, 101.0], True),
        ({"ExposureTime": 100}, [100.0, 120.0, 100.0], False),
    ],
)
def test_settled(metadata: dict[str, Any], seen: list[float], is_settled: bool) -> None:
    assert worker.settled(metadata, seen) is is_settled


@pytest.mark.parametrize(
    ("size", "small"), [((2304, 1296), (640, 360)), ((4656, 3496), (640, 480)), ((640, 481), (640, 480))]
)
def test_the_preview_has_the_photo_s_shape(size: tuple[int, int], small: tuple[int, int]) -> None:
    assert worker.lores(size) == small


def replies(data: bytes) -> list[tuple[int, int, bytes]]:
    found = []
    while data:
        magic, kind, number, length = worker.HEADER.unpack(data[: worker.HEADER.size])
        assert magic == worker.MAGIC
        found.append((kind, number, data[worker.HEADER.size : worker.HEADER.size + length]))
        data = data[worker.HEADER.size + length :]
    return found


def lines(*requests: tuple[str, int]) -> list[bytes]:
    return [json.dumps({"do": do, "number": number}).encode() + b"\n" for do, number in requests]


def test_each_request_has_one_reply_and_quit_closes_the_camera() -> None:
    bench, out = Bench(), io.BytesIO()
    asked = lines(("frame", 1), ("still", 2), ("quit", 3), ("still", 4))
    assert worker.serve(lambda: worker.PiEye(bench, CONTROLS, (2304, 1296)), asked, out) == 0
    assert replies(out.getvalue()) == [
        (worker.READY, 0, b""),
        (worker.FRAME, 1, b"\xff\xd8\xfflores"),
        (worker.STILL, 2, b"\xff\xd8\xffmain"),
    ]
    assert bench.log[-1] == "close"


def test_what_the_driver_raises_becomes_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    bench, out = Bench(breaks_at_save=True), io.BytesIO()
    assert worker.serve(lambda: worker.PiEye(bench, CONTROLS, (2304, 1296)), lines(("still", 7)), out) == 1
    assert replies(out.getvalue())[-1] == (worker.ERROR, 7, b"RuntimeError: no buffer")
    assert bench.log[-1] == "close"
    assert "Traceback" in capsys.readouterr().err


def test_a_python_without_picamera2_says_what_to_install() -> None:
    with pytest.raises(worker.NoCamera, match="apt install python3-picamera2"):
        worker.open_pi(0, (640, 480))
