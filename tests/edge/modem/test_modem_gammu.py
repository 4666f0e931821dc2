"""The simulated modem, judged by clients that others wrote: gammu, and its daemon gammu-smsd."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge_daemon.modem.simulation.models import ModelName
from edge_daemon.modem.simulator import ModemSimulator

FARMER = "+919812345678"
OPERATOR = "VK-KRISHI"
GAMMU_S = 60.0
"""For one run of gammu, which spends some 4 s waiting, or for smsd to do its work."""
ENGLISH = "Spray {neem} oil at 5 pm."
HINDI = "धान में झुलसा रोग"
LONG = "Drain the field, wait three days. " * 6

LOOKS = 'AT+CPMS="ME","ME"'
"""Each time that smsd looks for new messages."""

SENDS = [
    ([], ENGLISH, "GSM-7", 1),
    (["-unicode"], HINDI, "UCS-2", 1),
    (["-len", "400"], LONG, "GSM-7", 2),
]
MODELS: list[ModelName] = ["simulator", "SIM800", "SIM7600", "EC25"]


def environment() -> dict[str, str]:
    return {**os.environ, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def gammu(settings: Path, port: str, *arguments: str) -> str:
    settings.write_text(f"[gammu]\nport={port}\nconnection=at115200\ngammuloc=/dev/null\n")
    return run("gammu", "-c", str(settings), *arguments)


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=GAMMU_S, env=environment(), check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.needs("gammu")
def test_gammu_takes_it_for_a_modem_and_sends_by_it(tmp_path: Path) -> None:
    """All at the same time, each with a modem of its own."""

    def send(case: int) -> str:
        options, text, encoding, parts = SENDS[case]
        with ModemSimulator() as modem:
            said = gammu(tmp_path / str(case), modem.port, "sendsms", "TEXT", FARMER, *options, "-text", text)
            (sms,) = modem.received
        assert (sms.number, sms.text, sms.encoding, sms.parts, sms.complete) == (FARMER, text, encoding, parts, True)
        return said

    with ThreadPoolExecutor() as pool, ModemSimulator() as modem:
        identified = pool.submit(gammu, tmp_path / "identify", modem.port, "identify")
        sent = list(pool.map(send, range(len(SENDS))))
        assert "Krishi-Sandesh" in identified.result(GAMMU_S)
    assert all("OK, message reference" in said for said in sent)


@pytest.mark.needs("gammu")
def test_gammu_reads_and_deletes(tmp_path: Path) -> None:
    """Every model, all at the same time: what came to the SIM, and to the modem's own memory."""

    def read(model: ModelName) -> None:
        settings = tmp_path / model
        with ModemSimulator(model=model) as modem:
            modem.deliver(FARMER, ENGLISH)
            modem.deliver(OPERATOR, HINDI * 5)
            said = gammu(settings, modem.port, "getallsms")
            assert [said.count(text) for text in (ENGLISH, FARMER, OPERATOR, "Concatenated")] == [1, 1, 2, 2]
            assert "3 SMS parts" in said
            folder = "1" if modem.stored("SM") else "3"
            gammu(settings, modem.port, "deleteallsms", folder)
            assert modem.stored() == ()

    with ThreadPoolExecutor() as pool:
        list(pool.map(read, MODELS))


class Smsd:
    """gammu-smsd with its files in a folder."""

    def __init__(self, folder: Path, port: str) -> None:
        self.folder = folder
        self.settings = folder / "smsdrc"
        paths = {name: folder / name for name in ("inbox", "outbox", "sentsms", "errorsms")}
        for path in paths.values():
            path.mkdir(parents=True)
        lines = [f"[gammu]\ndevice={port}\nconnection=at115200\ngammuloc=/dev/null\nsynchronizetime=no\n[smsd]"]
        lines += [f"{name}path={path}/" for name, path in paths.items()]
        lines += [f"{check}=0" for check in ("checksecurity", "checkbattery", "checksignal", "checknetwork")]
        lines += ["service=files", "deliveryreport=sms", "receivefrequency=1", "loopsleep=1", "statusfrequency=0"]
        self.settings.write_text("\n".join([*lines, f"logfile={folder}/log", ""]))

    def queue(self, text: str, *options: str) -> None:
        run("gammu-smsd-inject", "-c", str(self.settings), "TEXT", FARMER, *options, "-report", "-text", text)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """At the end it finishes what it is doing, and writes its files."""
        with subprocess.Popen(
            ["gammu-smsd", "-c", str(self.settings)], env=environment(), stdout=subprocess.PIPE
        ) as it:
            try:
                yield
            finally:
                it.terminate()
                it.communicate(timeout=GAMMU_S)

    def inbox(self) -> Counter[tuple[str, str]]:
        """Sender and text of each file, those apart that it writes for +CDSI, before it has read the report."""
        files = [path for path in (self.folder / "inbox").iterdir() if not path.name.startswith("IN000000")]
        return Counter((path.name.split("_")[3], path.read_text(encoding="utf-8")) for path in files)


@pytest.mark.needs("gammu-smsd", "gammu-smsd-inject")
def test_smsd_sends_and_receives_in_one_run(tmp_path: Path) -> None:
    """By a modem that keeps reports and tells of them, and by one that hands them on."""

    def scene(model: ModelName) -> None:
        with ModemSimulator(model=model) as modem:
            smsd = Smsd(tmp_path / model, modem.port)
            modem.deliver(FARMER, "before it began")
            for options, text, _, _ in SENDS:
                smsd.queue(text, *options)
            with smsd.running():
                modem.wait_for(1, GAMMU_S)
                modem.deliver(OPERATOR, HINDI)
                modem.wait_for(len(SENDS), GAMMU_S)
                modem.wait_until(lambda: modem.reports_said == 4 and not modem.stored(), GAMMU_S)
                looked = modem.commands.count(LOOKS)
                modem.wait_until(lambda: modem.commands.count(LOOKS) >= looked + 2, GAMMU_S)  # it has filed all
            assert Counter(sms.text for sms in modem.received) == Counter(text for _, text, _, _ in SENDS)
            assert modem.counters["+CDS" if model == "SIM800" else "+CDSI"] == 4
        wanted = {(FARMER, "before it began"): 1, (OPERATOR, HINDI): 1, (FARMER, "Delivered"): 4}
        assert smsd.inbox() == wanted, (smsd.folder / "log").read_text()
        assert len(list((smsd.folder / "sentsms").iterdir())) == len(SENDS)

    with ThreadPoolExecutor() as pool:
        models: list[ModelName] = ["simulator", "SIM800"]
        list(pool.map(scene, models))
