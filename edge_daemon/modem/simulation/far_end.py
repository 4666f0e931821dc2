"""The far end of a pty, served by a thread: what a kiosk writes into the near end is answered there.

Rules kept here:
- the thread alone touches the pty; it never waits for its reader, and what finds no room within a bound is dropped, as
  a UART without flow control drops it;
- plugging in and pulling out are done when the call returns, so that nobody has to sleep for them;
- whoever waits for `lock` is woken after everything that the thread has done.
"""

from __future__ import annotations

import heapq
import itertools
import os
import select
import threading
import time
import tty
from collections import deque
from collections.abc import Callable

READ_BYTES = 4096
OUTPUT_LIMIT_BYTES = 65_536
THREAD_S = 5.0
"""How long the thread may take to do what it was asked."""


class FarEnd:
    """A pty whose near end is `name`. answer: called in the thread, under `lock`, with the bytes that came; b"" for
    none, when something that was to be done later is done.

    delay_s: everything is said so much later. chunk_bytes: so many bytes are written at a time.
    """

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self.lock = threading.Condition()
        """Held while the thread works; reentrant."""
        self.name = ""
        self.delay_s = 0.0
        self.chunk_bytes = READ_BYTES
        self._answer = answer
        self._output: deque[tuple[float, bytes]] = deque()
        self._queued_bytes = 0
        self._alarms: list[tuple[float, int, Callable[[], None]]] = []
        self._order_of_alarms = itertools.count()
        self._left_behind: list[int] = []
        """Descriptors of ptys that stay open and silent."""
        self._master, self._slave = -1, -1
        self._plugged_in, self._going = False, True
        self._wake_read, self._wake_write = -1, -1
        self._thread = threading.Thread(target=self._run, name="far-end", daemon=True)

    def plug_in(self) -> None:
        """Make a pty, never under the name of the last one."""
        if self._thread.ident is None:
            self._wake_read, self._wake_write = os.pipe()
            self._thread.start()
        self._order(plugged_in=True)

    def pull_out(self) -> None:
        """Close the pty: the near end hangs up."""
        self._order(plugged_in=False)

    def leave_behind(self) -> None:
        """Move to a new pty; the old one stays open, and nobody listens there any more."""
        with self.lock:
            self._left_behind += [self._master, self._slave] if self._master >= 0 else []
            self._master = self._slave = -1
            self.drop_output()
        self._order(plugged_in=True)

    def say(self, data: bytes) -> None:
        """Write unasked."""
        if data and self._thread.is_alive():
            with self.lock:
                self._queue(data)
            self._wake()

    def drop_output(self) -> None:
        """Forget what was not yet written."""
        with self.lock:
            self._output.clear()
            self._queued_bytes = 0

    def later(self, delay_s: float, act: Callable[[], None]) -> None:
        """Do something in the thread, under `lock`, after so long; then say what there is to be said."""
        with self.lock:
            heapq.heappush(self._alarms, (time.monotonic() + delay_s, next(self._order_of_alarms), act))
            if self._thread.is_alive():
                self._wake()

    def close(self) -> None:
        """Pull out and end the thread; may be called twice."""
        if self._thread.is_alive():
            self._order(plugged_in=False, going=False)
            self._thread.join(THREAD_S)
            for descriptor in (self._wake_read, self._wake_write, *self._left_behind):
                os.close(descriptor)
            self._left_behind.clear()

    def _wake(self) -> None:
        os.write(self._wake_write, b"!")

    def _order(self, *, plugged_in: bool, going: bool = True) -> None:
        with self.lock:
            self._plugged_in, self._going = plugged_in, going
            self._wake()
            if not self.lock.wait_for(lambda: (self._master >= 0) == plugged_in, THREAD_S):
                raise TimeoutError(f"the thread of the pty did not answer within {THREAD_S:g} s")

    def _run(self) -> None:
        while self._going:
            ready = self._wait()
            with self.lock:
                self._serve(ready)

    def _wait(self) -> list[int]:
        with self.lock:
            now = time.monotonic()
            masters = [self._master] if self._master >= 0 else []
            can_write = masters if self._output and self._output[0][0] <= now else []
            waits = [self._output[0][0]] if self._output and masters and not can_write else []
            waits += [self._alarms[0][0]] if self._alarms else []
        due_s = max(0.0, min(waits) - now) if waits else None
        readable, _, _ = select.select([self._wake_read, *masters], can_write, [], due_s)
        return readable

    def _serve(self, ready: list[int]) -> None:
        if self._wake_read in ready:
            os.read(self._wake_read, READ_BYTES)
        if self._master >= 0 and self._master in ready:
            self._queue(self._answer(os.read(self._master, READ_BYTES)))
        if self._plugged_in != (self._master >= 0):
            self._open() if self._plugged_in else self._close()
        self._ring()
        self._write()
        self.lock.notify_all()

    def _ring(self) -> None:
        while self._alarms and self._alarms[0][0] <= time.monotonic():
            heapq.heappop(self._alarms)[2]()
            self._queue(self._answer(b""))

    def _queue(self, data: bytes) -> None:
        if self._queued_bytes + len(data) > OUTPUT_LIMIT_BYTES:
            return
        self._queued_bytes += len(data)
        due = time.monotonic() + self.delay_s
        self._output.extend((due, data[at : at + self.chunk_bytes]) for at in range(0, len(data), self.chunk_bytes))

    def _write(self) -> None:
        """Say what is due, as far as the pty takes it."""
        while self._output and self._master >= 0 and self._output[0][0] <= time.monotonic():
            due, data = self._output.popleft()
            try:
                written = os.write(self._master, data)
            except BlockingIOError:
                written = 0
            self._queued_bytes -= written
            if written < len(data):
                self._output.appendleft((due, data[written:]))
                return

    def _open(self) -> None:
        last, spare = self.name, None
        self._master, self._slave = os.openpty()
        if os.ttyname(self._slave) == last:
            spare = self._master, self._slave
            self._master, self._slave = os.openpty()
        for descriptor in spare or ():
            os.close(descriptor)
        self.name = os.ttyname(self._slave)
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)

    def _close(self) -> None:
        """Our own near end stays open until now, so that a kiosk may come and go without hanging up on us."""
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1
        self.drop_output()
