"""A real Mosquitto with the gateway's files: who gets in, and what the revoked get."""

from __future__ import annotations

import json
import socket
import ssl
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from edge_daemon.wire import topics
from edge_daemon.wire.batch import MOST_BYTES
from gateway import broker_files, certificates
from gateway.authority import Authority
from gateway.broker_files import Listener
from gateway.certificates import new_key, read_request
from gateway.config import Broker, Config, State
from gateway.errors import AuthorityError
from gateway.mqtt import GROUP, Link, connected
from tests.gateway.guests import Refused, TlsBroker
from tests.gateway.requests import asks, self_signed
from tests.peers.program import DEADLINE_S

needs_broker = pytest.mark.needs("mosquitto")
NOW = datetime.now(UTC)
ONE, TWO = "nandgaon-1", "nandgaon-2"
PLUGIN = "mosquitto_dynamic_security.so"
"""It comes with Mosquitto, in a folder that is named after the machine's kind."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsBroker]:
    """For tests that revoke nobody."""
    with TlsBroker(tmp_path_factory.mktemp("broker")) as broker:
        yield broker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[TlsBroker]:
    with TlsBroker(tmp_path) as broker:
        yield broker


@needs_broker
@pytest.mark.parametrize("version", [MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5])
def test_an_enrolled_kiosk_speaks_with_the_gateway(shared: TlsBroker, version: MQTTProtocolVersion) -> None:
    with shared.gateway() as gateway, shared.guest(shared.kiosk(ONE)[0], version) as kiosk:
        gateway.subscribe(topics.shared("ours", topics.up("+")))
        kiosk.subscribe(topics.acknowledged(ONE))
        kiosk.publish(topics.up(ONE), b"end")
        gateway.wait_for_end()
        gateway.publish(topics.acknowledged(ONE), b"end")
        kiosk.wait_for_end()
    assert (topics.up(ONE), b"end") in gateway.got


@needs_broker
def test_a_kiosk_writes_its_own_topics_and_no_other(shared: TlsBroker) -> None:
    with shared.guest(shared.kiosk(ONE)[0]) as kiosk:
        assert [kiosk.publish(topic) for topic in (topics.up(ONE), topics.lost(ONE))] == ["taken", "taken"]
        others = [topics.up(TWO), topics.lost(TWO), topics.acknowledged(ONE), topics.desired(ONE)]
        others += [topics.acknowledged(TWO), topics.up(topics.GATEWAY), "k", "x", f"k/{ONE}/u/x", "$CONTROL/x"]
        assert {topic: kiosk.publish(topic) for topic in others} == dict.fromkeys(others, "Not authorized")


@needs_broker
def test_a_kiosk_reads_nothing_of_another(shared: TlsBroker) -> None:
    one, two = shared.kiosk(ONE)[0], shared.kiosk(TWO)[0]
    with shared.gateway() as gateway, shared.guest(one) as kiosk, shared.guest(two) as other:
        gateway.publish(topics.desired(ONE), b"wanted", retain=True)
        for topic in (
            "#",
            "k/#",
            topics.up("+"),
            topics.acknowledged(ONE),
            topics.desired(ONE),
            topics.lost(ONE),
            "$SYS/#",
        ):
            other.subscribe(topic)
        kiosk.publish(topics.up(ONE))
        kiosk.publish(topics.lost(ONE))
        gateway.publish(topics.acknowledged(ONE))
        gateway.publish(topics.acknowledged(TWO), b"end")
        other.wait_for_end()
        gateway.publish(topics.desired(ONE), b"", retain=True)
    assert {topic for topic, _ in other.got} == {topics.acknowledged(TWO)}


def heard(link: Link, count: int) -> list[bytes]:
    """What came to the worker, as soon as it is so much."""
    ends = time.monotonic() + DEADLINE_S
    while len(link.inbox) < count and time.monotonic() < ends:
        link.step(0.1)
    return [delivery.payload for delivery in link.inbox]


@needs_broker
def test_neither_a_kiosk_nor_a_check_takes_a_share_of_what_others_send(shared: TlsBroker) -> None:
    config = Config(state=State(folder=shared.folder), broker=Broker(url=f"mqtts://127.0.0.1:{shared.port}"))
    sent = [bytes([number]) for number in range(10)]
    with (
        connected(config) as worker,
        connected(config, apart=True) as check,
        shared.guest(shared.kiosk(TWO)[0]) as thief,
    ):
        for link in (worker, check):
            link.subscribe(topics.up("+"))
        thief.subscribe(topics.shared(GROUP, topics.up("+")))
        with shared.guest(shared.kiosk(ONE)[0]) as kiosk:
            assert [kiosk.publish(topics.up(ONE), payload) for payload in sent] == ["taken"] * len(sent)
        assert heard(worker, len(sent)) == sent


@needs_broker
def test_what_the_gateway_wants_waits_for_the_kiosk(shared: TlsBroker) -> None:
    with shared.gateway() as gateway:
        gateway.publish(topics.desired(ONE), b"end", retain=True)
    with shared.guest(shared.kiosk(ONE)[0]) as kiosk:
        kiosk.subscribe(topics.desired(ONE))
        kiosk.wait_for_end()
    with shared.gateway() as gateway:
        gateway.publish(topics.desired(ONE), b"", retain=True)


@needs_broker
def test_the_largest_batch_fits_and_more_does_not(shared: TlsBroker) -> None:
    with shared.guest(shared.kiosk(ONE)[0]) as kiosk:
        assert kiosk.publish(topics.up(ONE), bytes(MOST_BYTES)) == "taken"
        assert kiosk.publish(topics.up(ONE), bytes(2 * MOST_BYTES)) == "closed"


def anonymous(broker: TlsBroker) -> Path | None:
    return None


def of_itself(broker: TlsBroker) -> Path:
    return self_signed(broker.folder / "self.pem", ONE)


def of_another_authority(broker: TlsBroker) -> Path:
    """Of the same name, as every gateway's is."""
    folder = broker.folder / "other"
    return broker.kiosk(ONE, Authority.open(folder) if folder.exists() else Authority.make(folder, ["x"], NOW))[0]


def expired(broker: TlsBroker) -> Path:
    key = new_key()
    made = broker.authority.sign(read_request(asks(key, ONE)), NOW - timedelta(days=400), 365)
    path = broker.folder / "expired.pem"
    path.write_text(made.certificate + certificates.key_pem(key))
    return path


def of_a_year_ahead(broker: TlsBroker) -> Path:
    """Made by a gateway whose clock was a year ahead."""
    key = new_key()
    made = broker.authority.sign(read_request(asks(key, ONE)), NOW + timedelta(days=365), 365)
    path = broker.folder / "ahead.pem"
    path.write_text(made.certificate + certificates.key_pem(key))
    return path


def of_a_server(broker: TlsBroker) -> Path:
    """The broker's own: it is for a server alone."""
    folder, path = broker.authority.folder, broker.folder / "server.pem"
    path.write_text((folder / "broker.crt").read_text() + (folder / "broker.key").read_text())
    return path


@needs_broker
@pytest.mark.parametrize(
    "comes",
    [anonymous, of_itself, of_another_authority, expired, of_a_year_ahead, of_a_server],
    ids=lambda f: f.__name__,
)
def test_nobody_else_gets_in(shared: TlsBroker, comes: object) -> None:
    assert callable(comes)
    with pytest.raises(Refused), shared.guest(comes(shared)):
        pass


@needs_broker
def test_a_revoked_kiosk_gets_nothing_in_or_out_on_a_connection_that_stands(broker: TlsBroker) -> None:
    identity, serial = broker.kiosk(ONE)
    other, _ = broker.kiosk(TWO)
    with broker.gateway() as gateway, broker.guest(other) as good:
        with broker.guest(identity, will=topics.lost(ONE)) as kiosk:
            gateway.subscribe("k/#")
            kiosk.subscribe(topics.acknowledged(ONE))
            assert kiosk.publish(topics.up(ONE), b"before") == "taken"
            broker.write([ONE], [serial])
            broker.reload()
            assert kiosk.publish(topics.up(ONE), b"after") == "Not authorized"
            assert gateway.publish(topics.acknowledged(ONE), b"after") == "taken"
            kiosk.catch_up()
            kiosk.subscribe(topics.desired(ONE))
            kiosk.cut()  # and its will is not heard
        assert kiosk.got == []
        assert good.publish(topics.up(TWO), b"end") == "taken"
        gateway.wait_for_end()
    assert gateway.got == [(topics.up(ONE), b"before"), (topics.up(TWO), b"end")]


@needs_broker
def test_a_revoked_kiosk_does_not_get_in_again(broker: TlsBroker) -> None:
    identity, serial = broker.kiosk(ONE)
    other, _ = broker.kiosk(TWO)
    with broker.guest(identity):
        pass
    broker.write([ONE], [serial])
    broker.reload()
    with pytest.raises(Refused), broker.guest(identity):
        pass
    with broker.guest(other) as good:
        assert good.publish(topics.up(TWO)) == "taken"


@needs_broker
def test_lists_that_follow_in_the_same_second_all_count(broker: TlsBroker) -> None:
    kiosks = [broker.kiosk(f"nandgaon-{number}") for number in range(3)]
    serials = [serial for _, serial in kiosks]
    for number in range(3):
        broker.write([], serials[: number + 1])
        broker.reload()
    for identity, _ in kiosks:
        with pytest.raises(Refused), broker.guest(identity):
            pass
    broker.write([], [])
    broker.reload()
    with broker.guest(kiosks[0][0]):
        pass


@needs_broker
def test_a_new_card_comes_in_and_the_old_one_does_not(broker: TlsBroker) -> None:
    old, serial = broker.kiosk(ONE)
    new, _ = broker.kiosk(ONE)
    broker.write([], [serial])
    broker.reload()
    with pytest.raises(Refused), broker.guest(old):
        pass
    with broker.guest(new) as kiosk:
        assert kiosk.publish(topics.up(ONE)) == "taken"


@needs_broker
def test_the_broker_s_new_certificate_is_shown_after_a_reload(broker: TlsBroker) -> None:
    assert broker.authority.renew_own(NOW + timedelta(days=4 * 365))
    broker.write([])
    broker.reload()
    context = ssl.create_default_context(cafile=str(broker.authority.folder / "ca.crt"))
    with (
        socket.create_connection(("127.0.0.1", broker.port), DEADLINE_S) as raw,
        pytest.raises(ssl.SSLCertVerificationError, match="not yet valid"),  # it was made four years from now
    ):
        context.wrap_socket(raw, server_hostname="127.0.0.1")


def dynamic_security(folder: Path) -> str:
    """Lines for mosquitto.conf. One is disabled there, and still has its role: the plugin's known gap."""
    allowed = [
        {"acltype": kind, "topic": "k/#", "priority": 0, "allow": True}
        for kind in ("publishClientSend", "publishClientReceive", "subscribePattern")
    ]
    clients = [
        {"username": name, "disabled": name == ONE, "roles": [{"rolename": "kiosk"}]}
        for name in (ONE, TWO, topics.GATEWAY)
    ]
    never = dict.fromkeys(("publishClientSend", "publishClientReceive", "subscribe", "unsubscribe"), False)
    roles = [{"rolename": "kiosk", "acls": allowed}]
    path = folder / "dynamic-security.json"
    path.write_text(json.dumps({"defaultACLAccess": never, "clients": clients, "groups": [], "roles": roles}))
    path.chmod(0o600)
    (plugin,) = Path("/usr/lib").glob(f"*/{PLUGIN}")
    return f"plugin {plugin}\nplugin_opt_config_file {path}\n"


@needs_broker
def test_dynamic_security_goes_before_the_access_list_and_forgets_whom_it_disabled(tmp_path: Path) -> None:
    """github.com/eclipse-mosquitto/mosquitto/issues/2999. So where it is loaded, a revocation needs a restart."""
    with TlsBroker(tmp_path, dynamic_security(tmp_path)) as broker:
        identity, serial = broker.kiosk(ONE)
        with broker.guest(identity) as kiosk:
            assert kiosk.publish(topics.up(ONE)) == "taken"
            broker.write([ONE], [serial])
            broker.reload()
            assert kiosk.publish(topics.up(ONE)) == "taken"
            with pytest.raises(Refused), broker.guest(identity):
                pass
            broker.stop()
        broker.start()
        with pytest.raises(Refused), broker.guest(identity):
            pass
        with broker.guest(broker.kiosk(TWO)[0]) as good:
            assert good.publish(topics.up(TWO)) == "taken"


def test_the_access_list_names_the_revoked() -> None:
    lines = broker_files.access_list([ONE, TWO]).splitlines()
    assert lines[-5:] == [f"user {ONE}", "topic deny #", "", f"user {TWO}", "topic deny #"]
    assert not any("deny" in line for line in broker_files.access_list([]).splitlines())


def test_what_the_operator_changed_stays_and_the_lists_are_written_anew(tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    authority = Authority.make(tmp_path / "authority", ["x"], NOW)
    broker_files.write_settings(folder, Listener(1884))
    (folder / "mosquitto.conf").write_text("# mine\n")
    broker_files.write_settings(folder, Listener(1885))
    assert (folder / "mosquitto.conf").read_text() == "# mine\n"
    for revoked in ([], [ONE]):
        broker_files.write_lists(folder, authority.folder, revoked)
        assert (folder / "acl").read_text() == broker_files.access_list(revoked)
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in folder.iterdir()}
    assert modes == {
        **dict.fromkeys(["mosquitto.conf", "openssl.cnf", "acl", "kiosks.crt", "broker.crt", "crl.pem"], "0o644"),
        "broker.key": "0o640",
    }


def test_files_that_cannot_be_written_have_a_name(tmp_path: Path) -> None:
    (tmp_path / "broker").write_text("in the way")
    with pytest.raises(AuthorityError, match="cannot be written"):
        broker_files.write_settings(tmp_path / "broker", Listener())
    with pytest.raises(AuthorityError, match="cannot be written"):
        broker_files.write_lists(tmp_path / "broker", tmp_path, [])


@pytest.mark.parametrize(
    ("command", "sentence"),
    [(["true"], None), (["false"], "ended with 1"), (["no-such-program"], "could not be run")],
)
def test_a_reload_that_fails_says_so(command: list[str], sentence: str | None) -> None:
    said = broker_files.reload(command)
    assert (said is None) if sentence is None else (said and sentence in said)
