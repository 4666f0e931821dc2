"""The link: to a real broker, by plain MQTT and by TLS, and to far ends that behave badly."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from edge_daemon.errors import BrokerGone, GatewayMute
from edge_daemon.sync import tls
from edge_daemon.sync.link import MOST_LISTEN_S, Access, Link
from edge_daemon.sync.traffic import HEADERS_BYTES, Traffic, traffic_of
from edge_daemon.wire import batch, topics
from edge_daemon.wire.messages import Alarm
from edge_daemon.wire.replies import BOOT_BYTES, Acknowledgement, Desired, encode_desired
from tests.edge.sync import papers
from tests.edge.sync.papers import Office
from tests.edge.sync.small_gateway import AT, SmallGateway, nothing
from tests.peers.mosquitto import OPEN, Mosquitto
from tests.peers.program import free_port

KIOSK = "kiosk-1"
WHOLE_TEST_S = 30.0
SHORT_S = 0.5
LONG_S = 15.0
DAY = timedelta(days=1)

needs_broker = pytest.mark.needs("mosquitto")


def access(port: int, **changed: Any) -> Access:
    plain = Access(url=f"mqtt://127.0.0.1:{port}", kiosk=KIOSK, identity=Path("nowhere"), deadline_s=LONG_S)
    return replace(plain, **changed)


def secure(office: Office, broker: Mosquitto, **changed: Any) -> Access:
    return access(broker.port, url=f"mqtts://127.0.0.1:{broker.port}", identity=office.identity, **changed)


def alarm(number: int = 1) -> Alarm:
    return Alarm(
        kiosk=KIOSK, at=number, clock="synced", what="outbreak", label="rice/blast", count=5, days=7, rehearsal=True
    )


def load(first: int = 1) -> tuple[bytes, bytes, int]:
    """A batch of one: its bytes, boot and last number."""
    boot = os.urandom(BOOT_BYTES)
    return batch.fill(KIOSK, boot, first, [alarm()], 10_000)[0], boot, first


def run(work: Coroutine[Any, Any, Any]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(WHOLE_TEST_S):
            return await work

    return asyncio.run(bounded())


async def opened(where: Access) -> Traffic:
    """Open it and close it."""
    link = Link(where)
    async with link:
        pass
    return link.traffic()


async def sent(where: Access) -> tuple[Acknowledgement, Link]:
    async with Link(where) as link:
        return await link.send(*load()), link


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path) as running:
        yield running


@needs_broker
@pytest.mark.parametrize("version", [5, 3])
def test_a_batch_goes_and_its_acknowledgement_comes(broker: Mosquitto, version: Literal[3, 5]) -> None:
    with SmallGateway(broker.port) as gateway:
        gateway.wish(KIOSK, Desired(revision=3))
        answer, link = run(sent(access(broker.port, mqtt=version)))
    assert (answer.upto, answer.at, answer.wait_s) == (1, AT, 0)
    assert link.desired == Desired(revision=3)
    assert 0 < link.round_trip_s < LONG_S
    assert gateway.others == [alarm()]
    assert gateway.wills == [], "whoever leaves says so"


@needs_broker
def test_the_broker_tells_of_a_kiosk_that_is_lost(broker: Mosquitto) -> None:
    async def lose() -> None:
        async with Link(access(broker.port)) as link:
            sock = link._client.socket()
            assert isinstance(sock, socket.socket)
            sock.shutdown(socket.SHUT_RDWR)
            with pytest.raises(BrokerGone, match="connection was lost"):
                await link.send(*load())

    with SmallGateway(broker.port) as gateway:
        run(lose())
        gateway.until(lambda: gateway.wills == [KIOSK])


@needs_broker
def test_a_gateway_that_says_nothing_is_called_mute(broker: Mosquitto) -> None:
    begun = time.monotonic()
    with SmallGateway(broker.port, nothing) as gateway, pytest.raises(GatewayMute, match="krishi-gateway"):
        run(sent(access(broker.port, deadline_s=SHORT_S)))
    assert len(gateway.payloads) == 2
    assert gateway.payloads[0] == gateway.payloads[1]
    assert time.monotonic() - begun >= 2 * SHORT_S


@needs_broker
def test_the_bytes_are_those_that_a_relay_counts(broker: Mosquitto) -> None:
    async def through_a_relay() -> tuple[Traffic, list[int]]:
        counted = [0, 0]
        ended = asyncio.Event()

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            there, back = await asyncio.open_connection("127.0.0.1", broker.port)
            try:
                await asyncio.gather(pumped(reader, back, counted, 0), pumped(there, writer, counted, 1))
            finally:
                back.close()
                ended.set()

        async with far_end(relay) as port:
            link = Link(access(port))
            async with link:
                await link.send(*load())
            await ended.wait()
            return link.traffic(), counted

    with SmallGateway(broker.port):
        traffic, counted = run(through_a_relay())
    assert [traffic.sent, traffic.received] == counted
    assert traffic.on_the_line == sum(counted) + HEADERS_BYTES * traffic.segments
    assert traffic.segments >= 6


async def pumped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counted: list[int], which: int) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(4096):
            counted[which] += len(data)
            writer.write(data)
            await writer.drain()
        writer.write_eof()


def test_nobody_listens() -> None:
    link = Link(access(free_port()))

    async def meet() -> None:
        async with link:
            pass

    with pytest.raises(BrokerGone, match="nobody listens there"):
        run(meet())
    assert link.traffic().on_the_line < 200, "a network that is away for days does not use up the day's bytes"


def test_a_name_that_nobody_knows(tmp_path: Path) -> None:
    where = access(1, url="mqtts://nowhere.invalid:1", identity=Office(tmp_path).identity)
    with pytest.raises(BrokerGone, match=r"nowhere.invalid:1 has a name that is not found"):
        run(opened(where))


FarEnd = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@contextlib.asynccontextmanager
async def far_end(behave: FarEnd) -> AsyncIterator[int]:
    """A server that is no broker, or a bad one. Its port."""

    tasks: set[asyncio.Task[None]] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError):
                await behave(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(lambda *both: tasks.add(asyncio.create_task(served(*both))), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def saying(data: bytes) -> FarEnd:
    """It says this to whatever comes first, and waits for the end."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(data)
        while await reader.read(4096):
            pass

    return behave


async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(4096)


@pytest.mark.parametrize(
    ("version", "behave", "says"),
    [
        (5, saying(b"\x20\x02\x00\x01"), r"knows no MQTT 5: set \[sync\] mqtt = 3"),
        (3, saying(b"\x20\x02\x00\x01"), "closed the connection|knows no MQTT 3.1.1"),
        (5, saying(b"\x20\x03\x00\x87\x00"), "does not let this kiosk in: Not authorized. Ask the gateway's operator"),
        (3, saying(b"\x20\x02\x00\x05"), "does not let this kiosk in: Not authorized"),
        (5, saying(b"\x20\x03\x00\x89\x00"), "Server busy"),
        (5, saying(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "gateway's broker at"),
        (5, saying(b"\x20\x01\x00"), "no MQTT"),
        (5, saying(b"\x20\xff\xff\xff\xff\xff"), "gateway's broker at"),
        (5, closing, r"closed the connection before it let us in .*\[sync\] mqtt"),
        (3, closing, r"closed the connection before it let us in .*\[sync\] mqtt"),
        (5, saying(b""), "did not let us in within 0.5 s"),
    ],
)
def test_far_ends_that_do_not_let_us_in(version: Literal[3, 5], behave: FarEnd, says: str) -> None:
    async def meet() -> None:
        async with far_end(behave) as port:
            await opened(access(port, mqtt=version, deadline_s=SHORT_S))

    with pytest.raises(BrokerGone, match=says):
        run(meet())


def wishing(late_s: float, greets_late_s: float = 0.0) -> FarEnd:
    """A broker of MQTT 3.1.1 that greets late, and tells what is wanted only some time after the subscription."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        await asyncio.sleep(greets_late_s)
        writer.write(b"\x20\x02\x00\x00")
        await reader.read(4096)
        writer.write(b"\x90\x04\x00\x01\x00\x00")
        await asyncio.sleep(late_s)
        topic = topics.desired(KIOSK).encode()
        said = bytes([0, len(topic)]) + topic + encode_desired(Desired(revision=7))
        writer.write(bytes([0x31, len(said)]) + said)
        await reader.read(4096)

    return behave


@pytest.mark.parametrize(
    ("late_s", "greets_late_s", "is_heard"),
    [(0.0, 0.0, True), (0.05, 0.0, True), (0.4, 0.8, True), (LONG_S, 0.0, False)],
)
def test_what_is_wanted_is_waited_for_as_long_as_the_greeting_took(
    late_s: float, greets_late_s: float, is_heard: bool
) -> None:
    async def meet() -> tuple[Desired | None, float]:
        async with far_end(wishing(late_s, greets_late_s)) as port, Link(access(port, mqtt=3)) as link:
            begun = time.monotonic()
            await link.listen()
            return link.desired, time.monotonic() - begun

    desired, waited_s = run(meet())
    assert desired == (Desired(revision=7) if is_heard else None)
    assert waited_s < MOST_LISTEN_S


def test_a_link_that_is_lost_while_it_listens_says_so() -> None:
    async def lose() -> None:
        async with far_end(wishing(0.0)) as port, Link(access(port, mqtt=3)) as link:
            link.desired = None
            link._wished = asyncio.get_running_loop().create_future()
            assert link._connection is not None
            link._connection.shutdown(socket.SHUT_RDWR)
            await link.listen()

    with pytest.raises(BrokerGone, match="connection was lost"):
        run(lose())


@needs_broker
@pytest.mark.parametrize("version", [5, 3])
def test_listening_costs_no_bytes(tmp_path: Path, version: Literal[3, 5]) -> None:
    """But the broker's last words are then acknowledged by a segment without any, where DISCONNECT came with it."""

    async def listened(where: Access) -> Traffic:
        link = Link(where)
        async with link:
            await link.listen()
        return link.traffic()

    with Mosquitto(tmp_path) as broker:
        where = access(broker.port, mqtt=version)
        at_once, later = run(opened(where)), run(listened(where))
    assert later.sent == at_once.sent
    assert abs(later.received - at_once.received) <= 1, "the kernel counts the end of what the broker says, if it came"
    assert later.segments - at_once.segments <= 1 + 2, "and with that end its own segment, and the answer to it"


@needs_broker
def test_a_broker_without_a_gateway_is_not_waited_for(broker: Mosquitto) -> None:
    with pytest.raises(BrokerGone, match="nobody who takes a batch") as caught:
        run(sent(access(broker.port)))
    assert not isinstance(caught.value, GatewayMute)


@needs_broker
def test_a_broker_that_wants_a_name_says_so(tmp_path: Path) -> None:
    with Mosquitto(tmp_path, "allow_anonymous false\n") as broker:
        for version in (5, 3):
            with pytest.raises(BrokerGone, match="Not authorized"):
                run(opened(access(broker.port, mqtt=version)))


@needs_broker
def test_a_broker_that_takes_nothing_of_this_kiosk_says_so(tmp_path: Path) -> None:
    (tmp_path / "acl").write_text("topic read #\n")
    with Mosquitto(tmp_path, f"{OPEN}acl_file {tmp_path}/acl\n") as broker:
        with pytest.raises(BrokerGone, match="does not take this kiosk's reports: Not authorized"):
            run(sent(access(broker.port)))
        with pytest.raises(GatewayMute):
            run(sent(access(broker.port, mqtt=3, deadline_s=SHORT_S)))


@needs_broker
@pytest.mark.parametrize("version", [5, 3])
def test_by_tls_with_certificates_on_both_sides(tmp_path: Path, version: Literal[3, 5]) -> None:
    office = Office(tmp_path)
    with office.broker() as broker:

        async def meet() -> tuple[str | None, Traffic]:
            link = Link(secure(office, broker, mqtt=version))
            async with link:
                assert link._tls is not None
                assert link._tls.newest is not None
                used = link._tls.newest.version()
            return used, link.traffic()

        used, traffic = run(meet())
        assert used == "TLSv1.3"
        assert 1500 < traffic.sent + traffic.received < 4000
        assert f"as {KIOSK}" in broker.log.read_text() or KIOSK in broker.log.read_text()


@needs_broker
def test_a_broker_of_another_authority_is_not_trusted(tmp_path: Path) -> None:
    office = Office(tmp_path, kiosk_trusts=papers.made("another"))
    with office.broker() as broker, pytest.raises(BrokerGone, match="certificate that is not the gateway's"):
        run(opened(secure(office, broker)))


@needs_broker
def test_a_broker_of_another_name_is_not_trusted(tmp_path: Path) -> None:
    office = Office(tmp_path, address="127.0.0.2")
    with office.broker() as broker, pytest.raises(BrokerGone, match="not for this name: IP address mismatch"):
        run(opened(secure(office, broker)))


@needs_broker
def test_a_kiosk_without_a_clock_calls_no_certificate_too_old(tmp_path: Path) -> None:
    office = Office(tmp_path, broker_ends=datetime.now(UTC) - DAY)
    with office.broker() as broker:
        with pytest.raises(BrokerGone, match="certificate has expired"):
            run(opened(secure(office, broker)))
        run(opened(secure(office, broker, check_times=False)))


@needs_broker
@pytest.mark.parametrize("trouble", ["another authority", "expired", "revoked"])
def test_a_certificate_that_the_broker_refuses_says_so(tmp_path: Path, trouble: str) -> None:
    other = papers.made("another") if trouble == "another authority" else None
    ends = datetime.now(UTC) - DAY if trouble == "expired" else None
    office = Office(tmp_path, kiosk_by=other, kiosk_ends=ends)
    (tmp_path / "crl.pem").write_bytes(papers.refused(office.authority, office.kiosk))
    with (
        office.broker(f"crlfile {tmp_path}/crl.pem\n" if trouble == "revoked" else "") as broker,
        pytest.raises(BrokerGone, match=r"refuses this kiosk's certificate.*Ask the gateway's operator"),
    ):
        run(opened(secure(office, broker)))


def test_a_kiosk_that_was_never_enrolled_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(BrokerGone, match="krishi-kiosk enrol"):
        run(opened(access(1, url="mqtts://127.0.0.1:1", identity=tmp_path)))


def test_files_that_are_no_certificates_are_named(tmp_path: Path) -> None:
    for name in (tls.KEY, tls.CERTIFICATE, tls.AUTHORITY):
        (tmp_path / name).write_text("no certificate")
    with pytest.raises(BrokerGone, match="cannot be used"):
        run(opened(access(1, url="mqtts://127.0.0.1:1", identity=tmp_path)))


def test_a_broker_without_tls_is_told_apart(tmp_path: Path) -> None:
    office = Office(tmp_path)

    async def meet() -> None:
        async with far_end(saying(b"\x20\x02\x00\x00 and more")) as port:
            where = access(port, url=f"mqtts://127.0.0.1:{port}", identity=office.identity)
            await opened(where)

    with pytest.raises(BrokerGone, match="speaks no TLS"):
        run(meet())


def test_a_handshake_that_hangs_is_given_up_at_the_deadline_and_counted(tmp_path: Path) -> None:
    office = Office(tmp_path)

    async def meet() -> Traffic:
        async with far_end(saying(b"")) as port:
            link = Link(access(port, url=f"mqtts://127.0.0.1:{port}", identity=office.identity, deadline_s=SHORT_S))
            with pytest.raises(BrokerGone, match=r"did not let us in within 0.5 s|reached"):
                async with link:
                    pass
            return link.traffic()

    assert run(meet()).sent > 150, "what was said of the handshake"


@pytest.mark.parametrize("scheme", ["mqtt", "mqtts"])
def test_whoever_is_cancelled_while_it_dials_waits_for_nothing(tmp_path: Path, scheme: str) -> None:
    office = Office(tmp_path)

    async def meet() -> float:
        async with far_end(saying(b"")) as port:
            where = access(port, url=f"{scheme}://127.0.0.1:{port}", identity=office.identity)
            task = asyncio.create_task(opened(where))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    await asyncio.shield(task)
            begun = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return time.monotonic() - begun

    assert run(meet()) < 1.0
    for thread in threading.enumerate():
        if thread.name == "dial":
            thread.join(WHOLE_TEST_S)
            assert not thread.is_alive()


@needs_broker
def test_a_link_that_is_left_while_it_waits_closes_at_once(broker: Mosquitto) -> None:
    async def leave() -> float:
        task = asyncio.create_task(sent(access(broker.port)))
        await asyncio.to_thread(gateway.until, lambda: bool(gateway.payloads))
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - begun

    with SmallGateway(broker.port, nothing) as gateway:
        assert run(leave()) < 1.0


@needs_broker
def test_what_is_no_acknowledgement_is_passed_over(broker: Mosquitto) -> None:
    from paho.mqtt import publish

    async def meet() -> None:
        async with Link(access(broker.port)) as link:
            for topic in (f"k/{KIOSK}/a", f"k/{KIOSK}/d"):
                for payload in (b"", b"\xff", b"noise" * 100):
                    await asyncio.to_thread(publish.single, topic, payload, 0, False, "127.0.0.1", broker.port)
            assert (await link.send(*load())).upto == 1
            assert link.desired is None

    with SmallGateway(broker.port):
        run(meet())


def test_a_closed_connection_has_no_count() -> None:
    closed = socket.socket()
    closed.close()
    assert traffic_of(closed) is None
