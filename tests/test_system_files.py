"""What is installed beside the program: every kiosk.toml is one, systemd takes the unit, modem profiles are whole.

The udev rules are in test_udev_rules.py, what the gateway's units say in test_deploy.py.
"""

from __future__ import annotations

import re
import subprocess
from itertools import permutations
from pathlib import Path

import pytest

from edge_daemon.config import load
from edge_daemon.modem.profile import AUTO, choose
from edge_daemon.modem.profile import load as load_profile

ROOT = Path(__file__).parent.parent
PROFILES = sorted((ROOT / "firmware_config" / "modems").glob("*.toml"))
UNITS = sorted(path for path in (ROOT / "systemd").glob("*.*") if path.suffix in {".service", ".path", ".target"})
SERVICES = [path for path in UNITS if path.suffix == ".service"]
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
    here.write_text(re.sub(r"/opt/krishi-sandesh/bin/krishi-[a-z]+", "/bin/true", unit.read_text(encoding="utf-8")))
    done = subprocess.run(["systemd-analyze", "verify", str(here)], capture_output=True, text=True, check=False)
    about_us = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, about_us) == (0, [])


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_the_unit_is_little_exposed(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-500:]


def test_the_unit_and_the_daemon_agree() -> None:
    unit = (ROOT / "systemd" / "krishi-kiosk.service").read_text(encoding="utf-8")
    for line in ("Type=notify", "RestartPreventExitStatus=78", "StateDirectory=krishi-sandesh", "WatchdogSec=30"):
        assert f"\n{line}\n" in unit
    assert re.search(r"^RestrictAddressFamilies=.*\bAF_UNIX\b", unit, re.MULTILINE)  # control.sock


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_every_profile_of_a_modem_is_one(path: Path) -> None:
    """By the kiosk's own reader, which wants all keys and no other; and what that leaves open."""
    profile = load_profile(path)
    assert set(profile.memories) <= {"SM", "ME", "MT"}
    assert profile.cnmi[-1][3] == 0, "the last resort is to have messages without reports"


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.stem)
def test_a_profile_says_where_its_facts_are_from(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "Not confirmed on hardware:" in text
    assert re.search(r"manual, \d|27\.00[57], \d", text)


def test_one_profile_is_for_the_rest_and_no_model_has_two() -> None:
    models = {path.stem: load_profile(path).models for path in PROFILES}
    assert [stem for stem, names in models.items() if not names] == ["generic"]
    names = [name.upper() for several in models.values() for name in several]
    assert not [(one, other) for one, other in permutations(names, 2) if one in other]


@pytest.mark.parametrize(
    ("says", "name"),
    [
        ("SIMCOM_Ltd SIMCOM_SIM800L", "SIM800"),
        ("SIMCOM INCORPORATED SIMCOM_SIM7600G-H", "SIM7600"),
        ("SIMCOM INCORPORATED SIMCOM_SIM7600EI", "SIM7600"),
        ("Quectel EC25", "EC25"),
        ("Quectel EG25", "EC25"),
        ("huawei E3372", "modem"),
        ("SIMCOM INCORPORATED A7670E-FASE", "modem"),
        ("", "modem"),
    ],
)
def test_a_modem_gets_the_profile_that_is_for_it(says: str, name: str) -> None:
    assert choose(AUTO, says).name == name
