"""A camera's program that goes wrong: a named error in time, nothing of it left, and the next photo is a photo."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from edge_daemon.camera.restarts import STARTS_A_MINUTE
from edge_daemon.camera.worker import WorkerCamera
from edge_daemon.errors import CameraGone, CameraTimeout, DeviceError
from tests.edge.camera.programs import GONE_S, START_S, Program, is_gone, living

HUNG_START_S = 2.0
"""Long enough for the sound program to start on a busy computer, short enough to wait for."""
HUNG_STILL_S = 0.5
LATE_S = 5.0
"""How far past its deadline a busy computer may be."""

HUNG = ["hangs_at_still", "ignores_sigterm", "leaves_a_child", "half_a_picture_then_stalls"]
BROKEN = {
    "dies_at_start": "ended after 0 of",
    "dies_at_still": "ended",
    "leaves_a_child_and_dies": "ended",
    "half_a_picture_then_dies": "ended after",
    "announces_too_much": "announces 4000000000 bytes",
    "speaks_no_protocol": "nonsense",
    "sends_no_jpeg": "no JPEG",
    "sends_a_frame_for_a_still": "kind 2 where 1",
    "floods": "nobody asked",
    "floods_before_ready": "before it was ready",
    "has_no_camera": "No camera 0 is connected",
    "breaks_at_still": "Camera frontend has timed out",
}


def using(camera: WorkerCamera, story: Callable[[WorkerCamera], Awaitable[None]]) -> None:
    """Run the story and close the camera after it."""

    async def run() -> None:
        try:
            await story(camera)
        finally:
            await camera.close()

    asyncio.run(run())


async def given_up(camera: WorkerCamera, program: Program) -> None:
    """A still whose visitor goes away when the program has heard of it."""
    still = asyncio.create_task(camera.still())
    assert await asyncio.to_thread(program.was_asked)
    still.cancel()
    with pytest.raises(asyncio.CancelledError):
        await still


@pytest.mark.parametrize("fault", HUNG)
def test_a_still_that_does_not_come_is_a_timeout(fault: str, tmp_path: Path) -> None:
    program = Program(tmp_path)

    async def story(camera: WorkerCamera) -> None:
        begun = time.monotonic()
        with pytest.raises(CameraTimeout, match=r"no picture within 0\.5 s"):
            await camera.still()
        assert time.monotonic() - begun < START_S + HUNG_STILL_S + LATE_S
        assert is_gone(program.pids[0])
        assert (await camera.still()).data.endswith(b"still 1")

    using(program.camera(fault, still_s=HUNG_STILL_S), story)
    assert [living(pid) for pid in program.pids] == [[], []]


def test_a_start_that_does_not_end_is_a_timeout(tmp_path: Path) -> None:
    program = Program(tmp_path)

    async def story(camera: WorkerCamera) -> None:
        begun = time.monotonic()
        with pytest.raises(CameraTimeout, match="did not start within 2 s"):
            await camera.still()
        assert time.monotonic() - begun < HUNG_START_S + LATE_S
        assert is_gone(program.pids[0])
        assert (await camera.still()).data.endswith(b"still 1")

    using(program.camera("hangs_at_start", start_s=HUNG_START_S), story)


@pytest.mark.parametrize(("fault", "sentence"), BROKEN.items(), ids=list(BROKEN))
def test_a_program_that_breaks_is_gone(fault: str, sentence: str, tmp_path: Path) -> None:
    program = Program(tmp_path)

    async def story(camera: WorkerCamera) -> None:
        with pytest.raises(CameraGone, match=sentence):
            await camera.still()
        assert is_gone(program.pids[0])
        assert (await camera.still()).data.endswith(b"still 1")

    using(program.camera(fault), story)
    assert all(is_gone(pid) for pid in program.pids)


def test_no_program_to_run(tmp_path: Path) -> None:
    async def story(camera: WorkerCamera) -> None:
        with pytest.raises(CameraGone, match="no-such-python: No such file"):
            await camera.still()

    using(WorkerCamera([str(tmp_path / "no-such-python")], START_S, START_S), story)


@pytest.mark.parametrize("fault", ["floods_its_log", "prints"])
def test_what_the_program_prints_is_no_picture(fault: str, tmp_path: Path) -> None:
    async def story(camera: WorkerCamera) -> None:
        assert (await camera.still()).data.endswith(b"still 1")
        assert (await camera.still()).data.endswith(b"still 2")

    using(Program(tmp_path).camera(fault), story)


def test_the_last_words_of_a_program_are_in_our_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def story(camera: WorkerCamera) -> None:
        with pytest.raises(CameraGone):
            await camera.still()
        assert [line for line in caplog.messages if "ERROR" in line] == [
            "camera: ERROR first",
            "camera: ERROR last words",
        ]

    caplog.set_level(logging.INFO)
    using(Program(tmp_path).camera("has_last_words"), story)


def test_an_old_picture_is_never_a_new_photo(tmp_path: Path) -> None:
    program = Program(tmp_path)

    async def story(camera: WorkerCamera) -> None:
        assert (await camera.still()).data.endswith(b"still 1")
        with pytest.raises(CameraGone, match="picture 1, which nobody asked for"):
            await camera.still()
        assert is_gone(program.pids[0])

    using(program.camera("sends_an_old_picture"), story)


def test_the_late_answer_to_a_request_that_was_given_up_is_dropped(tmp_path: Path) -> None:
    program = Program(tmp_path)

    async def story(camera: WorkerCamera) -> None:
        await given_up(camera, program)
        assert (await camera.still()).data.endswith(b"still 2")
        assert (await camera.still()).data.endswith(b"still 3")
        assert len(program.pids) == 1

    using(program.camera("answers_late"), story)


def test_requests_given_up_again_and_again_end_the_program(tmp_path: Path) -> None:
    program = Program(tmp_path)

    async def story(camera: WorkerCamera) -> None:
        await given_up(camera, program)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await camera.still()
        with pytest.raises(CameraGone, match="4 requests unanswered"):
            await camera.still()
        assert is_gone(program.pids[0])

    using(program.camera("hangs_at_still"), story)


def test_it_stays_open_between_visits_and_closes_in_good_order(tmp_path: Path) -> None:
    program = Program(tmp_path)

    async def story(camera: WorkerCamera) -> None:
        for number in (1, 2, 3):
            assert (await camera.still()).data.endswith(b"still %d" % number)
        await camera.close()
        with pytest.raises(CameraGone, match="closed"):
            await camera.still()

    using(program.camera("sound"), story)
    assert (len(program.pids), program.closed) == (1, 1)
    assert is_gone(program.pids[0])


def test_one_that_died_between_two_visits_costs_nobody_a_photo(tmp_path: Path) -> None:
    program = Program(tmp_path)

    async def story(camera: WorkerCamera) -> None:
        await camera.still()
        assert await asyncio.to_thread(is_gone, program.pids[0])
        assert (await camera.still()).data.endswith(b"still 1")

    using(program.camera("dies_between_visits"), story)
    assert len(program.pids) == 2


def test_closing_does_not_wait_for_a_hung_still(tmp_path: Path) -> None:
    program = Program(tmp_path)

    async def story(camera: WorkerCamera) -> None:
        still = asyncio.create_task(camera.still())
        assert await asyncio.to_thread(program.has_begun)
        async with asyncio.timeout(LATE_S):
            await camera.close()
        with pytest.raises(CameraGone):
            await still
        assert is_gone(program.pids[0])

    using(program.camera("ignores_sigterm"), story)


def test_closing_while_a_program_is_being_begun(tmp_path: Path) -> None:
    async def story(camera: WorkerCamera) -> None:
        still = asyncio.create_task(camera.still())
        await asyncio.sleep(0)  # it runs as far as the start of the program, which there is no handle on yet
        async with asyncio.timeout(LATE_S):
            await camera.close()
            with pytest.raises(CameraGone, match="closed"):
                await still

    program = Program(tmp_path)
    using(program.camera("hangs_at_start"), story)
    assert all(is_gone(pid) for pid in program.pids)


def test_a_program_that_keeps_failing_is_begun_ever_later(tmp_path: Path) -> None:
    program = Program(tmp_path)

    async def story(camera: WorkerCamera) -> None:
        sentences = []
        for _ in range(STARTS_A_MINUTE):
            with pytest.raises(DeviceError) as why:
                await camera.still()
            sentences.append(str(why.value))
        assert "ended" in sentences[0]
        assert "keeps failing; it may be begun again in" in sentences[-1]

    using(program.camera("dies_at_start", bad_runs=99), story)
    assert 2 <= len(program.pids) < STARTS_A_MINUTE


def test_the_program_dies_with_a_kiosk_that_was_killed(tmp_path: Path) -> None:
    program = Program(tmp_path)
    kiosk = (
        "import asyncio, os, signal, sys\n"
        "from edge_daemon.camera.worker import WorkerCamera\n"
        "async def run():\n"
        "    await WorkerCamera(sys.argv[1:], 20, 20).still()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(run())\n"
    )
    command = [sys.executable, "-c", kiosk, *program.command("outlives_its_input")]
    done = subprocess.run(command, check=False, timeout=60, env={**os.environ, "PYTHONPATH": os.getcwd()})
    assert done.returncode == -signal.SIGKILL
    assert is_gone(program.pids[0])


def test_the_program_ends_with_its_input(tmp_path: Path) -> None:
    command = Program(tmp_path).command("sound", bad_runs=0)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(GONE_S) == 0
