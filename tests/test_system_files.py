"""What is installed beside the program: every kiosk.toml is one, systemd takes the unit, modem profiles are whole.

The udev rules are in test_udev_rules.py.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from edge_daemon.config import load

ROOT = Path(__file__).parent.parent
PROFILES = sorted((ROOT / "firmware_config" / "modems").glob("*.toml"))
PROFILE = {
    **dict.fromkeys(("name", "reset"), str),
    **dict.fromkeys(("models", "init", "memories", "cnmi", "full", "clock", "registration"), list),
    **dict.fromkeys(("csms", "cfun_off", "ussd_dcs"), int),
    **dict.fromkeys(("cfun_s", "boot_s", "send_s"), float),
}
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


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_every_profile_of_a_modem_has_all_keys_and_no_other(path: Path) -> None:
    profile = tomllib.loads(path.read_text(encoding="utf-8"))
    assert {key: type(value) for key, value in profile.items()} == PROFILE
    for key in ("models", "init", "memories", "full", "clock", "registration"):
        assert all(isinstance(value, str) and value.isascii() for value in profile[key])
    commands = [*profile["init"], *profile["clock"], *profile["registration"], profile["reset"]]
    assert all(command.startswith("AT") for command in commands if command)


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_what_a_profile_says_can_be(path: Path) -> None:
    """27.005, 3.2.2 and 3.4.1: memories and the five values of AT+CNMI; 27.007, 8.2: AT+CFUN."""
    profile = tomllib.loads(path.read_text(encoding="utf-8"))
    assert set(profile["memories"]) <= {"SM", "ME", "MT"}
    assert profile["memories"]
    highest = (3, 3, 3, 2, 1)
    assert all(
        len(row) == 5 and all(0 <= v <= top for v, top in zip(row, highest, strict=True)) for row in profile["cnmi"]
    )
    assert [row for row in profile["cnmi"] if row[3] == 0]
    assert (profile["csms"] in {0, 1}, profile["cfun_off"] in {0, 4}) == (True, True)
    assert all(0 < profile[key] <= 300 for key in ("cfun_s", "boot_s", "send_s"))


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_a_profile_says_where_its_facts_are_from(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "Not confirmed on hardware:" in text
    assert re.search(r"manual, \d|27\.00[57], \d", text)


def test_one_profile_alone_is_for_the_rest_and_no_model_is_in_two() -> None:
    models = [tomllib.loads(path.read_text(encoding="utf-8"))["models"] for path in PROFILES]
    assert models.count([]) == 1
    names = [name.lower() for profile in models for name in profile]
    assert not any(one != other and one in other for one in names for other in names)
    assert len(names) == len(set(names))
