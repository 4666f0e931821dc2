"""What udev makes of our rules: the real udevadm is asked about modems that are plugged into a /sys of our own.

udevadm 252 (Debian 12) has no `verify`; but `test` reads all rules too and names those that it does not understand.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).parent.parent / "firmware_config"
RULES = sorted(FIRMWARE.glob("*.rules"))
needs_udev = pytest.mark.needs("udevadm", "own mounts")

AT_PORTS = {
    **dict.fromkeys(("1e0e:9001", "1e0e:9003", "1e0e:9018"), "02"),
    "1e0e:9011": "04",
    **dict.fromkeys(("2c7c:0125", "2c7c:0121", "2c7c:0191", "2c7c:0195"), "02"),
}
OUR_SYS = """
mount -t tmpfs none /run
mkdir -p /run/udev/rules.d
cp "$KRISHI_RULES"/*.rules /run/udev/rules.d
mount --rbind "$KRISHI_SYS" /sys
mount -t tmpfs none /dev
: >"/dev/$2"
exec udevadm test --action="$3" "$1"
"""
"""In a mount namespace: $1 the device under /sys, $2 its name in /dev, $3 the kernel's action."""

BEHIND_A_SIGN = re.compile(r"^#(?=[A-Z]+(\{\w+\})?[=!+])", re.MULTILINE)
COMPLAINT = re.compile(r"krishi[\w-]*\.rules:\d+")
ID = re.compile(r'ATTRS\{idVendor\}=="(\w+)", ATTRS\{idProduct\}=="([\w|]+)"')
UNDERSTOOD = {
    "match": re.compile(r'(ACTION|KERNEL|SUBSYSTEMS?|ATTRS\{\w+\}|ENV\{\w+\})(==|!=)"[^"]+"'),
    "set": re.compile(r'(SYMLINK\+|ENV\{\w+\}|GROUP|MODE|GOTO|LABEL)="[^"]+"'),
}


@dataclass(frozen=True)
class Port:
    """A serial port: the USB device (vendor:product) and interface that it is of; "" for the Pi's UART."""

    usb: str = ""
    interface: str = "00"
    name: str = "ttyUSB0"

    def plug_into(self, sys: Path) -> Path:
        """Make it under sys, as the kernel does; its folder."""
        parent = sys / "devices/platform/soc"
        if self.usb:
            vendor, _, product = self.usb.partition(":")
            parent = _node(parent / "usb1/1-1", "bus/usb", DEVTYPE="usb_device")
            _write(parent, idVendor=vendor, idProduct=product, manufacturer="A maker", product="A modem")
            parent = _node(parent / f"1-1:1.{int(self.interface)}", "bus/usb", DEVTYPE="usb_interface")
            _write(parent, bInterfaceNumber=self.interface, bInterfaceClass="ff")
            parent = _node(parent / self.name, "bus/usb-serial")
            _write(parent, port_number="0")
        return _node(parent / "tty" / self.name, "class/tty", MAJOR="188", MINOR="0", DEVNAME=self.name)


def _node(path: Path, subsystem: str, **uevent: str) -> Path:
    sys = next(parent.parent for parent in path.parents if parent.name == "devices")
    (sys / subsystem).mkdir(parents=True, exist_ok=True)
    path.mkdir(parents=True)
    (path / "subsystem").symlink_to(sys / subsystem)
    _write(path, uevent="\n".join(f"{key}={value}" for key, value in uevent.items()))
    return path


def _write(path: Path, **attributes: str) -> None:
    for name, value in attributes.items():
        (path / name).write_text(value + "\n", encoding="utf-8")


def ask_udev(port: Port, rules: Path, tmp_path: Path, action: str = "add") -> tuple[str, str]:
    """What udevadm says of a port that is plugged in: the properties, and all else."""
    path = port.plug_into(tmp_path / "sys").relative_to(tmp_path)
    command = ["unshare", "--map-root-user", "--mount", "sh", "-ec", OUR_SYS, "sh", f"/{path}", port.name, action]
    names = {"KRISHI_RULES": str(rules), "KRISHI_SYS": str(tmp_path / "sys"), "SYSTEMD_DEVICE_VERIFY_SYSFS": "0"}
    done = subprocess.run(command, env=os.environ | names, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def without_a_sign(tmp_path: Path, part: str = "") -> Path:
    """Our rules, those with the sign # before them and this part in them taken in."""
    rules = tmp_path / "rules"
    rules.mkdir()
    for path in RULES:
        lines = path.read_text(encoding="utf-8").splitlines()
        taken_in = [BEHIND_A_SIGN.sub("", line) if part in line else line for line in lines]
        (rules / path.name).write_text("\n".join(taken_in) + "\n", encoding="utf-8")
    return rules


@needs_udev
@pytest.mark.parametrize(("usb", "interface"), AT_PORTS.items())
def test_the_at_port_gets_the_name_and_no_other_port_does(usb: str, interface: str, tmp_path: Path) -> None:
    for number in ("00", "01", "02", "03", "04", "05"):
        place = tmp_path / number
        properties, _ = ask_udev(Port(usb, number), FIRMWARE, place)
        assert ("/dev/krishi-modem" in properties) == (number == interface)
        assert "ID_MM_DEVICE_IGNORE=1" in properties


@needs_udev
@pytest.mark.parametrize("usb", ["1a86:7523", "10c4:ea60", "067b:2303", "0403:6001"])
def test_an_adapter_gets_the_name_only_where_its_line_is_taken_in(usb: str, tmp_path: Path) -> None:
    line = 'ATTRS{{idVendor}}=="{}", ATTRS{{idProduct}}=="{}"'.format(*usb.split(":"))
    before, _ = ask_udev(Port(usb), FIRMWARE, tmp_path / "before")
    after, _ = ask_udev(Port(usb), without_a_sign(tmp_path, line), tmp_path / "after")
    assert ("/dev/krishi-modem" in before, "/dev/krishi-modem" in after) == (False, True)
    assert "ID_MM_DEVICE_IGNORE=1" in before


@needs_udev
@pytest.mark.parametrize("name", ["ttyAMA0", "ttyS0"])
def test_the_pi_s_uart_gets_the_name_only_where_its_line_is_taken_in(name: str, tmp_path: Path) -> None:
    before, _ = ask_udev(Port(name=name), FIRMWARE, tmp_path / "before")
    after, _ = ask_udev(Port(name=name), without_a_sign(tmp_path, f'KERNEL=="{name}"'), tmp_path / "after")
    assert ("/dev/krishi-modem" in before, "/dev/krishi-modem" in after) == (False, True)
    assert "ID_MM_DEVICE_IGNORE=1" in before


@needs_udev
def test_another_device_is_left_as_it_is(tmp_path: Path) -> None:
    properties, _ = ask_udev(Port("1546:01a8"), FIRMWARE, tmp_path)
    assert "DEVNAME=/dev/ttyUSB0" in properties
    assert "krishi" not in properties
    assert "ID_MM" not in properties


@needs_udev
def test_a_modem_that_is_pulled_out_asks_nothing(tmp_path: Path) -> None:
    properties, said = ask_udev(Port("1e0e:9001", "02"), FIRMWARE, tmp_path, action="remove")
    assert "krishi" not in properties
    assert COMPLAINT.findall(said) == []


@needs_udev
def test_udev_understands_every_line_even_those_behind_a_sign(tmp_path: Path) -> None:
    _, said = ask_udev(Port("1e0e:9001"), without_a_sign(tmp_path), tmp_path)
    assert "99-krishi-modem.rules" in said
    assert COMPLAINT.findall(said) == []


@needs_udev
def test_udev_says_which_line_it_does_not_understand(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "99-krishi-broken.rules").write_text('SUBSYTEM=="tty", SYMLINK+="krishi-modem"\n', encoding="utf-8")
    _, said = ask_udev(Port("1e0e:9001"), rules, tmp_path)
    assert "krishi-broken.rules:1" in COMPLAINT.findall(said)


@pytest.mark.parametrize("path", RULES, ids=lambda path: path.name)
def test_every_line_is_a_rule_and_every_jump_lands_further_down(path: Path) -> None:
    text = BEHIND_A_SIGN.sub("", path.read_text(encoding="utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(lines) >= 9
    for line in lines:
        assert all(any(kind.fullmatch(pair) for kind in UNDERSTOOD.values()) for pair in line.split(", ")), line
    jumps = re.findall(r'GOTO="(\w+)"', text)
    assert jumps
    assert all(f'LABEL="{label}"' in text[text.rindex(f'GOTO="{label}"') :] for label in jumps)


def test_modemmanager_leaves_alone_whatever_gets_the_name() -> None:
    """Both files name the same devices."""
    texts = [path.read_text(encoding="utf-8") for path in RULES]
    ignored, named = ({(v, p) for v, ps in ID.findall(text) for p in ps.split("|")} for text in texts)
    assert named == ignored
    assert len(named) == 12


def test_the_rules_run_in_time() -> None:
    """The name after 60-serial.rules, which tells the interface number; the rest before 80-mm-candidate.rules."""
    ignored, named = (int(path.name[:2]) for path in RULES)
    assert (ignored < 80, named > 60) == (True, True)
