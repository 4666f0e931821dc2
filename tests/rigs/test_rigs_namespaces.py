"""The kernel's own bad link: it has its rate, loses what it says, can be unplugged, and leaves nothing behind."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from tests.rigs.namespaces import Cable

pytestmark = pytest.mark.needs("own network")
DEADLINE_S = 30.0
SEND = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 30) as connection:
    connection.sendall(bytes(int(sys.argv[3])))
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(30)
    assert connection.recv(1) == b""
"""
COUNT = 20_000


@pytest.fixture
def cable() -> Iterator[Cable]:
    with Cable() as made:
        yield made


def send(cable: Cable, listener: socket.socket, count: int) -> tuple[int, float]:
    """From the namespace: how much arrives, and in how many seconds."""
    port = listener.getsockname()[1]
    command = [*cable.before, sys.executable, "-c", SEND, cable.address, str(port), str(count)]
    with subprocess.Popen(command) as sender:
        connection, _ = listener.accept()
        begun = time.monotonic()
        heard = 0
        with connection:
            connection.settimeout(DEADLINE_S)
            while data := connection.recv(65_536):
                heard += len(data)
        taken_s = time.monotonic() - begun
        assert sender.wait(DEADLINE_S) == 0
    return heard, taken_s


@pytest.fixture
def listener(cable: Cable) -> Iterator[socket.socket]:
    with socket.create_server((cable.address, 0)) as made:
        made.settimeout(DEADLINE_S)
        yield made


def test_the_rate_holds_and_the_bytes_are_counted_with_their_headers(cable: Cable, listener: socket.socket) -> None:
    cable.rate(200_000)
    before = cable.ip_bytes()
    heard, taken_s = send(cable, listener, COUNT)
    over = cable.ip_bytes() - before
    assert heard == COUNT
    assert (COUNT - 4000) * 8 / 200_000 <= taken_s < 5
    assert COUNT * 1.02 < over < COUNT * 1.3


def test_tcp_comes_through_a_link_that_loses_every_tenth_packet(cable: Cable, listener: socket.socket) -> None:
    cable.lose(10)
    while not cable.lost():
        assert send(cable, listener, COUNT)[0] == COUNT
    cable.lose(0)
    assert send(cable, listener, COUNT)[0] == COUNT


def test_unplugged_there_is_no_carrier_and_plugged_in_it_works_again(cable: Cable, listener: socket.socket) -> None:
    cable.unplug()
    assert "NO-CARRIER" in cable.run("ip", "link")
    cable.plug()
    assert send(cable, listener, 10)[0] == 10


def test_it_leaves_nothing_behind() -> None:
    with Cable() as cable:
        cable.lose(1)
        assert cable.address in addresses()
    assert cable.address not in addresses()


def addresses() -> str:
    """Of this machine."""
    return subprocess.run(["/usr/sbin/ip", "address"], check=True, capture_output=True, text=True).stdout
