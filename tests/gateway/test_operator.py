"""An operator's day: a gateway begins, kiosks are invited, enrol and are revoked; the broker and programs are real."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge_daemon.clock import Instant
from edge_daemon.errors import BrokerGone, CertificateRefused, EnrolmentRefused
from edge_daemon.sync import identity, invitation
from edge_daemon.sync.link import Access, Link
from gateway import operator
from gateway.broker_files import FOLDER as BROKER_FOLDER
from gateway.certificates import new_key
from gateway.config import Broker, Config, Enrolment, State
from gateway.errors import AuthorityError, BadKioskId, CannotWrite, NoSuchKiosk
from gateway.errors import BrokerGone as NotTold
from gateway.invitation import BadInvitation
from tests import foreign
from tests.gateway.desk import Desk
from tests.gateway.guests import TlsBroker
from tests.gateway.requests import asks
from tests.peers.program import Program, free_port

ONE, TWO = "nandgaon-1", "nandgaon-2"
DEADLINE_S = 20.0


class Gateway:
    """Its settings as a file, made by `init`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "gateway"
        self.broker_port, self.enrolment_port = free_port(), free_port()
        self.reload: tuple[str, ...] = ()
        self.said: list[str] = []
        operator.init(self.config, ["127.0.0.1"], self.said.append)

    @property
    def config(self) -> Config:
        return Config(
            state=State(folder=self.state),
            broker=Broker(url=f"mqtts://127.0.0.1:{self.broker_port}", reload=self.reload),
            enrolment=Enrolment(port=self.enrolment_port),
        )

    def broker(self) -> Program:
        """Mosquitto, as `init` says that it is begun."""
        files = self.state / BROKER_FOLDER
        config = files / "mosquitto.conf"
        if os.geteuid() == 0:
            config.write_text(config.read_text() + "user root\n")
        program = foreign.program("mosquitto")
        assert program is not None
        command = ["env", f"OPENSSL_CONF={files / 'openssl.cnf'}", program, "-c", str(config)]
        return Program("mosquitto", self.folder, command, self.broker_port)

    def enrolment(self) -> Program:
        """`krishi-gateway run --only enrolment`."""
        settings = self.folder / "gateway.toml"
        settings.write_text(
            f'[state]\nfolder = "{self.state}"\n[enrolment]\nport = {self.enrolment_port}\n'
            f'[broker]\nurl = "mqtts://127.0.0.1:{self.broker_port}"\n'
        )
        command = [sys.executable, "-m", "gateway", "run", "--only", "enrolment", "--config", str(settings)]
        return Program("gateway", self.folder, command, self.enrolment_port)

    def invite(self, kiosk: str) -> Path:
        out = self.folder / f"{kiosk}.toml"
        operator.enrol(self.config, kiosk, "Nandgaon", out, (None, None), self.said.append)
        return out


class Kiosk:
    """Its own state folder, and the program `krishi-kiosk`."""

    def __init__(self, folder: Path, id_: str) -> None:
        self.id = id_
        self.state = folder / f"state-{id_}"
        self.config = folder / f"{id_}-kiosk.toml"
        self.config.write_text(f'[kiosk]\nid = "{id_}"\n[state]\nfolder = "{self.state}"\n')

    def enrol(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "edge_daemon", "enrol", *map(str, words), "--config", str(self.config)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def open_link(self) -> None:
        """As the daemon does, and close it. Raises BrokerGone."""
        url = identity.broker_url(self.state / identity.FOLDER)
        assert url is not None
        folder = self.state / identity.FOLDER
        access = Access(url, self.id, folder, deadline_s=DEADLINE_S)

        async def go() -> None:
            async with Link(access):
                pass

        asyncio.run(go())

    def renew(self) -> datetime | None:
        now = Instant(datetime.now(UTC), "synced")
        return identity.renew_if_due(self.state / identity.FOLDER, now, refused=True, deadline_s=DEADLINE_S)


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    return Gateway(tmp_path)


RELOAD = """
count() { grep -c "Reloading config" "$1"; }
before=$(count "$1")
kill -HUP "$2"
for _ in $(seq 200); do
    [ "$(count "$1")" -gt "$before" ] && exit 0
    sleep 0.05
done
exit 1
"""
"""A signal is sent at once and heeded later: this ends when the broker says that it reads its files anew."""


@pytest.fixture
def broker(gateway: Gateway) -> Iterator[Program]:
    with gateway.broker() as broker:
        gateway.reload = ("sh", "-c", RELOAD, "reload", str(broker.log), str(broker.pid))
        yield broker


@pytest.mark.needs("mosquitto")
def test_a_kiosk_is_invited_enrols_renews_is_revoked_and_comes_back(
    gateway: Gateway, broker: Program, tmp_path: Path
) -> None:
    kiosk = Kiosk(tmp_path, ONE)
    with gateway.enrolment():
        invited = gateway.invite(ONE)
        done = kiosk.enrol(invited)
        assert done.returncode == 0, done.stderr
        assert "nandgaon-1 is known to the gateway as the kiosk at Nandgaon." in done.stdout
        assert "Nothing to do" in kiosk.enrol(invited).stdout
        kiosk.open_link()
        assert kiosk.renew()
        kiosk.open_link()
        operator.revoke(gateway.config, ONE, gateway.said.append)
        assert gateway.said[-1] == "The broker has read its lists anew, and lets it in no more."
        with pytest.raises(CertificateRefused):
            kiosk.open_link()
        with pytest.raises(EnrolmentRefused, match="was revoked"):
            kiosk.renew()
        assert kiosk.enrol(gateway.invite(ONE)).returncode == 0
        broker.signal(1)  # this enrolment server has no command to do it by
        kiosk.open_link()


@pytest.mark.needs("mosquitto")
def test_a_kiosk_that_was_off_for_years_is_refused_by_the_broker_and_finds_back_by_itself(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with TlsBroker(tmp_path) as broker, Desk(tmp_path, made_at=now - timedelta(days=800)) as desk:
        kiosk = Kiosk(tmp_path, ONE)
        text = desk.invite(ONE).replace("mqtts://127.0.0.1:8883", f"mqtts://127.0.0.1:{broker.port}")
        folder = kiosk.state / identity.FOLDER
        identity.enrol(folder, invitation.parse(text, "x"), DEADLINE_S)
        with pytest.raises(CertificateRefused):
            kiosk.open_link()
        desk.clock.utc = now
        assert identity.renew_if_due(folder, Instant(now, "synced"), deadline_s=DEADLINE_S)
        kiosk.open_link()


def test_bad_days_at_the_kiosk_have_their_exit_codes(gateway: Gateway, tmp_path: Path) -> None:
    kiosk, other = Kiosk(tmp_path, ONE), Kiosk(tmp_path, TWO)
    invited = gateway.invite(ONE)
    codes = {}
    codes["no such file"] = kiosk.enrol(tmp_path / "nothing.toml").returncode
    codes["nothing on the boot partition"] = kiosk.enrol().returncode
    codes["for another kiosk"] = other.enrol(invited).returncode
    codes["gateway away"] = kiosk.enrol(invited).returncode
    kiosk.state.rename(tmp_path / "aside")
    kiosk.state.write_text("in the way")
    codes["state folder"] = kiosk.enrol(invited).returncode
    kiosk.state.unlink()
    with gateway.enrolment():
        gateway.invite(ONE).rename(tmp_path / "newer.toml")
        codes["void"] = kiosk.enrol(invitation_before(invited, tmp_path / "newer.toml")).returncode
    assert codes == {
        "no such file": 78,
        "nothing on the boot partition": 78,
        "for another kiosk": 65,
        "gateway away": 69,
        "state folder": 73,
        "void": 65,
    }


def invitation_before(path: Path, newer: Path) -> Path:
    """The newer one with a token that is not its own."""
    token = tomllib.loads(newer.read_text())["token"]
    path.write_text(newer.read_text().replace(token, "A" * len(token)))
    return path


def test_init_is_done_once_and_says_what_is_next(gateway: Gateway) -> None:
    assert any("OPENSSL_CONF=" in line for line in gateway.said)
    key = (gateway.state / "authority" / "ca.key").read_text()
    with pytest.raises(AuthorityError, match="has an authority already"):
        operator.init(gateway.config, ["x"], gateway.said.append)
    assert (gateway.state / "authority" / "ca.key").read_text() == key


def test_an_invitation_is_for_its_reader_alone_and_names_the_gateway(gateway: Gateway) -> None:
    path = gateway.invite(ONE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    told = tomllib.loads(path.read_text())
    assert told["enrolment"] == f"https://127.0.0.1:{gateway.enrolment_port}"
    assert told["broker"] == f"mqtts://127.0.0.1:{gateway.broker_port}"
    assert told["token"] not in " ".join(gateway.said)


def test_a_file_that_cannot_be_written_leaves_the_invitation_before_it_good(gateway: Gateway, tmp_path: Path) -> None:
    earlier = invitation.read(gateway.invite(ONE))
    with pytest.raises(CannotWrite, match="--out"):
        operator.enrol(gateway.config, ONE, "X", tmp_path / "none" / "x.toml", (None, None), gateway.said.append)
    with operator.open_office(gateway.config) as office:
        assert office.fleet.enrol(earlier.token, asks(new_key(), ONE)).certificate


def test_an_invitation_can_be_printed_with_other_addresses(gateway: Gateway) -> None:
    gateway.said.clear()
    at = ("https://[2001:db8::1]:443", "mqtts://broker.example.org:8883")
    operator.enrol(gateway.config, ONE, 'School "A" \\ कोरापुट', None, at, gateway.said.append)
    told = tomllib.loads("\n".join(gateway.said))
    assert (told["enrolment"], told["broker"]) == at
    assert told["site"] == 'School "A" \\ कोरापुट'


@pytest.mark.parametrize(
    ("kiosk", "site", "at", "why"),
    [
        ("Nandgaon", "x", (None, None), BadKioskId),
        ("krishi-gateway", "x", (None, None), BadKioskId),
        (ONE, "", (None, None), BadInvitation),
        (ONE, "x\ny", (None, None), BadInvitation),
        (ONE, "x" * 201, (None, None), BadInvitation),
        (ONE, "x", ("http://x:1", None), BadInvitation),
        (ONE, "x", ("https://x", None), BadInvitation),
        (ONE, "x", ("https://x:99999", None), BadInvitation),
        (ONE, "x", (None, 'mqtts://x":1'), BadInvitation),
    ],
)
def test_what_cannot_be_invited_is_refused(
    gateway: Gateway, kiosk: str, site: str, at: tuple[str | None, str | None], why: type[Exception]
) -> None:
    with pytest.raises(why):
        operator.enrol(gateway.config, kiosk, site, None, at, gateway.said.append)


def test_whoever_was_known_before_is_told_of(gateway: Gateway) -> None:
    gateway.invite(ONE)
    operator.revoke(gateway.config, ONE, gateway.said.append)
    gateway.invite(ONE)
    assert "was revoked before" in gateway.said[-1]


def test_revoking_may_be_repeated_and_says_when_the_broker_does_not_know(gateway: Gateway) -> None:
    with pytest.raises(NoSuchKiosk):
        operator.revoke(gateway.config, ONE, gateway.said.append)
    gateway.invite(ONE)
    gateway.reload = ("false",)
    with pytest.raises(NotTold, match="does not know yet"):
        operator.revoke(gateway.config, ONE, gateway.said.append)
    gateway.reload = ("true",)
    operator.revoke(gateway.config, ONE, gateway.said.append)
    assert gateway.said[-2] == f"{ONE} was revoked before."
    assert f"user {ONE}" in (gateway.state / BROKER_FOLDER / "acl").read_text()


def test_commands_before_init_say_so(tmp_path: Path) -> None:
    config = Config(state=State(folder=tmp_path))
    with pytest.raises(AuthorityError, match="krishi-gateway init"):
        operator.enrol(config, ONE, "x", None, (None, None), print)
    with pytest.raises(AuthorityError, match="krishi-gateway init"):
        operator.revoke(config, ONE, print)


def test_a_broker_that_is_away_is_not_a_revocation(gateway: Gateway, tmp_path: Path) -> None:
    kiosk = Kiosk(tmp_path, ONE)
    with gateway.enrolment():
        assert kiosk.enrol(gateway.invite(ONE)).returncode == 0
    with pytest.raises(BrokerGone, match="nobody listens"):
        kiosk.open_link()
