"""`make bench`: speed, memory and size as ratios within one run, so that they mean the same on any machine.

Each row lands in build/bench.json as {name: {value, unit, target, holds}}. A target that does not hold is printed as
such; the run still ends with 0, since a busy machine is no fault of the program.
"""

from __future__ import annotations

import asyncio
import functools
import json
import lzma
import os
import statistics
import subprocess
import sys
import tempfile
import time
import timeit
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polib

from edge_daemon import parts
from edge_daemon.advice.catalogue import Catalogue
from edge_daemon.config import Config, State
from edge_daemon.diagnosis import Photo
from edge_daemon.judge import Stopwatch
from tests.bench_capacity import capacity
from tests.bench_gateway import gateway
from tests.bench_rows import Rows, row
from tests.bench_sms import sms
from tests.bench_wire import wire
from tests.drawn import jpeg, leaf
from tests.scenarios.kit import RunningKiosk, fill_camera

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "build" / "bench.json"
ROUNDS = 60
STARTS = 15
KIOSK_CAMERA = (2304, 1296)
"""The size that the kiosk's own camera is set to."""
TELEPHONE = (4000, 3000)
"""12 megapixels: what a visitor's telephone would take."""


def main() -> None:
    """Run every benchmark, print a table, write the file."""
    rows: Rows = {}
    _photo_to_diagnosis(rows)
    _model(rows)
    _memory(rows)
    _cli_help(rows)
    _catalogue(rows)
    sms(rows)
    wire(rows)
    gateway(rows)
    capacity(rows)
    _install(rows)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(f"Written to {RESULT.relative_to(ROOT)}.")


def _photo_to_diagnosis(rows: Rows) -> None:
    """Photo to recorded diagnosis, against a bare decode of the same JPEG and a bare inference."""
    with tempfile.TemporaryDirectory() as folder, parts.open_skill(Config()) as skill:
        config = Config(state=State(folder=Path(folder)))
        with parts.open_store(config) as store:
            for name, size in (("photo_to_diagnosis", KIOSK_CAMERA), ("photo_to_diagnosis_12mp", TELEPHONE)):
                data = jpeg(leaf(1, size))
                kiosk = parts.build_kiosk(config, skill, _Album(data), store)
                ours, bare = asyncio.run(_alternate(kiosk.examine, kiosk.begin("en", None), _bare(config, data)))
                row(rows, f"{name}_ms", ours, "ms")
                row(rows, f"{name}_bare_ms", bare, "ms")
                row(rows, f"{name}_ratio", ours / bare, "x", 1.5)


class _Album:
    """A camera that holds one photo."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def still(self) -> Photo:
        return Photo(self._data, datetime.now(UTC), "bench", "unsure")


async def _alternate(examine: Callable[..., object], visit: object, bare: Callable[[], None]) -> tuple[float, float]:
    """Medians in milliseconds, the two taken in turn so that both meet the same machine."""
    ours, theirs = [], []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        await examine(visit, Stopwatch())  # type: ignore[misc]  # Callable[..., object] loses that it is awaitable
        between = time.perf_counter()
        bare()
        ours.append(between - begun)
        theirs.append(time.perf_counter() - between)
    return statistics.median(ours) * 1000, statistics.median(theirs) * 1000


def _bare(config: Config, data: bytes) -> Callable[[], None]:
    """The least that any program would do with a photo: decode it, run the network once."""
    import io

    import numpy as np
    from ai_edge_litert.interpreter import Interpreter
    from PIL import Image

    interpreter = Interpreter(str(config.model.path() / "leaf.tflite"), num_threads=1)
    interpreter.allocate_tensors()
    where = interpreter.get_input_details()[0]["index"]
    tensor = np.zeros((1, 224, 224, 3), np.uint8)

    def run() -> None:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
        interpreter.set_tensor(where, tensor)
        interpreter.invoke()

    return run


BARE_MODEL = """
import sys
import numpy
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
interpreter.set_tensor(interpreter.get_input_details()[0]["index"], numpy.zeros((1, 224, 224, 3), numpy.uint8))
interpreter.invoke()
print("ready", flush=True)
sys.stdin.read()
"""


PEER = ROOT / "tests" / "mobilenetv3-large-f32.tflite.xz"
"""MobileNetV3-Large at 224 pixels with 50 classes, all weights 0.01: how long it takes does not depend on their values.
Written by model.export."""


def _model(rows: Rows) -> None:
    """The shipped file's size; what the kiosk adds to a bare inference; the shipped network beside its peer."""
    from ai_edge_litert.interpreter import Interpreter

    from edge_daemon.vision.classifier import Classifier, drawn_input

    folder = Config().model.path()
    classifier = Classifier.load(folder)
    tensor = drawn_input(1)
    files = [(folder / "leaf.tflite").read_bytes(), lzma.decompress(PEER.read_bytes())]
    interpreters = [Interpreter(model_content=data, num_threads=1) for data in files]
    for interpreter in interpreters:
        interpreter.allocate_tensors()

    def invoke(interpreter: Any) -> None:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], tensor)
        interpreter.invoke()

    shipped, peer = interpreters
    canvas = tensor[0]
    turns: list[Callable[[], object]] = [
        functools.partial(classifier.classify, canvas),
        functools.partial(invoke, shipped),
        functools.partial(invoke, peer),
    ]
    times: list[list[float]] = [[], [], []]
    for _ in range(ROUNDS):
        for turn, taken in zip(turns, times, strict=True):
            begun = time.perf_counter()
            turn()
            taken.append(time.perf_counter() - begun)
    ours, bare, theirs = (statistics.median(taken) * 1000 for taken in times)
    row(rows, "model_size_mb", len(files[0]) / 1e6, "MB", 6)
    row(rows, "classify_ms", ours, "ms")
    row(rows, "classify_ratio", ours / bare, "x", 1.15)
    row(rows, "mobilenetv3_large_latency_ratio", bare / theirs, "x")


def _memory(rows: Rows) -> None:
    """The daemon at rest with its model loaded, against a process that holds that model and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        fill_camera(Path(folder))
        path = Path(folder) / "kiosk.toml"
        path.write_text(f'[state]\nfolder = "{folder}/state"\n[web]\nport = 0\n', encoding="utf-8")
        with RunningKiosk(path) as kiosk, kiosk.ready() as client:
            while client.get("/status").json()["parts"]["sms"] != "ok":
                pass
            ours = _resident_mb(kiosk.process.pid)
    command = [sys.executable, "-c", BARE_MODEL, str(Config().model.path() / "leaf.tflite")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as bare:
        assert bare.stdout is not None
        bare.stdout.readline()
        theirs = _resident_mb(bare.pid)
        bare.communicate()
    row(rows, "daemon_memory_mb", ours, "MB")
    row(rows, "bare_model_memory_mb", theirs, "MB")
    row(rows, "daemon_memory_ratio", ours / theirs, "x", 1.8)


def _resident_mb(pid: int) -> float:
    """Resident set size of one process (proc_pid_statm(5))."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def _cli_help(rows: Rows) -> None:
    """`krishi-kiosk --help` against `python -c pass`."""
    ours, bare = [], []
    for _ in range(STARTS):
        ours.append(_seconds([str(Path(sys.executable).parent / "krishi-kiosk"), "--help"]))
        bare.append(_seconds([sys.executable, "-c", "pass"]))
    row(rows, "cli_help_ms", statistics.median(ours) * 1000, "ms")
    row(rows, "cli_help_ratio", statistics.median(ours) / statistics.median(bare), "x", 8)


def _catalogue(rows: Rows) -> None:
    """Reading and checking the advice in seven languages, against a bare parse of the same files."""
    folder = ROOT / "edge_daemon" / "advice"
    tomls, pos = sorted(folder.rglob("*.toml")), sorted(folder.rglob("*.po"))

    def bare() -> None:
        for path in tomls:
            tomllib.loads(path.read_text(encoding="utf-8"))
        for path in pos:
            polib.pofile(str(path))

    ours = statistics.median(timeit.repeat(Catalogue.load, number=1, repeat=5))
    row(rows, "catalogue_load_ms", ours * 1000, "ms")
    row(rows, "catalogue_load_ratio", ours / statistics.median(timeit.repeat(bare, number=1, repeat=5)), "x")


def _install(rows: Rows) -> None:
    """How long the kiosk takes to install, and how large it is. Needs the package index, or pip's cache."""
    venv = ROOT / "build" / "bench-venv"
    pip = [str(venv / "bin" / "pip"), "install", "-q", "--disable-pip-version-check"]
    seconds = _seconds(["sh", "requirements/make-venv", sys.executable, str(venv)])
    empty = _folder_mb(venv)
    try:
        seconds += _seconds([*pip, "--require-hashes", "-r", "requirements/edge.txt", "-r", "requirements/build.txt"])
        seconds += _seconds([*pip, "--no-deps", "--no-build-isolation", "."])
    except subprocess.CalledProcessError:
        print("edge_install: not measured, the packages cannot be had here")
        return
    row(rows, "edge_install_s", seconds, "s")
    row(rows, "edge_install_mb", _folder_mb(venv) - empty, "MB")


def _folder_mb(folder: Path) -> float:
    return sum(file.lstat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def _seconds(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
