"""A mobile link of the kernel's own, for root: a network namespace that one slow, lossy cable leads out of.

The kiosk lives in the namespace. The cable (veth) has a rate both ways (tc tbf), loses packets at random (nft numgen)
and can be unplugged; TCP meets all that as it would outside. There is no delay: not every kernel has tc netem. The
relay adds it. The namespace belongs to a process of ours, and is gone when that ends.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
from types import TracebackType
from typing import Any, Self

DEADLINE_S = 20.0
KIOSK_NETWORK = "10.231"
BURST = 1600
"""Bytes that may go at once: one full packet."""
QUEUE_MS = 800
"""What has stood before the line for so long is dropped, as a modem does."""
RULES = """\
table netdev {end}
delete table netdev {end}
table netdev {end} {{
  chain loss {{
    type filter hook ingress device {end} priority 0
    {drop}
  }}
}}
"""
"""At both ends as a packet comes in: dropped where it is sent, TCP would be told."""
_numbers = itertools.count(os.getpid() % 8000)


class Cable:
    """A namespace and the cable to it, until the block ends.

    address: of this side, where servers listen that the kiosk shall reach. before: put this before a command to run it
    in the namespace.
    """

    def __init__(self) -> None:
        number = next(_numbers)
        net = f"{KIOSK_NETWORK}.{number // 64 % 256}.{number % 64 * 4}"
        base, last = net.rsplit(".", 1)
        self.address, self._far = f"{base}.{int(last) + 1}", f"{base}.{int(last) + 2}"
        self._near_end, self._far_end = f"krishi{number}a", f"krishi{number}b"

    def __enter__(self) -> Self:
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo made; exec cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"made\n", "no network namespace could be made"
        self.before = ("nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "--")
        self._plug_in()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, where: TracebackType | None
    ) -> None:
        _run("nft", f"table netdev {self._near_end}; delete table netdev {self._near_end}")
        _run("ip", "link", "delete", self._near_end)
        assert self._holder.stdin is not None
        self._holder.communicate(timeout=DEADLINE_S)

    def run(self, *command: str) -> str:
        """What a command in the namespace prints. Raises CalledProcessError."""
        return _run(*self.before, *command)

    def rate(self, bits: int) -> None:
        """From now on so many bits a second go each way, headers and all."""
        shape = f"root tbf rate {bits}bit burst {BURST} latency {QUEUE_MS}ms".split()
        _run("tc", "qdisc", "replace", "dev", self._near_end, *shape)
        self.run("tc", "qdisc", "replace", "dev", self._far_end, *shape)

    def lose(self, percent: int) -> None:
        """From now on so many of a hundred packets are lost, each way."""
        drop = f"numgen random mod 100 < {percent} counter drop" if percent else ""
        _run("nft", RULES.format(end=self._near_end, drop=drop))
        self.run("nft", RULES.format(end=self._far_end, drop=drop))

    def lost(self) -> int:
        """How many packets were lost since lose(), both ways."""
        told = _run("nft", "list", "table", "netdev", self._near_end)
        told += self.run("nft", "list", "table", "netdev", self._far_end)
        return sum(int(count) for count in re.findall(r"counter packets (\d+)", told))

    def unplug(self) -> None:
        """Nothing passes, and the kiosk's own side sees that there is no carrier."""
        _run("ip", "link", "set", self._near_end, "down")

    def plug(self) -> None:
        """The link is back."""
        _run("ip", "link", "set", self._near_end, "up")

    def ip_bytes(self) -> int:
        """All that went over the cable, both ways: IP and what is in it, without Ethernet's 14 bytes a packet."""
        (link,) = self._link()
        return sum(
            int(link["stats64"][way]["bytes"]) - 14 * int(link["stats64"][way]["packets"]) for way in ("rx", "tx")
        )

    def _link(self) -> list[dict[str, Any]]:
        told = json.loads(self.run("ip", "-s", "-j", "link", "show", self._far_end))
        assert isinstance(told, list)
        return told

    def _plug_in(self) -> None:
        ends = ["name", self._near_end, "type", "veth", "peer", "name", self._far_end]
        _run("ip", "link", "add", *ends, "netns", str(self._holder.pid))
        _run("ip", "address", "add", f"{self.address}/30", "dev", self._near_end)
        self.run("sh", "-c", f"echo 1 >/proc/sys/net/ipv6/conf/{self._far_end}/disable_ipv6")
        self.run("ip", "address", "add", f"{self._far}/30", "dev", self._far_end)
        for name in ("lo", self._far_end):
            self.run("ip", "link", "set", name, "up")
        self.plug()


def works() -> bool:
    """Whether this machine lets us: root, and a kernel with veth, tbf and numgen. Nothing is left behind."""
    if os.geteuid() != 0:
        return False
    try:
        with Cable() as cable:
            cable.rate(1_000_000)
            cable.lose(1)
    except (OSError, AssertionError, subprocess.CalledProcessError):
        return False
    return True


def _run(*command: str) -> str:
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    return subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=DEADLINE_S, env={**os.environ, "PATH": path}
    ).stdout
