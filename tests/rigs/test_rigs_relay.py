"""The relay is as bad as it says, and no worse: every byte of a connection that lives comes through, in order."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.rigs.relay import FREE, HEADERS, SEGMENT, Line, Relay

DEADLINE_S = 30.0


class Parrot:
    """A server that says whatever it hears, until it hears the end."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.ends: list[str] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._repeat, args=(connection,), daemon=True).start()

    def _repeat(self, connection: socket.socket) -> None:
        with connection:
            try:
                while data := connection.recv(65_536):
                    connection.sendall(data)
                self.ends.append("end")
            except ConnectionResetError:
                self.ends.append("reset")


@pytest.fixture
def parrot() -> Iterator[Parrot]:
    bird = Parrot()
    yield bird
    bird.close()


def connect(relay: Relay) -> socket.socket:
    return socket.create_connection(("127.0.0.1", relay.port), DEADLINE_S)


def heard(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = connection.recv(65_536)
        assert piece, f"ended after {len(data)} of {count} bytes"
        data += piece
    return data


@pytest.mark.parametrize("line", [FREE, Line(8_000_000, 0.01)])
def test_every_byte_comes_through_in_order_and_is_counted(parrot: Parrot, line: Line) -> None:
    data = random.Random(1).randbytes(300_000)
    with Relay(parrot.port, line) as relay, connect(relay) as connection:
        writer = threading.Thread(target=connection.sendall, args=(data,))
        writer.start()
        assert heard(connection, len(data)) == data
        writer.join(DEADLINE_S)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b"", "the end travels too"
        relay.quiet()
        assert (relay.up_bytes, relay.down_bytes) == (len(data), len(data))
        assert (relay.total_bytes, relay.connections) == (2 * len(data), 1)
        relay.forget()
        assert (relay.total_bytes, relay.connections) == (0, 0)
    assert parrot.ends == ["end"]


def test_a_slow_line_takes_the_time_that_its_rate_says(parrot: Parrot) -> None:
    count = 20 * SEGMENT
    at_least_s = (count + 20 * HEADERS) * 8 / 400_000
    with Relay(parrot.port, Line(400_000, 0.0)) as relay, connect(relay) as connection:
        begun = time.monotonic()
        connection.sendall(bytes(count))
        heard(connection, count)
        taken_s = time.monotonic() - begun
    assert at_least_s <= taken_s < at_least_s * 2


def test_a_late_line_takes_half_the_round_trip_each_way_and_a_whole_one_to_begin(parrot: Parrot) -> None:
    with Relay(parrot.port, Line(None, 0.1)) as relay, connect(relay) as connection:
        for least_s in (0.4, 0.2):
            begun = time.monotonic()
            connection.sendall(b"hello")
            heard(connection, 5)
            assert least_s <= time.monotonic() - begun < least_s + 0.15


def test_a_cut_resets_both_ends_and_the_next_connection_is_good(parrot: Parrot) -> None:
    with Relay(parrot.port) as relay:
        with connect(relay) as connection:
            connection.sendall(b"hello")
            heard(connection, 5)
            relay.cut()
            with pytest.raises(ConnectionResetError):
                connection.recv(1)
        with connect(relay) as connection:
            connection.sendall(b"again")
            assert heard(connection, 5) == b"again"
            assert parrot.ends == ["reset"]


def test_a_refused_connection_is_reset(parrot: Parrot) -> None:
    with Relay(parrot.port) as relay:
        relay.set("refused")
        with pytest.raises(ConnectionResetError), connect(relay) as connection:
            connection.recv(1)
        relay.set("up")
        with connect(relay) as connection:
            connection.sendall(b"hello")
            assert heard(connection, 5) == b"hello"
        assert relay.connections == 1


def test_nothing_passes_a_silent_link_and_nobody_is_told_and_then_all_of_it_comes(parrot: Parrot) -> None:
    with Relay(parrot.port) as relay, connect(relay) as connection:
        connection.sendall(b"one")
        heard(connection, 3)
        relay.set("silent")
        connection.sendall(b"two")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(DEADLINE_S)
        relay.set("up")
        assert heard(connection, 3) == b"two"


def test_one_way_falls_silent_and_the_other_does_not(parrot: Parrot) -> None:
    with Relay(parrot.port) as relay, connect(relay) as connection:
        relay.hush(down=True)
        connection.sendall(b"hello")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        assert (relay.up_bytes, relay.down_bytes) == (5, 0)


def test_a_script_ends_with_the_link_up(parrot: Parrot) -> None:
    with Relay(parrot.port) as relay, connect(relay) as connection:
        begun = time.monotonic()
        relay.play([(0.2, "silent"), (0.0, "up"), (0.2, "silent")])
        connection.sendall(b"hello")
        assert heard(connection, 5) == b"hello"
        assert time.monotonic() - begun >= 0.2


def test_nobody_at_the_far_end_is_a_reset() -> None:
    with Relay(1) as relay, pytest.raises(ConnectionResetError), connect(relay) as connection:
        connection.recv(1)


def test_it_closes_in_the_middle_of_a_silent_link(parrot: Parrot) -> None:
    with Relay(parrot.port) as relay:
        connection = connect(relay)
        relay.set("silent")
        connection.sendall(b"hello")
    with connection, pytest.raises(ConnectionResetError):
        connection.recv(1)
