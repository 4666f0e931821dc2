"""A camera's program that goes wrong on purpose: stand_in.py FAULT BAD_RUNS PICTURE RUNS.

The first BAD_RUNS runs have the fault, the later ones are sound. PICTURE: a JPEG to show. RUNS: a file that gets this
process's number at each start, "asked" at a faulty run's requests, "closed" where a camera was closed in good order.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import BinaryIO, NoReturn

ROOT = Path(__file__).resolve().parents[3]


def load_worker() -> ModuleType:
    """The real program, alone: like the system's Python on a Pi, this one sees nothing else of the kiosk."""
    path = ROOT / "edge_daemon" / "camera" / "picamera2_worker.py"
    spec = importlib.util.spec_from_file_location("picamera2_worker", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


worker = load_worker()


class Picture:
    """An Eye that shows one picture; its end says the how-manieth it is."""

    def __init__(self, jpeg: bytes, runs: Path) -> None:
        self.jpeg, self.runs, self.shown = jpeg, runs, 0

    def still(self) -> bytes:
        self.shown += 1
        return self.jpeg + b"still %d" % self.shown

    def frame(self) -> bytes:
        self.shown += 1
        return self.jpeg + b"frame %d" % self.shown

    def close(self) -> None:
        note(self.runs, "closed")


def note(runs: Path, word: str) -> None:
    with runs.open("a") as file:
        file.write(f"{word}\n")


def hang() -> NoReturn:
    while True:
        time.sleep(60)


def say(out: BinaryIO, data: bytes) -> None:
    out.write(data)
    out.flush()


def ready(out: BinaryIO) -> None:
    say(out, worker.pack(worker.READY, 0))


def asked(out: BinaryIO, eye: Picture) -> Iterator[int]:
    """Ready, then the number of each request."""
    ready(out)
    for line in sys.stdin.buffer:
        note(eye.runs, "asked")
        yield int(line.split(b'"number":')[1].rstrip(b"}\n"))


def whole(number: int, eye: Picture) -> bytes:
    packed: bytes = worker.pack(worker.STILL, number, eye.still())
    return packed


def hangs_at_start(out: BinaryIO, eye: Picture) -> None:
    hang()


def hangs_at_still(out: BinaryIO, eye: Picture) -> None:
    next(asked(out, eye))
    hang()


def ignores_sigterm(out: BinaryIO, eye: Picture) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    hangs_at_still(out, eye)


def leaves_a_child(out: BinaryIO, eye: Picture) -> None:
    subprocess.Popen(["/bin/sleep", "600"])
    hangs_at_still(out, eye)


def leaves_a_child_and_dies(out: BinaryIO, eye: Picture) -> None:
    subprocess.Popen(["/bin/sleep", "600"])
    next(asked(out, eye))


def dies_at_start(out: BinaryIO, eye: Picture) -> None:
    """Ends without a word."""


def dies_at_still(out: BinaryIO, eye: Picture) -> None:
    next(asked(out, eye))


def dies_between_visits(out: BinaryIO, eye: Picture) -> None:
    say(out, whole(next(asked(out, eye)), eye))


def half_a_picture_then_dies(out: BinaryIO, eye: Picture) -> None:
    reply = whole(next(asked(out, eye)), eye)
    say(out, reply[: len(reply) // 2])


def half_a_picture_then_stalls(out: BinaryIO, eye: Picture) -> None:
    half_a_picture_then_dies(out, eye)
    hang()


def announces_too_much(out: BinaryIO, eye: Picture) -> None:
    number = next(asked(out, eye))
    say(out, worker.HEADER.pack(worker.MAGIC, worker.STILL, number, 4_000_000_000))
    hang()


def speaks_no_protocol(out: BinaryIO, eye: Picture) -> None:
    next(asked(out, eye))
    say(out, b"Preview started. " * 10)
    hang()


def sends_no_jpeg(out: BinaryIO, eye: Picture) -> None:
    say(out, worker.pack(worker.STILL, next(asked(out, eye)), b"GIF89a and so on"))
    hang()


def sends_a_frame_for_a_still(out: BinaryIO, eye: Picture) -> None:
    say(out, worker.pack(worker.FRAME, next(asked(out, eye)), eye.frame()))
    hang()


def floods(out: BinaryIO, eye: Picture) -> None:
    ready(out)
    while True:
        say(out, worker.pack(worker.FRAME, 4_000, eye.frame()))


def floods_before_ready(out: BinaryIO, eye: Picture) -> None:
    while True:
        say(out, worker.pack(worker.FRAME, 1, eye.frame()))


def sends_an_old_picture(out: BinaryIO, eye: Picture) -> None:
    """Answers well, then sends the first picture once more for the second request, before the new one."""
    first = b""
    for number in asked(out, eye):
        reply = whole(number, eye)
        first = first or reply
        say(out, reply if number == 1 else first)


def floods_its_log(out: BinaryIO, eye: Picture) -> None:
    """Sound, but for a log without end."""
    threading.Thread(target=lambda: [os.write(2, b"\xfe\x00garbage " * 500) for _ in iter(int, 1)], daemon=True).start()
    sound(out, eye)


def answers_late(out: BinaryIO, eye: Picture) -> None:
    """Answers the first request only when a second one has come; then both, in order."""
    numbers = asked(out, eye)
    late, number = next(numbers), next(numbers)
    say(out, whole(late, eye) + whole(number, eye))
    for number in numbers:
        say(out, whole(number, eye))


def has_last_words(out: BinaryIO, eye: Picture) -> None:
    """Says something, and a little later, when the kiosk does not look, why it dies."""
    next(asked(out, eye))
    os.write(2, b"\x1b[1;31mERROR\x1b[0m first\n")
    time.sleep(0.03)
    os.write(2, b"ERROR last words")


def has_no_camera(out: BinaryIO, eye: Picture) -> None:
    def nothing() -> NoReturn:
        raise worker.NoCamera("No camera 0 is connected. Check its ribbon cable.")

    sys.exit(worker.serve(nothing, [], out))


def breaks_at_still(out: BinaryIO, eye: Picture) -> None:
    def broken() -> NoReturn:
        raise RuntimeError("Camera frontend has timed out!")

    eye.still = broken  # type: ignore[method-assign]  # this eye is broken
    sound(out, eye)


def prints(out: BinaryIO, eye: Picture) -> None:
    """Sound, but a library prints to standard output."""
    os.write(1, b"[0:00:01] INFO Camera camera_manager.cpp:327\n" * 100)
    sound(out, eye)


def outlives_its_input(out: BinaryIO, eye: Picture) -> None:
    """Only the kernel's word about its parent ends this one."""
    worker.die_with_parent()
    say(out, whole(next(asked(out, eye)), eye))
    hang()


def sound(out: BinaryIO, eye: Picture) -> None:
    os._exit(worker.serve(lambda: eye, worker.heard(sys.stdin.buffer), out))  # as the real program ends


FAULTS: dict[str, Callable[[BinaryIO, Picture], None]] = {
    name: value for name, value in list(globals().items()) if callable(value) and getattr(value, "__code__", None)
}


def main() -> None:
    fault, bad_runs, picture, runs_name = sys.argv[1:]
    runs = Path(runs_name)
    note(runs, str(os.getpid()))
    begun = sum(line.isdigit() for line in runs.read_text().split())
    eye = Picture(Path(picture).read_bytes(), runs)
    FAULTS[fault if begun <= int(bad_runs) else "sound"](worker.own_stdout(), eye)


if __name__ == "__main__":
    main()
