"""How many bytes a connection has taken, as the kernel counts them (tcp(7), TCP_INFO; linux/tcp.h, struct tcp_info)."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

HEADERS_BYTES = 52
"""Of IPv4 (20) and TCP with timestamps (32), for each segment either way: an operator bills them too."""

_INFO = struct.Struct("=120xQQII")
"""tcpi_bytes_acked, tcpi_bytes_received, tcpi_segs_out, tcpi_segs_in: there since Linux 4.2."""
_SENT = struct.Struct("=200xQ")
"""tcpi_bytes_sent, what was sent again included: since Linux 4.19."""
_MOST = 256


class Traffic(NamedTuple):
    """Bytes of what TCP carried, TLS included, out and in, and the segments that it took."""

    sent: int = 0
    received: int = 0
    segments: int = 0

    @property
    def on_the_line(self) -> int:
        """With the headers of TCP and IP."""
        return self.sent + self.received + HEADERS_BYTES * self.segments


NOBODY_THERE = Traffic(segments=3)
"""What is asked of a network before there is a connection: a name, and whether somebody listens."""


def traffic_of(connection: socket.socket) -> Traffic | None:
    """So far. None where the kernel does not say, or the connection is closed."""
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _MOST)
    except (AttributeError, OSError):  # another system than Linux has no TCP_INFO
        return None
    if len(info) < _INFO.size:
        return None
    acked, received, out, in_ = _INFO.unpack_from(info)
    sent = _SENT.unpack_from(info)[0] if len(info) >= _SENT.size else acked
    return Traffic(sent, received, out + in_)
