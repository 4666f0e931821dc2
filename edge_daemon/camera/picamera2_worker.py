"""The program that owns a Raspberry Pi's camera. Run by the system's Python, which has picamera2; the kiosk's has not.

A driver call that never returns cannot be abandoned inside the kiosk, but a program can be killed. So this one holds
the camera open, and the kiosk (worker.py) asks it for pictures:

    kiosk -> program, standard input     one line of JSON for each request: {"do": "still", "number": 7}
    program -> kiosk, standard output    one reply for each request: HEADER, then the payload

do: "still" (the full picture), "frame" (a small one for the screen) or "quit". The program says READY, number 0, once
the camera runs. It never speaks unasked, so a kiosk that is busy is not flooded. ERROR bears a sentence and ends it.

Rules kept here: nothing but the standard library, picamera2 and libcamera is imported, the last two only in main();
standard output is ours alone, whatever a library prints goes to the log; the program ends when its kiosk does.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import io
import json
import os
import queue
import signal
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, Protocol

HEADER = struct.Struct(">4sBII")
"""Magic, kind, request number, length of the payload in bytes; big-endian."""
MAGIC = b"KCAM"
READY, STILL, FRAME, ERROR = range(4)
KIND_OF = {"still": STILL, "frame": FRAME}

REQUESTS_WAITING = 16
"""The kiosk asks one thing at a time and gives up on a few; more than this is no kiosk."""
QUALITY = 92
"""JPEG quality, a little above picamera2's own 90: small lesions are what the photo is taken for."""
LORES_WIDTH = 640
SENTENCE_BYTES = 1000
BUFFERS = 3
FOCUS_S = 2.0
"""A lens that has not found the leaf by then will not; a blurred photo is told to the visitor as such."""
SETTLE_S = 1.5
SETTLED_FRAMES = 3
SETTLED_CHANGE = 0.05
"""Exposure counts as settled when this many frames in a row differ by no more than this part."""
AE_CONVERGED = 2
"""libcamera's AeStateConverged (control_ids_core.yaml, AeState: Idle 0, Searching 1, Converged 2)."""
PR_SET_PDEATHSIG = 1
"""prctl(2): which signal this process gets when its parent dies."""


class NoCamera(Exception):
    """There is no camera here to open. Its text tells a technician what to do."""


class Eye(Protocol):
    """What this program needs of a camera. Calls may take for ever; whoever asked has the deadline."""

    def still(self) -> bytes:
        """A JPEG of full size, exposed after the call began."""
        ...

    def frame(self) -> bytes:
        """A small JPEG of what the camera sees."""
        ...

    def close(self) -> None: ...


def pack(kind: int, number: int, payload: bytes = b"") -> bytes:
    """One reply as it goes over the pipe."""
    return HEADER.pack(MAGIC, kind, number, len(payload)) + payload


def serve(open_eye: Callable[[], Eye], lines: Iterable[bytes], out: BinaryIO) -> int:
    """Answer the requests until "quit" or their end. Gives the exit status: 0, or 1 after an ERROR."""
    number = 0
    try:
        with contextlib.closing(open_eye()) as eye:
            _send(out, pack(READY, number))
            for request in _requests(lines):
                number = request["number"]
                picture = eye.still() if request["do"] == "still" else eye.frame()
                _send(out, pack(KIND_OF[request["do"]], number, picture))
    except Exception as why:  # noqa: BLE001 - the seam: whatever the driver raises becomes a sentence for the kiosk
        traceback.print_exc()  # the log gets all of it, the kiosk one sentence
        sentence = str(why) if isinstance(why, NoCamera) else f"{type(why).__name__}: {why}"
        _send(out, pack(ERROR, number, sentence.encode()[:SENTENCE_BYTES]))
        return 1
    return 0


def _requests(lines: Iterable[bytes]) -> Iterable[dict[str, Any]]:
    for line in lines:
        request = json.loads(line)
        if request["do"] == "quit":
            return
        yield request


def _send(out: BinaryIO, reply: bytes) -> None:
    out.write(reply)
    out.flush()


def heard(source: BinaryIO) -> Iterable[bytes]:
    """The lines of the kiosk. Its end ends this process at once, even in the middle of a call to the driver."""
    waiting: queue.Queue[bytes] = queue.Queue(REQUESTS_WAITING)

    def listen() -> None:
        for line in source:
            waiting.put(line)
        os._exit(0)

    threading.Thread(target=listen, name="listen", daemon=True).start()
    while True:
        yield waiting.get()


def die_with_parent() -> None:
    """Have the kernel kill this program when the kiosk dies. Before this call the end of standard input does it."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def own_stdout() -> BinaryIO:
    """Standard output for ourselves; what a library prints goes to standard error from now on."""
    ours = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(ours, "wb")


class PiEye:
    """An Eye over a running Picamera2 (its manual, chapters 4 to 6). controls: the module libcamera.controls."""

    def __init__(self, camera: Any, controls: Any, size: tuple[int, int]) -> None:
        self._camera, self._controls = camera, controls
        camera.options["quality"] = QUALITY
        small = {"size": lores(size), "format": "YUV420"}
        camera.configure(camera.create_still_configuration(main={"size": size}, lores=small, buffer_count=BUFFERS))
        camera.start()
        self._has_focus = "AfMode" in camera.camera_controls
        self._follow_focus()

    def still(self) -> bytes:
        self._focus()
        self._settle()
        try:
            return self._picture("main", fresh=True)
        finally:
            self._follow_focus()

    def frame(self) -> bytes:
        return self._picture("lores", fresh=False)

    def close(self) -> None:
        self._camera.close()

    def _picture(self, stream: str, fresh: bool) -> bytes:
        # picamera2 tells when the exposure began from ExposureTime, which a camera without that control never gives.
        flush = fresh and "ExposureTime" in self._camera.camera_controls
        request = self._camera.capture_request(wait=True, flush=flush or None)
        try:
            request.save(stream, jpeg := io.BytesIO(), format="jpeg")
        finally:
            request.release()
        return jpeg.getvalue()

    def _focus(self) -> None:
        if not self._has_focus:
            return
        job = self._camera.autofocus_cycle(wait=False)
        try:
            self._camera.wait(job, timeout=FOCUS_S)
        except TimeoutError:
            self._camera.cancel_all_and_flush()  # else the next picture would queue behind the search

    def _follow_focus(self) -> None:
        """Between photos the lens follows what is before it, near as well as far: a leaf is held close."""
        if not self._has_focus:
            return
        wanted = {"AfMode": self._controls.AfModeEnum.Continuous}
        if "AfRange" in self._camera.camera_controls:
            wanted["AfRange"] = self._controls.AfRangeEnum.Full
        self._camera.set_controls(wanted)

    def _settle(self) -> None:
        """Wait until the exposure stands still, or its time is over: the photo's quality is judged later anyhow."""
        until = time.monotonic() + SETTLE_S
        seen: list[float] = []
        while time.monotonic() < until:
            metadata = self._camera.capture_metadata()
            seen.append(float(metadata.get("ExposureTime", 0)) * float(metadata.get("AnalogueGain", 1)))
            if settled(metadata, seen):
                return


def settled(metadata: dict[str, Any], seen: list[float]) -> bool:
    """Whether the exposure stands still. seen: exposure time times gain of the frames so far, the newest last.

    libcamera says so itself, as AeState or, before 0.5, AeLocked; a driver that says neither is watched.
    """
    if "AeState" in metadata:
        return int(metadata["AeState"]) == AE_CONVERGED
    if "AeLocked" in metadata:
        return bool(metadata["AeLocked"])
    if "ExposureTime" not in metadata:
        return True  # it has no exposure to wait for
    last = seen[-SETTLED_FRAMES:]
    return len(last) == SETTLED_FRAMES and max(last) - min(last) <= SETTLED_CHANGE * max(last)


def lores(size: tuple[int, int]) -> tuple[int, int]:
    """The preview's size: the same shape, even numbers, as YUV420 asks."""
    width, height = size
    return LORES_WIDTH, round(LORES_WIDTH * height / width / 2) * 2


def open_pi(number: int, size: tuple[int, int]) -> Eye:
    """The real camera. Raises NoCamera, or whatever picamera2 does."""
    try:
        from libcamera import controls
        from picamera2 import Picamera2
    except ImportError as why:
        raise NoCamera(f"{sys.executable}: {why}. apt install python3-picamera2, or correct [camera] python.") from why
    if number >= len(Picamera2.global_camera_info()):
        raise NoCamera(f"No camera {number} is connected. Check its ribbon cable, and [camera] number.")
    return PiEye(Picamera2(number), controls, size)


def main() -> int:
    arguments = argparse.ArgumentParser(description="Owns a camera for krishi-kiosk, which starts it.")
    for name in ("number", "width", "height"):
        arguments.add_argument(f"--{name}", type=int, required=True)
    wanted = arguments.parse_args()
    die_with_parent()
    out = own_stdout()
    return serve(lambda: open_pi(wanted.number, (wanted.width, wanted.height)), heard(sys.stdin.buffer), out)


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # a driver's thread that hangs must not hold the end up
