"""What is installed beside the program: every kiosk.toml is one, systemd takes the unit, udev takes the rules."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from edge_daemon.config import load

ROOT = Path(__file__).parent.parent
UNITS = sorted((ROOT / "systemd").glob("*.service"))
EXPOSURE = 20
"""In tenths; systemd calls up to 2.0 "OK" and our plan asks for no more."""


@pytest.mark.parametrize("path", sorted((ROOT / "firmware_config").glob("*.toml")), ids=lambda path: path.name)
def test_every_kiosk_toml_is_one(path: Path) -> None:
    config = load(path)
    assert not config.kiosk.rehearsal
    assert (config.camera.kind, config.modem.kind) == ("picamera2", "serial")


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_the_unit(unit: Path, tmp_path: Path) -> None:
    """verify only warns of a wrong key, so its words are read; the program is not installed where the test runs."""
    here = tmp_path / unit.name
    here.write_text(re.sub(r"/opt/krishi-sandesh/bin/krishi-kiosk", "/bin/true", unit.read_text(encoding="utf-8")))
    done = subprocess.run(["systemd-analyze", "verify", str(here)], capture_output=True, text=True, check=False)
    about_us = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, about_us) == (0, [])


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_unit_is_little_exposed(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-500:]


def test_the_unit_and_the_daemon_agree() -> None:
    unit = (ROOT / "systemd" / "krishi-kiosk.service").read_text(encoding="utf-8")
    for line in ("Type=notify", "RestartPreventExitStatus=78", "StateDirectory=krishi-sandesh", "WatchdogSec=30"):
        assert f"\n{line}\n" in unit


def test_every_udev_line_is_a_rule() -> None:
    rules = (ROOT / "firmware_config" / "99-krishi-modem.rules").read_text(encoding="utf-8")
    pair = re.compile(r'[A-Z]+(\{\w+\})?(==|\+=|=)"[^"]*"')
    lines = [line.lstrip("#") for line in rules.splitlines() if re.match(r"#?[A-Z]+(\{|==)", line)]
    assert len(lines) == 7
    for line in lines:
        assert all(pair.fullmatch(part) for part in line.split(", ")), line
