"""The broker's lists when several programs write them, and the files and locks below."""

from __future__ import annotations

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from gateway import files, lists, operator
from gateway.authority import OWN_DAYS, now_utc
from gateway.certificates import new_key
from gateway.config import Broker, Config, State
from tests.gateway.requests import asks
from tests.peers.program import DEADLINE_S

KIOSKS = [f"nandgaon-{number}" for number in range(6)]


def test_of_many_who_revoke_at_once_none_is_left_out_of_the_lists(tmp_path: Path) -> None:
    config = Config(state=State(folder=tmp_path))
    operator.init(config, ["127.0.0.1"], lambda _: None)
    with operator.open_office(config) as office:
        for kiosk in KIOSKS:
            office.fleet.enrol(office.fleet.invite(kiosk, "x").token, asks(new_key(), kiosk))
    together = threading.Barrier(len(KIOSKS))

    def revoke(kiosk: str) -> None:
        together.wait(DEADLINE_S)
        operator.revoke(config, kiosk, lambda _: None)

    with ThreadPoolExecutor(len(KIOSKS)) as threads:
        list(threads.map(revoke, KIOSKS))
    allowed = (tmp_path / "broker" / "acl").read_text()
    assert [kiosk for kiosk in KIOSKS if f"user {kiosk}\ntopic deny #" not in allowed] == []
    listed = x509.load_pem_x509_crl((tmp_path / "broker" / "crl.pem").read_bytes())
    assert len(list(listed)) == len(KIOSKS)


def test_whoever_waits_for_another_looks_into_the_database_afterwards(tmp_path: Path) -> None:
    config = Config(state=State(folder=tmp_path))
    operator.init(config, ["127.0.0.1"], lambda _: None)
    with operator.open_office(config) as office, ThreadPoolExecutor(1) as threads:
        office.fleet.invite("nandgaon-1", "x")
        with files.locked(office.authority.folder / lists.LOCK, DEADLINE_S):
            waits = threads.submit(lists.renew, config, office.authority, office.fleet)
            with pytest.raises(TimeoutError):
                waits.result(0.3)
            office.fleet.revoke("nandgaon-1")
        waits.result(DEADLINE_S)
    assert "user nandgaon-1" in (tmp_path / "broker" / "acl").read_text()


def test_the_operator_is_to_do_something_only_where_the_lists_say_something_new(tmp_path: Path) -> None:
    config = Config(state=State(folder=tmp_path))
    operator.init(config, ["127.0.0.1"], lambda _: None)
    with operator.open_office(config) as office:
        enrolled = office.fleet.enrol(office.fleet.invite(KIOSKS[0], "x").token, asks(new_key(), KIOSKS[0]))

        def renew(*, only_news: bool = True) -> str | None:
            return lists.renew(config, office.authority, office.fleet, only_news=only_news)

        assert renew() is None, "as `init` wrote them"
        office.fleet.enrol(office.fleet.invite(KIOSKS[0], "x").token, asks(new_key(), KIOSKS[0]))
        assert enrolled.lists_change is False
        assert "SIGHUP" in str(renew()), "the older certificate is revoked"
        assert renew() is None
        office.fleet.revoke(KIOSKS[0])
        assert "SIGHUP" in str(renew())
        assert renew() is None
        assert "SIGHUP" in str(renew(only_news=False))
        (tmp_path / "broker" / "crl.pem").write_text("damaged")
        assert "SIGHUP" in str(renew())
        (tmp_path / "broker" / "acl").unlink()
        assert "SIGHUP" in str(renew())
        office.authority.renew_own(now_utc() + timedelta(days=OWN_DAYS))
        assert "SIGHUP" in str(renew()), "the broker has another certificate"
        assert renew() is None


def test_a_command_runs_though_nothing_is_new_since_it_may_have_failed_before(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    config = Config(state=State(folder=tmp_path), broker=Broker(reload=("touch", str(ran))))
    operator.init(config, ["127.0.0.1"], lambda _: None)
    with operator.open_office(config) as office:
        assert lists.renew(config, office.authority, office.fleet, only_news=True) is None
    assert ran.exists()


def test_a_lock_that_another_has_is_waited_for_and_given_up(tmp_path: Path) -> None:
    with (
        files.locked(tmp_path / "lock", 1.0),
        pytest.raises(TimeoutError, match="another process has it"),
        files.locked(tmp_path / "lock", 0.1),
    ):
        pass
    with files.locked(tmp_path / "lock", 0.0):
        pass


def test_a_file_is_whole_and_for_whom_it_should_be(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.write(path, "old", 0o644)
    files.write(path, "new", 0o600)
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_put_in_place_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        files.write(path, "x", 0o600)
    assert list(tmp_path.iterdir()) == [path]
