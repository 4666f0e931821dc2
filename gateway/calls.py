"""How often anybody may call what anybody can reach: so many calls lately of one address, and of all together.

Only calls that were let through count, and only they are remembered: the table has as many addresses as there are such
calls, at most. What a request says of where it comes from is not believed; the address is the connection's own.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from gateway.errors import TooOften

MOST = 600
EACH = 20
SECONDS = 60.0
"""So many calls in so many seconds are looked at, of all and of each; a fleet of 10,000 kiosks makes 40 a day."""
_NETWORK_BITS = 64
"""Of an IPv6 address: whoever has one has all that begin so (RFC 6177)."""


class Calls:
    """How many there were lately. Thread-safe."""

    def __init__(
        self,
        most: int = MOST,
        each: int = EACH,
        seconds: float = SECONDS,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most, self._each, self._seconds, self._clock_s = most, each, seconds, clock_s
        self._lately: deque[tuple[float, str]] = deque()
        self._of: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count(self, address: str) -> None:
        """One more, of this address. Raises TooOften."""
        caller = network(address)
        with self._lock:
            now = self._clock_s()
            self._forget(now - self._seconds)
            if len(self._lately) >= self._most:
                raise TooOften("Too many ask at once. Ask again in some minutes.")
            if self._of[caller] >= self._each:
                raise TooOften("You ask too often. Ask again in some minutes.")
            self._lately.append((now, caller))
            self._of[caller] += 1

    def _forget(self, until: float) -> None:
        while self._lately and self._lately[0][0] <= until:
            _, caller = self._lately.popleft()
            self._of[caller] -= 1
            if not self._of[caller]:
                del self._of[caller]

    @property
    def addresses(self) -> int:
        """How many are remembered."""
        return len(self._of)


def network(address: str) -> str:
    """Whoever calls from there: an IPv4 address, or the network of an IPv6 address; what is neither, as it is."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return f"{int(parsed) >> _NETWORK_BITS:x}/{_NETWORK_BITS}"
