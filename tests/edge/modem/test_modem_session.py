"""What [modem] sets, what the SIM and the network decide, and ports that are not on this machine."""

from __future__ import annotations

import asyncio
import json
import socket
import socketserver
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import serial
from serial.rfc2217 import PortManager

from edge_daemon.config import SerialModem, load, parse
from edge_daemon.daemon import run
from edge_daemon.diagnosis import Sms
from edge_daemon.errors import ConfigError, ModemGone, ModemNotReady, ModemSick, PlanRefuses, SendFailed, SimTrouble
from edge_daemon.modem import pdu
from edge_daemon.modem.link import ModemLink
from edge_daemon.modem.readiness import PinsOfThisProcess, make_ready, meet
from edge_daemon.modem.simulator import ModemSimulator
from edge_daemon.modem.sms import SICK_AFTER, SICK_AFTER_OF_ONE, SmsModem, open_modem, opened_link
from edge_daemon.store.store import Store
from tests.scenarios.kit import write_config

FARMER = "+919812345678"
HINDI = "खेत का पानी निकालें, 3 दिन बाद फिर देखें. जवाब: 1 हाँ, 2 नहीं " * 2
PLENTY_S = 20.0
ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")  # pyserial 3.5, rfc2217.py


@pytest.fixture
def far_end() -> Iterator[ModemSimulator]:
    with ModemSimulator() as simulator:
        yield simulator


def config(port: str, **settings: object) -> SerialModem:
    return SerialModem.model_validate({"kind": "serial", "port": port, "reply_s": 2.0, **settings})


def with_modem(settings: SerialModem, act: Callable[[SmsModem], Coroutine[Any, Any, Any]]) -> Any:
    async def story() -> Any:
        async with asyncio.timeout(PLENTY_S), open_modem(settings) as modem:
            return await act(modem)

    return asyncio.run(story())


def sent(settings: SerialModem, sms: Sms, log: Path, validity: timedelta = pdu.VALIDITY) -> list[pdu.Submit]:
    """The PDUs that the network takes for a message."""
    with_modem(settings, lambda modem: modem.send(sms, lambda _, __: None, validity))
    return [pdu.parse_submit(json.loads(line)["pdu"]) for line in log.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("wanted", [True, False])
def test_reports_smsc_validity_and_class_are_as_they_were_set(tmp_path: Path, wanted: bool) -> None:
    log = tmp_path / "log"
    with ModemSimulator(log=log) as far_end:
        settings = config(far_end.port, status_reports=wanted, smsc="+919800000000")
        (part,) = sent(settings, Sms(1, FARMER, "Hello", 7, flash=True), log, timedelta(hours=24))
    assert part.report_wanted is wanted
    assert part.smsc == "+919800000000"
    assert part.validity == timedelta(hours=24)
    assert part.dcs == 0x10
    assert part.number == FARMER


def test_national_tables_are_used_where_they_are_allowed(tmp_path: Path) -> None:
    parts = {}
    for shift in ((), ("hi",)):
        log = tmp_path / "-".join(("log", *shift))
        with ModemSimulator(log=log) as far_end:
            parts[shift] = sent(config(far_end.port), Sms(1, FARMER, HINDI, 7, shift=shift), log)
            assert far_end.received[0].text == HINDI
    assert {part.data.coding for part in parts[()]} == {"UCS-2"}
    assert {part.data.coding for part in parts[("hi",)]} == {"GSM-7"}
    assert len(parts[("hi",)]) < len(parts[()])


def test_roaming_is_said_and_may_be_forbidden(far_end: ModemSimulator) -> None:
    far_end.set_registration(5)
    assert with_modem(config(far_end.port), lambda modem: modem.check()).registration == "roaming"
    with pytest.raises(ModemNotReady, match="foreign network"):
        with_modem(config(far_end.port, roaming=False), lambda modem: modem.check())


def test_lte_alone_will_do(far_end: ModemSimulator) -> None:
    far_end.set_registration(2, lte=1)
    assert with_modem(config(far_end.port), lambda modem: modem.check()).registration == "home"


def test_denied_says_more_than_searching(far_end: ModemSimulator) -> None:
    far_end.set_registration(2, lte=3)
    with pytest.raises(ModemNotReady, match="denies the registration"):
        with_modem(config(far_end.port), lambda modem: modem.check())


def test_a_sim_that_is_still_being_read_is_waited_for(far_end: ModemSimulator) -> None:
    far_end.fail("AT+CMGF=0", 314, count=2)
    with_modem(config(far_end.port), lambda modem: modem.check())


def test_what_a_setup_command_refuses_is_the_modem_s_trouble(far_end: ModemSimulator) -> None:
    far_end.fail("AT+CMGF=0", 304, count=1)
    with pytest.raises(ModemSick):
        with_modem(config(far_end.port), lambda modem: modem.check())


def test_the_network_s_time_is_offered(far_end: ModemSimulator) -> None:
    far_end.set_time(datetime(2027, 2, 3, 4, 5, 6, tzinfo=UTC))
    told = with_modem(config(far_end.port), lambda modem: modem.network_time())
    assert abs(told - datetime(2027, 2, 3, 4, 5, 6, tzinfo=UTC)) < timedelta(minutes=1)


def test_ussd_is_answered_refused_or_not_answered(far_end: ModemSimulator) -> None:
    far_end.ussd("*123#", "Balance Rs 42.00")
    far_end.ussd("*124#", "बैलेंस 42", dcs=72)
    far_end.ussd("*1#", "1 Data 2 Talk", session=True)

    async def dial(modem: SmsModem) -> list[str]:
        said = [await modem.ussd(code) for code in ("*123#", "*124#", "*1#", "*123#")]
        with pytest.raises(SendFailed):
            await modem.ussd("*999#")
        return said

    said = with_modem(config(far_end.port), dial)
    assert said == ["Balance Rs 42.00", "बैलेंस 42", "1 Data 2 Talk", "Balance Rs 42.00"]


@pytest.mark.parametrize(
    ("numbers", "failures"),
    [([FARMER], SICK_AFTER_OF_ONE), ([FARMER, "+919812345679"], SICK_AFTER)],
    ids=["one number", "two numbers"],
)
def test_failures_in_a_row_are_the_modem_s(far_end: ModemSimulator, numbers: list[str], failures: int) -> None:
    for number in numbers:
        far_end.refuse(number, 38)

    async def fail(modem: SmsModem) -> int:
        for count in range(1, 20):
            try:
                await modem.send(Sms(count, numbers[count % len(numbers)], "x", 1), lambda _, __: None)
            except SendFailed:
                continue
            except ModemSick:
                return count
        raise AssertionError("it was never found sick")

    assert with_modem(config(far_end.port), fail) == failures


@pytest.mark.parametrize("code", [8, 21, 50, 193])
def test_no_credit_is_not_the_modem_s_fault(far_end: ModemSimulator, code: int) -> None:
    """No remedy helps there; the messages wait until somebody has topped the SIM up."""
    numbers = [f"+91981234567{last}" for last in range(8)]
    for number in numbers:
        far_end.refuse(number, code)

    async def fail(modem: SmsModem) -> None:
        for number in numbers:
            with pytest.raises(PlanRefuses):
                await modem.send(Sms(1, number, "x", 1), lambda _, __: None)

    with_modem(config(far_end.port), fail)


def test_a_stale_handle_is_found_out(tmp_path: Path) -> None:
    """The modem is there again under the same name; our handle still looks alive, and nobody is at its other end."""
    with ModemSimulator(link=tmp_path / "krishi-modem") as far_end:

        async def replugged(modem: SmsModem) -> None:
            far_end.come_back(stale=True)
            with pytest.raises(ModemGone, match="another device"):
                await modem.check()

        with_modem(config(far_end.port), replugged)
        with_modem(config(far_end.port), lambda modem: modem.check())


def test_a_wrong_pin_is_not_tried_after_a_restart_but_for_another_sim(tmp_path: Path) -> None:
    """The store remembers it; two tries are left on the SIM, for a person."""

    async def unlock(settings: SerialModem, store: Store) -> None:
        link = await ModemLink.open(settings.port, settings.baud)
        try:
            await make_ready(link, settings, await meet(link, settings), store)
        finally:
            link.close()

    with ModemSimulator(pin="4711", link=tmp_path / "krishi-modem") as far_end:
        for restart in range(3):
            with Store.open(tmp_path / "state", 0) as store, pytest.raises(SimTrouble):
                asyncio.run(unlock(config(far_end.port, sim_pin="0000"), store))
            assert far_end.commands.count("AT+CPIN=0000") == 1, restart
        with Store.open(tmp_path / "state", 0) as store:
            asyncio.run(unlock(config(far_end.port, sim_pin="4711"), store))


@pytest.mark.parametrize("first_named", [True, False])
def test_a_wrong_pin_is_not_tried_again_though_the_sim_s_number_is_told_only_sometimes(first_named: bool) -> None:
    pins = PinsOfThisProcess()

    async def unlock(settings: SerialModem) -> None:
        async with opened_link(settings) as (link, serial):
            await make_ready(link, serial, await meet(link, serial), pins)

    with ModemSimulator(pin="4711") as far_end:
        for named in (first_named, not first_named, first_named):
            far_end.fail("AT+CCID", None, count=0 if named else 9)
            with pytest.raises(SimTrouble):
                asyncio.run(unlock(config(far_end.port, sim_pin="0000")))
        assert far_end.commands.count("AT+CPIN=0000") == 1


@contextmanager
def served(handle: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server on loopback; handle is called with each connection, in a thread."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            handle(self.request)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()


class QuietSerial(serial.Serial):
    """A port whose control lines may be set though a pty has none."""

    def _update_rts_state(self) -> None:
        pass

    def _update_dtr_state(self) -> None:
        pass

    @property
    def cts(self) -> bool:
        return True

    @property
    def dsr(self) -> bool:
        return True

    @property
    def ri(self) -> bool:
        return False

    @property
    def cd(self) -> bool:
        return True


def relay(connection: socket.socket, port: str, *, rfc2217: bool) -> None:
    """A serial port server: raw octets, or pyserial's own server side of RFC 2217."""
    connection.settimeout(0.01)
    with QuietSerial(port, timeout=0) as device:
        manager = PortManager(cast(Any, device), cast(Any, _Writer(connection))) if rfc2217 else None
        while True:
            try:
                data = connection.recv(4096)
                if not data:
                    return
                device.write(b"".join(manager.filter(data)) if manager else data)
            except TimeoutError:
                pass
            except OSError:
                return
            if said := device.read(4096):
                connection.sendall(b"".join(manager.escape(said)) if manager else said)


class _Writer:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, data: bytes) -> None:
        self._connection.sendall(data)


async def until_it_fails(modem: SmsModem) -> None:
    while True:
        await modem.check()


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_a_modem_on_another_machine(far_end: ModemSimulator, scheme: str) -> None:
    def handle(connection: socket.socket) -> None:
        relay(connection, far_end.port, rfc2217=scheme == "rfc2217")

    async def use(modem: SmsModem) -> None:
        await modem.send(Sms(1, FARMER, HINDI, 7), lambda _, __: None)

    with served(handle) as port:
        with_modem(config(f"{scheme}://127.0.0.1:{port}"), use)
    assert [(sms.text, sms.complete) for sms in far_end.received] == [(HINDI, True)]


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_a_machine_that_hangs_up_is_noticed(far_end: ModemSimulator, scheme: str) -> None:
    connections: list[socket.socket] = []

    def handle(connection: socket.socket) -> None:
        connections.append(connection)
        relay(connection, far_end.port, rfc2217=scheme == "rfc2217")

    async def hung_up(modem: SmsModem) -> None:
        connections[0].shutdown(socket.SHUT_RDWR)
        with pytest.raises(ModemGone):
            await until_it_fails(modem)

    with served(handle) as port:
        with_modem(config(f"{scheme}://127.0.0.1:{port}"), hung_up)


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_nobody_is_there(scheme: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(ModemGone, match="other machine"):
            with_modem(config(f"{scheme}://127.0.0.1:{port}"), lambda modem: modem.check())


def test_a_scheme_that_does_not_exist() -> None:
    with pytest.raises(ConfigError, match="cannot be opened"):
        with_modem(config("nonsense://127.0.0.1:1"), lambda modem: modem.check())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('profile = "sim900"', "is none of auto, ec25, generic, sim7600, sim800"),
        ('profile = "/nowhere/mine.toml"', "cannot be read"),
        ('profile = "broken.toml"', "csms"),
    ],
)
def test_a_profile_that_cannot_be_used_is_met_at_the_door(
    tmp_path: Path, line: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    generic = (ROOT / "firmware_config" / "modems" / "generic.toml").read_text(encoding="utf-8")
    Path("broken.toml").write_text(generic.replace("csms = 0", "csms = 7"), encoding="utf-8")
    settings = load(write_config(tmp_path, tmp_path / "modem"))
    modem = parse(f'[modem]\nkind = "serial"\n{line}', "kiosk.toml").modem
    with pytest.raises(ConfigError, match=words):
        run(settings.model_copy(update={"modem": modem}))
