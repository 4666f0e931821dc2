"""The kiosk's key and certificate, against the gateway's own enrolment server."""

from __future__ import annotations

import contextlib
import json
import os
import ssl
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_daemon import clock, enrol_desk
from edge_daemon.clock import Instant
from edge_daemon.config import Config, Kiosk, State
from edge_daemon.errors import (
    ConfigError,
    EnrolmentAway,
    EnrolmentRefused,
    IdentityDamaged,
    KioskBusy,
    KrishiError,
    StateReadOnly,
    WrongInvitation,
)
from edge_daemon.sync import credentials, identity, invitation, safe_file
from edge_daemon.sync.identity import GATEWAY, NEXT_KEY, NEXT_REQUEST, WHOLE
from edge_daemon.sync.tls import AUTHORITY, CERTIFICATE, KEY
from gateway.certificates import new_key, read_request
from tests.gateway.desk import Desk
from tests.gateway.requests import asks
from tests.peers.program import free_port

ID = "nandgaon-1"
NOW = datetime.now(UTC)
SURE = Instant(NOW, "synced")
YEAR = timedelta(days=365)
DEADLINE_S = 20.0


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "gateway").mkdir()
    with Desk(tmp_path / "gateway") as desk:
        yield desk


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "identity"


def invited(text: str) -> invitation.Invitation:
    return invitation.parse(text, "krishi-enrol.toml")


def enrol(desk: Desk, folder: Path) -> None:
    identity.enrol(folder, invited(desk.invite()), DEADLINE_S)


def renew(folder: Path, now: Instant, *, refused: bool = False) -> datetime | None:
    return identity.renew_if_due(folder, now, refused=refused, deadline_s=DEADLINE_S)


def later(**how_long: float) -> Instant:
    return Instant(NOW + timedelta(**how_long), "synced")


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def belong_together(folder: Path) -> bool:
    """As TLS looks at it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    return True


def test_an_invitation_gives_a_certificate_for_a_key_that_nobody_else_reads(desk: Desk, folder: Path) -> None:
    done = identity.enrol(folder, invited(desk.invite()), DEADLINE_S)
    assert (done.kiosk, done.site) == (ID, "Nandgaon")
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == dict.fromkeys(
        (KEY, CERTIFICATE, AUTHORITY, GATEWAY), 0o600
    )
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert belong_together(folder)
    assert identity.broker_url(folder) == "mqtts://127.0.0.1:8883"


def test_no_key_leaves_the_kiosk(desk: Desk, folder: Path) -> None:
    enrol(desk, folder)
    first = (folder / KEY).read_text().splitlines()[1]
    assert renew(folder, SURE, refused=True)
    second = (folder / KEY).read_text().splitlines()[1]
    assert desk.fleet.heard.count("CERTIFICATE REQUEST") == 4
    assert not any(part in desk.fleet.heard for part in (first, second, "PRIVATE"))


def test_a_kiosk_that_was_never_invited_knows_no_broker_and_renews_nothing(folder: Path) -> None:
    assert identity.broker_url(folder) is None
    assert renew(folder, SURE, refused=True) is None


def test_a_used_invitation_is_known_and_a_new_one_replaces_the_key(desk: Desk, folder: Path) -> None:
    first, second = invited(desk.invite()), None
    identity.enrol(folder, first, DEADLINE_S)
    key = (folder / KEY).read_text()
    second = invited(desk.invite(site="Nandgaon school"))
    assert identity.was_used(folder, first)
    assert not identity.was_used(folder, second)
    assert identity.enrol(folder, second, DEADLINE_S).site == "Nandgaon school"
    assert (folder / KEY).read_text() != key


def test_an_answer_that_was_lost_is_asked_for_again_with_the_same_token(desk: Desk, folder: Path) -> None:
    given = invited(desk.invite())
    desk.fleet.lose_answers = 2
    for _ in range(2):
        with pytest.raises(EnrolmentAway):
            identity.enrol(folder, given, DEADLINE_S)
    assert identity.enrol(folder, given, DEADLINE_S)
    assert not (folder / NEXT_KEY).exists()


def test_a_renewal_whose_answer_was_lost_ends_with_one_new_certificate(desk: Desk, folder: Path) -> None:
    enrol(desk, folder)
    before = texts(folder)
    desk.fleet.lose_answers = 1
    with pytest.raises(EnrolmentAway):
        renew(folder, later(days=61))
    assert {name: texts(folder)[name] for name in before} == before
    assert renew(folder, later(days=62))
    assert belong_together(folder)
    assert len(desk.fleet.revoked_certificates()) == 0


def test_a_certificate_is_renewed_after_two_thirds_of_its_time(desk: Desk, folder: Path) -> None:
    enrol(desk, folder)
    key = (folder / KEY).read_text()
    assert renew(folder, later(days=59)) is None
    assert (folder / KEY).read_text() == key
    desk.clock.pass_(days=61)
    ends = renew(folder, later(days=61))
    assert ends is not None
    assert ends > NOW + timedelta(days=150)
    assert (folder / KEY).read_text() != key
    assert belong_together(folder)
    assert renew(folder, later(days=62)) is None


def test_the_bytes_of_asking_are_told_whatever_comes_of_it(desk: Desk, folder: Path, tmp_path: Path) -> None:
    took: list[int] = []

    def ask(invited: invitation.Invitation, fails: type[Exception] | None = None) -> int:
        with pytest.raises(fails) if fails else contextlib.nullcontext():
            identity.enrol(folder, invited, DEADLINE_S, took.append)
        return took.pop()

    enrolled = ask(invited(desk.invite()))
    assert identity.renew_if_due(folder, SURE, refused=True, deadline_s=DEADLINE_S, spent=took.append)
    renewed = took.pop()
    assert 2_500 < enrolled < renewed < 8_000, "with handshake, certificates and headers"
    assert identity.renew_if_due(folder, SURE, spent=took.append) is None
    assert not took, "nothing was asked"

    used = invited(desk.invite())
    desk.fleet.revoke(ID)
    assert 2_000 < ask(used, EnrolmentRefused) < enrolled
    (tmp_path / "other").mkdir()
    with Desk(tmp_path / "other") as other:
        strange = used.model_copy(update={"authority": other.authority.certificate})
    assert 1_000 < ask(strange, EnrolmentAway) < enrolled, "a handshake that failed"
    nobody = used.model_copy(update={"enrolment": f"https://127.0.0.1:{free_port()}"})
    assert 0 < ask(nobody, EnrolmentAway) < 200


def test_a_kiosk_that_was_off_for_years_comes_back(desk: Desk, folder: Path) -> None:
    enrol(desk, folder)
    desk.clock.pass_(days=1000)
    assert renew(folder, later(days=1000))


def test_a_kiosk_without_a_clock_comes_back_when_the_broker_refuses_it(desk: Desk, folder: Path) -> None:
    enrol(desk, folder)
    desk.clock.pass_(days=1000)
    behind = Instant(NOW - YEAR, "unsure")
    assert renew(folder, behind) is None
    assert renew(folder, behind, refused=True)


def test_a_revoked_kiosk_gets_no_certificate_and_keeps_what_it_has(desk: Desk, folder: Path) -> None:
    enrol(desk, folder)
    before = texts(folder)
    desk.fleet.revoke(ID)
    with pytest.raises(EnrolmentRefused, match="was revoked"):
        renew(folder, SURE, refused=True)
    assert {name: texts(folder)[name] for name in before} == before


@pytest.mark.parametrize("years", [-6, 1])
def test_a_clock_that_may_be_a_year_off_keeps_no_kiosk_from_enrolling(
    tmp_path: Path, years: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's certificate is not valid now, by this machine's clock: the same as a clock that is off.

    TLS goes by the system's clock, so what counts is whether that one was set.
    """
    mark = tmp_path / "synchronized"
    monkeypatch.setattr(clock, "SYNCHRONISED", mark)
    with Desk(tmp_path, made_at=NOW + years * YEAR) as desk:
        given = invited(desk.invite())
        mark.touch()
        with pytest.raises(EnrolmentAway, match=r"not yet valid|expired"):
            identity.enrol(tmp_path / "identity", given, DEADLINE_S)
        mark.unlink()
        assert identity.enrol(tmp_path / "identity", given, DEADLINE_S)


def test_another_gateway_at_the_same_address_is_not_asked(desk: Desk, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with Desk(tmp_path / "other") as other:
        text = desk.invite().replace(desk.url, other.url)
        with pytest.raises(EnrolmentAway, match="not of the authority that invited"):
            identity.enrol(folder, invited(text), DEADLINE_S)


def of_another_key(desk: Desk) -> str:
    return desk.authority.sign(read_request(asks(new_key(), ID)), NOW, 9).certificate


def of_another_kiosk(desk: Desk) -> str:
    return desk.authority.sign(read_request(asks(new_key(), "nandgaon-2")), NOW, 9).certificate


def of_nobody(desk: Desk) -> str:
    return "x"


def the_authority_s(desk: Desk) -> str:
    return desk.authority.certificate


@pytest.mark.parametrize("gives", [of_another_key, of_another_kiosk, of_nobody, the_authority_s])
def test_a_certificate_that_was_not_asked_for_is_not_taken(desk: Desk, folder: Path, gives: object) -> None:
    assert callable(gives)
    enrol(desk, folder)
    before = texts(folder)
    desk.fleet.gives = gives(desk)
    with pytest.raises(EnrolmentRefused, match="not taken"):
        renew(folder, SURE, refused=True)
    assert {name: texts(folder)[name] for name in before} == before
    desk.fleet.gives = None
    assert renew(folder, SURE, refused=True)


@pytest.mark.parametrize("in_place", range(5))
def test_power_that_fails_while_files_are_put_in_place_loses_nothing(desk: Desk, folder: Path, in_place: int) -> None:
    """in_place: how many of the new files were, when it failed."""
    enrol(desk, folder)
    old = texts(folder)
    assert renew(folder, SURE, refused=True)
    new = texts(folder)
    names = [KEY, CERTIFICATE, AUTHORITY, GATEWAY]
    for number, name in enumerate(names):
        (folder / name).write_text((new if number < in_place else old)[name])
    (folder / WHOLE).write_text(json.dumps({name: new[name] for name in names}))
    (folder / NEXT_KEY).write_text("half a ke")
    assert renew(folder, SURE) is None
    assert texts(folder) == new


@pytest.mark.parametrize(("name", "text"), [(NEXT_KEY, "half a ke"), (NEXT_REQUEST, ""), (NEXT_REQUEST, "half a re")])
def test_power_that_fails_before_a_request_was_sent_costs_a_new_key(
    desk: Desk, folder: Path, name: str, text: str
) -> None:
    folder.mkdir()
    key = credentials.new_key()
    (folder / NEXT_KEY).write_text(credentials.key_text(key))
    (folder / NEXT_REQUEST).write_text(credentials.request(key, ID))
    (folder / name).write_text(text)
    enrol(desk, folder)
    assert belong_together(folder)


def test_a_request_for_another_id_is_not_sent(desk: Desk, folder: Path) -> None:
    """Of an invitation that was tried before the technician corrected the kiosk's id."""
    given = invited(desk.invite("nandgaon-2"))
    desk.fleet.lose_answers = 1
    with pytest.raises(EnrolmentAway):
        identity.enrol(folder, given, DEADLINE_S)
    enrol(desk, folder)
    assert belong_together(folder)


def test_a_gateway_that_is_not_there_or_says_nothing_is_given_up_in_time(desk: Desk, folder: Path) -> None:
    text = desk.invite()
    with pytest.raises(EnrolmentAway, match="nobody listens"):
        identity.enrol(folder, invited(text.replace(desk.url, f"https://127.0.0.1:{free_port()}")), DEADLINE_S)
    with desk.silence() as port:
        begun = time.monotonic()
        with pytest.raises(EnrolmentAway, match="Is there a network"):
            identity.enrol(folder, invited(text.replace(desk.url, f"https://127.0.0.1:{port}")), 0.5)
    assert time.monotonic() - begun < DEADLINE_S
    assert identity.enrol(folder, invited(text), DEADLINE_S)


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_asked(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    given = invited(desk.invite())
    with pytest.raises(StateReadOnly):
        identity.enrol(tmp_path / "state" / "identity", given, DEADLINE_S)
    assert identity.enrol(tmp_path / "identity", given, DEADLINE_S)


@pytest.mark.parametrize("name", [KEY, CERTIFICATE, AUTHORITY, GATEWAY])
@pytest.mark.parametrize("text", ["", "x = ", "\x00"])
def test_a_damaged_identity_says_so_and_an_invitation_mends_it(desk: Desk, folder: Path, name: str, text: str) -> None:
    enrol(desk, folder)
    (folder / name).write_text(text)
    with pytest.raises((IdentityDamaged, EnrolmentRefused)):
        renew(folder, SURE, refused=True)
    enrol(desk, folder)
    assert belong_together(folder)


@pytest.mark.needs("root")  # who alone gives files away
def test_root_leaves_files_that_the_kiosk_s_user_reads(desk: Desk, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    os.chown(state, 12345, 12345)
    enrol(desk, state / "identity")
    assert {path.stat().st_uid for path in state.rglob("*")} == {12345}


def test_two_programs_are_not_at_it_at_once(desk: Desk, folder: Path) -> None:
    enrol(desk, folder)
    before = texts(folder)
    with safe_file.alone(folder):
        with pytest.raises(KioskBusy):
            renew(folder, SURE, refused=True)
        with pytest.raises(KioskBusy):
            enrol(desk, folder)
    assert texts(folder) == before
    assert renew(folder, SURE, refused=True)


VALID = """\
version = 1
kiosk = "nandgaon-1"
site = "Nandgaon"
token = "abcdefghijklmnopqrstuv"
expires = 2026-11-28T14:57:25Z
enrolment = "https://gateway.example.org:8443"
broker = "mqtts://gateway.example.org:8883"
authority = "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----"
"""


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("version = 1", "version = 2", "version"),
        ('"nandgaon-1"', '"Nandgaon"', "kiosk"),
        ('"Nandgaon"', '""', "site"),
        ("abcdefghijklmnopqrstuv", "abc", "token"),
        ("2026-11-28T14:57:25Z", '"soon"', "expires"),
        ("https:", "http:", "enrolment"),
        (":8443", "", "enrolment"),
        (":8443", ":x", "enrolment"),
        ("mqtts:", "mqtt:", "broker"),
        ("AAAA", "!", "authority"),
        ("AAAA", "AAAA-----END CERTIFICATE----------BEGIN PRIVATE KEY-----", "authority"),
        ("version", "more = 1\nversion", "more"),
        ("site =", "# site =", "site"),
    ],
)
def test_an_invitation_that_is_none_names_its_key(old: str, new: str, key: str) -> None:
    assert old in VALID
    with pytest.raises(ConfigError) as why:
        invited(VALID.replace(old, new, 1))
    assert str(why.value).startswith(f"krishi-enrol.toml: {key}: ")
    assert "abcdefghijklmnopqrstuv" not in str(why.value)


@given(st.text(max_size=300))
def test_noise_is_no_invitation(text: str) -> None:
    with pytest.raises(ConfigError):
        invited(text)


def test_a_file_that_is_no_invitation_says_so(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    for data in (b"\xff", b"#" * 20_000, b"x"):
        path.write_bytes(data)
        with pytest.raises(ConfigError, match="is no invitation"):
            invitation.read(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        invitation.read(tmp_path / "nothing")


def config(tmp_path: Path, kiosk: str = ID) -> Config:
    return Config(kiosk=Kiosk(id=kiosk), state=State(folder=tmp_path / "state"))


def at_boot(tmp_path: Path, text: str) -> Path:
    boot = tmp_path / "boot" / "krishi-enrol.toml"
    boot.parent.mkdir(exist_ok=True)
    boot.write_text(text)
    return boot


def test_the_daemon_takes_an_invitation_from_the_boot_partition_once(desk: Desk, tmp_path: Path) -> None:
    boot = at_boot(tmp_path, desk.invite())
    done = enrol_desk.if_invited(config(tmp_path), boot)
    assert done is not None
    assert [path.name for path in boot.parent.iterdir()] == ["krishi-enrol.done.toml"]
    assert enrol_desk.if_invited(config(tmp_path), boot) is None


def test_a_site_that_ends_in_a_dot_ends_its_sentence_once(desk: Desk, tmp_path: Path) -> None:
    boot = at_boot(tmp_path, desk.invite(site="Nandgaon, Nashik Dist."))
    assert next(enrol_desk.lines(config(tmp_path), boot)) == (
        f"{ID} is known to the gateway as the kiosk at Nandgaon, Nashik Dist."
    )


def test_an_invitation_that_cannot_be_renamed_is_not_used_again(desk: Desk, tmp_path: Path) -> None:
    boot = at_boot(tmp_path, desk.invite())
    (boot.parent / "krishi-enrol.done.toml").mkdir()  # in the way
    assert enrol_desk.if_invited(config(tmp_path), boot)
    assert boot.exists()
    key = (tmp_path / "state" / "identity" / KEY).read_text()
    assert enrol_desk.if_invited(config(tmp_path), boot) is None
    assert (tmp_path / "state" / "identity" / KEY).read_text() == key


def test_an_invitation_for_another_kiosk_is_refused_before_its_token_is_used(desk: Desk, tmp_path: Path) -> None:
    boot = at_boot(tmp_path, desk.invite())
    with pytest.raises(WrongInvitation, match=r"is for nandgaon-1, and this kiosk is nandgaon-2"):
        enrol_desk.if_invited(config(tmp_path, "nandgaon-2"), boot)
    assert enrol_desk.if_invited(config(tmp_path), boot)


def test_every_trouble_has_an_exit_code() -> None:
    codes = {EnrolmentRefused: 65, WrongInvitation: 65, EnrolmentAway: 69, StateReadOnly: 73, IdentityDamaged: 74}
    kinds: dict[type[KrishiError], int] = {**codes, ConfigError: 78}
    assert {kind: kind.exit_code for kind in kinds} == kinds
