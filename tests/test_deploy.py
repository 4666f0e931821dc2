"""The gateway's units, its containers and its example settings: they name what there is, and fit each other."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # its types are a package of their own

from gateway.cli import build_parser
from gateway.config import SYSTEM_FILE, load
from gateway.errors import ConfigError

ROOT = Path(__file__).parent.parent
SYSTEMD = ROOT / "systemd"
DEPLOY = ROOT / "deploy"
UNITS = sorted(SYSTEMD.glob("krishi-gateway*.service"))
PARTS = {"ingest", "web", "enrolment"}
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
RELOAD = SYSTEMD / "krishi-broker-reload"
DEADLINE_S = 30.0
MOSQUITTO = "[Service]\nExecStart=/bin/true\n"
"""Enough of Debian's unit for our drop-in."""


def values(unit: Path, key: str) -> list[str]:
    """What the unit says to a key, each time that it stands there."""
    return re.findall(rf"^{key}=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)


def only(arguments: list[str]) -> set[str]:
    """Which parts a command line of krishi-gateway runs."""
    return set(build_parser().parse_args([word.replace("%i", "1") for word in arguments]).only)


def test_each_part_of_the_gateway_has_a_unit_and_a_container() -> None:
    started = [shlex.split(values(unit, "ExecStart")[0]) for unit in UNITS]
    assert {Path(words[0]).name for words in started} == {"krishi-gateway"}
    assert set().union(*(only(words[1:]) for words in started)) == PARTS
    assert set().union(*(only(service["command"]) for service in OURS.values())) == PARTS == OURS.keys()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_and_the_gateway_agree(unit: Path) -> None:
    assert values(unit, "RestartPreventExitStatus") == [str(ConfigError.exit_code)]
    assert values(unit, "WantedBy") == values(unit, "PartOf") == ["krishi-gateway.target"]
    assert values(unit, "StateDirectory") == ["krishi-gateway"]


def test_only_enrolment_sees_the_key_that_signs() -> None:
    """A path that is not there is no trouble ("-"): before `init` there is none."""
    hidden = {unit.name: " ".join(values(unit, "InaccessiblePaths")).split() for unit in UNITS}
    key = "-/var/lib/krishi-gateway/authority/ca.key"
    assert [name for name, paths in hidden.items() if key not in paths] == ["krishi-gateway-enrolment.service"]


def test_the_mark_that_makes_the_broker_read_its_lists_is_one() -> None:
    (mark,) = values(SYSTEMD / "krishi-broker-reload.path", "PathExists")
    assert values(SYSTEMD / "krishi-broker-reload.service", "ExecStart")[0] == f"/usr/bin/rm -f {mark}"
    folder = str(Path(mark).parent)
    assert f"\nd {folder} 0775 krishi-gateway root\n" in (SYSTEMD / "krishi-gateway.tmpfiles").read_text("utf-8")
    assert values(SYSTEMD / "krishi-gateway-enrolment.service", "ReadWritePaths") == [f"-{folder}"]
    assert f"\nmark=${{1:-{mark}}}\n" in RELOAD.read_text(encoding="utf-8")
    assert [Path(word).name for word in load(DEPLOY / "gateway.toml").broker.reload] == [RELOAD.name]


def reload_with(mark: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([RELOAD, mark], stderr=subprocess.PIPE, text=True)


def test_the_gateway_waits_until_its_mark_is_taken(tmp_path: Path) -> None:
    with reload_with(tmp_path / "mark") as left:
        looks, pause = int(DEADLINE_S / 0.02), threading.Event()
        assert any((tmp_path / "mark").exists() or pause.wait(0.02) for _ in range(looks))
        (tmp_path / "mark").unlink()
        assert left.wait(DEADLINE_S) == 0


def test_a_mark_that_cannot_be_left_is_said(tmp_path: Path) -> None:
    with reload_with(tmp_path / "nowhere" / "mark") as left:
        _, said = left.communicate(timeout=DEADLINE_S)
        assert left.returncode == 1
        assert "nowhere/mark" in said


@pytest.mark.needs("systemd-analyze")
def test_systemd_understands_what_is_added_to_mosquitto_s_unit(tmp_path: Path) -> None:
    shutil.copytree(SYSTEMD / "mosquitto.service.d", tmp_path / "mosquitto.service.d")
    dropin = tmp_path / "mosquitto.service.d" / "krishi-gateway.conf"
    dropin.write_text(dropin.read_text(encoding="utf-8").replace("/usr/sbin/mosquitto", "/bin/true"), encoding="utf-8")
    (tmp_path / "mosquitto.service").write_text(MOSQUITTO, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "mosquitto.service"],
        env={"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if "mosquitto" in line]) == (0, [])


@pytest.mark.parametrize("path", sorted(DEPLOY.glob("*.toml")), ids=lambda path: path.name)
def test_every_gateway_toml_is_one(path: Path) -> None:
    config = load(path)
    assert (config.database.url or "").startswith("postgresql+psycopg://")
    assert config.broker.url.startswith("mqtts://")


def test_the_images_of_others_are_of_a_named_version() -> None:
    named = [service["image"] for service in SERVICES.values()] + re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert [image for image in named if not re.search(r":v?\d+\.\d+", image)] == []


def test_containers_mount_what_exists_and_only_volumes_that_are_declared() -> None:
    mounts = [mount.split(":") for service in SERVICES.values() for mount in service.get("volumes", ())]
    files = [source for source, *_ in mounts if source.startswith(".")]
    assert [source for source in files if not (DEPLOY / source).exists()] == []
    assert {source for source, *_ in mounts if not source.startswith(".")} == COMPOSE["volumes"].keys()


def test_containers_reach_each_other_by_the_names_in_their_settings() -> None:
    settings = (DEPLOY / "gateway-in-containers.toml").read_text(encoding="utf-8")
    named = re.findall(r"(?:mqtts://|@)([a-z]+)", settings)
    named += re.findall(r'targets: \["([a-z]+):', (DEPLOY / "prometheus.yml").read_text(encoding="utf-8"))
    assert set(named) == {"postgres", "broker", "web"}
    assert set(named) <= SERVICES.keys()


def test_the_key_that_signs_is_written_by_one_container() -> None:
    writers = [
        name
        for name, service in SERVICES.items()
        if any(re.fullmatch(r"authority:[^:]*", mount) for mount in service.get("volumes", ()))
    ]
    assert writers == ["enrolment"]


def test_the_containers_run_as_one_user_who_is_not_root() -> None:
    (gateway,) = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)
    assert gateway == SERVICES["broker"]["user"]
    assert not gateway.startswith("0")


def test_the_container_is_made_of_what_the_build_may_see() -> None:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    seen = [line[1:] for line in lines if line.startswith("!")]
    assert [path for path in seen if not (ROOT / path).exists()] == []
    copied = re.findall(r"^COPY ((?!--from|\. ).*) \S+$", DOCKERFILE, re.MULTILINE)
    assert copied
    assert [path for path in " ".join(copied).split() if path not in seen] == []
    assert f" {SYSTEM_FILE}\n" in DOCKERFILE
    built = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    packed = re.findall(r'^"([\w/]+)" = "edge_daemon', built, re.MULTILINE)
    assert packed
    assert [path for path in packed if path not in seen] == []


def test_the_page_installs_what_there_is_and_leaves_no_unit_out() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    named = re.findall(r"(?<![\w/])(?:deploy|systemd|requirements)/[\w.@/*-]*[\w*]", page)
    found = {path: list(ROOT.glob(path)) for path in named}
    assert [path for path, files in found.items() if not files and path != "deploy/.env"] == []
    ours = {path for path in SYSTEMD.rglob("*") if path.is_file() and "kiosk" not in path.name}
    assert ours - {path for files in found.values() for path in files} == set()


def test_the_command_lines_that_the_page_shows_are_understood() -> None:
    page = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    shown = re.findall(r"^(?:sudo -u krishi-gateway )?krishi-gateway (.*)$", page, re.MULTILINE)
    shown += re.findall(r"^docker compose .* run --rm enrolment (.*)$", page, re.MULTILINE)
    assert len(shown) > 5
    for line in shown:
        build_parser().parse_args(shlex.split(line, comments=True))
